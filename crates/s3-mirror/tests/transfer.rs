//! What a transfer does to the disk, to its observer and to a second transfer.

use std::path::Path;
use std::sync::{Arc, Mutex};

use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use s3_mirror::{
    Action, Cancel, Candidate, Event, Folder, Inventory, Key, Location, Observer, Outcome, Plan,
    Refusal, Rule, Stop, Store, TransferError, TransferOptions, Withheld, list, plan, transfer,
};

use crate::util::{Objects, key, memory, mirror, objects, plan_of, read_all, run, write_all};

#[derive(Debug, PartialEq)]
enum Told {
    Planned(usize),
    Started(String),
    Advanced(String, u64),
    Finished(String, &'static str),
}

#[derive(Default)]
struct Recorder {
    events: Mutex<Vec<Told>>,
    cancel_at: Option<(String, Cancel)>,
}

impl Recorder {
    fn push(&self, event: Told) {
        self.events.lock().unwrap().push(event);
    }
}

impl Observer for Recorder {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Planned { plan } => self.push(Told::Planned(plan.items.len())),
            Event::Started { item } => self.push(Told::Started(item.key.to_string())),
            Event::Advanced { item, bytes } => {
                self.push(Told::Advanced(item.key.to_string(), bytes));
                if let Some((key, cancel)) = &self.cancel_at
                    && item.key.as_str() == key
                {
                    cancel.cancel();
                }
            }
            Event::Finished { item, outcome } => {
                let name = match outcome {
                    Outcome::Fetched { .. } => "fetched",
                    Outcome::Kept => "kept",
                    Outcome::Withheld { .. } => "withheld",
                    Outcome::Refused(_) => "refused",
                    Outcome::Gone => "gone",
                    Outcome::Failed { .. } => "failed",
                    Outcome::NotAttempted => "not attempted",
                    _ => "unknown",
                };
                self.push(Told::Finished(item.key.to_string(), name));
            }
            _ => {}
        }
    }
}

fn one_job() -> TransferOptions {
    TransferOptions::default().with_jobs(1)
}

#[tokio::test]
async fn the_observer_hears_everything_in_order() {
    let store = memory(&objects(&[("a", b"aaa"), ("b", b"bb"), ("c", b"c")])).await;
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("b"), b"xx").unwrap();
    let mut candidates: Vec<_> =
        list(&store, "").await.unwrap().into_iter().map(Candidate::exact).collect();
    candidates[2].rule = Rule::Withhold("embargo".to_owned());
    candidates.push(Candidate::exact(crate::util::listed("gone", 9)));
    let plan = plan(candidates, &Folder::new(root.path()).unwrap()).unwrap();

    let recorder = Recorder::default();
    let report = transfer(&store, &plan, root.path(), &one_job(), &recorder, &Cancel::new()).await;
    let text = str::to_owned;
    assert_eq!(
        recorder.events.into_inner().unwrap(),
        [
            Told::Planned(4),
            Told::Started(text("a")),
            Told::Advanced(text("a"), 3),
            Told::Finished(text("a"), "fetched"),
            Told::Finished(text("b"), "kept"),
            Told::Finished(text("c"), "withheld"),
            Told::Started(text("gone")),
            Told::Finished(text("gone"), "gone"),
        ]
    );
    let withheld = Withheld::Rule("embargo".to_owned());
    assert!(matches!(&report.outcomes[2].1, Outcome::Withheld { reason } if *reason == withheld));
    assert_eq!(withheld.to_string(), "embargo");
}

#[tokio::test]
async fn a_change_of_equal_size_is_seen_with_an_inventory_alone() {
    for with_inventory in [false, true] {
        let memory = Arc::new(InMemory::new());
        let store = Store::new(Arc::clone(&memory) as Arc<dyn ObjectStore>, "memory");
        let (root, records) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for content in ["old!", "new!"] {
            memory.put(&"a".into(), content.into()).await.unwrap();
            let mut folder = Folder::new(root.path()).unwrap();
            let mut options = one_job();
            if with_inventory {
                let inventory = Arc::new(Inventory::open(records.path()).unwrap());
                folder = folder.with_inventory(Arc::clone(&inventory));
                options = options.with_inventory(inventory);
            }
            let listed = list(&store, "").await.unwrap();
            let plan = plan(listed.into_iter().map(Candidate::exact), &folder).unwrap();
            let report = transfer(&store, &plan, root.path(), &options, &(), &Cancel::new()).await;
            report.into_result().unwrap();
        }
        let expected: &[u8] = if with_inventory { b"new!" } else { b"old!" };
        assert_eq!(std::fs::read(root.path().join("a")).unwrap(), expected);
    }
}

