//! Transfers from servers that cut, stall, lie and refuse.

use std::time::{Duration, Instant};

use s3_mirror::{
    Cancel, ConnectOptions, Error, Outcome, Stop, TransferError, TransferOptions, Withheld,
    transfer,
};

use crate::scripted::{Reply, Scripted, error, ok, partial, response, with_length};
use crate::util::{impatient, impatient_with_silence, objects, plan_of, read_all, run};

fn content() -> Vec<u8> {
    (0..100_000_u32).map(|i| (i % 251) as u8).collect()
}

#[tokio::test]
async fn every_connection_cut_and_still_complete() {
    // Far more cuts than retries are allowed: progress resets the count.
    let content = content();
    let server = Scripted::start({
        let content = content.clone();
        move |request, _| {
            let (start, end) = request.range().unwrap_or((0, content.len()));
            if start == 0 {
                let body = &content[..5_000];
                return Reply::Bytes(with_length("200 OK", "", content.len(), body));
            }
            partial(&content, start, end, 5_000)
        }
    });
    let root = tempfile::tempdir().unwrap();
    let plan = plan_of(&[("a/big", content.len() as u64)], root.path());
    let report = run(&server.store(), &plan, root.path()).await;
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(read_all(root.path()), objects(&[("a/big", &content)]));
    assert!(server.requests().len() >= 20);
}

#[tokio::test]
async fn a_cut_without_progress_ends() {
    let server = Scripted::start(|_, _| Reply::Bytes(with_length("200 OK", "", 10, b"abc")));
    let root = tempfile::tempdir().unwrap();
    let report = run(&server.store(), &plan_of(&[("a", 10)], root.path()), root.path()).await;
    assert!(matches!(
        &report.outcomes[0].1,
        Outcome::Failed { error } if matches!(&**error, TransferError::Store(_))
    ));
    assert!(read_all(root.path()).is_empty(), "temporary file left behind");
}

#[tokio::test]
async fn a_replaced_object_is_not_spliced() {
    // The rest after the cut comes from an object with another tag.
    let server = Scripted::start(|request, _| match request.range() {
        None => Reply::Bytes(with_length("200 OK", "", 10, b"abcde")),
        Some(_) => error("412 Precondition Failed", "PreconditionFailed"),
    });
    let root = tempfile::tempdir().unwrap();
    let report = run(&server.store(), &plan_of(&[("a", 10)], root.path()), root.path()).await;
    assert!(matches!(report.outcomes[0].1, Outcome::Failed { .. }), "{report:?}");
    assert!(read_all(root.path()).is_empty());
}

#[tokio::test]
async fn wrong_sizes_are_not_published() {
    for (announced, got) in [(3, 3), (50_000, 50_000)] {
        let body = vec![b'x'; announced];
        let server = Scripted::start(move |_, _| ok(&body));
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("a"), b"previous").unwrap();
        let report = run(&server.store(), &plan_of(&[("a", 10)], root.path()), root.path()).await;
        assert!(matches!(
            &report.outcomes[0].1,
            Outcome::Failed { error }
                if matches!(&**error, TransferError::SizeMismatch { expected: 10, got: size }
                    if *size == got)
        ));
        assert_eq!(read_all(root.path()), objects(&[("a", b"previous")]));
    }
}

#[tokio::test]
async fn one_bad_object_does_not_stop_the_others() {
    let server = Scripted::start(|request, _| match request.target.as_str() {
        "/data/denied" => error("403 Forbidden", "AccessDenied"),
        "/data/gone" => error("404 Not Found", "NoSuchKey"),
        "/data/broken" => error("500 Internal Server Error", "InternalError"),
        "/data/teapot" => error("418 I'm a teapot", "Teapot"),
        _ => ok(b"fine"),
    });
    let root = tempfile::tempdir().unwrap();
    let keys = ["broken", "denied", "fine", "gone", "teapot", "x/y/fine"];
    let plan = plan_of(&keys.map(|key| (key, 4)), root.path());
    let report = run(&server.store(), &plan, root.path()).await;
    let [broken, denied, fine, gone, teapot, deep] = &report.outcomes[..] else {
        panic!("{report:?}");
    };
    assert!(matches!(
        &broken.1,
        Outcome::Failed { error } if matches!(
            &**error,
            TransferError::Store(Error::ObjectStatus { key, status: 500, location, .. })
                if key == "broken" && location == server.url()
        )
    ));
    assert!(matches!(&denied.1, Outcome::Withheld { reason: Withheld::Server }));
    assert!(matches!(fine.1, Outcome::Fetched { bytes: 4 }));
    assert!(matches!(gone.1, Outcome::Gone));
    assert!(matches!(teapot.1, Outcome::Failed { .. }));
    assert!(matches!(deep.1, Outcome::Fetched { bytes: 4 }));
    assert_eq!(report.stop, None);
    assert_eq!(read_all(root.path()), objects(&[("fine", b"fine"), ("x/y/fine", b"fine")]));
}

#[tokio::test]
async fn busy_and_silent_servers_are_asked_again() {
    for first in [
        error("503 Slow Down", "SlowDown"),
        Reply::Close,
        Reply::Stall(Vec::new()),
        Reply::Stall(response("200 OK", "", b"fine")[..50].to_vec()),
    ] {
        let server = Scripted::start(move |_, before| match before {
            0 => first.clone(),
            _ => ok(b"fine"),
        });
        let root = tempfile::tempdir().unwrap();
        let store = server.location().open_with(&impatient_with_silence()).unwrap();
        let report = run(&store, &plan_of(&[("a", 4)], root.path()), root.path()).await;
        assert!(report.is_complete(), "{report:?}");
    }
}

