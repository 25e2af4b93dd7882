//! HTTP with limits: how long, how often and how much.

use std::future::Future;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, StatusCode, Url};
use s3_mirror::{Cancel, ConnectOptions, HttpClient, Patience, is_transient_status, retry_after};

use super::AccessError;
use super::error::cause;
use crate::remote::Background;
use crate::{Error, Result};

/// More than any answer of the service; bodies are read no further.
pub(super) const LARGEST_ANSWER: usize = 1 << 20;

/// No chain of redirects is longer.
const MAX_REDIRECTS: usize = 5;

/// How patient the client is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AccessOptions {
    /// Longest wait for a connection (default 5 s).
    pub connect_timeout: Duration,
    /// Longest wait for the whole answer to a call (default 30 s).
    pub call_timeout: Duration,
    /// Longest silence while a file is read (default 10 s); then a new request continues it.
    pub read_timeout: Duration,
    /// How often a call is tried (default 3). What may have reached the service is repeated only when
    /// repeating it changes nothing.
    pub call_attempts: u32,
    /// How often a file is tried again without a new byte in between (default 6).
    pub idle_attempts: u32,
    /// Pause before the first repetition (default 300 ms); later pauses grow up to thrice the previous
    /// one, with jitter, and stay below 10 s.
    pub first_pause: Duration,
    /// How long a `Retry-After` of the service is followed (default 5 s); a longer one is reported.
    pub longest_wait: Duration,
}

impl Default for AccessOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(30),
            read_timeout: Duration::from_secs(10),
            call_attempts: 3,
            idle_attempts: 6,
            first_pause: Duration::from_millis(300),
            longest_wait: Duration::from_secs(5),
        }
    }
}

impl AccessOptions {
    /// Another longest wait for a connection.
    #[must_use]
    pub fn connect_timeout(mut self, wait: Duration) -> Self {
        self.connect_timeout = wait;
        self
    }

    /// Another longest wait for the whole answer to a call.
    #[must_use]
    pub fn call_timeout(mut self, wait: Duration) -> Self {
        self.call_timeout = wait;
        self
    }

    /// Another longest silence while a file is read.
    #[must_use]
    pub fn read_timeout(mut self, silence: Duration) -> Self {
        self.read_timeout = silence;
        self
    }

    /// Another number of times that a call is tried.
    #[must_use]
    pub fn call_attempts(mut self, attempts: u32) -> Self {
        self.call_attempts = attempts;
        self
    }

    /// Another number of times that a file is tried without a new byte.
    #[must_use]
    pub fn idle_attempts(mut self, attempts: u32) -> Self {
        self.idle_attempts = attempts;
        self
    }

    /// Another pause before the first repetition.
    #[must_use]
    pub fn first_pause(mut self, pause: Duration) -> Self {
        self.first_pause = pause;
        self
    }

    /// Another time for which a `Retry-After` is followed.
    #[must_use]
    pub fn longest_wait(mut self, wait: Duration) -> Self {
        self.longest_wait = wait;
        self
    }

    /// How patient calls are.
    fn of_calls(&self) -> ConnectOptions {
        let mut options = ConnectOptions::default();
        options.max_retries = self.call_attempts.saturating_sub(1) as usize;
        options.first_pause = self.first_pause;
        options
    }

    /// How patient files are.
    pub(super) fn of_files(&self) -> ConnectOptions {
        let mut options = ConnectOptions::default();
        options.connect_timeout = self.connect_timeout;
        options.read_timeout = self.read_timeout;
        options.max_retries = self.idle_attempts.saturating_sub(1) as usize;
        options.first_pause = self.first_pause;
        options
    }
}

/// Clients with the runtime that their connections live on.
pub(super) struct Http {
    runtime: Background,
    calls: Client,
    files: Client,
    pub(super) options: AccessOptions,
}

/// What a call answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    pub(super) location: Option<String>,
    pub(super) body: Vec<u8>,
}

/// One call of the protocol.
pub(super) struct Call {
    pub(super) url: Url,
    /// The JSON that is posted; without one it is a GET.
    pub(super) body: Option<String>,
    /// Whether sending it twice is the same as sending it once.
    pub(super) repeatable: bool,
}

enum Failure {
    Transport(reqwest::Error),
    TooLarge,
}

