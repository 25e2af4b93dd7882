//! Volumes on their way to the page: written by a thread that may block, in pieces, a few at a time.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Response;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use futures::stream;
use laion_fmri::VoxelMask;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Sender};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::answer::{Answer, sentence};
use crate::state::Shared;

/// How many volumes may be sent at once: 5 MB each, the order of their voxels.
pub(crate) const VOLUMES: usize = 2;
/// The bytes of a piece.
const PIECE: usize = 256 << 10;
/// How many pieces wait for the network.
const PIECES: usize = 4;
/// How long a reader may take for a piece.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is sent.
#[derive(Debug)]
pub(crate) enum Content {
    /// One value for each voxel of a mask, NaN elsewhere, as a NIfTI volume.
    Values { mask: VoxelMask, values: Vec<f32> },
    /// A mask as a NIfTI volume.
    Mask(VoxelMask),
    /// The bytes of a file.
    File(File),
}

impl Content {
    fn write(self, out: &mut Pieces) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        match self {
            Self::Values { mask, values } => {
                mask.write_values_to(out, values.as_slice(), f32::NAN)?;
            }
            Self::Mask(mask) => mask.write_nifti_to(out)?,
            Self::File(mut file) => {
                let mut buffer = vec![0; PIECE];
                loop {
                    let got = file.read(&mut buffer)?;
                    if got == 0 {
                        break;
                    }
                    out.write_all(&buffer[..got])?;
                }
            }
        }
        Ok(())
    }
}

/// Answers with a volume, which is written piece by piece when it is its turn.
pub(crate) fn send(state: &Arc<Shared>, content: Content) -> Answer {
    let (sender, mut pieces) = mpsc::channel(PIECES);
    let volumes = Arc::clone(&state.volumes);
    let runtime = Handle::current();
    tokio::spawn(async move {
        // It is never closed.
        let Ok(permit) = volumes.acquire_owned().await else { return };
        let sent = spawn_blocking(move || {
            let _permit = permit;
            let mut out = Pieces { sender, runtime, buffer: Vec::with_capacity(PIECE) };
            let written = content.write(&mut out).and_then(|()| Ok(out.flush()?));
            if let Err(error) = written {
                tracing::debug!(error = sentence(&*error), "a volume was not sent to its end");
                // Without it, the part that was sent would look like the whole.
                let broken = io::Error::other("not sent to its end");
                let _ = out.put(Err(broken));
            }
        });
        let _ = sent.await;
    });
    let stream = stream::poll_fn(move |context| pieces.poll_recv(context));
    let mut response = Response::new(Body::from_stream(stream));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Collects bytes and hands them over piece by piece.
struct Pieces {
    sender: Sender<io::Result<Bytes>>,
    runtime: Handle,
    buffer: Vec<u8>,
}

impl Pieces {
    fn put(&self, piece: io::Result<Bytes>) -> io::Result<()> {
        match self.runtime.block_on(timeout(PATIENCE, self.sender.send(piece))) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PIECE - self.buffer.len();
        let taken = bytes.len().min(room);
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == PIECE {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE));
        self.put(Ok(full.into()))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use laion_fmri::Dataset;
    use tokio::runtime::Builder;

    use super::*;
    use crate::gate::Gate;
    use crate::mirror::Mirror;

    /// The body of an answer, if it comes to its end.
    fn body(content: impl FnOnce(&std::path::Path) -> Content) -> Option<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let dataset = Dataset::open(folder.path()).unwrap();
        let mirror = Mirror::new(dataset, Duration::ZERO);
        let state = Arc::new(Shared::new(Gate::new(1).unwrap(), mirror, Arc::new(()), None));
        let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let answer = send(&state, content(folder.path()));
            to_bytes(answer.into_body(), usize::MAX).await.ok().map(|bytes| bytes.to_vec())
        })
    }

    #[test]
    fn bytes_come_as_they_are_whatever_their_number() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 9 * PIECE + 5] {
            let expected: Vec<u8> = (0..length).map(|byte| (byte % 251) as u8).collect();
            let got = body(|folder| {
                let path = folder.join("file");
                std::fs::write(&path, &expected).unwrap();
                Content::File(File::open(path).unwrap())
            });
            assert!(got.is_some_and(|got| got == expected), "{length}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_cannot_be_read_to_its_end_is_no_whole_answer() {
        assert_eq!(body(|folder| Content::File(File::open(folder).unwrap())), None);
    }
}
