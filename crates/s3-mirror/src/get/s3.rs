//! Objects of an S3 bucket by its own protocol.
//!
//! `object_store` repeats failed requests by itself, bounded by the age of the request, and hides
//! `Retry-After` and the region that a refusal names. Here every answer is seen as it comes.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use futures::stream::StreamExt;
use object_store::client::{
    HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
};

use super::{Answer, Failure, Wanted};
use crate::listing::error_code;
use crate::{Error, Key, Location, error};

/// An error document is a few hundred bytes.
const LARGEST_ERROR: usize = 64 << 10;

/// Longest pause that a server can ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);

/// The object half of an S3 location.
#[derive(Debug)]
pub(crate) struct S3Objects {
    client: HttpClient,
    location: Location,
    patience: Duration,
}

impl S3Objects {
    /// `patience` is the longest silence while an answer is awaited or read.
    pub(crate) fn new(client: HttpClient, location: Location, patience: Duration) -> Self {
        Self { client, location, patience }
    }

    pub(super) async fn get(&self, name: &str, wanted: &Wanted<'_>) -> Result<Answer, Failure> {
        let about = About { name, key: wanted.key.as_str(), region: self.location.region() };
        let mut request = self.request(&about, self.location.url_of(wanted.key))?;
        if let Some(range) = &wanted.range {
            let value = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
            about.header(&mut request, "range", &value)?;
        }
        if let Some(etag) = wanted.etag {
            about.header(&mut request, "if-match", etag)?;
        }
        let response = self.execute(&about, request).await?;
        if !response.status().is_success() {
            return Err(self.refusal(&about, response).await);
        }
        self.answer(&about, wanted, response)
    }

    /// Bytes in the first part of an object that was uploaded in several, if the server says so.
    pub(crate) async fn first_part(&self, name: &str, key: &Key, etag: &str) -> Option<u64> {
        let about = About { name, key: key.as_str(), region: None };
        let url = format!("{}?partNumber=1", self.location.url_of(key));
        let mut request = self.request(&about, url).ok()?;
        *request.method_mut() = "HEAD".parse().ok()?;
        about.header(&mut request, "if-match", etag).ok()?;
        let response = self.execute(&about, request).await.ok()?;
        (response.status().as_u16() == 206).then(|| number(&response, "content-length"))?
    }

    fn request(&self, about: &About<'_>, url: String) -> Result<HttpRequest, Failure> {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = url.parse().map_err(|source| about.other(source))?;
        Ok(request)
    }

    async fn execute(
        &self,
        about: &About<'_>,
        request: HttpRequest,
    ) -> Result<HttpResponse, Failure> {
        match tokio::time::timeout(self.patience, self.client.execute(request)).await {
            Ok(response) => response.map_err(|source| about.transport(source)),
            Err(elapsed) => Err(about.transport(HttpError::new(HttpErrorKind::Timeout, elapsed))),
        }
    }

    fn answer(
        &self,
        about: &About<'_>,
        wanted: &Wanted<'_>,
        response: HttpResponse,
    ) -> Result<Answer, Failure> {
        let etag = text(&response, "etag").map(str::to_owned);
        // A proxy's error page with status 200 has no entity tag, or its own.
        match (wanted.etag, &etag) {
            (Some(expected), None) => {
                return Err(about.wrong_answer(format!("entity tag {expected}"), "none".to_owned()));
            }
            (Some(expected), Some(got)) if !same_tag(expected, got) => {
                return Err(Failure::Changed);
            }
            _ => {}
        }
        let length = number(&response, "content-length");
        let whole = || length.map(|length| (0..length, length));
        let got = match response.status().as_u16() {
            206 => content_range(text(&response, "content-range").unwrap_or_default()),
            _ => whole(),
        };
        let Some((range, size)) = got else {
            let got = format!("status {} without a usable length", response.status().as_u16());
            return Err(about.wrong_answer("the length of the object".to_owned(), got));
        };
        if let Some(expected) = &wanted.range
            && response.status().as_u16() == 206
            && (range != *expected
                || length.is_some_and(|got| got != expected.end - expected.start))
        {
            let got = format!("bytes {}-{}/{size}", range.start, range.end);
            return Err(
                about.wrong_answer(format!("bytes {}-{}", expected.start, expected.end), got)
            );
        }
        let (patience, about) = (self.patience, Owned::from(about));
        let chunks = response.into_body().bytes_stream();
        let body = futures::stream::unfold(Some((chunks, about)), move |state| async move {
            let (mut chunks, about) = state?;
            match tokio::time::timeout(patience, chunks.next()).await {
                Ok(None) => None,
                Ok(Some(Ok(chunk))) => Some((Ok(chunk), Some((chunks, about)))),
                Ok(Some(Err(source))) => Some((Err(about.borrowed().transport(source)), None)),
                Err(elapsed) => {
                    let source = HttpError::new(HttpErrorKind::Timeout, elapsed);
                    Some((Err(about.borrowed().transport(source)), None))
                }
            }
        });
        Ok(Answer { size, etag, range, body: body.boxed() })
    }

    async fn refusal(&self, about: &About<'_>, response: HttpResponse) -> Failure {
        let status = response.status().as_u16();
        let after = text(&response, "retry-after").and_then(retry_after);
        let region = text(&response, "x-amz-bucket-region").map(str::to_owned);
        let (location, key) = (about.name.to_owned(), about.key.to_owned());
        match status {
            401 | 403 => return Failure::Final(Error::Denied { location, key }),
            404 | 410 => return Failure::Final(Error::NotFound { location, key }),
            // The range ends behind the object, or it has another tag.
            412 | 416 => return Failure::Changed,
            _ => {}
        }
        let mut code = String::new();
        let mut chunks = response.into_body().bytes_stream();
        while let Ok(Some(Ok(chunk))) = tokio::time::timeout(self.patience, chunks.next()).await
            && code.len() + chunk.len() <= LARGEST_ERROR
        {
            code.push_str(&String::from_utf8_lossy(&chunk));
        }
        let code = error_code(&code).unwrap_or_else(|| "no code".to_owned());
        about.status(status, code, after, region)
    }
}