#[tokio::test]
async fn no_more_than_the_jobs_run_at_once() {
    let content: Objects = (0..40).map(|i| (format!("{i:02}"), vec![1; 10])).collect();
    let store = memory(&content).await;
    for jobs in [0, 1, 4] {
        let root = tempfile::tempdir().unwrap();
        let names: Vec<_> = content.keys().map(|name| (name.as_str(), 10)).collect();
        let recorder = Recorder::default();
        let options = TransferOptions::default().with_jobs(jobs);
        let plan = plan_of(&names, root.path());
        let report =
            transfer(&store, &plan, root.path(), &options, &recorder, &Cancel::new()).await;
        assert!(report.is_complete());
        let reported: Vec<&str> = report.outcomes.iter().map(|(key, _)| key.as_str()).collect();
        assert!(reported.is_sorted());
        let (mut running, mut most) = (0_usize, 0);
        for event in recorder.events.into_inner().unwrap() {
            match event {
                Told::Started(_) => running += 1,
                Told::Finished(..) => running -= 1,
                _ => {}
            }
            most = most.max(running);
        }
        assert_eq!(most, jobs.max(1));
    }
}

#[tokio::test]
async fn the_last_files_are_begun_when_all_others_are_done() {
    let content: Objects = (0..20).map(|i| (format!("{i:02}"), vec![1; 10])).collect();
    let store = memory(&content).await;
    let names: Vec<_> = content.keys().map(|name| (name.as_str(), 10)).collect();
    let last = ["03", "00", "12", "17", "05"];
    for (jobs, at_once, expected) in [(1, 4, 1), (4, 2, 2), (4, 0, 1), (3, usize::MAX, 3)] {
        let root = tempfile::tempdir().unwrap();
        let paths = last.map(|name| name.parse().unwrap());
        let options = TransferOptions::default().with_jobs(jobs).with_last(paths, at_once);
        let (plan, recorder) = (plan_of(&names, root.path()), Recorder::default());
        let report =
            transfer(&store, &plan, root.path(), &options, &recorder, &Cancel::new()).await;
        assert!(report.is_complete());
        // The outcomes have the order of the plan all the same.
        let reported: Vec<&str> = report.outcomes.iter().map(|(key, _)| key.as_str()).collect();
        assert!(reported.is_sorted() && reported.len() == content.len());
        let (mut done, mut running, mut most) = (0, 0, 0);
        for event in recorder.events.into_inner().unwrap() {
            match event {
                Told::Started(name) if last.contains(&&*name) => {
                    assert!(done >= content.len() - last.len(), "{name} after {done}");
                    running += 1;
                }
                Told::Finished(name, _) => {
                    done += 1;
                    running -= usize::from(last.contains(&&*name));
                }
                _ => {}
            }
            most = most.max(running);
        }
        assert_eq!(most, expected, "{jobs} jobs, {at_once} at once");
    }
}

#[tokio::test]
async fn cancelled_before_and_in_between() {
    let store = memory(&objects(&[("a", b"1"), ("b", b"2"), ("c", b"3")])).await;
    let root = tempfile::tempdir().unwrap();
    let plan = plan_of(&[("a", 1), ("b", 1), ("c", 1)], root.path());

    let cancel = Cancel::new();
    let recorder =
        Recorder { cancel_at: Some(("b".to_owned(), cancel.clone())), ..Recorder::default() };
    let report = transfer(&store, &plan, root.path(), &one_job(), &recorder, &cancel).await;
    assert_eq!(report.stop, Some(Stop::Cancelled));
    assert_eq!((report.totals().fetched, report.totals().not_attempted), (1, 2));
    assert_eq!(read_all(root.path()), objects(&[("a", b"1")]));

    let other = tempfile::tempdir().unwrap();
    let report = transfer(&store, &plan, other.path(), &one_job(), &(), &cancel).await;
    assert_eq!(report.totals().not_attempted, 3);
    assert!(read_all(other.path()).is_empty());
}

