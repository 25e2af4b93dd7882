//! Volumes: anatomies, maps, trials, means and ROIs, voxel by voxel.

use fixtures::bucket::{beta, in_anatomical_mask, r2_mean, subject_noise_ceiling};
use laion_fmri::nifti_stream::{Volume, read_volume};
use laion_fmri::{MaskSource, Resolution, ZscoreOptions, layout, zscore};

use crate::client::Served;

/// Compares a volume with a value for each voxel: NaN where there is none.
fn check(volume: &Volume, what: &str, expected: impl Fn([usize; 3]) -> f32) {
    for (index, got) in volume.data().iter().enumerate() {
        let voxel = volume.grid().voxel(index).unwrap();
        let expected = expected(voxel);
        let same = *got == expected || got.is_nan() && expected.is_nan();
        assert!(same, "{what} {voxel:?}: {got}, expected {expected}");
    }
}

fn volume(served: &Served, target: &str) -> Volume {
    let bytes = served.bytes(target);
    assert_ne!(&bytes[..2], b"\x1f\x8b", "{target}");
    read_volume(bytes.as_slice()).unwrap()
}

fn in_brain(voxel: [usize; 3], value: f32) -> f32 {
    if in_anatomical_mask("sub-03", voxel) { value } else { f32::NAN }
}

#[test]
fn a_trial_is_its_volume_of_the_file_with_the_header_of_the_brain_mask() {
    let served = Served::new();
    let subject = served.dataset.subject("sub-03").unwrap();
    let brain = subject.brain_mask(MaskSource::Anatomical, Resolution::Func1pt8).unwrap();
    for (session, trial) in [("ses-01", 0), ("ses-01", 5), ("ses-02", 3)] {
        let got = volume(&served, &format!("/api/subjects/sub-03/betas/{session}/{trial}.nii"));
        check(&got, session, |voxel| in_brain(voxel, beta("sub-03", session, trial, voxel)));
        assert!(brain.grid().matches(got.grid()).is_ok());
    }
    // Zero is a value, and is not NaN.
    let outside = [0, 0, 0];
    assert!(!in_anatomical_mask("sub-03", outside));
}

#[test]
fn z_scores_are_those_within_the_session_from_the_file_and_from_a_store() {
    let served = Served::new();
    let subject = served.dataset.subject("sub-03").unwrap();
    let mut expected = subject.betas().session("ses-01").load().unwrap();
    let within = vec![(); expected.nrows()];
    zscore(&mut expected, &within, &ZscoreOptions::default()).unwrap();
    let brain = subject.brain_mask(MaskSource::Anatomical, Resolution::Func1pt8).unwrap();
    let target = "/api/subjects/sub-03/betas/ses-01/4.nii?kind=zscore";
    let compare = |what: &str| {
        let got = volume(&served, target);
        for (index, expected) in brain.indices().iter().zip(expected.row(4)) {
            let got = got.data()[*index];
            let same = (got - expected).abs() < 1e-5 || got.is_nan() && expected.is_nan();
            assert!(same, "{what} {index}: {got}, expected {expected}");
        }
    };
    compare("file");
    served.build_store("sub-03");
    // The files of the subject are the same, so what was read of it is asked for anew by a change.
    let table = layout::trials(subject.id(), &"ses-01".parse().unwrap());
    let path = served.bucket.path(&table);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text).unwrap();
    compare("store");
}

#[test]
fn the_mean_of_an_image_is_that_of_its_trials() {
    let served = Served::new();
    let trials = served.dataset.subject("sub-03").unwrap().subject_trials().unwrap();
    let often = trials.iter().max_by_key(|trial| trial.actual_repetitions).unwrap();
    let shown: Vec<_> =
        trials.iter().filter(|trial| trial.image_name == often.image_name).collect();
    assert!(shown.len() > 2);
    let name = often.image_name.replace(' ', "%20");
    let got = volume(&served, &format!("/api/subjects/sub-03/mean/{name}.nii"));
    check(&got, &often.image_name, |voxel| {
        let betas = shown.iter().map(|trial| {
            f64::from(beta("sub-03", trial.session.as_str(), trial.session_trial.0, voxel))
        });
        in_brain(voxel, (betas.sum::<f64>() / shown.len() as f64) as f32)
    });
    // In standard deviations, each trial is scored within its own session.
    let scored: Vec<_> = shown
        .iter()
        .map(|trial| {
            let (session, trial) = (&trial.session, trial.session_trial.0);
            volume(
                &served,
                &format!("/api/subjects/sub-03/betas/{session}/{trial}.nii?kind=zscore"),
            )
        })
        .collect();
    let got = volume(&served, &format!("/api/subjects/sub-03/mean/{name}.nii?kind=zscore"));
    let mut some = 0;
    for (index, got) in got.data().iter().enumerate() {
        let sum: f64 = scored.iter().map(|volume| f64::from(volume.data()[index])).sum();
        let expected = (sum / scored.len() as f64) as f32;
        assert!((got - expected).abs() < 1e-6 || got.is_nan() && expected.is_nan(), "{index}");
        some += usize::from(got.is_finite() && *got != 0.0);
    }
    assert!(some > 100);
    let (error, _) = served.refused("/api/subjects/sub-03/mean/zebra.jpg.nii", 404);
    assert!(error.contains("zebra.jpg"), "{error}");
}

