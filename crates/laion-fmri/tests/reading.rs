//! Threads, cache directory and indexes change nothing but the time.

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use fixtures::Bucket;
use laion_fmri::ndarray::Axis;
use laion_fmri::{
    Cancel, Dataset, Error, Event, Observer, SessionId, SessionTrial, StimulusSet, Subject, layout,
};

use crate::assert_same;

fn with_jobs(bucket: &Bucket, subject: &str, jobs: usize) -> Subject {
    Dataset::open(bucket.root()).unwrap().with_jobs(jobs).subject(subject).unwrap()
}

#[test]
fn sessions_side_by_side_are_those_one_by_one() {
    let bucket = Bucket::temporary().unwrap();
    let sessions: Vec<String> = with_jobs(&bucket, "sub-01", 1)
        .sessions()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(sessions.len() > 1);
    let read = |jobs| {
        let subject = with_jobs(&bucket, "sub-01", jobs);
        let request = subject.betas().sessions(&sessions).roi("FFA1");
        let apart = request.load_sessions().unwrap();
        let joined = request.concat().unwrap();
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        let apart: Vec<_> = apart
            .iter()
            .map(|(session, betas)| (session.to_string(), bits(betas.as_slice().unwrap())))
            .collect();
        (apart, bits(joined.betas.as_slice().unwrap()), joined.sessions, joined.trials)
    };
    let one = read(1);
    assert_eq!(
        one.0.iter().map(|(session, _)| session).collect::<Vec<_>>(),
        sessions.iter().collect::<Vec<_>>()
    );
    assert_eq!(one.1, one.0.iter().flat_map(|(_, bits)| bits.clone()).collect::<Vec<_>>());
    for jobs in [2, 3, 9] {
        assert!(read(jobs) == one, "{jobs} threads");
    }
}

/// Stops a read after the third volume.
fn stops(cancel: &Cancel) -> impl Fn(Event<'_>) + Sync {
    |event: Event<'_>| {
        if matches!(event, Event::Volume { done: 3.., .. }) {
            cancel.cancel();
        }
    }
}

#[test]
fn a_cancel_stops_all_sessions() {
    let bucket = Bucket::temporary().unwrap();
    let subject = with_jobs(&bucket, "sub-01", 2);
    let sessions = subject.sessions().unwrap();
    let sessions: Vec<&str> = sessions.iter().map(SessionId::as_str).collect();
    let request = subject.betas().sessions(&sessions).roi("FFA1");
    let (first, second) = (Cancel::new(), Cancel::new());
    let (stops_first, stops_second) = (stops(&first), stops(&second));
    let stopped = request.clone().observer(&stops_first).cancel(&first).load_sessions();
    assert!(matches!(stopped.unwrap_err(), Error::Cancelled));
    let stopped = request.clone().observer(&stops_second).cancel(&second).concat();
    assert!(matches!(stopped.unwrap_err(), Error::Cancelled));
    // The handle itself was not stopped, and one that is reads nothing.
    assert!(request.load_sessions().is_ok());
    let stopped = subject.clone().with_cancel(&first);
    let request = stopped.betas().session(sessions[0]);
    assert!(matches!(request.load().unwrap_err(), Error::Cancelled));
    let mut rows = request.volumes().unwrap();
    assert!(matches!(rows.next(), Some(Err(Error::Cancelled))));
    assert!(rows.next().is_none());
}

/// A subject with so many sessions of four trials, in a folder that takes outputs too.
fn by_two_threads(sessions: usize) -> (tempfile::TempDir, Subject, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    fixtures::bucket::write_large(folder.path(), 12, sessions, 4).unwrap();
    let dataset = Dataset::open(folder.path()).unwrap().with_jobs(2);
    let subject = dataset.subject("sub-01").unwrap();
    (folder, subject, (1..=sessions).map(|number| format!("ses-{number:02}")).collect())
}

/// Holds the first session up until a later one is read.
struct SlowFirst {
    until: &'static str,
    begun: Mutex<BTreeSet<String>>,
    more: Condvar,
}

impl SlowFirst {
    fn until(until: &'static str) -> Self {
        Self { until, begun: Mutex::default(), more: Condvar::new() }
    }
}

