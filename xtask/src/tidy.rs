//! `cargo xtask tidy`: the rules of the tree, checked without compiling anything.

mod charters;
mod edges;
mod graph;
mod manifests;
mod prose;
mod rust_files;
mod source;
mod tree;
mod version;
mod words;

use std::fmt;

use anyhow::{Result, bail};

use crate::project::Project;
use crate::steps::Outcome;
use crate::tidy::graph::Graph;
use crate::tidy::tree::Tree;

/// One broken rule, displayed as `path:line: message`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Finding {
    /// Relative to the root of the repository, with `/`.
    path: String,
    /// Counted from 1.
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Prints all findings; true if there are none.
pub(crate) fn run(project: &Project) -> Result<bool> {
    let findings = findings(project)?;
    for finding in &findings {
        println!("{finding}");
    }
    println!("tidy: {} broken rules", findings.len());
    Ok(findings.is_empty())
}

/// The same as a step of `cargo xtask test`.
pub(crate) fn step(project: &Project) -> Result<Outcome> {
    println!("$ cargo xtask tidy");
    if !run(project)? {
        bail!("`cargo xtask tidy` failed");
    }
    Ok(Outcome::Done)
}

/// Everything that breaks a rule, ordered by place.
fn findings(project: &Project) -> Result<Vec<Finding>> {
    let graph = Graph::of_workspace(&project.root)?;
    let tree = Tree::read(&project.root)?;
    let mut findings = edges::check(&graph);
    findings.extend(charters::check(&graph, &tree));
    findings.extend(manifests::check(&graph, &tree));
    findings.extend(version::check(&graph, &tree));
    for file in tree.files() {
        findings.extend(words::check(&file.path, &file.text));
        findings.extend(prose::check(&file.path, &file.text));
        if file.path.ends_with(".rs") {
            findings.extend(rust_files::check(&file.path, &file.text));
        }
    }
    findings.sort();
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_repository_is_tidy() {
        let findings = findings(&Project::locate().unwrap()).unwrap();
        let listed: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(listed.is_empty(), "{}", listed.join("\n"));
    }

    #[test]
    fn a_finding_is_shown_with_its_place() {
        let finding = Finding::new("crates/bids/src/lib.rs", 7, "too long");
        assert_eq!(finding.to_string(), "crates/bids/src/lib.rs:7: too long");
    }
}
