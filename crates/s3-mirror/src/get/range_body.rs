//! Consecutive bytes of one version of an object, continued where a connection broke:
//! [`RangeBody`].

use std::ops::Range;
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{BoxStream, StreamExt};
use tokio::time::timeout;

use super::{Answer, Failure, Patience, Pause, Wanted, ended_early, get, is_strong, wrong_answer};
use crate::digest::is_digest;
use crate::{Checksum, Key, Store};

/// Ranges of one object that are fetched at once, if nothing else needs the connections: a store
/// may give each connection a fraction of the line.
pub(crate) const RANGES: usize = 8;

/// A shorter range takes longer to be asked for than to come.
pub(crate) const SHORTEST_RANGE: u64 = 2 << 20;

/// A range of one version of an object, delivered in order.
///
/// An attempt that brought a byte is progress; only attempts without are counted, by [`Patience`].
/// When the connection falls silent, the rest is requested again on a second connection: the one
/// that answers first continues. So a stall costs only a part of the time after which a connection
/// counts as dead.
pub(crate) struct RangeBody<'a> {
    store: &'a Store,
    key: &'a Key,
    /// A strong tag; without one nothing can be continued.
    etag: Option<String>,
    /// Bytes in the whole object.
    size: u64,
    start: u64,
    at: u64,
    end: u64,
    /// Whether a server that ignores ranges is read from the start on.
    skips: bool,
    patience: Patience,
    attempt: Option<Attempt<'a>>,
    /// The second request for the same bytes.
    hedge: Option<Request<'a>>,
    /// Second requests since the last byte.
    hedges: u32,
    /// Whether an answer said that the tag is no digest.
    opaque_tag: bool,
    /// The checksums of the whole object, if its first answer told them.
    checksums: Vec<Checksum>,
}

type Request<'a> = BoxFuture<'a, Result<Body, Step>>;

enum Attempt<'a> {
    Asked(Request<'a>),
    Answered(Body),
}

struct Body {
    chunks: BoxStream<'static, Result<Bytes, Failure>>,
    /// Bytes before the ones that are wanted.
    skip: u64,
    opaque_tag: bool,
}

/// The first silence after which there is a second request, as a part of the longest one that
/// [`ConnectOptions`](crate::ConnectOptions) allows; it doubles as long as nothing comes, and there
/// are so many second requests at most.
const FIRST_SILENCE: u32 = 4;
const HEDGES: u32 = 2;

/// What comes next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Never empty.
    Bytes(Bytes),
    End,
    /// The server does not answer with ranges.
    Unranged,
    /// The request, or the connection; [`RangeBody::again`] knows whether to go on.
    Broken(Failure),
}

impl<'a> RangeBody<'a> {
    /// A range of the version `etag` with `size` bytes. Nothing is asked for yet.
    pub(crate) fn new(
        store: &'a Store,
        key: &'a Key,
        etag: Option<String>,
        size: u64,
        range: Range<u64>,
    ) -> Self {
        Self {
            store,
            key,
            etag,
            size,
            start: range.start,
            at: range.start,
            end: range.end,
            skips: false,
            patience: store.patience(),
            attempt: None,
            hedge: None,
            hedges: 0,
            opaque_tag: false,
            checksums: Vec::new(),
        }
    }

    /// The whole object as it is now, or in the version `etag`. The tag is that of the first
    /// answer, and so is the size, unless the answer leaves it to the one that is known beforehand.
    ///
    /// # Errors
    ///
    /// What the first answer is, if it carries no bytes of the object.
    pub(crate) async fn open(
        store: &'a Store,
        key: &'a Key,
        etag: Option<&str>,
        size: Option<u64>,
    ) -> Result<Self, Failure> {
        let wanted = Wanted { key, range: None, etag, size };
        let mut patience = store.patience();
        loop {
            let failure = match get(store, &wanted).await {
                Ok(answer) if answer.range != (0..answer.size) => {
                    let (got, size) = (answer.range, answer.size);
                    let got = format!("bytes {}-{}/{size}", got.start, got.end);
                    wrong_answer(store, key, "the whole object".to_owned(), got)
                }
                // A page of whatever stands before the server has no tag, and another size.
                Ok(Answer { etag: None, size: got, .. })
                    if store.is_remote() && size != Some(got) =>
                {
                    wrong_answer(store, key, "an entity tag".to_owned(), "none".to_owned())
                }
                Ok(answer) => {
                    let tag = answer.etag.or_else(|| etag.map(str::to_owned));
                    let tag = tag.filter(|etag| is_strong(etag));
                    let mut all = Self::new(store, key, tag, answer.size, answer.range);
                    all.skips = true;
                    all.opaque_tag = answer.opaque_tag;
                    all.checksums = answer.checksums;
                    let (chunks, opaque_tag) = (answer.body, answer.opaque_tag);
                    all.attempt = Some(Attempt::Answered(Body { chunks, skip: 0, opaque_tag }));
                    return Ok(all);
                }
                Err(failure) => failure,
            };
            patience.wait(failure).await?;
        }
    }

    /// The place in the object after the last byte that was delivered.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Bytes in the whole object.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// Whether an answer said that the tag is no digest, whatever it looks like.
    pub(crate) fn has_opaque_tag(&self) -> bool {
        self.opaque_tag
    }

    /// The checksums of the whole object, if its first answer told them.
    pub(crate) fn checksums(&self) -> &[Checksum] {
        &self.checksums
    }

