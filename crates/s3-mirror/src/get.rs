//! Requesting the bytes of one object: one attempt, and what its answer means.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
pub use object_store::client::HttpClient;
use object_store::client::HttpRequest;
use object_store::{GetOptions, GetRange, ObjectStore};

use crate::listing::store_path;
use crate::store::Backend;
use crate::{Checksum, Error, Key, Store, error};

mod http;
mod links;
mod patience;
mod range_body;
mod s3;

pub(crate) use http::{About, Http, Subject};
pub(crate) use links::Linked;
pub use links::Links;
pub(crate) use patience::{Outage, Pause, error_of, repeat};
pub use patience::{Patience, is_transient_status, retry_after};
pub(crate) use range_body::{RANGES, RangeBody, SHORTEST_RANGE, Step};
pub(crate) use s3::Bucket;

/// Which bytes of which object, in which version.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) key: &'a Key,
    /// `None` for the whole object.
    pub(crate) range: Option<Range<u64>>,
    /// The entity tag that the object must have.
    pub(crate) etag: Option<&'a str>,
    /// Bytes in the whole object, where they are known: for answers that do not say.
    pub(crate) size: Option<u64>,
}

impl Wanted<'_> {
    /// Asks for these bytes of this version alone.
    fn conditions(&self, about: &About<'_>, request: &mut HttpRequest) -> Result<(), Failure> {
        if let Some(range) = &self.range {
            let value = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
            about.header(request, "range", &value)?;
        }
        if let Some(etag) = self.etag {
            about.header(request, "if-match", etag)?;
        }
        Ok(())
    }
}

/// The head of an answer that carries bytes of the object.
pub(crate) struct Answer {
    /// Bytes in the whole object.
    pub(crate) size: u64,
    pub(crate) etag: Option<String>,
    /// Whether the answer says that the tag is no digest, whatever it looks like.
    pub(crate) opaque_tag: bool,
    /// The checksums of the whole object. Answers to ranges have none.
    pub(crate) checksums: Vec<Checksum>,
    /// Which bytes the body holds; all of them when the server ignores ranges.
    pub(crate) range: Range<u64>,
    pub(crate) body: BoxStream<'static, Result<Bytes, Failure>>,
}

/// Why an attempt, or the rest of a body, did not bring bytes.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The object is not the one that was asked for any more (412, 416, another tag).
    Changed,
    /// The answer has a meaning, and asking again gives the same.
    Final(Error),
    /// Asking again may help.
    Transient {
        /// What is reported when it does not.
        error: Error,
        /// The pause that the server asks for.
        after: Option<Duration>,
    },
}

/// Sends one request.
pub(crate) async fn get(store: &Store, wanted: &Wanted<'_>) -> Result<Answer, Failure> {
    match store.backend() {
        Backend::S3(bucket) => bucket.get(wanted).await,
        Backend::Links(linked) => linked.get(wanted).await,
        Backend::Objects(objects) => from_object_store(store, &**objects, wanted).await,
    }
}

/// A body that is shorter or longer than it has to be.
pub(crate) fn ended_early(store: &Store, key: &Key, expected: u64, got: u64) -> Failure {
    wrong_answer(store, key, format!("{expected} bytes"), format!("{got} and an end"))
}

/// Something that is not the object; the real answer may come next time.
fn wrong_answer(store: &Store, key: &Key, expected: String, got: String) -> Failure {
    let (location, key) = (store.name().to_owned(), key.to_string());
    Failure::Transient { error: Error::WrongAnswer { location, key, expected, got }, after: None }
}

/// Whether a tag proves that two answers are about the same bytes.
pub(crate) fn is_strong(etag: &str) -> bool {
    !etag.is_empty() && !etag.starts_with("W/")
}

async fn from_object_store(
    store: &Store,
    objects: &dyn ObjectStore,
    wanted: &Wanted<'_>,
) -> Result<Answer, Failure> {
    let path = store_path(store, wanted.key).map_err(Failure::Final)?;
    let options = GetOptions {
        range: wanted.range.clone().map(GetRange::Bounded),
        if_match: wanted.etag.map(str::to_owned),
        ..GetOptions::default()
    };
    let (location, key) = (store.name().to_owned(), wanted.key.as_str().to_owned());
    let failed = move |source| meaning(&location, &key, source);
    let found = objects.get_opts(&path, options).await.map_err(&failed)?;
    Ok(Answer {
        size: found.meta.size,
        etag: found.meta.e_tag.clone(),
        opaque_tag: false,
        checksums: Vec::new(),
        range: found.range.clone(),
        body: found.into_stream().map_err(failed).boxed(),
    })
}

fn meaning(location: &str, key: &str, source: object_store::Error) -> Failure {
    if matches!(
        source,
        object_store::Error::Precondition { .. } | object_store::Error::NotModified { .. }
    ) {
        return Failure::Changed;
    }
    let transport = error::is_transport(&source);
    let error = error::about_object(location, key, source);
    if transport || error.is_unreachable() {
        Failure::Transient { error, after: None }
    } else {
        Failure::Final(error)
    }
}
