//! Brain masks and ROIs.

use crate::{download, fetch};
use laion_fmri::{Contradiction, DownloadRequest, FilterField, Subjects};
use std::sync::Arc;

use fixtures::Bucket;
use fixtures::bucket::{self, ANATOMICAL_GRID, BETA_GRID, Roi};
use laion_fmri::{Error, ErrorKind, MaskSource, Resolution};

use crate::opened;

fn flat(voxels: &[[usize; 3]]) -> Vec<usize> {
    voxels.iter().map(|voxel| BETA_GRID.flat(*voxel)).collect()
}

#[test]
fn both_sources_select_the_voxels_of_the_formula() {
    let bucket = Bucket::temporary().unwrap();
    for id in ["sub-01", "sub-03"] {
        let subject = opened(&bucket, id);
        let anatomical = subject.brain_mask(MaskSource::Anatomical, Resolution::Func1pt8).unwrap();
        assert_eq!(anatomical.indices(), flat(&bucket::anatomical_voxels(id)), "{id}");
        let rsquare = subject.brain_mask(MaskSource::Rsquare, Resolution::Func1pt8).unwrap();
        assert_eq!(rsquare.indices(), flat(&bucket::rsquare_voxels(id)), "{id}");
        assert_eq!(rsquare.resolution(), Resolution::Func1pt8);
        assert_ne!(anatomical.indices(), rsquare.indices());
        assert_eq!(subject.n_voxels(MaskSource::Rsquare).unwrap(), rsquare.n_voxels());
        assert_eq!(anatomical.grid().shape(), BETA_GRID.shape);
        let flags = anatomical.to_bool();
        assert_eq!(flags.len(), BETA_GRID.len());
        assert_eq!(flags.iter().filter(|flag| **flag).count(), anatomical.n_voxels());
    }
}

#[test]
fn the_full_resolution_mask_has_its_own_grid() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let full = subject.brain_mask(MaskSource::Anatomical, Resolution::Full).unwrap();
    assert_eq!(full.grid().shape(), ANATOMICAL_GRID.shape);
    let expected: Vec<usize> = bucket::full_resolution_voxels("sub-01")
        .iter()
        .map(|voxel| ANATOMICAL_GRID.flat(*voxel))
        .collect();
    assert_eq!(full.indices(), expected);
}

#[test]
fn a_mask_is_read_once_and_shared() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let read = || subject.brain_mask(MaskSource::Anatomical, Resolution::Func1pt8).unwrap();
    assert!(Arc::ptr_eq(&read(), &read()));
}

/// The union of ROIs on a voxel axis, from the formulas.
fn expected(id: &str, voxels: &[[usize; 3]], wanted: impl Fn(&Roi) -> bool) -> Vec<bool> {
    let rois: Vec<Roi> =
        bucket::rois(id).into_iter().filter(|roi| roi.has_volume && wanted(roi)).collect();
    let nan =
        |roi: &Roi, voxel: [usize; 3]| roi.volume_key().contains("PPA") && voxel == bucket::ROI_NAN;
    voxels
        .iter()
        .map(|voxel| rois.iter().any(|roi| roi.contains(*voxel) && !nan(roi, *voxel)))
        .collect()
}

#[test]
fn roi_queries_follow_the_grammar() {
    let bucket = Bucket::temporary().unwrap();
    for id in ["sub-01", "sub-03"] {
        let subject = opened(&bucket, id);
        for (source, voxels) in [
            (MaskSource::Anatomical, bucket::anatomical_voxels(id)),
            (MaskSource::Rsquare, bucket::rsquare_voxels(id)),
        ] {
            let check = |query: &[&str], wanted: &dyn Fn(&Roi) -> bool| {
                let mask = subject.roi_mask(query, source).unwrap();
                assert_eq!(
                    mask.as_slice(),
                    expected(id, &voxels, wanted),
                    "{id} {source} {query:?}"
                );
                assert_eq!(mask.indices().len(), mask.n_voxels());
            };
            check(&["FFA1"], &|roi| roi.label() == "FFA1");
            check(&["FFA-1"], &|roi| roi.label() == "FFA1");
            check(&["face"], &|roi| roi.category == "face");
            check(&["all"], &|_| true);
            check(&["V1v", "V1d"], &|roi| matches!(roi.label().as_str(), "V1v" | "V1d"));
            check(&["face", "FFA1", "place"], &|roi| matches!(roi.category, "face" | "place"));
            // One label in two categories: the union of both.
            check(&["OFA"], &|roi| roi.label() == "OFA");
            check(&["visual"], &|roi| roi.category == "laion");
            check(&[], &|_| false);
        }
    }
}

