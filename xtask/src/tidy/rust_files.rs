//! Rules for single Rust files: purpose line, length, silenced lints, reminders, `expect`, words of the
//! command line in libraries.

use crate::tidy::Finding;
use crate::tidy::source::Source;

/// Lines of a file, those under `#[cfg(test)]` not counted.
const MAX_LINES: usize = 600;

/// Lines of a `lib.rs`, everything counted but the attributes that put an item behind a feature.
const MAX_LIB_LINES: usize = 80;

/// How far above an `expect` the comment may be that says why it cannot fail.
const INVARIANT_DISTANCE: usize = 3;

/// The one file with `unsafe`: a call of the system that has no safe form.
const UNSAFE: &str = "crates/base/src/zeroed/huge_pages.rs";

/// Checks one file; `path` is relative to the root.
pub(crate) fn check(path: &str, text: &str) -> Vec<Finding> {
    let source = Source::parse(text);
    let mut findings = Vec::new();
    check_layout(path, text, &source, &mut findings);
    check_code(path, &source, &mut findings);
    check_reminders(path, &source, &mut findings);
    check_glob_exports(path, &source, &mut findings);
    if is_library_source(path) {
        check_expects(path, &source, &mut findings);
        check_command_line(path, &source, &mut findings);
    }
    findings
}

