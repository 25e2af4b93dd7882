//! The images that revision r2 moved to another fold, so that known duplicates share one.

use std::fmt::Write;

use anyhow::{Result, bail};
use laion_fmri::splits::Pool;

const COLUMNS: &str = "pool\timage_name\told_fold\tnew_fold";

/// One image that changes its fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    pub(super) pool: Pool,
    pub(super) image_name: String,
    pub(super) old_fold: usize,
    pub(super) new_fold: usize,
}

pub(super) fn parse(text: &str) -> Result<Vec<Move>> {
    let mut lines = text.lines();
    if lines.next() != Some(COLUMNS) {
        bail!("the first line has to be {COLUMNS:?}");
    }
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [pool, image_name, old_fold, new_fold] = fields[..] else {
                bail!("{line:?} has not four columns");
            };
            Ok(Move {
                pool: pool.parse()?,
                image_name: image_name.to_owned(),
                old_fold: old_fold.parse()?,
                new_fold: new_fold.parse()?,
            })
        })
        .collect()
}

pub(super) fn to_text(moves: &[Move]) -> String {
    let mut text = format!("{COLUMNS}\n");
    for Move { pool, image_name, old_fold, new_fold } in moves {
        // Writing to a text does not fail.
        let _ = writeln!(text, "{pool}\t{image_name}\t{old_fold}\t{new_fold}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_moves_undo_each_other() {
        let text = include_str!("../../splits/moves.tsv");
        let moves = parse(text).unwrap();
        assert_eq!(to_text(&moves), text);
        let counts = Pool::ALL.iter().map(|pool| moves.iter().filter(|m| m.pool == *pool).count());
        assert_eq!(counts.collect::<Vec<_>>(), [0, 13, 20, 11, 10, 12]);
    }

    #[test]
    fn other_files_are_refused() {
        for line in ["shared\ta.jpg\t1", "nobody\ta.jpg\t1\t2", "shared\ta.jpg\tone\t2"] {
            assert!(parse(&format!("{COLUMNS}\n{line}\n")).is_err(), "{line:?}");
        }
        assert!(parse("").is_err());
    }
}
