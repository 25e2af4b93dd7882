//! Short files: one request, bytes in order, and a temporary file from which later runs do not
//! resume.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::StreamExt;

use super::destination::{Destination, Root, Temporary};
use super::version::{Version, VersionError};
use super::{Run, TransferError, blocking};
use crate::digest::Digests;
use crate::get::{Failure, Wanted, ended_early, get};
use crate::{Cancel, Content, Event, PlanItem, RelativePath};

/// Bytes that are held before they go to the file.
pub(super) const BUFFER: usize = 256 << 10;

/// A file that was published, and what it is.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) content: Content,
    pub(super) metadata: std::fs::Metadata,
}

/// Fetches one version of an object whole.
pub(super) async fn fetch(
    run: &Run<'_>,
    root: &Arc<Root>,
    item: &PlanItem,
    version: &mut Version,
) -> Result<Done, VersionError> {
    let mut reported = 0;
    let done = attempts(run, root, item, version, &mut reported).await;
    if done.is_err() && reported > 0 {
        run.observer.event(Event::Discarded { item, bytes: reported });
    }
    done
}

/// `reported` is what the observer knows to be there.
async fn attempts(
    run: &Run<'_>,
    root: &Arc<Root>,
    item: &PlanItem,
    version: &mut Version,
    reported: &mut u64,
) -> Result<Done, VersionError> {
    let mut patience = run.store.patience();
    let mut best = 0;
    let mut sink: Option<Sink> = None;
    // Whether the bytes that came are bound to the tag: by the answer, or by being compared with it.
    let mut bound = true;
    loop {
        let start = sink.as_ref().map_or(0, |sink| sink.received);
        let wanted = Wanted {
            key: &item.key,
            range: (start > 0).then_some(start..version.size),
            etag: version.etag.as_deref(),
            size: Some(version.size),
        };
        let permit = run.connections.acquire().await;
        let failure = match get(run.store, &wanted).await {
            Err(failure) => failure,
            Ok(answer) => {
                version.opaque |= answer.opaque_tag;
                bound = answer.etag.is_some() || version.has_digest();
                version.settle(answer.size, answer.etag, answer.checksums)?;
                if answer.range.start != start {
                    // The server ignores ranges: what it sends begins at the start.
                    run.observer.event(Event::Discarded { item, bytes: std::mem::take(reported) });
                }
                let sink = match &mut sink {
                    Some(sink) if start > 0 && answer.range.start == start => sink,
                    // The answer has told what the bytes can be compared with.
                    sink => sink.insert(Sink::new(run, root, item, version).await),
                };
                let mut body = answer.body;
                loop {
                    match body.next().await {
                        Some(Ok(chunk)) if chunk.is_empty() => {}
                        Some(Ok(chunk)) => {
                            run.pace.take(chunk.len()).await;
                            *reported += chunk.len() as u64;
                            run.observer.event(Event::Advanced { item, bytes: chunk.len() as u64 });
                            sink.take(version.size, chunk).await?;
                            if sink.received > best {
                                best = sink.received;
                                patience.progress();
                            }
                        }
                        Some(Err(failure)) => break failure,
                        None if sink.received == version.size => {
                            drop(permit);
                            return sink.publish(version.opaque).await;
                        }
                        None => {
                            break ended_early(run.store, &item.key, version.size, sink.received);
                        }
                    }
                }
            }
        };
        drop(permit);
        // Without an entity tag nothing proves that the rest belongs to the same object.
        if (version.etag.is_none() || !bound)
            && sink.as_ref().is_some_and(|sink| sink.received > 0)
            && matches!(failure, Failure::Transient { .. })
        {
            run.observer.event(Event::Discarded { item, bytes: std::mem::take(reported) });
            sink = None;
        }
        let pause = patience.next(failure)?;
        run.waits(item, &pause);
        pause.over().await;
    }
}

/// Where the bytes of one attempt go.
struct Sink {
    held: Vec<Bytes>,
    held_bytes: usize,
    received: u64,
    /// `None` only while a thread works on it.
    file: Option<Open>,
}

struct Open {
    root: Arc<Root>,
    local: RelativePath,
    destination: Option<Destination>,
    temporary: Option<Temporary>,
    digests: Digests,
    cancel: Cancel,
}

impl Sink {
    async fn new(run: &Run<'_>, root: &Arc<Root>, item: &PlanItem, version: &Version) -> Self {
        let digests = run.digests(item, version).await;
        let open = Open {
            root: Arc::clone(root),
            local: item.local.clone(),
            destination: None,
            temporary: None,
            digests,
            cancel: run.cancel.clone(),
        };
        Self { held: Vec::new(), held_bytes: 0, received: 0, file: Some(open) }
    }

    async fn take(&mut self, size: u64, chunk: Bytes) -> Result<(), VersionError> {
        let bytes = chunk.len() as u64;
        // Checked before writing, so that a server cannot fill the disk.
        if bytes > size - self.received {
            let got = self.received.saturating_add(bytes);
            return Err(TransferError::SizeMismatch { expected: size, got }.into());
        }
        self.received += bytes;
        self.held_bytes += chunk.len();
        self.held.push(chunk);
        if self.held_bytes >= BUFFER {
            self.held_bytes = 0;
            let held = std::mem::take(&mut self.held);
            let Some(mut open) = self.file.take() else { return Ok(()) };
            self.file = Some(
                blocking(move || {
                    open.write(&held)?;
                    Ok::<_, VersionError>(open)
                })
                .await?,
            );
        }
        Ok(())
    }

    /// `opaque` says that the tag is no digest.
    async fn publish(&mut self, opaque: bool) -> Result<Done, VersionError> {
        let held = std::mem::take(&mut self.held);
        let Some(mut open) = self.file.take() else {
            return Err(TransferError::Interrupted.into());
        };
        blocking(move || {
            open.write(&held)?;
            if opaque {
                open.digests.distrust_tag();
            }
            open.publish()
        })
        .await
    }
}

impl Open {
    fn write(&mut self, chunks: &[Bytes]) -> Result<(), VersionError> {
        let temporary = match &mut self.temporary {
            Some(temporary) => temporary,
            none => {
                let destination = self.root.destination(&self.local)?;
                let temporary = none.insert(destination.temporary()?);
                self.destination = Some(destination);
                temporary
            }
        };
        for chunk in chunks {
            self.digests.update(chunk);
            (&temporary.file).write_all(chunk).map_err(|source| temporary.failed(source))?;
        }
        Ok(())
    }

    fn publish(self) -> Result<Done, VersionError> {
        let (Some(destination), Some(temporary)) = (self.destination, self.temporary) else {
            return Err(TransferError::Interrupted.into());
        };
        // Nobody waits for it any more, and nobody would record it.
        if self.cancel.is_cancelled() {
            return Err(TransferError::Interrupted.into());
        }
        let content = self.digests.finish()?;
        temporary.file.sync_data().map_err(|source| temporary.failed(source))?;
        let metadata = temporary.publish(&self.root, &destination)?;
        Ok(Done { content, metadata })
    }
}
