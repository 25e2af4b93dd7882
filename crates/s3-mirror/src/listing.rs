//! What a store holds: [`list`], [`list_pages`], [`list_directory`] and [`head`].

use std::time::SystemTime;

use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use object_store::path::Path as StorePath;

use crate::{Error, InvalidKey, Key, Store, error};

mod objects;
mod s3;
mod xml;

pub(crate) use s3::{S3Listing, next_pause};
pub(crate) use xml::error_code;

/// Listings that run at once.
const LISTINGS: usize = 8;

/// One object as the store lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
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
pub struct Listing {
    /// For [`list_directory`] only: the prefixes one level down, each ending in `/`, sorted.
    pub prefixes: Vec<String>,
    /// The objects, sorted by key (bytewise, as S3 sorts).
    pub objects: Vec<Listed>,
    /// Listed names that are no [`Key`]; they can be reported but never fetched.
    pub refused: Vec<InvalidKey>,
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
    futures::stream::iter(prefixes.iter().map(|prefix| list(store, prefix)))
        .buffered(LISTINGS)
        .try_collect()
        .await
}

/// As [`list`], page by page as the store sends them (at most 1000 objects each).
///
/// The pages of an S3 bucket follow each other in key order; a folder's do not. The stream ends
/// after its first error. Dropping it stops the listing.
pub fn list_pages<'a>(store: &'a Store, prefix: &'a str) -> BoxStream<'a, Result<Listing, Error>> {
    match store.s3() {
        Some(s3) => s3.pages(store.name(), prefix, false).boxed(),
        None => objects::pages(store, prefix),
    }
}

/// The objects whose key starts with `prefix` and has no further `/` after it, and the prefixes one
/// level down. `prefix` need not end at a slash.
///
/// # Errors
///
/// As [`list`].
pub async fn list_directory(store: &Store, prefix: &str) -> Result<Listing, Error> {
    let mut all = match store.s3() {
        Some(s3) => {
            let mut all = Listing::default();
            let mut pages = std::pin::pin!(s3.pages(store.name(), prefix, true));
            while let Some(page) = pages.try_next().await? {
                all.append(page);
            }
            all
        }
        None => objects::directory(store, prefix).await?,
    };
    all.sort();
    Ok(all)
}

/// What the store says about one object, or `None` if it has none of that name.
///
/// # Errors
///
/// [`Error::Denied`], [`Error::Unreachable`] or [`Error::Other`].
pub async fn head(store: &Store, key: &Key) -> Result<Option<Listed>, Error> {
    let path = store_path(store, key)?;
    match store.questions().head(&path).await {
        Ok(meta) => Ok(Some(Listed {
            key: key.clone(),
            size: meta.size,
            etag: meta.e_tag,
            last_modified: Some(meta.last_modified.into()),
        })),
        Err(source) => match error::about_object(store.name(), key.as_str(), source) {
            Error::NotFound { .. } => Ok(None),
            other => Err(other),
        },
    }
}

/// The key as `object_store` takes it: parsed, not encoded, so that it is sent as it was listed.
pub(crate) fn store_path(store: &Store, key: &Key) -> Result<StorePath, Error> {
    StorePath::parse(key.as_str())
        .map_err(|source| error::about_object(store.name(), key.as_str(), source.into()))
}
