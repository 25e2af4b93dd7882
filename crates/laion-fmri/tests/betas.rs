//! Single-trial betas: every value of every session, in every storage format of the bucket.

use crate::{download, fetch};
use laion_fmri::FilterField;
use std::sync::Mutex;

use fixtures::Bucket;
use fixtures::bucket;
use laion_fmri::{Error, ErrorKind, MaskSource, ReadObserver, SessionId};

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
                let betas = subject.betas(session).mask_source(source).load().unwrap();
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
        let betas = subject.betas("01").roi(query).load().unwrap();
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
    let request = subject.betas("ses-01").roi("FFA1");
    let loaded = request.load_sessions(&["ses-02", "01"]).unwrap();
    let sessions: Vec<&str> = loaded.keys().map(SessionId::as_str).collect();
    assert_eq!(sessions, ["ses-02", "ses-01"]);
    let alone = request.load().unwrap();
    assert_same(loaded["ses-01"].as_slice().unwrap(), alone.as_slice().unwrap(), "ses-01");
    let none: [&str; 0] = [];
    assert!(matches!(request.load_sessions(&none), Err(Error::NothingNamed { .. })));
}

#[test]
fn a_missing_session_names_the_download() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let error = subject.betas("ses-30").load().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotThere);
    let expected = [
        (FilterField::Ses, ["ses-30"].as_slice()),
        (FilterField::Desc, &["SingletrialBetas"]),
        (FilterField::Stat, &["effect"]),
        (FilterField::Suffix, &["statmap"]),
        (FilterField::Extension, &["nii.gz"]),
    ];
    assert_eq!(fetch(&error), download("sub-01", &expected));
    for bad in ["", "ses-", "../01", "ses-01/func"] {
        let error = subject.betas(bad).load().unwrap_err();
        assert!(matches!(&error, Error::InvalidSession { got } if got == bad), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Usage);
    }
}

/// Notes each call, and stops the read after a number of volumes.
struct StopAfter(usize, Mutex<Vec<(String, usize, usize)>>);

impl ReadObserver for StopAfter {
    fn volume(&self, session: &SessionId, done: usize, total: usize) -> bool {
        self.1.lock().unwrap().push((session.to_string(), done, total));
        done < self.0
    }
}

#[test]
fn an_observer_hears_every_volume_and_can_stop() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let trials = bucket::labels("sub-01", "ses-01").len();
    let observer = StopAfter(usize::MAX, Mutex::default());
    subject.betas("ses-01").roi("FFA1").observer(&observer).load().unwrap();
    let calls = observer.1.into_inner().unwrap();
    let expected: Vec<_> = (1..=trials).map(|done| ("ses-01".to_owned(), done, trials)).collect();
    assert_eq!(calls, expected);

    let observer = StopAfter(5, Mutex::default());
    let error = subject.betas("ses-01").roi("FFA1").observer(&observer).load().unwrap_err();
    assert!(matches!(error, Error::Cancelled));
    assert_eq!(observer.1.into_inner().unwrap().len(), 5);
}