fn check_layout(path: &str, text: &str, source: &Source, findings: &mut Vec<Finding>) {
    let first = text.lines().next().unwrap_or("");
    if first.strip_prefix("//! ").is_none_or(|purpose| purpose.trim().is_empty()) {
        findings.push(Finding::new(path, 1, "the file does not start with a `//!` purpose line"));
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    if name == "mod.rs" {
        findings.push(Finding::new(path, 1, "modules are `foo.rs` beside `foo/`, never `mod.rs`"));
    }
    let lines = text.lines().count();
    let conditions = text.lines().filter(|line| is_condition(line)).count();
    let listed = lines - conditions;
    if path.starts_with("crates/") && path.ends_with("/src/lib.rs") && listed > MAX_LIB_LINES {
        let message = format!("lib.rs has {listed} lines, expected at most {MAX_LIB_LINES}");
        findings.push(Finding::new(path, MAX_LIB_LINES + 1, message));
    }
    let without_tests = source.test.iter().filter(|test| !**test).count();
    if !is_test_source(path) && without_tests > MAX_LINES {
        let message = format!("{without_tests} lines without tests, expected at most {MAX_LINES}");
        findings.push(Finding::new(path, 1, message));
    }
}

/// Whether a line is nothing but a `cfg` or a `cfg_attr`.
fn is_condition(line: &str) -> bool {
    ["#[cfg(", "#[cfg_attr(", "#![cfg_attr("].iter().any(|start| line.starts_with(start))
        && line.ends_with(")]")
}

fn check_code(path: &str, source: &Source, findings: &mut Vec<Finding>) {
    for (number, code) in numbered(&source.code) {
        if code.contains("#[allow(") || code.contains("#![allow(") {
            let message = "`allow` silences a lint for good; use `expect` with a reason";
            findings.push(Finding::new(path, number, message));
        }
        // Also the lint that is expected there: without it, the compiler refuses the word.
        if path != UNSAFE && (has_word(code, "unsafe") || has_word(code, "unsafe_code")) {
            findings.push(Finding::new(path, number, "`unsafe` is in one file alone"));
        }
        for name in ["todo", "unimplemented", "dbg"] {
            if has_word(code, &format!("{name}!")) {
                findings.push(Finding::new(path, number, format!("`{name}!` is not for the tree")));
            }
        }
    }
}

fn check_reminders(path: &str, source: &Source, findings: &mut Vec<Finding>) {
    for (number, comment) in numbered(&source.comments) {
        for reminder in ["TODO", "FIXME"] {
            if has_word(comment, reminder) {
                let message = format!("{reminder} comment: do it, or write an issue");
                findings.push(Finding::new(path, number, message));
            }
        }
    }
}

fn check_glob_exports(path: &str, source: &Source, findings: &mut Vec<Finding>) {
    let mut exported: Option<usize> = None;
    for (number, code) in numbered(&source.code) {
        let statement = code.trim_start();
        if statement.starts_with("pub use ")
            || statement.starts_with("pub(") && statement.contains(") use ")
        {
            exported = Some(number);
        }
        let Some(start) = exported else { continue };
        let (statement, ended) = match code.split_once(';') {
            Some((statement, _)) => (statement, true),
            None => (code, false),
        };
        if statement.contains('*') {
            let message = "glob re-export: the reader cannot tell where a name comes from";
            findings.push(Finding::new(path, start, message));
        }
        if ended {
            exported = None;
        }
    }
}

fn check_expects(path: &str, source: &Source, findings: &mut Vec<Finding>) {
    for (number, code) in numbered(&source.code) {
        if source.test[number - 1] || !code.contains(".expect(") {
            continue;
        }
        if !has_invariant_above(source, number - 1) {
            let message = "`.expect(` without an `// INVARIANT:` line above that says why it holds";
            findings.push(Finding::new(path, number, message));
        }
    }
}

/// A library hands out values; what to type is said by the command, and by others in their own way.
fn check_command_line(path: &str, source: &Source, findings: &mut Vec<Finding>) {
    for (number, text) in numbered(&source.literals) {
        if !source.test[number - 1] && speaks_command_line(text) {
            let message =
                "words of the command line in a library: carry the value, let the command say it";
            findings.push(Finding::new(path, number, message));
        }
    }
}

/// Whether a text has a command (`laion-fmri` and a word) or an option (two hyphens and a letter).
fn speaks_command_line(text: &str) -> bool {
    let followed_by_letter = |mark: &str| {
        text.match_indices(mark).any(|(start, mark)| {
            text[start + mark.len()..].starts_with(|next: char| next.is_ascii_lowercase())
        })
    };
    let option = text.match_indices("--").any(|(start, mark)| {
        let begins =
            text[..start].chars().next_back().is_none_or(|before| " (`\"'".contains(before));
        begins && text[start + mark.len()..].starts_with(|next: char| next.is_ascii_lowercase())
    });
    option || followed_by_letter("laion-fmri ")
}

/// Whether a comment that starts within the distance above line `index` states the invariant.
/// Of a comment of several lines the last one is what has to be near.
fn has_invariant_above(source: &Source, index: usize) -> bool {
    let is_comment = |line: usize| {
        source.code[line].trim().is_empty() && !source.comments[line].trim().is_empty()
    };
    let nearest = index.saturating_sub(INVARIANT_DISTANCE);
    let mut line = index;
    while line > 0 && (line > nearest || (is_comment(line) && is_comment(line - 1))) {
        line -= 1;
        if source.comments[line].trim_start().starts_with("// INVARIANT:") {
            return true;
        }
    }
    false
}

/// Lines with their numbers from 1.
fn numbered(lines: &[String]) -> impl Iterator<Item = (usize, &str)> {
    lines.iter().enumerate().map(|(index, line)| (index + 1, line.as_str()))
}

/// Whether `word` is in `text` and is not the end or the start of a longer word.
fn has_word(text: &str, word: &str) -> bool {
    let in_a_word = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(word).any(|(start, _)| {
        !text[..start].ends_with(in_a_word) && !text[start + word.len()..].starts_with(in_a_word)
    })
}

/// Sources of crates that other crates build upon.
fn is_library_source(path: &str) -> bool {
    path.starts_with("crates/")
        && !path.starts_with("crates/cli/")
        && path.contains("/src/")
        && !is_test_source(path)
}

/// Files that hold nothing but tests.
fn is_test_source(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

#[cfg(test)]
mod tests {
    use super::UNSAFE;

    /// Checks a text behind a purpose line, and compares what is found on which of its lines.
    fn check(path: &str, text: &str, expected: &[(usize, &str)]) {
        let findings = super::check(path, &format!("//! Purpose.\n{text}"));
        let found: Vec<(usize, &str)> =
            findings.iter().map(|finding| (finding.line - 1, finding.message.as_str())).collect();
        assert_eq!(found.len(), expected.len(), "{path}: {text:?}: {found:?}");
        for ((line, message), (expected_line, expected_part)) in found.iter().zip(expected) {
            assert_eq!(line, expected_line, "{path}: {text:?}: {message}");
            assert!(message.contains(expected_part), "{path}: {text:?}: {message}");
        }
    }

    #[test]
    fn every_file_says_what_it_is_for() {
        for text in ["", "fn a() {}", "//!\n", "//! \n", "// A comment.\n", "\n//! Late.\n"] {
            let findings = super::check("crates/bids/src/entity.rs", text);
            assert_eq!(findings.len(), 1, "{text:?}");
            assert!(findings[0].message.contains("purpose line"), "{text:?}");
        }
        check("crates/bids/src/entity.rs", "", &[]);
    }

    #[test]
    fn module_files_stand_beside_their_folders() {
        check("crates/bids/src/name/mod.rs", "", &[(0, "never `mod.rs`")]);
        check("crates/bids/src/name/model.rs", "", &[]);
    }

    #[test]
    fn lib_files_are_short() {
        check("crates/bids/src/lib.rs", &"\n".repeat(79), &[]);
        check("crates/bids/src/lib.rs", &"\n".repeat(80), &[(80, "has 81 lines")]);
        let gated = "#[cfg(feature = \"png\")]\nmod png;\n".repeat(79);
        check("crates/bids/src/lib.rs", &gated, &[]);
    }

    #[test]
    fn files_are_limited_without_their_tests() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "    a();\n".repeat(500));
        let path = "crates/bids/src/name.rs";
        check(path, &format!("{}{tests}", "a();\n".repeat(599)), &[]);
        check(path, &format!("{}{tests}", "a();\n".repeat(600)), &[(0, "601 lines without tests")]);
        check("crates/bids/tests/names.rs", &"a();\n".repeat(700), &[]);
        check("crates/bids/src/name/tests.rs", &"a();\n".repeat(700), &[]);
    }

    #[test]
    fn libraries_do_not_speak_command_line() {
        let path = "crates/laion-fmri/src/error.rs";
        let found = &[(1, "words of the command line")];
        for text in [
            r#"f("run laion-fmri download first")"#,
            r#"f("add --nan drop")"#,
            r#"f("--jobs")"#,
            r#"f("several sessions need one map (--nc-desc)")"#,
        ] {
            check(path, text, found);
            check("crates/cli/src/hint.rs", text, &[]);
            check(path, &format!("#[cfg(test)]\nmod tests {{ {text} }}"), &[]);
        }
        for text in [
            "// laion-fmri download --subject",
            r#"f("laion-fmri 0.1.0")"#,
            r#"f(concat!("laion-fmri ", "1"))"#,
            r#"f("a -- b", "--", "sub-01--x")"#,
        ] {
            check(path, text, &[]);
        }
    }

    #[test]
    fn silenced_lints_and_leftover_macros_are_found_in_code_only() {
        let path = "crates/cli/src/main.rs";
        check(path, "#[allow(dead_code)]", &[(1, "`allow`")]);
        check(path, "#![allow(dead_code)]", &[(1, "`allow`")]);
        check(path, "fn a() { todo!() }", &[(1, "`todo!`")]);
        check(path, "fn a() {\n    unimplemented!()\n}", &[(2, "`unimplemented!`")]);
        check(path, "let b = dbg!(c);", &[(1, "`dbg!`")]);
        check(path, "#[expect(dead_code, reason = \"b\")]", &[]);
        check(path, "let b = \"#[allow(dead_code)] todo!()\"; // dbg!", &[]);
        check(path, "not_todo!();", &[]);
    }

    #[test]
    fn unsafe_code_is_found_outside_of_its_file() {
        let text = "// No unsafe code.\nlet a = \"unsafe\";\nunsafe { b() };\nunsafe_code();";
        check("crates/base/src/zeroed.rs", text, &[(3, "one file"), (4, "one file")]);
        check(UNSAFE, "//! Pages.\nunsafe { b() };", &[]);
    }

    #[test]
    fn reminders_are_found_in_comments_only() {
        let path = "crates/cli/src/main.rs";
        check(path, "// TODO: later", &[(1, "TODO comment")]);
        check(path, "/* FIXME(name) */", &[(1, "FIXME comment")]);
        check(path, "let a = \"TODO\"; // mastodon TODOS", &[]);
    }

    #[test]
    fn glob_exports_are_found() {
        let path = "crates/bids/src/lib.rs";
        check(path, "pub use name::*;", &[(1, "glob")]);
        check(path, "pub(crate) use name::{a, b::*};", &[(1, "glob")]);
        check(path, "pub use name::{\n    a,\n    b::*,\n};", &[(1, "glob")]);
        check(path, "pub use name::a;\nuse name::*;\nlet b = c * d;", &[]);
    }

    #[test]
    fn an_expect_in_a_library_needs_its_invariant() {
        let path = "crates/bids/src/name.rs";
        let missing: &[(usize, &str)] = &[(1, "INVARIANT")];
        check(path, "a.expect(\"b\");", missing);
        check(path, "// INVARIANT: a is some.\na.expect(\"b\");", &[]);
        check(path, "// INVARIANT: a is some.\na\n    .b()\n    .expect(\"b\");", &[]);
        check(path, "// INVARIANT: a.\na\n.b()\n.c()\n.expect(\"b\");", &[(5, "INVARIANT")]);
        check(path, "// INVARIANT: a is\n// some,\n// always,\n// really.\na.expect(\"b\");", &[]);
        check(path, "// It holds.\na.expect(\"b\");", &[(2, "INVARIANT")]);
        check(path, "a.expect_err(\"b\");\n/// a.expect(\"b\")", &[]);
        check(path, "#[cfg(test)]\nmod tests {\n    a.expect(\"b\");\n}", &[]);
        check("crates/bids/tests/tests.rs", "a.expect(\"b\");", &[]);
        check("crates/cli/src/main.rs", "a.expect(\"b\");", &[]);
    }
}
