//! Stores built from the bytes that a download brings: the same bytes as from the mirror, and nothing
//! that goes wrong with a store is anything to the download.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use fixtures::bucket::public_sessions;
use fixtures::{Fault, Proxy};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use laion_fmri::s3_mirror::{Event as TransferEvent, Report, Stop};
use laion_fmri::store::StoreRequest;
use laion_fmri::{
    Cancel, ConnectOptions, Dataset, DownloadRequest, ErrorKind, Event, Observer, layout,
};
use serde_json::Value;

use crate::Served;
use crate::stores::{build, files, flip, is_read_from, key, session};

fn dataset(fixture: &Served) -> Dataset {
    let dataset = Dataset::open(fixture.mirror.path()).unwrap();
    dataset.with_location(fixture.location()).with_jobs(2)
}

/// Where the store of a subject lies.
fn store_of(fixture: &Served, id: &str) -> PathBuf {
    fixture.mirror.path().join(format!("stores/{id}_desc-anatomical.zarr"))
}

/// Downloads a subject with its store. The sessions that were stored on the way come with the report.
fn fetch(
    dataset: &Dataset,
    (id, request): (&str, StoreRequest),
    observer: &dyn Observer,
    cancel: &Cancel,
) -> (Report, Vec<String>) {
    let license = dataset.accept_license().unwrap();
    let download = dataset.plan_download(&DownloadRequest::subject(id).unwrap()).unwrap();
    let stored = Mutex::new(Vec::new());
    let told = |event: Event<'_>| {
        if let Event::Stored { session, store, .. } = event {
            assert!(store.join(session.as_str()).join("zarr.json").is_file());
            stored.lock().unwrap().push(session.to_string());
        }
        observer.event(event);
    };
    let report = download.with_store(request).run(&license, 4, &told, cancel);
    let mut stored = stored.into_inner().unwrap();
    stored.sort();
    (report, stored)
}

fn fetch_all(dataset: &Dataset, id: &str) -> (Report, Vec<String>) {
    fetch(dataset, (id, StoreRequest::new()), &(), &Cancel::new())
}

/// The files of a store; documents without the moment at which they were written.
fn contents(store: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).unwrap();
        let bytes = if path.ends_with("zarr.json") { without_time(&bytes) } else { bytes };
        (path.strip_prefix(store).unwrap().to_owned(), bytes)
    };
    files(store).into_iter().map(read).collect()
}

fn without_time(document: &[u8]) -> Vec<u8> {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, _| name != "written" && name != "crc32c");
                fields.values_mut().for_each(strip);
            }
            Value::Array(values) => values.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut document = serde_json::from_slice(document).unwrap();
    strip(&mut document);
    serde_json::to_vec(&document).unwrap()
}

/// Compares a store with one that is built from the mirror.
fn assert_as_built_from_the_mirror(dataset: &Dataset, id: &str, store: &Path) {
    let subject = dataset.subject(id).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let expected = build(&subject, &StoreRequest::new().directory(directory.path())).path;
    let (got, expected) = (contents(store), contents(&expected));
    assert_eq!(got.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (path, bytes) in &got {
        assert!(*bytes == expected[path], "{}", path.display());
    }
}

/// The sessions in a store, and what may have been left behind in it.
fn sessions_in(store: &Path) -> Vec<String> {
    let entries = fs::read_dir(store).into_iter().flatten().map(|entry| entry.unwrap());
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    let mut names: Vec<String> =
        names.filter(|name| name.starts_with("ses-") || name.starts_with('.')).collect();
    names.sort();
    names
}

#[test]
fn a_download_builds_the_store_that_the_mirror_gives() {
    for id in ["sub-01", "sub-03"] {
        let fixture = Served::new();
        let (dataset, store) = (dataset(&fixture), store_of(&fixture, id));
        let (report, stored) = fetch_all(&dataset, id);
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(stored, public_sessions(id));
        assert_eq!(sessions_in(&store), stored);
        // There is nothing left to read.
        let subject = dataset.subject(id).unwrap();
        let told = |event: Event<'_>| {
            assert!(!matches!(event, Event::Reading { .. } | Event::Volume { .. }), "{event:?}");
        };
        let built = subject.build_store(&StoreRequest::new(), &told, &Cancel::new()).unwrap();
        assert_eq!((built.built.len(), built.kept.len()), (0, stored.len()));
        assert!(is_read_from(&subject, &store));
        assert_as_built_from_the_mirror(&dataset, id, &store);
    }
}

#[test]
fn only_sessions_of_the_request_that_are_fetched_are_stored() {
    let fixture = Served::new();
    let dataset = dataset(&fixture);
    let request = StoreRequest::new().sessions(["02"]);
    let (report, stored) = fetch(&dataset, ("sub-03", request), &(), &Cancel::new());
    assert!(report.is_complete());
    assert_eq!(stored, ["ses-02"]);
    // The other one is on disk.
    let (report, stored) = fetch_all(&dataset, "sub-03");
    assert!(report.is_complete() && stored.is_empty());
    let built = build(&dataset.subject("sub-03").unwrap(), &StoreRequest::new());
    assert_eq!((built.built, built.kept), (vec![session("ses-01")], vec![session("ses-02")]));
    assert_as_built_from_the_mirror(&dataset, "sub-03", &store_of(&fixture, "sub-03"));
}

