//! The index of a file made while its bytes arrive, for example during a download.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::index::{HEAD, Identity, IndexWriter};
use crate::error::Error;
use crate::gz::Points;
use crate::rows::RowSelection;
use crate::selection::VoxelSelection;
use crate::source::Source;
use crate::target::Target;
use crate::volumes::{Opened, VolumeReader};

/// Pieces of the caller that may wait.
const PIECES: usize = 4;

/// Makes the index of a 4-D file, and verifies the file, while its bytes arrive. They are inflated
/// once, in a thread of its own; besides the pieces that wait for it, less than 1 MiB is held.
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
    path: PathBuf,
    sender: SyncSender<Vec<u8>>,
    thread: JoinHandle<Result<Option<CollectedIndex>, Error>>,
    bytes: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
}

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
        let path = path.into();
        let (sender, pieces) = sync_channel(PIECES);
        let index = path.clone();
        let pieces = PieceReader { pieces, piece: Vec::new(), at: 0 };
        let thread =
            Builder::new().name("index".to_owned()).spawn(move || build(pieces, &index))?;
        Ok(Self { path, sender, thread, bytes: 0, head: Vec::new(), tail: Vec::new() })
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
        let made = self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let Some(CollectedIndex { mut writer, points, parts }) = made else { return Ok(false) };
        writer.identify(Identity::new(self.bytes, &self.head, &self.tail));
        let finished = writer.finish(points, &parts);
        if let Err(error) = &finished {
            tracing::debug!(%error, index = %self.path.display(), "no index");
        }
        Ok(finished.is_ok())
    }
}

/// What the thread does: one pass over the file.
fn build(pieces: PieceReader, index: &Path) -> Result<Option<CollectedIndex>, Error> {
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
    let writer = match IndexWriter::create(index, Identity::default(), reader.layout()) {
        Ok((writer, points)) => {
            reader.collect(points);
            Some(writer)
        }
        Err(error) => {
            tracing::debug!(%error, index = %index.display(), "no index");
            None
        }
    };
    let nothing = VoxelSelection::new(reader.grid().shape(), Vec::new())?;
    let mut dropped = |_: usize, _: &[f32]| ControlFlow::Continue(());
    let mut target = Target::taker(0, &mut dropped);
    let none = RowSelection::Rows(Vec::new());
    match reader.read_all(&nothing, &none, &mut target, &mut |_| ControlFlow::Continue(())) {
        Err(error) if error.is_gzip() => return Err(error),
        // The stream is sound but holds fewer volumes than its header says. That is the finding of
        // whoever reads it, not of a transfer.
        Err(_) => return Ok(None),
        Ok(()) => {}
    }
    let collected = reader.take_collected();
    Ok(writer.zip(collected).map(|(writer, (points, parts))| CollectedIndex {
        writer,
        points,
        parts,
    }))
}

/// The pieces as a stream.
struct PieceReader {
    pieces: Receiver<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for PieceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() {
            let Ok(piece) = self.pieces.recv() else { return Ok(0) };
            (self.piece, self.at) = (piece, 0);
        }
        let n = buffer.len().min(self.piece.len() - self.at);
        buffer[..n].copy_from_slice(&self.piece[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}
