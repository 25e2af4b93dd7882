//! A notebook as a page: its text, its code as Python blocks, and what running them gives.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The page of a notebook, without outputs. Its reader has an empty data directory.
pub(super) fn page(name: &str, notebook: &str) -> Result<String> {
    let notebook: Value = serde_json::from_str(notebook)?;
    let cells = notebook["cells"].as_array().context("a notebook without cells")?;
    let mut parts = Vec::new();
    for cell in cells {
        let source = source(cell);
        match cell["cell_type"].as_str() {
            Some("markdown") => parts.push(source),
            Some("code") => parts.push(format!("```python\n{source}\n```")),
            other => ensure!(other == Some("raw"), "a cell of type {other:?}"),
        }
    }
    // The title stays the first line of the page.
    let setup = "<!-- before\nmkdir laion-fmri\nlaion-fmri config --data-dir ~/laion-fmri\n-->";
    let note = format!(
        "This page is the notebook `docs/notebooks/{name}.ipynb` of the repository, executed."
    );
    let first = parts.first_mut().context("a notebook without a title")?;
    let (title, rest) = first.split_once('\n').unwrap_or((first, ""));
    *first = format!("{title}\n\n{setup}\n\n{note}\n\n{}", rest.trim());
    Ok(parts.join("\n\n") + "\n")
}

/// The text of a cell, which is stored by line.
fn source(cell: &Value) -> String {
    let lines = cell["source"].as_array().map_or(&[][..], Vec::as_slice);
    lines.iter().filter_map(Value::as_str).collect()
}

/// A page without its outputs and pictures, for comparison with [`page`].
pub(super) fn without_outputs(text: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut in_output = false;
    for line in text.lines() {
        if line == "```text" || line.starts_with("![") {
            in_output = line == "```text";
            // With the empty line above.
            kept.pop();
        } else if in_output {
            in_output = line != "```";
        } else {
            kept.push(line);
        }
    }
    kept.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTEBOOK: &str = r##"{"cells": [
        {"cell_type": "markdown", "source": ["# Title\n", "\n", "Words."]},
        {"cell_type": "code", "source": ["a = 1\n", "a"], "outputs": []}
    ]}"##;

    #[test]
    fn a_notebook_becomes_a_page() {
        let page = page("n", NOTEBOOK).unwrap();
        assert!(page.starts_with("# Title\n\n<!-- before\n"), "{page}");
        assert!(page.contains("docs/notebooks/n.ipynb"), "{page}");
        assert!(page.ends_with("\n\nWords.\n\n```python\na = 1\na\n```\n"), "{page}");
        let run = page.clone() + "\n```text\n1\n```\n\n![a](b.svg)\n";
        assert_eq!(without_outputs(&run), page);
    }
}
