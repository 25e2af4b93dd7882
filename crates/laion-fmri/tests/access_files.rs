//! The gated files themselves: everything that can go wrong on the way, what it leaves on disk, and
//! that the next run completes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fixtures::TracingLog;
use fixtures::access::{Call, FileFault};
use laion_fmri::access::{AccessError, Sha256};
use laion_fmri::s3_mirror::{Event as TransferEvent, Outcome, PlanItem};
use laion_fmri::{Cancel, Error, ErrorKind, Event, InputError, Observer};

use crate::access::{Fixture, IMAGES, METADATA};

const PART: &str = ".task-images_stimuli.h5.part";
const STATE: &str = ".task-images_stimuli.h5.part.state";
const SIZE: u64 = 300_000;

/// Downloads with these faults, which do not hinder it, and returns the GETs of the images.
fn completes(faults: &[FileFault]) -> Vec<Option<String>> {
    let fixture = Fixture::new();
    for fault in faults {
        fixture.server.file_fault(IMAGES, fault.clone());
    }
    let sums = Sums::default();
    fixture.download_watched(&SumsOf(IMAGES, &sums, None)).unwrap();
    fixture.assert_complete();
    assert_eq!(sums.there(), SIZE, "{faults:?}: bytes are reported once");
    ranges(&fixture)
}

/// The ranges that were asked for of the images, without the byte by which their tag is learnt.
fn ranges(fixture: &Fixture) -> Vec<Option<String>> {
    let line = format!("GET /files/{IMAGES}");
    let received = fixture.server.received().into_iter();
    received
        .filter(|received| received.line == line)
        .map(|received| received.headers.get("range").cloned())
        .filter(|range| range.as_deref() != Some("bytes=0-0"))
        .collect()
}

fn from(byte: u64) -> Option<String> {
    Some(format!("bytes={byte}-{}", SIZE - 1))
}

/// Downloads with these faults, which end it, and returns the error and the fixture.
fn fails(faults: &[FileFault]) -> (AccessError, Fixture) {
    let fixture = Fixture::new();
    for fault in faults {
        fixture.server.file_fault(IMAGES, fault.clone());
    }
    let error = match fixture.download() {
        Err(Error::Access(error)) => error,
        other => panic!("{faults:?}: {other:?}"),
    };
    let shown = format!("{error:?} {error}");
    assert!(!shown.contains("secret") && !shown.contains("X-Amz"), "{shown}");
    (error, fixture)
}

/// The next run, with a server that behaves.
fn recovers(fixture: &Fixture) {
    fixture.download().unwrap();
    fixture.assert_complete();
}

#[test]
fn a_cut_connection_is_continued() {
    let ranges = completes(&[FileFault::Cut(100_000), FileFault::Cut(50_000)]);
    assert_eq!(ranges, [from(0), from(100_000), from(150_000)]);
}

#[test]
fn a_stalled_connection_is_given_up_and_continued() {
    assert_eq!(completes(&[FileFault::Stall(100_000)]), [from(0), from(100_000)]);
}

#[test]
fn progress_counts_and_attempts_without_it_end() {
    let cuts: Vec<FileFault> = (0..10).map(|_| FileFault::Cut(20_000)).collect();
    assert_eq!(completes(&cuts).len(), 11);
    let (error, fixture) =
        fails(&[FileFault::Cut(100_000), FileFault::Cut(0), FileFault::Cut(0), FileFault::Cut(0)]);
    assert!(matches!(
        error,
        AccessError::Interrupted { name, received: 100_000, expected: SIZE, attempts: 3, .. }
            if name == IMAGES
    ));
    assert_eq!(fixture.names(), [PART, STATE, METADATA]);
    assert_eq!(fixture.read(PART), fixture.server.content(IMAGES)[..100_000]);
    recovers(&fixture);
    assert_eq!(ranges(&fixture).last(), Some(&from(100_000)));
}