#[tokio::test]
async fn a_dead_endpoint_is_not_asked_for_every_file() {
    let server = Scripted::start(|_, _| Reply::Close);
    let root = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..200).map(|i| format!("{i:03}")).collect();
    let entries: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let report = run(&server.store(), &plan_of(&entries, root.path()), root.path()).await;
    assert_eq!(report.stop, Some(Stop::Unreachable));
    let totals = report.totals();
    assert!(totals.failed >= 4 && totals.failed <= 8, "{totals:?}");
    assert_eq!(totals.failed + totals.not_attempted, 200);
    assert!(matches!(
        &report.outcomes[0].1,
        Outcome::Failed { error } if matches!(
            &**error,
            TransferError::Store(Error::Unreachable { location, .. }) if location == server.url()
        )
    ));
}

/// Repeats as often as it likes, but no longer than `time` without progress.
fn bounded_by(time: Duration) -> ConnectOptions {
    let options = impatient().with_max_retries(1000);
    options.with_retry_timeout(time).with_first_pause(Duration::from_millis(5))
}

#[tokio::test]
async fn a_busy_bucket_is_given_up_after_one_bound() {
    let server = Scripted::start(|_, _| error("503 Slow Down", "SlowDown"));
    let bound = Duration::from_millis(300);
    let store = server.location().open_with(&bounded_by(bound)).unwrap();
    let names: Vec<String> = (0..72).map(|i| format!("{i:03}")).collect();
    let entries: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    for jobs in [1, 8] {
        let root = tempfile::tempdir().unwrap();
        let plan = plan_of(&entries, root.path());
        let options = TransferOptions::default().with_jobs(jobs);
        let start = Instant::now();
        let report = transfer(&store, &plan, root.path(), &options, &(), &Cancel::new()).await;
        // A bound for each file would be 21 s with one job.
        assert!((bound..20 * bound).contains(&start.elapsed()), "{:?}", start.elapsed());
        assert_eq!(report.stop, Some(Stop::Unavailable));
        let incomplete = report.into_result().unwrap_err();
        assert_eq!(incomplete.stop, Some(Stop::Unavailable));
        assert!(matches!(
            &incomplete.first.unwrap().1,
            Outcome::Failed { error } if matches!(
                &**error,
                TransferError::Store(Error::ObjectStatus { status: 503, .. })
            )
        ));
        assert_eq!(incomplete.totals.failed + incomplete.totals.not_attempted, 72);
        // Those whose time began before the outage was seen, those that make up the limit, and those
        // that were on their way when it was reached.
        assert!(incomplete.totals.failed <= 3 * 8, "{}", incomplete.totals);
    }
}

#[tokio::test]
async fn one_busy_object_does_not_stop_the_others() {
    let server = Scripted::start(|request, _| match request.target.as_str() {
        "/data/busy" => error("503 Slow Down", "SlowDown"),
        _ => ok(b"fine"),
    });
    let store = server.location().open_with(&bounded_by(Duration::from_millis(200))).unwrap();
    let root = tempfile::tempdir().unwrap();
    let plan = plan_of(&[("busy", 4), ("fine", 4), ("well", 4)], root.path());
    let options = TransferOptions::default().with_jobs(1);
    let report = transfer(&store, &plan, root.path(), &options, &(), &Cancel::new()).await;
    assert_eq!(report.stop, None);
    let totals = report.totals();
    assert_eq!((totals.failed, totals.fetched), (1, 2));
}

#[tokio::test]
async fn cancelling_does_not_wait_for_the_server() {
    let server = Scripted::start(|_, _| Reply::Stall(with_length("200 OK", "", 10, b"abc")));
    let root = tempfile::tempdir().unwrap();
    let plan = plan_of(&[("a", 10), ("b", 10), ("c", 10)], root.path());
    let cancel = Cancel::new();
    let (options, store) = (TransferOptions::default().with_jobs(2), server.store());
    let cancelled = async {
        while server.requests().len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        cancel.cancel();
        Instant::now()
    };
    let transferred = transfer(&store, &plan, root.path(), &options, &(), &cancel);
    let (report, cancelled) = tokio::join!(transferred, cancelled);
    // The server would have been waited for for a minute.
    assert!(cancelled.elapsed() < Duration::from_secs(1), "{:?}", cancelled.elapsed());
    assert_eq!(report.stop, Some(Stop::Cancelled));
    assert_eq!(report.totals().not_attempted, 3);
    assert_eq!(server.requests().len(), 2);
    assert!(read_all(root.path()).is_empty(), "temporary file left behind");
}

#[tokio::test]
async fn requests_keep_odd_keys() {
    let server = Scripted::start(|_, _| ok(b"1"));
    let root = tempfile::tempdir().unwrap();
    let plan = plan_of(&[("m r/a+b%2F#?.mgz", 1)], root.path());
    assert!(run(&server.store(), &plan, root.path()).await.is_complete());
    assert_eq!(server.requests()[0].target, "/data/m%20r/a%2Bb%252F%23%3F.mgz");
    assert!(!server.requests()[0].headers.contains_key("authorization"));
}
