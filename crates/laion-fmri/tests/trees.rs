//! A subject exists when any of its trees does; what needs another one says so.

use std::path::Path;

use fixtures::Bucket;
use laion_fmri::extract::ExtractRequest;
use laion_fmri::{
    Cancel, Dataset, Discovery, Error, ErrorKind, FilterField, InputError, Location, MaskSource,
    layout,
};

use crate::{download, fetch};

/// A folder of one subject in each tree.
const TREES: [(&str, &str); 6] = [
    ("derivatives/glmsingle-tedana", "sub-11"),
    ("derivatives/rois", "sub-12"),
    ("derivatives/anatomical", "sub-13"),
    ("derivatives/freesurfer", "sub-14"),
    ("derivatives/localizers", "sub-15"),
    (".", "sub-16"),
];

fn write_trees(root: &Path) {
    for (tree, subject) in TREES {
        let folder = root.join(tree).join(subject).join("ses-01");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("file"), "x").unwrap();
    }
    // Not a subject's.
    std::fs::create_dir_all(root.join("derivatives/freesurfer/fsaverage")).unwrap();
    std::fs::create_dir_all(root.join("stimuli/sub-17")).unwrap();
}

#[test]
fn any_tree_makes_a_subject() {
    let root = tempfile::tempdir().unwrap();
    write_trees(root.path());
    let location = Location::directory(root.path()).unwrap();
    let expected: Vec<&str> = TREES.iter().map(|(_, subject)| *subject).collect();
    let discovery = Discovery::open(&location).unwrap();
    assert!(
        discovery
            .subjects()
            .unwrap()
            .iter()
            .map(laion_fmri::SubjectId::as_str)
            .eq(expected.clone())
    );
    for dataset in [Dataset::open(root.path()).unwrap(), Dataset::from_bucket(&location).unwrap()] {
        let subjects = dataset.subjects().unwrap();
        assert!(
            subjects.iter().map(laion_fmri::SubjectId::as_str).eq(expected.clone()),
            "{subjects:?}"
        );
        for id in &subjects {
            assert_eq!(dataset.subject(id).unwrap().id(), id);
            assert_eq!(discovery.describe_subject(id).unwrap().subject.as_str(), id.as_str());
        }
        assert_eq!(dataset.group_all().unwrap().len(), TREES.len());
    }
}

#[test]
fn what_needs_betas_says_so() {
    let bucket = Bucket::temporary().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    // sub-05 has ROIs and the anatomy alone.
    let subject = dataset.subject("sub-05").unwrap();
    assert!(subject.n_voxels(MaskSource::Anatomical).unwrap() > 0);
    assert!(!subject.rois(None).unwrap().is_empty() && subject.has_anatomical());
    assert!(subject.sessions().unwrap().is_empty());
    assert!(subject.subject_trials().unwrap().is_empty());

    let scratch = tempfile::tempdir().unwrap();
    let any = download("sub-05", &[(FilterField::Desc, &["SingletrialBetas"])]);
    let betas = || subject.betas().roi("face");
    let mut request = ExtractRequest::default();
    request.subjects = vec!["sub-05".to_owned()];
    request.conventions.rois = vec!["face".to_owned()];
    request.output = scratch.path().join("out.npz");
    for error in [
        betas().concat().map(drop).unwrap_err(),
        betas().load_sessions().map(drop).unwrap_err(),
        subject.trial_dataset().open(scratch.path()).map(drop).unwrap_err(),
        dataset.extract_plan(&request).map(drop).unwrap_err(),
    ] {
        assert_eq!((error.kind(), fetch(&error)), (ErrorKind::NotThere, any.clone()));
        assert!(error.to_string().starts_with("not on disk: betas of sub-05 ("), "{error}");
    }
    let first =
        [(FilterField::Ses, ["ses-01"].as_slice()), (FilterField::Desc, &["SingletrialBetas"])];
    let group = dataset.group(&["sub-01", "sub-05"]).unwrap();
    request.sessions = vec!["ses-01".to_owned()];
    for error in [
        betas().session("ses-01").load().map(drop).unwrap_err(),
        subject.trial_dataset().session("ses-01").open(scratch.path()).map(drop).unwrap_err(),
        group.shared_betas(&["ses-01"], |betas| betas).map(drop).unwrap_err(),
        subject
            .compute_noise_ceiling(&["ses-01"], &Default::default(), &(), &Cancel::new())
            .map(drop)
            .unwrap_err(),
        dataset.extract_plan(&request).map(drop).unwrap_err(),
    ] {
        assert_eq!(fetch(&error), download("sub-05", &first));
    }
    let error = subject.n_voxels(MaskSource::Rsquare).unwrap_err();
    assert!(matches!(error, Error::DataNotDownloaded { .. }), "{error:?}");
}

#[test]
fn a_bucket_without_betas_of_a_subject_says_so() {
    let bucket = Bucket::temporary().unwrap();
    let location = Location::directory(bucket.root()).unwrap();
    let subject = Dataset::from_bucket(&location).unwrap().subject("sub-05").unwrap();
    assert!(!subject.rois(None).unwrap().is_empty());
    let error = subject.betas().concat().unwrap_err();
    let tree = bucket.path(&layout::glmsingle(subject.id()));
    assert!(
        matches!(&error, Error::Input(InputError::NotInBucket { path, .. }) if *path == tree),
        "{error:?}"
    );
}
