//! The configured data directory: the one place that reads the environment and the config file.

#[cfg(feature = "download")]
mod access;
mod settings;

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

pub use self::settings::Settings;
use crate::{Dataset, Error, Result, Roots};

/// The directory below a root that holds what this software notes about the mirror.
pub const STATE_DIR: &str = ".laion_fmri";

/// The variables that this crate and the command line look at, as one value.
///
/// Everything below takes such a value, so that tests and embedding programs do not depend on the
/// process they run in. Empty variables count as unset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Environment {
    /// `LAION_FMRI_DATA`, or else `LAION_FMRI_ROOT`: one or more roots separated by `:`.
    pub data: Option<OsString>,
    /// `LAION_FMRI_STORES`: directories of stores, separated by `:`.
    pub stores: Option<OsString>,
    /// `XDG_CONFIG_HOME`, when it is an absolute path.
    pub config_home: Option<PathBuf>,
    /// `XDG_CACHE_HOME`, when it is an absolute path.
    pub cache_home: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `LAION_FMRI_ACCESS_URL`: another stimulus access service.
    pub access_url: Option<OsString>,
    /// `LAION_FMRI_REQUEST_ID`: access that was granted earlier, before any that is saved.
    pub request_id: Option<Secret>,
}

/// A text that `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(OsString);

impl From<OsString> for Secret {
    fn from(text: OsString) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Environment {
    /// The variables of this process.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one explicit place where the library looks at the environment"
    )]
    pub fn of_process() -> Self {
        let get = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let absolute = |name: &str| get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        Self {
            data: get("LAION_FMRI_DATA").or_else(|| get("LAION_FMRI_ROOT")),
            stores: get("LAION_FMRI_STORES"),
            config_home: absolute("XDG_CONFIG_HOME"),
            cache_home: absolute("XDG_CACHE_HOME"),
            home: get("HOME").map(PathBuf::from),
            access_url: get("LAION_FMRI_ACCESS_URL"),
            request_id: get("LAION_FMRI_REQUEST_ID").map(Secret),
        }
    }

    /// `${XDG_CONFIG_HOME:-~/.config}/laion_fmri/config.json`, shared with the Python package.
    #[must_use]
    pub fn config_file(&self) -> Option<PathBuf> {
        let base =
            self.config_home.clone().or_else(|| Some(self.home.as_ref()?.join(".config")))?;
        Some(base.join("laion_fmri").join("config.json"))
    }

    /// A path with the home directory in the place of a `~` at its start. `~somebody` stays.
    #[must_use]
    pub fn expanded(&self, path: PathBuf) -> PathBuf {
        match (path.strip_prefix("~"), &self.home) {
            (Ok(rest), Some(home)) if rest.as_os_str().is_empty() => home.clone(),
            (Ok(rest), Some(home)) => home.join(rest),
            _ => path,
        }
    }

    /// `${XDG_CACHE_HOME:-~/.cache}/laion-fmri`: derived files that are safe to delete.
    #[must_use]
    pub fn cache_dir(&self) -> Option<PathBuf> {
        let base = self.cache_home.clone().or_else(|| Some(self.home.as_ref()?.join(".cache")))?;
        Some(base.join("laion-fmri"))
    }
}

/// Where a setting comes from, most binding first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Given to the call or on the command line.
    Given,
    /// `LAION_FMRI_DATA` or `LAION_FMRI_ROOT`.
    Environment,
    /// The configuration file.
    File(PathBuf),
}

/// The effective roots, and where they come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDirs {
    /// The directories, in search order; not checked yet.
    pub directories: Vec<PathBuf>,
    /// Which setting won.
    pub origin: Origin,
}

