//! Which version of an object is being fetched: [`Version`], and why that can fail.

use laion_fmri_base::Sha256;

use super::TransferError;
use crate::digest::{self, Claims, Mismatch};
use crate::get::{Failure, error_of, is_strong};
use crate::{Check, Checksum, PlanItem, Store, listing};

/// Size and entity tag of an object, as listed first, and as the server says later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) size: u64,
    /// A strong tag; without one nothing can be continued.
    pub(super) etag: Option<String>,
    /// Whether the server says that the tag is no digest, whatever it looks like.
    pub(super) opaque: bool,
    /// The checksums that the store keeps of it, as far as they are known.
    pub(super) checksums: Vec<Checksum>,
    /// Whether the store was asked for them.
    pub(super) asked: bool,
    /// Whether bytes came that do not have the best of them.
    pub(super) doubted: bool,
    /// The SHA-256 of bytes that came before and were found damaged.
    pub(super) before: Option<Sha256>,
}

/// Why an attempt at a version ended.
#[derive(Debug)]
pub(super) enum VersionError {
    /// The object is another one now.
    Changed,
    /// The bytes, of which this is the SHA-256 if it was computed, are not what the tag, or the file format, says: fetched
    /// again, they may be.
    Corrupt(TransferError, Option<Box<Sha256>>),
    /// This object cannot be had.
    Failed(TransferError),
}

impl Version {
    pub(super) fn listed(item: &PlanItem) -> Self {
        Self::new(item.size, item.etag.clone())
    }

    fn new(size: u64, etag: Option<String>) -> Self {
        let etag = etag.filter(|etag| is_strong(etag));
        let (opaque, asked, doubted) = (false, false, false);
        Self { size, etag, opaque, checksums: Vec::new(), asked, doubted, before: None }
    }

    /// What the bytes can be compared with.
    pub(super) fn claims(&self, part_size: Option<u64>) -> Claims<'_> {
        let (checksums, size, doubted) = (&self.checksums, self.size, self.doubted);
        let etag = self.etag.as_deref().filter(|_| !self.opaque);
        Claims { etag, checksums, size, part_size, doubted }
    }

    /// Notes that an attempt at it failed: another one may be right, or show which of the digests is
    /// wrong.
    pub(super) fn was_corrupt(&mut self, error: &TransferError, sha256: Option<Sha256>) {
        self.before = sha256;
        self.doubted |=
            matches!(error, TransferError::Checksum { check, .. } if *check != Check::ETag);
    }

    /// Whether the bytes can be compared with the tag.
    pub(super) fn has_digest(&self) -> bool {
        !self.opaque && self.etag.as_deref().is_some_and(digest::is_digest)
    }

    /// What the server says now, if it is another version.
    ///
    /// # Errors
    ///
    /// [`TransferError::SizeMismatch`] when the tag is the same and the size is not, or when there
    /// is no tag to decide by: then the listing and the server contradict each other.
    pub(super) async fn again(&self, store: &Store, item: &PlanItem) -> Result<Self, VersionError> {
        let found = listing::head(store, &item.key).await.map_err(TransferError::from)?;
        let Some(found) = found else {
            let (location, key) = (store.name().to_owned(), item.key.to_string());
            return Err(TransferError::from(crate::Error::NotFound { location, key }).into());
        };
        let new = Self::new(found.size, found.etag);
        let same_tag = new.etag.is_none() || new.etag == self.etag || self.etag.is_none();
        if same_tag && new.size != self.size {
            let (expected, got) = (self.size, new.size);
            return Err(TransferError::SizeMismatch { expected, got }.into());
        }
        Ok(new)
    }

    /// Learns the tag that the server gives to what was listed without one.
    ///
    /// # Errors
    ///
    /// As [`again`](Self::again), for an object of another size.
    pub(super) async fn learn(
        &mut self,
        store: &Store,
        item: &PlanItem,
    ) -> Result<(), TransferError> {
        match self.again(store, item).await {
            Ok(found) => {
                *self = found;
                Ok(())
            }
            Err(VersionError::Failed(error) | VersionError::Corrupt(error, _)) => Err(error),
            Err(VersionError::Changed) => Err(TransferError::KeepsChanging),
        }
    }

    /// Compares the version with an answer, and learns its tag if it had none, and its checksums.
    pub(super) fn settle(
        &mut self,
        size: u64,
        etag: Option<String>,
        checksums: Vec<Checksum>,
    ) -> Result<(), VersionError> {
        let etag = etag.filter(|etag| is_strong(etag));
        if size != self.size {
            return Err(VersionError::Changed);
        }
        if self.etag.is_none() {
            self.etag = etag;
        }
        if !checksums.is_empty() {
            self.checksums = checksums;
        }
        Ok(())
    }
}

impl From<TransferError> for VersionError {
    fn from(error: TransferError) -> Self {
        Self::Failed(error)
    }
}

impl From<Failure> for VersionError {
    fn from(failure: Failure) -> Self {
        match error_of(failure) {
            None => Self::Changed,
            Some(error) => Self::Failed(error.into()),
        }
    }
}

impl From<Mismatch> for VersionError {
    fn from(mismatch: Mismatch) -> Self {
        let sha256 = mismatch.sha256().map(Box::new);
        let error = match mismatch {
            Mismatch::Checksum { check, expected, got, .. } => {
                TransferError::Checksum { check, expected, got }
            }
            Mismatch::Sha256 { expected, got } => TransferError::Sha256 { expected, got },
            Mismatch::Damaged { source, .. } => TransferError::Damaged { source },
        };
        Self::Corrupt(error, sha256)
    }
}
