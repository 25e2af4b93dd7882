//! Names, locations and errors for `serde`: all of them are texts.
#![cfg(feature = "serde")]

#[cfg(feature = "network")]
use laion_fmri_base::with_causes;
#[cfg(feature = "network")]
use serde::{Serialize, Serializer};

use crate::{Checksum, Key, RelativePath};
#[cfg(feature = "network")]
use crate::{Location, TransferError};

laion_fmri_base::serde_as_text!(Checksum, Key, RelativePath);
#[cfg(feature = "network")]
laion_fmri_base::serde_as_text!(Location);

/// The message, with those of the errors below it.
#[cfg(feature = "network")]
impl Serialize for TransferError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&with_causes(self))
    }
}

/// Writes an error as its message, with those of the errors below it.
#[cfg(feature = "network")]
pub(crate) fn message<S: Serializer>(
    error: &crate::error::Source,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&with_causes(error.as_ref()))
}