#[tokio::test]
async fn a_dropped_transfer_leaves_nothing_behind() {
    let store = memory(&objects(&[("a/b", &[7; 1000])])).await;
    let root = tempfile::tempdir().unwrap();
    let plan = plan_of(&[("a/b", 1000)], root.path());
    // Polled once, so the transfer is somewhere in the middle.
    let (options, cancel) = (one_job(), Cancel::new());
    let future = transfer(&store, &plan, root.path(), &options, &(), &cancel);
    assert!(tokio::time::timeout(std::time::Duration::ZERO, future).await.is_err());
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let left = read_all(root.path());
    assert!(left.keys().all(|name| !name.ends_with(".part")), "{left:?}");
}

#[tokio::test]
async fn existing_files_of_another_size_are_replaced() {
    let store = memory(&objects(&[("a/b", b"new content")])).await;
    let root = tempfile::tempdir().unwrap();
    write_all(root.path(), &objects(&[("a/b", b"old"), ("a/.b.0.part", b"stale"), ("own", b"")]));
    assert!(mirror(&store, "", root.path()).await.is_complete());
    assert_eq!(
        read_all(root.path()),
        objects(&[("a/b", b"new content"), ("a/.b.0.part", b"stale"), ("own", b"")])
    );
}

#[tokio::test]
async fn local_names_may_differ_from_keys() {
    let store = memory(&objects(&[("label-FFA-1", b"1"), ("label-FFA1", b"22")])).await;
    let root = tempfile::tempdir().unwrap();
    let candidates = list(&store, "").await.unwrap().into_iter().map(|listed| Candidate {
        local: "rois/label-FFA1".parse().unwrap(),
        listed,
        rule: Rule::Mirror,
    });
    let plan = plan(candidates, &Folder::new(root.path()).unwrap()).unwrap();
    let report = run(&store, &plan, root.path()).await;
    assert!(matches!(
        &report.outcomes[1].1,
        Outcome::Refused(Refusal::SameLocalPath { other }) if *other == key("label-FFA-1")
    ));
    assert_eq!(read_all(root.path()), objects(&[("rois/label-FFA1", b"1")]));
    assert!(!report.is_complete());
}

#[tokio::test]
async fn a_directory_in_the_way_is_refused() {
    let store = memory(&objects(&[("a", b"1"), ("b", b"2")])).await;
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("a")).unwrap();
    let report = mirror(&store, "", root.path()).await;
    assert!(matches!(report.outcomes[0].1, Outcome::Refused(Refusal::LocalConflict { .. })));
    assert!(matches!(report.outcomes[1].1, Outcome::Fetched { bytes: 1 }));

    // The same when the directory appears after planning.
    let root = tempfile::tempdir().unwrap();
    let plan = plan_of(&[("a", 1), ("b", 1)], root.path());
    std::fs::create_dir_all(root.path().join("a/x")).unwrap();
    let report = run(&store, &plan, root.path()).await;
    assert!(matches!(
        &report.outcomes[0].1,
        Outcome::Failed { error }
            if matches!(&**error, TransferError::Write { path, .. } if path.ends_with("a"))
    ));
    assert_eq!(read_all(root.path()), objects(&[("b", b"2")]));
}

#[tokio::test]
async fn a_root_that_cannot_be_created_stops_everything() {
    let store = memory(&objects(&[("a", b"1"), ("b", b"2")])).await;
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), b"").unwrap();
    let root = directory.path().join("file/root");
    let plan = plan_of(&[("a", 1), ("b", 1)], Path::new("/nowhere"));
    let report = transfer(&store, &plan, &root, &one_job(), &(), &Cancel::new()).await;
    assert_eq!(report.stop, Some(Stop::LocalStorage));
    assert!(matches!(
        &report.outcomes[0].1,
        Outcome::Failed { error }
            if matches!(&**error, TransferError::Write { path, .. } if *path == root)
    ));
    assert!(matches!(report.outcomes[1].1, Outcome::NotAttempted));
}