#[test]
fn an_expired_link_is_renewed_and_the_file_continued() {
    let ranges = completes(&[FileFault::Cut(100_000), FileFault::Expired]);
    assert_eq!(ranges, [from(0), from(100_000), from(100_000)]);
    let fixture = Fixture::new();
    fixture.server.file_fault(IMAGES, FileFault::Cut(100_000));
    fixture.server.file_fault(IMAGES, FileFault::Expired);
    fixture.download().unwrap();
    assert_eq!(fixture.server.bodies(Call::Refresh).len(), 2);
    // A link that is refused however often it is renewed is not expired.
    let (error, fixture) =
        fails(&[FileFault::Cut(9), FileFault::Expired, FileFault::Expired, FileFault::Expired]);
    assert!(matches!(
        error,
        AccessError::Denied { name, status: 403, renewed: 2 } if name == IMAGES
    ));
    assert_eq!(fixture.names(), [PART, STATE, METADATA]);
    recovers(&fixture);
}

#[test]
fn access_that_ends_meanwhile_is_said() {
    use fixtures::access::CallFault;
    let fixture = Fixture::new();
    fixture.server.file_fault(IMAGES, FileFault::Cut(100_000));
    // The first refresh gives the links, the second one is for the expired one.
    let watched = RevokesLater { fixture: &fixture };
    let error = fixture.download_watched(&watched).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Access);
    assert!(matches!(error, Error::Access(AccessError::Revoked { .. })), "{error:?}");
    assert_eq!(fixture.names(), [PART, STATE, METADATA]);
    recovers(&fixture);
    assert_eq!(ranges(&fixture).last(), Some(&from(100_000)));

    /// Takes the access back while the file is on its way.
    struct RevokesLater<'a> {
        fixture: &'a Fixture,
    }
    impl Observer for RevokesLater<'_> {
        fn event(&self, event: Event<'_>) {
            let Event::Transfer(TransferEvent::Started { item }) = event else { return };
            if item.key.file_name() == IMAGES {
                self.fixture.server.file_fault(IMAGES, FileFault::Expired);
                self.fixture.server.call_fault(Call::Refresh, CallFault::Revoked);
            }
        }
    }
}

#[test]
fn a_range_that_is_not_met_starts_again() {
    // 200 in answer to a range: the whole file is asked for.
    let ranges = completes(&[FileFault::Cut(100_000), FileFault::IgnoreRange]);
    assert_eq!(ranges, [from(0), from(100_000), None]);
    // Another range than asked for is not used, and asked for again.
    for fault in [FileFault::ShiftedRange(1), FileFault::NonsenseRange] {
        let ranges = completes(&[FileFault::Cut(100_000), fault]);
        assert_eq!(ranges, [from(0), from(100_000), from(100_000)]);
    }
    let ranges = completes(&[FileFault::Cut(100_000), FileFault::Status(416)]);
    assert_eq!(ranges, [from(0), from(100_000), from(0)]);
}

#[test]
fn a_store_that_always_starts_again_ends() {
    let cut = || FileFault::IgnoreRangeAndCut(100_000);
    let (error, fixture) = fails(&[cut(), cut(), cut(), cut(), cut()]);
    assert!(matches!(
        error,
        AccessError::Interrupted { received: 0, expected: SIZE, attempts: 3, .. }
    ));
    assert_eq!(fixture.names(), [METADATA], "nothing of it can be continued");
    recovers(&fixture);
}

#[test]
fn another_file_is_noticed() {
    // Other content under another entity tag: the file begins again.
    let ranges = completes(&[FileFault::Cut(100_000), FileFault::Other]);
    assert_eq!(ranges, [from(0), from(100_000), from(0)]);
    // Another file that stays there, of the same size: the digest tells.
    let digest = |bytes: &[u8]| Sha256::of(bytes);
    let fixture = Fixture::new();
    let content = fixture.server.content(IMAGES);
    let inverted: Vec<u8> = content.iter().map(|byte| !byte).collect();
    let error = fixture.download_watched(&Swaps(&fixture, &inverted)).unwrap_err();
    let Error::Access(error) = error else { panic!("{error:?}") };
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert!(matches!(
        error,
        AccessError::FileDigest { name, expected, got }
            if name == IMAGES && expected == digest(&content) && got == digest(&inverted)
    ));
    assert_eq!(fixture.names(), [METADATA]);
    fixture.server.put(IMAGES, &content);
    recovers(&fixture);
}

