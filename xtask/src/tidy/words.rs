//! Text that must not be anywhere in the repository: it would tie it to one machine.

use crate::tidy::Finding;

/// Starts of absolute paths, put together here so that this file is not a finding itself.
const MACHINE_PATHS: &[&str] = &[
    concat!("/", "work/"),
    concat!("/", "root/"),
    concat!("/", "home/"),
    concat!("/", "Users/"),
    concat!("..", "/shared"),
];

/// Hosts and settings of package registries: which registry is used is the machine's business.
const REGISTRIES: &[&str] = &[
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("pypi", ".org/simple"),
    concat!("files.", "pythonhosted.org"),
    concat!("--index", "-url"),
    concat!("--extra-index", "-url"),
    concat!("--find", "-links"),
    concat!("replace", "-with ="),
];

/// Written by cargo.
const GENERATED: &[&str] = &["Cargo.lock"];

/// Other than in Rust files, where comments are told from code, reminders are looked for in
/// whole lines of these.
const SCRIPTS: &[&str] = &[".py", ".sh", ".toml", ".yml", ".yaml"];

/// Checks one text file; `path` is relative to the root.
pub(crate) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if GENERATED.iter().any(|name| path == *name || path.ends_with(&format!("/{name}"))) {
        return findings;
    }
    let is_script = SCRIPTS.iter().any(|ending| path.ends_with(ending)) || path.starts_with(".ci/");
    for (index, line) in text.lines().enumerate() {
        let mut report = |message: String| {
            findings.push(Finding::new(path, index + 1, message));
        };
        for word in MACHINE_PATHS.iter().filter(|word| starts_a_path(line, word)) {
            report(format!("path of one machine: {word}"));
        }
        for word in REGISTRIES.iter().filter(|word| line.contains(**word)) {
            report(format!("package registry: {word}"));
        }
        if is_script && ["TODO", "FIXME"].iter().any(|reminder| line.contains(reminder)) {
            report("reminder in a script: do it, or write an issue".to_owned());
        }
    }
    findings
}

/// Whether `word` is in `line` and is not the middle of a longer relative path.
fn starts_a_path(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        !before
            .is_some_and(|character| character.is_alphanumeric() || "_-.~})>".contains(character))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expected: &[usize]) {
        let lines: Vec<usize> =
            super::check(path, text).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, expected, "{path}: {text:?}");
    }

    #[test]
    fn every_forbidden_word_is_found() {
        for word in MACHINE_PATHS.iter().chain(REGISTRIES) {
            check("README.md", &format!("first\nsee `{word}x`"), &[2]);
            check("Cargo.lock", word, &[]);
        }
    }

    #[test]
    fn relative_paths_and_addresses_are_no_machine_paths() {
        for word in &MACHINE_PATHS[..4] {
            check("README.md", &format!("data{word}x ..{word}x {{dir}}{word}x <dir>{word}x"), &[]);
            check("README.md", &format!("file://{word}x"), &[1]);
            check("README.md", &format!("DIR={word}x"), &[1]);
        }
    }

    #[test]
    fn reminders_are_found_in_scripts() {
        check("interop/make.py", "# TODO: later", &[1]);
        check(".ci/run", "# FIXME", &[1]);
        check("CONTRIBUTING.md", "No TODO in the tree.", &[]);
    }
}
