//! How stubbornly requests follow each other: [`Patience`].

use std::time::{Duration, Instant};

use super::Failure;
use crate::listing::next_pause;
use crate::{ConnectOptions, Error};

/// Counts attempts without progress. Any byte that was not there before resets it.
#[derive(Debug)]
pub(crate) struct Patience<'a> {
    options: &'a ConnectOptions,
    idle: usize,
    since: Instant,
    pause: Duration,
}

impl<'a> Patience<'a> {
    pub(crate) fn new(options: &'a ConnectOptions) -> Self {
        Self { options, idle: 0, since: Instant::now(), pause: options.first_pause }
    }

    pub(crate) fn progress(&mut self) {
        (self.idle, self.pause) = (0, self.options.first_pause);
        self.rested();
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
pub(crate) fn error_of(failure: Failure) -> Option<Error> {
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
}
