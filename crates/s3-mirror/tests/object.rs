//! One object read like a file, over connections that break and from buckets that change.

use std::io::{BufRead, Read};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fixtures::server::Options;
use fixtures::{Fault, ProxiedRequest, Proxy, Server, noise};
use s3_mirror::{
    Cancel, ConnectOptions, Error, Location, ObjectContent, ObjectError, ObjectOptions,
    ObjectReader, Store,
};
use tokio::runtime::Runtime;

use crate::util::{impatient, impatient_with_silence, key};

const KEY: &str = "derivatives/betas.nii.gz";

/// More than a queue holds.
const SIZE: usize = 6_500_001;

/// Worth several connections, whenever it is seen that one is slow.
const LONG_SIZE: usize = (40 << 20) + 5;

/// Less than 33 MB/s.
const SLOW: Fault = Fault::Slow(Duration::from_micros(500));

struct Scene {
    bucket: tempfile::TempDir,
    _server: Server,
    proxy: Proxy,
    runtime: Runtime,
    store: Store,
}

impl Scene {
    fn new() -> Self {
        Self::with(|options| options)
    }

    fn with(options: impl FnOnce(Options) -> Options) -> Self {
        Self::with_patience(options, &impatient())
    }

    fn with_patience(options: impl FnOnce(Options) -> Options, patience: &ConnectOptions) -> Self {
        let bucket = tempfile::tempdir().unwrap();
        write(bucket.path(), &content());
        let server = Server::start(options(Options::new(bucket.path()))).unwrap();
        let proxy = Proxy::start(server.address(), |_| Fault::Pass).unwrap();
        let location: Location = proxy.url("laion-fmri").parse().unwrap();
        let store = location.open_with(&patience.clone().with_max_retries(2)).unwrap();
        let runtime = runtime();
        Self { bucket, _server: server, proxy, runtime, store }
    }

    fn open(&self, options: &ObjectOptions) -> Result<ObjectReader, ObjectError> {
        ObjectReader::open(self.runtime.handle(), &self.store, &key(KEY), options)
    }

    fn faults(&self, decide: impl Fn(&ProxiedRequest) -> Fault + Send + Sync + 'static) -> &Self {
        self.proxy
            .decide(move |request| if request.is_object() { decide(request) } else { Fault::Pass });
        self
    }

    /// Everything, with what is known at the end.
    fn read(&self) -> Result<(Vec<u8>, ObjectContent), ObjectError> {
        let mut reader = self.open(&ObjectOptions::default())?;
        let mut bytes = Vec::new();
        if let Err(error) = reader.read_to_end(&mut bytes) {
            let found = ObjectError::find(&error).unwrap().clone();
            // It stays.
            assert!(reader.read(&mut [0]).is_err());
            assert_eq!(reader.finish().unwrap_err().to_string(), found.to_string());
            return Err(found);
        }
        assert_eq!(reader.position(), bytes.len() as u64);
        let finished = reader.finish()?;
        Ok((bytes, finished))
    }

    fn arrives(&self) {
        let (bytes, finished) = self.read().unwrap();
        assert!(bytes == content(), "wrong bytes ({} of them)", bytes.len());
        assert_eq!(finished.size, SIZE as u64);
        assert!(finished.content.etag_verified);
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn content() -> Vec<u8> {
    noise(7, SIZE)
}

fn write(root: &Path, content: &[u8]) {
    let file = root.join(KEY);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, content).unwrap();
}

#[test]
fn an_object_arrives_with_what_it_is() {
    let scene = Scene::new();
    let mut reader = scene.open(&ObjectOptions::default()).unwrap();
    assert_eq!(reader.size(), SIZE as u64);
    let etag = reader.etag().unwrap().to_owned();
    assert_eq!(reader.fill_buf().unwrap()[..10], content()[..10]);
    // The rest is looked at although nobody has read it.
    let finished = reader.finish().unwrap();
    assert_eq!(finished.etag.as_deref(), Some(etag.as_str()));
    assert!(finished.content.etag_verified);
    assert_eq!(finished.sha256, laion_fmri_base::Sha256::of(content()));
    scene.arrives();
    assert_eq!(scene.proxy.requests(), 2);
}

#[test]
fn a_known_sha256_is_taken_for_the_version_that_was_asked_for() {
    let scene = Scene::new();
    let (_, finished) = scene.read().unwrap();
    // Of other bytes, so that it shows where it comes from.
    let known = laion_fmri_base::Sha256::of("another");
    let options = ObjectOptions::default().with_sha256(known);
    let of_any_version = scene.open(&options).unwrap().finish().unwrap();
    assert_eq!(of_any_version.sha256, finished.sha256);
    let options = options.with_etag(finished.etag.unwrap());
    let of_version = scene.open(&options).unwrap().finish().unwrap();
    assert_eq!((of_version.sha256, of_version.content.etag_verified), (known, true));
    scene.faults(|_| Fault::Flip(5_000_000));
    let error = scene.open(&options).unwrap().finish().unwrap_err();
    assert!(matches!(error, ObjectError::Checksum { .. }), "{error:?}");
}

#[test]
fn parts_of_an_upload_are_recomputed() {
    Scene::with(|options| options.part_size(3_000_000)).arrives();
}

#[test]
fn several_readers_side_by_side() {
    let scene = Scene::new();
    scene.faults(|request| Fault::Cut(1_000_000 + 300_000 * request.number as u64));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| scene.arrives());
        }
    });
}