#[test]
fn with_a_limit_of_memory_one_session_is_written_at_a_time() {
    let fixture = Served::new();
    let (dataset, store) = (dataset(&fixture), store_of(&fixture, "sub-01"));
    let most = AtomicUsize::new(0);
    let look = |_: Event<'_>| {
        let names = sessions_in(&store);
        let written = names.iter().filter(|name| name.starts_with(".ses-")).count();
        most.fetch_max(written, Ordering::SeqCst);
    };
    let request = StoreRequest::new().max_memory(1 << 30);
    let (report, stored) = fetch(&dataset, ("sub-01", request), &look, &Cancel::new());
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(stored, public_sessions("sub-01"));
    // A session is completed while the file of the next one comes.
    assert!(most.into_inner() <= 1);
}

#[test]
fn long_files_that_come_in_ranges_over_broken_connections_are_stored() {
    let fixture = Served::new();
    let betas = fixture.bucket.path(&key("sub-03", "ses-01"));
    // Zeros behind a gzip member are padding.
    let mut bytes = fs::read(&betas).unwrap();
    bytes.resize(9 << 20, 0);
    fs::write(&betas, bytes).unwrap();
    let proxy = Proxy::start(fixture.server.address(), |request| {
        let is_cut = request.is_object() && request.range.is_some() && request.number % 3 == 0;
        if is_cut { Fault::Cut(200_000) } else { Fault::Pass }
    })
    .unwrap();
    let (passed, made) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let options = ConnectOptions::default().with_first_pause(Duration::from_millis(5));
    let dataset = dataset(&fixture).with_location(proxy.url("laion-fmri").parse().unwrap());
    let dataset = dataset.with_connect_options(options).unwrap().with_cache_dir(passed.path());
    let (report, stored) = fetch_all(&dataset, "sub-03");
    assert!(report.is_complete(), "{report:?}");
    assert!(proxy.faults() > 0);
    assert_eq!(stored, ["ses-01", "ses-02"]);
    // A file of that size leaves its index, as when it is read for the first time.
    let indexes: Vec<_> = fs::read_dir(passed.path().join("indexes")).unwrap().collect();
    assert_eq!(indexes.len(), 1);
    // Several threads put the points of an index elsewhere.
    let alone = self::dataset(&fixture).with_jobs(1).with_cache_dir(made.path());
    let subject = alone.subject("sub-03").unwrap();
    let made = subject.index_betas("ses-01", &(), &Cancel::new()).unwrap().unwrap();
    let passed = indexes[0].as_ref().unwrap().path();
    assert!(fs::read(passed).unwrap() == fs::read(made).unwrap());
    assert_as_built_from_the_mirror(&dataset, "sub-03", &store_of(&fixture, "sub-03"));
}

#[test]
fn bytes_that_are_damaged_on_the_way_are_in_no_store() {
    let fixture = Served::new();
    let is_first = AtomicBool::new(true);
    let proxy = Proxy::start(fixture.server.address(), move |request| {
        let is_betas = request.is_object()
            && request.target.contains("ses-02")
            && request.target.contains("SingletrialBetas_statmap.nii.gz");
        let is_flipped = is_betas && is_first.swap(false, Ordering::SeqCst);
        if is_flipped { Fault::Flip(20_000) } else { Fault::Pass }
    })
    .unwrap();
    let dataset = dataset(&fixture).with_location(proxy.url("laion-fmri").parse().unwrap());
    let (report, stored) = fetch_all(&dataset, "sub-03");
    assert!(report.is_complete() && report.faults().count() == 0, "{report:?}");
    assert_eq!(proxy.faults(), 1);
    // The second attempt is stored.
    let store = store_of(&fixture, "sub-03");
    assert_eq!(stored, ["ses-01", "ses-02"]);
    assert_eq!(sessions_in(&store), stored);
    assert_as_built_from_the_mirror(&dataset, "sub-03", &store);
}

#[test]
fn betas_that_are_damaged_in_the_bucket_or_do_not_fit_are_in_no_store() {
    let fixture = Served::new();
    let betas = fixture.bucket.path(&key("sub-01", "ses-02"));
    flip(&betas, fs::metadata(&betas).unwrap().len() / 2);
    let table = layout::trials(&"sub-01".parse().unwrap(), &session("ses-03"));
    let table = fixture.bucket.path(&table);
    let text = fs::read_to_string(&table).unwrap();
    let shorter: Vec<&str> = text.lines().take(20).collect();
    fs::write(&table, shorter.join("\n")).unwrap();
    let (dataset, store) = (dataset(&fixture), store_of(&fixture, "sub-01"));
    let (report, stored) = fetch_all(&dataset, "sub-01");
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.faults().count(), 1);
    assert_eq!(stored, ["ses-01"]);
    assert_eq!(sessions_in(&store), stored);
    // Whoever builds the rest is told why that cannot be.
    let subject = dataset.subject("sub-01").unwrap();
    for session in ["ses-02", "ses-03"] {
        let request = StoreRequest::new().sessions([session]);
        let error = subject.build_store(&request, &(), &Cancel::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity, "{session}: {error}");
    }
}

