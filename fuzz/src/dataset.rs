//! What must hold for the texts that the facade reads, whatever they are.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use laion_fmri::extract::{Recipe, plan_lines, read_plans};
use laion_fmri::{EventTable, RoiQuery, SessionTrials};

/// An expression of ROIs is parsed or refused, and its text means the same again.
pub fn rois(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(query) = text.parse::<RoiQuery>() {
        let again: RoiQuery = query.to_string().parse().expect("what was parsed");
        assert_eq!(again.to_string(), query.to_string());
    }
}

/// A recipe is read or refused, and what was read is written and read again.
pub fn recipe(bytes: &[u8]) {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a temporary directory"));
    let path = folder.path().join("fuzzed.recipe.toml");
    fs::write(&path, bytes).expect("a file");
    if let Ok(recipe) = Recipe::read(&path) {
        let text = recipe.to_toml();
        fs::write(&path, &text).expect("a file");
        let again = Recipe::read(&path).expect("what was written");
        assert_eq!(again.to_toml(), text);
    }
}

/// Plans are read or refused, and what was read is written and read again.
pub fn plans(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(plans) = read_plans(text, "fuzzed.plan") {
        let lines: Vec<String> = plan_lines(&plans).collect();
        let again = read_plans(&lines.join("\n"), "again").expect("what was written");
        assert!(plan_lines(&again).eq(lines));
    }
}

/// Tables of trials and events are read or refused; rows are as wide as the header.
pub fn trials(bytes: &[u8]) {
    if let Ok(table) = SessionTrials::from_reader(bytes, Path::new("trials.tsv")) {
        assert!(table.rows().all(|row| row.len() == table.columns().len()));
        if let Ok(labels) = table.labels() {
            assert_eq!(labels.len(), table.len());
        }
        for column in table.columns() {
            let _ = (table.integers(column), table.numbers(column));
        }
        if let Some(index) = table.column("beta_index") {
            let numbers = table.integers("beta_index").expect("they were read");
            let rows = (0..index.len() as i64).map(Some);
            assert!(numbers.into_iter().eq(rows), "rows are in the order of the volumes");
        }
    }
    if let Ok(table) = EventTable::from_reader(bytes) {
        for column in table.columns() {
            let _ = (table.integers(column), table.numbers(column));
        }
        let _ = (table.onsets(), table.durations(), table.pulse_numbers(), table.pulse_onsets());
    }
}
