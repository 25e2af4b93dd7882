//! The other end of a reader: fetches, hashes and hands over blocks, on the runtime.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use laion_fmri_base::Sha256;
use tokio::sync::{mpsc, oneshot};

use super::bottleneck::Bottleneck;
use super::error::ObjectError;
use super::ranges::{Ended, LEAST, ParallelRanges};
use super::{ObjectOptions, Opened};
use crate::digest::{Claims, Digests};
use crate::get::{Failure, RangeBody, Step};
use crate::{Content, Key, Store};

/// Bytes that are hashed and handed over in one go.
const BLOCK: usize = 256 << 10;

/// Blocks that are held for a reader which is slower than the connection: 4 MiB.
const AHEAD: usize = 16;

/// What a reader gets.
#[derive(Debug)]
pub(super) enum Chunk {
    Block(Bytes),
    /// Everything came, and is what its tag says.
    End(Content, Sha256),
}

pub(super) type Message = Result<Chunk, ObjectError>;

pub(super) fn queue() -> (mpsc::Sender<Message>, mpsc::Receiver<Message>) {
    mpsc::channel(AHEAD)
}

/// Fetches until the end, an error, or a reader that is gone. A cancelled one just ends.
pub(super) async fn feed(
    store: Store,
    key: Key,
    options: ObjectOptions,
    opened: oneshot::Sender<Result<Opened, ObjectError>>,
    blocks: mpsc::Sender<Message>,
) {
    let work = async {
        let wanted = options.etag.as_deref();
        let body = match RangeBody::open(&store, &key, wanted, options.size).await {
            Ok(body) => body,
            Err(failure) => {
                // Whoever does not wait any more needs no answer; the same below.
                let _ = opened.send(Err(ObjectError::of(failure, &store, &key, wanted)));
                return;
            }
        };
        let etag = body.etag().map(str::to_owned);
        let _ = opened.send(Ok(Opened { size: body.size(), etag: etag.clone() }));
        // Of no version, it could be that of any other.
        let known = options.sha256.filter(|_| wanted.is_some() && etag.is_some());
        if let Some(Err(error)) = deliver(&store, &key, body, (etag, known), &blocks).await {
            let _ = blocks.send(Err(error)).await;
        }
    };
    tokio::select! {
        biased;
        () = options.cancel.cancelled() => {}
        () = work => {}
    }
}

/// `None` when nobody reads any more.
async fn deliver(
    store: &Store,
    key: &Key,
    mut body: RangeBody<'_>,
    (etag, known): (Option<String>, Option<Sha256>),
    blocks: &mpsc::Sender<Message>,
) -> Option<Result<(), ObjectError>> {
    let mut claims = Claims {
        etag: etag.as_deref().filter(|_| !body.has_opaque_tag()),
        checksums: body.checksums(),
        size: body.size(),
        ..Claims::default()
    };
    if let (Some(etag), Some(bucket)) = (&etag, store.bucket())
        && claims.need_part_size()
    {
        claims.part_size = bucket.first_part(key, etag).await;
    }
    let digests = Digests::new(&claims, None).knowing(known);
    let mut delivery = Delivery::new(digests, blocks);
    let failed = |failure| Some(Err(ObjectError::of(failure, store, key, etag.as_deref())));
    // Nothing but a tag proves that ranges are of the same bytes.
    let mut tag = etag.as_deref().filter(|_| store.is_remote());
    let mut block = delivery.room();
    loop {
        let step = body.step().await;
        if let Step::Bytes(mut chunk) = step {
            // Blocks of one size, so that a queue of them has a size too.
            while !chunk.is_empty() {
                let take = chunk.len().min(BLOCK - block.len());
                block.extend_from_slice(&chunk.split_to(take));
                if block.len() == BLOCK {
                    delivery.hand_over_filled(&mut block).await?;
                    body.rested();
                }
            }
            if let Some(etag) = tag
                && delivery.bottleneck.is_connection()
                && body.size() - body.at() >= LEAST
            {
                tag = None;
                delivery.hand_over_filled(&mut block).await?;
                match deliver_ranges((store, key, etag), &mut body, &mut delivery).await? {
                    // What is left, if anything is, comes over one connection.
                    Ok(()) | Err(Ended::Unranged) => {}
                    Err(Ended::Failed(failure)) => return failed(failure),
                    Err(Ended::Interrupted) => return None,
                }
            }
            continue;
        }
        // What came before a cut is as good as the rest.
        delivery.hand_over_filled(&mut block).await?;
        let failure = match step {
            Step::End => break,
            Step::Broken(failure) => failure,
            Step::Unranged | Step::Bytes(_) => Failure::Changed,
        };
        body.rested();
        if let Err(failure) = body.again(failure, |_| {}).await {
            return failed(failure);
        }
    }
    match delivery.digests.finish_hashed() {
        Ok((content, sha256)) => {
            blocks.send(Ok(Chunk::End(content, sha256))).await.ok()?;
            Some(Ok(()))
        }
        Err(mismatch) => Some(Err(ObjectError::mismatch(mismatch, store, key))),
    }
}