#[test]
fn maps_are_those_of_the_files() {
    let served = Served::new();
    let got = volume(&served, "/api/subjects/sub-03/maps/R2mean.nii");
    check(&got, "R2mean", |voxel| in_brain(voxel, r2_mean("sub-03", voxel)));
    let got = volume(&served, "/api/subjects/sub-03/maps/Noiseceiling12rep.nii");
    check(&got, "12rep", |voxel| {
        in_brain(voxel, subject_noise_ceiling("sub-03", "Noiseceiling12rep", voxel))
    });
    let got = volume(&served, "/api/subjects/sub-03/maps/ses-01.nii");
    check(&got, "ses-01", |voxel| {
        in_brain(voxel, fixtures::bucket::noise_ceiling("sub-03", "ses-01", voxel))
    });
    served.refused("/api/subjects/sub-03/maps/zebra.nii", 404);
}

#[test]
fn anatomies_are_sent_as_they_are_stored() {
    let served = Served::new();
    let subject = served.dataset.subject("sub-03").unwrap();
    for (id, resolution) in [("T1w", Resolution::Func1pt8), ("T1w-full", Resolution::Full)] {
        let reply = served.get(&format!("/api/subjects/sub-03/anatomy/{id}.nii"));
        assert_eq!((reply.status, reply.header("content-encoding")), (200, "gzip"));
        assert_eq!(reply.body, std::fs::read(subject.t1w(resolution).unwrap()).unwrap());
        assert_eq!(reply.header("content-length"), reply.body.len().to_string());
    }
    let mask = volume(&served, "/api/subjects/sub-03/anatomy/mask.nii");
    check(&mask, "mask", |voxel| f32::from(u8::from(in_anatomical_mask("sub-03", voxel))));
}

#[test]
fn an_roi_is_the_mask_of_its_expression() {
    let served = Served::new();
    let subject = served.dataset.subject("sub-03").unwrap();
    for (asked, query) in [("FFA1", "FFA1"), ("face%20-%20FFA1", "face - FFA1")] {
        let expected = subject.roi_mask(query, MaskSource::Anatomical).unwrap();
        let reply = served.get(&format!("/api/subjects/sub-03/roi.nii?q={asked}"));
        assert_eq!(reply.header("x-voxels"), expected.n_voxels().to_string());
        let got = read_volume(reply.body.as_slice()).unwrap();
        let set: Vec<usize> =
            (0..).zip(got.data()).filter(|(_, it)| **it == 1.0).map(|(i, _)| i).collect();
        assert_eq!(set, expected.indices());
    }
    for asked in ["zebra", "face%20%26%20%28", "", "face%20face"] {
        let (error, hint) = served.refused(&format!("/api/subjects/sub-03/roi.nii?q={asked}"), 400);
        assert!(!error.is_empty() && hint.is_some(), "{asked}: {error}");
    }
    served.refused("/api/subjects/sub-03/roi.nii", 400);
}

#[test]
fn what_does_not_exist_is_said() {
    let served = Served::new();
    let (error, _) = served.refused("/api/subjects/sub-03/betas/ses-01/9999.nii", 404);
    assert!(error.contains("9999") && error.contains("ses-01"), "{error}");
    let (error, hint) = served.refused("/api/subjects/sub-03/betas/ses-77/0.nii", 404);
    assert!(error.contains("ses-77") && hint.is_some(), "{error}");
    for trial in ["-1", "1.5", "x", "99999999999999999999999999"] {
        served.refused(&format!("/api/subjects/sub-03/betas/ses-01/{trial}.nii"), 400);
    }
    served.refused("/api/subjects/sub-03/betas/ses-01/0.nii?kind=zebra", 400);
    served.refused("/api/subjects/sub-03/betas/ses-01/0", 404);
}

#[test]
fn a_damaged_volume_is_named_and_the_server_goes_on() {
    let served = Served::new();
    let subject = served.dataset.subject("sub-03").unwrap();
    let betas = layout::betas(subject.id(), &"ses-01".parse().unwrap());
    let anatomy = subject.t1w(Resolution::Func1pt8).unwrap();
    for (path, target) in [
        (served.bucket.path(&betas), "/api/subjects/sub-03/betas/ses-01/5.nii"),
        (served.bucket.path(&layout::r2mean(subject.id())), "/api/subjects/sub-03/maps/R2mean.nii"),
        (anatomy, "/api/subjects/sub-03/anatomy/T1w.nii"),
    ] {
        let whole = std::fs::read(&path).unwrap();
        let mut damaged = whole.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0x55;
        for bytes in [&whole[..whole.len() / 3], &damaged] {
            std::fs::write(&path, bytes).unwrap();
            let (error, hint) = served.refused(target, 500);
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(error.contains(name), "{target}: {error}");
            assert_eq!(hint.as_deref(), Some("mend Integrity"));
        }
        std::fs::write(&path, whole).unwrap();
        assert_eq!(served.get(target).status, 200, "{target}");
    }
}
