//! What can be wrong on the way to a surface or a template: [`TemplateError`].

use std::path::PathBuf;

use gifti_surface::FreeSurferError;
use gifti_surface::fs::ReadFreeSurferError;
use laion_fmri_base::{agreeing, counted};

use super::{Error, ErrorKind};
use crate::Hemisphere;
use crate::template::Density;

/// A surface or a template that values cannot be taken to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// A depth that lies nowhere near the cortex.
    #[error(
        "depth {got} (expected a share of the way from the white surface, 0, to the pial one, 1)"
    )]
    Depth {
        /// The depth as given.
        got: f64,
    },
    /// No depth was given.
    #[error("no depth is given (expected at least one)")]
    NoDepth,
    /// Values that do not fit the vertices of the subject's surface.
    #[error(
        "there {} {}, but {} has {}",
        agreeing(*got, "is", "are"),
        counted(*got, "value"),
        path.display(),
        counted(*expected, "vertex")
    )]
    VertexValues {
        /// The surface.
        path: PathBuf,
        /// The number of its vertices.
        expected: usize,
        /// The number of values.
        got: usize,
    },
    /// A file of FreeSurfer that cannot be read.
    #[error(transparent)]
    File(#[from] ReadFreeSurferError),
    /// A file was made from a volume that lies elsewhere than that of the subject.
    #[error(
        "{} belongs to another volume than {}: they lie up to {difference:.3} mm apart",
        path.display(),
        reference.display()
    )]
    OtherVolume {
        /// The surface or transform.
        path: PathBuf,
        /// The volume of the subject.
        reference: PathBuf,
        /// How far the corners of the two volumes lie apart, in mm; infinite if they have different
        /// numbers of voxels.
        difference: f64,
    },
    /// Neither the surface nor a volume of the subject says where its coordinates begin.
    #[error("nothing says where {} lies: neither the file nor a volume of the subject", path.display())]
    NoPlace {
        /// The surface.
        path: PathBuf,
    },
    /// No vertex of a surface lies in the grid of the betas.
    #[error("no vertex of {} lies on the grid of {}", path.display(), reference.display())]
    OffGrid {
        /// The surface.
        path: PathBuf,
        /// The file of the grid.
        reference: PathBuf,
    },
    /// A transform does not say where its template lies.
    #[error("{} does not say where the volume lies that it leads to", path.display())]
    NoDestination {
        /// The transform.
        path: PathBuf,
    },
    /// A vertex of a sphere lies in its centre.
    #[error("{} is no sphere around 0: vertex {vertex} lies there", path.display())]
    NotASphere {
        /// The sphere.
        path: PathBuf,
        /// The vertex.
        vertex: usize,
    },
    /// The sphere of fsaverage is in none of the places.
    #[error(
        "there is no sphere of {} for hemisphere {hemisphere} (looked for it in {})",
        density.freesurfer(),
        places(looked_in)
    )]
    NoFsaverage {
        /// The hemisphere.
        hemisphere: Hemisphere,
        /// How many vertices are wanted.
        density: Density,
        /// The folders that were looked through.
        looked_in: Vec<PathBuf>,
    },
    /// A sphere of fsaverage has fewer vertices than wanted.
    #[error("{} has {} (expected {expected} or more)", path.display(), counted(*got, "vertex"))]
    Coarse {
        /// The sphere.
        path: PathBuf,
        /// The vertices that are wanted.
        expected: usize,
        /// Those that it has.
        got: usize,
    },
}

impl TemplateError {
    /// What the failure means for the caller.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Depth { .. } | Self::NoDepth | Self::VertexValues { .. } => ErrorKind::Usage,
            Self::NoFsaverage { .. } => ErrorKind::NotThere,
            Self::File(ReadFreeSurferError::Read { source, .. })
                if !matches!(source, FreeSurferError::Io { .. }) =>
            {
                ErrorKind::Integrity
            }
            Self::File(_) => ErrorKind::Other,
            Self::OtherVolume { .. }
            | Self::NoPlace { .. }
            | Self::OffGrid { .. }
            | Self::NoDestination { .. }
            | Self::NotASphere { .. }
            | Self::Coarse { .. } => ErrorKind::Integrity,
        }
    }
}

impl From<TemplateError> for Error {
    fn from(error: TemplateError) -> Self {
        Self::Template(Box::new(error))
    }
}

impl From<ReadFreeSurferError> for Error {
    fn from(error: ReadFreeSurferError) -> Self {
        TemplateError::from(error).into()
    }
}

fn places(looked_in: &[PathBuf]) -> String {
    let shown = looked_in.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
    shown.join(", ")
}
