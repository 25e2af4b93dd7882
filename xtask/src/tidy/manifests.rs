//! Every manifest takes version, edition, licence and lints from the workspace.

use crate::tidy::Finding;
use crate::tidy::graph::Graph;
use crate::tidy::tree::Tree;

/// Keys of `[package]` that have one value for all crates.
const INHERITED: &[&str] = &["version", "edition", "rust-version", "license"];

/// Checks the manifest of every member.
pub(crate) fn check(graph: &Graph, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in &graph.members {
        let path = format!("{}/Cargo.toml", member.folder);
        if let Some(text) = tree.text(&path) {
            findings.extend(check_manifest(&path, text));
        }
    }
    findings
}

fn check_manifest(path: &str, text: &str) -> Vec<Finding> {
    let mut missing: Vec<String> = INHERITED
        .iter()
        .filter(|key| !inherits(text, "package", key))
        .map(|key| format!("`{key}` of [package] is not inherited from the workspace"))
        .collect();
    if !has_line(text, "lints", "workspace=true") {
        missing.push("[lints] is not inherited from the workspace".to_owned());
    }
    missing.into_iter().map(|message| Finding::new(path, 1, message)).collect()
}

fn inherits(text: &str, section: &str, key: &str) -> bool {
    has_line(text, section, &format!("{key}.workspace=true"))
        || has_line(text, section, &format!("{key}={{workspace=true}}"))
}

/// Whether a section has a line that is `wanted` when blanks and comments are taken out.
fn has_line(text: &str, section: &str, wanted: &str) -> bool {
    let mut current = String::new();
    text.lines().any(|line| {
        let line = line.split('#').next().unwrap_or("").replace([' ', '\t'], "");
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            current = name.to_owned();
        }
        current == section && line == wanted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[package]\nname = \"bids\"\nversion.workspace = true\n\
                        edition = { workspace = true } # one for all\nrust-version.workspace=true\n\
                        license.workspace = true\n\n[lints]\nworkspace = true\n";

    fn check(text: &str, expected: &[&str]) {
        let graph = Graph::synthetic(&["bids"], &[]);
        let findings = super::check(&graph, &Tree::of(&[("crates/bids/Cargo.toml", text)]));
        let messages: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(messages, expected);
    }

    #[test]
    fn inheritance_is_seen_in_both_forms() {
        check(GOOD, &[]);
    }

    #[test]
    fn every_key_that_is_not_inherited_is_reported() {
        let changed = GOOD
            .replace("version.workspace = true\n", "version = \"1.0.0\"\n")
            .replace("[lints]", "[other]");
        check(
            &changed,
            &[
                "`version` of [package] is not inherited from the workspace",
                "[lints] is not inherited from the workspace",
            ],
        );
    }

    #[test]
    fn an_inherited_key_of_another_section_does_not_count() {
        let moved = format!(
            "{}\n[other]\nlicense.workspace = true\n",
            GOOD.replace("license.workspace = true\n", "")
        );
        check(&moved, &["`license` of [package] is not inherited from the workspace"]);
    }
}
