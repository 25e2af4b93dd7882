//! Plans and reports as JSON; names that are read are checked.

use s3_mirror::{Key, Location, RelativePath, Sha256};
use serde_json::{from_value, json, to_value};

use crate::util::{memory, objects, plan_of, run};

#[test]
fn names_and_locations_are_texts_that_are_checked() {
    let key: Key = from_value(json!("sub-01/aparc+aseg.mgz")).unwrap();
    assert_eq!(to_value(&key).unwrap(), json!("sub-01/aparc+aseg.mgz"));
    assert!(from_value::<RelativePath>(json!("../etc/passwd")).is_err());
    let location: Location = from_value(json!("s3://laion-fmri")).unwrap();
    assert_eq!(to_value(&location).unwrap(), json!("s3://laion-fmri"));
    assert!(from_value::<Location>(json!("ftp://x")).is_err());
    assert!(from_value::<Sha256>(json!("abc")).is_err());
}

#[tokio::test]
async fn plans_and_reports_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = memory(&objects(&[("a.txt", b"abc"), ("short.txt", b"1")])).await;
    let plan = plan_of(&[("a.txt", 3), ("gone.txt", 1), ("short.txt", 2)], folder.path());
    let written = to_value(&plan).unwrap();
    assert_eq!(
        written["items"][0],
        json!({
            "key": "a.txt",
            "local": "a.txt",
            "size": 3,
            "etag": null,
            "sha256": null,
            "action": {"fetch": "missing"},
        })
    );
    assert_eq!(to_value(plan.totals()).unwrap()["fetch"], json!({"count": 3, "bytes": 6}));
    let report = run(&store, &plan, folder.path()).await;
    let written = to_value(&report).unwrap();
    assert_eq!(written["outcomes"][0], json!(["a.txt", {"fetched": {"bytes": 3}}]));
    assert_eq!(written["outcomes"][1], json!(["gone.txt", "gone"]));
    let error = written["outcomes"][2][1]["failed"]["error"].as_str().unwrap();
    assert!(error.contains("expected 2, as listed"), "{error}");
    assert_eq!(written["stop"], json!(null));
    assert_eq!(to_value(report.totals()).unwrap()["fetched"], json!(1));
}
