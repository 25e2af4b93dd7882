//! The licence of the dataset: its notice, and the marker that it was accepted.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::config::STATE_DIR;
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

/// Proof that the licence was accepted for a data directory; downloads ask for it.
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
        let state = self.roots().writable()?.join(STATE_DIR);
        std::fs::create_dir_all(&state).map_err(Error::io("create", &state))?;
        let marker = state.join(MARKER);
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let record = json!({ "license": "CC0-1.0", "accepted_at_unix_seconds": seconds });
        array_export::write_text(&marker, format!("{record}\n").as_bytes())?;
        Ok(LicenseAccepted { marker })
    }
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
}
