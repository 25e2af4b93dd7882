//! A session that has betas and no trial table: its betas are read, and joined with nothing.

use fixtures::{Bucket, bucket};
use laion_fmri::extract::ExtractRequest;
use laion_fmri::noise_ceiling::NoiseCeilingOptions;
use laion_fmri::{
    Cancel, Dataset, Error, ErrorKind, FilterField, Location, StimulusSet, Subject, layout,
};

use crate::{assert_same, download, fetch, opened};

/// A bucket without the trial table of sub-01 ses-02.
fn untabled() -> Bucket {
    let bucket = Bucket::temporary().unwrap();
    bucket::write_gated(bucket.root()).unwrap();
    let table = layout::trials(&"sub-01".parse().unwrap(), &"ses-02".parse().unwrap());
    std::fs::remove_file(bucket.path(&table)).unwrap();
    bucket
}

#[track_caller]
fn assert_names_the_table<T>(what: &str, result: Result<T, Error>) {
    let error = result.err().unwrap_or_else(|| panic!("{what} is an answer"));
    assert_eq!(error.kind(), ErrorKind::NotThere, "{what}: {error:?}");
    let expected = [
        (FilterField::Ses, ["ses-02"].as_slice()),
        (FilterField::Desc, &["SingletrialBetas"]),
        (FilterField::Suffix, &["trials"]),
        (FilterField::Extension, &["tsv"]),
    ];
    assert_eq!(fetch(&error), download("sub-01", &expected), "{what}");
}

#[test]
fn what_joins_by_trial_asks_for_the_table() {
    let bucket = untabled();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let subject = dataset.subject("sub-01").unwrap();
    let none: [&str; 0] = [];
    let scratch = tempfile::tempdir().unwrap();
    assert_names_the_table("subject_trials", subject.subject_trials());
    assert_names_the_table("trials_of", subject.trials_of(&none));
    assert_names_the_table("trial_columns", subject.trial_columns(&none));
    // Repetitions are counted over all sessions.
    assert_names_the_table("trial_columns of another", subject.trial_columns(&["ses-01"]));
    assert_names_the_table("embeddings", subject.embeddings());
    assert_names_the_table("images", subject.images());
    assert_names_the_table("captions", subject.captions());
    assert_names_the_table("segmentations", subject.segmentations());
    for request in [subject.trial_dataset(), subject.trial_dataset().session("ses-01")] {
        assert_names_the_table("trial_dataset", request.roi("FFA1").open(scratch.path()));
    }
    let mut request = ExtractRequest::default();
    request.subjects = vec!["sub-01".to_owned()];
    request.conventions.rois = vec!["FFA1".to_owned()];
    request.output = scratch.path().join("out.npz");
    assert_names_the_table("extract", dataset.extract_plan(&request));
    let options = NoiseCeilingOptions::default();
    assert_names_the_table(
        "ceiling",
        subject.compute_noise_ceiling(&none, &options, &(), &Cancel::new()),
    );
    let group = dataset.group(&["sub-01"]).unwrap();
    let shared = group.shared_betas(&["ses-01", "ses-02"], |betas| betas.roi("FFA1"));
    assert_names_the_table("shared_betas", shared);
    let chosen = subject.betas().session("ses-02").stimuli(StimulusSet::Shared);
    assert_names_the_table("betas of shared images", chosen.load());
}

#[test]
fn betas_alone_are_read() {
    let (untabled, whole) = (untabled(), Bucket::temporary().unwrap());
    let request = |subject: &Subject| {
        let betas = subject.betas().roi("FFA1");
        let one = betas.clone().session("ses-02").load().unwrap();
        let joined = betas.sessions(["ses-01", "ses-02"]).concat().unwrap().betas;
        [one, joined].map(|array| array.into_raw_vec_and_offset().0).concat()
    };
    let [got, expected] = [&untabled, &whole].map(|bucket| request(&opened(bucket, "sub-01")));
    assert_same(&got, &expected, "FFA1");
    // The table of that session is asked for by name, and that of another is there.
    let subject = opened(&untabled, "sub-01");
    assert_names_the_table("trials", subject.trials("ses-02"));
    assert_eq!(subject.trials_of(&["ses-01"]).unwrap().len(), 1);
}

#[test]
fn the_download_of_missing_betas_brings_their_table() {
    let bucket = Bucket::temporary().unwrap();
    let mirror = tempfile::tempdir().unwrap();
    let dataset = Dataset::open(mirror.path())
        .unwrap()
        .with_location(Location::directory(bucket.root()).unwrap());
    let license = dataset.accept_license().unwrap();
    let get = |request| {
        let report = dataset.download(&request, &license, &(), &Cancel::default()).unwrap();
        report.into_result().unwrap();
    };
    get(download("sub-01", &[(FilterField::Ses, &["ses-01"])]));
    let subject = dataset.subject("sub-01").unwrap();
    get(fetch(&subject.betas().session("ses-02").load().unwrap_err()));
    let rows = subject.betas().roi("FFA1").concat().unwrap().betas.nrows();
    let none: [&str; 0] = [];
    let tables = subject.trials_of(&none).unwrap();
    assert_eq!((tables.len(), tables.iter().map(|(_, table)| table.len()).sum()), (2, rows));
}
