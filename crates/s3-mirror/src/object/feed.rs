//! The other end of a reader: fetches, hashes and hands over blocks, on the runtime.

use bytes::{Bytes, BytesMut};
use laion_fmri_base::Sha256;
use tokio::sync::{mpsc, oneshot};

use super::error::ObjectError;
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
    let mut digests = Digests::new(&claims, None).knowing(known);
    let mut block = BytesMut::new();
    loop {
        let step = body.step().await;
        if let Step::Bytes(mut chunk) = step {
            // Blocks of one size, so that a queue of them has a size too.
            while !chunk.is_empty() {
                if block.capacity() == 0 {
                    block.reserve(BLOCK);
                }
                let take = chunk.len().min(BLOCK - block.len());
                block.extend_from_slice(&chunk.split_to(take));
                if block.len() == BLOCK {
                    hand_over(&mut block, &mut digests, blocks).await?;
                    body.rested();
                }
            }
            continue;
        }
        // What came before a cut is as good as the rest.
        hand_over(&mut block, &mut digests, blocks).await?;
        let failure = match step {
            Step::End => break,
            Step::Broken(failure) => failure,
            Step::Unranged | Step::Bytes(_) => Failure::Changed,
        };
        body.rested();
        if let Err(failure) = body.again(failure, |_| {}).await {
            return Some(Err(ObjectError::of(failure, store, key, etag.as_deref())));
        }
    }
    match digests.finish_hashed() {
        Ok((content, sha256)) => {
            blocks.send(Ok(Chunk::End(content, sha256))).await.ok()?;
            Some(Ok(()))
        }
        Err(mismatch) => Some(Err(ObjectError::mismatch(mismatch, store, key))),
    }
}

async fn hand_over(
    block: &mut BytesMut,
    digests: &mut Digests,
    blocks: &mpsc::Sender<Message>,
) -> Option<()> {
    if block.is_empty() {
        return Some(());
    }
    digests.update(block);
    blocks.send(Ok(Chunk::Block(std::mem::take(block).freeze()))).await.ok()
}
