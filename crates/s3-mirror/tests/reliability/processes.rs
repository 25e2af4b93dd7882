//! Several transfers into one mirror. Each has its own store, options and inventory, as processes
//! have; what separates processes further is tested with the command itself.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fixtures::noise;
use s3_mirror::{Cancel, Candidate, Folder, list, plan, transfer};

use super::{Scene, Tally, times};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_and_four_at_once() {
    let mut tally = Tally::new("two and four transfers into one mirror at once");
    for round in 0..times(2, 40) {
        let scene = Scene::new().unhurried();
        let runs = (0..if round % 2 == 0 { 2 } else { 4 }).map(|_| scene.run());
        for report in futures::future::join_all(runs).await {
            assert!(report.is_complete(), "{report:?}");
            tally.faults += 1;
        }
        scene.nothing_wrong(&BTreeMap::new());
        // The long files were fetched once: 11.5 MB of 12.2 MB.
        let sent = scene.server.counters().bytes_sent;
        assert!(sent < 11_500_001 + 4 * 720_003 + 1, "{sent}");
        scene.ends_right(&mut tally).await;
    }
    tally.write();
}

#[tokio::test]
async fn the_claim_of_a_machine_that_is_gone() {
    let mut tally = Tally::new("claim left by a process on another machine");
    for _ in 0..times(1, 10) {
        let scene = Scene::with(BTreeMap::from([("big.bin", noise(3, 5_000_000))]));
        std::fs::create_dir_all(scene.root()).unwrap();
        let claim = scene.root().join(".big.bin.part.lock");
        let text = "{\"claim\":1,\"owner\":\"x\",\"boot\":\"elsewhere\",\"beats\":\"7\"}\n";
        std::fs::write(&claim, text).unwrap();
        let store = scene.store();
        let mut options = scene.options();
        options.silence = Duration::from_millis(600);
        let listing = list(&store, "").await.unwrap();
        let folder = Folder::new(scene.root()).unwrap();
        let plan = plan(listing.into_iter().map(Candidate::exact), &folder).unwrap();
        let start = Instant::now();
        let report = transfer(&store, &plan, &scene.root(), &options, &(), &Cancel::new()).await;
        assert!(report.is_complete(), "{report:?}");
        assert!(start.elapsed() >= options.silence, "it was not believed to live");
        scene.ends_right(&mut tally).await;
        tally.faults += 1;
    }
    tally.write();
}
