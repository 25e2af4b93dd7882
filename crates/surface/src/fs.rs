//! Surface files by path.

use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};

use laion_fmri_base::AtomicFile;

use crate::freesurfer::{self, FreeSurferError, LinearTransform, MghHeader};
use crate::gifti::{self, Gifti, GiftiError, GiftiMetadata, GiftiWriter};
use crate::label::{self, LabelError};
use crate::mesh::SurfaceMesh;

/// Reads the vertex indices of a FreeSurfer ASCII `.label` file.
///
/// [`gifti_surface::read_label`](crate::read_label) describes the format.
///
/// # Errors
///
/// If the file cannot be opened or is not such a file.
#[doc(alias = "load_freesurfer_label")]
pub fn read_label(path: impl AsRef<Path>) -> Result<Vec<u32>, ReadLabelError> {
    let path = path.as_ref();
    let file = File::open(path)
        .map_err(|source| ReadLabelError::Open { path: path.to_owned(), source })?;
    label::read_label(BufReader::new(file))
        .map_err(|source| ReadLabelError::Read { path: path.to_owned(), source })
}

/// Reads the data arrays of a GIFTI file.
///
/// [`gifti_surface::read_gifti`](crate::read_gifti) describes what is read.
///
/// # Errors
///
/// If the file cannot be opened or is not such a file.
#[doc(alias = "load_gifti_mask")]
pub fn read_gifti(path: impl AsRef<Path>) -> Result<Gifti, ReadGiftiError> {
    let path = path.as_ref();
    let file = File::open(path)
        .map_err(|source| ReadGiftiError::Open { path: path.to_owned(), source })?;
    gifti::read_gifti(BufReader::new(file))
        .map_err(|source| ReadGiftiError::Read { path: path.to_owned(), source })
}

/// Reads a FreeSurfer surface; [`gifti_surface::read_mesh`](crate::read_mesh) describes the format.
/// The counts are compared with the length of the file before anything is read.
///
/// # Errors
///
/// If the file cannot be opened or is not such a file.
#[doc(alias = "read_geometry")]
pub fn read_mesh(path: impl AsRef<Path>) -> Result<SurfaceMesh, ReadFreeSurferError> {
    read_freesurfer(path.as_ref(), freesurfer::read_sized_mesh)
}

/// Reads a FreeSurfer curvature file; [`gifti_surface::read_curvature`](crate::read_curvature)
/// describes the format. The counts are compared with the length of the file before anything is read.
///
/// # Errors
///
/// If the file cannot be opened or is not such a file.
#[doc(alias = "read_morph_data")]
pub fn read_curvature(path: impl AsRef<Path>) -> Result<Vec<f32>, ReadFreeSurferError> {
    read_freesurfer(path.as_ref(), freesurfer::read_sized_curvature)
}

/// Reads the header of a FreeSurfer volume, `.mgz` or `.mgh`.
///
/// # Errors
///
/// If the file cannot be opened or is not such a file.
pub fn read_mgh_header(path: impl AsRef<Path>) -> Result<MghHeader, ReadFreeSurferError> {
    read_freesurfer(path.as_ref(), |reader, _| freesurfer::read_mgh_header(reader))
}

/// Reads a linear transform, as one of the MNI format if the name ends in `.xfm`, else as `.lta`.
///
/// # Errors
///
/// If the file cannot be opened or is not such a file.
pub fn read_transform(path: impl AsRef<Path>) -> Result<LinearTransform, ReadFreeSurferError> {
    let path = path.as_ref();
    read_freesurfer(path, |reader, _| match path.extension() {
        Some(extension) if extension == "xfm" => freesurfer::read_xfm(reader),
        _ => freesurfer::read_lta(reader),
    })
}

/// Writes a GIFTI file of `n_arrays` arrays, which `fill` writes. It appears when it is complete.
///
/// ```
/// use gifti_surface::{GiftiMetadata, Hemisphere, fs};
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("map.func.gii");
/// let about = GiftiMetadata::new(Hemisphere::Left, "fsaverage");
/// fs::write_gifti(&path, &about, 1, |gifti| gifti.per_vertex("map", &[0.5, -1.0]))?;
/// assert_eq!(fs::read_gifti(&path)?.first()?.to_f32(), [0.5, -1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// What `fill` answers; those of the system when the file cannot be written.
pub fn write_gifti<E: From<io::Error>>(
    path: impl AsRef<Path>,
    about: &GiftiMetadata,
    n_arrays: usize,
    fill: impl FnOnce(&mut GiftiWriter<BufWriter<&mut AtomicFile>>) -> Result<(), E>,
) -> Result<(), E> {
    let mut file = AtomicFile::create(path)?;
    let mut gifti = GiftiWriter::new(BufWriter::new(&mut file), about, n_arrays)?;
    fill(&mut gifti)?;
    gifti.finish()?;
    Ok(file.commit()?)
}

fn read_freesurfer<T>(
    path: &Path,
    read: impl FnOnce(BufReader<File>, Option<u64>) -> Result<T, FreeSurferError>,
) -> Result<T, ReadFreeSurferError> {
    let open = || {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        // A pipe has no length.
        Ok((file, metadata.is_file().then_some(metadata.len())))
    };
    let (file, size) =
        open().map_err(|source| ReadFreeSurferError::Open { path: path.to_owned(), source })?;
    read(BufReader::with_capacity(64 * 1024, file), size)
        .map_err(|source| ReadFreeSurferError::Read { path: path.to_owned(), source })
}

/// Why a file of FreeSurfer could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadFreeSurferError {
    /// The file could not be opened.
    #[error("FreeSurfer file {} could not be opened", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The content could not be read.
    #[error("FreeSurfer file {} could not be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What went wrong, and where.
        source: FreeSurferError,
    },
}

/// Why a label file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadLabelError {
    /// The file could not be opened.
    #[error("label file {} could not be opened", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The content could not be read.
    #[error("label file {} could not be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What went wrong, and in which line.
        source: LabelError,
    },
}

/// Why a GIFTI file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadGiftiError {
    /// The file could not be opened.
    #[error("GIFTI file {} could not be opened", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The content could not be read.
    #[error("GIFTI file {} could not be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What went wrong, in which array or at which byte.
        source: GiftiError,
    },
}
