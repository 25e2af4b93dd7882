//! Listing through `object_store`, for memory and stores given by the caller.

use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path as StorePath;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::{Listed, Listing, PAGE, store_path};
use crate::{Error, Key, Store, error};

pub(super) fn pages<'a>(
    store: &'a Store,
    objects: &'a dyn ObjectStore,
    prefix: &'a str,
) -> BoxStream<'a, Result<Listing, Error>> {
    let Some(parent) = parent(prefix) else {
        return futures::stream::empty().boxed();
    };
    objects
        .list(Some(&parent))
        .map_err(move |source| error::about_listing(store.name(), prefix, source))
        .try_filter(move |meta| std::future::ready(meta.location.as_ref().starts_with(prefix)))
        .try_chunks(PAGE)
        // The objects before the error are dropped: a listing is complete or it is an error.
        .map_err(|error| error.1)
        .map_ok(|metas| {
            let mut page = Listing::default();
            metas.into_iter().for_each(|meta| push(&mut page, meta));
            page
        })
        .boxed()
}

pub(super) async fn head(
    store: &Store,
    objects: &dyn ObjectStore,
    key: &Key,
) -> Result<Listed, Error> {
    let meta = objects
        .head(&store_path(store, key)?)
        .await
        .map_err(|source| error::about_object(store.name(), key.as_str(), source))?;
    let last_modified = Some(meta.last_modified.into());
    Ok(Listed { key: key.clone(), size: meta.size, etag: meta.e_tag, last_modified })
}

pub(super) async fn directory(
    store: &Store,
    objects: &dyn ObjectStore,
    prefix: &str,
) -> Result<Listing, Error> {
    let mut listing = Listing::default();
    let Some(parent) = parent(prefix) else {
        return Ok(listing);
    };
    let found = objects
        .list_with_delimiter(Some(&parent))
        .await
        .map_err(|source| error::about_listing(store.name(), prefix, source))?;
    listing.prefixes = found
        .common_prefixes
        .iter()
        .map(|directory| format!("{directory}/"))
        .filter(|directory| directory.starts_with(prefix) && directory != prefix)
        .collect();
    for meta in found.objects {
        if meta.location.as_ref().starts_with(prefix) {
            push(&mut listing, meta);
        }
    }
    Ok(listing)
}

/// `object_store` lists directories only, so a prefix that stops inside a name is listed from its
/// directory and filtered. `None` when no key of such a store can start with `prefix`.
fn parent(prefix: &str) -> Option<StorePath> {
    match prefix.rsplit_once('/') {
        None => Some(StorePath::default()),
        Some(("", _)) => None,
        Some((directory, _)) => {
            // `parse` would strip a leading slash, and then the filter could never match.
            StorePath::parse(directory).ok().filter(|parsed| parsed.as_ref() == directory)
        }
    }
}

fn push(listing: &mut Listing, meta: ObjectMeta) {
    listing.push(meta.location.into(), meta.size, meta.e_tag, Some(meta.last_modified.into()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_of_a_prefix() {
        let check = |prefix, expected: Option<&str>| {
            assert_eq!(parent(prefix).as_ref().map(AsRef::as_ref), expected, "{prefix}");
        };
        check("", Some(""));
        check("sub", Some(""));
        check("a/", Some("a"));
        check("a/b.bin", Some("a"));
        check("a b/c+d/e", Some("a b/c+d"));
        check("/a", None);
        check("a//b", None);
        check("a//", None);
        check("../a", None);
        check("/a/b", None);
    }
}
