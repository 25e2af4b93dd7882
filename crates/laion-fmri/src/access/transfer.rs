//! One gated file onto the disk: ranges, renewed links, repetitions.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Response, StatusCode, Url};
use s3_mirror::{Cancel, Observer, PlanItem};

use super::error::{Cause, cause};
use super::http::{Http, retry_after};
use super::part::Part;
use super::protocol::Grant;
use super::{AccessError, AccessOptions, AccessService, GatedFile, Manifest};
use crate::{Error, Result};

/// A link that was renewed this often in a row is not the reason for the refusal.
const MAX_RENEWALS: u32 = 2;

/// A `Retry-After` of the store is followed this far.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What one file needs to get onto the disk.
pub(crate) struct FileTransfer<'a> {
    pub(crate) service: &'a AccessService,
    pub(crate) manifest: &'a Manifest,
    pub(crate) grant: &'a Grant,
    pub(crate) file: &'a GatedFile,
    pub(crate) item: &'a PlanItem,
    pub(crate) observer: &'a dyn Observer,
}

/// How one request ended.
enum Step {
    /// The body came to its end; whether the file did is for the part to say.
    Ended,
    /// The connection broke, or nothing came for too long.
    Broken(Cause),
    /// The link is not accepted.
    Refused(u16),
    /// The store has no time now.
    Busy(u16, Option<Duration>),
    /// The range that was asked for is not to be had.
    NoRange,
}

/// What has happened since the last progress.
#[derive(Default)]
struct Patience {
    idle: u32,
    renewals: u32,
    /// The furthest byte so far: going back and forth is no progress.
    furthest: u64,
}

