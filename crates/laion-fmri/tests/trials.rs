//! Trial tables, sessions and subjects of a mirror.

use crate::{download, fetch};
use fixtures::Bucket;
use fixtures::bucket;
use laion_fmri::{Dataset, Error, ErrorKind};

use crate::opened;

#[test]
fn labels_are_those_of_the_bucket_untouched() {
    let bucket = Bucket::temporary().unwrap();
    let mut odd = 0;
    for id in ["sub-01", "sub-03"] {
        let subject = opened(&bucket, id);
        for session in bucket::public_sessions(id) {
            let table = subject.trials(session).unwrap();
            assert_eq!(table.columns(), ["session", "run", "beta_index", "label"]);
            let labels: Vec<&str> = table.labels().unwrap().collect();
            assert_eq!(labels, bucket::labels(id, session));
            odd += labels.iter().filter(|label| label.contains(' ')).count();
            assert!(table.column("session").unwrap().iter().all(|name| *name == session));
            let indices: Vec<String> = (0..table.len()).map(|index| index.to_string()).collect();
            assert_eq!(table.column("beta_index").unwrap(), indices);
        }
    }
    assert!(odd > 0, "the bucket holds names with spaces");
}

#[test]
fn sessions_need_betas_or_trials() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let names =
        || -> Vec<String> { subject.sessions().unwrap().iter().map(ToString::to_string).collect() };
    let before = names();
    assert!(before.iter().any(|name| name == "ses-01"));
    let tree = bucket.path("derivatives/glmsingle-tedana/sub-01");
    std::fs::create_dir(tree.join("ses-09")).unwrap();
    assert_eq!(names(), before, "an empty directory is not a session");
    let betas =
        "func/sub-01_ses-01_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz";
    std::fs::remove_file(tree.join("ses-01").join(betas)).unwrap();
    assert_eq!(names(), before, "a trial table alone is enough");
    let trials = "func/sub-01_ses-01_task-images_desc-SingletrialBetas_trials.tsv";
    std::fs::remove_file(tree.join("ses-01").join(trials)).unwrap();
    assert!(!names().contains(&"ses-01".to_owned()));
}

#[test]
fn subjects_are_validated_before_they_become_paths() {
    let bucket = Bucket::temporary().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    assert_eq!(dataset.subject("01").unwrap().id().as_str(), "sub-01");
    for bad in ["", "sub-", "sub-../x", "../sub-01", "sub-01/", "sub 01"] {
        let error = dataset.subject(bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(
            matches!(&error, Error::SubjectNotFound { got, available }
                if got == bad && available == &["sub-01", "sub-03", "sub-05"]),
            "{error:?}"
        );
    }
    let error = dataset.subject("sub-99").unwrap_err();
    let expected = "subject sub-99, only sub-01, sub-03, sub-05";
    assert!(matches!(&error, Error::DataNotDownloaded { what, .. } if what == expected));
    assert_eq!(fetch(&error), download("sub-99", &[]));
}
