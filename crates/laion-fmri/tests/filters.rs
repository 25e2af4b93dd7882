//! Filters of betas and their combinations, noise ceilings, and what several sessions become.

use crate::{download, fetch};
use fixtures::Bucket;
use fixtures::bucket;
use laion_fmri::FilterField;
use laion_fmri::{
    Contradiction, Error, ErrorKind, MaskSource, NoiseCeiling, Resolution, SessionTrial,
    StimulusSet, VoxelMask, Voxels,
};

use crate::{assert_same, opened};

const ID: &str = "sub-01";

/// The voxels of the anatomical brain whose noise ceiling passes.
fn reaching(ceiling: impl Fn([usize; 3]) -> f32, percent: f32) -> Vec<[usize; 3]> {
    let passes = |voxel: &[usize; 3]| ceiling(*voxel) >= percent;
    bucket::anatomical_voxels(ID).into_iter().filter(passes).collect()
}

fn expected(session: &str, trials: &[usize], voxels: &[[usize; 3]]) -> Vec<f32> {
    let row =
        |trial: usize| voxels.iter().map(move |voxel| bucket::beta(ID, session, trial, *voxel));
    trials.iter().flat_map(|trial| row(*trial)).collect()
}

fn every_trial(session: &str) -> Vec<usize> {
    (0..bucket::labels(ID, session).len()).collect()
}

#[test]
fn a_threshold_keeps_voxels_that_reach_it() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, ID);
    let ceiling = |voxel| bucket::noise_ceiling(ID, "ses-01", voxel);
    // One voxel is exactly at the threshold, one is NaN.
    let voxel = [10, 7, 2];
    let exact = ceiling(voxel);
    assert!(exact > 30.0);
    for percent in [0.0, 10.0, 30.0, exact, f32::from_bits(exact.to_bits() + 1)] {
        let voxels = reaching(ceiling, percent);
        assert_eq!(voxels.contains(&voxel), percent <= exact);
        assert!(!voxels.contains(&bucket::BETA_SOMETIMES_NAN));
        let betas = subject.betas().session("ses-01").nc_threshold(percent).load().unwrap();
        let expected = expected("ses-01", &every_trial("ses-01"), &voxels);
        assert_same(betas.as_slice().unwrap(), &expected, &format!("{percent}"));
    }
    let error = subject.betas().session("ses-01").nc_threshold(f32::NAN).load().unwrap_err();
    assert!(matches!(error, Error::InvalidValue { .. }), "{error:?}");
}

#[test]
fn one_map_gives_all_sessions_the_same_voxels() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, ID);
    let map = NoiseCeiling::desc("Noiseceiling12rep").unwrap();
    let voxels =
        reaching(|voxel| bucket::subject_noise_ceiling(ID, "Noiseceiling12rep", voxel), 60.0);
    let request = subject.betas().nc_threshold_on(map, 60.0);
    let all = request.sessions(["ses-02", "ses-01"]).concat().unwrap();
    let mut rows = expected("ses-02", &every_trial("ses-02"), &voxels);
    rows.extend(expected("ses-01", &every_trial("ses-01"), &voxels));
    assert_same(all.betas.as_slice().unwrap(), &rows, "concatenated");
    let second = bucket::labels(ID, "ses-02").len();
    assert_eq!(all.sessions[second - 1].as_str(), "ses-02");
    assert_eq!(all.sessions[second].as_str(), "ses-01");
    assert_eq!(all.trials[second], SessionTrial(0));
    assert_eq!(all.voxels.n_voxels(), voxels.len());

    // Each session's own map: never joined, but answered apart.
    let request = subject.betas().sessions(["ses-01", "ses-02"]).nc_threshold(66.0);
    let error = request.concat().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(matches!(&error, Error::VoxelAxis { first, session, expected, got }
        if first.as_str() == "ses-01" && session.as_str() == "ses-02" && expected != got));
    let apart = request.load_sessions().unwrap();
    assert_ne!(apart["ses-01"].ncols(), apart["ses-02"].ncols());
}