impl Observer for SlowFirst {
    fn event(&self, event: Event<'_>) {
        let Event::Volume { session, .. } = event else { return };
        let mut begun = self.begun.lock().unwrap();
        begun.insert(session.to_string());
        self.more.notify_all();
        if session.as_str() != "ses-01" {
            return;
        }
        let long = Duration::from_secs(60);
        let missing = |begun: &mut BTreeSet<String>| !begun.contains(self.until);
        assert!(!self.more.wait_timeout_while(begun, long, missing).unwrap().1.timed_out());
    }
}

#[test]
fn a_slow_session_holds_up_no_other() {
    let (folder, subject, sessions) = by_two_threads(5);

    let slow = SlowFirst::until("ses-05");
    let mut written = Vec::new();
    let path = |session: &SessionId| folder.path().join(format!("{session}.npy"));
    let request = subject.betas().sessions(&sessions).observer(&slow);
    let done = request.write_npy(path, |session, _| {
        written.push(session.to_string());
        Ok::<(), Error>(())
    });
    done.unwrap();
    assert_eq!(written, sessions);

    // Arrays wait in memory: two that are read and one more.
    let slow = SlowFirst::until("ses-03");
    let mut taken = Vec::new();
    let request = subject.betas().sessions(&sessions).observer(&slow);
    let done = request.for_each_session(|session, _| {
        if taken.is_empty() {
            std::thread::sleep(Duration::from_millis(50));
            assert_eq!(slow.begun.lock().unwrap().len(), 3);
        }
        taken.push(session.to_string());
        Ok::<(), Error>(())
    });
    done.unwrap();
    assert_eq!(taken, sessions);
}

/// Lets every session but the first take its time, and notes those.
struct SlowOthers(Mutex<BTreeSet<String>>);

impl Observer for SlowOthers {
    fn event(&self, event: Event<'_>) {
        let Event::Volume { session, .. } = event else { return };
        if session.as_str() != "ses-01" && self.0.lock().unwrap().insert(session.to_string()) {
            std::thread::sleep(Duration::from_millis(300));
        }
    }
}

#[test]
fn nothing_is_begun_after_a_failure() {
    let (folder, subject, sessions) = by_two_threads(9);
    let others = SlowOthers(Mutex::default());
    let path = |session: &SessionId| folder.path().join(format!("{session}.npy"));
    let request = subject.betas().sessions(&sessions).observer(&others);
    let failed = request.write_npy(path, |_, _| Err(Error::Cancelled));
    assert!(matches!(failed, Err(Error::Cancelled)));
    // At most one for each thread was under way by then, and none of them was written.
    let others = others.0.into_inner().unwrap();
    assert!(others.len() <= 2, "{others:?}");
    let written = sessions.iter().filter(|name| path(&name.parse().unwrap()).exists());
    assert_eq!(written.collect::<Vec<_>>(), ["ses-01"]);
}

#[test]
fn a_damaged_session_among_several_is_the_error() {
    let bucket = Bucket::temporary().unwrap();
    let subject = with_jobs(&bucket, "sub-01", 2);
    let sessions = subject.sessions().unwrap();
    let sessions: Vec<&str> = sessions.iter().map(SessionId::as_str).collect();
    let key = laion_fmri::layout::betas(subject.id(), &sessions[1].parse().unwrap());
    let path = bucket.path(&key);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    let request = subject.betas().sessions(&sessions).roi("FFA1");
    for error in [request.load_sessions().unwrap_err(), request.concat().unwrap_err()] {
        let Error::Nifti(error) = error else { panic!("{error:?}") };
        assert_eq!(error.path(), Some(&*path));
    }
}

