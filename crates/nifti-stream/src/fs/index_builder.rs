//! The index of a file made while its bytes arrive, for example during a download. The volumes can
//! be read on the way.

use std::fmt;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};

use laion_fmri_base::lock;

use super::index::{HEAD, Identity, IndexWriter};
use crate::error::Error;
use crate::grid::Grid;
use crate::gz::Points;
use crate::selection::VoxelSelection;
use crate::source::Source;
use crate::volumes::{Opened, VolumeReader};

/// Pieces of the caller that may wait.
const PIECES: usize = 4;

/// Makes the index of a 4-D file, and verifies the file, while its bytes arrive. They are inflated
/// once, in a thread of its own; besides the pieces that wait for it, less than 1 MiB is held.
/// [`start_reading`](Self::start_reading) has the volumes read by that thread as well.
///
/// [`GzVerifier`](crate::gz::GzVerifier) only verifies, without a thread.
///
/// ```
/// # use nifti_stream::{Affine, Compression, Spatial, fs::IndexBuilder, write_volume};
/// # let directory = tempfile::tempdir()?;
/// # let affine = Affine::from_rows([[2., 0., 0., 0.], [0., 2., 0., 0.], [0., 0., 2., 0.]]);
/// # let (spatial, mut arriving) = (Spatial::from_affine(&affine), Vec::new());
/// # write_volume(&mut arriving, &spatial, [2, 2, 1], &[1_u8, 3, 5, 7], Compression::Gzip)?;
/// let mut builder = IndexBuilder::start(directory.path().join("betas.nii.gz.index"))?;
/// for piece in arriving.chunks(10) {
///     builder.push(piece);
/// }
/// let has_index = builder.finish()?; // an error for a damaged file
/// assert!(!has_index); // a sound file, but not a 4-D image
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct IndexBuilder {
    path: Option<PathBuf>,
    sender: SyncSender<Vec<u8>>,
    made: Receiver<Made>,
    thread: JoinHandle<()>,
    bytes: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
}

/// What came of a file, once all of it was read.
type Made = Result<Option<CollectedIndex>, Error>;

/// All of an index but the identity of its file.
struct CollectedIndex {
    writer: IndexWriter,
    points: Points,
    parts: Vec<u32>,
}

impl IndexBuilder {
    /// Starts with the first byte of a file. The index will lie at `path`.
    ///
    /// # Errors
    ///
    /// Those of starting a thread.
    pub fn start(path: impl Into<PathBuf>) -> io::Result<Self> {
        Self::start_reading(Some(path.into()), |_| {})
    }

    /// As [`start`](Self::start); without a path no index is made. Once the header of a gzipped 4-D
    /// image has arrived, `read` is called in the thread, with the volumes. What it does not read is
    /// inflated and verified after it. [`finish`](Self::finish) waits for the end of the file, not for
    /// the end of `read`, which may do more. For any other file `read` is dropped.
    ///
    /// # Errors
    ///
    /// Those of starting a thread.
    pub fn start_reading(
        path: Option<PathBuf>,
        read: impl FnOnce(&mut ArrivingVolumes) + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, pieces) = sync_channel(PIECES);
        let (teller, made) = sync_channel(1);
        let index = path.clone();
        let pieces = Arc::new(Mutex::new(Some(pieces)));
        let pieces = PieceReader { pieces, piece: Vec::new(), at: 0 };
        let thread = Builder::new().name("index".to_owned()).spawn(move || {
            match open(pieces, index.as_deref(), teller.clone()) {
                Ok(Some(mut volumes)) => {
                    read(&mut volumes);
                    volumes.end();
                }
                // Nobody waits for what became of a transfer that was given up.
                Ok(None) => drop(teller.send(Ok(None))),
                Err(error) => drop(teller.send(Err(error))),
            }
        })?;
        Ok(Self { path, sender, made, thread, bytes: 0, head: Vec::new(), tail: Vec::new() })
    }

    /// The next bytes of the file; `false` once the file is known to be damaged, so that the caller
    /// can stop. Waits while the bytes before them are inflated.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        self.bytes += bytes.len() as u64;
        let missing = (HEAD as usize).saturating_sub(self.head.len());
        self.head.extend(&bytes[..missing.min(bytes.len())]);
        self.tail.extend(&bytes[bytes.len().saturating_sub(8)..]);
        self.tail.drain(..self.tail.len().saturating_sub(8));
        bytes.is_empty() || self.sender.send(bytes.to_vec()).is_ok()
    }

    /// Ends the file and gives the index its name. Returns whether there is one. There is none if
    /// the file is not a gzipped 4-D image, or if the index cannot be written, which is a debug
    /// event.
    ///
    /// # Errors
    ///
    /// The gzip variants of [`Error`], for a 4-D image inside [`Error::Volume`]: the file is damaged
    /// and has no index.
    pub fn finish(self) -> Result<bool, Error> {
        drop(self.sender);
        let made = match self.made.recv() {
            Ok(made) => made?,
            // A thread that says nothing has panicked.
            Err(_) => {
                self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                None
            }
        };
        let Some(CollectedIndex { mut writer, points, parts }) = made else { return Ok(false) };
        writer.identify(Identity::new(self.bytes, &self.head, &self.tail));
        let finished = writer.finish(points, &parts);
        if let Err(error) = &finished {
            tracing::debug!(%error, index = ?self.path, "no index");
        }
        Ok(finished.is_ok())
    }
}

