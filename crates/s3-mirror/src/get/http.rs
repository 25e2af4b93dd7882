//! One HTTP request, and what its answer means: [`Http`].
//!
//! `object_store` repeats failed requests by itself, bounded by the age of the request, and hides
//! `Retry-After` and the region that a refusal names. Here every answer is visible.

use std::ops::Range;
use std::time::Duration;

use futures::stream::StreamExt;
use laion_fmri_base::RootCause;
use object_store::client::{
    HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
};

use super::patience::{is_transient_status, retry_after};
use super::{Answer, Failure, Wanted};
use crate::digest::is_multipart;
use crate::listing::error_code;
use crate::{Checksum, ChecksumAlgorithm, Error, error};

/// An error document is a few hundred bytes.
const LARGEST_ERROR: usize = 64 << 10;

/// What requests are sent with.
#[derive(Debug)]
pub(crate) struct Http {
    client: HttpClient,
    /// The longest silence while an answer is awaited or read.
    silence: Duration,
}

impl Http {
    pub(crate) fn new(client: HttpClient, silence: Duration) -> Self {
        Self { client, silence }
    }

    /// Sends a request; any status is an answer.
    pub(super) async fn send(
        &self,
        about: &About<'_>,
        request: HttpRequest,
    ) -> Result<HttpResponse, Failure> {
        match tokio::time::timeout(self.silence, self.client.execute(request)).await {
            Ok(response) => response.map_err(|source| about.transport(source)),
            Err(elapsed) => Err(about.transport(HttpError::new(HttpErrorKind::Timeout, elapsed))),
        }
    }

    /// Sends a request, and takes everything but success as a failure.
    pub(crate) async fn ask(
        &self,
        about: &About<'_>,
        request: HttpRequest,
    ) -> Result<HttpResponse, Failure> {
        let response = self.send(about, request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refusal(about, response).await)
    }

    /// The body of an answer, or `None` if it is larger than `limit`.
    pub(crate) async fn body(
        &self,
        about: &About<'_>,
        response: HttpResponse,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let mut body = Vec::new();
        let mut chunks = response.into_body().bytes_stream();
        loop {
            let chunk = match tokio::time::timeout(self.silence, chunks.next()).await {
                Ok(None) => return Ok(Some(body)),
                Ok(Some(chunk)) => chunk.map_err(|source| about.transport(source))?,
                Err(elapsed) => {
                    let source = HttpError::new(HttpErrorKind::Timeout, elapsed);
                    return Err(about.transport(source));
                }
            };
            if body.len() + chunk.len() > limit {
                return Ok(None);
            }
            body.extend_from_slice(&chunk);
        }
    }

    /// What a status other than success means.
    pub(super) async fn refusal(&self, about: &About<'_>, response: HttpResponse) -> Failure {
        let status = response.status().as_u16();
        let after = text(&response, "retry-after").and_then(retry_after);
        let region = text(&response, "x-amz-bucket-region").map(str::to_owned);
        if let Some(failure) = about.meaning(status) {
            return failure;
        }
        // What cannot be read of it is missed by nobody.
        let body = self.body(about, response, LARGEST_ERROR).await.ok().flatten();
        let code = error_code(&String::from_utf8_lossy(&body.unwrap_or_default()));
        about.status(status, code, after, region)
    }

    /// The bytes of an object out of an answer with status 200 or 206.
    pub(super) fn answer(
        &self,
        about: &About<'_>,
        wanted: &Wanted<'_>,
        response: HttpResponse,
    ) -> Result<Answer, Failure> {
        let etag = text(&response, "etag").map(str::to_owned);
        if let (Some(expected), Some(got)) = (wanted.etag, &etag)
            && !same_tag(expected, got)
        {
            return Err(Failure::Changed);
        }
        let length = number(&response, "content-length");
        let got = match response.status().as_u16() {
            206 => content_range(text(&response, "content-range").unwrap_or_default(), wanted.size),
            // What passes a body on in chunks, or until it closes the connection, leaves the length out.
            _ => length.or(wanted.size).map(|length| (0..length, length)),
        };
        let Some((range, size)) = got else {
            let got = format!("status {} without a usable length", response.status().as_u16());
            return Err(about.wrong_answer("the length of the object".to_owned(), got));
        };
        // A proxy's error page with status 200 has no entity tag either, but another length.
        if let (Some(expected), None) = (wanted.etag, &etag)
            && wanted.size != Some(size)
        {
            return Err(about.wrong_answer(format!("entity tag {expected}"), "none".to_owned()));
        }
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
        let opaque_tag = has_opaque_tag(&response);
        // A tag says of which version they are. What comes with a part may be a checksum of that alone.
        let checksums = match response.status().as_u16() {
            200 if etag.is_some() => checksums(&response),
            _ => Vec::new(),
        };
        let (silence, about) = (self.silence, about.into_owned());
        let chunks = response.into_body().bytes_stream();
        let body = futures::stream::unfold(Some((chunks, about)), move |state| async move {
            let (mut chunks, about) = state?;
            match tokio::time::timeout(silence, chunks.next()).await {
                Ok(None) => None,
                Ok(Some(Ok(chunk))) => Some((Ok(chunk), Some((chunks, about)))),
                Ok(Some(Err(source))) => Some((Err(about.borrowed().transport(source)), None)),
                Err(elapsed) => {
                    let source = HttpError::new(HttpErrorKind::Timeout, elapsed);
                    Some((Err(about.borrowed().transport(source)), None))
                }
            }
        });
        Ok(Answer { size, etag, opaque_tag, checksums, range, body: body.boxed() })
    }
}

