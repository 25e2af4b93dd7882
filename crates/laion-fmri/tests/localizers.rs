//! Localizer maps on surfaces and in volumes.

use crate::{download, fetch};
use fixtures::Bucket;
use fixtures::bucket::{self, BETA_GRID, LOCALIZER_GRID};
use laion_fmri::FilterField;
use laion_fmri::localizer::{
    Localizer, LocalizerMap, LocalizerResolution, LocalizerSpace, LocalizerTask,
};
use laion_fmri::{Contradiction, Error, ErrorKind, Hemisphere};

use crate::{assert_same, opened};

const LEFT: LocalizerSpace = LocalizerSpace::Fsnative(Hemisphere::Left);
const RIGHT: LocalizerSpace = LocalizerSpace::Fsnative(Hemisphere::Right);
const BETA: LocalizerSpace = LocalizerSpace::T1w(LocalizerResolution::Res1pt8);
const LOCALIZER: LocalizerSpace = LocalizerSpace::T1w(LocalizerResolution::Res1pt5);

#[test]
fn values_are_those_of_the_bucket() {
    let bucket = Bucket::temporary().unwrap();
    for id in ["sub-01", "sub-03"] {
        let subject = opened(&bucket, id);
        for (space, side) in [(LEFT, bucket::Hemisphere::Left), (RIGHT, bucket::Hemisphere::Right)]
        {
            let hemi = format!("hemi-{side}_space-fsnative");
            let expected = |name: &str| -> Vec<f32> {
                (0..side.vertices(id)).map(|v| bucket::localizer_vertex(id, name, v)).collect()
            };
            let z = subject.localizer_statmap(LocalizerTask::Object, "objectVsScrambled", space);
            let name = format!("task-oloc_{hemi}_contrast-objectVsScrambled_stat-z_statmap");
            assert_same(z.unwrap().values(), &expected(&name), &name);
            let effect = subject.localizer_effect(LocalizerTask::Object, "scrambled", 2, space);
            let name = format!("task-oloc_run-02_{hemi}_contrast-scrambled_stat-effect_statmap");
            let effect = effect.unwrap();
            assert_same(effect.values(), &expected(&name), &name);
            assert!(effect.values()[5].is_nan(), "NaN is kept");
        }
        for (task, contrast, space, grid, name) in [
            (
                LocalizerTask::Category,
                "faceVsObject",
                BETA,
                BETA_GRID,
                "task-floc_space-T1w_res-1pt8_contrast-faceVsObject_stat-z_statmap",
            ),
            (
                LocalizerTask::Motion,
                "movingVsStatic",
                LOCALIZER,
                LOCALIZER_GRID,
                "task-MotionLoc_space-T1w_res-1pt5_contrast-movingVsStatic_stat-z_statmap",
            ),
        ] {
            let map = subject.localizer_statmap(task, contrast, space).unwrap();
            let expected: Vec<f32> =
                grid.voxels().map(|voxel| bucket::localizer_voxel(id, name, voxel)).collect();
            assert_same(map.values(), &expected, name);
            let LocalizerMap::Volume(volume) = map else { panic!("{map:?}") };
            assert_eq!(volume.grid().shape(), grid.shape);
            assert_eq!(expected.iter().any(|value| value.is_nan()), space == BETA);
        }
    }
}

#[test]
fn sessions_are_accepted_in_both_forms() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let path =
        |localizer: Localizer| subject.localizer_statmap_path(localizer, "objectVsScrambled", LEFT);
    let own = path(LocalizerTask::Object.into()).unwrap();
    for session in ["31", "ses-31"] {
        let localizer = Localizer::new(LocalizerTask::Object).with_session(session).unwrap();
        assert_eq!(path(localizer).unwrap(), own);
    }
    let elsewhere = Localizer::new(LocalizerTask::Object).with_session("32").unwrap();
    let error = path(elsewhere).unwrap_err();
    assert!(
        matches!(&error, Error::DataNotDownloaded { path, .. } if path.to_str().unwrap().contains("/ses-32/func/sub-01_ses-32_task-oloc_hemi-L_")),
        "{error:?}"
    );
}

#[test]
fn what_is_not_there_or_cannot_be_is_named() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let error =
        subject.localizer_statmap(LocalizerTask::Category, "faceVsObject", LEFT).unwrap_err();
    assert!(
        matches!(&error, Error::DataNotDownloaded { what, .. } if what == "the z-map faceVsObject of sub-01 ses-4BarScreenfLoc floc"),
        "{error:?}"
    );
    let filters = [(FilterField::Task, ["floc"].as_slice()), (FilterField::Suffix, &["statmap"])];
    assert_eq!(fetch(&error), download("sub-01", &filters).include_localizers());
    let error = subject.localizer_effect(LocalizerTask::Object, "scrambled", 3, LEFT).unwrap_err();
    assert!(
        matches!(&error, Error::DataNotDownloaded { what, path, .. } if what == "the effect of scrambled in run 3 of sub-01 ses-31 oloc" && path.to_str().unwrap().contains("_run-03_hemi-L_")),
        "{error:?}"
    );
    let error = subject.localizer_effect(LocalizerTask::Motion, "moving", 1, LEFT).unwrap_err();
    assert!(
        matches!(
            &error,
            Error::Contradiction(Contradiction::PooledTask { task: LocalizerTask::Motion })
        ),
        "{error:?}"
    );
    for contrast in ["", "a/b", "../x", "a_b"] {
        let error = subject.localizer_statmap(LocalizerTask::Object, contrast, LEFT).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error:?}");
    }
    let path =
        subject.localizer_statmap_path(LocalizerTask::Object, "objectVsScrambled", LEFT).unwrap();
    std::fs::write(&path, "<GIFTI>").unwrap();
    let error =
        subject.localizer_statmap(LocalizerTask::Object, "objectVsScrambled", LEFT).unwrap_err();
    assert!(matches!(error, Error::Gifti(_)), "{error:?}");
}
