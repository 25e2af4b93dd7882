//! The licence of the dataset: its notice, and the marker that it was accepted.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::config::{Environment, STATE_DIR};
use crate::{Dataset, Error, Result};

/// What the user accepts.
pub const NOTICE: &str = "\
LAION-fMRI is released under CC0 1.0 (public domain dedication):
https://creativecommons.org/publicdomain/zero/1.0/

This covers the imaging data, derivatives, metadata, embeddings, object masks
and captions. The stimulus images are excluded: they come from third parties and
need an access request, see https://laion-fmri.hebartlab.com/terms
";

/// What a user types to accept the [`NOTICE`].
pub const AGREEMENT: &str = "I AGREE";

const MARKER: &str = "license_accepted";

/// Proof that the licence was accepted, for a data directory or for a user without one; downloads ask
/// for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenseAccepted {
    marker: PathBuf,
}

impl LicenseAccepted {
    /// The marker file that records it.
    #[must_use]
    pub fn marker(&self) -> &Path {
        &self.marker
    }
}

impl Dataset {
    /// The proof of an earlier acceptance, in any root.
    ///
    /// An empty marker, as the Python package writes it, counts.
    ///
    /// # Errors
    ///
    /// [`Error::LicenseNotAccepted`] when no root has the marker, [`Error::DataDirNotSet`] without
    /// any root.
    pub fn license(&self) -> Result<LicenseAccepted> {
        let relative = format!("{STATE_DIR}/{MARKER}");
        let roots = self.roots();
        if roots.directories().is_empty() {
            return Err(Error::DataDirNotSet);
        }
        let marker = roots.find(&relative).map(|marker| LicenseAccepted { marker });
        marker.ok_or_else(|| Error::LicenseNotAccepted { data_dir: roots.first().to_owned() })
    }

    /// Records that the user accepts the [`NOTICE`], in the root that downloads go to.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] or [`Error::Export`] when the marker cannot be written.
    pub fn accept_license(&self) -> Result<LicenseAccepted> {
        if let Ok(accepted) = self.license() {
            return Ok(accepted);
        }
        write_marker(&self.roots().writable()?.join(STATE_DIR))
    }
}

impl Environment {
    /// The proof that this user accepted the licence without a data directory: for reading the bucket
    /// itself.
    ///
    /// # Errors
    ///
    /// [`Error::LicenseNotAccepted`] with the folder of the configuration file, [`Error::DataDirNotSet`]
    /// when there is no such folder.
    pub fn license(&self) -> Result<LicenseAccepted> {
        let folder = self.config_folder()?;
        let marker = folder.join(MARKER);
        match marker.is_file() {
            true => Ok(LicenseAccepted { marker }),
            false => Err(Error::LicenseNotAccepted { data_dir: folder }),
        }
    }

    /// Records that this user accepts the [`NOTICE`], beside the configuration file.
    ///
    /// # Errors
    ///
    /// As [`Environment::license`]; [`Error::Io`] or [`Error::Export`] when the marker cannot be written.
    pub fn accept_license(&self) -> Result<LicenseAccepted> {
        match self.license() {
            Err(Error::LicenseNotAccepted { data_dir }) => write_marker(&data_dir),
            accepted => accepted,
        }
    }

    fn config_folder(&self) -> Result<PathBuf> {
        let file = self.config_file().ok_or(Error::DataDirNotSet)?;
        Ok(file.parent().map(Path::to_owned).unwrap_or_default())
    }
}

fn write_marker(folder: &Path) -> Result<LicenseAccepted> {
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let marker = folder.join(MARKER);
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let record = json!({ "license": "CC0-1.0", "accepted_at_unix_seconds": seconds });
    array_export::write_text(&marker, format!("{record}\n").as_bytes())?;
    Ok(LicenseAccepted { marker })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acceptance_is_recorded_once_and_an_empty_marker_counts() {
        let dir = tempfile::tempdir().unwrap();
        let dataset = Dataset::open(dir.path()).unwrap();
        assert!(matches!(
            dataset.license(),
            Err(Error::LicenseNotAccepted { data_dir }) if data_dir == dir.path()
        ));
        let accepted = dataset.accept_license().unwrap();
        assert_eq!(accepted.marker(), dir.path().join(".laion_fmri/license_accepted"));
        assert_eq!(dataset.license().unwrap(), accepted);
        std::fs::write(accepted.marker(), "").unwrap();
        assert_eq!(dataset.accept_license().unwrap(), accepted);
        assert_eq!(std::fs::read(accepted.marker()).unwrap(), b"");
    }

    #[test]
    fn a_user_without_a_data_directory_accepts_once() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".config/laion_fmri");
        let mut environment = Environment::default();
        assert!(matches!(environment.license(), Err(Error::DataDirNotSet)));
        environment.home = Some(home.path().to_owned());
        assert!(matches!(
            environment.license(),
            Err(Error::LicenseNotAccepted { data_dir }) if data_dir == folder
        ));
        let accepted = environment.accept_license().unwrap();
        assert_eq!(accepted.marker(), folder.join("license_accepted"));
        assert_eq!(environment.license().unwrap(), accepted);
    }
}