/// What an error is about. It names a request by what its caller calls it, never by an address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    /// The name of the store.
    pub(crate) location: &'a str,
    pub(crate) subject: Subject<'a>,
    /// The region that the location says, if it says one.
    pub(crate) region: Option<&'a str>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'a> {
    Object(&'a str),
    Listing(&'a str),
}

/// [`About`] for a body that outlives its request.
struct OwnedAbout {
    location: String,
    key: String,
}

impl OwnedAbout {
    fn borrowed(&self) -> About<'_> {
        About { location: &self.location, subject: Subject::Object(&self.key), region: None }
    }
}

impl About<'_> {
    fn into_owned(self) -> OwnedAbout {
        let (Subject::Object(key) | Subject::Listing(key)) = self.subject;
        OwnedAbout { location: self.location.to_owned(), key: key.to_owned() }
    }

    /// A request without a body.
    pub(crate) fn request(&self, method: &str, url: &str) -> Result<HttpRequest, Failure> {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.method_mut() = method.parse().map_err(|source| self.other(source))?;
        *request.uri_mut() = url.parse().map_err(|source| self.other(source))?;
        Ok(request)
    }

    /// Sets a header.
    pub(super) fn header(
        &self,
        request: &mut HttpRequest,
        name: &'static str,
        value: &str,
    ) -> Result<(), Failure> {
        let value = value.parse().map_err(|_| self.other(format!("{value:?} is not a header")))?;
        request.headers_mut().insert(name, value);
        Ok(())
    }

    /// The statuses that say everything by themselves.
    fn meaning(&self, status: u16) -> Option<Failure> {
        let location = self.location.to_owned();
        Some(match (status, self.subject) {
            (401 | 403, Subject::Object(key)) => {
                Failure::Final(Error::Denied { location, key: key.to_owned() })
            }
            (401 | 403, Subject::Listing(prefix)) => {
                Failure::Final(Error::ListDenied { location, prefix: prefix.to_owned() })
            }
            (404 | 410, Subject::Object(key)) => {
                Failure::Final(Error::NotFound { location, key: key.to_owned() })
            }
            (404, Subject::Listing(_)) => Failure::Final(Error::NoSuchBucket { location }),
            (407, _) => Failure::Final(Error::ProxyRefused { location }),
            // The range ends after the object, or it has another tag.
            (412 | 416, Subject::Object(_)) => Failure::Changed,
            _ => return None,
        })
    }

    fn status(
        &self,
        status: u16,
        code: Option<String>,
        after: Option<Duration>,
        region: Option<String>,
    ) -> Failure {
        let location = self.location.to_owned();
        if let (Some(expected), Some(got)) = (self.region, region)
            && expected != got
        {
            let expected = expected.to_owned();
            return Failure::Final(Error::WrongRegion { location, expected, got });
        }
        let code = code.unwrap_or_else(|| "no code".to_owned());
        let error = match self.subject {
            Subject::Object(key) => {
                Error::ObjectStatus { location, key: key.to_owned(), status, code }
            }
            Subject::Listing(prefix) => {
                Error::Status { location, prefix: prefix.to_owned(), status, code }
            }
        };
        if is_transient_status(status) {
            Failure::Transient { error, after }
        } else {
            Failure::Final(error)
        }
    }

    fn transport(&self, source: HttpError) -> Failure {
        let location = self.location.to_owned();
        match source.kind() {
            // A body that ends early or cannot be decoded is a broken connection too.
            kind if error::is_transient(kind) || kind == HttpErrorKind::Decode => {
                let error = Error::Unreachable { location, source: Box::new(RootCause(source)) };
                Failure::Transient { error, after: None }
            }
            _ => self.other(source),
        }
    }

    /// Something that is not the object; the real answer may come next time.
    pub(super) fn wrong_answer(&self, expected: String, got: String) -> Failure {
        let (Subject::Object(key) | Subject::Listing(key)) = self.subject;
        let (location, key) = (self.location.to_owned(), key.to_owned());
        let error = Error::WrongAnswer { location, key, expected, got };
        Failure::Transient { error, after: None }
    }

    fn other(&self, source: impl Into<error::Source>) -> Failure {
        let (Subject::Object(subject) | Subject::Listing(subject)) = self.subject;
        let (location, subject) = (self.location.to_owned(), subject.to_owned());
        Failure::Final(Error::Other { location, subject, source: source.into() })
    }
}