#[test]
fn stimuli_and_trials_choose_rows() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, ID);
    let labels = bucket::labels(ID, "ses-01");
    let ffa1 = bucket::Roi::of(ID, "FFA1").unwrap();
    let voxels: Vec<_> =
        bucket::anatomical_voxels(ID).into_iter().filter(|voxel| ffa1.contains(*voxel)).collect();
    for (set, prefix) in [(StimulusSet::Shared, true), (StimulusSet::Unique, false)] {
        let wanted = |trial: &usize| labels[*trial].starts_with("shared_") == prefix;
        let trials: Vec<usize> = every_trial("ses-01").into_iter().filter(wanted).collect();
        let loaded =
            subject.betas().session("ses-01").roi("FFA1").stimuli(set).load_with_rows().unwrap();
        assert_same(
            loaded.betas.as_slice().unwrap(),
            &expected("ses-01", &trials, &voxels),
            &format!("{set}"),
        );
        assert_eq!(loaded.trials, trials.iter().copied().map(SessionTrial).collect::<Vec<_>>());

        // In the order asked, and as often as named.
        let asked = || (5..20).rev().chain([7]);
        let some: Vec<usize> = asked().filter(|trial| trials.contains(trial)).collect();
        let request = subject.betas().session("ses-01").roi("FFA1").stimuli(set);
        let loaded = request.trials(asked()).load_with_rows().unwrap();
        assert_same(loaded.betas.as_slice().unwrap(), &expected("ses-01", &some, &voxels), "some");
        assert_eq!(loaded.trials, some.iter().copied().map(SessionTrial).collect::<Vec<_>>());
    }
    let error = subject.betas().session("ses-01").trials([3, 480]).load().unwrap_err();
    assert!(
        matches!(&error, Error::TrialOutOfRange { session, trials, got: 480 }
        if session.as_str() == "ses-01" && *trials == labels.len()),
        "{error:?}"
    );
    let none = subject.betas().session("ses-01").roi("FFA1").trials([]).load().unwrap();
    assert_eq!(none.dim(), (0, voxels.len()));
}

#[test]
fn rows_stream_to_the_same_numbers() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, ID);
    let request = subject
        .betas()
        .session("ses-02")
        .roi("face")
        .nc_threshold(5.0)
        .stimuli(StimulusSet::Shared);
    let array = request.load_with_rows().unwrap();
    let rows: Vec<(SessionTrial, Vec<f32>)> =
        request.volumes().unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows.len(), array.betas.nrows());
    for ((trial, row), (expected_trial, expected)) in
        rows.iter().zip(array.trials.iter().zip(array.betas.rows()))
    {
        assert_eq!(trial, expected_trial);
        assert_same(row, expected.as_slice().unwrap(), "row");
    }
    // Whoever has enough stops in the middle.
    let mut some = request.volumes().unwrap();
    assert_eq!(some.next().unwrap().unwrap().0, array.trials[0]);
    drop(some);
    let mut rows = request.volumes().unwrap();
    assert_eq!((rows.n_trials(), rows.n_voxels()), array.betas.dim());
    let error = rows.next_row(&mut [0.0]).unwrap_err();
    assert!(
        matches!(error, Error::ValuesLength { got: 1, expected } if expected == rows.n_voxels())
    );
}

#[test]
fn a_custom_mask_stays_on_its_axis() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, ID);
    let brain = subject.brain_mask(MaskSource::Rsquare, Resolution::Func1pt8).unwrap();
    let flags: Vec<bool> = (0..brain.n_voxels()).map(|column| column % 5 == 2).collect();
    let voxels: Vec<_> = bucket::rsquare_voxels(ID).into_iter().skip(2).step_by(5).collect();
    let mask = VoxelMask::new(brain, flags.clone()).unwrap();
    let betas = subject.betas().session("ses-01").mask(mask.clone()).load().unwrap();
    let all = every_trial("ses-01");
    assert_same(betas.as_slice().unwrap(), &expected("ses-01", &all, &voxels), "mask");

    let error = subject
        .betas()
        .session("ses-01")
        .mask(mask.clone())
        .mask_source(MaskSource::Anatomical)
        .load()
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::MaskAxis { expected: MaskSource::Anatomical, got: MaskSource::Rsquare, .. }
        ),
        "{error:?}"
    );
    let error =
        subject.betas().session("ses-01").mask(mask.clone()).roi("FFA1").load().unwrap_err();
    assert!(matches!(&error, Error::Contradiction(Contradiction::RoiAndMask)));
    let ffa1 = subject.roi_mask("FFA1", MaskSource::Anatomical).unwrap();
    assert!(matches!(mask.and(&ffa1), Err(Error::MaskAxis { .. })));
    let brain = subject.brain_mask(MaskSource::Anatomical, Resolution::Func1pt8).unwrap();
    let error = VoxelMask::new(brain, flags.clone()).unwrap_err();
    assert!(matches!(error, Error::MaskLength { source_of_axis: MaskSource::Anatomical, got, .. }
        if got == flags.len()));
    // Another subject's mask does not fit either.
    let other = opened(&bucket, "sub-03");
    assert!(matches!(
        other.betas().session("ses-01").mask(mask).load(),
        Err(Error::MaskAxis { .. })
    ));
}