/// The roots that are in force: `given`, else the environment, else the configuration file.
///
/// `given` has the form of `LAION_FMRI_DATA`: one or more directories separated by `:`. A `~` at the
/// start of a directory is the home directory; only a shell expands it elsewhere.
///
/// # Errors
///
/// [`Error::DataDirNotSet`] when none of the three says anything, [`Error::Config`] when the
/// configuration file is damaged.
pub fn data_dirs(given: Option<&std::ffi::OsStr>, environment: &Environment) -> Result<DataDirs> {
    let split = |paths: &std::ffi::OsStr| -> Vec<PathBuf> {
        // A directory may have a colon in its name.
        let whole = environment.expanded(paths.into());
        if whole.is_dir() {
            return vec![whole];
        }
        let paths = std::env::split_paths(paths).filter(|path| !path.as_os_str().is_empty());
        paths.map(|path| environment.expanded(path)).collect()
    };
    if let Some(given) = given {
        return Ok(DataDirs { directories: split(given), origin: Origin::Given });
    }
    if let Some(data) = &environment.data {
        return Ok(DataDirs { directories: split(data), origin: Origin::Environment });
    }
    let file = environment.config_file().ok_or(Error::DataDirNotSet)?;
    match Settings::read(environment)?.directories() {
        directories if directories.is_empty() => Err(Error::DataDirNotSet),
        directories => Ok(DataDirs { directories, origin: Origin::File(file) }),
    }
}

/// The effective data directory of this process: of several in a variable the first, of those in the
/// configuration file the one that downloads go to.
///
/// # Errors
///
/// As [`data_dirs`].
#[doc(alias = "get_data_dir")]
pub fn data_dir() -> Result<PathBuf> {
    let mut dirs = data_dirs(None, &Environment::of_process())?;
    if let Origin::File(_) = dirs.origin {
        dirs.directories.reverse();
    }
    dirs.directories.into_iter().next().ok_or(Error::DataDirNotSet)
}

/// The dataset in the configured data directory of this process, set up as the command line does.
///
/// Its bucket is that of the configuration file, or the public one. The variable `LAION_FMRI_BUCKET` is
/// not read here; `Dataset::with_location` sets another bucket.
///
/// It has [`default_jobs`] [threads](Dataset::with_jobs). Indexes of betas are kept in the
/// [cache directory](Environment::cache_dir) of this user, so a second read can start in the middle of
/// a file.
///
/// # Errors
///
/// As [`data_dirs`], and [`Error::DataDirUnusable`] when a directory does not exist.
pub fn open() -> Result<Dataset> {
    open_in(&Environment::of_process())
}

/// [`open`] with the environment given.
///
/// # Errors
///
/// As [`open`].
pub fn open_in(environment: &Environment) -> Result<Dataset> {
    let dirs = data_dirs(None, environment)?;
    let settings = Settings::read(environment)?;
    let jobs = settings.jobs.map_or_else(default_jobs, NonZeroUsize::get);
    let dataset = Dataset::new(Roots::new(dirs.directories)?).with_jobs(jobs);
    let dataset = dataset.with_stores(store_dirs(environment, &settings));
    #[cfg(feature = "download")]
    let dataset = match settings.bucket {
        Some(bucket) => dataset.with_location(bucket),
        None => dataset,
    }
    .with_follow_links(settings.follow_links.unwrap_or(false));
    Ok(match settings.cache_dir.or_else(|| environment.cache_dir()) {
        Some(directory) => dataset.with_cache_dir(directory),
        None => dataset,
    })
}

/// The directories of [stores](crate::store) that are looked at before those of the data directories:
/// the variable, or else the configuration file.
#[must_use]
pub fn store_dirs(environment: &Environment, settings: &Settings) -> Vec<PathBuf> {
    match &environment.stores {
        Some(paths) => {
            let paths = std::env::split_paths(paths).filter(|path| !path.as_os_str().is_empty());
            paths.map(|path| environment.expanded(path)).collect()
        }
        None => settings.stores.clone(),
    }
}

/// The default number of threads that read betas: one per core, at most four, since each may hold the
/// array of a session.
#[must_use]
pub fn default_jobs() -> usize {
    const MOST: usize = 4;
    std::thread::available_parallelism().map_or(1, usize::from).min(MOST)
}

/// Makes an existing directory the data directory of this user.
///
/// Writes the configuration file (the path is made absolute; other keys of the file stay) and
/// creates `.laion_fmri/` below the directory. Returns the absolute path.
///
/// # Errors
///
/// [`Error::DataDirUnusable`] when the directory does not exist, [`Error::Config`] when an existing
/// configuration file is damaged, [`Error::Io`] when a file cannot be written.
#[doc(alias = "dataset_initialize")]
#[doc(alias = "set_data_dir")]
pub fn initialize(directory: impl AsRef<Path>) -> Result<PathBuf> {
    initialize_in(directory.as_ref(), &Environment::of_process())
}

