//! Consecutive bytes of one version of an object, continued where a connection broke: [`Stretch`].

use std::ops::Range;

use bytes::{Buf, Bytes};
use futures::stream::{BoxStream, StreamExt};

use super::{Answer, Failure, Patience, Wanted, ended_early, get, is_strong, wrong_answer};
use crate::{Key, Store};

/// A range of one version of an object, delivered in order.
///
/// An attempt that brought a byte is progress; only attempts without are counted, by [`Patience`].
pub(crate) struct Stretch<'a> {
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
    patience: Patience<'a>,
    body: Option<Body>,
}

struct Body {
    chunks: BoxStream<'static, Result<Bytes, Failure>>,
    /// Bytes before the ones that are wanted.
    skip: u64,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Never empty.
    Bytes(Bytes),
    End,
    /// The server does not answer with ranges.
    Unranged,
    /// The request, or the connection; [`Stretch::again`] knows whether to go on.
    Broken(Failure),
}

impl<'a> Stretch<'a> {
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
            patience: Patience::new(store.options()),
            body: None,
        }
    }

    /// The whole object as it is now, or in the version `etag`. The size and the tag are those of the
    /// first answer.
    ///
    /// # Errors
    ///
    /// What the first answer is, if it carries no bytes of the object.
    pub(crate) async fn open(
        store: &'a Store,
        key: &'a Key,
        etag: Option<&str>,
    ) -> Result<Self, Failure> {
        let wanted = Wanted { key, range: None, etag };
        let mut patience = Patience::new(store.options());
        loop {
            let failure = match get(store, &wanted).await {
                Ok(answer) if answer.range != (0..answer.size) => {
                    let (got, size) = (answer.range, answer.size);
                    let got = format!("bytes {}-{}/{size}", got.start, got.end);
                    wrong_answer(store, key, "the whole object".to_owned(), got)
                }
                // No S3 server leaves the tag out, but what stands before one does.
                Ok(Answer { etag: None, .. }) if store.objects().is_some() => {
                    wrong_answer(store, key, "an entity tag".to_owned(), "none".to_owned())
                }
                Ok(answer) => {
                    let etag = answer.etag.filter(|etag| is_strong(etag));
                    let mut all = Self::new(store, key, etag, answer.size, answer.range);
                    all.skips = true;
                    all.body = Some(Body { chunks: answer.body, skip: 0 });
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

    pub(crate) async fn step(&mut self) -> Step {
        loop {
            let Some(body) = &mut self.body else {
                if self.at == self.end {
                    return Step::End;
                }
                match self.request().await {
                    Ok(body) => self.body = Some(body),
                    Err(step) => return step,
                }
                continue;
            };
            // To the very end of the body, so that its connection can be used again.
            let next = body.chunks.next().await;
            let left = self.end - self.at;
            let broken = match next {
                Some(Ok(mut chunk)) => {
                    let skip = body.skip.min(chunk.len() as u64);
                    body.skip -= skip;
                    chunk.advance(usize::try_from(skip).unwrap_or(chunk.len()));
                    if chunk.is_empty() {
                        continue;
                    }
                    if chunk.len() as u64 <= left {
                        self.at += chunk.len() as u64;
                        self.patience.progress();
                        return Step::Bytes(chunk);
                    }
                    ended_early(self.store, self.key, self.end, self.at)
                }
                Some(Err(failure)) => failure,
                None => ended_early(self.store, self.key, self.end, self.at),
            };
            self.body = None;
            if left > 0 {
                return Step::Broken(broken);
            }
        }
    }

    /// Waits before the next attempt, which [`step`](Self::step) then makes.
    ///
    /// # Errors
    ///
    /// The failure when it is final, when patience has run out, or when nothing proves that the rest
    /// belongs to the bytes that were delivered.
    pub(crate) async fn again(&mut self, failure: Failure) -> Result<(), Failure> {
        if self.etag.is_none() && self.at > self.start {
            return Err(failure);
        }
        self.patience.wait(failure).await
    }

    /// Time that was spent with what was delivered is no time without progress.
    pub(crate) fn rested(&mut self) {
        self.patience.rested();
    }

    async fn request(&mut self) -> Result<Body, Step> {
        let (at, end) = (self.at, self.end);
        let wanted = Wanted { key: self.key, range: Some(at..end), etag: self.etag.as_deref() };
        let answer = get(self.store, &wanted).await.map_err(Step::Broken)?;
        if answer.size != self.size {
            return Err(Step::Broken(Failure::Changed));
        }
        let whole = self.skips && answer.range.start <= at && answer.range.end == end;
        if answer.range != (at..end) && !whole {
            return Err(Step::Unranged);
        }
        Ok(Body { chunks: answer.body, skip: at - answer.range.start })
    }
}