#[test]
fn a_corrupt_byte_is_noticed_and_thrown_away() {
    assert_eq!(completes(&[FileFault::Corrupt(5)]), [from(0), from(0)]);
    for first in [FileFault::Corrupt(5), FileFault::Cut(100_000)] {
        let mut faults = vec![first; 1];
        faults.extend(vec![FileFault::Corrupt(200_000); 4]);
        let (error, fixture) = fails(&faults);
        assert!(matches!(error, AccessError::FileDigest { name, .. } if name == IMAGES));
        assert_eq!(fixture.names(), [METADATA]);
        recovers(&fixture);
    }
}

/// Puts another file in the place of the images once they are asked for.
struct Swaps<'a>(&'a Fixture, &'a [u8]);

impl Observer for Swaps<'_> {
    fn event(&self, event: Event<'_>) {
        let Event::Transfer(TransferEvent::Started { item }) = event else { return };
        if item.key.file_name() == IMAGES {
            self.0.server.put(IMAGES, self.1);
        }
    }
}

/// An answer that is no part of the file is damage, not an interruption.
fn assert_not_the_file(error: &AccessError) {
    assert!(
        matches!(error, AccessError::FileAnswer { name, expected, got }
            if name == IMAGES && expected != got),
        "{error:?}"
    );
    assert_eq!(error.kind(), ErrorKind::Integrity);
}

