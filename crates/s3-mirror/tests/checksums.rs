//! The checksums that S3 keeps: each kind, where it goes before the entity tag, and what happens when it
//! is missing, wrong or none.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use fixtures::Fault;
use fixtures::server::{ChecksumKind, Options};
use s3_mirror::{
    Cancel, Check, ChecksumAlgorithm, Condition, Event, Expected, ObjectError, ObjectOptions,
    ObjectReader, Outcome, Report, Sha256, TransferError, check_file, transfer,
};

use crate::answers::{LONG, LONG_SIZE, SHORT, Scene};
use crate::util::key;

const KINDS: [(ChecksumKind, ChecksumAlgorithm); 5] = [
    (ChecksumKind::Crc64Nvme, ChecksumAlgorithm::Crc64Nvme),
    (ChecksumKind::Crc32c, ChecksumAlgorithm::Crc32c),
    (ChecksumKind::Crc32, ChecksumAlgorithm::Crc32),
    (ChecksumKind::Sha1, ChecksumAlgorithm::Sha1),
    (ChecksumKind::Sha256, ChecksumAlgorithm::Sha256),
];

/// Well formed, and of nothing that is served.
const WRONG: &str = "AAAAAAAAAAA=";

fn checks(report: &Report) -> [Check; 2] {
    [LONG, SHORT].map(|name| report.contents[&key(name)].check)
}

fn crc64(options: Options) -> Options {
    options.checksum(ChecksumKind::Crc64Nvme)
}

#[tokio::test]
async fn every_kind_goes_before_the_tag_and_is_recorded() {
    for (kind, algorithm) in KINDS {
        // Tags of encrypted objects prove nothing, and those of parts that are no tool's neither.
        for (encryption, part_size) in
            [("AES256", None), ("aws:kms", None), ("AES256", Some(2_000_000))]
        {
            let scene = Scene::with(|options| {
                let options = options.checksum(kind).encryption(encryption);
                part_size.map_or(options.clone(), |size| options.part_size(size))
            });
            let options = scene.options();
            let report = scene.run(&options).await;
            assert!(report.is_complete() && scene.is_mirrored(), "{report:?}");
            assert_eq!(checks(&report), [Check::Checksum(algorithm); 2]);
            let inventory = options.inventory.as_ref().unwrap();
            for path in inventory.paths() {
                let file = std::fs::metadata(path.below(&scene.root())).unwrap();
                let record = inventory.find(&path, &file).unwrap();
                assert_eq!(record.check, Some(Check::Checksum(algorithm)));
                assert_eq!(record.checksum.as_ref().unwrap().algorithm(), algorithm);
                assert!(!record.etag_verified);
                // The SHA-256 of a long file is left to whoever needs it, where a CRC shows what it is.
                let is_crc = !matches!(kind, ChecksumKind::Sha1 | ChecksumKind::Sha256);
                let is_left = is_crc && path.as_str() == LONG;
                assert_eq!(record.sha256.is_none(), is_left, "{path} {algorithm}");
                let (file, expected) = (path.below(&scene.root()), Expected::of_record(&record));
                let check = || check_file(&file, &expected, None, &Cancel::new()).unwrap();
                assert!(matches!(check(), Condition::Sound(content) if content.sha256.is_some()));
                let mut bytes = std::fs::read(&file).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                std::fs::write(&file, bytes).unwrap();
                let found = check();
                assert_eq!(matches!(found, Condition::Checksum { .. }), is_left, "{found:?}");
                assert!(!found.is_sound());
            }
        }
    }
}

#[tokio::test]
async fn a_long_file_that_has_its_entity_tag_is_left_without_a_sha256() {
    for part_size in [None, Some(2_000_000)] {
        let scene = Scene::with(|options| match part_size {
            Some(size) => options.part_size(size),
            None => options,
        });
        let options = scene.options();
        let report = scene.run(&options).await;
        assert!(report.is_complete() && scene.is_mirrored(), "{report:?}");
        assert_eq!(checks(&report), [Check::ETag; 2]);
        let inventory = options.inventory.as_ref().unwrap();
        for path in inventory.paths() {
            let file = path.below(&scene.root());
            let record = inventory.find(&path, &std::fs::metadata(&file).unwrap()).unwrap();
            assert_eq!((record.check, record.etag_verified), (Some(Check::ETag), true));
            // No record keeps the size of parts, without which such a tag proves nothing later.
            let is_left = path.as_str() == LONG && part_size.is_none();
            assert_eq!(record.sha256.is_none(), is_left, "{path} {part_size:?}");
            let expected = Expected::of_record(&record);
            let check = || check_file(&file, &expected, None, &Cancel::new()).unwrap();
            let found = check();
            let Condition::Sound(content) = &found else { panic!("{found:?}") };
            let mut bytes = std::fs::read(&file).unwrap();
            assert_eq!(content.sha256, Some(Sha256::of(&bytes)));
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(&file, bytes).unwrap();
            let found = check();
            assert_eq!(matches!(found, Condition::ETag { .. }), is_left, "{found:?}");
            assert!(!found.is_sound());
        }
    }
}