#[test]
fn an_empty_object_and_a_folder() {
    let scene = Scene::new();
    write(scene.bucket.path(), b"");
    let (bytes, finished) = scene.read().unwrap();
    assert_eq!((bytes.len(), finished.size, finished.content.etag_verified), (0, 0, true));

    write(scene.bucket.path(), &content());
    let store = Location::directory(scene.bucket.path()).unwrap().open().unwrap();
    let options = ObjectOptions::default();
    let reader = ObjectReader::open(scene.runtime.handle(), &store, &key(KEY), &options).unwrap();
    // The tag of a file is no digest.
    let finished = reader.finish().unwrap();
    assert_eq!((finished.size, finished.content.etag_verified), (SIZE as u64, false));
}

#[test]
fn cuts_and_stalls_are_continued_inside_the_object() {
    for offset in [0, 1, 255 << 10, 3_000_000, SIZE as u64 - 1] {
        let scene = Scene::with_patience(|options| options, &impatient_with_silence());
        scene.faults(move |request| match request.number {
            0 => Fault::Cut(offset),
            1 => Fault::Stall(10),
            _ => Fault::Pass,
        });
        scene.arrives();
        assert_eq!(scene.proxy.faults(), 2, "{offset}");
        // Nothing comes twice but what was under way when the connection broke.
        assert!(scene.proxy.body_bytes() <= SIZE as u64 + 20, "{offset}");
    }
}

#[test]
fn only_attempts_without_a_byte_are_counted() {
    let scene = Scene::new();
    // Many more than are allowed without progress.
    scene.faults(|_| Fault::Cut(600_000));
    scene.arrives();
    scene.faults(|request| {
        if request.range.is_some_and(|(start, _)| start >= 1_200_000) {
            Fault::Close
        } else {
            Fault::Cut(600_000)
        }
    });
    let before = scene.proxy.requests();
    let error = scene.read().unwrap_err();
    assert!(matches!(&error, ObjectError::Store(error) if error.is_unreachable()), "{error:?}");
    assert_eq!(scene.proxy.requests() - before, 4);
}

#[test]
fn a_busy_server_is_asked_again() {
    let scene = Scene::new();
    scene.faults(|request| match request.number {
        0 => Fault::Status(503, None),
        1 => Fault::Cut(100_000),
        2 => Fault::Status(500, None),
        _ => Fault::Pass,
    });
    scene.arrives();
}

#[test]
fn odd_answers_are_no_bytes() {
    for fault in [Fault::Html, Fault::Shorten(1), Fault::OtherRange, Fault::IgnoreRange] {
        let scene = Scene::new();
        let odd = fault.clone();
        scene.faults(move |request| match request.number {
            0 if odd == Fault::Html => Fault::Html,
            0 => Fault::Cut(1_000_003),
            1 => odd.clone(),
            _ => Fault::Pass,
        });
        scene.arrives();
    }
    // Without end they are errors that say so.
    let scene = Scene::new();
    scene.faults(|_| Fault::Html);
    let error = scene.open(&ObjectOptions::default()).unwrap_err();
    let ObjectError::Store(error) = error else { panic!("{error:?}") };
    assert!(
        matches!(&*error, Error::WrongAnswer { key, expected, got, .. }
            if key == KEY && expected == "an entity tag" && got == "none"),
        "{error:?}"
    );
}

