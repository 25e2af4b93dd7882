//! A voxel and its responses.

use fixtures::bucket::beta;
use laion_fmri::{MaskSource, Resolution, SessionId, Voxels, layout};
use serde_json::json;

use crate::client::Served;

/// A voxel of FFA1, and its column on the axis of the brain.
fn voxel(served: &Served) -> ([usize; 3], usize) {
    let subject = served.dataset.subject("sub-03").unwrap();
    let brain = subject.brain_mask(MaskSource::Anatomical, Resolution::Func1pt8).unwrap();
    let index = subject.roi_mask("FFA1", MaskSource::Anatomical).unwrap().indices()[0];
    (brain.grid().voxel(index).unwrap(), brain.indices().binary_search(&index).unwrap())
}

#[test]
fn a_voxel_is_described() {
    let served = Served::new();
    let subject = served.dataset.subject("sub-03").unwrap();
    let ([i, j, k], column) = voxel(&served);
    let got = served.json(&format!("/api/subjects/sub-03/voxel?i={i}&j={j}&k={k}"));
    let mm = subject.voxel_coordinates(&Voxels::all()).unwrap();
    assert_eq!(got["mm"], json!(mm.row(column).to_vec()));
    assert_eq!((&got["ijk"], &got["in_brain"]), (&json!([i, j, k]), &json!(true)));
    assert!(got["rois"].as_array().unwrap().contains(&json!("FFA1")), "{got}");
    let fit = subject.mean_r2(&Voxels::all()).unwrap()[column];
    assert_eq!(got["maps"]["R2mean"], json!(fit));
    assert!(got["maps"]["Noiseceiling12rep"].is_number() && got["maps"]["ses-01"].is_null());
    assert_eq!((&got["responses"], &got["command"]), (&json!("absent"), &json!("build sub-03")));
    assert!(got["sentence"].as_str().unwrap().contains("store"));
    let outside = served.json("/api/subjects/sub-03/voxel?i=0&j=0&k=0");
    assert_eq!((&outside["in_brain"], &outside["rois"]), (&json!(false), &json!([])));
    let (error, _) = served.refused("/api/subjects/sub-03/voxel?i=999&j=0&k=0", 400);
    assert!(error.contains("999"), "{error}");
    for wrong in ["i=1&j=2", "i=-1&j=0&k=0", "i=x&j=0&k=0", "i=1&j=2&k=18446744073709551616"] {
        served.refused(&format!("/api/subjects/sub-03/voxel?{wrong}"), 400);
    }
}

#[test]
fn responses_are_the_betas_of_all_trials_from_the_store() {
    let served = Served::new();
    let (voxel, _) = voxel(&served);
    let [i, j, k] = voxel;
    let target = format!("/api/subjects/sub-03/voxel/responses?i={i}&j={j}&k={k}");
    let (error, hint) = served.refused(&target, 404);
    assert!(error.contains("store") && hint.as_deref() == Some("build sub-03"), "{error}");
    served.build_store("sub-03");
    let about = served.json(&format!("/api/subjects/sub-03/voxel?i={i}&j={j}&k={k}"));
    assert_eq!((&about["responses"], &about["sentence"]), (&json!("store"), &json!(null)));

    let subject = served.dataset.subject("sub-03").unwrap();
    let stored = subject.sessions_with_betas().unwrap();
    let check = |without: Option<&str>| {
        let reply = served.get(&target);
        assert_eq!(reply.status, 200, "{}", reply.text());
        let sessions: Vec<&str> = stored.iter().map(SessionId::as_str).collect();
        let named: Vec<&str> = sessions.iter().copied().filter(|it| Some(*it) != without).collect();
        assert_eq!(reply.header("x-sessions"), named.join(","));
        let values: Vec<f32> = reply
            .body
            .chunks_exact(4)
            .map(|four| f32::from_le_bytes(four.try_into().unwrap()))
            .collect();
        let trials = subject.subject_trials().unwrap();
        assert_eq!(values.len(), trials.len());
        for (got, trial) in values.iter().zip(&trials) {
            let session = trial.session.as_str();
            if named.contains(&session) {
                let expected = beta("sub-03", session, trial.session_trial.0, voxel);
                assert!(*got == expected || got.is_nan() && expected.is_nan(), "{trial:?}: {got}");
            } else {
                assert!(got.is_nan(), "{trial:?}: {got}");
            }
        }
    };
    check(None);
    // A session whose file is another one is not in step any more.
    let betas = served.bucket.path(&layout::betas(subject.id(), &stored[0]));
    let mut bytes = std::fs::read(&betas).unwrap();
    bytes.extend_from_slice(b"\0");
    std::fs::write(&betas, bytes).unwrap();
    check(Some(stored[0].as_str()));
    let (error, _) = served.refused("/api/subjects/sub-03/voxel/responses?i=0&j=0&k=0", 404);
    assert!(error.contains("brain mask"), "{error}");
}

#[test]
fn a_damaged_store_is_said_and_the_server_goes_on() {
    let served = Served::new();
    let ([i, j, k], _) = voxel(&served);
    served.build_store("sub-03");
    let target = format!("/api/subjects/sub-03/voxel/responses?i={i}&j={j}&k={k}");
    let whole = served.bytes(&target);
    let store = served.bucket.root().join("stores/sub-03_desc-anatomical.zarr");
    let path = store.join("ses-01/betas/c.0.0");
    let bytes = std::fs::read(&path).unwrap();
    // All chunks but the last, whose places are listed at the end of the file.
    let mut damaged = bytes.clone();
    damaged[..bytes.len() * 3 / 4].iter_mut().for_each(|byte| *byte ^= 0x11);
    std::fs::write(&path, damaged).unwrap();
    let (error, hint) = served.refused(&target, 500);
    assert!(error.contains("sub-03") && error.contains("ses-01"), "{error}");
    assert_eq!(hint.as_deref(), Some("mend Integrity"));
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(served.bytes(&target), whole);
}
