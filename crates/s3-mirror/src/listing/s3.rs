//! Listing an S3 bucket by its own protocol (`ListObjectsV2`).
//!
//! `object_store` parses every listed key into its path type, so that one key such as `a//b` fails a
//! whole page and `a/` is taken for `a`; it also hides the status of a failed listing. Keys, prefixes
//! and statuses are read here as the server sends them, over `object_store`'s HTTP client.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use futures::stream::{self, Stream, TryStreamExt};
use object_store::client::{
    HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Listing, xml};
use crate::store::LONGEST_PAUSE;
use crate::{ConnectOptions, Error, Location, error};

/// A page of 1000 keys of 1024 bytes, each byte percent-encoded, stays well below this.
const LARGEST_ANSWER: usize = 16 << 20;

/// How often an address that cannot be connected to is tried again.
const CONNECT_RETRIES: usize = 2;

/// The listing half of an S3 location.
#[derive(Debug)]
pub(crate) struct S3Listing {
    client: HttpClient,
    bucket_url: String,
    region: Option<String>,
    options: ConnectOptions,
}

impl S3Listing {
    pub(crate) fn new(client: HttpClient, location: &Location, options: &ConnectOptions) -> Self {
        Self {
            client,
            bucket_url: location.bucket_url().unwrap_or_default(),
            region: location.region().map(str::to_owned),
            options: options.for_questions(),
        }
    }

    /// The pages under `prefix`, one request each, until the server says that there are no more.
    pub(super) fn pages<'a>(
        &'a self,
        name: &'a str,
        prefix: &'a str,
        directory: bool,
    ) -> impl Stream<Item = Result<Listing, Error>> + Send + 'a {
        stream::try_unfold(Some(None::<String>), move |state| async move {
            let Some(token) = state else { return Ok(None) };
            let request = Request { listing: self, name, prefix };
            let page = request.page(directory, token.as_deref()).await?;
            if page.next.is_some() && page.next == token {
                let source = "the server names the same page twice".into();
                return Err(Error::MalformedListing {
                    location: name.into(),
                    prefix: prefix.into(),
                    source,
                });
            }
            Ok(Some((page.listing, page.next.map(Some))))
        })
    }
}

/// One listing request with the names that its errors carry.
struct Request<'a> {
    listing: &'a S3Listing,
    name: &'a str,
    prefix: &'a str,
}

/// Why one attempt failed.
enum Failure {
    Transport(HttpError),
    Final(Error),
    /// A status that the server may not repeat: 408, 429 and 5xx.
    Busy(Error),
}

