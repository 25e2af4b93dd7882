//! Values as JSON, checked when they are read.

use laion_fmri_splits::{LeakReport, Pool, Split, SplitRevision, load_split};
use serde_json::{from_value, json, to_value};

#[test]
fn splits_come_back_as_they_were() {
    let split = load_split("random_1", "sub-03").unwrap().with_revision(SplitRevision::R2);
    let written = json!({"name": "random_1", "pool": "sub-03", "revision": "r2"});
    assert_eq!(to_value(split).unwrap(), written);
    assert_eq!(from_value::<Split>(written).unwrap(), split);
    let ood = load_split("ood", "shared").unwrap().with_ood_types(["shape"]).unwrap();
    let written = to_value(ood).unwrap();
    assert_eq!(written["ood_types"], json!(["shape"]));
    assert_eq!(from_value::<Split>(written).unwrap(), ood);
    for wrong in [
        json!({"name": "tau", "pool": "sub-03", "revision": "r1", "ood_types": ["shape"]}),
        json!({"name": "tau", "pool": "sub-99", "revision": "r1"}),
    ] {
        assert!(from_value::<Split>(wrong).is_err());
    }
}

#[test]
fn what_a_split_answers_is_written() {
    let split = load_split("ood", Pool::Shared).unwrap();
    let ids = split.train_test_ids();
    let labels = [ids.train[0], ids.test[0]];
    let masks = split.masks(labels);
    assert_eq!(
        to_value(&masks).unwrap(),
        json!({"train": [true, false], "test": [false, true], "n_neither": 0, "n_unknown": 0})
    );
    assert_eq!(to_value(&ids).unwrap()["train"][0], json!(ids.train[0]));
    assert!(to_value(split.params()).unwrap()["ood_holdout"]["ood_types"].is_array());
    let leaks = LeakReport::of_masks(labels, &masks).unwrap();
    assert_eq!(to_value(&leaks).unwrap()["n_trials"], json!(2));
}