#[tokio::test]
async fn a_file_whose_tag_turns_out_to_be_no_digest_gets_its_sha256() {
    // The question about the object does not tell it, the answers with its bytes do.
    let scene = Scene::new().always(Fault::Header("x-amz-server-side-encryption", "aws:kms"));
    let report = scene.run(&scene.options()).await;
    assert!(report.is_complete() && scene.is_mirrored(), "{report:?}");
    assert_eq!(checks(&report), [Check::Size; 2]);
    for name in [LONG, SHORT] {
        let bytes = std::fs::read(scene.root().join(name)).unwrap();
        let content = &report.contents[&key(name)];
        assert_eq!((content.sha256, content.etag_verified), (Some(Sha256::of(&bytes)), false));
    }
    let size = LONG_SIZE + 20_000;
    assert!(scene.proxy.body_bytes() < size + 100_000, "nothing is fetched again");
}

#[tokio::test]
async fn checksums_of_parts_are_recomputed() {
    for (kind, algorithm) in &KINDS[1..] {
        for encryption in ["AES256", "aws:kms"] {
            let scene = Scene::with(|options| {
                let options = options.checksum(*kind).composite(true).encryption(encryption);
                options.part_size(2_000_000)
            });
            let report = scene.run(&scene.options()).await;
            assert!(report.is_complete() && scene.is_mirrored(), "{report:?}");
            let (parts, whole) = (Check::PartChecksums(*algorithm), Check::Checksum(*algorithm));
            assert_eq!(checks(&report), [parts, whole]);
            let checksum = report.contents[&key(LONG)].checksum.as_ref().unwrap();
            assert_eq!(checksum.parts(), Some(4));
        }
    }
}

#[tokio::test]
async fn what_is_no_checksum_gives_way_to_the_tag() {
    let of_parts: fn(Options) -> Options =
        |options| options.checksum(ChecksumKind::Crc32c).composite(true).part_size(2_000_000);
    let none: fn(Options) -> Options = |options| options;
    for (options, fault) in [
        // A server that does not know the mode, and a proxy that strips headers.
        (none, Fault::Pass),
        (crc64, Fault::NoHeaders("x-amz-checksum-")),
        // An algorithm that is not known, and values that are none.
        (none, Fault::Header("x-amz-checksum-xxhash64", WRONG)),
        (none, Fault::Header("x-amz-checksum-crc64nvme", "no base64!")),
        (crc64, Fault::Header("x-amz-checksum-crc64nvme", "AAAAAA==")),
        (crc64, Fault::Header("x-amz-checksum-type", "COMPOSITE")),
        (crc64, Fault::Header("x-amz-checksum-type", "SOMETHING")),
        // Of another number of parts, which the short file has not either.
        (of_parts, Fault::Header("x-amz-checksum-crc32c", "4waSgw==-9")),
        (of_parts, Fault::Header("x-amz-checksum-type", "SOMETHING")),
    ] {
        let scene = Scene::with(options);
        let told = fault.clone();
        scene.proxy.decide(move |_| told.clone());
        let report = scene.run(&scene.options()).await;
        assert!(report.is_complete() && scene.is_mirrored(), "{fault:?}: {report:?}");
        assert_eq!(checks(&report), [Check::ETag; 2], "{fault:?}");
        assert!(scene.proxy.body_bytes() < LONG_SIZE + 100_000, "{fault:?}: fetched once");
    }
}

#[tokio::test]
async fn a_checksum_of_an_upload_in_parts_has_to_say_of_what_it_is() {
    let scene = Scene::with(|options| options.checksum(ChecksumKind::Crc32).part_size(2_000_000));
    scene.proxy.decide(|_| Fault::NoHeaders("x-amz-checksum-type"));
    let report = scene.run(&scene.options()).await;
    assert!(report.is_complete() && scene.is_mirrored(), "{report:?}");
    let whole = Check::Checksum(ChecksumAlgorithm::Crc32);
    assert_eq!(checks(&report), [Check::ETag, whole]);
}

#[tokio::test]
async fn a_server_that_does_not_tell_is_not_asked_for_long() {
    for refusal in [Fault::Status(403, None), Fault::Status(405, None), Fault::Close] {
        let scene = Scene::with(crc64);
        let told = refusal.clone();
        scene.proxy.decide(move |request| match request.method.as_str() {
            "HEAD" => told.clone(),
            _ => Fault::Pass,
        });
        let report = scene.run(&scene.options()).await;
        assert!(report.is_complete() && scene.is_mirrored(), "{refusal:?}: {report:?}");
        // The answer with a whole object tells it all the same.
        let whole = Check::Checksum(ChecksumAlgorithm::Crc64Nvme);
        assert_eq!(checks(&report), [Check::ETag, whole], "{refusal:?}");
    }
}