/// [`initialize`] with the environment given.
///
/// # Errors
///
/// As [`initialize`].
pub fn initialize_in(directory: &Path, environment: &Environment) -> Result<PathBuf> {
    // What cannot be written to is no data directory of its own.
    Roots::new([directory.to_owned()])?.writable()?;
    let settings = initialize_all(&[directory.to_owned()], environment)?;
    settings.data_dir.ok_or(Error::DataDirNotSet)
}

/// As [`initialize_in`] for several existing directories that are searched in their order. The last one that
/// can be written to becomes the data directory, the others are shared: all of them, if there is none.
/// Returns what was stored.
///
/// # Errors
///
/// As [`initialize`].
pub fn initialize_all(directories: &[PathBuf], environment: &Environment) -> Result<Settings> {
    let roots = Roots::new(directories.iter().cloned())?;
    let own = roots.writable().ok();
    // Without the trailing separator that a user may have typed.
    let tidy = |path: &Path| -> PathBuf { path.components().collect() };
    if let Some(own) = own {
        let state = own.join(STATE_DIR);
        fs::create_dir_all(&state).map_err(Error::io("create", state))?;
    }
    let others = roots.directories().iter().filter(|root| Some(root.as_path()) != own);
    let settings = Settings {
        data_dir: own.map(tidy),
        shared_dirs: others.map(|root| tidy(root)).collect(),
        ..Settings::default()
    };
    settings.store(environment)?;
    Ok(settings)
}