/// What an error is about.
struct About<'a> {
    name: &'a str,
    key: &'a str,
    region: Option<&'a str>,
}

struct Owned {
    name: String,
    key: String,
}

impl Owned {
    fn from(about: &About<'_>) -> Self {
        Self { name: about.name.to_owned(), key: about.key.to_owned() }
    }

    fn borrowed(&self) -> About<'_> {
        About { name: &self.name, key: &self.key, region: None }
    }
}

impl About<'_> {
    fn status(
        &self,
        status: u16,
        code: String,
        after: Option<Duration>,
        region: Option<String>,
    ) -> Failure {
        let location = self.name.to_owned();
        if let (Some(expected), Some(got)) = (self.region, region)
            && expected != got
        {
            let expected = expected.to_owned();
            return Failure::Final(Error::WrongRegion { location, expected, got });
        }
        let error = Error::ObjectStatus { location, key: self.key.to_owned(), status, code };
        if matches!(status, 408 | 425 | 429) || status >= 500 {
            Failure::Transient { error, after }
        } else {
            Failure::Final(error)
        }
    }

    fn transport(&self, source: HttpError) -> Failure {
        let location = self.name.to_owned();
        match source.kind() {
            // A body that ends early or cannot be decoded is a broken connection too.
            kind if error::is_transient(kind) || kind == HttpErrorKind::Decode => {
                let error = Error::Unreachable { location, source: Box::new(source) };
                Failure::Transient { error, after: None }
            }
            _ => self.other(source),
        }
    }

    /// Something that is not the object; the real answer may come next time.
    fn wrong_answer(&self, expected: String, got: String) -> Failure {
        let (location, key) = (self.name.to_owned(), self.key.to_owned());
        Failure::Transient {
            error: Error::WrongAnswer { location, key, expected, got },
            after: None,
        }
    }

    fn other(&self, source: impl Into<error::Source>) -> Failure {
        Failure::Final(Error::Other {
            location: self.name.to_owned(),
            subject: self.key.to_owned(),
            source: source.into(),
        })
    }

    fn header(
        &self,
        request: &mut HttpRequest,
        name: &'static str,
        value: &str,
    ) -> Result<(), Failure> {
        let value = value.parse().map_err(|_| self.other(format!("{value:?} is no header")))?;
        request.headers_mut().insert(name, value);
        Ok(())
    }
}

/// Entity tags without their quotes: some servers leave them out.
fn same_tag(a: &str, b: &str) -> bool {
    a.trim_matches('"') == b.trim_matches('"')
}

fn text<'a>(response: &'a HttpResponse, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

fn number(response: &HttpResponse, name: &str) -> Option<u64> {
    text(response, name)?.trim().parse().ok()
}

/// `bytes FIRST-LAST/SIZE` (RFC 9110, section 14.4) as the range and the size.
fn content_range(header: &str) -> Option<(Range<u64>, u64)> {
    let (range, size) = header.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let (end, size) = (last.checked_add(1)?, size.parse().ok()?);
    (first < end && end <= size).then_some((first..end, size))
}

/// Seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(header: &str) -> Option<Duration> {
    let pause = match header.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = chrono::DateTime::parse_from_rfc2822(header.trim()).ok()?;
            SystemTime::from(date).duration_since(SystemTime::now()).unwrap_or_default()
        }
    };
    Some(pause.min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_answers() {
        assert_eq!(content_range("bytes 0-9/10"), Some((0..10, 10)));
        assert_eq!(content_range("bytes 5-5/10"), Some((5..6, 10)));
        for odd in ["", "bytes */10", "bytes 5-4/10", "bytes 0-10/10", "0-9/10", "bytes 0-9/*"] {
            assert_eq!(content_range(odd), None, "{odd}");
        }
        assert_eq!(content_range("bytes 0-18446744073709551615/10"), None);
    }

    #[test]
    fn pauses_that_servers_ask_for() {
        assert_eq!(retry_after("7"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(retry_after("99999999"), Some(LONGEST_RETRY_AFTER));
        assert_eq!(retry_after("soon"), None);
    }

    #[test]
    fn statuses_have_meanings() {
        let about = About { name: "s3://data", key: "a", region: Some("us-west-2") };
        let code = || "X".to_owned();
        assert!(matches!(
            about.status(301, code(), None, Some("eu-west-1".to_owned())),
            Failure::Final(Error::WrongRegion { expected, got, .. })
                if expected == "us-west-2" && got == "eu-west-1"
        ));
        for status in [408, 429, 500, 503] {
            let after = Some(Duration::from_secs(3));
            assert!(matches!(
                about.status(status, code(), after, None),
                Failure::Transient { error: Error::ObjectStatus { status: got, .. }, after: Some(_) }
                    if got == status
            ));
        }
        assert!(matches!(
            about.status(418, code(), None, None),
            Failure::Final(Error::ObjectStatus { location, key, status: 418, code })
                if location == "s3://data" && key == "a" && code == "X"
        ));
        assert!(same_tag("\"a\"", "a") && !same_tag("\"a\"", "b"));
    }
}