impl Http {
    /// With `https` nothing else is spoken, also after redirects; without it, only on loopback.
    pub(super) fn new(options: AccessOptions, https: bool) -> Result<Self> {
        let runtime = Background::start(1)?;
        let builder = || {
            // Without https it is a loopback address, which no proxy knows.
            let builder = Client::builder();
            let builder = if https { builder } else { builder.no_proxy() };
            builder
                .connect_timeout(options.connect_timeout)
                .https_only(https)
                // A referrer would tell the next server the signed link.
                .referer(false)
                .user_agent(concat!("laion-fmri/", env!("CARGO_PKG_VERSION")))
        };
        let failed = |error: reqwest::Error| {
            Error::io("set up HTTPS", ".")(std::io::Error::other(cause(error)))
        };
        let calls = builder()
            .timeout(options.call_timeout)
            // What is posted is for one server only.
            .redirect(Policy::custom(same_server))
            .build()
            .map_err(failed)?;
        let files = builder()
            .read_timeout(options.read_timeout)
            .redirect(Policy::limited(MAX_REDIRECTS))
            .build()
            .map_err(failed)?;
        Ok(Self { runtime, calls, files, options })
    }

    /// Waits for `future`, or for `cancel`.
    pub(super) fn block_on<T: Send>(
        &self,
        cancel: &Cancel,
        future: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = cancel.cancelled() => Err(Error::Cancelled),
                done = future => done,
            }
        })
    }

    /// Waits for `future`, which knows itself when to stop.
    pub(super) fn wait<F>(&self, future: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send,
    {
        self.runtime.block_on(future)
    }

    /// What files are asked for with.
    pub(super) fn files(&self) -> HttpClient {
        HttpClient::new(self.files.clone())
    }

    /// Sends a call until it is answered, as often as that is safe.
    pub(super) async fn call(&self, call: &Call) -> Result<Answer, AccessError> {
        let mut patience = Patience::new(&self.options.of_calls());
        let mut attempts = 0;
        loop {
            attempts += 1;
            let outcome = self.once(call).await;
            let asked = outcome.as_ref().ok().and_then(|answer| answer.retry_after);
            let url = without_query(&call.url);
            if self.may_repeat(&outcome, call)
                && let Some(pause) = patience.pause(asked)
            {
                tracing::debug!(url, attempts, "asking again");
                tokio::time::sleep(pause).await;
                continue;
            }
            return outcome.map_err(|failure| match failure {
                Failure::TooLarge => AccessError::TooLarge { url, limit: LARGEST_ANSWER },
                Failure::Transport(error) => {
                    AccessError::Unreachable { url, attempts, source: cause(error) }
                }
            });
        }
    }

    async fn once(&self, call: &Call) -> Result<Answer, Failure> {
        let request = match &call.body {
            None => self.calls.get(call.url.clone()),
            Some(body) => self
                .calls
                .post(call.url.clone())
                .header(CONTENT_TYPE, "application/json")
                .body(body.clone()),
        };
        let request = request.header(ACCEPT, "application/json");
        let mut response = request.send().await.map_err(Failure::Transport)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(Failure::Transport)? {
            if chunk.len() > LARGEST_ANSWER - body.len() {
                return Err(Failure::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        Ok(Answer {
            status: response.status(),
            retry_after: text(RETRY_AFTER).and_then(retry_after),
            location: text(LOCATION).map(str::to_owned),
            body,
        })
    }

    fn may_repeat(&self, outcome: &Result<Answer, Failure>, call: &Call) -> bool {
        match outcome {
            Ok(answer) => {
                let status = answer.status.as_u16();
                let soon = answer.retry_after.map(|wait| wait <= self.options.longest_wait);
                match status {
                    429 => soon == Some(true),
                    _ => call.repeatable && is_transient_status(status) && soon != Some(false),
                }
            }
            Err(Failure::Transport(error)) => {
                error.is_connect() || call.repeatable && !error.is_timeout()
            }
            Err(Failure::TooLarge) => false,
        }
    }
}

/// An address as it may be shown.
pub(super) fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

fn same_server(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let same = attempt.previous().iter().all(|url| url.origin() == attempt.url().origin());
    if same && attempt.previous().len() <= MAX_REDIRECTS {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_addresses_have_no_query() {
        let url = Url::parse("https://a.example/x?sig=SECRET#f").unwrap();
        assert_eq!(without_query(&url), "https://a.example/x");
    }
}
