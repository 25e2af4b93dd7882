//! Calls that use the network, made inside a tokio runtime, where blocking is refused.

use fixtures::Bucket;
use fixtures::access::AccessServer;
use laion_fmri::access::AccessService;
use laion_fmri::{Cancel, Dataset, Discovery, DownloadRequest, Location};

/// Everything that asks a bucket, and the end of everything that holds one.
fn ask(location: &Location, bucket: &Bucket) {
    let discovery = Discovery::open(location).unwrap();
    assert_eq!(discovery.subjects().unwrap().len(), 3);
    drop(discovery);

    let mirror = tempfile::tempdir().unwrap();
    let dataset = Dataset::open(mirror.path()).unwrap().with_location(location.clone());
    let license = dataset.accept_license().unwrap();
    let request = DownloadRequest::subject("sub-03").unwrap().ses(["ses-01"]);
    let download = dataset.plan_download(&request).unwrap();
    download.run(&license, 2, &(), &Cancel::new()).into_result().unwrap();
    drop(download);
    let here =
        dataset.subject("sub-03").unwrap().betas().session("ses-01").roi("FFA1").load().unwrap();

    let remote = Dataset::from_bucket(location).unwrap();
    let subject = remote.subject("sub-03").unwrap();
    let there = subject.betas().session("ses-01").roi("FFA1").load().unwrap();
    crate::assert_same(there.as_slice().unwrap(), here.as_slice().unwrap(), "FFA1");
    // A reader that is dropped in the middle.
    let betas = laion_fmri::layout::betas(&"sub-03".parse().unwrap(), &"ses-01".parse().unwrap());
    assert!(bucket.root().join(&betas).is_file());
    drop(subject.open_input(&betas).unwrap());
    drop(subject);
    drop(remote);
}

fn ask_both() {
    let bucket = Bucket::temporary().unwrap();
    let server = bucket.serve().unwrap();
    ask(&server.url("laion-fmri").parse().unwrap(), &bucket);
    ask(&Location::directory(bucket.root()).unwrap(), &bucket);
}

fn ask_service() {
    let server = AccessServer::start().unwrap();
    let service = AccessService::new(&server.url()).unwrap();
    assert!(!service.manifest(&Cancel::new()).unwrap().files().is_empty());
}

#[tokio::test(flavor = "current_thread")]
async fn calls_work_on_the_only_thread_of_a_runtime() {
    ask_both();
    ask_service();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_work_on_a_thread_of_many() {
    // In a task, which unlike the test itself is run by a worker.
    tokio::spawn(async { ask_both() }).await.unwrap();
    tokio::task::spawn_blocking(ask_both).await.unwrap();
    tokio::spawn(async { ask_service() }).await.unwrap();
}

#[tokio::test]
async fn what_was_opened_elsewhere_may_end_inside() {
    let bucket = Bucket::temporary().unwrap();
    let root = bucket.root().to_owned();
    let dataset = std::thread::spawn(move || {
        let dataset = Dataset::from_bucket(&Location::directory(root).unwrap()).unwrap();
        dataset.subjects().unwrap();
        dataset
    });
    drop(dataset.join().unwrap());
}