#[tokio::test]
async fn a_checksum_that_is_wrong_is_doubted_after_a_second_fetch() {
    let lie = Fault::Header("x-amz-checksum-crc64nvme", WRONG);
    let scene = Scene::with(crc64);
    let told = lie.clone();
    scene.proxy.decide(move |_| told.clone());
    let report = scene.run(&scene.options()).await;
    assert!(report.is_complete() && scene.is_mirrored(), "{report:?}");
    assert_eq!(checks(&report), [Check::ETag; 2]);
    let (bytes, size) = (scene.proxy.body_bytes(), LONG_SIZE + 20_000);
    assert!((2 * size..2 * size + 100_000).contains(&bytes), "{bytes}");
    // Where nothing else can be compared, it is an error with both values.
    let scene = Scene::with(|options| crc64(options).encryption("aws:kms"));
    scene.proxy.decide(move |_| lie.clone());
    let report = scene.run(&scene.options()).await;
    for (_, outcome) in &report.outcomes {
        let Outcome::Failed { error } = outcome else { panic!("{outcome:?}") };
        let TransferError::Checksum { check, expected, got } = &**error else {
            panic!("{error:?}")
        };
        assert_eq!(*check, Check::Checksum(ChecksumAlgorithm::Crc64Nvme));
        assert!(expected == WRONG && got.len() == WRONG.len() && got != expected);
        let text = error.to_string();
        assert_eq!(text, format!("the content has CRC-64/NVME {got} (expected {WRONG})"));
    }
    assert!(crate::util::read_all(&scene.root()).keys().all(|name| name.contains("/.")));
}

#[tokio::test]
async fn the_checksum_of_a_former_version_is_not_compared() {
    let scene = Scene::with(crc64);
    let bucket = scene.bucket.path().to_owned();
    let seen = AtomicUsize::new(0);
    scene.proxy.decide(move |request| {
        if request.is_object()
            && request.target.ends_with(LONG)
            && seen.fetch_add(1, Ordering::SeqCst) == 0
        {
            // After the checksum was told, and before a byte came.
            let new = bucket.join("a/.new");
            std::fs::write(&new, fixtures::noise(7, LONG_SIZE as usize)).unwrap();
            std::fs::rename(new, bucket.join(LONG)).unwrap();
        }
        Fault::Pass
    });
    let report = scene.run(&scene.options()).await;
    assert!(report.is_complete() && scene.is_mirrored(), "{report:?}");
    assert_eq!(checks(&report), [Check::Checksum(ChecksumAlgorithm::Crc64Nvme); 2]);
}

#[tokio::test]
async fn what_an_earlier_run_left_is_part_of_the_checksum() {
    for damaged in [false, true] {
        for (kind, algorithm) in &KINDS[..2] {
            let scene = Scene::with(|options| options.checksum(*kind).encryption("aws:kms"));
            let (cancel, came) = (Cancel::new(), AtomicU64::new(0));
            let observer = |event: Event<'_>| {
                if let Event::Advanced { bytes, .. } = event
                    && came.fetch_add(bytes, Ordering::SeqCst) + bytes > 4_000_000
                {
                    cancel.cancel();
                }
            };
            let (store, plan, root) = (scene.store(), scene.plan().await, scene.root());
            let report = transfer(&store, &plan, &root, &scene.options(), &observer, &cancel).await;
            let Outcome::Unfinished { bytes } = report.outcomes[0].1 else { panic!("{report:?}") };
            if damaged {
                // In a place that has come, whichever that is.
                let part = root.join("a/.long.gz.part");
                let mut content = std::fs::read(&part).unwrap();
                let at = content.iter().position(|byte| *byte != 0).unwrap();
                content[at] ^= 1;
                std::fs::write(part, content).unwrap();
            }
            let received = AtomicU64::new(0);
            let observer = |event: Event<'_>| {
                if let Event::Advanced { bytes, .. } = event {
                    received.fetch_add(bytes, Ordering::SeqCst);
                }
            };
            let options = scene.options();
            let report =
                transfer(&store, &scene.plan().await, &root, &options, &observer, &Cancel::new())
                    .await;
            assert!(report.is_complete() && scene.is_mirrored(), "{report:?}");
            assert_eq!(report.contents[&key(LONG)].check, Check::Checksum(*algorithm));
            // Only what was damaged comes again.
            let rest = LONG_SIZE - bytes;
            let most = if damaged { rest + LONG_SIZE } else { rest };
            assert!(received.into_inner() <= most + 20_000);
        }
    }
}

#[test]
fn a_reader_compares_with_them_too() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (kind, algorithm) in KINDS {
        let scene = Scene::with(|options| options.checksum(kind).encryption("aws:kms"));
        let finish = || {
            let options = ObjectOptions::default();
            let (handle, store) = (runtime.handle(), scene.store());
            ObjectReader::open(handle, &store, &key(LONG), &options).unwrap().finish()
        };
        assert_eq!(finish().unwrap().content.check, Check::Checksum(algorithm));
        // Also when the rest comes in an answer that tells none.
        scene.proxy.decide(|request| match request.range {
            None => Fault::Cut(1_000_000),
            Some(_) => Fault::Pass,
        });
        assert_eq!(finish().unwrap().content.check, Check::Checksum(algorithm));
        scene.proxy.decide(|_| Fault::Flip(1_000_000));
        assert!(matches!(
            finish().unwrap_err(),
            ObjectError::Checksum { check, expected, got, .. }
                if check == Check::Checksum(algorithm) && expected != got
        ));
    }
}
