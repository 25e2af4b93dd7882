//! Objects that change, and names that are odd.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use fixtures::{Fault, noise};
use s3_mirror::{Candidate, Folder, Outcome, list, plan, transfer};

use super::{Scene, Tally, object, times};

/// Replaces a file of the bucket at once, as a store replaces an object.
fn replace(bucket: &std::path::Path, key: &str, content: &[u8]) {
    let new = bucket.join(".new");
    std::fs::write(&new, content).unwrap();
    std::fs::rename(new, bucket.join(key)).unwrap();
}

#[tokio::test]
async fn objects_replaced_under_way() {
    let mut tally = Tally::new("object replaced between list and get, or between two ranges");
    for round in 0..times(2, 40) {
        // Another size, or the same with other bytes, on the first request or a later one.
        for (key, size) in [
            ("derivatives/a/long.bin", 6_500_001),
            ("long-2.bin", 6_000_000),
            ("derivatives/b/small.tsv", 20_000),
        ] {
            let scene = Scene::new();
            let before = crate::util::read_all(scene.bucket.path());
            let bucket = scene.bucket.path().to_owned();
            let new = noise(1000 + round as u64, size);
            let (seen, at) = (AtomicUsize::new(0), round % 3);
            let replaced = new.clone();
            scene.proxy.decide(move |request| {
                if object(request)
                    && request.target.ends_with(key)
                    && seen.fetch_add(1, Ordering::SeqCst) == at
                {
                    replace(&bucket, key, &replaced);
                }
                Fault::Pass
            });
            let _ = scene.run().await;
            scene.nothing_wrong(&before);
            // If it was replaced after all was asked for, this run has to notice.
            scene.ends_right(&mut tally).await;
            tally.faults += 1;
        }
    }
    tally.write();
}

#[tokio::test]
async fn a_new_version_of_the_same_size_is_fetched() {
    let mut tally = Tally::new("object replaced by one of the same size between two runs");
    for round in 0..times(1, 20) {
        let scene = Scene::new();
        assert!(scene.run().await.is_complete());
        for (key, size) in super::SIZES {
            if size > 0 {
                replace(scene.bucket.path(), key, &noise(77 + round as u64, size));
            }
        }
        scene.ends_right(&mut tally).await;
        tally.faults += super::SIZES.len() - 1;
    }
    tally.write();
}

#[tokio::test]
async fn names_that_are_odd() {
    let mut tally = Tally::new("odd names: 1,024 bytes, spaces, %, +, hyphens, accents");
    let deep = format!("{}/{}", ["x".repeat(200).as_str(); 4].join("/"), "y".repeat(219));
    assert_eq!(deep.len(), 1023);
    let deep = format!("{deep}z");
    let names = [
        deep.as_str(),
        "a b/c+d%2F#?&=;.bin",
        "label-FFA-1_mask.tsv",
        "label-FFA1_mask.tsv",
        "label-F-FA-1_mask.tsv",
        "é/ü\u{301}.txt",
        "'quotes\"/<xml>&amp;.txt",
        ".hidden.part",
    ];
    let objects: BTreeMap<&str, Vec<u8>> =
        names.iter().map(|name| (*name, noise(name.len() as u64, 5_000))).collect();
    let scene = Scene::with(objects);
    assert!(scene.run().await.is_complete());
    let (got, expected) =
        (crate::util::read_all(&scene.root()), crate::util::read_all(scene.bucket.path()));
    assert!(got == expected, "{:?}", got.keys());
    tally.runs += 1;
    tally.faults += names.len();
    tally.bytes += expected.values().map(|content| content.len() as u64).sum::<u64>();
    tally.write();
}

#[tokio::test]
async fn names_that_are_no_files() {
    // A listing that only a hostile or broken server sends.
    let keys = [
        "..",
        "../x",
        "a/../../x",
        "/etc/passwd",
        "a//b",
        "a\\b",
        "C:\\x",
        "a%00b",
        "a/%FF%FE",
        "%2e%2e/x",
        "ok",
    ];
    let listing: String = keys
        .iter()
        .map(|key| {
            format!(
                "<Contents><Key>{key}</Key><Size>1</Size><ETag>\"0cc175b9c0f1b6a831c399e269772661\"\
                 </ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            )
        })
        .collect();
    let document = format!(
        "<?xml version=\"1.0\"?><ListBucketResult><EncodingType>url</EncodingType>\
         <IsTruncated>false</IsTruncated>{listing}</ListBucketResult>"
    );
    let server = crate::scripted::Scripted::start(move |request, _| {
        if request.target.contains("list-type") {
            crate::scripted::Reply::Bytes(crate::scripted::response(
                "200 OK",
                "",
                document.as_bytes(),
            ))
        } else {
            crate::scripted::Reply::Bytes(
                b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\
                ETag: \"0cc175b9c0f1b6a831c399e269772661\"\r\n\r\na"
                    .to_vec(),
            )
        }
    });
    let outside = tempfile::tempdir().unwrap();
    let root = outside.path().join("deep/root");
    let mut refused = 0;
    let mut fetched = Vec::new();
    match list(&server.store(), "").await {
        Ok(listing) => {
            refused = listing.refused.len();
            let plan =
                plan(listing.into_iter().map(Candidate::exact), &Folder::new(&root).unwrap())
                    .unwrap();
            let report = transfer(
                &server.store(),
                &plan,
                &root,
                &s3_mirror::TransferOptions::default(),
                &(),
                &s3_mirror::Cancel::new(),
            )
            .await;
            for (key, outcome) in &report.outcomes {
                if let Outcome::Fetched { .. } = outcome {
                    fetched.push(key.to_string());
                }
            }
        }
        Err(error) => assert!(error.to_string().contains("cannot be read"), "{error}"),
    }
    let everything = crate::util::read_all(outside.path());
    assert!(everything.keys().all(|file| file.starts_with("deep/root/")), "{everything:?}");
    let mut tally = Tally::new("names that would leave the mirror, or are not text");
    tally.runs += 1;
    tally.faults += refused.max(keys.len() - 1 - fetched.len());
    tally.bytes += fetched.len() as u64;
    tally.write();
}
