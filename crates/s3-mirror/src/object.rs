//! Reading one object as if it were a file: [`ObjectReader`].

use std::fmt;
use std::io::{self, BufRead, Read};

use bytes::{Buf, Bytes};
use laion_fmri_base::{Sha256, wait};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, unconstrained};

use crate::{Cancel, Content, Key, Store};

mod bottleneck;
mod error;
mod feed;
mod ranges;

pub use error::ObjectError;
use feed::{Chunk, Message, feed, queue};

/// How an object is read.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ObjectOptions {
    /// Ends the reading with [`ObjectError::Cancelled`], also while it waits.
    pub cancel: Cancel,
    /// The entity tag that the object must have (default: whatever it has when it is opened).
    pub etag: Option<String>,
    /// Bytes in the object, as listed (default: what the first answer says). Then an answer without
    /// a length, or without an entity tag, is no error: what stands before a server may leave both
    /// out.
    pub size: Option<u64>,
    /// The SHA-256 of the version that `etag` names, if it was made before (default: unknown). It
    /// is not made again if a checksum or an entity tag of the store proves the bytes.
    pub sha256: Option<Sha256>,
}

impl ObjectOptions {
    /// The same with a flag that ends the reading.
    #[must_use]
    pub fn with_cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    /// The same for one version of the object.
    #[must_use]
    pub fn with_etag(mut self, etag: impl Into<String>) -> Self {
        self.etag = Some(etag.into());
        self
    }

    /// The same for an object of so many bytes.
    #[must_use]
    pub fn with_size(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// The same for a version whose SHA-256 was made before.
    #[must_use]
    pub fn with_sha256(mut self, sha256: Sha256) -> Self {
        self.sha256 = Some(sha256);
        self
    }
}

/// An object that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectContent {
    /// Its bytes.
    pub size: u64,
    /// Its entity tag, if it has one that stands for one version.
    pub etag: Option<String>,
    /// The SHA-256 of its bytes: made of them, or known from [`ObjectOptions::sha256`].
    pub sha256: Sha256,
    /// What the bytes were compared with.
    pub content: Content,
}

/// The bytes of one object, in order, for code that blocks. Nothing is stored.
///
/// A task on the runtime fetches, hashes and queues up to 4 MiB ahead; the reader takes blocks out
/// of the queue. If the reader waits for a connection that brings less than 100 MB/s, as many
/// servers give to each, the rest of a long object comes over eight connections, in ranges of 2 MiB
/// that are put in order. If a connection breaks or falls silent, reading continues inside the
/// object, with `Range` and `If-Match` on the entity tag of the first answer. The
/// [`ConnectOptions`](crate::ConnectOptions) of the store say how often this is tried. An attempt
/// that brought a byte is progress, and a slow reader is not mistaken for a silent server. If a
/// server ignores ranges, it is read from the start up to that place. An object that changes
/// meanwhile is [`ObjectError::Changed`].
///
/// If the store keeps a checksum of the object, or its entity tag is an MD5, or the MD5 of the MD5s
/// of the parts, the end of the object is only reported when the bytes have it. If they do not, the
/// read after the last byte fails with [`ObjectError::Checksum`]. [`finish`](Self::finish) says
/// what was read. Errors of `Read` carry an [`ObjectError`], which [`ObjectError::find`] returns.
/// Reading again gives the same error.
///
/// Memory: at most 5 MiB, 18 MiB more while ranges come in parallel, and what the HTTP client holds
/// for each connection. Dropping the reader ends its task. Readers of one store share connections,
/// and may be used in parallel.
///
/// Opening and reading block the thread, which may belong to another runtime, but must not be the
/// only one of the runtime that feeds the reader.
///
/// ```
/// use std::io::Read;
/// use s3_mirror::{Location, ObjectOptions, ObjectReader};
///
/// # let folder = tempfile::tempdir()?;
/// # std::env::set_current_dir(&folder)?;
/// # std::fs::create_dir("bucket")?;
/// # std::fs::write("bucket/trials.tsv", "session\trun\n")?;
/// let store = Location::directory(std::path::absolute("bucket")?)?.open()?; // a folder of files
/// let runtime = tokio::runtime::Runtime::new()?;
///
/// let key = "trials.tsv".parse()?;
/// let mut reader =
///     ObjectReader::open(runtime.handle(), &store, &key, &ObjectOptions::default())?;
/// assert_eq!(reader.size(), 12);
/// let mut text = String::new();
/// reader.read_to_string(&mut text)?;
/// assert_eq!(text, "session\trun\n");
/// assert_eq!(reader.finish()?.size, 12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ObjectReader {
    key: Key,
    opened: Opened,
    cancel: Cancel,
    blocks: mpsc::Receiver<Message>,
    block: Bytes,
    position: u64,
    /// Set after the last block.
    end: Option<Result<(Content, Sha256), ObjectError>>,
    _feeding: Feeding,
}