/// The volumes of a gzipped 4-D file whose bytes arrive; see [`IndexBuilder::start_reading`].
pub struct ArrivingVolumes {
    reader: VolumeReader<PieceReader>,
    pieces: Pieces,
    writer: Option<IndexWriter>,
    /// Where the end of the file is told, once.
    teller: Option<SyncSender<Made>>,
}

impl ArrivingVolumes {
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

    /// Hands over the row of each volume with its index, in order: one value for each selected
    /// voxel, in the order of the selection. The rest of the file is read in any case, also after
    /// `take` breaks. Returns whether every row was taken and the file was sound up to its end; what
    /// was wrong with it is the answer of [`IndexBuilder::finish`].
    ///
    /// There are no rows the second time, nor for a selection of another grid.
    pub fn for_each_row(
        &mut self,
        selection: &VoxelSelection,
        mut take: impl FnMut(usize, &[f32]) -> ControlFlow<()>,
    ) -> bool {
        if self.teller.is_none() || selection.shape() != self.grid().shape() {
            return false;
        }
        let mut row = vec![0.0_f32; selection.len()];
        let taken = loop {
            match self.reader.read_row(selection, &mut row) {
                Ok(Some(volume)) if take(volume, &row).is_break() => break Ok(false),
                Ok(Some(_)) => {}
                Ok(None) => break Ok(true),
                Err(error) => break Err(error),
            }
        };
        let read = taken.and_then(|all| self.reader.read_to_end().map(|()| all));
        let is_whole = matches!(read, Ok(true));
        self.tell(read.map(|_| ()));
        is_whole
    }

    /// Reads what nobody has read.
    fn end(mut self) {
        if self.teller.is_some() {
            let read = self.reader.read_to_end();
            self.tell(read);
        }
    }

    fn tell(&mut self, read: Result<(), Error>) {
        let collected = self.writer.take().zip(self.reader.take_collected());
        let index =
            collected.map(|(writer, (points, parts))| CollectedIndex { writer, points, parts });
        let made = match read {
            Ok(()) => Ok(index),
            Err(error) => {
                // What there is of an index goes before anybody hears of it.
                drop(index);
                // A stream that is sound but holds fewer volumes than its header says is the
                // finding of whoever reads it, not of a transfer.
                if error.is_gzip() { Err(error) } else { Ok(None) }
            }
        };
        // Who pushes more waits for nobody, whatever else is done here.
        *lock(&self.pieces) = None;
        if let Some(teller) = self.teller.take() {
            // Nobody waits for what became of a transfer that was given up.
            let _ = teller.send(made);
        }
    }
}

impl fmt::Debug for ArrivingVolumes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrivingVolumes").field("reader", &self.reader).finish_non_exhaustive()
    }
}

/// Reads the header of a file. What is not a gzipped 4-D image is read to its end.
fn open(
    pieces: PieceReader,
    index: Option<&Path>,
    teller: SyncSender<Made>,
) -> Result<Option<ArrivingVolumes>, Error> {
    let arriving = Arc::clone(&pieces.pieces);
    let mut source = Source::open(pieces)?;
    if !source.is_gzip() {
        source.drain()?;
        return Ok(None);
    }
    let opened = match Opened::read(&mut source) {
        Ok(opened) => opened,
        Err(error) if error.is_gzip() => return Err(error),
        // Not a 4-D image, so it has no index. Its checksums are verified all the same.
        Err(_) => return source.drain().map(|_| None),
    };
    let mut reader = VolumeReader::from_parts(source, opened);
    let volumes = reader.layout();
    let created = index.map(|path| IndexWriter::create(path, Identity::default(), volumes));
    let writer = match created {
        Some(Ok((writer, points))) => {
            reader.collect(points);
            Some(writer)
        }
        Some(Err(error)) => {
            tracing::debug!(%error, index = ?index, "no index");
            None
        }
        None => None,
    };
    Ok(Some(ArrivingVolumes { reader, pieces: arriving, writer, teller: Some(teller) }))
}

/// Where the pieces arrive, until no more are taken.
type Pieces = Arc<Mutex<Option<Receiver<Vec<u8>>>>>;

/// The pieces as a stream.
struct PieceReader {
    pieces: Pieces,
    piece: Vec<u8>,
    at: usize,
}

impl Read for PieceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() {
            let pieces = lock(&self.pieces);
            let Some(Ok(piece)) = pieces.as_ref().map(Receiver::recv) else { return Ok(0) };
            drop(pieces);
            (self.piece, self.at) = (piece, 0);
        }
        let n = buffer.len().min(self.piece.len() - self.at);
        buffer[..n].copy_from_slice(&self.piece[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}