/// Entity tags without their quotes: some servers leave them out.
pub(super) fn same_tag(a: &str, b: &str) -> bool {
    a.trim_matches('"') == b.trim_matches('"')
}

pub(super) fn text<'a>(response: &'a HttpResponse, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

pub(super) fn number(response: &HttpResponse, name: &str) -> Option<u64> {
    text(response, name)?.trim().parse().ok()
}

/// Whether an answer says that the entity tag is no digest of the content: with a key of the customer or
/// of the key service, S3 gives tags that only look like one. `AES256` stands for keys of its own, and
/// leaves the tag alone.
pub(super) fn has_opaque_tag(response: &HttpResponse) -> bool {
    const BY_CUSTOMER: &str = "x-amz-server-side-encryption-customer-algorithm";
    let by_service = text(response, "x-amz-server-side-encryption");
    by_service.is_some_and(|by| !by.trim().eq_ignore_ascii_case("AES256"))
        || response.headers().contains_key(BY_CUSTOMER)
}

/// The checksums that an answer about a whole object tells. A value that is none, or not of the type that
/// is named beside it, is left out, and so are algorithms that are not known.
pub(super) fn checksums(response: &HttpResponse) -> Vec<Checksum> {
    let kind = text(response, "x-amz-checksum-type").map(str::trim);
    let is_kind = |name: &str| kind.is_some_and(|kind| kind.eq_ignore_ascii_case(name));
    // Some servers leave out the type and the number of parts of a checksum of checksums.
    let in_parts = text(response, "etag").is_some_and(is_multipart);
    let told = ChecksumAlgorithm::ALL.iter().filter_map(|algorithm| {
        let value = text(response, &format!("x-amz-checksum-{algorithm}"))?;
        Checksum::new(*algorithm, value.trim()).ok()
    });
    told.filter(|checksum| {
        // There is none but that of the whole object.
        let always_whole = checksum.algorithm() == ChecksumAlgorithm::Crc64Nvme;
        match checksum.parts() {
            None => is_kind("FULL_OBJECT") || kind.is_none() && (always_whole || !in_parts),
            Some(_) => (kind.is_none() || is_kind("COMPOSITE")) && !always_whole,
        }
    })
    .collect()
}

/// `bytes FIRST-LAST/SIZE` (RFC 9110, section 14.4) as the range and the size, which may be left open
/// where it is `known`.
fn content_range(header: &str, known: Option<u64>) -> Option<(Range<u64>, u64)> {
    let (range, size) = header.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let size = if size.trim() == "*" { known? } else { size.parse().ok()? };
    let end = last.checked_add(1)?;
    (first < end && end <= size).then_some((first..end, size))
}

#[cfg(test)]
mod tests {
    use object_store::client::HttpResponseBody;

    use super::*;

    #[test]
    fn ranges_of_answers() {
        let content_range = |header| super::content_range(header, None);
        assert_eq!(content_range("bytes 0-9/10"), Some((0..10, 10)));
        assert_eq!(content_range("bytes 5-5/10"), Some((5..6, 10)));
        assert_eq!(super::content_range("bytes 5-5/*", Some(10)), Some((5..6, 10)));
        assert_eq!(super::content_range("bytes 5-10/*", Some(10)), None);
        for odd in ["", "bytes */10", "bytes 5-4/10", "bytes 0-10/10", "0-9/10", "bytes 0-9/*"] {
            assert_eq!(content_range(odd), None, "{odd}");
        }
        assert_eq!(content_range("bytes 0-18446744073709551615/10"), None);
    }