/// Hands over what is left of a body by several connections. Afterwards the body is where they
/// ended. `None` when nobody reads any more.
async fn deliver_ranges(
    (store, key, etag): (&Store, &Key, &str),
    body: &mut RangeBody<'_>,
    delivery: &mut Delivery<'_>,
) -> Option<Result<(), Ended>> {
    let mut at = body.at();
    tracing::debug!(key = key.as_str(), at, "slow: the rest in parallel ranges");
    body.go_on_from(at);
    let mut ranges = ParallelRanges::new(store, key, etag, body.size(), at);
    while let Some(range) = ranges.next().await {
        let mut range = match range {
            Ok(range) => range,
            Err(ended) => return Some(Err(ended)),
        };
        at += range.len() as u64;
        while !range.is_empty() {
            delivery.hand_over(range.split_to(range.len().min(BLOCK))).await?;
        }
        body.go_on_from(at);
    }
    Some(Ok(()))
}

/// Blocks on their way to the reader, which are hashed.
struct Delivery<'a> {
    digests: Digests,
    blocks: &'a mpsc::Sender<Message>,
    /// Blocks that were handed over, the oldest first. Their memory is filled again when the reader
    /// has left it, which costs less than new memory from the system.
    filled: VecDeque<Bytes>,
    bottleneck: Bottleneck,
}

impl<'a> Delivery<'a> {
    fn new(digests: Digests, blocks: &'a mpsc::Sender<Message>) -> Self {
        let bottleneck = Bottleneck::new(Instant::now());
        Self { digests, blocks, filled: VecDeque::new(), bottleneck }
    }

    /// Room for a block.
    fn room(&mut self) -> BytesMut {
        match self.filled.pop_front().map(Bytes::try_into_mut) {
            Some(Ok(mut room)) => {
                room.clear();
                return room;
            }
            // The reader is not there yet.
            Some(Err(block)) => self.filled.push_front(block),
            None => {}
        }
        BytesMut::with_capacity(BLOCK)
    }

    /// Hands over a block, if there is anything in it, and leaves room for the next one.
    async fn hand_over_filled(&mut self, block: &mut BytesMut) -> Option<()> {
        if block.is_empty() {
            return Some(());
        }
        let room = self.room();
        let block = std::mem::replace(block, room).freeze();
        self.filled.push_back(block.clone());
        self.hand_over(block).await
    }

    async fn hand_over(&mut self, block: Bytes) -> Option<()> {
        self.digests.update(&block);
        let (reader_waits, length) = (self.blocks.capacity() == AHEAD, block.len());
        self.blocks.send(Ok(Chunk::Block(block))).await.ok()?;
        // After the reader was waited for, if it was.
        self.bottleneck.note(reader_waits, length, Instant::now());
        Some(())
    }
}
