//! 4-D files, one volume after the other: chosen voxels gathered from the inflated stream.

use std::fmt;
use std::io::Read;
use std::ops::ControlFlow;

use ndarray::ArrayViewMut2;

use crate::decode::{Codec, VoxelLoop};
use crate::error::Error;
use crate::grid::Grid;
use crate::gz::{Pieces, Points, Volumes};
use crate::header::Header;
use crate::rows::RowSelection;
use crate::selection::{Gather, VoxelSelection};
use crate::source::Source;
use crate::target::{Target, Wanted};

/// Inflated bytes held at a time.
pub(crate) const CHUNK_BYTES: usize = 256 * 1024;

/// A reader of 4-D NIfTI files that never holds a volume.
///
/// The stream is inflated 256 KiB at a time, and the chosen voxels go straight to their place in
/// the caller's row, converted to single precision. Values without scaling keep their bits
/// (float32) or are rounded once. Scaled values are computed in double precision first, as numpy
/// shows them through nibabel. Besides less than 1 MiB of buffers and the caller's selection and
/// rows, nothing is resident, however large the file is.
///
/// Values are final only when the stream was read to its end without an error, because the
/// checksums of a gzip file come last: [`read_rows`](Self::read_rows) and
/// [`finish`](Self::finish) check it.
///
/// One reader belongs to one thread at a time; selections can be shared.
pub struct VolumeReader<R> {
    source: Source<R>,
    header: Header,
    grid: Grid,
    n_volumes: usize,
    position: usize,
    failed: bool,
    /// CRC-32 of what comes before the image data of a gzipped file.
    header_crc: Option<u32>,
    /// The same and that of each volume, when an index is made.
    parts: Option<Vec<u32>>,
}

/// What comes before the volumes.
pub(crate) struct Opened {
    header: Header,
    grid: Grid,
    n_volumes: usize,
    header_crc: Option<u32>,
}

impl Opened {
    /// Reads and checks the header, and stops before the first volume.
    pub(crate) fn read<R: Read>(source: &mut Source<R>) -> Result<Self, Error> {
        let header = Header::read_from(source)?;
        let &[_, _, _, n_volumes] = header.used_shape() else {
            return Err(Error::NotFourDimensional { got: header.shape().to_vec() });
        };
        let n_volumes = usize::try_from(n_volumes)
            .map_err(|_| Error::TooLarge { shape: header.shape().to_vec() })?;
        let grid = header.grid()?;
        skip_to_data(source, &header)?;
        let header_crc = source.cut();
        Ok(Self { header, grid, n_volumes, header_crc })
    }
}

/// How far [`VolumeReader::read_rows_with`] has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Progress {
    /// Volumes passed, read or skipped.
    pub volumes: usize,
    /// Volumes in the file.
    pub n_volumes: usize,
    /// Bytes of the file consumed, as stored.
    pub compressed_bytes: u64,
}

impl<R: Read> VolumeReader<R> {
    /// Reads the header and stops before the first volume.
    ///
    /// # Errors
    ///
    /// [`Error::NotFourDimensional`] for every other number of dimensions; further axes of length 1
    /// do not count. The header and gzip variants of [`Error`].
    pub fn new(reader: R) -> Result<Self, Error> {
        Self::with_chunk_bytes(reader, CHUNK_BYTES)
    }

