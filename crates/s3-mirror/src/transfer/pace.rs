//! How fast and how stubbornly requests follow each other: [`Pace`] and [`Patience`].

use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::get::Failure;
use crate::listing::next_pause;
use crate::{ConnectOptions, Error};

/// An upper bound on bytes per second, shared by all transfers of a run.
#[derive(Debug)]
pub(super) struct Pace {
    rate: Option<NonZeroU64>,
    /// When the bytes that were let through so far are paid for.
    paid: Mutex<Instant>,
}

/// How far ahead of its rate a run may be; a shorter time would only cost wake-ups.
const SLACK: Duration = Duration::from_millis(50);

impl Pace {
    pub(super) fn new(rate: Option<NonZeroU64>) -> Self {
        Self { rate, paid: Mutex::new(Instant::now()) }
    }

    /// Waits until `bytes` more may be taken.
    pub(super) async fn take(&self, bytes: usize) {
        let Some(rate) = self.rate else { return };
        let cost = Duration::from_secs_f64(bytes as f64 / rate.get() as f64);
        let paid = {
            let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
            *paid = (*paid).max(Instant::now()) + cost;
            *paid
        };
        let ahead = paid.saturating_duration_since(Instant::now());
        if ahead > SLACK {
            tokio::time::sleep(ahead).await;
        }
    }
}

/// Counts attempts without progress. Any byte that was not there before resets it.
#[derive(Debug)]
pub(super) struct Patience<'a> {
    options: &'a ConnectOptions,
    idle: usize,
    since: Instant,
    pause: Duration,
}

impl<'a> Patience<'a> {
    pub(super) fn new(options: &'a ConnectOptions) -> Self {
        Self { options, idle: 0, since: Instant::now(), pause: options.first_pause }
    }

    pub(super) fn progress(&mut self) {
        (self.idle, self.pause) = (0, self.options.first_pause);
        self.since = Instant::now();
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    ///
    /// The failure itself when it is final or patience has run out.
    pub(super) async fn wait(&mut self, failure: Failure) -> Result<(), Failure> {
        let Failure::Transient { error, after } = failure else { return Err(failure) };
        if self.idle >= self.options.max_retries
            || self.since.elapsed() > self.options.retry_timeout
        {
            return Err(Failure::Transient { error, after });
        }
        self.idle += 1;
        tracing::debug!(%error, attempts = self.idle, "again");
        // A cut after progress is not the server's wish for a pause.
        tokio::time::sleep(self.pause.max(after.unwrap_or_default())).await;
        self.pause = next_pause(self.options.first_pause, self.pause);
        Ok(())
    }
}

/// The error of a failure that is not about a changed object.
pub(super) fn error_of(failure: Failure) -> Option<Error> {
    match failure {
        Failure::Changed => None,
        Failure::Final(error) | Failure::Transient { error, .. } => Some(error),
    }
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

    #[tokio::test]
    async fn bytes_are_paid_with_time() {
        let pace = Pace::new(NonZeroU64::new(1_000_000));
        let start = Instant::now();
        for _ in 0..10 {
            pace.take(30_000).await;
        }
        let seconds = start.elapsed().as_secs_f64();
        assert!((0.24..1.5).contains(&seconds), "{seconds}");
        let free = Pace::new(None);
        free.take(usize::MAX).await;
    }
}
