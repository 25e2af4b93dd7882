//! Stopping: every call that takes long ends within half a second, also while a server is silent.

use std::thread;
use std::time::{Duration, Instant};

use fixtures::{Bucket, Fault, Proxy};
use laion_fmri::extract::{Conventions, ExtractRequest};
use laion_fmri::noise_ceiling::NoiseCeilingOptions;
use laion_fmri::{
    Cancel, Dataset, Discovery, DownloadRequest, Error, Event, Location, Result, Voxels,
};

use crate::Served;

/// Does work that would wait for long, sets the flag meanwhile, and says how long it took to end.
fn stopped<T: Send>(cancel: &Cancel, work: impl FnOnce() -> Result<T> + Send) -> Duration {
    thread::scope(|scope| {
        let working = scope.spawn(|| {
            let result = work().map(drop);
            (result, Instant::now())
        });
        thread::sleep(Duration::from_millis(300));
        assert!(!working.is_finished(), "it did not wait");
        let set = Instant::now();
        cancel.cancel();
        let (result, ended) = working.join().unwrap();
        assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
        ended.duration_since(set)
    })
}

const PROMPTLY: Duration = Duration::from_millis(500);

#[test]
fn betas_of_a_silent_bucket_are_given_up() {
    let fixture = Served::new();
    let proxy = Proxy::start(fixture.server.address(), |request| {
        let is_betas = request.target.contains("SingletrialBetas_statmap.nii.gz");
        if is_betas { Fault::Stall(20_000) } else { Fault::Pass }
    })
    .unwrap();
    let location: Location = proxy.url("laion-fmri").parse().unwrap();
    let subject = Dataset::from_bucket(&location).unwrap().subject("sub-03").unwrap();
    let request = subject.betas().session("ses-01").roi("FFA1");

    let cancel = Cancel::new();
    let took = stopped(&cancel, || request.clone().cancel(&cancel).load());
    assert!(took < PROMPTLY, "{took:?}");

    let cancel = Cancel::new();
    let took = stopped(&cancel, || {
        let rows = request.clone().cancel(&cancel).volumes()?;
        rows.collect::<Result<Vec<_>>>()
    });
    assert!(took < PROMPTLY, "{took:?}");

    let cancel = Cancel::new();
    let options = NoiseCeilingOptions::default().voxels(Voxels::roi("FFA1"));
    let took =
        stopped(&cancel, || subject.compute_noise_ceiling(&["ses-01"], &options, &(), &cancel));
    assert!(took < PROMPTLY, "{took:?}");
}

#[test]
fn small_files_of_a_silent_bucket_are_given_up() {
    let fixture = Served::new();
    let proxy = Proxy::start(fixture.server.address(), |request| {
        if request.target.contains("_mask.nii.gz") { Fault::Stall(100) } else { Fault::Pass }
    })
    .unwrap();
    let location: Location = proxy.url("laion-fmri").parse().unwrap();
    let cancel = Cancel::new();
    let dataset = Dataset::from_bucket(&location).unwrap().with_cancel(&cancel);
    let subject = dataset.subject("sub-03").unwrap();
    let took = stopped(&cancel, || subject.betas().session("ses-01").roi("FFA1").load());
    assert!(took < PROMPTLY, "{took:?}");
    assert!(matches!(dataset.subject("sub-03"), Err(Error::Cancelled)));
}

#[test]
fn listings_of_a_silent_bucket_are_given_up() {
    let fixture = Served::new();
    let proxy = Proxy::start(fixture.server.address(), |_| Fault::Stall(10)).unwrap();
    let location: Location = proxy.url("laion-fmri").parse().unwrap();
    let mirror = Dataset::open(fixture.mirror.path()).unwrap().with_location(location.clone());
    let request = DownloadRequest::subject("sub-03").unwrap();

    let cancel = Cancel::new();
    let dataset = mirror.clone().with_cancel(&cancel);
    let took = stopped(&cancel, || dataset.plan_download(&request));
    assert!(took < PROMPTLY, "{took:?}");

    let cancel = Cancel::new();
    let license = mirror.accept_license().unwrap();
    let took = stopped(&cancel, || mirror.download(&request, &license, &(), &cancel).map(|_| ()));
    assert!(took < PROMPTLY, "{took:?}");

    let cancel = Cancel::new();
    let discovery = Discovery::open(&location).unwrap().with_cancel(&cancel);
    let took = stopped(&cancel, || discovery.subjects());
    assert!(took < PROMPTLY, "{took:?}");
}

#[test]
fn an_extraction_stops_and_goes_on() {
    let bucket = Bucket::temporary().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let request = ExtractRequest::new(folder.path().join("ffa1.npz"))
        .subjects(["sub-01"])
        .conventions(Conventions::default().roi("FFA1"));
    let plan = dataset.extract_plan(&request).unwrap();

    let cancel = Cancel::new();
    let at_volume = |event: Event<'_>| {
        if matches!(event, Event::Volume { session, done: 5, .. } if session.as_str() == "ses-02") {
            cancel.cancel();
        }
    };
    let error = plan.run(&dataset, 0..plan.len(), &at_volume, &cancel).unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error:?}");
    let run = plan.run(&dataset, 0..plan.len(), &(), &Cancel::new()).unwrap();
    assert_eq!(run.kept, 1);

    let cancel = Cancel::new();
    let rows = std::sync::Mutex::new(Vec::new());
    let at_row = |event: Event<'_>| {
        let Event::Row { done, total } = event else { panic!("{event:?}") };
        rows.lock().unwrap().push((done, total));
        if done == 3 {
            cancel.cancel();
        }
    };
    let error = plan.merge(&at_row, &cancel).unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error:?}");
    assert!(!request.output.exists());
    let recipe = plan.merge(&(), &Cancel::new()).unwrap();
    let total = recipe.result.rows;
    assert_eq!(rows.into_inner().unwrap(), [(1, total), (2, total), (3, total)]);
    assert!(request.output.is_file());
}

#[test]
fn a_trial_dataset_and_shared_betas_stop() {
    let bucket = Bucket::temporary().unwrap();
    fixtures::bucket::write_gated(bucket.root()).unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let cancel = Cancel::new();
    cancel.cancel();
    let subject = dataset.subject("sub-01").unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let request = subject.trial_dataset().session("ses-01").roi("FFA1").cancel(&cancel);
    assert!(matches!(request.open(scratch.path()), Err(Error::Cancelled)));
    let group = dataset.group(&["sub-01", "sub-03"]).unwrap();
    let shared = group.shared_betas(&["ses-01"], |betas| betas.roi("FFA1").cancel(&cancel));
    assert!(matches!(shared, Err(Error::Cancelled)));
}
