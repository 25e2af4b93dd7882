//! What the configuration file holds: [`Settings`].

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

#[cfg(feature = "download")]
use s3_mirror::Location;
use serde_json::{Map, Value};

use super::Environment;
use crate::{Error, Result};

/// The settings that are stored for a user, as far as they are.
///
/// The file is a JSON object with the names of these fields as keys. The Python package reads `data_dir` in
/// it; what else is in it stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The data directory that downloads go to.
    pub data_dir: Option<PathBuf>,
    /// Further data directories, which are searched before that one.
    pub shared_dirs: Vec<PathBuf>,
    /// The bucket.
    #[cfg(feature = "download")]
    pub bucket: Option<Location>,
    /// How many transfers run at once, and how many threads read betas.
    pub jobs: Option<NonZeroUsize>,
    /// Whether downloads write behind links to other disks.
    pub follow_links: Option<bool>,
    /// The directory for derived files.
    pub cache_dir: Option<PathBuf>,
    /// Directories of stores, which are looked at before those of the data directories.
    pub stores: Vec<PathBuf>,
}

impl Settings {
    /// The settings of the configuration file; none without a file.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] when the file is damaged or a value is of the wrong form, [`Error::Io`] when it
    /// cannot be read.
    pub fn read(environment: &Environment) -> Result<Self> {
        let Some(file) = environment.config_file() else { return Ok(Self::default()) };
        let values = Values { object: read_object(&file)?.unwrap_or_default(), file };
        #[cfg(feature = "download")]
        let bucket = match values.text("bucket", "an address")? {
            Some(text) => {
                let parsed = text.parse().map_err(|error| values.damaged(format!("{error}")));
                Some(parsed?)
            }
            None => None,
        };
        Ok(Self {
            data_dir: values.path("data_dir", environment)?,
            shared_dirs: values.paths("shared_dirs", environment)?,
            #[cfg(feature = "download")]
            bucket,
            jobs: values.count("jobs")?,
            follow_links: values.switch("follow_links")?,
            cache_dir: values.path("cache_dir", environment)?,
            stores: values.paths("stores", environment)?,
        })
    }

    /// Stores these settings in the configuration file; what is not set here stays as it is there. A data
    /// directory and shared ones are stored together, in the place of both. Returns the file.
    ///
    /// # Errors
    ///
    /// [`Error::NoConfigDir`] when there is no place for the file; [`Error::Config`] when an existing file
    /// is damaged, or a path is not UTF-8; [`Error::Io`] and [`Error::Export`] when it cannot be written.
    pub fn store(&self, environment: &Environment) -> Result<PathBuf> {
        let file = environment.config_file().ok_or(Error::NoConfigDir)?;
        let mut object = read_object(&file)?.unwrap_or_default();
        let text = |path: &Path| match path.to_str() {
            Some(text) => Ok(Value::String(text.to_owned())),
            None => Err(Error::Config {
                path: file.clone(),
                reason: format!("the path {} is not valid UTF-8", path.display()),
            }),
        };
        // Directories replace those that were stored before.
        if self.data_dir.is_some() || !self.shared_dirs.is_empty() {
            object.remove("data_dir");
            object.remove("shared_dirs");
        }
        if let Some(directory) = &self.data_dir {
            object.insert("data_dir".to_owned(), text(directory)?);
        }
        if !self.shared_dirs.is_empty() {
            let paths = self.shared_dirs.iter().map(|path| text(path));
            object.insert("shared_dirs".to_owned(), paths.collect::<Result<Vec<_>>>()?.into());
        }
        #[cfg(feature = "download")]
        if let Some(bucket) = &self.bucket {
            object.insert("bucket".to_owned(), bucket.to_string().into());
        }
        if let Some(jobs) = self.jobs {
            object.insert("jobs".to_owned(), jobs.get().into());
        }
        if let Some(follow) = self.follow_links {
            object.insert("follow_links".to_owned(), follow.into());
        }
        if let Some(directory) = &self.cache_dir {
            object.insert("cache_dir".to_owned(), text(directory)?);
        }
        if !self.stores.is_empty() {
            let paths = self.stores.iter().map(|path| text(path));
            object.insert("stores".to_owned(), paths.collect::<Result<Vec<_>>>()?.into());
        }
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        }
        let mut bytes = serde_json::to_vec_pretty(&Value::Object(object))
            .map_err(|error| Error::Config { path: file.clone(), reason: error.to_string() })?;
        bytes.push(b'\n');
        array_export::write_text(&file, &bytes)?;
        Ok(file)
    }

    /// All data directories, in the order in which they are searched.
    #[must_use]
    pub fn directories(&self) -> Vec<PathBuf> {
        self.shared_dirs.iter().chain(&self.data_dir).cloned().collect()
    }
}

