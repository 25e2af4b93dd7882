//! Objects of an S3 bucket by its own protocol: [`Bucket`].

use std::time::SystemTime;

use super::http::{About, Http, Subject, checksums, has_opaque_tag, number, same_tag, text};
use super::{Answer, Failure, Wanted};
use crate::{Integrity, Key, Listed, Location};
use futures::stream::StreamExt;

/// Asks for the checksums that S3 keeps.
const CHECKSUM_MODE: &str = "x-amz-checksum-mode";

/// The requests of an S3 location.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) http: Http,
    pub(crate) location: Location,
    /// The location as messages name it.
    pub(crate) name: String,
}

impl Bucket {
    pub(crate) fn new(http: Http, location: Location) -> Self {
        let name = location.to_string();
        Self { http, location, name }
    }

    /// How messages name a request.
    pub(crate) fn about<'a>(&'a self, subject: Subject<'a>) -> About<'a> {
        About { location: &self.name, subject, region: self.location.region() }
    }

    pub(super) async fn get(&self, wanted: &Wanted<'_>) -> Result<Answer, Failure> {
        let about = self.about(Subject::Object(wanted.key.as_str()));
        let mut request = about.request("GET", &self.location.url_of(wanted.key))?;
        wanted.conditions(&about, &mut request)?;
        if wanted.range.is_none() {
            about.header(&mut request, CHECKSUM_MODE, "ENABLED")?;
        }
        let response = self.http.ask(&about, request).await?;
        self.http.answer(&about, wanted, response)
    }

    /// What the server says about one object.
    pub(crate) async fn head(&self, key: &Key) -> Result<Listed, Failure> {
        let about = self.about(Subject::Object(key.as_str()));
        let request = about.request("HEAD", &self.location.url_of(key))?;
        let response = self.http.ask(&about, request).await?;
        let size = match number(&response, "content-length") {
            Some(size) => size,
            // What stands before the server may leave it out; an answer to a range names it.
            None => {
                let wanted = Wanted { key, range: Some(0..1), etag: None, size: None };
                let mut answer = self.get(&wanted).await?;
                if answer.range == (0..1) {
                    answer.body.next().await.transpose()?;
                }
                answer.size
            }
        };
        let last_modified = text(&response, "last-modified")
            .and_then(|text| chrono::DateTime::parse_from_rfc2822(text).ok());
        Ok(Listed {
            key: key.clone(),
            size,
            etag: text(&response, "etag").map(str::to_owned),
            last_modified: last_modified.map(SystemTime::from),
        })
    }

    /// What the server says about the content of an object, in the version `etag` if there is one.
    pub(crate) async fn integrity(
        &self,
        key: &Key,
        etag: Option<&str>,
    ) -> Result<Integrity, Failure> {
        let about = self.about(Subject::Object(key.as_str()));
        let mut request = about.request("HEAD", &self.location.url_of(key))?;
        about.header(&mut request, CHECKSUM_MODE, "ENABLED")?;
        if let Some(etag) = etag {
            about.header(&mut request, "if-match", etag)?;
        }
        let response = self.http.ask(&about, request).await?;
        if let (Some(expected), Some(got)) = (etag, text(&response, "etag"))
            && !same_tag(expected, got)
        {
            return Err(Failure::Changed);
        }
        let (opaque_tag, checksums) = (has_opaque_tag(&response), checksums(&response));
        Ok(Integrity { opaque_tag, checksums })
    }

    /// Bytes in the first part of an object that was uploaded in several, if the server says so.
    pub(crate) async fn first_part(&self, key: &Key, etag: &str) -> Option<u64> {
        let about = self.about(Subject::Object(key.as_str()));
        let url = format!("{}?partNumber=1", self.location.url_of(key));
        let mut request = about.request("HEAD", &url).ok()?;
        about.header(&mut request, "if-match", etag).ok()?;
        let response = self.http.send(&about, request).await.ok()?;
        (response.status().as_u16() == 206).then(|| number(&response, "content-length"))?
    }
}
