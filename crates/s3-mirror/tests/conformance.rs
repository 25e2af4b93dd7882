//! One set of expectations for memory, folders and HTTP servers.

use std::path::Path;

use futures::TryStreamExt;
use s3_mirror::{Location, Outcome, Store, Tally, head, list, list_directory, list_pages};

use crate::util::{Objects, key, keys, memory, mirror, objects, plan_of, read_all, run, write_all};

fn content() -> Objects {
    objects(&[
        ("README", b"read me"),
        ("empty", b""),
        ("a/b.bin", b"four"),
        ("a/b.bin.json", b"{}"),
        ("a/c/d.txt", b"deep"),
        ("ab/x.txt", b"sibling"),
        ("odd/a b.txt", b"space"),
        ("odd/aparc+aseg.mgz", b"plus"),
        ("odd/50%25.txt", b"percent"),
        ("odd/x#y?z&w=1.txt", b"reserved"),
        ("odd/[v]~{w}^`\"'|<>*;:@$!,().txt", b"punctuation"),
        ("odd/é漢字.txt", b"letters"),
        ("odd/trailing space .jpg", b"trailing"),
    ])
}

async fn conforms(store: &Store) {
    let content = content();
    let expected: Vec<&str> = content.keys().map(String::as_str).collect();

    let all = list(store, "").await.unwrap();
    assert_eq!(keys(&all.objects), expected);
    assert!(all.refused.is_empty() && all.prefixes.is_empty());
    for object in &all.objects {
        assert_eq!(object.size, content[object.key.as_str()].len() as u64);
        assert!(object.etag.is_some() && object.last_modified.is_some());
    }

    prefixes(store).await;
    directories(store).await;

    let readme = head(store, &key("README")).await.unwrap().unwrap();
    assert_eq!((readme.key.as_str(), readme.size), ("README", 7));
    assert_eq!(readme.etag, all.objects[0].etag);
    for odd in content.keys().filter(|key| key.starts_with("odd/")) {
        assert!(head(store, &key(odd)).await.unwrap().is_some(), "{odd}");
    }
    for absent in ["a", "a/none", "README/below", "none"] {
        assert_eq!(head(store, &key(absent)).await.unwrap(), None, "{absent}");
    }

    let root = tempfile::tempdir().unwrap();
    let report = mirror(store, "", root.path()).await;
    assert_eq!(report.totals().fetched, content.len() as u64, "{report:?}");
    assert!(report.is_complete() && report.stop.is_none());
    assert_eq!(read_all(root.path()), content);

    let again = mirror(store, "", root.path()).await;
    assert_eq!(again.totals().kept, content.len() as u64);
    assert_eq!(again.totals().fetched, 0);

    wrong_listings(store).await;
}

async fn prefixes(store: &Store) {
    for (prefix, expected) in [
        ("a", vec!["a/b.bin", "a/b.bin.json", "a/c/d.txt", "ab/x.txt"]),
        ("a/", vec!["a/b.bin", "a/b.bin.json", "a/c/d.txt"]),
        ("a/b", vec!["a/b.bin", "a/b.bin.json"]),
        ("a/b.bin", vec!["a/b.bin", "a/b.bin.json"]),
        ("a/b.bin/", vec![]),
        ("a/c/d.txt", vec!["a/c/d.txt"]),
        ("odd/aparc+", vec!["odd/aparc+aseg.mgz"]),
        ("odd/a b", vec!["odd/a b.txt"]),
        ("/a", vec![]),
        ("a//", vec![]),
        ("../", vec![]),
        ("none/", vec![]),
    ] {
        assert_eq!(keys(&list(store, prefix).await.unwrap().objects), expected, "{prefix}");
        let pages: Vec<_> = list_pages(store, prefix).try_collect().await.unwrap();
        assert_eq!(pages.into_iter().flatten().count(), expected.len(), "{prefix}");
    }
}

async fn directories(store: &Store) {
    let top = list_directory(store, "").await.unwrap();
    assert_eq!(top.prefixes, ["a/", "ab/", "odd/"]);
    assert_eq!(keys(&top.objects), ["README", "empty"]);
    let a = list_directory(store, "a/").await.unwrap();
    assert_eq!(a.prefixes, ["a/c/"]);
    assert_eq!(keys(&a.objects), ["a/b.bin", "a/b.bin.json"]);
    let starting = list_directory(store, "a").await.unwrap();
    assert_eq!(starting.prefixes, ["a/", "ab/"]);
    assert!(starting.objects.is_empty());
    let none = list_directory(store, "none/").await.unwrap();
    assert!(none.prefixes.is_empty() && none.objects.is_empty());
}

/// Objects that disappeared or changed since they were listed.
async fn wrong_listings(store: &Store) {
    let root = tempfile::tempdir().unwrap();
    let plan = plan_of(&[("README", 8), ("a/b.bin", 4), ("gone", 4)], root.path());
    let report = run(store, &plan, root.path()).await;
    let text: Vec<_> =
        report.outcomes.iter().map(|(key, outcome)| format!("{key}: {outcome:?}")).collect();
    assert_eq!(
        text,
        [
            "README: Failed { error: SizeMismatch { expected: 8, got: 7 } }",
            "a/b.bin: Fetched { bytes: 4 }",
            "gone: Gone",
        ]
    );
    assert!(matches!(report.outcomes[2].1, Outcome::Gone));
    assert_eq!(read_all(root.path()), objects(&[("a/b.bin", b"four")]));
}

fn folder(root: &Path) -> Store {
    Location::directory(root).unwrap().open().unwrap()
}

#[tokio::test]
async fn memory_store() {
    conforms(&memory(&content()).await).await;
}

#[tokio::test]
async fn folder_store() {
    let bucket = tempfile::tempdir().unwrap();
    write_all(bucket.path(), &content());
    conforms(&folder(bucket.path())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_store() {
    let bucket = tempfile::tempdir().unwrap();
    write_all(bucket.path(), &content());
    for page_size in [1, 2, 1000] {
        let options = fixtures::server::Options::new(bucket.path()).page_size(page_size);
        let server = fixtures::server::Server::start(options).unwrap();
        let location: Location = server.url("laion-fmri").parse().unwrap();
        conforms(&location.open().unwrap()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn total_bytes_of_a_plan() {
    let store = memory(&content()).await;
    let listing = list(&store, "a/").await.unwrap();
    let bytes = listing.objects.iter().map(|object| object.size).sum();
    let root = tempfile::tempdir().unwrap();
    let entries: Vec<_> = listing.objects.iter().map(|o| (o.key.as_str(), o.size)).collect();
    let plan = plan_of(&entries, root.path());
    assert_eq!(plan.totals().fetch, Tally { count: 3, bytes });
}