/// The values of a configuration file.
struct Values {
    object: Map<String, Value>,
    file: PathBuf,
}

impl Values {
    fn text(&self, name: &str, form: &str) -> Result<Option<&str>> {
        match self.object.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(other) => Err(self.unexpected(name, form, other)),
        }
    }

    fn path(&self, name: &str, environment: &Environment) -> Result<Option<PathBuf>> {
        let text = self.text(name, "a path")?;
        Ok(text.map(|text| environment.expanded(PathBuf::from(text))))
    }

    fn paths(&self, name: &str, environment: &Environment) -> Result<Vec<PathBuf>> {
        let Some(value) = self.object.get(name) else { return Ok(Vec::new()) };
        let path = |value: &Value| {
            let text = value.as_str().filter(|path| !path.is_empty());
            text.map(|text| environment.expanded(PathBuf::from(text)))
        };
        let paths = value.as_array().and_then(|paths| paths.iter().map(path).collect());
        paths.ok_or_else(|| self.unexpected(name, "a list of paths", value))
    }

    fn count(&self, name: &str) -> Result<Option<NonZeroUsize>> {
        let Some(value) = self.object.get(name) else { return Ok(None) };
        let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
        let count = count.and_then(NonZeroUsize::new);
        count.map(Some).ok_or_else(|| self.unexpected(name, "a number from 1", value))
    }

    fn switch(&self, name: &str) -> Result<Option<bool>> {
        let Some(value) = self.object.get(name) else { return Ok(None) };
        let switch = value.as_bool().map(Some);
        switch.ok_or_else(|| self.unexpected(name, "true or false", value))
    }

    fn unexpected(&self, name: &str, form: &str, got: &Value) -> Error {
        self.damaged(format!("expected {name:?} to be {form}, got {got}"))
    }

    fn damaged(&self, reason: String) -> Error {
        Error::Config { path: self.file.clone(), reason }
    }
}

fn read_object(file: &Path) -> Result<Option<Map<String, Value>>> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", file)(error)),
    };
    let damaged = |reason| Error::Config { path: file.to_owned(), reason };
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let at = error.valid_up_to();
        damaged(format!("it is no UTF-8 text (byte {} is {:#04x})", at + 1, bytes[at]))
    })?;
    // Some editors mark UTF-8 at the start.
    let text = text.trim_start_matches('\u{feff}');
    serde_json::from_str(text).map(Some).map_err(|error| damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back_and_the_rest_stays() {
        let home = tempfile::tempdir().unwrap();
        let home = Some(home.path().to_owned());
        let environment = Environment { home, ..Environment::default() };
        assert_eq!(Settings::read(&environment).unwrap(), Settings::default());
        let all = Settings {
            data_dir: Some("/own".into()),
            shared_dirs: vec!["/a".into(), "/b".into()],
            bucket: Some("s3://other-bucket".parse().unwrap()),
            jobs: NonZeroUsize::new(3),
            follow_links: Some(true),
            cache_dir: Some("/cache".into()),
            stores: vec!["/stores".into()],
        };
        let file = all.store(&environment).unwrap();
        assert_eq!(Settings::read(&environment).unwrap(), all);
        assert_eq!(all.directories(), ["/a", "/b", "/own"].map(PathBuf::from));
        let jobs = Settings { jobs: NonZeroUsize::new(5), ..Settings::default() };
        jobs.store(&environment).unwrap();
        assert_eq!(
            Settings::read(&environment).unwrap(),
            Settings { jobs: jobs.jobs, ..all.clone() }
        );
        // The data directory is the whole list of them.
        let one = Settings { data_dir: Some("/one".into()), ..Settings::default() };
        one.store(&environment).unwrap();
        assert_eq!(Settings::read(&environment).unwrap().directories(), [PathBuf::from("/one")]);
        for damaged in [
            "{",
            "[]",
            r#"{"data_dir": 3}"#,
            r#"{"data_dir": ""}"#,
            r#"{"shared_dirs": "/a"}"#,
            r#"{"shared_dirs": [1]}"#,
            r#"{"bucket": "gopher://x"}"#,
            r#"{"jobs": 0}"#,
            r#"{"jobs": "many"}"#,
            r#"{"cache_dir": []}"#,
            r#"{"stores": "/a"}"#,
            r#"{"follow_links": "yes"}"#,
        ] {
            fs::write(&file, damaged).unwrap();
            let error = Settings::read(&environment).unwrap_err();
            assert!(matches!(error, Error::Config { path, .. } if path == file), "{damaged}");
        }
    }
}