#[test]
fn a_turned_bit_is_seen_at_the_end() {
    let scene = Scene::new();
    scene.faults(|_| Fault::Flip(SIZE as u64 / 2));
    let error = scene.read().unwrap_err();
    assert!(
        matches!(&error, ObjectError::Checksum { key, expected, got, .. }
            if key == KEY && expected != got),
        "{error:?}"
    );
    // Also by a reader that stops after the first bytes.
    let mut reader = scene.open(&ObjectOptions::default()).unwrap();
    reader.read_exact(&mut [0; 100]).unwrap();
    assert!(matches!(reader.finish(), Err(ObjectError::Checksum { .. })));
    // A range that is another one than it claims to be.
    scene.faults(|request| match request.range {
        None => Fault::Cut(2_000_000),
        Some(_) => Fault::LyingRange,
    });
    assert!(matches!(scene.read(), Err(ObjectError::Checksum { .. })));
}

#[test]
fn an_object_that_is_replaced_is_another_one() {
    let scene = Scene::new();
    let etag = scene.open(&ObjectOptions::default()).unwrap().etag().unwrap().to_owned();
    let root = scene.bucket.path().to_owned();
    let swaps = Arc::new(AtomicUsize::new(0));
    scene.faults(move |request| {
        if request.range.is_some() && swaps.fetch_add(1, Ordering::SeqCst) == 0 {
            let mut other = content();
            other[0] ^= 1;
            write(&root, &other);
        }
        Fault::Cut(2_000_000)
    });
    let error = scene.read().unwrap_err();
    assert!(
        matches!(&error, ObjectError::Changed { key, expected, .. }
            if key == KEY && expected.as_ref() == Some(&etag)),
        "{error:?}"
    );
    // Asked for by its tag, the former version cannot be opened any more.
    scene.faults(|_| Fault::Pass);
    let error = scene.open(&ObjectOptions::default().with_etag(&etag)).unwrap_err();
    assert!(error.to_string().contains(&etag), "{error}");
    assert!(matches!(error, ObjectError::Changed { .. }));
    let now = scene.open(&ObjectOptions::default()).unwrap().etag().unwrap().to_owned();
    assert!(scene.open(&ObjectOptions::default().with_etag(now)).is_ok());
}

#[test]
fn refusals_are_told_apart() {
    let scene = Scene::with(|options| options.denied([KEY]));
    let error = scene.open(&ObjectOptions::default()).unwrap_err();
    assert!(error.is_denied(), "{error:?}");
    let (handle, options) = (scene.runtime.handle(), ObjectOptions::default());
    let error = ObjectReader::open(handle, &scene.store, &key("none"), &options).unwrap_err();
    assert!(
        matches!(&error, ObjectError::Store(error)
            if matches!(&**error, Error::NotFound { key, .. } if key == "none")),
        "{error:?}"
    );
    // Withheld in the middle, too.
    let scene = Scene::new();
    scene.faults(|request| match request.range {
        None => Fault::Cut(300_000),
        Some(_) => Fault::Status(403, None),
    });
    let mut reader = scene.open(&ObjectOptions::default()).unwrap();
    let mut bytes = Vec::new();
    let error = reader.read_to_end(&mut bytes).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    assert!(ObjectError::find(&error).is_some_and(ObjectError::is_denied));
    assert!(bytes == content()[..300_000], "what came before is there");
}

#[test]
fn cancelling_wakes_a_reader() {
    let scene = Scene::new();
    scene.faults(|_| Fault::Slow(Duration::from_millis(200)));
    let cancel = Cancel::new();
    let options = ObjectOptions::default().with_cancel(cancel.clone());
    let mut reader = scene.open(&options).unwrap();
    let start = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(50));
            cancel.cancel();
        });
        let error = std::io::copy(&mut reader, &mut std::io::sink()).unwrap_err();
        assert!(
            matches!(ObjectError::find(&error), Some(ObjectError::Cancelled { key }) if key == KEY)
        );
    });
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(matches!(scene.open(&options), Err(ObjectError::Cancelled { .. })));
}

#[test]
fn a_runtime_that_ends_interrupts() {
    let scene = Scene::new();
    scene.faults(|_| Fault::Slow(Duration::from_millis(50)));
    let runtime = runtime();
    let options = ObjectOptions::default();
    let mut reader =
        ObjectReader::open(runtime.handle(), &scene.store, &key(KEY), &options).unwrap();
    runtime.shutdown_background();
    let error = std::io::copy(&mut reader, &mut std::io::sink()).unwrap_err();
    assert!(matches!(ObjectError::find(&error), Some(ObjectError::Interrupted { .. })), "{error}");
}

