//! Errors of parsing and of small values, so that `?` takes them.

use nifti_stream::SelectionError;

use super::Error;

impl From<bids_names::InvalidSubjectId> for Error {
    fn from(error: bids_names::InvalidSubjectId) -> Self {
        Self::SubjectNotFound { got: error.got, available: Vec::new() }
    }
}

impl From<bids_names::InvalidSessionId> for Error {
    fn from(error: bids_names::InvalidSessionId) -> Self {
        Self::InvalidSession { got: error.got }
    }
}

impl From<SelectionError> for Error {
    fn from(error: SelectionError) -> Self {
        Self::Nifti(error.into())
    }
}