#[test]
fn rois_are_listed_in_the_local_spelling() {
    let bucket = Bucket::temporary().unwrap();
    for id in ["sub-01", "sub-03"] {
        let subject = opened(&bucket, id);
        let names = |wanted: &dyn Fn(&Roi) -> bool| {
            let rois = bucket::rois(id);
            let rois = rois.iter().filter(|roi| roi.has_volume && wanted(roi));
            let names: std::collections::BTreeSet<String> = rois.map(Roi::label).collect();
            names.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(subject.rois(None).unwrap(), names(&|_| true));
        assert_eq!(subject.rois(Some("face")).unwrap(), names(&|roi| roi.category == "face"));
        assert_eq!(subject.rois(Some("nose")).unwrap(), Vec::<String>::new());
        let categories = subject.roi_categories().unwrap();
        assert!(categories.contains(&"retinotopy".to_owned()));
        assert!(categories.is_sorted());
    }
}

#[test]
fn an_unknown_roi_says_what_exists() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let error = subject.roi_mask("FFA3", MaskSource::Anatomical).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    let Error::UnknownRoi { subject, got, rois, categories, suggestion, is_on_surface: false } =
        error
    else {
        panic!("{error:?}");
    };
    assert_eq!((subject.as_str(), got.as_str()), ("sub-01", "FFA3"));
    assert_eq!(suggestion.as_deref(), Some("FFA1"));
    assert!(rois.contains(&"pSTSfaces".to_owned()) && categories.contains(&"laion".to_owned()));
}

#[test]
fn what_is_not_on_disk_is_named_with_the_command() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    std::fs::remove_dir_all(bucket.path("derivatives/anatomical")).unwrap();
    std::fs::remove_dir_all(bucket.path("derivatives/rois")).unwrap();
    let error = subject.brain_mask(MaskSource::Anatomical, Resolution::Func1pt8).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotThere);
    assert!(matches!(&error, Error::DataNotDownloaded { path, .. }
        if path.ends_with("sub-01_ses-PrismaAnat_space-T1w_res-1pt8_desc-brain_mask.nii.gz")));
    let subjects = Subjects::These(vec![subject.id().clone()]);
    assert_eq!(fetch(&error), DownloadRequest::brain_mask(subjects));
    let error = subject.brain_mask(MaskSource::Anatomical, Resolution::Full).unwrap_err();
    let expected = download("sub-01", &[(FilterField::Suffix, &["mask"])]).include_anatomical();
    assert_eq!(fetch(&error), expected);
    let error = subject.brain_mask(MaskSource::Rsquare, Resolution::Full).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(
        matches!(
            error,
            Error::Contradiction(Contradiction::MaskResolution {
                mask: MaskSource::Rsquare,
                expected: Resolution::Func1pt8,
                got: Resolution::Full
            })
        ),
        "{error:?}"
    );
    let error = subject.roi_mask("FFA1", MaskSource::Rsquare).unwrap_err();
    assert!(matches!(error, Error::DataNotDownloaded { path, .. }
        if path.ends_with("derivatives/rois/sub-01/")));
}

#[test]
fn masks_written_as_nifti_are_read_back() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let directory = tempfile::tempdir().unwrap();
    let brain = subject.brain_mask(MaskSource::Rsquare, Resolution::Func1pt8).unwrap();
    let roi = subject.roi_mask("face", MaskSource::Rsquare).unwrap();
    for name in ["mask.nii", "mask.nii.gz"] {
        let path = directory.path().join(name);
        brain.write_nifti(&path).unwrap();
        let volume = laion_fmri::nifti_stream::fs::read_volume(&path).unwrap();
        assert_eq!(volume.nonzero_mask(), brain.to_bool());
        brain.grid().matches(volume.grid()).unwrap();
        roi.write_nifti(&path).unwrap();
        let volume = laion_fmri::nifti_stream::fs::read_volume(&path).unwrap();
        let set: Vec<usize> = volume
            .nonzero_mask()
            .iter()
            .enumerate()
            .filter_map(|(i, set)| set.then_some(i))
            .collect();
        assert_eq!(set, roi.indices());
    }
    let gz = std::fs::read(directory.path().join("mask.nii.gz")).unwrap();
    assert_eq!(gz[..2], [0x1f, 0x8b]);
}
