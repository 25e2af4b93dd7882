//! Bad connections and bad proxies.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fixtures::server::ChecksumKind;
use fixtures::{Fault, ProxiedRequest};
use s3_mirror::{ConnectOptions, Outcome};

use super::{Random, Scene, Tally, noise, object, times};

/// The first `count` requests for objects meet `fault`; the run has to complete.
async fn first_requests(scene: &Scene, count: usize, fault: Fault) {
    let seen = AtomicUsize::new(0);
    scene.proxy.decide(move |request: &ProxiedRequest| {
        if object(request) && seen.fetch_add(1, Ordering::SeqCst) < count {
            fault.clone()
        } else {
            Fault::Pass
        }
    });
    let report = scene.run().await;
    scene.nothing_wrong(&BTreeMap::new());
    assert!(report.is_complete(), "{report:?}");
}

/// Two of three connections for objects are cut somewhere, in this order for this seed.
async fn cut_at_random(scene: &Scene, seed: u64, tally: &mut Tally) {
    scene.proxy.decide(move |request| {
        let mut random = Random::new(seed ^ request.number as u64);
        let cut = object(request) && random.below(3) < 2;
        if cut { Fault::Cut(random.below(3_000_000)) } else { Fault::Pass }
    });
    let _ = scene.run().await;
    scene.nothing_wrong(&BTreeMap::new());
    scene.ends_right(tally).await;
}

#[tokio::test]
async fn connections_cut_at_random_offsets() {
    let mut tally = Tally::new("connection cut at a random offset");
    let mut random = Random::new(1);
    for _ in 0..times(3, 100) {
        let scene = Scene::new();
        cut_at_random(&scene, random.next(), &mut tally).await;
    }
    tally.write();
}

#[tokio::test]
async fn every_connection_cut_at_a_megabyte() {
    let mut tally = Tally::new("every connection cut at 1 MB");
    for _ in 0..times(1, 20) {
        let scene = Scene::new();
        scene.proxy.decide(|request| match object(request) {
            true => Fault::Cut(1_000_000),
            false => Fault::Pass,
        });
        let report = scene.run().await;
        assert!(report.is_complete(), "{report:?}");
        scene.ends_right(&mut tally).await;
    }
    tally.write();
}

#[tokio::test]
async fn stalled_connections() {
    let mut tally = Tally::new("connection stalls in the middle");
    let mut random = Random::new(2);
    for _ in 0..times(1, 20) {
        let scene = Scene::new();
        first_requests(&scene, 3, Fault::Stall(random.below(400_000))).await;
        scene.ends_right(&mut tally).await;
    }
    tally.write();
}

/// The bound of 12 s, with less patience and so scaled down: a fifth more than the silence that is
/// allowed, also when three connections stall beside each other. When two of three requests stall
/// for as long as it takes, about five stalls follow each other, and all of them together cost
/// twice the silence.
#[tokio::test]
async fn what_a_stall_costs() {
    let silence = super::patient().read_timeout;
    assert!(ConnectOptions::default().read_timeout.mul_f64(1.2) <= Duration::from_secs(12));
    let mixed: fn() -> Scene = Scene::new;
    let long: fn() -> Scene = || Scene::with([("long.bin", noise(7, 20_000_000))].into());
    let time = async |scene: fn() -> Scene, stalls: fn(usize) -> bool| {
        let scene = scene();
        let seen = AtomicUsize::new(0);
        scene.proxy.decide(move |request| {
            match object(request) && stalls(seen.fetch_add(1, Ordering::SeqCst)) {
                true => Fault::Stall(200_000),
                false => Fault::Pass,
            }
        });
        let start = Instant::now();
        let report = scene.run().await;
        assert!(report.is_complete(), "{report:?}");
        scene.nothing_wrong(&BTreeMap::new());
        start.elapsed()
    };
    let few: fn(usize) -> bool = |request| request < 3;
    let many: fn(usize) -> bool = |request| request % 3 != 2;
    for (scene, stalls, bound) in [(mixed, few, 1.2), (long, few, 1.2), (long, many, 2.0)] {
        let bound = silence.mul_f64(bound);
        // The best of a few, because other tests run beside this one.
        let mut costs = Vec::new();
        while costs.len() < 4 && !costs.iter().any(|cost| *cost <= bound) {
            let free = time(scene, |_| false).await;
            costs.push(time(scene, stalls).await.saturating_sub(free));
        }
        assert!(costs.last().is_some_and(|cost| *cost <= bound), "{costs:?}");
    }
}

#[tokio::test]
async fn answers_that_are_no_answers() {
    let mut tally = Tally::new("connection closed, 500, 503 with Retry-After, HTML as status 200");
    for fault in [
        Fault::Close,
        Fault::Status(500, None),
        Fault::Status(503, Some(1)),
        Fault::Status(429, Some(0)),
        Fault::Html,
    ] {
        for _ in 0..times(1, 10) {
            let scene = Scene::new();
            first_requests(&scene, 4, fault.clone()).await;
            scene.ends_right(&mut tally).await;
        }
    }
    tally.write();
}

#[tokio::test]
async fn wrong_lengths_and_ranges() {
    let mut tally = Tally::new("wrong length, wrong range, range ignored, range that lies");
    for fault in [
        Fault::Shorten(1),
        Fault::Shorten(u64::MAX),
        Fault::OtherRange,
        Fault::LyingRange,
        Fault::IgnoreRange,
    ] {
        for _ in 0..times(1, 10) {
            let scene = Scene::new();
            let fault = fault.clone();
            // From every request for an object, for ever.
            scene.proxy.decide(move |request| match object(request) {
                true => fault.clone(),
                false => Fault::Pass,
            });
            let _ = scene.run().await;
            scene.nothing_wrong(&BTreeMap::new());
            scene.ends_right(&mut tally).await;
        }
    }
    tally.write();
}

