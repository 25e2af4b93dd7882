//! The same by path: every error names the file, and outputs appear only when complete.

use std::fs::File;
use std::io::BufWriter;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ndarray::ArrayViewMut2;

use crate::error::Error;
use crate::grid::Grid;
use crate::header::{Header, Spatial};
use crate::rows::RowSelection;
use crate::selection::VoxelSelection;
use crate::sparse::{MaskReader, SetVoxels};
use crate::volume::Volume;
use crate::volumes::{Progress, VolumeReader};
use crate::write::{Compression, Sample};

/// A [`VolumeReader`] over a file whose errors name that file.
#[derive(Debug)]
pub struct VolumeFile {
    path: PathBuf,
    reader: VolumeReader<File>,
}

impl VolumeFile {
    /// Opens a 4-D file and reads its header.
    ///
    /// # Errors
    ///
    /// [`Error::File`] around the errors of [`VolumeReader::new`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let reader = named(path, open(path).and_then(VolumeReader::new))?;
        Ok(Self { path: path.to_path_buf(), reader })
    }

    /// The path as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        self.reader.header()
    }

    /// The spatial grid of every volume.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        self.reader.grid()
    }

    /// Length of the fourth axis.
    #[must_use]
    pub fn n_volumes(&self) -> usize {
        self.reader.n_volumes()
    }

    /// The volume that comes next; `n_volumes` after the last.
    #[must_use]
    pub fn position(&self) -> usize {
        self.reader.position()
    }

    /// See [`VolumeReader::read_row`].
    ///
    /// # Errors
    ///
    /// [`Error::File`] around its errors.
    pub fn read_row(
        &mut self,
        selection: &VoxelSelection,
        row: &mut [f32],
    ) -> Result<Option<usize>, Error> {
        named(&self.path, self.reader.read_row(selection, row))
    }

    /// See [`VolumeReader::skip_volume`].
    ///
    /// # Errors
    ///
    /// [`Error::File`] around its errors.
    pub fn skip_volume(&mut self) -> Result<Option<usize>, Error> {
        named(&self.path, self.reader.skip_volume())
    }

    /// See [`VolumeReader::read_rows`].
    ///
    /// # Errors
    ///
    /// [`Error::File`] around its errors.
    pub fn read_rows(
        self,
        selection: &VoxelSelection,
        rows: &RowSelection,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), Error> {
        named(&self.path, self.reader.read_rows(selection, rows, out))
    }

    /// See [`VolumeReader::read_rows_with`].
    ///
    /// # Errors
    ///
    /// [`Error::File`] around its errors.
    pub fn read_rows_with(
        self,
        selection: &VoxelSelection,
        rows: &RowSelection,
        out: ArrayViewMut2<'_, f32>,
        observe: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        named(&self.path, self.reader.read_rows_with(selection, rows, out, observe))
    }

    /// See [`VolumeReader::finish`].
    ///
    /// # Errors
    ///
    /// [`Error::File`] around its errors.
    pub fn finish(self) -> Result<(), Error> {
        named(&self.path, self.reader.finish())
    }
}

/// Reads the header of a file. See [`Header::read`].
///
/// # Errors
///
/// [`Error::File`] around its errors.
pub fn read_header(path: impl AsRef<Path>) -> Result<Header, Error> {
    let path = path.as_ref();
    named(path, open(path).and_then(Header::read))
}

/// Reads a 3-D file. See [`read_volume`](crate::read_volume).
///
/// # Errors
///
/// [`Error::File`] around its errors.
pub fn read_volume(path: impl AsRef<Path>) -> Result<Volume, Error> {
    let path = path.as_ref();
    named(path, open(path).and_then(crate::volume::read_volume))
}

/// Reads a 3-D file as a mask. See [`read_set_voxels`](crate::read_set_voxels).
///
/// # Errors
///
/// [`Error::File`] around its errors.
pub fn read_set_voxels(path: impl AsRef<Path>) -> Result<SetVoxels, Error> {
    let path = path.as_ref();
    named(path, open(path).and_then(crate::sparse::read_set_voxels))
}

impl MaskReader {
    /// Reads a 3-D file as a mask. See [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// [`Error::File`] around its errors.
    pub fn read_file(&mut self, path: impl AsRef<Path>) -> Result<SetVoxels, Error> {
        let path = path.as_ref();
        named(path, open(path).and_then(|file| self.read(file)))
    }
}

/// Reads chosen voxels of a 3-D file. See [`read_voxels`](crate::read_voxels).
///
/// # Errors
///
/// [`Error::File`] around its errors.
pub fn read_voxels(
    path: impl AsRef<Path>,
    selection: &VoxelSelection,
) -> Result<(Header, Vec<f32>), Error> {
    let path = path.as_ref();
    named(path, open(path).and_then(|file| crate::sparse::read_voxels(file, selection)))
}

/// Writes a 3-D file, gzipped when the name ends in `.gz`. See
/// [`write_volume`](crate::write_volume).
///
/// The data go to a temporary file in the same directory, which is renamed when it is complete and
/// on disk: an existing file is replaced then or not at all, and an error leaves nothing behind.
///
/// # Errors
///
/// [`Error::File`] around its errors.
pub fn write_volume<T: Sample>(
    path: impl AsRef<Path>,
    spatial: &Spatial,
    shape: [usize; 3],
    data: &[T],
) -> Result<(), Error> {
    let path = path.as_ref();
    let gzipped = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    let compression = if gzipped { Compression::Gzip } else { Compression::None };
    named(path, write_then_rename(path, spatial, shape, data, compression))
}

fn write_then_rename<T: Sample>(
    path: &Path,
    spatial: &Spatial,
    shape: [usize; 3],
    data: &[T],
    compression: Compression,
) -> Result<(), Error> {
    let failed = |source| Error::Write { source };
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".nifti-").suffix(".part");
    // Temporary files are private by default; this one becomes the output, under the usual umask.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(directory).map_err(failed)?;
    let writer = BufWriter::new(file.as_file());
    crate::write::write_volume(writer, spatial, shape, data, compression)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

fn open(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(|source| Error::Open { source })
}

fn named<T>(path: &Path, result: Result<T, Error>) -> Result<T, Error> {
    result.map_err(|error| error.in_file(path))
}
