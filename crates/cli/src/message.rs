//! Messages on standard error: above progress, and on a narrow terminal wrapped at words.

use std::io::{self, Write};

use console::{Term, measure_text_width, strip_ansi_codes};
use textwrap::core::Word;
use textwrap::{Options, WordSeparator, WordSplitter};

use crate::progress;

/// What the lines behind the first begin with.
const INDENT: &str = "  ";

/// Prints lines of text for people.
pub(crate) fn print(text: &str) {
    let columns = Term::stderr().size_checked().map(|(_, columns)| usize::from(columns));
    let lines = text.lines().map(|line| match columns.filter(|columns| *columns > 0) {
        Some(columns) => wrapped(line, columns),
        None => line.to_owned(),
    });
    write(&lines.collect::<Vec<_>>().join("\n"));
}

/// Prints a line for programs.
pub(crate) fn print_json(line: &str) {
    write(line);
}

fn write(text: &str) {
    // Nothing is left to tell a user whose standard error is gone.
    let _ = progress::write_above(format!("{text}\n").as_bytes());
}

/// Takes whole messages in the place of a stream.
#[derive(Debug)]
pub(crate) struct Messages;

impl Write for Messages {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        print(&String::from_utf8_lossy(message));
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A line in lines of at most so many columns, as far as that goes without breaking words and commands.
fn wrapped(line: &str, columns: usize) -> String {
    if measure_text_width(line) <= columns {
        return line.to_owned();
    }
    let options = Options::new(columns)
        .subsequent_indent(INDENT)
        .break_words(false)
        .word_separator(WordSeparator::Custom(words))
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::wrap(line, options).join("\n")
}

/// The words of a line. What is to be pasted is one word, however long: the terminal wraps it, and
/// gives it back in one piece.
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let (prose, pasted) = line.split_at(start_of_pasted(line));
    let pasted = (!pasted.is_empty()).then(|| Word::from(pasted));
    Box::new(WordSeparator::AsciiSpace.find_words(prose).chain(pasted))
}

/// Where the part of a line begins that may be pasted into a shell: with the clause of the first word
/// that is only typed there.
fn start_of_pasted(line: &str) -> usize {
    let is_hint = strip_ansi_codes(line).starts_with("hint:");
    let mut clause = 0;
    let mut at = 0;
    for (number, word) in line.split(' ').enumerate() {
        if is_typed(word, is_hint) {
            return clause;
        }
        at += word.len() + 1;
        // The label of a message stays with what follows.
        if number > 0 && word.ends_with([',', ';', ':']) {
            clause = at.min(line.len());
        }
    }
    line.len()
}

/// Whether a word belongs to a command. Hints name options and values too.
fn is_typed(word: &str, is_hint: bool) -> bool {
    const COMMANDS: [&str; 4] = ["laion-fmri", "mkdir", "h5repack", "rm"];
    let word = word.trim_start_matches(['(', '$']);
    let is_value = || word.starts_with('-') || word.contains(['"', '\'', '=']);
    COMMANDS.contains(&word) || is_hint && is_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wrapped_at_words() {
        let line = "error: sub-01 has no V1; ROIs: FFA1, FFA2, PPA; categories: face, place";
        assert_eq!(wrapped(line, 80), line);
        assert_eq!(
            wrapped(line, 30),
            "error: sub-01 has no V1; ROIs:\n  FFA1, FFA2, PPA; categories:\n  face, place"
        );
        let red = format!("\x1b[1;31merror:\x1b[0m {}", &line[7..]);
        assert_eq!(wrapped(&red, 30).lines().count(), 3);
        // A word that is longer than a line is left to the terminal.
        let path = "error: cannot read /data/derivatives/glmsingle-tedana/sub-01/x.nii.gz: denied";
        let lines =
            "error: cannot read\n  /data/derivatives/glmsingle-tedana/sub-01/x.nii.gz:\n  denied";
        assert_eq!(wrapped(path, 24), lines);
    }

    #[test]
    fn what_is_pasted_stays_in_one_piece() {
        for hint in [
            "hint: laion-fmri download --subject sub-01 --ses ses-02 --desc SingletrialBetas",
            "hint: --roi face place, or --roi \"face | place\"",
            "hint: add --nc-desc, so that one subject-level map selects the same voxels",
            "hint: LAION_FMRI_ACCESS_URL=https://HOST",
        ] {
            for colored in [hint.to_owned(), hint.replace("hint:", "\x1b[1;36mhint:\x1b[0m")] {
                assert_eq!(wrapped(&colored, 20), colored);
            }
        }
        assert_eq!(
            wrapped(
                "hint: this takes one subject: for s in $(laion-fmri subjects); do x; done",
                30
            ),
            "hint: this takes one subject:\n  for s in $(laion-fmri subjects); do x; done"
        );
        assert_eq!(
            wrapped("note: the image table is not on disk; laion-fmri download-stimuli -n", 30),
            "note: the image table is not\n  on disk;\n  laion-fmri download-stimuli -n"
        );
        assert_eq!(
            wrapped("hint: the nearest names are shared_1.jpg and shared_2.jpg", 32),
            "hint: the nearest names are\n  shared_1.jpg and shared_2.jpg"
        );
    }
}
