//! Single-trial betas: every value of every session, in every storage format of the bucket.

use crate::{download, fetch};
use laion_fmri::FilterField;
use std::sync::Mutex;

use fixtures::Bucket;
use fixtures::bucket;
use laion_fmri::extract::ExtractError;
use laion_fmri::{
    Cancel, Contradiction, Dataset, Error, ErrorKind, Event, MaskSource, SessionId, Voxels,
};

use crate::{assert_same, opened};

fn expected(id: &str, session: &str, voxels: &[[usize; 3]]) -> Vec<f32> {
    let trials = 0..bucket::labels(id, session).len();
    trials
        .flat_map(|trial| voxels.iter().map(move |voxel| bucket::beta(id, session, trial, *voxel)))
        .collect()
}

#[test]
fn every_session_equals_the_formula_bit_for_bit() {
    let bucket = Bucket::temporary().unwrap();
    for id in ["sub-01", "sub-03"] {
        let subject = opened(&bucket, id);
        for session in bucket::public_sessions(id) {
            for (source, voxels) in [
                (MaskSource::Anatomical, bucket::anatomical_voxels(id)),
                (MaskSource::Rsquare, bucket::rsquare_voxels(id)),
            ] {
                let betas = subject.betas().session(session).mask_source(source).load().unwrap();
                assert_eq!(betas.dim(), (bucket::labels(id, session).len(), voxels.len()));
                let what = format!("{id} {session} {source}");
                assert_same(betas.as_slice().unwrap(), &expected(id, session, &voxels), &what);
            }
        }
    }
}

#[test]
fn a_roi_is_a_selection_of_columns() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-03");
    for query in [&["FFA1"][..], &["face", "V1v"], &["all"], &[]] {
        let mask = subject.roi_mask(query, MaskSource::Anatomical).unwrap();
        let voxels: Vec<[usize; 3]> = bucket::anatomical_voxels("sub-03")
            .into_iter()
            .zip(mask.as_slice())
            .filter_map(|(voxel, selected)| selected.then_some(voxel))
            .collect();
        let betas = subject.betas().session("01").roi(query).load().unwrap();
        assert_same(
            betas.as_slice().unwrap(),
            &expected("sub-03", "ses-01", &voxels),
            &format!("{query:?}"),
        );
    }
}

#[test]
fn several_sessions_stay_apart_in_the_order_asked() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let request = subject.betas().roi("FFA1");
    let loaded = request.clone().sessions(["ses-02", "01"]).load_sessions().unwrap();
    let sessions: Vec<&str> = loaded.keys().map(SessionId::as_str).collect();
    assert_eq!(sessions, ["ses-02", "ses-01"]);
    let alone = request.clone().session("ses-01").load().unwrap();
    assert_same(loaded["ses-01"].as_slice().unwrap(), alone.as_slice().unwrap(), "ses-01");
    // Without names all that have betas, and each once however often it is named.
    let ids = subject.sessions().unwrap();
    assert!(request.load_sessions().unwrap().keys().eq(&ids));
    let joined = request.concat().unwrap();
    let named = request.clone().sessions(&ids).concat().unwrap();
    assert_eq!(joined.betas.dim(), named.betas.dim());
    assert_same(joined.betas.as_slice().unwrap(), named.betas.as_slice().unwrap(), "joined");
    let mut taken = Vec::new();
    let twice = request.clone().sessions(["ses-01", "ses-02", "01"]);
    twice
        .for_each_session(|session, _| {
            taken.push(session.to_string());
            Ok::<(), Error>(())
        })
        .unwrap();
    assert_eq!(taken, ["ses-01", "ses-02"]);
    assert_eq!(twice.load_sessions().unwrap().len(), 2);
}

#[test]
fn one_array_needs_one_session() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let request = subject.betas().roi("FFA1");
    for error in [request.load().map(drop), request.volumes().map(drop)] {
        assert!(matches!(error, Err(Error::NothingNamed { what }) if what == "session"));
    }
    let both = request.clone().sessions(["ses-01", "ses-02"]);
    for error in [both.load().map(drop), both.volumes().map(drop)] {
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(matches!(error, Error::Contradiction(Contradiction::OneSession { got: 2 })));
    }
    // The last choice counts.
    let one = both.session(&subject.sessions().unwrap()[0]).load_with_rows().unwrap();
    let alone = request.session("01").load().unwrap();
    assert_same(one.betas.as_slice().unwrap(), alone.as_slice().unwrap(), "one");
}

