//! Divides the betas of a subject into a training and a test set, as the recipe "Bundled train /
//! test splits" of the "Loading" page does in Python (`get_betas`, `get_trial_info`,
//! `get_split_masks`). Run it with the folder of a mirror; the tests run it on a small one.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use laion_fmri::Dataset;
use laion_fmri::ndarray::Axis;
use laion_fmri::splits::split_masks;

fn main() -> Result<(), Box<dyn Error>> {
    let root = std::env::args_os().nth(1).map(PathBuf::from).ok_or("usage: divide_betas DIR")?;
    run(&root, &mut io::stdout())
}

pub(crate) fn run(root: &Path, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let subject = Dataset::open(root)?.subject("sub-03")?;
    let sessions = subject.sessions()?;

    // The trials of all sessions below each other: (n_trials, n_voxels), float32.
    let betas = subject.betas().roi("visual").sessions(&sessions).concat()?.betas;
    let trials = subject.trials_of(&sessions)?;
    let mut labels = Vec::new();
    for (_, table) in &trials {
        labels.extend(table.labels()?);
    }

    let masks = split_masks(labels, "tau", "shared")?;
    let x_train = betas.select(Axis(0), &rows(&masks.train));
    let x_test = betas.select(Axis(0), &rows(&masks.test));

    writeln!(out, "X_train {:?}, X_test {:?}", x_train.dim(), x_test.dim())?;
    writeln!(out, "{} of {} trials are in neither list", masks.n_neither, masks.len())?;
    Ok(())
}

/// The positions of the rows that a mask keeps.
fn rows(mask: &[bool]) -> Vec<usize> {
    (0..mask.len()).filter(|row| mask[*row]).collect()
}
