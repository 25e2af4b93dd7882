//! The page of Python names against the sources: what a row names carries the Python name.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Python names by the items that carry them as an alias.
fn aliases(sources: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut aliases: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources {
        let mut waiting = Vec::new();
        let mut is_attribute = false;
        for line in source.lines().map(str::trim) {
            // An attribute may have several lines.
            if is_attribute || (line.starts_with("#[") && !line.ends_with(']')) {
                is_attribute = !line.ends_with(")]");
                continue;
            }
            if let Some(alias) =
                line.strip_prefix("#[doc(alias = \"").and_then(|rest| rest.strip_suffix("\")]"))
            {
                waiting.push(alias.to_owned());
            } else if !(line.starts_with("#[") || line.starts_with("//") || line.is_empty()) {
                if let Some(item) = item_of(line) {
                    for alias in waiting.drain(..) {
                        aliases.entry(item.to_owned()).or_default().push(alias);
                    }
                }
                waiting.clear();
            }
        }
    }
    aliases
}

/// The name that a line declares: a function, a type, a constant, a field or a variant.
fn item_of(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let keywords = ["fn ", "struct ", "enum ", "const ", "type ", "trait "];
    let rest = keywords.iter().find_map(|keyword| line.strip_prefix(keyword)).unwrap_or(line);
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    (end > 0).then(|| &rest[..end])
}

fn sources(directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(fs::read_to_string(&path).unwrap());
        }
    }
}

/// The rows of the page: the last part of the Python name, and that of the path in Rust.
fn rows(page: &str) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for line in page.lines().filter(|line| line.starts_with("//! | `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let python = cells[1].trim_matches('`').rsplit('.').next().unwrap();
        let path = cells[2].split_once("](").unwrap().1;
        let path = path.split_once(')').unwrap().0;
        rows.push((python.to_owned(), path.rsplit("::").next().unwrap().to_owned()));
    }
    rows
}

#[test]
fn every_item_carries_its_python_name() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap();
    let mut found = Vec::new();
    for name in ["laion-fmri", "bids", "nifti-stream", "splits", "stimuli", "surface"] {
        sources(&crates.join(name).join("src"), &mut found);
    }
    let aliases = aliases(&found);
    let rows = rows(include_str!("../src/python_names.rs"));
    assert!(rows.len() > 100, "{}", rows.len());
    let missing: Vec<String> = rows
        .iter()
        .filter(|(python, item)| {
            let carried = aliases.get(item).is_some_and(|aliases| aliases.contains(python));
            python != item && !carried
        })
        .map(|(python, item)| format!("{item} without the alias {python:?}"))
        .collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));

    // And an alias of the facade that is a name of Python's functions stands on the page.
    let listed = |name: &String| rows.iter().any(|(python, _)| python == name);
    let names = aliases.values().flatten().filter(|name| {
        name.starts_with("get_") || name.starts_with("load_") || name.ends_with("Error")
    });
    // One alias is a name of nibabel.
    let ours = names.filter(|name| *name != "get_fdata");
    let unlisted: Vec<&String> = ours.filter(|name| !listed(name)).collect();
    assert!(unlisted.is_empty(), "not on the page: {unlisted:?}");
}