impl Request<'_> {
    async fn page(&self, directory: bool, token: Option<&str>) -> Result<xml::Page, Error> {
        let url = self.url(directory, token);
        let options = &self.listing.options;
        let start = Instant::now();
        let (mut attempts, mut pause) = (0, options.first_pause);
        loop {
            let failure = match self.attempt(&url).await {
                Ok(page) => return Ok(page),
                Err(Failure::Final(error)) => return Err(error),
                Err(failure) => failure,
            };
            let limit = match &failure {
                Failure::Transport(error) if !error::is_transient(error.kind()) => 0,
                Failure::Transport(error) if error.kind() == HttpErrorKind::Connect => {
                    options.max_retries.min(CONNECT_RETRIES)
                }
                _ => options.max_retries,
            };
            if attempts >= limit || start.elapsed() > options.retry_timeout {
                return Err(self.give_up(failure));
            }
            attempts += 1;
            tracing::debug!(location = self.name, prefix = self.prefix, attempts, "listing again");
            tokio::time::sleep(pause).await;
            pause = next_pause(options.first_pause, pause);
        }
    }

    async fn attempt(&self, url: &str) -> Result<xml::Page, Failure> {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = url.parse().map_err(|source| self.malformed(source))?;
        let response = self.listing.client.execute(request).await.map_err(Failure::Transport)?;
        let status = response.status();
        let region = response.headers().get("x-amz-bucket-region");
        let region = region.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = self.body(response).await?;
        if status.is_success() {
            let document = std::str::from_utf8(&body).map_err(|source| self.malformed(source))?;
            return xml::page(document).map_err(|source| self.malformed(source));
        }
        let code = xml::error_code(&String::from_utf8_lossy(&body));
        Err(self.refusal(status.as_u16(), code, region))
    }

    async fn body(&self, response: HttpResponse) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        let mut chunks = response.into_body().bytes_stream();
        while let Some(chunk) = chunks.try_next().await.map_err(Failure::Transport)? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                return Err(self.malformed("the answer is larger than 16 MiB"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn refusal(&self, status: u16, code: Option<String>, region: Option<String>) -> Failure {
        let location = self.name.to_owned();
        let prefix = self.prefix.to_owned();
        match status {
            401 | 403 => Failure::Final(Error::ListDenied { location, prefix }),
            404 => Failure::Final(Error::NoSuchBucket { location }),
            _ => match (&self.listing.region, region) {
                (Some(expected), Some(got)) if *expected != got => {
                    Failure::Final(Error::WrongRegion { location, expected: expected.clone(), got })
                }
                _ => {
                    let code = code.unwrap_or_else(|| "no code".to_owned());
                    let error = Error::Status { location, prefix, status, code };
                    let busy = matches!(status, 408 | 429) || status >= 500;
                    if busy { Failure::Busy(error) } else { Failure::Final(error) }
                }
            },
        }
    }

    fn malformed(&self, source: impl Into<error::Source>) -> Failure {
        let (location, prefix) = (self.name.to_owned(), self.prefix.to_owned());
        Failure::Final(Error::MalformedListing { location, prefix, source: source.into() })
    }

    fn give_up(&self, failure: Failure) -> Error {
        match failure {
            Failure::Final(error) | Failure::Busy(error) => error,
            Failure::Transport(source) if error::is_transient(source.kind()) => {
                Error::Unreachable { location: self.name.to_owned(), source: Box::new(source) }
            }
            Failure::Transport(source) => Error::Other {
                location: self.name.to_owned(),
                subject: self.prefix.to_owned(),
                source: Box::new(source),
            },
        }
    }

    fn url(&self, directory: bool, token: Option<&str>) -> String {
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        // `encoding-type=url` is the only way in which S3 can send keys that XML cannot hold.
        let mut url = format!(
            "{}?list-type=2&encoding-type=url&prefix={}",
            self.listing.bucket_url,
            encode(self.prefix)
        );
        if directory {
            url.push_str("&delimiter=%2F");
        }
        if let Some(size) = self.listing.options.page_size {
            url.push_str(&format!("&max-keys={size}"));
        }
        if let Some(token) = token {
            url.push_str(&format!("&continuation-token={}", encode(token)));
        }
        url
    }
}

/// Decorrelated jitter: between the first pause and thrice the last one, with an upper bound.
pub(crate) fn next_pause(first: Duration, last: Duration) -> Duration {
    // A fresh `RandomState` is the randomness that std has; this needs no better one.
    let random = RandomState::new().hash_one(0_u8) % 1024;
    let span = (last * 3).saturating_sub(first);
    (first + span.mul_f64(random as f64 / 1024.0)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    use object_store::ClientOptions;
    use object_store::client::{HttpConnector, ReqwestConnector};

    fn listing(location: &Location, options: &ConnectOptions) -> S3Listing {
        let client = ReqwestConnector::default().connect(&ClientOptions::new()).unwrap();
        S3Listing::new(client, location, options)
    }

    #[test]
    fn requests_are_encoded() {
        let location: Location = "http://localhost:1/data".parse().unwrap();
        let options = ConnectOptions { page_size: NonZeroU32::new(7), ..ConnectOptions::default() };
        let listing = listing(&location, &options);
        let request = Request { listing: &listing, name: "here", prefix: "a b/c+d" };
        assert_eq!(
            request.url(true, Some("x/y==")),
            "http://localhost:1/data?list-type=2&encoding-type=url&prefix=a%20b%2Fc%2Bd\
             &delimiter=%2F&max-keys=7&continuation-token=x%2Fy%3D%3D"
        );
    }

    #[test]
    fn statuses_have_meanings() {
        let location: Location = "s3://data".parse().unwrap();
        let options = ConnectOptions::default();
        let listing = listing(&location, &options);
        let request = Request { listing: &listing, name: "s3://data", prefix: "p" };
        let region = || Some("eu-west-1".to_owned());
        assert!(matches!(
            request.refusal(301, Some("PermanentRedirect".to_owned()), region()),
            Failure::Final(Error::WrongRegion { location, expected, got })
                if location == "s3://data" && expected == "us-west-2" && got == "eu-west-1"
        ));
        assert!(matches!(
            request.refusal(403, None, region()),
            Failure::Final(Error::ListDenied { location, prefix })
                if location == "s3://data" && prefix == "p"
        ));
        for status in [408, 429, 500, 503] {
            assert!(matches!(
                request.refusal(status, Some("SlowDown".to_owned()), None),
                Failure::Busy(Error::Status { status: got, code, .. })
                    if got == status && code == "SlowDown"
            ));
        }
        assert!(matches!(
            request.refusal(400, None, None),
            Failure::Final(Error::Status { status: 400, code, .. }) if code == "no code"
        ));
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