#[test]
fn a_download_that_is_interrupted_leaves_no_half_session() {
    let fixture = Served::new();
    let (dataset, store) = (dataset(&fixture), store_of(&fixture, "sub-03"));
    let cancel = Cancel::new();
    let stop = |event: Event<'_>| {
        if let Event::Transfer(TransferEvent::Advanced { item, .. }) = event
            && layout::is_betas(item.key.as_str())
        {
            cancel.cancel();
        }
    };
    let (report, stored) = fetch(&dataset, ("sub-03", StoreRequest::new()), &stop, &cancel);
    assert_eq!(report.stop, Some(Stop::Cancelled));
    assert!(stored.is_empty() && sessions_in(&store).is_empty(), "{:?}", sessions_in(&store));
    let (report, stored) = fetch_all(&dataset, "sub-03");
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(stored, ["ses-01", "ses-02"]);
    assert_as_built_from_the_mirror(&dataset, "sub-03", &store);
}

#[test]
fn a_session_that_is_there_stays_unless_its_object_has_changed() {
    let fixture = Served::new();
    let (dataset, store) = (dataset(&fixture), store_of(&fixture, "sub-03"));
    assert_eq!(fetch_all(&dataset, "sub-03").1, ["ses-01", "ses-02"]);
    let written = || fs::metadata(store.join("ses-01/betas/c.0.0")).unwrap().modified().unwrap();
    let before = written();
    fs::remove_file(fixture.mirror.path().join(key("sub-03", "ses-01"))).unwrap();
    let (report, stored) = fetch_all(&dataset, "sub-03");
    assert!(report.is_complete() && report.totals().fetched == 1, "{report:?}");
    assert!(stored.is_empty());
    assert_eq!(written(), before);
    assert!(is_read_from(&dataset.subject("sub-03").unwrap(), &store));
    // The same values in other bytes are another object.
    let object = fixture.bucket.path(&key("sub-03", "ses-01"));
    let (mut plain, stored) = (Vec::new(), fs::read(&object).unwrap());
    MultiGzDecoder::new(&stored[..]).read_to_end(&mut plain).unwrap();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(&plain).unwrap();
    fs::write(&object, encoder.finish().unwrap()).unwrap();
    let (report, stored) = fetch_all(&dataset, "sub-03");
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(stored, ["ses-01"]);
    assert_ne!(written(), before);
    assert!(is_read_from(&dataset.subject("sub-03").unwrap(), &store));
    assert_as_built_from_the_mirror(&dataset, "sub-03", &store);
}

#[test]
fn a_store_that_cannot_be_written_is_nothing_to_the_download() {
    let fixture = Served::new();
    let (dataset, stores) = (dataset(&fixture), fixture.mirror.path().join("stores"));
    fs::write(&stores, "mine").unwrap();
    let (report, stored) = fetch_all(&dataset, "sub-03");
    assert!(report.is_complete(), "{report:?}");
    assert!(stored.is_empty());
    assert_eq!(fs::read_to_string(&stores).unwrap(), "mine");
    // Later it can be built.
    fs::remove_file(&stores).unwrap();
    let built = build(&dataset.subject("sub-03").unwrap(), &StoreRequest::new());
    assert_eq!(built.built.len(), 2);
}

#[cfg(target_os = "linux")]
#[test]
fn a_session_that_another_process_builds_is_left_to_it() {
    let fixture = Served::new();
    let (dataset, store) = (dataset(&fixture), store_of(&fixture, "sub-03"));
    let request = StoreRequest::new().sessions(["02"]);
    assert_eq!(fetch(&dataset, ("sub-03", request), &(), &Cancel::new()).1, ["ses-02"]);
    fs::remove_file(fixture.mirror.path().join(key("sub-03", "ses-01"))).unwrap();
    // What another process writes is locked.
    let written = laion_fmri_base::temporary_sibling(&store.join("ses-01"));
    fs::create_dir(&written).unwrap();
    let held = fs::File::open(&written).unwrap();
    held.lock().unwrap();
    let (report, stored) = fetch_all(&dataset, "sub-03");
    assert!(report.is_complete() && report.totals().fetched == 1, "{report:?}");
    assert!(stored.is_empty());
    fs::remove_dir(&written).unwrap();
    drop(held);
    assert_eq!(sessions_in(&store), ["ses-02"]);
    let built = build(&dataset.subject("sub-03").unwrap(), &StoreRequest::new());
    assert_eq!(built.built, [session("ses-01")]);
}
