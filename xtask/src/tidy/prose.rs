//! The width of prose in Markdown files.

use crate::tidy::Finding;

/// Columns of a line of prose.
const MAX_COLUMNS: usize = 100;

/// Checks one file; `path` is relative to the root. Code, tables, headings, comments and link
/// definitions may be wider, and so may a word without a space.
pub(crate) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !path.ends_with(".md") {
        return findings;
    }
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        let content = line.trim_start();
        if content.starts_with("```") {
            in_code = !in_code;
        } else if !in_code && is_prose(content) && is_too_wide(line) {
            let message = format!(
                "a line of prose has {} columns, expected at most {MAX_COLUMNS}",
                line.chars().count()
            );
            findings.push(Finding::new(path, index + 1, message));
        }
    }
    findings
}

fn is_prose(content: &str) -> bool {
    let is_link_definition = content.starts_with('[') && content.contains("]: ");
    !is_link_definition && !content.starts_with(['|', '#']) && !content.starts_with("<!--")
}

/// Whether the line is too long and could be broken at a space.
fn is_too_wide(line: &str) -> bool {
    line.chars().count() > MAX_COLUMNS && line.trim_start().contains(' ')
}

#[cfg(test)]
mod tests {
    fn check(text: &str, expected: &[usize]) {
        let lines: Vec<usize> =
            super::check("README.md", text).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, expected, "{text:?}");
    }

    #[test]
    fn prose_has_a_width() {
        let widest = format!("{} {}", "é".repeat(50), "x".repeat(49));
        check(&widest, &[]);
        check(&format!("short\n{widest}x"), &[2]);
        check(&format!("* item\n  {widest}"), &[2]);
        assert!(super::check("notes.txt", &format!("{widest}x")).is_empty());
    }

    #[test]
    fn what_cannot_be_wrapped_has_none() {
        let wide = "x y ".repeat(40);
        for start in ["|", "# ", "<!-- ", "[name]: "] {
            check(&format!("{start}{wide}"), &[]);
        }
        check(&format!("```text\n{wide}\n```\n{wide}"), &[4]);
        check(&"x".repeat(120), &[]);
    }
}