    /// As [`new`](Self::new), inflating about this many bytes at a time; small numbers are slow, and 0
    /// is 1.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_chunk_bytes(reader: R, chunk_bytes: usize) -> Result<Self, Error> {
        let mut source = Source::with_piece_bytes(reader, chunk_bytes.max(1))?;
        let opened = Opened::read(&mut source)?;
        Ok(Self::from_parts(source, opened))
    }

    /// A reader whose source stands at the first volume.
    pub(crate) fn from_parts(source: Source<R>, opened: Opened) -> Self {
        let Opened { header, grid, n_volumes, header_crc } = opened;
        let (position, failed, parts) = (0, false, None);
        Self { source, header, grid, n_volumes, position, failed, header_crc, parts }
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The spatial grid of every volume.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Length of the fourth axis.
    #[must_use]
    pub fn n_volumes(&self) -> usize {
        self.n_volumes
    }

    /// The volume that comes next; `n_volumes` after the last.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Reads the selected voxels of the next volume into `row`, in the order of the selection.
    ///
    /// Returns the index of the volume, `None` after the last. The values are provisional until
    /// [`finish`](Self::finish) has confirmed the stream.
    ///
    /// # Errors
    ///
    /// [`Error::SelectionShape`] and [`Error::RowLength`] before anything is read; damage and
    /// truncation inside [`Error::Volume`], after which the reader is of no further use
    /// ([`Error::AlreadyFailed`]).
    pub fn read_row(
        &mut self,
        selection: &VoxelSelection,
        row: &mut [f32],
    ) -> Result<Option<usize>, Error> {
        self.check_selection(selection)?;
        if row.len() != selection.len() {
            return Err(Error::RowLength { expected: selection.len(), got: row.len() });
        }
        self.next_volume(selection.plan(), row, Order::Selection)
    }

    /// Inflates the next volume without storing anything.
    ///
    /// Returns the index of the volume, `None` after the last.
    ///
    /// # Errors
    ///
    /// As [`read_row`](Self::read_row).
    pub fn skip_volume(&mut self) -> Result<Option<usize>, Error> {
        self.next_volume(&[], &mut [], Order::File)
    }

    /// Reads the whole file in one pass and keeps the selected voxels of the selected volumes.
    ///
    /// `out` has one row per selected volume and one column per selected voxel, both in ascending
    /// order. Volumes that are not selected are inflated but not stored, and the rest of the
    /// stream is always read, because only its end proves it complete: the contents of `out` are
    /// final when this returns `Ok`, and meaningless otherwise. Bytes after the image data are
    /// ignored, as in nibabel, but they must inflate without error; a warning event tells their
    /// number.
    ///
    /// # Errors
    ///
    /// Before anything is read: [`Error::SelectionShape`], [`Error::RowOutOfRange`],
    /// [`Error::RowsNotAscending`] (also when volumes were taken from this reader before) and
    /// [`Error::OutputShape`]. Then damage and truncation inside [`Error::Volume`], or the gzip
    /// variants of [`Error`] for what comes after the last volume.
    #[doc(alias = "load_nifti_4d")]
    pub fn read_rows(
        self,
        selection: &VoxelSelection,
        rows: &RowSelection,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), Error> {
        self.read_rows_with(selection, rows, out, |_| ControlFlow::Continue(()))
    }

    /// As [`read_rows`](Self::read_rows), and calls `observe` before each volume and once after
    /// the last.
    ///
    /// # Errors
    ///
    /// As [`read_rows`](Self::read_rows), and [`Error::Cancelled`] when `observe` breaks before a
    /// volume. What it returns after the last volume is ignored.
    pub fn read_rows_with(
        mut self,
        selection: &VoxelSelection,
        rows: &RowSelection,
        out: ArrayViewMut2<'_, f32>,
        mut observe: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.read_all(selection, rows, &mut Target::array(out), &mut observe)
    }

    /// Reads the whole file in one pass and hands over each selected row with the index of its volume,
    /// in ascending order: one value for each selected voxel, in the order of the selection. One row
    /// at a time is in memory.
    ///
    /// ```
    /// # use std::ops::ControlFlow;
    /// # use nifti_stream::{RowSelection, VolumeReader, VoxelSelection};
    /// # fn means(file: &[u8], selection: &VoxelSelection) -> Result<Vec<f32>, nifti_stream::Error> {
    /// let mut means = Vec::new();
    /// VolumeReader::new(file)?.for_each_row(selection, &RowSelection::All, |_volume, row| {
    ///     means.push(row.iter().sum::<f32>() / row.len() as f32);
    ///     ControlFlow::Continue(())
    /// })?;
    /// # Ok(means)
    /// # }
    /// ```
    ///
    /// Rows are final only when this returns `Ok`, as those of [`read_rows`](Self::read_rows) are.
    ///
    /// # Errors
    ///
    /// As [`read_rows`](Self::read_rows) but for the shape of an array, and [`Error::Cancelled`] when
    /// `take` breaks.
    pub fn for_each_row(
        self,
        selection: &VoxelSelection,
        rows: &RowSelection,
        take: impl FnMut(usize, &[f32]) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.for_each_row_with(selection, rows, take, |_| ControlFlow::Continue(()))
    }

    /// As [`for_each_row`](Self::for_each_row), and calls `observe` before each volume and once after
    /// the last.
    ///
    /// # Errors
    ///
    /// As [`for_each_row`](Self::for_each_row), and [`Error::Cancelled`] when `observe` breaks before
    /// a volume.
    pub fn for_each_row_with(
        mut self,
        selection: &VoxelSelection,
        rows: &RowSelection,
        mut take: impl FnMut(usize, &[f32]) -> ControlFlow<()>,
        mut observe: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut target = Target::taker(selection.len(), &mut take);
        self.read_all(selection, rows, &mut target, &mut observe)
    }

    /// As [`read_rows_with`](Self::read_rows_with), leaving a reader at the end of the stream.
    pub(crate) fn read_all(
        &mut self,
        selection: &VoxelSelection,
        rows: &RowSelection,
        target: &mut Target<'_>,
        observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.check_request(selection, rows, target.shape())?;
        let mut wanted = Wanted::new(rows);
        while self.position < self.n_volumes {
            if observe(self.progress()).is_break() {
                return Err(Error::Cancelled { volume: self.position });
            }
            let volume = self.position;
            let Some(rank) = wanted.rank(volume) else {
                self.skip_volume()?;
                continue;
            };
            target.put(rank, volume, &mut |row| {
                self.next_volume(selection.plan(), row, Order::Selection).map(drop)
            })?;
        }
        self.check_end()?;
        // The pass is complete: an observer that breaks now has nothing left to stop.
        let _ = observe(self.progress());
        Ok(())
    }

    /// As [`read_row`](Self::read_row), with the voxels in the order of the file.
    pub(crate) fn pack_row(
        &mut self,
        selection: &VoxelSelection,
        row: &mut [f32],
    ) -> Result<Option<usize>, Error> {
        self.next_volume(selection.plan(), row, Order::File)
    }

    /// Inflates what is left and confirms that the stream is complete and undamaged.
    ///
    /// Bytes after the image data are treated as in [`read_rows`](Self::read_rows).
    ///
    /// # Errors
    ///
    /// As [`read_row`](Self::read_row).
    pub fn finish(mut self) -> Result<(), Error> {
        self.read_to_end()
    }

    pub(crate) fn read_to_end(&mut self) -> Result<(), Error> {
        while self.skip_volume()?.is_some() {}
        self.check_end()
    }

    /// Starts over with another source of the same file. Returns whether it did: of a file with
    /// another header, the source at hand is kept.
    pub(crate) fn restart(&mut self, mut source: Source<R>) -> Result<bool, Error> {
        let opened = Opened::read(&mut source)?;
        let is_same = opened.header_crc == self.header_crc;
        if is_same {
            *self = Self::from_parts(source, opened);
        }
        Ok(is_same)
    }

    /// Where the volumes lie in the inflated stream.
    pub(crate) fn layout(&self) -> Volumes {
        let count = self.n_volumes as u64;
        Volumes {
            first: self.header.data_offset(),
            // A valid header has at least one volume and at least one byte in each.
            bytes: self.header.data_bytes() / count.max(1),
            count,
        }
    }

    /// Whether the stream is gzipped.
    pub(crate) fn is_gzip(&self) -> bool {
        self.source.is_gzip()
    }

    /// Whether other threads inflate what comes next.
    pub(crate) fn is_inflated_in_parallel(&self) -> bool {
        self.source.is_inflated_in_parallel()
    }

    /// Whether this is the CRC-32 of what comes before the image data.
    pub(crate) fn fits(&self, header_crc: u32) -> bool {
        self.header_crc == Some(header_crc)
    }

    /// From now on, what an index needs is collected; no volume may have been read.
    pub(crate) fn collect(&mut self, points: Points) {
        self.parts = self.header_crc.map(|header| vec![header]);
        self.source.collect_points(points);
    }

    /// What was collected, once the stream was read to its end: the points, and the CRC-32 of what
    /// comes before the image data and of each volume.
    pub(crate) fn take_collected(&mut self) -> Option<(Points, Vec<u32>)> {
        Some((self.source.take_points()?, self.parts.take()?))
    }

    /// The checks of [`read_rows`](Self::read_rows) before anything is read.
    pub(crate) fn check_request(
        &self,
        selection: &VoxelSelection,
        rows: &RowSelection,
        got: Option<[usize; 2]>,
    ) -> Result<(), Error> {
        self.check_selection(selection)?;
        rows.validate(self.n_volumes)?;
        if let Some(row) = rows.volume(0).filter(|&row| row < self.position) {
            return Err(Error::RowsNotAscending { position: 0, previous: self.position - 1, row });
        }
        let expected = [rows.count(self.n_volumes), selection.len()];
        match got {
            Some(got) if got != expected => Err(Error::OutputShape { expected, got }),
            _ => Ok(()),
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        Progress {
            volumes: self.position,
            n_volumes: self.n_volumes,
            compressed_bytes: self.source.compressed_offset(),
        }
    }

    fn check_selection(&self, selection: &VoxelSelection) -> Result<(), Error> {
        let (expected, got) = (self.grid.shape(), selection.shape());
        if expected == got { Ok(()) } else { Err(Error::SelectionShape { expected, got }) }
    }

    fn next_volume(
        &mut self,
        plan: &[Gather],
        row: &mut [f32],
        order: Order,
    ) -> Result<Option<usize>, Error> {
        if self.failed {
            return Err(Error::AlreadyFailed);
        }
        if self.position == self.n_volumes {
            return Ok(None);
        }
        let volume = self.position;
        if let Err(error) = self.gather(plan, row, order) {
            self.failed = true;
            return Err(error.in_volume(volume, self.n_volumes));
        }
        self.position += 1;
        Ok(Some(volume))
    }

    fn gather(&mut self, plan: &[Gather], row: &mut [f32], order: Order) -> Result<(), Error> {
        let n_voxels = self.grid.n_voxels();
        if !gather(&mut self.source, self.header.codec(), n_voxels, plan, row, order)? {
            return Err(truncated(&self.source, &self.header));
        }
        if let Some(parts) = &mut self.parts {
            parts.extend(self.source.cut());
        }
        Ok(())
    }

    pub(crate) fn check_end(&mut self) -> Result<(), Error> {
        if self.failed {
            return Err(Error::AlreadyFailed);
        }
        check_end(&mut self.source)
    }
}

/// The order in which a row takes its voxels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Ascending places in C order.
    Selection,
    /// As the file stores them.
    File,
}