/// Whether files can be written into a cache directory, or below the folder where it would be made.
///
/// # Errors
///
/// [`Error::Io`] with the system's answer when they cannot.
pub fn check_cache_dir(directory: &Path) -> Result<()> {
    let is_there = |path: &&Path| path.symlink_metadata().is_ok();
    let nearest = directory.ancestors().find(is_there).filter(|path| !path.as_os_str().is_empty());
    let nearest = nearest.unwrap_or(Path::new("."));
    let written = tempfile::tempfile_in(nearest).map(drop);
    written.map_err(Error::io("write into the cache directory", directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(home: &Path) -> Environment {
        Environment { home: Some(home.to_owned()), ..Environment::default() }
    }

    #[test]
    fn what_is_initialised_is_found_again() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        fs::create_dir(&data).unwrap();
        let environment = environment(home.path());
        assert!(matches!(data_dirs(None, &environment), Err(Error::DataDirNotSet)));
        assert_eq!(initialize_in(&data, &environment).unwrap(), data);
        assert!(data.join(STATE_DIR).is_dir());
        let file = home.path().join(".config/laion_fmri/config.json");
        let dirs = data_dirs(None, &environment).unwrap();
        assert_eq!(dirs.directories, std::slice::from_ref(&data));
        assert_eq!(dirs.origin, Origin::File(file.clone()));
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text, format!("{{\n  \"data_dir\": \"{}\"\n}}\n", data.display()));
    }

    #[test]
    fn what_is_opened_is_set_up_as_by_the_command_line() {
        let home = tempfile::tempdir().unwrap();
        let environment = environment(home.path());
        assert!(matches!(open_in(&environment), Err(Error::DataDirNotSet)));
        initialize_in(home.path(), &environment).unwrap();
        let dataset = open_in(&environment).unwrap();
        assert_eq!(dataset.roots().directories(), [home.path()]);
        assert_eq!(dataset.jobs(), default_jobs());
        assert!((1..=4).contains(&default_jobs()));
        let index = dataset.reading.index_path(Path::new("/x/betas.nii.gz")).unwrap();
        assert_eq!(index, environment.cache_dir().unwrap().join("indexes/betas.nii.gz.index"));
    }

    #[test]
    fn given_beats_environment_beats_file() {
        let home = tempfile::tempdir().unwrap();
        let mut environment = environment(home.path());
        initialize_in(home.path(), &environment).unwrap();
        environment.data = Some("/a:/b".into());
        let dirs = data_dirs(None, &environment).unwrap();
        assert_eq!(dirs.directories, [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!(dirs.origin, Origin::Environment);
        let dirs = data_dirs(Some("/c".as_ref()), &environment).unwrap();
        assert_eq!(dirs.directories, [PathBuf::from("/c")]);
        assert_eq!(dirs.origin, Origin::Given);
    }

    #[test]
    fn a_tilde_is_the_home_directory() {
        let home = tempfile::tempdir().unwrap();
        let mut environment = environment(home.path());
        let directories = |given: Option<&str>, environment: &Environment| {
            data_dirs(given.map(std::ffi::OsStr::new), environment).unwrap().directories
        };
        let own = home.path().join("own");
        let cases = [("~/own", vec![own.clone()]), ("~", vec![home.path().to_owned()])];
        for (text, expected) in &cases {
            assert_eq!(directories(Some(text), &environment), *expected, "{text}");
        }
        environment.data = Some("/shared:~/own:~other/x:/a/~/b".into());
        let expected = [Path::new("/shared"), &own, Path::new("~other/x"), Path::new("/a/~/b")];
        assert_eq!(directories(None, &environment), expected);
        environment.data = None;
        let file = environment.config_file().unwrap();
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let text = r#"{"data_dir": "~/own", "shared_dirs": ["~"], "cache_dir": "~/cache"}"#;
        fs::write(&file, text).unwrap();
        assert_eq!(directories(None, &environment), [home.path(), &own]);
        let settings = Settings::read(&environment).unwrap();
        assert_eq!(settings.cache_dir.unwrap(), home.path().join("cache"));
        // Without a home directory it stays, and is not found.
        let nobody = Environment { data: Some("~/own".into()), ..Environment::default() };
        assert_eq!(directories(None, &nobody), [Path::new("~/own")]);
    }

    #[test]
    fn a_directory_with_a_colon_is_one_root() {
        let home = tempfile::tempdir().unwrap();
        let mut environment = environment(home.path());
        let stamped = home.path().join("2026-01-01T12:30");
        fs::create_dir(&stamped).unwrap();
        environment.data = Some(stamped.clone().into());
        assert_eq!(data_dirs(None, &environment).unwrap().directories, [stamped.as_path()]);
        let given = data_dirs(Some("~/2026-01-01T12:30".as_ref()), &environment).unwrap();
        assert_eq!(given.directories, [stamped]);
    }

    #[test]
    fn a_file_that_is_no_plain_utf8_says_so() {
        let home = tempfile::tempdir().unwrap();
        let environment = environment(home.path());
        let file = environment.config_file().unwrap();
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "\u{feff}{\"data_dir\": \"/a\"}").unwrap();
        assert_eq!(data_dirs(None, &environment).unwrap().directories, [Path::new("/a")]);
        fs::write(&file, b"{\"data_dir\": \"/caf\xe9\"}").unwrap();
        let error = data_dirs(None, &environment).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Usage);
        assert!(matches!(error, Error::Config { reason, .. }
            if reason == "it is no UTF-8 text (byte 19 is 0xe9)"));
        fs::write(&file, b"\xff\xfe{\0}\0").unwrap();
        let error = data_dirs(None, &environment).unwrap_err();
        assert!(matches!(error, Error::Config { reason, .. } if reason.contains("byte 1 is 0xff")));
    }

    #[test]
    fn other_settings_survive_and_damage_is_reported() {
        let home = tempfile::tempdir().unwrap();
        let environment = environment(home.path());
        let file = environment.config_file().unwrap();
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, r#"{"colour": "blue", "data_dir": "/old"}"#).unwrap();
        initialize_in(home.path(), &environment).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains("\"colour\": \"blue\""), "{text}");
        for damaged in ["{", "[]", r#"{"data_dir": 3}"#, r#"{"data_dir": ""}"#] {
            fs::write(&file, damaged).unwrap();
            assert!(
                matches!(data_dirs(None, &environment), Err(Error::Config { path, .. }) if path == file),
                "{damaged}"
            );
        }
    }

    #[test]
    fn a_missing_directory_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let missing = home.path().join("missing");
        assert!(matches!(
            initialize_in(&missing, &environment(home.path())),
            Err(Error::DataDirUnusable { path, .. }) if path == missing
        ));
    }
}
