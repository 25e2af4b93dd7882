//! Values as JSON: names are texts, and what is read is checked.

use bids_names::{FileName, Filter, FilterField, SessionId, SubjectId, Verdict};
use serde_json::{from_value, json, to_value};

#[test]
fn names_are_texts_that_are_checked() {
    let subject: SubjectId = from_value(json!("01")).unwrap();
    assert_eq!(to_value(&subject).unwrap(), json!("sub-01"));
    let session: SessionId = from_value(json!("ses-01")).unwrap();
    assert_eq!(to_value(&session).unwrap(), json!("ses-01"));
    let name: FileName = from_value(json!("sub-01_bold.nii.gz")).unwrap();
    assert_eq!(to_value(&name).unwrap(), json!("sub-01_bold.nii.gz"));
    assert_eq!(to_value(name.entities()).unwrap(), json!([["sub", "01"]]));
    let error = from_value::<SubjectId>(json!("../x")).unwrap_err().to_string();
    assert!(error.contains("invalid subject \"../x\""), "{error}");
    assert!(from_value::<SessionId>(json!(1)).is_err());
    assert!(from_value::<FileName>(json!("a/b")).is_err());
}

#[test]
fn filters_are_maps() {
    let filter = Filter::strict()
        .with_entity("hemi", ["L"])
        .unwrap()
        .with(FilterField::Ses, ["ses-01", "02"]);
    let written = json!({"strict": true, "values": {"ses": ["01", "02"], "hemi": ["L"]}});
    assert_eq!(to_value(&filter).unwrap(), written);
    assert_eq!(from_value::<Filter>(written).unwrap(), filter);
    assert_eq!(from_value::<Filter>(json!({})).unwrap(), Filter::default());
    let suffix = json!({"values": {"suffix": ["bold"]}});
    let expected = Filter::default().with(FilterField::Suffix, ["bold"]);
    assert_eq!(from_value::<Filter>(suffix).unwrap(), expected);
    assert!(from_value::<Filter>(json!({"values": {"a b": []}})).is_err());
    assert!(from_value::<Filter>(json!({"stricter": true})).is_err());
    assert_eq!(to_value(filter.verdict("README")).unwrap(), json!("ses"));
    assert_eq!(to_value(Verdict::Pass).unwrap(), json!(null));
}
