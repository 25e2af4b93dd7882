//! What a store holds: [`list`], [`list_pages`], [`list_directory`] and [`head`].

use std::time::SystemTime;

use futures::future::{FutureExt, ready};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path as StorePath;

use crate::get::{Failure, error_of, repeat};
use crate::store::Backend;
use crate::{Checksum, Error, InvalidKey, Key, Store, error};

mod folder;
mod objects;
mod s3;
mod xml;

#[cfg(any(test, fuzzing))]
pub use xml::check_page;
pub(crate) use xml::error_code;

/// Objects per page where the store itself has none; bounds the memory of a streamed listing.
const PAGE: usize = 1000;

/// Listings that run at once.
const LISTINGS: usize = 8;

/// One object as the store lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Listed {
    /// The name of the object.
    pub key: Key,
    /// Bytes in the object.
    pub size: u64,
    /// The entity tag as sent, quotes included. On S3 it is the MD5 of the content only for objects
    /// that were uploaded in one part.
    pub etag: Option<String>,
    /// When the object was written, as far as the store says.
    pub last_modified: Option<SystemTime>,
}

/// What a listing found.
///
/// Markers for empty folders (keys ending in `/` with a size of 0, as consoles write them) stand for
/// no file and are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Listing {
    /// For [`list_directory`] only: the prefixes one level down, each ending in `/`, sorted.
    pub prefixes: Vec<String>,
    /// The objects, sorted by key (bytewise, as S3 sorts).
    pub objects: Vec<Listed>,
    /// Listed names that are no [`Key`]; they can be reported but never fetched.
    pub refused: Vec<InvalidKey>,
}

impl<'a> IntoIterator for &'a Listing {
    type Item = &'a Listed;
    type IntoIter = std::slice::Iter<'a, Listed>;

    fn into_iter(self) -> Self::IntoIter {
        self.objects.iter()
    }
}

/// Iterates over the objects.
impl IntoIterator for Listing {
    type Item = Listed;
    type IntoIter = std::vec::IntoIter<Listed>;

    fn into_iter(self) -> Self::IntoIter {
        self.objects.into_iter()
    }
}

impl Listing {
    /// The objects, sorted by key.
    pub fn iter(&self) -> std::slice::Iter<'_, Listed> {
        self.objects.iter()
    }

    fn push(
        &mut self,
        key: String,
        size: u64,
        etag: Option<String>,
        last_modified: Option<SystemTime>,
    ) {
        match Key::new(key) {
            Ok(key) => self.objects.push(Listed { key, size, etag, last_modified }),
            Err(refused) if refused.key.ends_with('/') && size == 0 => {
                tracing::debug!(key = refused.key, "folder marker left out");
            }
            Err(refused) => self.refused.push(refused),
        }
    }

    fn append(&mut self, mut page: Self) {
        self.prefixes.append(&mut page.prefixes);
        self.objects.append(&mut page.objects);
        self.refused.append(&mut page.refused);
    }

    fn sort(&mut self) {
        self.prefixes.sort();
        self.prefixes.dedup();
        self.objects.sort_by(|a, b| a.key.cmp(&b.key));
        self.refused.sort_by(|a, b| a.key.cmp(&b.key));
    }
}

/// All objects whose key starts with `prefix`, which need not end at a slash; `""` lists everything.
///
/// The whole listing is held in memory (about 200 bytes per object); [`list_pages`] is the form for
/// buckets where that matters.
///
/// # Errors
///
/// [`Error::ListDenied`], [`Error::NoSuchBucket`], [`Error::Unreachable`], [`Error::WrongRegion`],
/// [`Error::Status`], [`Error::MalformedListing`] or [`Error::Other`].
pub async fn list(store: &Store, prefix: &str) -> Result<Listing, Error> {
    let mut all = Listing::default();
    let mut pages = list_pages(store, prefix);
    while let Some(page) = pages.try_next().await? {
        all.append(page);
    }
    all.sort();
    Ok(all)
}

/// [`list`] for several prefixes at once, in their order.
///
/// # Errors
///
/// As [`list`], for the first prefix that fails.
pub async fn list_many(store: &Store, prefixes: &[String]) -> Result<Vec<Listing>, Error> {
    // Boxed beforehand, because a closure over references would make the future not `Send`.
    let listings: Vec<_> = prefixes.iter().map(|prefix| list(store, prefix).boxed()).collect();
    stream::iter(listings).buffered(LISTINGS).try_collect().await
}

