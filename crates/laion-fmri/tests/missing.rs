//! What a request names and the bucket does not have: nothing is fetched, or, when asked, the rest.

use fixtures::Bucket;
use laion_fmri::stimuli::EmbeddingModel;
use laion_fmri::{
    Dataset, Download, DownloadRequest, Error, ErrorKind, FilterField, Location, Missing, Subjects,
};
use tempfile::TempDir;

/// A folder of keys as a bucket, and an empty mirror.
struct Local {
    bucket: Bucket,
    mirror: TempDir,
}

impl Local {
    fn new() -> Self {
        Self { bucket: Bucket::temporary().unwrap(), mirror: tempfile::tempdir().unwrap() }
    }

    fn plan(&self, request: &DownloadRequest) -> Result<Download, Error> {
        let location = Location::directory(self.bucket.root()).unwrap();
        let dataset = Dataset::open(self.mirror.path()).unwrap().with_location(location);
        dataset.plan_download(request)
    }

    fn missing(&self, request: &DownloadRequest) -> Vec<Missing> {
        let error = self.plan(request).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotThere);
        let Error::NoMatchingData { missing, .. } = error else { panic!("{error:?}") };
        assert_eq!(std::fs::read_dir(self.mirror.path()).unwrap().count(), 0);
        missing
    }
}

fn sub_01() -> DownloadRequest {
    DownloadRequest::subject("sub-01").unwrap()
}

fn values(missing: &[Missing]) -> Vec<(FilterField, &str, Option<&str>)> {
    let mut values = Vec::new();
    for it in missing {
        let Missing::Value { field, value, .. } = it else { panic!("{it:?}") };
        values.push((*field, value.as_str(), it.nearest()));
    }
    values
}

#[test]
fn a_misspelt_value_of_a_permissive_entity_is_told() {
    let local = Local::new();
    for (field, wrong, right) in [
        (FilterField::Desc, "singletrialbetas", "SingletrialBetas"),
        (FilterField::Space, "t1w", "T1w"),
        (FilterField::Task, "Images", "images"),
        (FilterField::Stat, "Effect", "effect"),
    ] {
        let missing = local.missing(&sub_01().filter(field, [wrong]));
        assert_eq!(values(&missing), [(field, wrong, Some(right))]);
        // The suffix rejects more keys, and its value exists.
        let request = sub_01().filter(field, [wrong]).filter(FilterField::Suffix, ["statmap"]);
        assert_eq!(values(&local.missing(&request)), [(field, wrong, Some(right))]);
        assert!(local.plan(&sub_01().filter(field, [right])).is_ok());
    }
}

#[test]
fn every_value_that_no_key_carries_is_told_at_once() {
    let local = Local::new();
    let request = sub_01()
        .ses(["ses-01", "averages"])
        .filter(FilterField::Desc, ["SingletrialBetas", "Noiseceilin"])
        .filter(FilterField::Suffix, ["statmap", "trails"]);
    let expected = [
        (FilterField::Desc, "Noiseceilin", Some("Noiseceiling")),
        (FilterField::Suffix, "trails", Some("trials")),
    ];
    assert_eq!(values(&local.missing(&request)), expected);

    let download = local.plan(&request.allow_missing()).unwrap();
    assert_eq!(values(download.missing()), expected);
    let keys: Vec<&str> = download.plan().fetches().map(|item| item.key.as_str()).collect();
    assert!(keys.iter().any(|key| key.contains("desc-SingletrialBetas_statmap")), "{keys:?}");
    assert!(!keys.iter().any(|key| key.contains("_trials")), "{keys:?}");
}

#[test]
fn a_value_of_any_subject_is_there() {
    let local = Local::new();
    // sub-05 has no betas, and so no description of them.
    let desc = |request: DownloadRequest| request.filter(FilterField::Desc, ["SingletrialBetas"]);
    let all = desc(DownloadRequest::new(Subjects::All));
    assert!(local.plan(&all).unwrap().missing().is_empty());
    let missing = local.missing(&desc(DownloadRequest::subject("sub-05").unwrap()));
    assert_eq!(missing.len(), 1, "{missing:?}");
}

#[test]
fn a_session_that_one_subject_lacks_can_be_left_out() {
    let local = Local::new();
    let request = sub_01().ses(["ses-01", "ses-77"]);
    let missing = local.missing(&request);
    assert_eq!(missing.len(), 1, "{missing:?}");
    let download = local.plan(&request.allow_missing()).unwrap();
    let shown: Vec<String> = download.missing().iter().map(ToString::to_string).collect();
    assert!(
        shown[0].starts_with("sub-01 has no session 77 in the bucket; sessions: "),
        "{shown:?}"
    );
    assert_eq!(shown.len(), 1);
    assert!(download.plan().fetches().any(|item| item.key.as_str().contains("/ses-01/")));
    // The session of another number is not meant, however near its name is.
    let near = local.missing(&sub_01().ses(["04"]));
    assert_eq!(values(&near), [(FilterField::Ses, "04", None)]);
    let spelled = local.missing(&sub_01().ses(["1"]));
    assert_eq!(values(&spelled), [(FilterField::Ses, "1", Some("01"))]);
    // Nothing is no rest.
    let error =
        local.plan(&sub_01().ses(["ses-77"]).filter(FilterField::Suffix, ["x"]).allow_missing());
    assert!(matches!(error, Err(Error::NoMatchingData { .. })));
}

#[test]
fn trees_that_hold_nothing_are_told() {
    let local = Local::new();
    let sub_05 = || DownloadRequest::subject("sub-05").unwrap();
    let request = sub_05().include_freesurfer().include_localizers().include_raw();
    let tree = |tree: &'static str, prefix: &str| Missing::Tree {
        tree,
        prefixes: vec![prefix.to_owned()],
    };
    let expected = [
        tree("FreeSurfer", "derivatives/freesurfer/sub-05/"),
        tree("localizer", "derivatives/localizers/sub-05/"),
        tree("raw", "sub-05/"),
    ];
    assert_eq!(local.missing(&request), expected);
    let download = local.plan(&request.allow_missing()).unwrap();
    assert_eq!(download.missing(), expected);
    assert!(download.plan().fetches().count() > 0);
    // Some subject has each of them.
    let request = DownloadRequest::new(Subjects::All);
    let request = request.include_freesurfer().include_localizers().include_raw();
    assert!(local.plan(&request).unwrap().missing().is_empty());
}

#[test]
fn prefixes_and_files_of_stimuli_can_be_left_out() {
    let local = Local::new();
    let model = EmbeddingModel::Clip;
    let key = format!("stimuli/{}", model.file_name());
    std::fs::remove_file(local.bucket.root().join(&key)).unwrap();
    let nothing = "derivatives/nothing/";
    let request = sub_01().prefix(nothing).include_embeddings([model]);
    assert!(
        matches!(local.plan(&request), Err(Error::NoMatchingData { subject, .. }) if subject == nothing)
    );
    let download = local.plan(&request.allow_missing()).unwrap();
    assert_eq!(
        download.missing(),
        [Missing::Prefix { prefix: nothing.to_owned() }, Missing::Key { key }]
    );
    assert!(download.plan().fetches().count() > 0);
}
