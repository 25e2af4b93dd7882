//! Every crate has a charter in ARCHITECTURE.md, and its README opens with it.

use std::collections::BTreeMap;

use crate::tidy::Finding;
use crate::tidy::graph::Graph;
use crate::tidy::tree::Tree;

const ARCHITECTURE: &str = "ARCHITECTURE.md";

/// A row of the table of charters.
#[derive(Debug, Eq, PartialEq)]
struct Charter {
    line: usize,
    sentence: String,
}

/// Compares the table of ARCHITECTURE.md, the members, and their READMEs.
pub(crate) fn check(graph: &Graph, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let charters = charters(tree.text(ARCHITECTURE).unwrap_or(""));
    for (name, charter) in &charters {
        if !graph.members.iter().any(|member| member.name == *name) {
            let message = format!("charter of {name}, which is no crate of the workspace");
            findings.push(Finding::new(ARCHITECTURE, charter.line, message));
        }
    }
    for member in &graph.members {
        let readme = format!("{}/README.md", member.folder);
        let Some(charter) = charters.get(&member.name) else {
            let message = format!("no row for {} in the table of charters", member.name);
            findings.push(Finding::new(ARCHITECTURE, 1, message));
            continue;
        };
        match tree.text(&readme) {
            None => findings.push(Finding::new(&readme, 1, "the crate has no README.md")),
            Some(text) => {
                let (line, paragraph) = first_paragraph(text);
                if paragraph != charter.sentence {
                    let message = format!(
                        "the first paragraph is not the charter: expected {:?}, got {paragraph:?}",
                        charter.sentence
                    );
                    findings.push(Finding::new(&readme, line, message));
                }
            }
        }
    }
    findings
}

/// The rows below a header `| crate | charter | ...`, by crate name.
fn charters(architecture: &str) -> BTreeMap<String, Charter> {
    let mut charters = BTreeMap::new();
    let mut in_table = false;
    for (index, line) in architecture.lines().enumerate() {
        let Some(row) = line.trim().strip_prefix('|') else {
            in_table = false;
            continue;
        };
        let mut cells = row.split('|').map(str::trim);
        let (Some(name), Some(sentence)) = (cells.next(), cells.next()) else { continue };
        if (name, sentence) == ("crate", "charter") {
            in_table = true;
        } else if in_table && !name.starts_with('-') {
            let charter = Charter { line: index + 1, sentence: one_line(sentence) };
            charters.insert(name.trim_matches('`').to_owned(), charter);
        }
    }
    charters
}

/// The first paragraph that is not a heading, on one line, and where it starts (from 1).
fn first_paragraph(text: &str) -> (usize, String) {
    let mut lines = text
        .lines()
        .enumerate()
        .skip_while(|(_, line)| line.trim().is_empty() || line.starts_with('#'))
        .peekable();
    let number = lines.peek().map_or(1, |(index, _)| index + 1);
    let paragraph: Vec<&str> =
        lines.map(|(_, line)| line).take_while(|line| !line.trim().is_empty()).collect();
    (number, one_line(&paragraph.join(" ")))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "# Map\n\n| crate | charter | never |\n|---|---|---|\n\
                         | `bids` | Parses names. | I/O |\n\n| other | table |\n|---|---|\n| a | b |\n";

    fn check(members: &[&str], readme: &str, expected: &[&str]) {
        let graph = Graph::synthetic(members, &[]);
        let tree = Tree::of(&[(ARCHITECTURE, TABLE), ("crates/bids/README.md", readme)]);
        let findings: Vec<String> =
            super::check(&graph, &tree).iter().map(ToString::to_string).collect();
        assert_eq!(findings, expected);
    }

    #[test]
    fn a_readme_opens_with_its_charter() {
        check(&["bids"], "# bids\n\nParses\nnames.\n\nMore.\n", &[]);
        check(
            &["bids"],
            "# bids\n\nDoes more.\n",
            &["crates/bids/README.md:3: the first paragraph is not the charter: \
               expected \"Parses names.\", got \"Does more.\""],
        );
        check(
            &["bids"],
            "",
            &["crates/bids/README.md:1: the first paragraph is not the charter: \
               expected \"Parses names.\", got \"\""],
        );
    }

    #[test]
    fn table_and_workspace_have_the_same_crates() {
        check(
            &["zebra"],
            "",
            &[
                "ARCHITECTURE.md:5: charter of bids, which is no crate of the workspace",
                "ARCHITECTURE.md:1: no row for zebra in the table of charters",
            ],
        );
    }

    #[test]
    fn a_missing_readme_is_reported() {
        let findings =
            super::check(&Graph::synthetic(&["bids"], &[]), &Tree::of(&[(ARCHITECTURE, TABLE)]));
        assert_eq!(
            findings,
            [Finding::new("crates/bids/README.md", 1, "the crate has no README.md")]
        );
    }
}
