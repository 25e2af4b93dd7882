//! What `splits check` found, in words and in tables.

use laion_fmri::splits::{ImageTrials, LeakReport, Split};
use serde_json::{Value, json};

use super::tables::SplitTable;
use crate::output;

/// The sums, a line each.
pub(super) fn summary(split: &Split, report: &LeakReport) -> Vec<String> {
    let LeakReport { n_trials, n_train, n_test, n_neither, .. } = report;
    let mut lines = vec![
        format!("{} of {} ({})", split.name(), split.pool(), split.revision()),
        format!("trials: {n_trials} ({n_train} train, {n_test} test, {n_neither} in neither list)"),
        format!("images with repeats on both sides: {}", report.repeats.len()),
        format!("groups of known duplicates on both sides: {}", report.duplicates.len()),
        format!("labels that are not images of the dataset: {}", report.unknown.len()),
    ];
    if report.is_clean() {
        lines.push("no problems found".to_owned());
    }
    lines
}

/// An image a row; the duplicates of a group have its number.
pub(super) fn findings(report: &LeakReport) -> SplitTable {
    let columns = ["finding", "group", "image_name", "n_train", "n_test", "n_neither"];
    let mut table = SplitTable::new("split-finding", &columns);
    let mut add = |finding: &str, group: Value, image: &ImageTrials| {
        table.rows.push(vec![
            finding.into(),
            group,
            image.label.as_str().into(),
            image.n_train.into(),
            image.n_test.into(),
            image.n_neither.into(),
        ]);
    };
    report.repeats.iter().for_each(|image| add("repeat", "".into(), image));
    for (number, group) in report.duplicates.iter().enumerate() {
        group.iter().for_each(|image| add("duplicate", (number + 1).to_string().into(), image));
    }
    report.unknown.iter().for_each(|image| add("unknown", "".into(), image));
    table
}

/// The whole report as one object.
pub(super) fn json(split: &Split, report: &LeakReport) -> String {
    let image = |image: &ImageTrials| {
        json!({
            "image_name": image.label, "n_train": image.n_train, "n_test": image.n_test,
            "n_neither": image.n_neither,
        })
    };
    let images = |images: &[ImageTrials]| -> Value { images.iter().map(image).collect() };
    let fields = [
        ("name", split.name().as_str().into()),
        ("pool", split.pool().as_str().into()),
        ("revision", split.revision().as_str().into()),
        ("n_trials", report.n_trials.into()),
        ("n_train", report.n_train.into()),
        ("n_test", report.n_test.into()),
        ("n_neither", report.n_neither.into()),
        ("repeats", images(&report.repeats)),
        ("duplicates", report.duplicates.iter().map(|group| images(group)).collect()),
        ("unknown", images(&report.unknown)),
    ];
    output::json_line("split-check", fields.map(|(name, value)| (name.to_owned(), value)))
}