#[test]
fn a_file_of_another_size_is_not_read() {
    // An answer that is not the file is not used, and asked for again.
    for fault in [FileFault::Short(1000), FileFault::Html] {
        assert_eq!(completes(std::slice::from_ref(&fault)), [from(0), from(0)], "{fault:?}");
    }
    let fixture = Fixture::new();
    let content = fixture.server.content(IMAGES);
    let error = fixture.download_watched(&Swaps(&fixture, &content[..1000])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert!(
        matches!(&error, Error::Access(AccessError::FileSize { name, expected: SIZE, got: 1000 })
            if name == IMAGES),
        "{error:?}"
    );
    fixture.server.put(IMAGES, &content);
    recovers(&fixture);
    // In the middle: what arrived before stays.
    let (error, fixture) =
        fails(&[FileFault::Cut(500), FileFault::Html, FileFault::Html, FileFault::Html]);
    assert_not_the_file(&error);
    assert_eq!(fixture.read(PART), fixture.server.content(IMAGES)[..500]);
    recovers(&fixture);
    assert_eq!(ranges(&fixture).last(), Some(&from(500)));
}

#[test]
fn a_server_cannot_fill_the_disk() {
    assert_eq!(completes(&[FileFault::Endless]), [from(0), from(0)]);
    let (error, fixture) = fails(&[FileFault::Endless, FileFault::Endless, FileFault::Endless]);
    assert_not_the_file(&error);
    assert!(fixture.read(PART).is_empty());
    recovers(&fixture);
}

#[test]
fn a_busy_store_is_asked_again() {
    let ranges = completes(&[FileFault::Status(503), FileFault::Status(429)]);
    assert_eq!(ranges, [from(0), from(0), from(0)]);
    assert_eq!(completes(&[FileFault::Status(425)]), [from(0), from(0)]);
    let (error, fixture) =
        fails(&[FileFault::Status(500), FileFault::Status(503), FileFault::Status(500)]);
    assert_eq!(error.kind(), ErrorKind::Other);
    assert!(matches!(
        error,
        AccessError::FileStatus { name, status: 500, attempts: 3 } if name == IMAGES
    ));
    recovers(&fixture);
}

/// A file of which an earlier run has left this, all of it according to its state.
fn complete_part(bytes: &[u8]) -> Fixture {
    let (_, fixture) = fails(&[FileFault::Cut(100_000), FileFault::Cut(0), FileFault::Cut(0)]);
    fixture.write(PART, bytes);
    let state = String::from_utf8(fixture.read(STATE)).unwrap();
    assert!(state.contains("[[0,100000]]"), "{state}");
    fixture.write(STATE, state.replace("[[0,100000]]", "[[0,300000]]").as_bytes());
    fixture
}

#[test]
fn a_complete_part_is_not_fetched_again() {
    let content = Fixture::new().server.content(IMAGES);
    let fixture = complete_part(&content);
    let before = ranges(&fixture);
    recovers(&fixture);
    assert_eq!(ranges(&fixture), before);
    // One that is complete and wrong is noticed, and the file begins again.
    let fixture = complete_part(&vec![0; 300_000]);
    recovers(&fixture);
    assert_eq!(ranges(&fixture).last(), Some(&from(0)));
}

#[test]
fn a_part_in_the_former_form_is_removed() {
    let fixture = Fixture::new();
    fixture.write(&format!("{IMAGES}.part"), b"some bytes");
    fixture.write(&format!("{IMAGES}.part.json"), b"{}");
    recovers(&fixture);
}

#[test]
fn files_on_their_way_count_as_missing_without_what_is_there() {
    let (_, fixture) = fails(&[FileFault::Cut(100_000), FileFault::Cut(0), FileFault::Cut(0)]);
    let plan = fixture.dataset().plan_stimuli(&fixture.service(), &fixture.cancel).unwrap();
    assert_eq!(plan.missing_bytes(), SIZE - 100_000);
}

#[test]
fn links_and_ids_are_in_no_error_and_in_no_log() {
    let log = TracingLog::default();
    let expired = || vec![FileFault::Expired; 3];
    for faults in [
        expired(),
        vec![FileFault::Cut(0); 3],
        vec![FileFault::Stall(1000), FileFault::Stall(0), FileFault::Stall(0), FileFault::Cut(0)],
        vec![FileFault::Status(500); 3],
        vec![FileFault::Html; 3],
        vec![FileFault::NonsenseRange; 3],
        vec![FileFault::Corrupt(1); 4],
        vec![FileFault::Status(418)],
    ] {
        let fixture = Fixture::new();
        for fault in &faults {
            fixture.server.file_fault(IMAGES, fault.clone());
        }
        let done = tracing::subscriber::with_default(log.clone(), || fixture.download());
        let mut shown = log.text();
        if let Err(error) = done {
            shown.push_str(&format!("{error:?} {error}"));
            let mut next: Option<&dyn std::error::Error> = Some(&error);
            while let Some(error) = next {
                shown.push_str(&format!("{error} {error:?}"));
                next = error.source();
            }
        }
        for secret in ["X-Amz", "Signature", "secret", "Expires=", "lfm_known"] {
            assert!(!shown.contains(secret), "{faults:?}: {secret} in {shown}");
        }
    }
    let shown = log.text();
    assert!(shown.contains(IMAGES) && shown.contains("attempts="), "nothing is logged: {shown}");
}

#[test]
fn a_part_of_an_older_file_is_not_continued() {
    let (_, fixture) =
        fails(&[FileFault::Cut(100_000), FileFault::Cut(0), FileFault::Cut(0), FileFault::Cut(0)]);
    fixture.server.put(IMAGES, &[7; 300_000]);
    recovers(&fixture);
    assert_eq!(ranges(&fixture).last(), Some(&from(0)));
}

#[test]
fn a_file_that_is_replaced_meanwhile_is_said() {
    struct Replaces<'a>(&'a Fixture);
    impl Observer for Replaces<'_> {
        fn event(&self, event: Event<'_>) {
            let Event::Transfer(TransferEvent::Started { item }) = event else { return };
            if item.key.file_name() == IMAGES {
                self.0.server.put(IMAGES, &[7; 300_000]);
            }
        }
    }
    let fixture = Fixture::new();
    fixture.server.file_fault(IMAGES, FileFault::Expired);
    let error = fixture.download_watched(&Replaces(&fixture)).unwrap_err();
    assert!(
        matches!(&error, Error::Access(AccessError::Replaced { name, expected, got })
            if name == IMAGES && expected != got),
        "{error:?}"
    );
    recovers(&fixture);
}

