//! One version everywhere: crates, READMEs, change log, citation.

use crate::tidy::Finding;
use crate::tidy::graph::Graph;
use crate::tidy::tree::Tree;

/// Where a version is given once, and how the line with it begins.
const GIVEN: &[(&str, &str)] = &[("CITATION.cff", "version: "), ("CHANGELOG.md", "## [")];

/// A heading of the change log that is not a version.
const UNRELEASED: &str = "Unreleased";

/// Compares every place that names the version of the workspace with the one of its manifest.
pub(crate) fn check(graph: &Graph, tree: &Tree) -> Vec<Finding> {
    let Some(manifest) = tree.text("Cargo.toml") else { return Vec::new() };
    let Some(version) = workspace_version(manifest) else {
        return vec![Finding::new("Cargo.toml", 1, "[workspace.package] has no version")];
    };
    let mut findings = Vec::new();
    let crates: Vec<&str> = graph.members.iter().map(|member| member.name.as_str()).collect();
    for file in tree.files().iter().filter(|file| has_requirements(&file.path)) {
        // A requirement of a README leaves the last number out: it holds for every fix.
        let expected = match file.path.ends_with(".md") {
            true => version.rsplit_once('.').map_or(version, |(compatible, _)| compatible),
            false => version,
        };
        for (line, name, got) in requirements(&file.text, &crates) {
            if got != expected {
                let message = format!("`{name}` has version {got}, expected {expected}");
                findings.push(Finding::new(&file.path, line, message));
            }
        }
    }
    for (path, start) in GIVEN {
        findings.extend(check_given(path, start, version, tree.text(path).unwrap_or_default()));
    }
    findings
}

/// The first version that a file gives is that of the workspace.
fn check_given(path: &str, start: &str, version: &str, text: &str) -> Option<Finding> {
    let given = text.lines().enumerate().find_map(|(index, line)| {
        let word = line.strip_prefix(start)?.split([']', ' ']).next()?;
        (word != UNRELEASED).then_some((index + 1, word.trim_matches('"')))
    });
    match given {
        Some((_, got)) if got == version => None,
        Some((line, got)) => {
            Some(Finding::new(path, line, format!("version {got}, expected {version}")))
        }
        None => Some(Finding::new(path, 1, format!("no version, expected {version}"))),
    }
}

/// Files that say in which version a crate of the workspace is needed.
fn has_requirements(path: &str) -> bool {
    path == "Cargo.toml" || path == "README.md" || path.ends_with("/README.md")
}

fn workspace_version(manifest: &str) -> Option<&str> {
    let mut lines = manifest.lines();
    lines.find(|line| *line == "[workspace.package]")?;
    let mut section = lines.take_while(|line| !line.starts_with('['));
    section.find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
}

/// Lines such as `name = "1.0"` and `name = { version = "1.0" }` for these crates: the number of the
/// line, the name and the version.
fn requirements<'a>(
    text: &'a str,
    crates: &'a [&'a str],
) -> impl Iterator<Item = (usize, &'a str, &'a str)> {
    text.lines().enumerate().filter_map(move |(index, line)| {
        let (name, wanted) = line.split_once(" = ")?;
        let name = crates.iter().find(|known| **known == name)?;
        let quoted = match wanted.strip_prefix('"') {
            Some(quoted) => quoted,
            None => wanted.split_once("version = \"")?.1,
        };
        Some((index + 1, *name, quoted.split('"').next()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[workspace.package]\nversion = \"1.2.0\"\nedition = \"2024\"\n\n\
                            [workspace.dependencies]\n\
                            bids = { path = \"crates/bids\", version = \"1.2.0\" }\n\
                            fixtures = { path = \"crates/fixtures\" }\nother = \"0.9\"\n";
    const README: &str = "```toml\n[dependencies]\nbids = \"1.2\"\nother = \"0.9\"\n```\n";
    const LOG: &str = "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-01-31\n\n## [1.1.0]\n";
    const CITATION: &str = "cff-version: 1.2.0\nversion: 1.2.0\n";

    fn check(changed: &str, from: &str, to: &str, expected: &[&str]) {
        let graph = Graph::synthetic(&["bids", "fixtures"], &[]);
        let files = [
            ("Cargo.toml", MANIFEST),
            ("crates/bids/README.md", README),
            ("CHANGELOG.md", LOG),
            ("CITATION.cff", CITATION),
        ];
        let texts = files.map(|(path, text)| match path == changed {
            true => {
                assert!(text.contains(from), "{from}");
                text.replacen(from, to, 1)
            }
            false => text.to_owned(),
        });
        let tree: Vec<(&str, &str)> =
            files.iter().zip(&texts).map(|((path, _), text)| (*path, text.as_str())).collect();
        let findings = super::check(&graph, &Tree::of(&tree));
        let shown: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn one_version_is_fine() {
        check("", "", "", &[]);
    }

    #[test]
    fn every_other_version_is_named_with_its_place() {
        check(
            "Cargo.toml",
            "bids\", version = \"1.2.0",
            "bids\", version = \"1.1.0",
            &["Cargo.toml:6: `bids` has version 1.1.0, expected 1.2.0"],
        );
        check(
            "crates/bids/README.md",
            "\"1.2\"",
            "{ version = \"1.1\", features = [\"x\"] }",
            &["crates/bids/README.md:3: `bids` has version 1.1, expected 1.2"],
        );
        check(
            "CHANGELOG.md",
            "## [1.2.0] - 2026-01-31\n",
            "",
            &["CHANGELOG.md:6: version 1.1.0, expected 1.2.0"],
        );
        check(
            "CITATION.cff",
            "\nversion: 1.2.0",
            "\nversion: \"1.1.0\"",
            &["CITATION.cff:2: version 1.1.0, expected 1.2.0"],
        );
        check(
            "CITATION.cff",
            "\nversion: 1.2.0",
            "",
            &["CITATION.cff:1: no version, expected 1.2.0"],
        );
        check(
            "Cargo.toml",
            "version = \"1.2.0\"\nedition",
            "edition",
            &["Cargo.toml:1: [workspace.package] has no version"],
        );
    }
}