#[test]
fn indexes_are_made_on_purpose_and_used() {
    let bucket = Bucket::temporary().unwrap();
    let cache = tempfile::tempdir().unwrap();
    let plain = Dataset::open(bucket.root()).unwrap();
    assert_eq!(
        plain.subject("sub-01").unwrap().index_betas("ses-01", &(), &Cancel::new()).unwrap(),
        None
    );
    let dataset = plain.clone().with_cache_dir(cache.path());
    let subject = dataset.subject("sub-01").unwrap();
    // Small files are read without one.
    let trials = || -> Vec<u32> {
        let betas = subject.betas().session("ses-01").trials([1, 4, 5]).load().unwrap();
        betas.iter().map(|value| value.to_bits()).collect()
    };
    let before = trials();
    assert!(!cache.path().join("indexes").exists());
    let index = subject.index_betas("01", &(), &Cancel::new()).unwrap().unwrap();
    assert!(index.starts_with(cache.path()) && index.is_file());
    let cancel = Cancel::new();
    assert_eq!(
        subject.index_betas("ses-01", &stops(&cancel), &cancel).unwrap(),
        Some(index.clone())
    );
    assert!(trials() == before);
    fs::write(&index, b"no index").unwrap();
    assert!(trials() == before);
    // The read found it damaged and has made it anew.
    assert!(fs::metadata(&index).unwrap().len() > 100);
    fs::remove_file(&index).unwrap();
    let error = subject.index_betas("ses-01", &stops(&cancel), &cancel).unwrap_err();
    assert!(matches!(error, Error::Cancelled));
    assert!(!index.exists());
}

#[test]
fn only_a_large_file_without_its_index_needs_one() {
    let bucket = Bucket::temporary().unwrap();
    let cache = tempfile::tempdir().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap().with_cache_dir(cache.path());
    let subject = dataset.subject("sub-01").unwrap();
    assert!(!subject.needs_index("ses-01").unwrap(), "a small file is read in no time");
    let index = subject.index_betas("ses-01", &(), &Cancel::new()).unwrap().unwrap();
    let path = bucket.path(&layout::betas(subject.id(), &"ses-01".parse().unwrap()));
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(9 << 20).unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let subject = dataset.clone().with_cache_dir(cache.path()).subject("sub-01").unwrap();
    assert!(!subject.needs_index("01").unwrap());
    assert!(dataset.subject("sub-01").unwrap().needs_index("01").unwrap(), "no cache directory");
    fs::remove_file(index).unwrap();
    assert!(subject.needs_index("01").unwrap());
    let error = subject.needs_index("ses-77").unwrap_err();
    assert!(matches!(error, Error::DataNotDownloaded { .. }), "{error:?}");
    assert!(matches!(subject.needs_index("x y"), Err(Error::InvalidSession { .. })));
}

#[test]
fn rows_and_files_are_those_of_the_array_however_they_are_read() {
    let bucket = Bucket::temporary().unwrap();
    let cache = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    let plain = with_jobs(&bucket, "sub-01", 1);
    let sessions = ["ses-01", "ses-02"];
    let expected =
        plain.betas().roi("face").trials([1, 4, 5, 9]).sessions(sessions).load_sessions();
    let expected = expected.unwrap();
    for jobs in [1, 2, 3] {
        let dataset = Dataset::open(bucket.root()).unwrap().with_jobs(jobs);
        let subject = dataset.with_cache_dir(cache.path()).subject("sub-01").unwrap();
        // The first without indexes, the others with them.
        let request = subject.betas().session("ses-01").roi("face").trials([1, 4, 5, 9]);
        let mut rows = request.volumes().unwrap();
        let mut row = vec![0.0; rows.n_voxels()];
        let mut all = Vec::new();
        while rows.next_row(&mut row).unwrap().is_some() {
            all.extend(bits(&row));
        }
        assert!(rows.next_row(&mut row).unwrap().is_none());
        assert!(all == bits(expected[0].as_slice().unwrap()));
        let mut written = Vec::new();
        let path = |session: &SessionId| out.path().join(format!("{session}.npy"));
        request
            .sessions(sessions)
            .write_npy(path, |session, done| {
                assert_eq!((done.path, done.trials.len()), (path(&session), 4));
                written.push(session.to_string());
                Ok::<(), Error>(())
            })
            .unwrap();
        assert_eq!(written, sessions);
        let whole = out.path().join("whole.npy");
        for (session, betas) in &expected {
            laion_fmri::export::write_npy(&whole, betas.view()).unwrap();
            assert!(fs::read(path(session)).unwrap() == fs::read(&whole).unwrap(), "{session}");
        }
        for session in sessions {
            assert!(subject.index_betas(session, &(), &Cancel::new()).unwrap().unwrap().is_file());
        }
    }
}

