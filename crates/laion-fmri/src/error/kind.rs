//! What a failure means for the caller.

use std::io;
use std::path::PathBuf;

use gifti_surface::fs::{ReadGiftiError, ReadLabelError};
use gifti_surface::{GiftiError, LabelError};

use super::Error;
use crate::files::InputError;
use crate::{TableError, TrialTableError};

/// What a failure means for the caller; the command line turns it into an exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request itself cannot be met: unknown names, conflicting options, no data directory.
    Usage,
    /// Nothing matched, or the data are not in the mirror.
    #[doc(alias = "DataNotFoundError")]
    NotThere,
    /// A file is damaged, or files that belong together do not fit.
    Integrity,
    /// A licence or an access request is missing.
    Access,
    /// The caller stopped the operation.
    Cancelled,
    /// Everything else: the network, the disk, permissions.
    Other,
}

impl Error {
    /// Whether a file is just not there, on disk or in the bucket.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::DataNotDownloaded { .. } | Self::Input(InputError::NotInBucket { .. }))
    }

    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    /// What the failure means for the caller.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::DataDirNotSet
            | Self::DataDirUnusable { .. }
            | Self::Config { .. }
            | Self::NoConfigDir
            | Self::SubjectNotFound { .. }
            | Self::InvalidSession { .. }
            | Self::UnknownRoi { .. }
            | Self::MaskLength { .. }
            | Self::MaskAxis { .. }
            | Self::VoxelAxis { .. }
            | Self::TrialOutOfRange { .. }
            | Self::GlobalTrialOutOfRange { .. }
            | Self::ValuesLength { .. }
            | Self::Split(_)
            | Self::MemoryLimit { .. }
            | Self::Contradiction(_)
            | Self::InvalidValue { .. }
            | Self::UnknownName(_)
            | Self::UnknownField(_)
            | Self::EntityKey(_)
            | Self::NoSuchImage { .. }
            | Self::NothingNamed { .. }
            | Self::NamedTwice { .. }
            | Self::RoiSyntax { .. }
            | Self::OutOfRange { .. }
            | Self::DoesNotFit { .. }
            | Self::UnsupportedFormat { .. }
            | Self::FileName(_) => ErrorKind::Usage,
            #[cfg(feature = "download")]
            Self::Location(_) => ErrorKind::Usage,
            Self::DataNotDownloaded { .. }
            | Self::LocalCopyNeeded { .. }
            | Self::StimuliNotDownloaded { .. }
            | Self::NothingToVerify { .. }
            | Self::Offline { .. } => ErrorKind::NotThere,
            #[cfg(feature = "download")]
            Self::NoMatchingData { .. }
            | Self::NothingToAdopt { .. }
            | Self::NotTheDataset { .. } => ErrorKind::NotThere,
            Self::LicenseNotAccepted { .. } => ErrorKind::Access,
            Self::TrialTable {
                source: TrialTableError::Table(TableError::MissingColumn { .. }),
                ..
            } => ErrorKind::Usage,
            Self::GridMismatch { .. }
            | Self::TrialCountMismatch { .. }
            | Self::StimulusMetadata { .. }
            | Self::TrialTable { .. }
            | Self::EventTable { .. }
            | Self::EventValue(_)
            | Self::VertexMismatch { .. } => ErrorKind::Integrity,
            Self::Gifti(ReadGiftiError::Read { source, .. })
                if !matches!(source, GiftiError::Io { .. }) =>
            {
                ErrorKind::Integrity
            }
            Self::Label(ReadLabelError::Read { source, .. })
                if !matches!(source, LabelError::Io { .. }) =>
            {
                ErrorKind::Integrity
            }
            Self::Nifti(error) if is_about_content(error) => ErrorKind::Integrity,
            Self::Stimuli(error) => stimuli_kind(error),
            #[cfg(feature = "download")]
            Self::Access(error) => error.kind(),
            Self::Extract(error) => error.kind(),
            Self::Store(error) => error.kind(),
            Self::Template(error) => error.kind(),
            Self::Input(error) => error.kind(),
            #[cfg(feature = "download")]
            Self::Object(error) => crate::remote::object::kind(error),
            #[cfg(feature = "download")]
            Self::Incomplete(error) if error.stop == Some(s3_mirror::Stop::Cancelled) => {
                ErrorKind::Cancelled
            }
            #[cfg(feature = "download")]
            Self::Incomplete(error) if error.is_withheld() => ErrorKind::NotThere,
            #[cfg(feature = "download")]
            Self::Mirror(_) | Self::Transfer { .. } | Self::Incomplete(_) | Self::Plan(_) => {
                ErrorKind::Other
            }
            Self::Cancelled => ErrorKind::Cancelled,
            Self::Nifti(_)
            | Self::Gifti(_)
            | Self::Label(_)
            | Self::Export(_)
            | Self::OutOfMemory { .. }
            | Self::Space(_)
            | Self::Thread { .. }
            | Self::Io { .. } => ErrorKind::Other,
        }
    }
}

/// Whether a file is not what it has to be, as against a disk or a caller that failed.
fn is_about_content(error: &nifti_stream::Error) -> bool {
    use nifti_stream::Error as Nifti;
    !matches!(
        error.innermost(),
        Nifti::Open { .. }
            | Nifti::Read { .. }
            | Nifti::AlreadyFailed
            | Nifti::Write { .. }
            | Nifti::Cancelled { .. }
            | Nifti::Selection(_)
            | Nifti::SelectionShape { .. }
            | Nifti::RowLength { .. }
            | Nifti::OutputShape { .. }
            | Nifti::RowOutOfRange { .. }
            | Nifti::RowsNotAscending { .. }
            | Nifti::DataLength { .. }
            | Nifti::VolumeCount { .. }
    )
}

fn stimuli_kind(error: &laion_fmri_stimuli::Error) -> ErrorKind {
    use laion_fmri_stimuli::Error as Stimuli;
    match error {
        Stimuli::Open { .. } => ErrorKind::Other,
        Stimuli::RowOutOfRange { .. }
        | Stimuli::UnknownImage { .. }
        | Stimuli::UnknownMask { .. }
        | Stimuli::ModelNotOpen { .. } => ErrorKind::Usage,
        Stimuli::InvalidEmbedding { .. } => ErrorKind::NotThere,
        _ => ErrorKind::Integrity,
    }
}
