//! Values as JSON, checked when they are read.

use laion_fmri::{Cancel, Dataset, DownloadRequest, FilterField, GlobalTrial, Location, RoiQuery};
use serde_json::{Value, from_value, json, to_value};

#[test]
fn requests_and_queries_come_back() {
    let request = DownloadRequest::subject("sub-03").unwrap().ses(["ses-01"]).include_raw();
    let written = to_value(&request).unwrap();
    assert_eq!(written["subjects"], json!({"these": ["sub-03"]}));
    assert_eq!(written["filter"]["values"], json!({"ses": ["01"]}));
    assert_eq!(from_value::<DownloadRequest>(written.clone()).unwrap(), request);
    let mut wrong = written;
    wrong["subjects"] = json!({"these": ["../x"]});
    assert!(from_value::<DownloadRequest>(wrong).is_err());

    let query: RoiQuery = from_value(json!(["FFA1", "V1v & laion"])).unwrap();
    assert_eq!(to_value(&query).unwrap(), json!(["FFA1", "V1v & laion"]));
    assert_eq!(from_value::<RoiQuery>(json!("FFA1")).unwrap(), RoiQuery::from("FFA1"));
    assert!(from_value::<RoiQuery>(json!("(FFA1")).is_err());
}

#[test]
fn tables_and_reports_are_written() {
    let bucket = fixtures::Bucket::temporary().unwrap();
    let subject = Dataset::open(bucket.root()).unwrap().subject("sub-03").unwrap();
    let trials = subject.trials("ses-01").unwrap();
    let written = to_value(&trials).unwrap();
    assert_eq!(written["columns"], json!(trials.columns()));
    assert_eq!(written["rows"].as_array().unwrap().len(), trials.len());
    let all = subject.subject_trials().unwrap();
    let written = to_value(&all).unwrap();
    let first = &all[GlobalTrial(0)];
    assert_eq!(written["trials"][0]["session"], json!("ses-01"));
    assert_eq!(written["trials"][0]["session_trial"], json!(0));
    assert_eq!(written["trials"][0]["image_name"], json!(first.image_name));
    let columns = subject.trial_columns(&["ses-01"]).unwrap();
    let written = to_value(&columns).unwrap();
    assert_eq!(written["table"]["session"][0], json!("ses-01"));

    let mirror = tempfile::tempdir().unwrap();
    let dataset = Dataset::open(mirror.path())
        .unwrap()
        .with_location(Location::directory(bucket.root()).unwrap());
    let license = dataset.accept_license().unwrap();
    let request = DownloadRequest::subject("sub-03")
        .unwrap()
        .ses(["ses-01"])
        .filter(FilterField::Suffix, ["trials"]);
    let report = dataset.download(&request, &license, &(), &Cancel::default()).unwrap();
    let written = to_value(&report).unwrap();
    let outcomes = written["outcomes"].as_array().unwrap();
    assert_eq!(outcomes.len(), report.outcomes.len());
    let is_fetched = |outcome: &Value| outcome[1]["fetched"]["bytes"].is_u64();
    assert!(outcomes.iter().all(is_fetched), "{written}");
}
