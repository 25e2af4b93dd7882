//! Reading and writing by path: every error names the file, and outputs appear only when complete.

mod index;
mod index_builder;
mod indexed;
mod pipelined;
mod plain;
mod strategy;

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use laion_fmri_base::AtomicFile;
use ndarray::ArrayViewMut2;

use self::index::{Identity, Index, IndexWriter};
pub use self::index_builder::{ArrivingVolumes, IndexBuilder};
use self::indexed::Request;
use self::strategy::{Situation, Strategy};
use crate::error::Error;
use crate::grid::Grid;
use crate::gz::CHUNK_BYTES;
use crate::header::{Header, Spatial};
use crate::rows::RowSelection;
use crate::selection::VoxelSelection;
use crate::source::Source;
use crate::sparse::{MaskReader, SetVoxels};
use crate::target::Target;
use crate::volume::Volume;
use crate::volumes::{Progress, VolumeReader};
use crate::write::{Compression, Sample, VolumeWriter};

/// A [`VolumeReader`] over a file whose errors name that file. Reading consumes it, as a stream can be
/// read once: open the file again for the next read, with the same index.
#[derive(Debug)]
pub struct VolumeFile {
    path: PathBuf,
    reader: VolumeReader<File>,
    threads: NonZeroUsize,
    index: Option<PathBuf>,
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
        Ok(Self { path: path.to_path_buf(), reader, threads: NonZeroUsize::MIN, index: None })
    }

    /// Lets [`read_rows`](Self::read_rows) use this many threads; one by default, and 0 is one. The
    /// values never depend on their number.
    ///
    /// With an index, the threads read volumes of a gzipped file in parallel, and each takes less
    /// than 1 MiB and a few rows. Without an index they inflate the first pass together, if they
    /// can find blocks in the file; each thread beyond the first then takes less than 40 MiB.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
        self
    }

    /// Lets [`read_rows`](Self::read_rows) use the index in this file, and make it.
    ///
    /// A gzipped file can only be read from its start. An index holds places to start from, about
    /// one in each volume, and the CRC-32 of every volume, which an indexed read checks. It is
    /// bound to the length, the start and the trailer of its file. If it is missing, is damaged or
    /// belongs to another file, the next pass over the whole file silently makes it again. An index
    /// that cannot be written is only a debug event. It takes less than 32 KiB per volume, usually
    /// a tenth of that.
    #[must_use]
    pub fn with_index(mut self, index: impl Into<PathBuf>) -> Self {
        self.index = Some(index.into());
        self
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
    /// [`Error::File`] around its errors, except [`Error::RowLength`].
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

    /// See [`VolumeReader::read_rows`]. Of an uncompressed file only the needed spans are read.
    ///
    /// # Errors
    ///
    /// [`Error::File`] around its errors, except [`Error::OutputShape`] and [`Error::RowsNotAscending`].
    pub fn read_rows(
        self,
        selection: &VoxelSelection,
        rows: &RowSelection,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), Error> {
        self.read_rows_with(selection, rows, out, |_| ControlFlow::Continue(()))
    }

    /// See [`VolumeReader::read_rows_with`]. Where volumes can be skipped, `observe` hears of those
    /// that are read alone.
    ///
    /// # Errors
    ///
    /// [`Error::File`] around its errors, except [`Error::OutputShape`] and [`Error::RowsNotAscending`].
    pub fn read_rows_with(
        mut self,
        selection: &VoxelSelection,
        rows: &RowSelection,
        out: ArrayViewMut2<'_, f32>,
        mut observe: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let result = self.read(selection, rows, &mut Target::array(out), &mut observe);
        named(&self.path, result)
    }

    /// See [`VolumeReader::for_each_row`]. With several threads a few rows are in memory at a time;
    /// `take` is always called from the calling thread.
    ///
    /// # Errors
    ///
    /// [`Error::File`] around its errors, except [`Error::OutputShape`] and [`Error::RowsNotAscending`].
    pub fn for_each_row(
        self,
        selection: &VoxelSelection,
        rows: &RowSelection,
        take: impl FnMut(usize, &[f32]) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.for_each_row_with(selection, rows, take, |_| ControlFlow::Continue(()))
    }

    /// See [`VolumeReader::for_each_row_with`]; `observe` hears what it hears in
    /// [`read_rows_with`](Self::read_rows_with).
    ///
    /// # Errors
    ///
    /// [`Error::File`] around its errors, except [`Error::OutputShape`] and [`Error::RowsNotAscending`].
    pub fn for_each_row_with(
        mut self,
        selection: &VoxelSelection,
        rows: &RowSelection,
        mut take: impl FnMut(usize, &[f32]) -> ControlFlow<()>,
        mut observe: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut target = Target::taker(selection.len(), &mut take);
        let result = self.read(selection, rows, &mut target, &mut observe);
        named(&self.path, result)
    }

    /// Makes the index of a gzipped file unless it is there: one pass over the file, which also
    /// verifies it. Returns whether the file has an index then; a file that is not gzipped has not.
    ///
    /// # Errors
    ///
    /// [`Error::Output`] around [`Error::Write`] for the index; [`Error::File`] around the errors of
    /// [`finish`](Self::finish). [`Error::Cancelled`] when `observe` breaks before a volume.
    pub fn make_index(
        mut self,
        index: impl AsRef<Path>,
        mut observe: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<bool, Error> {
        let index = index.as_ref();
        let result = self.try_make_index(index, &mut observe);
        result.map_err(|error| match error {
            Error::Write { .. } => error.in_output(index),
            error => error.in_file(&self.path),
        })
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

impl VolumeFile {
    fn read(
        &mut self,
        selection: &VoxelSelection,
        rows: &RowSelection,
        target: &mut Target<'_>,
        observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.reader.check_request(selection, rows, target.shape())?;
        let (volumes, codec) = (self.reader.layout(), self.reader.header().codec());
        let (is_fresh, is_gzip) = (self.reader.position() == 0, self.reader.is_gzip());
        let (path, threads) = (self.path.clone(), self.threads.get());
        // An index is used, and made, only from the start of a stream.
        let index_file = match self.index.clone().filter(|_| is_fresh && is_gzip) {
            Some(index) => {
                Some((index, Identity::of(&path).map_err(|source| Error::Open { source })?))
            }
            None => None,
        };
        let index = index_file.as_ref().and_then(|(index_path, identity)| {
            let index = Index::open(index_path, identity, &volumes)?;
            self.reader.fits(index.header_crc()).then_some((index, index_path))
        });
        let mut situation = Situation {
            is_fresh,
            is_gzip,
            index: index.as_ref(),
            is_partial: rows.count(self.reader.n_volumes()) < self.reader.n_volumes(),
            has_voxels: !selection.is_empty(),
            may_inflate_in_parallel: is_gzip,
            threads,
        };
        let pipelined = loop {
            match strategy::choose(situation) {
                Strategy::Spans => {
                    return plain::read_rows(
                        &path, volumes, codec, selection, rows, target, observe,
                    );
                }
                Strategy::Indexed((index, index_path)) => {
                    let n_voxels = self.reader.grid().n_voxels();
                    let path = &path;
                    let request = Request {
                        path,
                        index,
                        index_path,
                        volumes,
                        codec,
                        n_voxels,
                        selection,
                        rows,
                        threads,
                    };
                    if indexed::read_rows(request, target, observe)? {
                        return Ok(());
                    }
                    situation.index = None;
                }
                Strategy::ParallelInflate { pipelined } if self.inflate_in_parallel() => {
                    break pipelined;
                }
                Strategy::ParallelInflate { .. } => situation.may_inflate_in_parallel = false,
                Strategy::Pipelined => break true,
                Strategy::SingleThread => break false,
            }
        };
        let missing = index_file.as_ref().filter(|_| situation.index.is_none());
        let new_index = missing.and_then(|(index_path, identity)| {
            self.start_index(index_path, *identity).map(|writer| (writer, index_path))
        });
        let second_thread = match pipelined {
            true => pipelined::read_rows(&mut self.reader, selection, rows, target, observe),
            false => None,
        };
        // The system may refuse a second thread.
        second_thread.unwrap_or_else(|| self.reader.read_all(selection, rows, target, observe))?;
        if let Some((writer, index_path)) = new_index {
            match self.finish_index(writer) {
                Ok(points) => tracing::debug!(points, index = %index_path.display(), "index made"),
                Err(error) => tracing::debug!(%error, index = %index_path.display(), "no index"),
            }
        }
        Ok(())
    }

    fn try_make_index(
        &mut self,
        path: &Path,
        observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<bool, Error> {
        if !self.reader.is_gzip() {
            return Ok(false);
        }
        let identity = Identity::of(&self.path).map_err(|source| Error::Open { source })?;
        let found = Index::open(path, &identity, &self.reader.layout());
        if found.is_some_and(|index| self.reader.fits(index.header_crc())) {
            return Ok(true);
        }
        if self.threads.get() > 1 && self.reader.position() == 0 {
            self.inflate_in_parallel();
        }
        let failed = |source| Error::Write { source };
        let (writer, points) =
            IndexWriter::create(path, identity, self.reader.layout()).map_err(failed)?;
        self.reader.collect(points);
        let nothing = VoxelSelection::new(self.reader.grid().shape(), Vec::new())?;
        let mut dropped = |_: usize, _: &[f32]| ControlFlow::Continue(());
        let mut target = Target::taker(0, &mut dropped);
        let no_rows = RowSelection::Rows(Vec::new());
        self.reader.read_all(&nothing, &no_rows, &mut target, observe)?;
        self.finish_index(writer).map_err(failed)?;
        Ok(true)
    }

    /// Lets all threads inflate the file from its start. Returns whether they do.
    fn inflate_in_parallel(&mut self) -> bool {
        let chunk_bytes = NonZeroUsize::new(CHUNK_BYTES).unwrap_or(NonZeroUsize::MIN);
        let source = inflate_in_parallel(&self.path, self.threads, chunk_bytes);
        match source.and_then(|source| self.reader.restart(source)) {
            Ok(is_restarted) => is_restarted && self.reader.is_inflated_in_parallel(),
            Err(error) => {
                // The reader at hand will find the same damage, and says where it is.
                tracing::debug!(%error, path = %self.path.display(), "one thread inflates");
                false
            }
        }
    }

    fn start_index(&mut self, path: &Path, identity: Identity) -> Option<IndexWriter> {
        match IndexWriter::create(path, identity, self.reader.layout()) {
            Ok((writer, points)) => {
                self.reader.collect(points);
                Some(writer)
            }
            Err(error) => {
                tracing::debug!(%error, index = %path.display(), "no index");
                None
            }
        }
    }

    fn finish_index(&mut self, writer: IndexWriter) -> io::Result<usize> {
        let (points, parts) = self.reader.take_collected().ok_or(io::ErrorKind::BrokenPipe)?;
        writer.finish(points, &parts)
    }
}

/// For benchmarks and fuzz targets: [`VolumeFile::with_threads`] is the way to read by threads.
///
/// Opens a gzipped file that this many threads besides the caller's inflate from its start, each a chunk
/// of this many stored bytes at a time; the first member alone, others follow in one thread.
///
/// Threads guess where a block starts in their chunk. Every guess is compared, to the bit, with the
/// place where the chunk before ended. If it does not match, the caller's thread inflates up to the
/// next chunk that does. If most do not match, it inflates the rest alone. The bytes and the errors
/// are those of [`Source::open`], and every checksum is compared. Chunks of half a MiB take less
/// than 40 MiB for each thread.
///
/// # Errors
///
/// [`Error::Open`], [`Error::Read`], and what is wrong with the first gzip header.
#[doc(hidden)]
pub fn inflate_in_parallel(
    path: impl AsRef<Path>,
    threads: NonZeroUsize,
    chunk_bytes: NonZeroUsize,
) -> Result<Source<File>, Error> {
    let path = path.as_ref().to_owned();
    let length = std::fs::metadata(&path).map_err(|source| Error::Open { source })?.len();
    Source::in_parallel(length, threads, chunk_bytes, move |offset| {
        let mut file = File::open(&path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(file)
    })
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
#[doc(alias = "load_nifti_with_affine")]
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
#[doc(alias = "load_nifti_data")]
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
/// [`Error::Output`] around its errors.
pub fn write_volume<T: Sample>(
    path: impl AsRef<Path>,
    spatial: &Spatial,
    shape: [usize; 3],
    data: &[T],
) -> Result<(), Error> {
    write_volumes(path, spatial, shape, None, |put| put(data))
}

/// Writes a 4-D file volume by volume; without a number of volumes, a 3-D file of one. `fill` is given a
/// function that takes the values of the next volume, in C order, and calls it for all of them. The file appears, as that of [`write_volume`] does, when it is complete, and is
/// gzipped when the name ends in `.gz`.
///
/// # Errors
///
/// [`Error::Output`] around the errors of [`VolumeWriter`]; what `fill` answers.
pub fn write_volumes<T: Sample, E: From<Error>>(
    path: impl AsRef<Path>,
    spatial: &Spatial,
    shape: [usize; 3],
    n_volumes: Option<usize>,
    fill: impl FnOnce(&mut dyn FnMut(&[T]) -> Result<(), Error>) -> Result<(), E>,
) -> Result<(), E> {
    let path = path.as_ref();
    let gzipped = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    let compression = if gzipped { Compression::Gzip } else { Compression::None };
    let named = |error: Error| E::from(error.in_output(path));
    let failed = |source: io::Error| named(Error::Write { source });
    let writer = BufWriter::new(AtomicFile::create(path).map_err(failed)?);
    let volumes = VolumeWriter::new(writer, spatial, shape, n_volumes, compression);
    let mut volumes = volumes.map_err(named)?;
    fill(&mut |volume| volumes.put(volume).map_err(|error| error.in_output(path)))?;
    let writer = volumes.finish().map_err(named)?;
    let file = writer.into_inner().map_err(|error| failed(error.into_error()))?;
    file.commit().map_err(failed)
}

fn open(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(|source| Error::Open { source })
}

fn named<T>(path: &Path, result: Result<T, Error>) -> Result<T, Error> {
    result.map_err(|error| error.in_file(path))
}