/// Reads one volume piece by piece and puts the planned voxels into the row; `false` when the
/// stream ends before.
pub(crate) fn gather<R: Read>(
    source: &mut Source<R>,
    codec: Codec,
    n_voxels: usize,
    mut plan: &[Gather],
    mut row: &mut [f32],
    order: Order,
) -> Result<bool, Error> {
    let voxel = codec.datatype.size();
    let mut first = 0;
    while first < n_voxels {
        let available = source.available();
        let here = (available.len() / voxel).min(n_voxels - first);
        if here == 0 {
            if source.more()? {
                continue;
            }
            source.consume(usize::MAX);
            return Ok(false);
        }
        let end = first + here;
        let steps;
        (steps, plan) = plan.split_at(plan.partition_point(|step| (step.file as usize) < end));
        let bytes = &available[..here * voxel];
        match order {
            Order::Selection => codec.run(Scatter { bytes, first, plan: steps, row }),
            Order::File => {
                let (next, rest) = row.split_at_mut(steps.len());
                codec.run(Pack { bytes, first, plan: steps, row: next });
                row = rest;
            }
        }
        source.consume(here * voxel);
        first = end;
    }
    Ok(true)
}

impl<R> fmt::Debug for VolumeReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VolumeReader")
            .field("header", &self.header)
            .field("position", &self.position)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// Puts the planned voxels of a chunk that starts at voxel `first` into the row.
