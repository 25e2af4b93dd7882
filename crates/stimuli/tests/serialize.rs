//! Tables as JSON, checked when they are read.

use laion_fmri_stimuli::files::{CAPTIONS, METADATA, SEGMENTATIONS_METADATA};
use laion_fmri_stimuli::{
    Captions, EmbeddingModel, Metadata, NounFilter, SegmentationTable, Stimulus, StimulusSet,
};
use serde_json::{from_value, json, to_value};

use crate::Files;

#[test]
fn tables_are_lists_and_maps() {
    let files = Files::write();
    let metadata = Metadata::open(files.path(METADATA)).unwrap();
    let written = to_value(&metadata).unwrap();
    assert_eq!(written.as_array().unwrap().len(), metadata.len());
    assert_eq!(written[0]["image_name"], json!(metadata.stimuli()[0].image_name));
    assert_eq!(from_value::<Metadata>(written.clone()).unwrap(), metadata);
    let twice = json!([written[0], written[0]]);
    let error = from_value::<Metadata>(twice).unwrap_err().to_string();
    assert!(error.starts_with("a second image"), "{error}");
    let first: Stimulus = from_value(written[0].clone()).unwrap();
    assert_eq!(first, metadata.stimuli()[0]);

    let captions = Captions::open(files.path(CAPTIONS)).unwrap();
    let written = to_value(&captions).unwrap();
    for (image_name, expected) in &captions {
        assert_eq!(written[image_name].as_array().unwrap().len(), expected.len());
        assert_eq!(written[image_name][0]["text"], json!(expected[0].text));
    }
    assert_eq!(written.as_object().unwrap().len(), captions.images().len());

    let masks = SegmentationTable::open(files.path(SEGMENTATIONS_METADATA)).unwrap();
    let written = to_value(&masks).unwrap();
    assert_eq!(written[0]["noun"], json!(masks.rows()[0].noun));
}

#[test]
fn choices_are_names() {
    assert_eq!(to_value(NounFilter::Localized).unwrap(), json!("localized"));
    assert_eq!(from_value::<NounFilter>(json!("all")).unwrap(), NounFilter::All);
    assert_eq!(to_value(StimulusSet::Shared).unwrap(), json!("shared"));
    let model = EmbeddingModel::Clip;
    assert_eq!(from_value::<EmbeddingModel>(json!(model.as_str())).unwrap(), model);
    assert!(from_value::<EmbeddingModel>(json!("clap")).is_err());
}