/// As [`list`], page by page as the store sends them (at most 1000 objects each).
///
/// The pages of an S3 bucket follow each other in key order; a folder's do not. The stream ends
/// after its first error. Dropping it stops the listing.
pub fn list_pages<'a>(store: &'a Store, prefix: &'a str) -> BoxStream<'a, Result<Listing, Error>> {
    match store.backend() {
        Backend::S3(bucket) => s3::pages(bucket, store.options(), prefix, false).boxed(),
        Backend::Links(_) => stream::once(ready(Err(unlisted(store, prefix)))).boxed(),
        Backend::Objects(objects) => match store.folder() {
            Some(folder) => {
                let all = folder::list(store, folder, prefix, false);
                stream::once(all).map_ok(|all| stream::iter(in_pages(all))).try_flatten().boxed()
            }
            None => objects::pages(store, objects, prefix),
        },
    }
}

/// A listing in parts of at most as many objects as a page has.
fn in_pages(mut all: Listing) -> Vec<Result<Listing, Error>> {
    let mut pages = Vec::new();
    while all.objects.len() > PAGE {
        let objects = all.objects.split_off(all.objects.len() - PAGE);
        pages.push(Ok(Listing { objects, ..Listing::default() }));
    }
    pages.push(Ok(all));
    pages
}

/// The objects whose key starts with `prefix` and has no further `/` after it, and the prefixes one
/// level down. `prefix` need not end at a slash.
///
/// # Errors
///
/// As [`list`].
pub async fn list_directory(store: &Store, prefix: &str) -> Result<Listing, Error> {
    let mut all = match store.backend() {
        Backend::S3(bucket) => {
            let mut all = Listing::default();
            let mut pages = std::pin::pin!(s3::pages(bucket, store.options(), prefix, true));
            while let Some(page) = pages.try_next().await? {
                all.append(page);
            }
            all
        }
        Backend::Links(_) => return Err(unlisted(store, prefix)),
        Backend::Objects(objects) => match store.folder() {
            Some(folder) => folder::list(store, folder, prefix, true).await?,
            None => objects::directory(store, &**objects, prefix).await?,
        },
    };
    all.sort();
    Ok(all)
}

/// What the store says about one object, or `None` if it has none of that name.
///
/// # Errors
///
/// [`Error::Denied`], [`Error::Unreachable`], [`Error::WrongRegion`], [`Error::ObjectStatus`],
/// [`Error::WrongAnswer`] or [`Error::Other`].
pub async fn head(store: &Store, key: &Key) -> Result<Option<Listed>, Error> {
    let found = match store.backend() {
        Backend::S3(bucket) => {
            let options = store.options().interactive();
            let found = repeat(&options, || bucket.head(key)).await;
            answered(store.name(), key.as_str(), found)
        }
        Backend::Links(linked) => {
            let found = repeat(store.options(), || linked.head(key)).await;
            answered(store.name(), key.as_str(), found)
        }
        Backend::Objects(objects) => objects::head(store, &**objects, key).await,
    };
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a store says about the content of one object, beside its size and entity tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Integrity {
    /// Whether the entity tag is no digest of the content, as it is where objects are encrypted with a
    /// key of the customer or of a key service. Such a tag tells versions apart and proves nothing about
    /// bytes, whatever it looks like.
    pub opaque_tag: bool,
    /// The checksums that the store keeps of the object.
    pub checksums: Vec<Checksum>,
}

/// What the store says about the content of one object. Only an S3 server says anything.
///
/// # Errors
///
/// As [`head`]; [`Error::NotFound`] when there is no such object.
pub async fn integrity(store: &Store, key: &Key) -> Result<Integrity, Error> {
    let Backend::S3(bucket) = store.backend() else { return Ok(Integrity::default()) };
    let options = store.options().interactive();
    let found = repeat(&options, || bucket.integrity(key, None)).await;
    answered(store.name(), key.as_str(), found)
}

fn unlisted(store: &Store, prefix: &str) -> Error {
    let (location, subject) = (store.name().to_owned(), prefix.to_owned());
    Error::Other { location, subject, source: "links cannot be listed".into() }
}

/// The answer to a request without conditions.
fn answered<T>(location: &str, subject: &str, got: Result<T, Failure>) -> Result<T, Error> {
    got.map_err(|failure| {
        error_of(failure).unwrap_or_else(|| Error::WrongAnswer {
            location: location.to_owned(),
            key: subject.to_owned(),
            expected: "an answer".to_owned(),
            got: "the refusal of a condition that was not set".to_owned(),
        })
    })
}

/// The key as `object_store` takes it: parsed, not encoded, so that it is sent as it was listed.
pub(crate) fn store_path(store: &Store, key: &Key) -> Result<StorePath, Error> {
    StorePath::parse(key.as_str())
        .map_err(|source| error::about_object(store.name(), key.as_str(), source.into()))
}