    #[test]
    fn checksums_of_answers() {
        let told = |headers: &[(&'static str, &str)]| {
            let mut response = HttpResponse::new(HttpResponseBody::from(Vec::new()));
            for (name, value) in headers {
                response.headers_mut().insert(*name, value.parse().unwrap());
            }
            let checksums = checksums(&response);
            checksums.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let (crc64, crc32c) = ("x-amz-checksum-crc64nvme", "x-amz-checksum-crc32c");
        let kind = "x-amz-checksum-type";
        assert_eq!(told(&[(crc64, "rosUhgp5mIg=")]), ["crc64nvme:rosUhgp5mIg="]);
        assert_eq!(
            told(&[(crc32c, "4waSgw=="), (crc64, "rosUhgp5mIg="), (kind, "FULL_OBJECT")]),
            ["crc64nvme:rosUhgp5mIg=", "crc32c:4waSgw=="]
        );
        assert_eq!(told(&[(crc32c, "4waSgw==-3"), (kind, "COMPOSITE")]), ["crc32c:4waSgw==-3"]);
        let tag = ("etag", "\"900150983cd24fb0d6963f7d28e17f72-3\"");
        assert_eq!(told(&[(crc32c, "4waSgw=="), tag, (kind, "FULL_OBJECT")]), ["crc32c:4waSgw=="]);
        assert_eq!(told(&[(crc64, "rosUhgp5mIg="), tag]), ["crc64nvme:rosUhgp5mIg="]);
        let none: [&str; 0] = [];
        for odd in [
            // Of the whole, or of the checksums of the parts?
            &[(crc32c, "4waSgw=="), tag][..],
            &[],
            &[("x-amz-checksum-xxhash3", "rosUhgp5mIg=")],
            &[(crc64, "")],
            &[(crc64, "4waSgw==")],
            &[(crc64, "rosUhgp5mIg=-2")],
            &[(crc32c, "4waSgw==-3"), (kind, "FULL_OBJECT")],
            &[(crc32c, "4waSgw=="), (kind, "COMPOSITE")],
            &[(crc32c, "4waSgw=="), (kind, "SOMETHING")],
        ] {
            assert_eq!(told(odd), none, "{odd:?}");
        }
    }

    #[test]
    fn statuses_of_objects_have_meanings() {
        let region = Some("us-west-2");
        let about = About { location: "s3://data", subject: Subject::Object("a"), region };
        let code = || Some("X".to_owned());
        assert!(matches!(
            about.status(301, code(), None, Some("eu-west-1".to_owned())),
            Failure::Final(Error::WrongRegion { expected, got, .. })
                if expected == "us-west-2" && got == "eu-west-1"
        ));
        for status in [408, 425, 429, 500, 503] {
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
        assert!(matches!(
            about.meaning(403),
            Some(Failure::Final(Error::Denied { location, key })) if location == "s3://data" && key == "a"
        ));
        assert!(same_tag("\"a\"", "a") && !same_tag("\"a\"", "b"));
    }

    #[test]
    fn statuses_of_listings_have_meanings() {
        let region = Some("us-west-2");
        let about = About { location: "s3://data", subject: Subject::Listing("p"), region };
        let named = || Some("eu-west-1".to_owned());
        assert!(matches!(
            about.status(301, Some("PermanentRedirect".to_owned()), None, named()),
            Failure::Final(Error::WrongRegion { location, expected, got })
                if location == "s3://data" && expected == "us-west-2" && got == "eu-west-1"
        ));
        assert!(matches!(
            about.meaning(403),
            Some(Failure::Final(Error::ListDenied { location, prefix }))
                if location == "s3://data" && prefix == "p"
        ));
        assert!(matches!(
            about.meaning(404),
            Some(Failure::Final(Error::NoSuchBucket { location })) if location == "s3://data"
        ));
        for status in [408, 425, 429, 500, 503] {
            let after = Some(Duration::from_secs(3));
            assert!(matches!(
                about.status(status, Some("SlowDown".to_owned()), after, None),
                Failure::Transient { error: Error::Status { status: got, code, .. }, after: Some(_) }
                    if got == status && code == "SlowDown"
            ));
        }
        assert!(matches!(
            about.status(400, None, None, None),
            Failure::Final(Error::Status { status: 400, code, .. }) if code == "no code"
        ));
    }
}
