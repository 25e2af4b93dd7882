//! Names, locations and errors for `serde`: all of them are texts.
#![cfg(feature = "serde")]

use std::error::Error;

use serde::{Serialize, Serializer};

use crate::{Key, Location, RelativePath, TransferError};

laion_fmri_base::serde_as_text!(Key, RelativePath, Location);

/// The message, with those of the errors below it.
impl Serialize for TransferError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&chain(self))
    }
}

/// Writes an error as its message, with those of the errors below it.
pub(crate) fn message<S: Serializer>(
    error: &crate::error::Source,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&chain(error.as_ref()))
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}
