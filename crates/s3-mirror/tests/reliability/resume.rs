//! Resuming inside a file.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fixtures::noise;
use s3_mirror::{Cancel, Event, Observer, Stop};

use super::{Random, Scene, Tally, times};

/// Cancels once so many bytes have come.
struct StopAt {
    left: AtomicU64,
    limit: u64,
    cancel: Cancel,
    resumed: AtomicU64,
}

impl StopAt {
    fn new(limit: u64) -> Self {
        let (left, resumed) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { left, limit, cancel: Cancel::new(), resumed }
    }
}

impl Observer for StopAt {
    fn event(&self, event: Event<'_>) {
        if let Event::Advanced { bytes, .. } = event
            && self.left.fetch_add(bytes, Ordering::SeqCst) + bytes >= self.limit
        {
            self.cancel.cancel();
        }
        if let Event::Resumed { bytes, .. } = event {
            self.resumed.fetch_add(bytes, Ordering::SeqCst);
        }
    }
}

fn one_file(size: usize) -> Scene {
    Scene::with(BTreeMap::from([("big.bin", noise(9, size))]))
}

/// What the server has sent, once it has seen that the connections of the stopped run are closed.
async fn sent_in_all(scene: &Scene) -> u64 {
    while scene.server.is_sending() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    scene.server.counters().bytes_sent
}

#[tokio::test]
async fn stopped_at_nine_tenths_the_rest_is_a_tenth() {
    const SIZE: usize = 64 << 20;
    let mut tally = Tally::new("64 MiB file stopped at 90 %: at most 15 % fetched again");
    for _ in 0..times(1, 5) {
        let scene = one_file(SIZE).unhurried();
        let stop = StopAt::new(SIZE as u64 / 10 * 9);
        let report = scene.run_with(&stop, &stop.cancel).await;
        assert_eq!(report.stop, Some(Stop::Cancelled), "{report:?}");
        assert!(super::visible(&scene.root()).is_empty());
        let before = sent_in_all(&scene).await;
        scene.ends_right(&mut tally).await;
        let again = scene.server.counters().bytes_sent - before;
        assert!(again <= SIZE as u64 * 15 / 100, "{again} bytes were sent again");
        tally.faults += 1;
    }
    tally.write();
}

#[tokio::test]
async fn stopped_anywhere() {
    const SIZE: u64 = 12_000_000;
    let mut tally = Tally::new("stopped at a random byte, several times");
    let mut random = Random::new(4);
    for _ in 0..times(2, 30) {
        let scene = one_file(SIZE as usize);
        for _ in 0..3 {
            let stop = StopAt::new(1 + random.below(SIZE / 2));
            let _ = scene.run_with(&stop, &stop.cancel).await;
            scene.nothing_wrong(&BTreeMap::new());
            tally.faults += 1;
        }
        scene.ends_right(&mut tally).await;
    }
    tally.write();
}

#[tokio::test]
async fn another_version_begins_again() {
    let mut tally = Tally::new("object replaced while a file was unfinished");
    for round in 0..times(1, 10) {
        let scene = one_file(10_000_000);
        let stop = StopAt::new(7_000_000);
        let _ = scene.run_with(&stop, &stop.cancel).await;
        // The same size, so that only the tag tells.
        std::fs::write(scene.bucket.path().join("big.bin"), noise(50 + round as u64, 10_000_000))
            .unwrap();
        let watch = StopAt::new(u64::MAX);
        let report = scene.run_with(&watch, &Cancel::new()).await;
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(watch.resumed.load(Ordering::SeqCst), 0);
        scene.ends_right(&mut tally).await;
        tally.faults += 1;
    }
    tally.write();
}

#[tokio::test]
async fn what_a_restarted_machine_finds() {
    let mut tally = Tally::new("power loss: unsynced bytes, state or file cut or zeroed");
    let mut random = Random::new(5);
    for round in 0..times(6, 60) {
        let scene = one_file(10_000_000);
        let stop = StopAt::new(8_000_000);
        let _ = scene.run_with(&stop, &stop.cancel).await;
        let (part, state) =
            (scene.root().join(".big.bin.part"), scene.root().join(".big.bin.part.state"));
        let text = std::fs::read_to_string(&state).unwrap();
        // Another kernel runs now: what was not synced may be anything.
        let other = text.replacen("\"boot\":\"", "\"boot\":\"another-", 1);
        match round % 6 {
            0 => std::fs::File::options().write(true).open(&part).unwrap().set_len(0).unwrap(),
            1 => {
                let length = random.below(10_000_000);
                let file = std::fs::File::options().write(true).open(&part).unwrap();
                file.set_len(length).unwrap();
                std::fs::write(&state, &other).unwrap();
            }
            2 => {
                // The length is there, the bytes are not.
                std::fs::write(&part, vec![0; 8_000_000]).unwrap();
                std::fs::write(&state, &other).unwrap();
            }
            3 => std::fs::write(&state, b"").unwrap(),
            4 => std::fs::write(&state, vec![0; 300]).unwrap(),
            _ => std::fs::remove_file(&part).unwrap(),
        }
        scene.ends_right(&mut tally).await;
        tally.faults += 1;
    }
    tally.write();
}

#[tokio::test]
async fn a_rename_that_was_seen_without_its_bytes() {
    let mut tally = Tally::new("power loss: final file cut, but recorded as complete");
    let mut random = Random::new(6);
    for _ in 0..times(2, 40) {
        let scene = Scene::new();
        assert!(scene.run().await.is_complete());
        for (key, size) in super::SIZES.into_iter().filter(|(_, size)| *size > 0) {
            let file = std::fs::File::options().write(true).open(scene.root().join(key)).unwrap();
            file.set_len(random.below(size as u64)).unwrap();
            tally.faults += 1;
        }
        scene.ends_right(&mut tally).await;
    }
    tally.write();
}

#[tokio::test]
async fn clocks_and_times_decide_nothing() {
    let mut tally = Tally::new("modification times in the past and in the future");
    for seconds in [0, 4_000_000_000] {
        let scene = Scene::new();
        assert!(scene.run().await.is_complete());
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        for (key, _) in super::SIZES {
            for root in [scene.root(), scene.bucket.path().to_owned()] {
                let file = std::fs::File::options().write(true).open(root.join(key)).unwrap();
                file.set_modified(time).unwrap();
                tally.faults += 1;
            }
        }
        let before = scene.server.counters().gets;
        scene.ends_right(&mut tally).await;
        assert_eq!(scene.server.counters().gets, before, "nothing has changed but the times");
    }
    tally.write();
}