    pub(crate) async fn step(&mut self) -> Step {
        loop {
            let mut attempt = match self.attempt.take() {
                Some(attempt) => attempt,
                None if self.at == self.end => return Step::End,
                None => Attempt::Asked(self.request()),
            };
            let event = self.event(&mut attempt).await;
            let left = self.end - self.at;
            let broken = match (event, attempt) {
                (Event::Answer(Ok(body)) | Event::Overtaken(body), _) => {
                    self.opaque_tag |= body.opaque_tag;
                    self.attempt = Some(Attempt::Answered(body));
                    continue;
                }
                (Event::Answer(Err(Step::Broken(failure))), _) => failure,
                (Event::Answer(Err(step)), _) => return step,
                (Event::Chunk(Some(Ok(mut chunk))), Attempt::Answered(mut body)) => {
                    let skip = body.skip.min(chunk.len() as u64);
                    body.skip -= skip;
                    chunk.advance(usize::try_from(skip).unwrap_or(chunk.len()));
                    if chunk.len() as u64 <= left {
                        // To the very end of the body, so that its connection can be used again.
                        self.attempt = Some(Attempt::Answered(body));
                        if chunk.is_empty() {
                            continue;
                        }
                        self.at += chunk.len() as u64;
                        self.patience.progress();
                        (self.hedge, self.hedges) = (None, 0);
                        return Step::Bytes(chunk);
                    }
                    ended_early(self.store, self.key, self.end, self.at)
                }
                (Event::Chunk(Some(Err(failure))), _) => failure,
                (Event::Chunk(_), _) => ended_early(self.store, self.key, self.end, self.at),
            };
            if left == 0 {
                continue;
            }
            match (broken, self.hedge.take()) {
                (Failure::Transient { .. }, Some(hedge)) => {
                    self.attempt = Some(Attempt::Asked(hedge));
                }
                (broken, _) => return Step::Broken(broken),
            }
        }
    }

    /// What an attempt brings, or that the second request was faster.
    async fn event(&mut self, attempt: &mut Attempt<'a>) -> Event {
        loop {
            if let Some(hedge) = &mut self.hedge {
                tokio::select! {
                    biased;
                    event = attempt.event() => return event,
                    answer = hedge => {
                        self.hedge = None;
                        // What is wrong with the answer will be seen if it is the only one.
                        if let Ok(body) = answer {
                            return Event::Overtaken(body);
                        }
                    }
                }
            }
            match self.silence() {
                None => return attempt.event().await,
                Some(silence) => match timeout(silence, attempt.event()).await {
                    Ok(event) => return event,
                    Err(_) => {
                        tracing::debug!(
                            key = self.key.as_str(),
                            at = self.at,
                            "silent: asked again"
                        );
                        self.hedges += 1;
                        self.hedge = Some(self.request());
                    }
                },
            }
        }
    }

    /// How long to wait before the second request, if there may be one: nothing but a tag proves
    /// that both are answered with the same bytes.
    fn silence(&self) -> Option<Duration> {
        let may = self.etag.is_some() && self.store.is_remote() && self.hedges < HEDGES;
        let part = self.store.options().read_timeout / FIRST_SILENCE;
        (may && self.at < self.end).then_some(part * (1 << self.hedges))
    }

    /// Waits before the next attempt, which [`step`](Self::step) then makes. `told` hears of the
    /// pause.
    ///
    /// # Errors
    ///
    /// The failure when it is final, when patience has run out, or when nothing proves that the
    /// rest belongs to the bytes that were delivered.
    pub(crate) async fn again(
        &mut self,
        failure: Failure,
        told: impl FnOnce(&Pause),
    ) -> Result<(), Failure> {
        if self.etag.is_none() && self.at > self.start {
            return Err(failure);
        }
        let pause = self.patience.next(failure)?;
        told(&pause);
        pause.over().await;
        Ok(())
    }

    /// Goes on from a place to which the bytes have come otherwise. What was asked for is given up.
    pub(crate) fn go_on_from(&mut self, at: u64) {
        (self.attempt, self.hedge) = (None, None);
        self.at = at;
        self.patience.progress();
    }

    /// Time that was spent with what was delivered does not count as time without progress.
    pub(crate) fn rested(&mut self) {
        self.patience.rested();
    }

    /// Asks for the bytes that are missing.
    fn request(&self) -> Request<'a> {
        let (store, key, etag) = (self.store, self.key, self.etag.clone());
        let (at, end, size, skips) = (self.at, self.end, self.size, self.skips);
        async move {
            let etag = etag.as_deref();
            let wanted = Wanted { key, range: Some(at..end), etag, size: Some(size) };
            let answer = get(store, &wanted).await.map_err(Step::Broken)?;
            if answer.size != size {
                return Err(Step::Broken(Failure::Changed));
            }
            // Neither the answer nor, later, the content would tell that this is another version.
            let is_digest = |etag: &str| is_digest(etag) && !answer.opaque_tag;
            if answer.etag.is_none() && etag.is_some_and(|etag| !is_digest(etag)) {
                return Err(Step::Unranged);
            }
            let whole = skips && answer.range.start <= at && answer.range.end == end;
            if answer.range != (at..end) && !whole {
                return Err(Step::Unranged);
            }
            let (chunks, opaque_tag) = (answer.body, answer.opaque_tag);
            Ok(Body { chunks, skip: at - answer.range.start, opaque_tag })
        }
        .boxed()
    }
}

/// What can happen to an attempt.
enum Event {
    Answer(Result<Body, Step>),
    Chunk(Option<Result<Bytes, Failure>>),
    /// A second request was answered first.
    Overtaken(Body),
}

impl Attempt<'_> {
    /// Can be dropped at any time, and asked for again.
    async fn event(&mut self) -> Event {
        match self {
            Self::Asked(request) => Event::Answer(request.await),
            Self::Answered(body) => Event::Chunk(body.chunks.next().await),
        }
    }
}
