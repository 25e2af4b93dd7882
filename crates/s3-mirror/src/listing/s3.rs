//! Listing an S3 bucket by its own protocol (`ListObjectsV2`).
//!
//! `object_store` parses every listed key into its path type, so that one key such as `a//b` fails a
//! whole page and `a/` is taken for `a`; it also hides the status of a failed listing. Keys, prefixes
//! and statuses are read here as the server sends them, over `object_store`'s HTTP client.

use futures::stream::{self, Stream};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Listing, answered, xml};
use crate::get::{Bucket, Failure, Subject, repeat};
use crate::{ConnectOptions, Error, error};

/// A page of 1000 keys of 1024 bytes, each byte percent-encoded, stays well below this.
const LARGEST_ANSWER: usize = 16 << 20;

/// The pages under `prefix`, one request each, until the server says that there are no more.
pub(super) fn pages<'a>(
    bucket: &'a Bucket,
    options: &ConnectOptions,
    prefix: &'a str,
    directory: bool,
) -> impl Stream<Item = Result<Listing, Error>> + Send + use<'a> {
    let options = options.interactive();
    let request = Request { bucket, prefix };
    stream::try_unfold((options, Some(None::<String>)), move |(options, state)| async move {
        let Some(token) = state else { return Ok(None) };
        let url = request.url(directory, token.as_deref(), &options);
        let page = repeat(&options, || request.page(&url)).await;
        let page = answered(&bucket.name, prefix, page)?;
        if page.next.is_some() && page.next == token {
            let source = "the server names the same page twice".into();
            let (location, prefix) = (bucket.name.clone(), prefix.to_owned());
            return Err(Error::MalformedListing { location, prefix, source });
        }
        Ok(Some((page.listing, (options, page.next.map(Some)))))
    })
}

/// Listing requests with the names that their errors carry.
#[derive(Clone, Copy)]
struct Request<'a> {
    bucket: &'a Bucket,
    prefix: &'a str,
}

impl Request<'_> {
    async fn page(&self, url: &str) -> Result<xml::Page, Failure> {
        let about = self.bucket.about(Subject::Listing(self.prefix));
        let response = self.bucket.http.ask(&about, about.request("GET", url)?).await?;
        let body = self.bucket.http.body(&about, response, LARGEST_ANSWER).await?;
        let body = body.ok_or_else(|| self.malformed("the answer is larger than 16 MiB"))?;
        let document = std::str::from_utf8(&body).map_err(|source| self.malformed(source))?;
        xml::page(document).map_err(|source| self.malformed(source))
    }

    fn malformed(&self, source: impl Into<error::Source>) -> Failure {
        let (location, prefix) = (self.bucket.name.clone(), self.prefix.to_owned());
        Failure::Final(Error::MalformedListing { location, prefix, source: source.into() })
    }

    fn url(&self, directory: bool, token: Option<&str>, options: &ConnectOptions) -> String {
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        // `encoding-type=url` is the only way in which S3 can send keys that XML cannot hold.
        let mut url = format!(
            "{}?list-type=2&encoding-type=url&prefix={}",
            self.bucket.location.bucket_url().unwrap_or_default(),
            encode(self.prefix)
        );
        if directory {
            url.push_str("&delimiter=%2F");
        }
        if let Some(size) = options.page_size {
            url.push_str(&format!("&max-keys={size}"));
        }
        if let Some(token) = token {
            url.push_str(&format!("&continuation-token={}", encode(token)));
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;
    use std::time::Duration;

    use object_store::ClientOptions;
    use object_store::client::{HttpConnector, ReqwestConnector};

    use crate::Location;
    use crate::get::Http;

    #[test]
    fn requests_are_encoded() {
        let location: Location = "http://localhost:1/data".parse().unwrap();
        let options = ConnectOptions { page_size: NonZeroU32::new(7), ..ConnectOptions::default() };
        let client = ReqwestConnector::default().connect(&ClientOptions::new()).unwrap();
        let bucket = Bucket::new(Http::new(client, Duration::from_secs(1)), location);
        let request = Request { bucket: &bucket, prefix: "a b/c+d" };
        assert_eq!(
            request.url(true, Some("x/y=="), &options),
            "http://localhost:1/data?list-type=2&encoding-type=url&prefix=a%20b%2Fc%2Bd\
             &delimiter=%2F&max-keys=7&continuation-token=x%2Fy%3D%3D"
        );
    }
}