#[tokio::test]
async fn a_server_without_ranges_is_enough() {
    let mut tally = Tally::new("server without ranges");
    let scene = Scene::new();
    scene.proxy.decide(|request| match object(request) {
        true => Fault::IgnoreRange,
        false => Fault::Pass,
    });
    let report = scene.run().await;
    assert!(report.is_complete(), "{report:?}");
    scene.ends_right(&mut tally).await;
    tally.write();
}

#[tokio::test]
async fn flipped_bits_are_noticed() {
    let mut tally = Tally::new("one bit flipped in transit");
    let mut random = Random::new(3);
    for always in [false, true] {
        for _ in 0..times(1, 25) {
            let scene = Scene::new();
            let at = random.below(20_000);
            let seen = AtomicUsize::new(0);
            scene.proxy.decide(move |request| {
                let hit = object(request) && (always || seen.fetch_add(1, Ordering::SeqCst) < 2);
                if hit { Fault::Flip(at) } else { Fault::Pass }
            });
            let report = scene.run().await;
            scene.nothing_wrong(&BTreeMap::new());
            assert_eq!(report.is_complete(), !always, "{report:?}");
            scene.ends_right(&mut tally).await;
        }
    }
    tally.write();
}

#[tokio::test]
async fn flipped_bits_are_noticed_by_every_checksum() {
    let mut tally =
        Tally::new("one bit flipped in transit, known by a checksum of the store alone");
    let mut random = Random::new(8);
    for (kind, composite) in [
        (ChecksumKind::Crc64Nvme, false),
        (ChecksumKind::Crc32c, false),
        (ChecksumKind::Crc32, false),
        (ChecksumKind::Sha1, false),
        (ChecksumKind::Sha256, false),
        (ChecksumKind::Crc32c, true),
        (ChecksumKind::Sha256, true),
    ] {
        for always in [false, true] {
            for _ in 0..times(1, 10) {
                let scene = Scene::checked(kind, composite);
                let at = random.below(20_000);
                let seen = AtomicUsize::new(0);
                scene.proxy.decide(move |request| {
                    let hit =
                        object(request) && (always || seen.fetch_add(1, Ordering::SeqCst) < 2);
                    if hit { Fault::Flip(at) } else { Fault::Pass }
                });
                let report = scene.run().await;
                scene.nothing_wrong(&BTreeMap::new());
                assert_eq!(report.is_complete(), !always, "{report:?}");
                scene.ends_right(&mut tally).await;
            }
        }
    }
    tally.write();
}

#[tokio::test]
async fn refusals_have_their_meaning() {
    let mut tally = Tally::new("403, 404 and 416 on a listed object");
    for (status, meant) in [(403, "withheld"), (404, "gone"), (416, "failed")] {
        for _ in 0..times(1, 10) {
            let scene = Scene::new();
            scene.proxy.decide(move |request| match request.target.contains("/long") {
                true if object(request) => Fault::Status(status, None),
                _ => Fault::Pass,
            });
            let report = scene.run().await;
            let long = report.outcomes.iter().filter(|(key, _)| key.as_str().contains("long"));
            for (key, outcome) in long {
                let got = match outcome {
                    Outcome::Withheld { .. } => "withheld",
                    Outcome::Gone => "gone",
                    Outcome::Failed { .. } => "failed",
                    _ => "something else",
                };
                assert_eq!(got, meant, "{key}: {outcome:?}");
            }
            scene.ends_right(&mut tally).await;
        }
    }
    tally.write();
}

#[tokio::test]
async fn answers_that_leave_something_out() {
    let mut tally = Tally::new("answer without a length or an entity tag, also cut short");
    for fault in [Fault::Chunked, Fault::UntilClose, Fault::CutUntilClose(1_000_000), Fault::NoTag]
    {
        for _ in 0..times(1, 10) {
            let scene = Scene::new();
            let fault = fault.clone();
            // From every request for an object, for ever.
            scene.proxy.decide(move |request| match object(request) {
                true => fault.clone(),
                false => Fault::Pass,
            });
            let report = scene.run().await;
            assert!(report.is_complete(), "{report:?}");
            scene.ends_right(&mut tally).await;
        }
    }
    tally.write();
}

#[tokio::test]
async fn encrypted_objects_over_a_bad_line() {
    let mut tally =
        Tally::new("encrypted objects, whose tags are no digests, cut at random offsets");
    let mut random = Random::new(4);
    for _ in 0..times(2, 20) {
        let scene = Scene::encrypted();
        cut_at_random(&scene, random.next(), &mut tally).await;
    }
    tally.write();
}

#[tokio::test]
async fn objects_that_are_faulty_themselves_over_a_bad_line() {
    let mut tally =
        Tally::new("objects that are faulty in the bucket itself, cut at random offsets");
    let mut random = Random::new(5);
    for round in 0..times(2, 20) {
        // With a tag that is a digest, and without: then the same bytes have to come twice.
        let scene = if round % 2 == 0 { Scene::new() } else { Scene::encrypted() };
        cut_at_random(&scene.faulty(), random.next(), &mut tally).await;
    }
    tally.write();
}