#[test]
fn a_damaged_file_leaves_no_output() {
    let bucket = Bucket::temporary().unwrap();
    let out = tempfile::tempdir().unwrap();
    let subject = with_jobs(&bucket, "sub-01", 2);
    let path = bucket.path(&laion_fmri::layout::betas(subject.id(), &"ses-01".parse().unwrap()));
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    let request = subject.betas().session("ses-01").roi("FFA1");
    let done = |_: SessionId, _: laion_fmri::WrittenBetas| Ok::<(), Error>(());
    let error = request.write_npy(|_| out.path().join("a.npy"), done).unwrap_err();
    assert!(matches!(&error, Error::Nifti(error) if error.path() == Some(&*path)), "{error:?}");
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
    let error = request.volumes().unwrap().last().unwrap().unwrap_err();
    assert!(matches!(error, Error::Nifti(_)), "{error:?}");
    let nowhere = out.path().join("missing/a.npy");
    let error = request.write_npy(|_| nowhere.clone(), done).unwrap_err();
    assert!(matches!(&error, Error::Export(error) if error.path() == Some(&*nowhere)), "{error:?}");
}

#[test]
fn rows_come_in_the_order_asked_and_as_often_as_named() {
    let bucket = Bucket::temporary().unwrap();
    let (cache, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let plain = with_jobs(&bucket, "sub-01", 1);
    let whole = plain.betas().session("ses-01").roi("face").load().unwrap();
    let named = [7, 0, 2, 7, 0];
    let expected = whole.select(Axis(0), &named);
    let same = |got: &[f32], what: &str| assert_same(got, expected.as_slice().unwrap(), what);
    for jobs in [1, 2, 3] {
        let dataset = Dataset::open(bucket.root()).unwrap().with_jobs(jobs);
        let subject = dataset.with_cache_dir(cache.path()).subject("sub-01").unwrap();
        if jobs == 3 {
            subject.index_betas("ses-01", &(), &Cancel::new()).unwrap().unwrap();
        }
        let heard = Mutex::new(Vec::new());
        let totals = |event: Event<'_>| {
            if let Event::Volume { total, .. } = event {
                heard.lock().unwrap().push(total);
            }
        };
        let request = subject.betas().session("ses-01").roi("face").trials(named);
        let answer = request.clone().observer(&totals).load_with_rows().unwrap();
        assert_eq!(answer.trials, named.map(SessionTrial));
        same(answer.betas.as_slice().unwrap(), "an array");
        if jobs == 3 {
            assert_eq!(*heard.lock().unwrap(), [3; 3], "each volume is read once");
        }
        let rows: Vec<_> = request.volumes().unwrap().map(Result::unwrap).collect();
        assert!(rows.iter().map(|(trial, _)| *trial).eq(named.map(SessionTrial)));
        same(&rows.into_iter().flat_map(|(_, row)| row).collect::<Vec<_>>(), "rows");
        let path = out.path().join("x.npy");
        request.write_npy(|_| path.clone(), |_, _| Ok::<(), Error>(())).unwrap();
        let written = laion_fmri::export::read_npy::<f32>(&path).unwrap();
        same(written.as_standard_layout().as_slice().unwrap(), "a file");
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1, "what waited is gone");
    }
    let request = plain.betas().roi("face").sessions(["ses-01", "ses-02"]).trials(named);
    let joined = request.concat().unwrap();
    assert_eq!(joined.trials, [named.map(SessionTrial); 2].concat());
    let (first, _) = joined.betas.view().split_at(Axis(0), named.len());
    same(first.as_slice().unwrap(), "the first of two sessions");
    let shared = request.session("ses-01").stimuli(StimulusSet::Shared).load_with_rows().unwrap();
    let table = plain.trials("ses-01").unwrap();
    let labels: Vec<&str> = table.labels().unwrap().collect();
    let is_shared = |trial: &usize| StimulusSet::of_label(labels[*trial]) == StimulusSet::Shared;
    let kept: Vec<usize> = named.into_iter().filter(is_shared).collect();
    assert!(!kept.is_empty() && kept.len() < named.len(), "{kept:?}");
    assert!(shared.trials.iter().map(|trial| trial.0).eq(kept));
    let error = plain.betas().session("ses-01").trials([99999, 0]).load().unwrap_err();
    assert!(matches!(error, Error::TrialOutOfRange { got: 99999, .. }), "{error:?}");
}