/// An object that was asked for; nobody has waited for the answer yet. Its first 4 MiB come
/// meanwhile.
#[derive(Debug)]
pub struct PendingObject {
    key: Key,
    cancel: Cancel,
    opened: oneshot::Receiver<Result<Opened, ObjectError>>,
    blocks: mpsc::Receiver<Message>,
    feeding: Feeding,
}

/// A task that ends when nobody reads any more.
#[derive(Debug)]
struct Feeding(AbortHandle);

impl Drop for Feeding {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl PendingObject {
    /// Waits for the head of the answer.
    ///
    /// # Errors
    ///
    /// As [`ObjectReader::open`].
    pub fn wait(self) -> Result<ObjectReader, ObjectError> {
        let Self { key, cancel, opened, blocks, feeding: _feeding } = self;
        let opened = match wait(unconstrained(opened)) {
            Ok(opened) => opened?,
            Err(_) => return Err(ended(&key, &cancel)),
        };
        let block = Bytes::new();
        Ok(ObjectReader { key, opened, cancel, blocks, block, position: 0, end: None, _feeding })
    }
}

/// What the first answer says.
#[derive(Debug)]
struct Opened {
    size: u64,
    etag: Option<String>,
}

impl ObjectReader {
    /// Sends the first request and waits for the head of its answer.
    ///
    /// The runtime needs time and I/O enabled and threads of its own, and has to live as long as
    /// the reader.
    ///
    /// # Errors
    ///
    /// Every [`ObjectError`] but [`ObjectError::Checksum`]; an object that the store withholds
    /// [is denied](ObjectError::is_denied).
    pub fn open(
        runtime: &Handle,
        store: &Store,
        key: &Key,
        options: &ObjectOptions,
    ) -> Result<Self, ObjectError> {
        Self::begin(runtime, store, key, options).wait()
    }

    /// As [`open`](Self::open), without waiting for anything: an object that is wanted next can be
    /// on its way while another one is read.
    pub fn begin(
        runtime: &Handle,
        store: &Store,
        key: &Key,
        options: &ObjectOptions,
    ) -> PendingObject {
        let (answer, opened) = oneshot::channel();
        let (sender, blocks) = queue();
        let cancel = options.cancel.clone();
        let task = runtime.spawn(feed(store.clone(), key.clone(), options.clone(), answer, sender));
        let feeding = Feeding(task.abort_handle());
        PendingObject { key: key.clone(), cancel, opened, blocks, feeding }
    }

    /// Bytes in the object.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.opened.size
    }

    /// The entity tag of the version that is read, with its quotes; `None` if the store gives none
    /// that stands for one version, and then no broken connection can be continued.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        self.opened.etag.as_deref()
    }

    /// Bytes that were read so far.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Reads what was not read yet, and says what the object is.
    ///
    /// # Errors
    ///
    /// As reading does, [`ObjectError::Checksum`] included.
    pub fn finish(mut self) -> Result<ObjectContent, ObjectError> {
        loop {
            self.fill()?;
            match &self.end {
                None => self.consume(self.block.len()),
                Some(end) => {
                    let (content, sha256) = end.clone()?;
                    let (size, etag) = (self.opened.size, self.opened.etag.take());
                    return Ok(ObjectContent { size, etag, sha256, content });
                }
            }
        }
    }

    /// Afterwards there is a block with bytes, or the end.
    fn fill(&mut self) -> Result<(), ObjectError> {
        if self.block.is_empty() && self.end.is_none() {
            let message = if self.cancel.is_cancelled() {
                None
            } else {
                wait(unconstrained(self.blocks.recv()))
            };
            match message {
                Some(Ok(Chunk::Block(block))) => self.block = block,
                Some(Ok(Chunk::End(content, sha256))) => self.end = Some(Ok((content, sha256))),
                Some(Err(error)) => self.end = Some(Err(error)),
                None => self.end = Some(Err(ended(&self.key, &self.cancel))),
            }
        }
        match &self.end {
            Some(Err(error)) => Err(error.clone()),
            _ => Ok(()),
        }
    }
}

impl BufRead for ObjectReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.fill()?;
        Ok(&self.block)
    }

    fn consume(&mut self, amount: usize) {
        self.block.advance(amount);
        self.position += amount as u64;
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let block = self.fill_buf()?;
        let take = block.len().min(buffer.len());
        buffer[..take].copy_from_slice(&block[..take]);
        self.consume(take);
        Ok(take)
    }
}

impl fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectReader")
            .field("key", &self.key)
            .field("size", &self.opened.size)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// Why a task is gone that said nothing.
fn ended(key: &Key, cancel: &Cancel) -> ObjectError {
    let key = key.to_string();
    if cancel.is_cancelled() {
        ObjectError::Cancelled { key }
    } else {
        ObjectError::Interrupted { key }
    }
}