impl FileTransfer<'_> {
    /// Fetches what is missing of the file, checks it and gives it its name.
    ///
    /// What arrived stays on disk when it fails or is stopped, unless it proves to be wrong.
    pub(crate) fn run(&self, target: &Path, cancel: &Cancel) -> Result<u64> {
        let mut url = self.grant.link(self.file, self.service.url())?.url.clone();
        let mut part = Part::open(target, self.file, cancel)?;
        let mut patience = Patience::default();
        self.progressed(&part, &mut patience);
        let http = self.service.http()?;
        http.block_on(cancel, async {
            while !part.is_complete() {
                let before = patience.furthest;
                let step = self.request(&http, &url, &mut part, &mut patience).await?;
                if patience.furthest > before {
                    patience = Patience { furthest: patience.furthest, ..Patience::default() };
                }
                if let Step::Refused(status) = step {
                    url = self.renewed(&http, status, &mut patience).await?;
                } else if !part.is_complete() {
                    self.pause(&http.options, step, &mut part, &mut patience).await?;
                }
            }
            Ok(())
        })?;
        part.publish()
    }

    /// Sends one request and writes what comes.
    async fn request(
        &self,
        http: &Http,
        url: &Url,
        part: &mut Part,
        patience: &mut Patience,
    ) -> Result<Step> {
        let mut headers = HeaderMap::new();
        if part.len() > 0 {
            headers.insert(RANGE, value(&format!("bytes={}-", part.len()))?);
            // Weak tags say nothing about bytes.
            if let Some(etag) = part.etag().filter(|etag| etag.starts_with('"')) {
                headers.insert(IF_RANGE, value(etag)?);
            }
        }
        let mut response = match http.file(url, headers).await {
            Ok(response) => response,
            Err(error) => return Ok(Step::Broken(cause(error))),
        };
        if let Some(step) = self.refusal(&response) {
            return Ok(step);
        }
        match self.fits(&response, part)? {
            Fit::Continues => {}
            Fit::Whole => {
                if part.len() > 0 {
                    tracing::debug!(name = self.file.name, "the store sends the whole file again");
                    part.restart()?;
                }
                part.bind(text(&response, ETAG).map(str::to_owned))?;
            }
            Fit::Not => {
                part.restart()?;
                return Ok(Step::NoRange);
            }
        }
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    part.write(&chunk)?;
                    self.progressed(part, patience);
                }
                Ok(None) => return Ok(Step::Ended),
                Err(error) => return Ok(Step::Broken(cause(error))),
            }
        }
    }

    fn refusal(&self, response: &Response) -> Option<Step> {
        let status = response.status();
        match status.as_u16() {
            200 | 206 => None,
            400 | 401 | 403 | 404 | 410 => Some(Step::Refused(status.as_u16())),
            416 => Some(Step::NoRange),
            _ => Some(Step::Busy(status.as_u16(), retry_after(response.headers()))),
        }
    }

    /// Whether the body is what was asked for.
    fn fits(&self, response: &Response, part: &Part) -> Result<Fit> {
        let size = self.file.size;
        if response.status() == StatusCode::OK {
            return match response.content_length() {
                Some(got) if got != size => Err(self.wrong_size(got)),
                _ => Ok(Fit::Whole),
            };
        }
        let Some(range) = text(response, CONTENT_RANGE).and_then(ContentRange::parse) else {
            return Ok(Fit::Not);
        };
        if range.size.is_some_and(|got| got != size) {
            return Err(self.wrong_size(range.size.unwrap_or(0)));
        }
        let same = match (part.etag(), text(response, ETAG)) {
            (Some(before), Some(now)) => before == now,
            _ => true,
        };
        let fits = same && part.len() > 0 && range.first == part.len() && range.last < size;
        Ok(if fits { Fit::Continues } else { Fit::Not })
    }

    fn wrong_size(&self, got: u64) -> Error {
        AccessError::FileSize { name: self.file.name.clone(), expected: self.file.size, got }.into()
    }

    /// Another link, after one was refused.
    async fn renewed(&self, http: &Http, status: u16, patience: &mut Patience) -> Result<Url> {
        let name = || self.file.name.clone();
        if patience.renewals == MAX_RENEWALS {
            return Err(
                AccessError::Denied { name: name(), status, renewed: patience.renewals }.into()
            );
        }
        patience.renewals += 1;
        tracing::debug!(name = self.file.name, status, "the link is renewed");
        let grant = self.service.refreshed(http, self.grant.request_id(), self.manifest).await?;
        Ok(grant.link(self.file, self.service.url())?.url.clone())
    }

    /// Waits before the next request, or gives up.
    async fn pause(
        &self,
        options: &AccessOptions,
        step: Step,
        part: &mut Part,
        patience: &mut Patience,
    ) -> Result<()> {
        patience.idle += 1;
        let attempts = patience.idle;
        let mut wait = options.pause(attempts);
        if let Step::NoRange = step {
            part.restart()?;
        }
        if let Step::Busy(_, Some(asked)) = step {
            wait = asked.clamp(wait, LONGEST_WAIT.max(wait));
        }
        if attempts < options.idle_attempts {
            tracing::debug!(name = self.file.name, received = part.len(), attempts, "going on");
            tokio::time::sleep(wait).await;
            return Ok(());
        }
        let name = self.file.name.clone();
        let source: Cause = match step {
            Step::Busy(status, _) | Step::Refused(status) => {
                return Err(AccessError::FileStatus { name, status, attempts }.into());
            }
            Step::Broken(source) => source,
            Step::Ended => "the connection ended early".into(),
            Step::NoRange => "the store does not send the rest of a file".into(),
        };
        let (received, expected) = (part.len(), self.file.size);
        Err(AccessError::Interrupted { name, received, expected, attempts, source }.into())
    }

    /// Tells the observer what is there for the first time.
    fn progressed(&self, part: &Part, patience: &mut Patience) {
        if part.len() > patience.furthest {
            self.observer.advanced(self.item, part.len() - patience.furthest);
            patience.furthest = part.len();
        }
    }
}

enum Fit {
    /// The bytes that come next.
    Continues,
    /// The file from its start.
    Whole,
    /// Something else.
    Not,
}

/// `bytes FIRST-LAST/SIZE`.
#[derive(Debug, PartialEq, Eq)]
struct ContentRange {
    first: u64,
    last: u64,
    size: Option<u64>,
}

impl ContentRange {
    fn parse(text: &str) -> Option<Self> {
        let (range, size) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let size = if size == "*" { None } else { Some(size.parse().ok()?) };
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (first <= last).then_some(Self { first, last, size })
    }
}

fn text(response: &Response, name: HeaderName) -> Option<&str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text)
        .map_err(|error| Error::io("ask for the rest", ".")(std::io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_an_answer() {
        let range = |first, last, size| Some(ContentRange { first, last, size });
        for (text, expected) in [
            ("bytes 3-9/10", range(3, 9, Some(10))),
            (" bytes 0-0/* ", range(0, 0, None)),
            ("bytes */10", None),
            ("bytes 9-3/10", None),
            ("bytes 3-/10", None),
            ("bytes 3-9", None),
            ("pages 1-2/3", None),
            ("bytes 3-99999999999999999999/10", None),
        ] {
            assert_eq!(ContentRange::parse(text), expected, "{text}");
        }
    }
}