#[test]
fn a_slow_reader_is_no_silent_server() {
    let scene = Scene::new();
    let mut options = impatient();
    options.retry_timeout = Duration::from_millis(50);
    let location: Location = scene.proxy.url("laion-fmri").parse().unwrap();
    let store = location.open_with(&options).unwrap();
    // The connection breaks while the queue is full and nobody reads.
    scene.faults(|request| match request.range {
        None => Fault::Cut(5_500_000),
        Some(_) => Fault::Pass,
    });
    let options = ObjectOptions::default();
    let mut reader =
        ObjectReader::open(scene.runtime.handle(), &store, &key(KEY), &options).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    assert!(bytes == content());
}

/// A scene with a long object, and its content.
fn long_scene() -> (Scene, Vec<u8>) {
    let (scene, content) = (Scene::new(), noise(8, LONG_SIZE));
    write(scene.bucket.path(), &content);
    (scene, content)
}

#[test]
fn what_a_slow_connection_leaves_comes_in_parallel_ranges() {
    let (scene, content) = long_scene();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let ranges = Arc::clone(&asked);
    scene.faults(move |request| {
        ranges.lock().unwrap().extend(request.range);
        SLOW
    });
    let (bytes, finished) = scene.read().unwrap();
    assert!(bytes == content);
    assert!(finished.content.etag_verified);
    assert_eq!(finished.sha256, laion_fmri_base::Sha256::of(&content));
    let mut ranges = asked.lock().unwrap().clone();
    ranges.sort_unstable();
    assert!(ranges.len() >= 8, "{ranges:?}");
    assert!(ranges.windows(2).all(|pair| pair[0].1 == pair[1].0), "{ranges:?}");
    assert!(ranges.iter().all(|(start, end)| end - start <= 2 << 20), "{ranges:?}");
    assert_eq!(ranges.last().unwrap().1, LONG_SIZE as u64);
}

#[test]
fn parallel_ranges_are_continued_where_they_break() {
    let (scene, content) = long_scene();
    scene.faults(|request| match request.range {
        None => SLOW,
        Some(_) if request.number.is_multiple_of(3) => Fault::Cut(300_000),
        Some(_) if request.number == 5 => Fault::Status(503, None),
        Some(_) => SLOW,
    });
    assert!(scene.read().unwrap().0 == content);
}

#[test]
fn a_server_without_ranges_goes_on_over_one_connection() {
    let (scene, content) = long_scene();
    scene.faults(|request| match request.range {
        None => SLOW,
        Some(_) => Fault::IgnoreRange,
    });
    let (bytes, finished) = scene.read().unwrap();
    assert!(bytes == content && finished.content.etag_verified);
    assert!(scene.proxy.faults() > 1, "it was asked for ranges");
}

#[test]
fn an_object_that_changes_between_parallel_ranges_is_another_one() {
    let (scene, mut content) = long_scene();
    let root = scene.bucket.path().to_owned();
    content[0] ^= 1;
    let swaps = Arc::new(AtomicUsize::new(0));
    scene.faults(move |request| {
        if request.range.is_some() && swaps.fetch_add(1, Ordering::SeqCst) == 0 {
            write(&root, &content);
        }
        SLOW
    });
    let error = scene.read().unwrap_err();
    assert!(matches!(error, ObjectError::Changed { .. }), "{error:?}");
}

#[test]
fn an_object_that_was_begun_comes_while_nobody_waits() {
    let scene = Scene::new();
    let begin = || {
        let options = ObjectOptions::default();
        ObjectReader::begin(scene.runtime.handle(), &scene.store, &key(KEY), &options)
    };
    let pending = begin();
    let started = Instant::now();
    while scene.proxy.body_bytes() < 1 << 20 && started.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(scene.proxy.body_bytes() >= 1 << 20, "nothing came ahead");
    let mut bytes = Vec::new();
    let mut reader = pending.wait().unwrap();
    reader.read_to_end(&mut bytes).unwrap();
    assert!(bytes == content() && reader.finish().unwrap().content.etag_verified);
    assert_eq!(scene.proxy.requests(), 1);
    // Its errors are told to who waits.
    scene.faults(|_| Fault::Status(403, None));
    assert!(begin().wait().unwrap_err().is_denied());
}