#[test]
fn an_existing_file_stays_until_its_successor_is_complete() {
    let fixture = Fixture::new();
    fixture.write(IMAGES, b"the release before");
    for _ in 0..4 {
        fixture.server.file_fault(IMAGES, FileFault::Corrupt(1));
    }
    assert!(fixture.download().is_err());
    assert_eq!(fixture.read(IMAGES), b"the release before");
    recovers(&fixture);
}

#[test]
fn a_stop_is_heard_and_the_next_run_goes_on() {
    let mut fixture = Fixture::new();
    fixture.server.put(IMAGES, &fixtures::noise(8, 1_000_000));
    fixture.server.file_fault(IMAGES, FileFault::Stall(600_000));
    let started = Instant::now();
    let sums = Sums::default();
    let stops = SumsOf(IMAGES, &sums, Some((550_000, fixture.cancel.clone())));
    let stopped = fixture.download_watched(&stops);
    assert!(matches!(stopped, Err(Error::Cancelled)), "{stopped:?}");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(fixture.names(), [PART, STATE, METADATA]);
    let local = format!("stimuli/{IMAGES}").parse().unwrap();
    let kept = laion_fmri::s3_mirror::unfinished_bytes(fixture.mirror.path(), &local);
    assert!((256 << 10..=600_000).contains(&kept), "{kept}");
    fixture.cancel = Cancel::new();
    recovers(&fixture);
    assert_eq!(ranges(&fixture).last(), Some(&Some(format!("bytes={kept}-999999"))));
}

#[test]
fn every_started_item_is_finished() {
    struct Counts(std::sync::Mutex<(usize, usize, usize)>);
    impl Observer for Counts {
        fn event(&self, event: Event<'_>) {
            let mut counts = self.0.lock().unwrap();
            match event {
                Event::Transfer(TransferEvent::Planned { .. }) => counts.0 += 1,
                Event::Transfer(TransferEvent::Started { .. }) => counts.1 += 1,
                Event::Transfer(TransferEvent::Finished { .. }) => counts.2 += 1,
                _ => {}
            }
        }
    }
    let fixture = Fixture::new();
    for _ in 0..4 {
        fixture.server.file_fault(METADATA, FileFault::Corrupt(0));
    }
    let counts = Counts(std::sync::Mutex::default());
    assert!(fixture.download_watched(&counts).is_err());
    assert_eq!(*counts.0.lock().unwrap(), (1, 1, 2));
}

#[test]
fn two_processes_fetch_it_once() {
    let fixture = Fixture::new();
    fixture.server.file_fault(IMAGES, FileFault::Stall(100_000));
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..3).map(|_| scope.spawn(|| fixture.download())).collect();
        for run in runs {
            run.join().unwrap().unwrap();
        }
    });
    fixture.assert_complete();
    assert_eq!(ranges(&fixture), [from(0), from(100_000)]);
}

/// Adds up what is told about one file.
#[derive(Default)]
struct Sums {
    advanced: AtomicU64,
    resumed: AtomicU64,
    discarded: AtomicU64,
    finished: std::sync::Mutex<Vec<String>>,
}

impl Sums {
    fn there(&self) -> u64 {
        let sum = |sum: &AtomicU64| sum.load(Ordering::SeqCst);
        sum(&self.resumed) + sum(&self.advanced) - sum(&self.discarded)
    }
}

/// Sums up one file, and cancels when so many bytes of it have come.
struct SumsOf<'a>(&'a str, &'a Sums, Option<(u64, Cancel)>);

