//! Where the workspace and its build directory are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::MetadataCommand;

/// The folders that every command needs.
#[derive(Debug)]
pub(crate) struct Project {
    /// The folder of the root `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Cargo's target directory, wherever the configuration puts it.
    pub(crate) target: PathBuf,
}

impl Project {
    /// Asks cargo, starting from the manifest of this crate.
    pub(crate) fn locate() -> Result<Self> {
        // Cargo says where the crate is now; the folder it was compiled in may have moved since.
        let folder = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).to_owned(), PathBuf::from);
        let manifest = folder.join("Cargo.toml");
        let metadata =
            MetadataCommand::new().manifest_path(&manifest).no_deps().exec().with_context(
                || format!("cargo metadata --manifest-path {}", manifest.display()),
            )?;
        Ok(Self {
            root: metadata.workspace_root.into_std_path_buf(),
            target: metadata.target_directory.into_std_path_buf(),
        })
    }
}
