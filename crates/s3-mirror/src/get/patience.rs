//! When a failed request is repeated, and when it is given up: [`Patience`].

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use laion_fmri_base::lock;

use super::Failure;
use crate::{ConnectOptions, Error};

/// Longest pause between two attempts that no server has asked for.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A question that waits so long before it is asked again says so.
const NOTED_PAUSE: Duration = Duration::from_secs(2);

/// Counts attempts without progress. Any byte that was not there before resets it.
///
/// Everything that is asked of a server is repeated by this rule: listings, objects, and what a caller
/// asks of a server of its own.
#[derive(Clone, Debug)]
pub struct Patience {
    max_retries: usize,
    retry_timeout: Duration,
    first_pause: Duration,
    idle: usize,
    since: Instant,
    pause: Duration,
    outage: Option<Arc<Outage>>,
}

/// How long all requests of a run together have met nothing but failures that may pass.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    since: Mutex<Option<Instant>>,
}

impl Outage {
    fn failed(&self) {
        lock(&self.since).get_or_insert_with(Instant::now);
    }

    /// Something else came.
    pub(crate) fn over(&self) {
        *lock(&self.since) = None;
    }

    pub(crate) fn lasts(&self) -> Duration {
        lock(&self.since).map_or(Duration::ZERO, |since| since.elapsed())
    }
}

impl Patience {
    /// The patience of these options, with nothing tried yet.
    #[must_use]
    pub fn new(options: &ConnectOptions) -> Self {
        Self {
            max_retries: options.max_retries,
            retry_timeout: options.retry_timeout,
            first_pause: options.first_pause,
            idle: 0,
            since: Instant::now(),
            pause: options.first_pause,
            outage: None,
        }
    }

    /// The same, also bounded by the failures of other requests.
    pub(crate) fn within(mut self, outage: Option<&Arc<Outage>>) -> Self {
        self.outage = outage.cloned();
        self
    }

    /// How long to wait before the next attempt; `None` when there should be none.
    ///
    /// `asked` is the pause that the server asks for ([`retry_after`]). It is followed as far as
    /// [`ConnectOptions::retry_timeout`].
    pub fn pause(&mut self, asked: Option<Duration>) -> Option<Duration> {
        if self.idle >= self.max_retries || self.since.elapsed() > self.retry_timeout {
            return None;
        }
        self.idle += 1;
        let asked = asked.unwrap_or_default().min(self.retry_timeout);
        let pause = self.pause.max(asked);
        self.pause = next_pause(self.first_pause, self.pause);
        Some(pause)
    }

    pub(crate) fn progress(&mut self) {
        (self.idle, self.pause) = (0, self.first_pause);
        self.rested();
        if let Some(outage) = &self.outage {
            outage.over();
        }
    }

    /// Time in which nothing was asked for does not count.
    pub(crate) fn rested(&mut self) {
        self.since = Instant::now();
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    ///
    /// The failure itself when it is final or patience has run out.
    pub(crate) async fn wait(&mut self, failure: Failure) -> Result<(), Failure> {
        self.next(failure)?.over().await;
        Ok(())
    }

    /// The pause before the next attempt.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub(crate) fn next(&mut self, failure: Failure) -> Result<Pause, Failure> {
        let Failure::Transient { error, after } = failure else {
            if let Some(outage) = &self.outage {
                outage.over();
            }
            return Err(failure);
        };
        if let Some(outage) = &self.outage {
            outage.failed();
            if outage.lasts() > self.retry_timeout {
                return Err(Failure::Transient { error, after });
            }
        }
        let Some(length) = self.pause(after) else {
            return Err(Failure::Transient { error, after });
        };
        tracing::debug!(%error, attempts = self.idle, "again");
        Ok(Pause { error, length, asked: after })
    }
}

/// A pause before a request is sent again.
#[derive(Debug)]
pub(crate) struct Pause {
    /// What the last attempt met.
    pub(crate) error: Error,
    pub(crate) length: Duration,
    /// What the server asks for, which may be more.
    pub(crate) asked: Option<Duration>,
}

impl Pause {
    /// Waits until it is over.
    pub(crate) async fn over(self) {
        tokio::time::sleep(self.length).await;
    }
}

/// Asks until there is an answer, a failure that is final, or no patience left.
pub(crate) async fn repeat<T, F: Future<Output = Result<T, Failure>>>(
    options: &ConnectOptions,
    attempt: impl Fn() -> F,
) -> Result<T, Failure> {
    let mut patience = Patience::new(options);
    loop {
        match attempt().await {
            Ok(answer) => return Ok(answer),
            Err(failure) => {
                let pause = patience.next(failure)?;
                // Somebody waits for this answer, and no observer tells why it takes so long.
                if pause.length >= NOTED_PAUSE {
                    let seconds = pause.length.as_secs();
                    tracing::warn!("{}; asked again in {seconds} s", pause.error);
                }
                pause.over().await;
            }
        }
    }
}