impl SumsOf<'_> {
    fn add(&self, item: &PlanItem, sum: &AtomicU64, bytes: u64) {
        if item.key.file_name() == self.0 {
            sum.fetch_add(bytes, Ordering::SeqCst);
        }
        if let Some((limit, cancel)) = &self.2
            && self.1.there() >= *limit
        {
            cancel.cancel();
        }
    }
}

impl Observer for SumsOf<'_> {
    fn event(&self, event: Event<'_>) {
        let Event::Transfer(event) = event else { return };
        let (item, outcome) = match event {
            TransferEvent::Advanced { item, bytes } => {
                return self.add(item, &self.1.advanced, bytes);
            }
            TransferEvent::Resumed { item, bytes } => {
                return self.add(item, &self.1.resumed, bytes);
            }
            TransferEvent::Discarded { item, bytes } => {
                return self.add(item, &self.1.discarded, bytes);
            }
            TransferEvent::Finished { item, outcome } => (item, outcome),
            _ => return,
        };
        let outcome = match outcome {
            Outcome::Fetched { .. } => "fetched",
            Outcome::Withheld { .. } => "withheld",
            Outcome::Gone => "gone",
            _ => "left",
        };
        self.1.finished.lock().unwrap().push(format!("{} {outcome}", item.key.file_name()));
    }
}

#[test]
fn every_event_of_a_resumed_public_table_is_told() {
    const TABLE: u64 = 6_000_000;
    let mut fixture = Fixture::new();
    let folder = fixture.bucket.path().join("stimuli");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join(METADATA), fixtures::noise(3, TABLE as usize)).unwrap();
    let first = Sums::default();
    let stopped = fixture.download_watched(&SumsOf(
        METADATA,
        &first,
        Some((TABLE / 2, fixture.cancel.clone())),
    ));
    assert!(matches!(stopped, Err(Error::Cancelled)), "{stopped:?}");
    assert_eq!(
        *first.finished.lock().unwrap(),
        [format!("{METADATA} left"), format!("{IMAGES} left")]
    );
    fixture.cancel = Cancel::new();
    let second = Sums::default();
    fixture.download_watched(&SumsOf(METADATA, &second, None)).unwrap();
    assert!(second.resumed.load(Ordering::SeqCst) > 0);
    assert_eq!(second.there(), TABLE);
    assert_eq!(
        *second.finished.lock().unwrap(),
        [format!("{METADATA} fetched"), format!("{IMAGES} fetched")]
    );
}

#[test]
fn a_public_table_that_is_refused_or_gone_is_said() {
    use fixtures::{Fault, Proxy};
    let fixture = Fixture::new();
    let folder = fixture.bucket.path().join("stimuli");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join(METADATA), "a table").unwrap();
    let server = fixtures::server::Options::new(fixture.bucket.path());
    let server = fixtures::server::Server::start(server).unwrap();
    let proxy = Proxy::start(server.address(), |_| Fault::Pass).unwrap();
    let location: laion_fmri::Location = proxy.url("laion-fmri").parse().unwrap();
    let key = format!("stimuli/{METADATA}");
    for (status, told) in [(403, "withheld"), (404, "gone")] {
        proxy.decide(move |request| match request.is_object() {
            true => Fault::Status(status, None),
            false => Fault::Pass,
        });
        let sums = Sums::default();
        let dataset = fixture.dataset().with_location(location.clone());
        let error = dataset
            .download_stimuli(
                &fixture.service(),
                &Fixture::id(),
                &SumsOf(METADATA, &sums, None),
                &fixture.cancel,
            )
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotThere);
        match error {
            Error::Input(InputError::Withheld { path, .. }) if status == 403 => {
                assert_eq!(path, std::path::Path::new(&format!("{location}/{key}")));
            }
            Error::Input(InputError::Disappeared { key: named, location: shown }) => {
                assert_eq!((status, named, shown), (404, key.clone(), location.to_string()));
            }
            other => panic!("{status}: {other:?}"),
        }
        let finished = [format!("{METADATA} {told}"), format!("{IMAGES} left")];
        assert_eq!(*sums.finished.lock().unwrap(), finished);
    }
}
