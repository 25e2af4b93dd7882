//! Where the records of a mirror lie.

use std::path::{Path, PathBuf};

use s3_mirror::Inventory;

use crate::config::STATE_DIR;
use crate::{Error, Result};

fn directory(root: &Path) -> PathBuf {
    root.join(STATE_DIR).join("inventory")
}

/// The records of the root that is written to.
#[cfg(feature = "download")]
pub(crate) fn of_writable(root: &Path) -> Result<Inventory> {
    let directory = directory(root);
    Inventory::open(&directory).map_err(Error::io("read the inventory", directory))
}

/// The records of a root that nothing is written into.
pub(crate) fn of_shared(root: &Path) -> Result<Inventory> {
    let directory = directory(root);
    Inventory::read(&directory).map_err(Error::io("read the inventory", directory))
}