/// The error of a failure that is not about a changed object.
pub(crate) fn error_of(failure: Failure) -> Option<Error> {
    match failure {
        Failure::Changed => None,
        Failure::Final(error) | Failure::Transient { error, .. } => Some(error),
    }
}

/// Whether a server that answers a request with this status may answer the same request otherwise:
/// 408, 425, 429 and 5xx.
#[must_use]
pub fn is_transient_status(status: u16) -> bool {
    matches!(status, 408 | 425 | 429) || status >= 500
}

/// The pause that a `Retry-After` header asks for, in seconds or as a date (RFC 9110, section 10.2.3).
#[must_use]
pub fn retry_after(header: &str) -> Option<Duration> {
    match header.trim().parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let date = chrono::DateTime::parse_from_rfc2822(header.trim()).ok()?;
            Some(SystemTime::from(date).duration_since(SystemTime::now()).unwrap_or_default())
        }
    }
}

/// Between the last pause and thrice the last one, with an upper bound. Pauses never shrink for long:
/// otherwise the attempts would be used up seconds after a server went away.
fn next_pause(first: Duration, last: Duration) -> Duration {
    // A fresh `RandomState` is the randomness that std has; this needs no better one.
    let random = (RandomState::new().hash_one(0_u8) % 1024) as f64 / 1024.0;
    let next = last.mul_f64(1.0 + 2.0 * random).max(first);
    // At the bound too, connections do not come back all at once.
    if next < LONGEST_PAUSE { next } else { LONGEST_PAUSE.mul_f64(1.0 - random / 4.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy() -> Failure {
        let error = Error::NoSuchBucket { location: "x".to_owned() };
        Failure::Transient { error, after: None }
    }

    #[tokio::test]
    async fn progress_resets_the_count() {
        let first_pause = Duration::from_millis(1);
        let options = ConnectOptions { max_retries: 2, first_pause, ..ConnectOptions::default() };
        let mut patience = Patience::new(&options);
        for _ in 0..5 {
            patience.wait(busy()).await.unwrap();
            patience.wait(busy()).await.unwrap();
            patience.progress();
        }
        patience.wait(busy()).await.unwrap();
        patience.wait(busy()).await.unwrap();
        assert!(matches!(patience.wait(busy()).await, Err(Failure::Transient { .. })));
        assert!(matches!(patience.wait(Failure::Changed).await, Err(Failure::Changed)));
    }

    #[tokio::test]
    async fn the_servers_wish_is_respected() {
        let first_pause = Duration::from_millis(1);
        let options = ConnectOptions { first_pause, ..ConnectOptions::default() };
        let start = Instant::now();
        let error = Error::NoSuchBucket { location: "x".to_owned() };
        let after = Some(Duration::from_millis(120));
        let mut patience = Patience::new(&options);
        patience.wait(Failure::Transient { error, after }).await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(120));
    }

    #[test]
    fn the_servers_wish_is_followed_as_far_as_the_options_say() {
        let retry_timeout = Duration::from_secs(20);
        let options = ConnectOptions { retry_timeout, ..ConnectOptions::default() };
        let mut patience = Patience::new(&options);
        assert_eq!(patience.pause(Some(Duration::from_secs(7))), Some(Duration::from_secs(7)));
        assert_eq!(patience.pause(Some(Duration::MAX)), Some(retry_timeout));
    }

    #[test]
    fn the_attempts_last_as_long_as_the_time_that_is_promised() {
        for _ in 0..20 {
            let options = ConnectOptions::default();
            let mut patience = Patience::new(&options);
            let pauses = std::iter::from_fn(|| patience.pause(None));
            let waited: Duration = pauses.sum();
            assert!(waited >= options.retry_timeout, "{waited:?}");
        }
    }

    #[test]
    fn pauses_that_servers_ask_for() {
        assert_eq!(retry_after("7"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(retry_after("99999999"), Some(Duration::from_secs(99_999_999)));
        assert_eq!(retry_after("soon"), None);
    }

    #[test]
    fn which_statuses_may_pass() {
        for status in [408, 425, 429, 500, 503, 599] {
            assert!(is_transient_status(status), "{status}");
        }
        for status in [200, 301, 400, 403, 404, 418] {
            assert!(!is_transient_status(status), "{status}");
        }
    }

    #[test]
    fn pauses_grow_within_bounds() {
        let first = Duration::from_millis(100);
        let mut pause = first;
        for _ in 0..50 {
            let next = next_pause(first, pause);
            assert!(next >= first && next <= (pause * 3).max(first) && next <= LONGEST_PAUSE);
            pause = next;
        }
    }
}
