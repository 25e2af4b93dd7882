//! The file that remembers granted access: [`AuthFile`].

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use laion_fmri_base::AtomicFile;
use serde::{Deserialize, Serialize};

use super::client::normal_form;
use super::{AccessService, RequestId};
use crate::{Error, Result};

/// More than this is not a file of ours.
const MAX_BYTES: u64 = 64 << 10;

/// `auth.json`: one request id, for one service. Shared with the Python package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthFile {
    path: PathBuf,
}

/// Access as it was saved. `Debug` does not show the id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SavedAccess {
    /// The id.
    pub request_id: RequestId,
    /// The address it was requested with; empty when only the id was known.
    pub email: String,
}

#[derive(Deserialize, Serialize)]
struct Stored {
    server_url: String,
    request_id: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    saved_at: String,
}

impl AuthFile {
    /// The file at this path, whether it exists or not.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The access that was saved for this very service.
    ///
    /// A file that cannot be read or understood counts as absent, and so does one for another
    /// service: an id is never sent to a server that did not give it.
    #[must_use]
    pub fn load(&self, service: &AccessService) -> Option<SavedAccess> {
        let stored = self.stored()?;
        if normal_form(&stored.server_url).ok()? != service.url() {
            tracing::info!(
                path = %self.path.display(),
                "the saved access is for another service and is not used"
            );
            return None;
        }
        let request_id = RequestId::new(&stored.request_id).ok()?;
        Some(SavedAccess { request_id, email: stored.email })
    }

    /// Saves access to this service, replacing what was there.
    ///
    /// The file is readable by its owner alone from the moment it exists, and appears complete or
    /// not at all. A directory that has to be created is the owner's alone, too.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be written.
    pub fn save(&self, service: &AccessService, request_id: &RequestId, email: &str) -> Result<()> {
        let saved_at = chrono::DateTime::<chrono::Utc>::from(SystemTime::now());
        let stored = Stored {
            server_url: service.url().to_owned(),
            request_id: request_id.reveal().to_owned(),
            email: email.to_owned(),
            saved_at: saved_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        };
        let text = serde_json::to_vec_pretty(&stored)
            .map_err(|error| Error::io("write", &self.path)(error.into()))?;
        let mut file = self.temporary()?;
        file.write_all(&text)
            .and_then(|()| file.write_all(b"\n"))
            .and_then(|()| file.commit())
            .map_err(Error::io("write", &self.path))
    }

    /// Finds out whether [`save`](Self::save) would work, before there is an id to lose.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the directory cannot be created or written to.
    pub fn check_writable(&self) -> Result<()> {
        self.temporary().map(drop)
    }

    /// Forgets the access, whatever service it was for; tells whether there was a file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be removed.
    pub fn remove(&self) -> Result<bool> {
        match fs::remove_file(&self.path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io("remove", &self.path)(error)),
        }
    }

    fn stored(&self) -> Option<Stored> {
        let file = fs::File::open(&self.path).ok()?;
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).ok()?;
        if bytes.len() as u64 > MAX_BYTES {
            return None;
        }
        serde_json::from_slice(&bytes).ok()
    }

    /// The file before it has its name.
    fn temporary(&self) -> Result<AtomicFile> {
        let directory = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        create_private(directory).map_err(Error::io("create", directory))?;
        AtomicFile::create_private(&self.path).map_err(Error::io("write into", directory))
    }
}

fn create_private(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(url: &str) -> AccessService {
        AccessService::new(url).unwrap()
    }

    #[test]
    fn access_is_saved_for_one_service_alone() {
        let home = tempfile::tempdir().unwrap();
        let file = AuthFile::new(home.path().join("cache/laion-fmri/auth.json"));
        let id = RequestId::new("lfm_SECRET").unwrap();
        let a = service("https://a.example");
        assert_eq!(file.load(&a), None);
        assert!(!file.remove().unwrap());
        file.check_writable().unwrap();
        file.save(&a, &id, "ada@uni.edu").unwrap();
        let saved = file.load(&service("https://A.example/")).unwrap();
        assert_eq!((&saved.request_id, saved.email.as_str()), (&id, "ada@uni.edu"));
        assert!(!format!("{saved:?} {file:?}").contains("SECRET"));
        for other in [
            "https://b.example",
            "https://a.example/sub",
            "https://a.example:444",
            "http://localhost",
        ] {
            assert_eq!(file.load(&service(other)), None, "{other}");
        }
        let directory = file.path().parent().unwrap();
        assert_eq!(fs::read_dir(directory).unwrap().count(), 1);
        let text: serde_json::Value =
            serde_json::from_slice(&fs::read(file.path()).unwrap()).unwrap();
        assert_eq!(text["server_url"], "https://a.example");
        let saved_at = text["saved_at"].as_str().unwrap();
        assert!(chrono::DateTime::parse_from_rfc3339(saved_at).is_ok() && saved_at.ends_with('Z'));
        assert!(file.remove().unwrap());
        assert_eq!(file.load(&a), None);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let file = AuthFile::new(home.path().join("laion-fmri/auth.json"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        fs::create_dir(home.path().join("laion-fmri")).unwrap();
        fs::write(file.path(), "{}").unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
        file.save(&service("https://a.example"), &RequestId::new("lfm_x").unwrap(), "").unwrap();
        assert_eq!(mode(file.path()), 0o600);
        let fresh = AuthFile::new(home.path().join("new/laion-fmri/auth.json"));
        fresh.save(&service("https://a.example"), &RequestId::new("lfm_x").unwrap(), "").unwrap();
        assert_eq!(mode(fresh.path().parent().unwrap()), 0o700);
        assert_eq!(mode(fresh.path()), 0o600);
    }

    #[test]
    fn what_cannot_be_understood_is_absent() {
        let home = tempfile::tempdir().unwrap();
        let file = AuthFile::new(home.path().join("auth.json"));
        let a = service("https://a.example");
        for text in [
            "",
            "{",
            "[]",
            r#"{"server_url": "https://a.example"}"#,
            r#"{"server_url": "https://a.example", "request_id": 3}"#,
            r#"{"server_url": "https://a.example", "request_id": "a b"}"#,
            r#"{"server_url": "a.example", "request_id": "lfm_x"}"#,
            r#"{"request_id": "lfm_x"}"#,
            &" ".repeat(70_000),
        ] {
            fs::write(file.path(), text).unwrap();
            assert_eq!(file.load(&a), None, "{text:.60}");
        }
        fs::write(file.path(), r#"{"server_url": "https://a.example/", "request_id": "lfm_x"}"#)
            .unwrap();
        assert_eq!(file.load(&a).unwrap().request_id.reveal(), "lfm_x");
    }

    #[test]
    fn what_cannot_be_written_is_said() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("file"), "").unwrap();
        let file = AuthFile::new(home.path().join("file/auth.json"));
        assert!(
            matches!(file.check_writable(), Err(Error::Io { path, .. }) if path == home.path().join("file"))
        );
    }
}