#[test]
fn rows_of_a_session_that_is_named_twice_are_not_joined() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let scratch = tempfile::tempdir().unwrap();
    bucket::write_gated(bucket.root()).unwrap();
    let sessions = ["ses-01", "ses-02", "01"];
    let group = Dataset::open(bucket.root()).unwrap().group(&["sub-01"]).unwrap();
    for result in [
        subject.betas().roi("FFA1").sessions(sessions).concat().map(drop),
        group.shared_betas(&sessions, |betas| betas.roi("FFA1")).map(drop),
        subject.trial_dataset().sessions(sessions).roi("FFA1").open(scratch.path()).map(drop),
    ] {
        assert!(matches!(result, Err(Error::NamedTwice { got }) if got == "ses-01"));
    }
    let none: [&str; 0] = [];
    let result = group.shared_betas(&none, |betas| betas.roi("FFA1"));
    assert!(matches!(result, Err(Error::NothingNamed { .. })));
}

#[test]
fn a_missing_session_names_the_download() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let error = subject.betas().session("ses-30").load().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotThere);
    // The trial table comes along.
    let expected =
        [(FilterField::Ses, ["ses-30"].as_slice()), (FilterField::Desc, &["SingletrialBetas"])];
    assert_eq!(fetch(&error), download("sub-01", &expected));
    for bad in ["", "ses-", "../01", "ses-01/func"] {
        let error = subject.betas().session(bad).load().unwrap_err();
        assert!(matches!(&error, Error::InvalidSession { got } if got == bad), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Usage);
    }
}

#[test]
fn an_observer_hears_every_volume_and_can_stop() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let trials = bucket::labels("sub-01", "ses-01").len();
    let calls = Mutex::new(Vec::<(String, usize, usize)>::new());
    let (stop_at, cancel) = (Mutex::new(usize::MAX), Cancel::new());
    let observer = |event: Event<'_>| {
        let (subject, session, done, total) = match event {
            Event::Reading { store: None, .. } => return,
            Event::Volume { subject, session, done, total } => (subject, session, done, total),
            other => panic!("{other:?}"),
        };
        assert_eq!(subject.as_str(), "sub-01");
        calls.lock().unwrap().push((session.to_string(), done, total));
        if done == *stop_at.lock().unwrap() {
            cancel.cancel();
        }
    };
    let request = subject.betas().session("ses-01").roi("FFA1").observer(&observer).cancel(&cancel);
    request.load().unwrap();
    let calls = || std::mem::take(&mut *calls.lock().unwrap());
    let expected: Vec<_> = (1..=trials).map(|done| ("ses-01".to_owned(), done, trials)).collect();
    assert_eq!(calls(), expected);

    *stop_at.lock().unwrap() = 5;
    assert!(matches!(request.load().unwrap_err(), Error::Cancelled));
    assert_eq!(calls().len(), 5);
}

#[test]
fn a_selection_of_nothing_is_an_empty_array_or_refused_on_demand() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let trials = bucket::labels("sub-01", "ses-01").len();
    let n_voxels = subject.n_voxels(MaskSource::Anatomical).unwrap();
    let request = || subject.betas().session("ses-01");
    for (request, shape, what) in [
        (request().nc_threshold(101.0), (trials, 0), "voxel"),
        (request().roi("face - face"), (trials, 0), "voxel"),
        (request().trials([]), (0, n_voxels), "trial"),
    ] {
        assert_eq!(request.load().unwrap().dim(), shape);
        let voxels = if what == "trial" { Voxels::all() } else { Voxels::roi("face - face") };
        let error = request.voxels(voxels.non_empty()).load().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotThere);
        let Error::Extract(error) = error else { panic!("{error:?}") };
        assert!(matches!(*error, ExtractError::NothingLeft { what: got, .. } if got == what));
    }
    let none = Voxels::roi("face - face");
    assert_eq!(subject.voxel_coordinates(&none).unwrap().dim(), (0, 3));
    assert!(subject.voxel_coordinates(&none.non_empty()).is_err());
}
