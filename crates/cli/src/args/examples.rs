//! The examples at the end of every `--help` and manual page.
//!
//! A test runs all of them, in the order of the commands, on a small bucket: each may use what those
//! above it wrote.

mod arrays;
mod chain;
mod files;

/// A command by its names, and its examples.
type Examples = (&'static str, &'static [Example]);

/// What a command line is for, and the command line.
pub(crate) struct Example {
    pub(crate) purpose: &'static str,
    pub(crate) line: &'static str,
}

const fn example(purpose: &'static str, line: &'static str) -> Example {
    Example { purpose, line }
}

/// The examples of a command, by its names: `nc compute`, and the empty text for `laion-fmri` itself.
pub(crate) fn of(path: &str) -> &'static [Example] {
    let all = [files::EXAMPLES, arrays::EXAMPLES, chain::EXAMPLES];
    let mut all = all.into_iter().flatten();
    all.find(|(known, _)| *known == path).map_or(&[], |(_, examples)| *examples)
}