#[test]
fn noise_ceilings_are_those_of_the_formula() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, ID);
    let session = NoiseCeiling::session("02").unwrap();
    let expected = |voxels: &[[usize; 3]]| -> Vec<f32> {
        voxels.iter().map(|voxel| bucket::noise_ceiling(ID, "ses-02", *voxel)).collect()
    };
    let got = subject.noise_ceiling(&session, &Voxels::all()).unwrap();
    assert_same(got.as_slice().unwrap(), &expected(&bucket::anatomical_voxels(ID)), "anatomical");
    let rsquare = Voxels::all().mask_source(MaskSource::Rsquare);
    let got = subject.noise_ceiling(&session, &rsquare).unwrap();
    assert_same(got.as_slice().unwrap(), &expected(&bucket::rsquare_voxels(ID)), "rsquare");
    let which: Vec<NoiseCeiling> =
        bucket::NOISE_CEILINGS.iter().map(|desc| NoiseCeiling::desc(desc).unwrap()).collect();
    let maps = subject.noise_ceilings(&which, &Voxels::roi("FFA1")).unwrap();
    assert_eq!(maps.len(), which.len());
    for (which, map) in &maps {
        let mask = subject.roi_mask("FFA1", MaskSource::Anatomical).unwrap();
        let voxels = bucket::anatomical_voxels(ID).into_iter().zip(mask.as_slice());
        let expected: Vec<f32> = voxels
            .filter(|(_, chosen)| **chosen)
            .map(|(voxel, _)| bucket::subject_noise_ceiling(ID, &which.to_string(), voxel))
            .collect();
        assert_same(map.as_slice().unwrap(), &expected, &which.to_string());
    }
    let missing = NoiseCeiling::desc("Noiseceiling33ses").unwrap();
    let error = subject.noise_ceiling(&missing, &Voxels::all()).unwrap_err();
    let expected = [
        (FilterField::Ses, ["averages"].as_slice()),
        (FilterField::Desc, &["Noiseceiling33ses"]),
        (FilterField::Suffix, &["statmap"]),
        (FilterField::Extension, &["nii.gz"]),
    ];
    assert_eq!(fetch(&error), download(ID, &expected));
    assert!(matches!(NoiseCeiling::desc("../x"), Err(Error::InvalidValue { .. })));
}

#[test]
fn roi_algebra_is_that_of_sets() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, ID);
    let mask = |query: &str| subject.roi_mask(query, MaskSource::Anatomical).unwrap();
    let (a, b, c) = (mask("laionventral"), mask("retinotopy"), mask("face"));
    assert_eq!(mask("laionventral - retinotopy"), a.minus(&b).unwrap());
    assert_eq!(mask("laion-ventral | face"), a.or(&c).unwrap());
    assert_eq!(mask("face & laionventral"), a.and(&c).unwrap());
    assert_eq!(mask("laionventral - (retinotopy | face)"), a.minus(&b.or(&c).unwrap()).unwrap());
    assert!(a.minus(&b).unwrap().n_voxels() < a.n_voxels());
    let masks = subject.roi_masks(["FFA-1", "face", "face - FFA1"], MaskSource::Rsquare).unwrap();
    assert_eq!(masks.keys().collect::<Vec<_>>(), ["FFA-1", "face", "face - FFA1"]);
    assert_eq!(masks["FFA-1"].or(&masks["face - FFA1"]).unwrap(), masks["face"]);
    let error = subject.roi_mask("face - ", MaskSource::Anatomical).unwrap_err();
    assert!(matches!(error, Error::RoiSyntax { column: 8, .. }), "{error:?}");
    let error = subject.roi_mask("face - nose", MaskSource::Anatomical).unwrap_err();
    assert!(matches!(error, Error::UnknownRoi { got, .. } if got == "nose"));
}
