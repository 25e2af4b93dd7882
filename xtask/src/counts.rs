//! How many tests passed, failed and were skipped, read from the output of test runners.

use std::fmt;
use std::ops::AddAssign;

/// A sum of test results; displayed as `N passed, N failed, N skipped`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    /// Reads a summary line of nextest, of libtest or of pytest; any other line gives nothing.
    ///
    /// Summaries inside the captured output of a failing test are indented and do not count.
    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let plain = without_escapes(line);
        if let Some(result) = plain.strip_prefix("test result:") {
            let (_, numbers) = result.split_once('.')?;
            return Some(Self::from_parts(numbers.split(';')));
        }
        if plain.starts_with('=') && plain.ends_with('=') {
            let (numbers, _) = plain.trim_matches(['=', ' ']).rsplit_once(" in ")?;
            return Some(Self::from_parts(numbers.split(',')));
        }
        let summary = plain.trim_start().strip_prefix("Summary [")?;
        let (head, numbers) = summary.split_once(" run: ")?;
        if !head.ends_with("tests") && !head.ends_with("test") {
            return None;
        }
        let numbers = without_parentheses(numbers);
        Some(Self::from_parts(numbers.split(',')))
    }

    /// Adds the results of tests which an earlier run has counted as skipped.
    ///
    /// What the later run itself skipped was only filtered out, so it does not count.
    pub(crate) fn add_rerun(&mut self, later: Self) {
        self.passed += later.passed;
        self.failed += later.failed;
        self.skipped = self.skipped.saturating_sub(later.run());
    }

    /// The number of tests that were run.
    pub(crate) fn run(&self) -> u64 {
        self.passed + self.failed
    }

    fn from_parts<'a>(parts: impl Iterator<Item = &'a str>) -> Self {
        let mut counts = Self::default();
        for part in parts {
            let Some((number, label)) = part.trim().split_once(' ') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match label.trim() {
                "passed" => counts.passed += number,
                "failed" | "timed out" | "exec failed" | "error" | "errors" => {
                    counts.failed += number;
                }
                "skipped" | "ignored" => counts.skipped += number,
                _ => {}
            }
        }
        counts
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Removes terminal escape sequences (`ESC [ ... letter`) and the line end.
fn without_escapes(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut characters = line.trim_end().chars();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            plain.push(character);
        } else if characters.next() == Some('[') {
            characters.by_ref().find(char::is_ascii_alphabetic);
        }
    }
    plain
}

/// Removes parenthesised remarks: `3 passed (1 slow, 1 flaky)` has a comma of its own.
fn without_parentheses(text: &str) -> String {
    let mut depth = 0_u32;
    text.chars()
        .filter(|character| match character {
            '(' => {
                depth += 1;
                false
            }
            ')' => {
                depth = depth.saturating_sub(1);
                false
            }
            _ => depth == 0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<(u64, u64, u64)>) {
        let expected = expected.map(|(passed, failed, skipped)| Counts { passed, failed, skipped });
        assert_eq!(Counts::from_line(line), expected, "{line}");
    }

    #[test]
    fn nextest_summaries_are_read() {
        check("     Summary [   0.005s] 3 tests run: 3 passed, 0 skipped\n", Some((3, 0, 0)));
        check("     Summary [   0.005s] 1 test run: 1 passed, 7 skipped", Some((1, 0, 7)));
        check(
            "     Summary [  61.2s] 9 tests run: 5 passed (1 slow, 2 flaky), 2 failed, 1 timed out, \
             1 exec failed, 4 skipped",
            Some((5, 4, 4)),
        );
        check(
            "     Summary [   1.2s] 2/8 tests run: 1 passed, 1 failed, 0 skipped",
            Some((1, 1, 0)),
        );
        check("Summary [   1.2s] 0 tests run: 0 passed, 3 skipped", Some((0, 0, 3)));
    }

    #[test]
    fn nextest_summaries_are_read_through_colour() {
        check(
            "\u{1b}[32;1m     Summary\u{1b}[0m [   0.005s] \u{1b}[1m3\u{1b}[0m tests run: \
             \u{1b}[1m2\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m1\u{1b}[0m skipped",
            Some((2, 0, 1)),
        );
    }

    #[test]
    fn libtest_summaries_are_read() {
        check(
            "test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 5 filtered out; \
             finished in 0.02s",
            Some((12, 0, 3)),
        );
        check("test result: FAILED. 1 passed; 2 failed; 0 ignored", Some((1, 2, 0)));
    }

    #[test]
    fn pytest_summaries_are_read() {
        check("======== 12 passed, 1 skipped, 2 warnings in 3.21s ========", Some((12, 0, 1)));
        check("= 1 failed, 2 passed, 3 errors in 63.05s (0:01:03) =", Some((2, 4, 0)));
        check("========== test session starts ==========", None);
        check("= FAILURES in here =", Some((0, 0, 0)));
    }

    #[test]
    fn other_lines_and_captured_output_give_nothing() {
        check("running 3 tests", None);
        check("", None);
        check("    test result: FAILED. 0 passed; 1 failed; 0 ignored", None);
        check("     Summary [   0.005s] nothing was run: really", None);
    }

    #[test]
    fn a_rerun_replaces_skipped_tests() {
        let mut counts = Counts { passed: 10, failed: 0, skipped: 3 };
        counts.add_rerun(Counts { passed: 1, failed: 1, skipped: 99 });
        assert_eq!(counts, Counts { passed: 11, failed: 1, skipped: 1 });
        counts.add_rerun(Counts { passed: 5, failed: 0, skipped: 0 });
        assert_eq!(counts.to_string(), "16 passed, 1 failed, 0 skipped");
    }
}
