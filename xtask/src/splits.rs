//! `cargo xtask splits`: builds the bundle of train/test splits, derives it, and proves it.

mod check;
mod content;
mod digests;
mod generator;
mod import;
mod moves;
mod names;
mod regenerate;
mod tables;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;
use laion_fmri::splits::Bundle;

use crate::project::Project;

pub(crate) use self::check::step;

/// The heading of the step of `cargo xtask test`.
pub(crate) const STEP: &str = "splits";

/// What to do with the bundle.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Build the bundle from tables of the published lists
    Import(import::Options),
    /// Derive the random splits of both revisions and `ood` from the image names alone
    Regenerate(regenerate::Options),
    /// Prove the bundle from what the repository holds
    Check,
}

/// Runs one action; true if it found nothing wrong.
pub(crate) fn run(project: &Project, action: &Action) -> Result<bool> {
    let files = Files::of(project);
    match action {
        Action::Import(options) => import::run(&files, options),
        Action::Regenerate(options) => regenerate::run(&files, options),
        Action::Check => check::run(&files),
    }
}

/// What the repository holds about the splits.
#[derive(Debug)]
struct Files {
    /// The bundle of the crate.
    bundle: PathBuf,
    /// The SHA-256 of every list.
    digests: PathBuf,
    /// The images that revision r2 moves to another fold.
    moves: PathBuf,
}

impl Files {
    fn of(project: &Project) -> Self {
        let records = project.root.join("xtask/splits");
        Self {
            bundle: project.root.join("crates/splits/data/splits.bundle"),
            digests: records.join("digests.tsv"),
            moves: records.join("moves.tsv"),
        }
    }

    fn read_bundle(&self) -> Result<Bundle> {
        let bytes =
            std::fs::read(&self.bundle).with_context(|| self.bundle.display().to_string())?;
        Bundle::decode(&bytes).with_context(|| self.bundle.display().to_string())
    }
}

fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    std::fs::write(path, bytes).with_context(|| path.display().to_string())
}