#[tokio::test]
async fn nothing_to_fetch_creates_nothing() {
    let store = memory(&Objects::new()).await;
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("later");
    let bad = Key::new("a//b").unwrap_err();
    let plan = Plan::default().with_refused(vec![bad.clone()]);
    let report = run(&store, &plan, &root).await;
    assert_eq!(report.refused, [bad]);
    assert_eq!(report.totals().refused, 1);
    assert!(!root.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_not_followed_out_of_the_root() {
    use std::os::unix::fs::symlink;

    let store =
        memory(&objects(&[("in/x", b"1"), ("link", b"22"), ("out/deep/x", b"1"), ("out/x", b"1")]))
            .await;
    let directory = tempfile::tempdir().unwrap();
    let (root, outside) = (directory.path().join("root"), directory.path().join("outside"));
    std::fs::create_dir_all(root.join("real")).unwrap();
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("file"), b"precious").unwrap();
    symlink(&outside, root.join("out")).unwrap();
    symlink("real", root.join("in")).unwrap();
    symlink(outside.join("file"), root.join("link")).unwrap();

    let report = mirror(&store, "", &root).await;
    let [inner, link, deep, out] = &report.outcomes[..] else { panic!("{report:?}") };
    assert!(matches!(inner.1, Outcome::Fetched { .. }));
    assert!(matches!(link.1, Outcome::Fetched { .. }));
    for (_, outcome) in [deep, out] {
        assert!(matches!(
            outcome,
            Outcome::Failed { error }
                if matches!(&**error, TransferError::OutsideRoot { path, root: canonical }
                    if path.ends_with("root/out") && canonical.ends_with("root"))
        ));
    }
    assert_eq!(read_all(&outside), objects(&[("file", b"precious")]));
    assert_eq!(std::fs::read(root.join("real/x")).unwrap(), b"1");
    // The link itself was replaced, not what it led to.
    assert!(root.join("link").symlink_metadata().unwrap().is_file());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_transfers_into_one_root() {
    let content: Objects = (0..30).map(|i| (format!("d/{i:02}"), vec![i; 5_000])).collect();
    let bucket = tempfile::tempdir().unwrap();
    write_all(bucket.path(), &content);
    let server =
        fixtures::server::Server::start(fixtures::server::Options::new(bucket.path())).unwrap();
    let store = server.url("laion-fmri").parse::<Location>().unwrap().open().unwrap();
    let root = tempfile::tempdir().unwrap();
    let (first, second) =
        tokio::join!(mirror(&store, "", root.path()), mirror(&store, "", root.path()));
    assert!(first.is_complete() && second.is_complete());
    assert_eq!(read_all(root.path()), content);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listed_but_denied_or_gone() {
    let bucket = tempfile::tempdir().unwrap();
    write_all(bucket.path(), &objects(&[("ses-01/a", b"1"), ("ses-31/a", b"2")]));
    let options = fixtures::server::Options::new(bucket.path())
        .denied(["ses-31/"])
        .extra_listed([("ses-99/a", 3)]);
    let server = fixtures::server::Server::start(options).unwrap();
    let store = server.url("laion-fmri").parse::<Location>().unwrap().open().unwrap();
    let root = tempfile::tempdir().unwrap();
    let report = mirror(&store, "", root.path()).await;
    assert!(matches!(report.outcomes[0].1, Outcome::Fetched { bytes: 1 }));
    assert!(matches!(&report.outcomes[1].1, Outcome::Withheld { reason: Withheld::Server }));
    assert!(matches!(report.outcomes[2].1, Outcome::Gone));
    assert_eq!(read_all(root.path()), objects(&[("ses-01/a", b"1")]));
    // Denied and missing objects are asked for once.
    assert_eq!(server.counters().gets, 3);
}

#[test]
fn a_transfer_can_be_spawned() {
    fn is_send<T: Send>(_: T) {}
    let store = Location::directory(std::env::temp_dir()).unwrap().open().unwrap();
    let (plan, options, cancel) = (Plan::default(), one_job(), Cancel::new());
    is_send(transfer(&store, &plan, Path::new("/"), &options, &(), &cancel));
    is_send(list(&store, ""));
    assert!(!plan.items.iter().any(|item| matches!(item.action, Action::Keep)));
}