pub(crate) struct Scatter<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) first: usize,
    pub(crate) plan: &'a [Gather],
    pub(crate) row: &'a mut [f32],
}

impl VoxelLoop for Scatter<'_> {
    fn run<const N: usize>(
        self,
        decode: impl Fn([u8; N]) -> f32,
        _unrounded: impl Fn([u8; N]) -> f64,
    ) {
        let (voxels, _) = self.bytes.as_chunks::<N>();
        for step in self.plan {
            self.row[step.rank as usize] = decode(voxels[step.file as usize - self.first]);
        }
    }
}

/// As [`Scatter`], one after the other.
struct Pack<'a> {
    bytes: &'a [u8],
    first: usize,
    plan: &'a [Gather],
    row: &'a mut [f32],
}

impl VoxelLoop for Pack<'_> {
    fn run<const N: usize>(
        self,
        decode: impl Fn([u8; N]) -> f32,
        _unrounded: impl Fn([u8; N]) -> f64,
    ) {
        let (voxels, _) = self.bytes.as_chunks::<N>();
        for (value, step) in self.row.iter_mut().zip(self.plan) {
            *value = decode(voxels[step.file as usize - self.first]);
        }
    }
}

/// Skips from the end of the header, where `Header::read_from` stops, to the image data.
pub(crate) fn skip_to_data<R: Read>(source: &mut Source<R>, header: &Header) -> Result<(), Error> {
    let distance = header.data_offset() - source.inflated_offset();
    if source.skip(distance)? < distance {
        return Err(Error::HeaderTruncated {
            expected: header.data_offset(),
            got: source.inflated_offset(),
        });
    }
    Ok(())
}

/// Reads what follows the image data, so that every checksum is seen.
pub(crate) fn check_end<R: Read>(source: &mut Source<R>) -> Result<(), Error> {
    let extra_bytes = source.drain()?;
    if extra_bytes > 0 {
        tracing::warn!(extra_bytes, "ignored bytes after the image data");
    }
    Ok(())
}

pub(crate) fn truncated<R: Read>(source: &Source<R>, header: &Header) -> Error {
    let inflated_offset = source.inflated_offset();
    Error::Truncated {
        inflated_offset,
        compressed_offset: source.compressed_offset(),
        expected: header.data_bytes(),
        got: inflated_offset.saturating_sub(header.data_offset()),
    }
}
