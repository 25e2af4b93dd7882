//! In place of `objects` in a build that never reads a bucket: there is no value of these types.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::PathBuf;

use laion_fmri_base::Sha256;

use super::{Input, Located};
use crate::{Cancel, Result};

/// What a bucket would list of an object.
pub(super) type Object = Infallible;

/// The objects of a bucket.
#[derive(Debug)]
pub(crate) enum Objects {}

impl Objects {
    pub(super) fn find(&self, _: &str) -> Option<Located> {
        match *self {}
    }

    pub(super) fn find_unlisted(&self, _: &str) -> Result<Option<Located>> {
        match *self {}
    }

    pub(super) fn reads(&self, _: &str) -> bool {
        match *self {}
    }

    pub(super) fn name(&self, _: &str) -> PathBuf {
        match *self {}
    }

    pub(super) fn subdirectories(&self, _: &str) -> BTreeSet<String> {
        match *self {}
    }

    pub(super) fn files(&self, _: &str) -> BTreeSet<String> {
        match *self {}
    }

    pub(super) fn files_unlisted(&self, _: &str) -> Result<BTreeSet<String>> {
        match *self {}
    }

    pub(super) fn stream(&self, _: &Located, _: &Cancel, _: Option<Sha256>) -> Result<Input> {
        match *self {}
    }

    pub(super) fn fetch_ahead(&self, _: &Located, _: &Cancel, _: Option<Sha256>) {
        match *self {}
    }

    pub(super) fn forget_ahead(&self, _: &Located) {
        match *self {}
    }

    pub(super) fn open_small(&self, _: &Located, _: &Cancel) -> Result<Input> {
        match *self {}
    }

    pub(super) fn fetch(&self, _: &[&Located], _: &Cancel) -> Result<()> {
        match *self {}
    }
}
