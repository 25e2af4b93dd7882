//! What every command starts from: options, environment and the dataset they name.

use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Once;

use laion_fmri::config::{self, Environment, Settings};
use laion_fmri::s3_mirror::TransferOptions;
use laion_fmri::{Dataset, Discovery, Error, Location, Roots};

use crate::args::{Color, Global, ProgressKind};
use crate::exit::{self, CommandError};
use crate::hint;
use crate::message;
use crate::progress::Asking;
use crate::signal::Interrupt;

/// The options and the environment of this run.
#[derive(Debug)]
pub(crate) struct Context {
    /// The options of the command line alone.
    pub(crate) given: Global,
    /// The options, those left open taken from the environment.
    pub(crate) global: Global,
    /// What is stored for what both leave open.
    pub(crate) settings: Settings,
    pub(crate) environment: Environment,
    pub(crate) interrupt: Interrupt,
    /// The command itself, as a later process can call it: by its absolute path, if it has one.
    pub(crate) program: PathBuf,
}

impl Context {
    /// The dataset in the effective data directory.
    pub(crate) fn dataset(&self) -> Result<Dataset, Error> {
        let dirs = config::data_dirs(self.global.data_dir.as_deref(), &self.environment)?;
        let roots = Roots::new(dirs.directories)?;
        let dataset = Dataset::new(roots)
            .with_location(self.location())
            .with_offline(self.global.offline)
            .with_follow_links(self.follow_links())
            .with_jobs(self.decoders())
            .with_stores(self.store_dirs())
            .with_cancel(self.interrupt.cancel());
        Ok(match self.cache_dir() {
            Some(directory) => {
                self.warn_of_cache_dir(&directory);
                dataset.with_cache_dir(directory)
            }
            None => dataset,
        })
    }

    /// Says once that the cache directory that was chosen is of no use. The default one may well be
    /// read only, as in a container.
    fn warn_of_cache_dir(&self, directory: &Path) {
        static SAID: Once = Once::new();
        if self.global.cache_dir.is_none() && self.settings.cache_dir.is_none() {
            return;
        }
        if let Err(error) = config::check_cache_dir(directory) {
            let error = exit::chain(anyhow::Chain::new(&error));
            SAID.call_once(|| {
                self.note(&format!("warning: {error}; no index and no weights are kept"));
            });
        }
    }

    /// The dataset straight from the bucket; no data directory is needed.
    pub(crate) fn bucket_dataset(&self) -> Result<Dataset, Error> {
        let dataset = Dataset::from_bucket(&self.location())?;
        let dataset = dataset.with_offline(self.global.offline).with_jobs(self.decoders());
        let dataset = dataset.with_stores(self.store_dirs());
        Ok(dataset.with_cancel(self.interrupt.cancel()))
    }

    /// Whether files are written behind links to other disks.
    pub(crate) fn follow_links(&self) -> bool {
        self.global.follow_links || self.settings.follow_links.unwrap_or(false)
    }

    /// The directories of stores besides those of the data directories.
    fn store_dirs(&self) -> Vec<PathBuf> {
        config::store_dirs(&self.environment, &self.settings)
    }

    /// Where derived files go, when there is a place for them.
    pub(crate) fn cache_dir(&self) -> Option<PathBuf> {
        let chosen = self.global.cache_dir.as_ref().or(self.settings.cache_dir.as_ref());
        let chosen = chosen.map(|path| self.environment.expanded(path.clone()));
        chosen.or_else(|| self.environment.cache_dir())
    }

    /// Folders in which fsaverage may lie: FreeSurfer's subjects and TemplateFlow's templates.
    pub(crate) fn fsaverage_dirs(&self) -> Vec<PathBuf> {
        let variable = |name: &str| {
            std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
        };
        let home = self.environment.home.as_ref().map(|home| home.join(".cache/templateflow"));
        [
            variable("SUBJECTS_DIR"),
            variable("FREESURFER_HOME").map(|directory| directory.join("subjects")),
            variable("TEMPLATEFLOW_HOME").or(home),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The bucket in force.
    pub(crate) fn location(&self) -> Location {
        let chosen = self.global.bucket.as_ref().or(self.settings.bucket.as_ref());
        chosen.cloned().unwrap_or_else(laion_fmri::discovery::public_bucket)
    }

    /// The bucket, for asking what it holds; no data directory is needed.
    pub(crate) fn discovery(&self) -> Result<Discovery, Error> {
        if self.global.offline && self.location().is_remote() {
            return Err(Error::Offline { what: format!("asking {}", self.location()) });
        }
        Discovery::open(&self.location())
    }

    /// The mirror, which has to hold at least one subject; none when the bucket is to be asked.
    pub(crate) fn mirror(&self, remote: bool) -> anyhow::Result<Option<Dataset>> {
        if remote {
            return Ok(None);
        }
        let dataset = match self.dataset() {
            Err(error @ Error::DataDirNotSet) => {
                let hint = match self.global.offline {
                    true => "laion-fmri config --data-dir DIR",
                    false => "laion-fmri config --data-dir DIR, or --remote to ask the bucket",
                };
                return Err(CommandError::from(error).hint(hint).into());
            }
            dataset => dataset?,
        };
        if dataset.subjects()?.is_empty() {
            let roots: Vec<String> =
                dataset.roots().directories().iter().map(|it| it.display().to_string()).collect();
            let message = format!("nothing of any subject is on disk in {}", roots.join(", "));
            let hint =
                "--remote asks the bucket; laion-fmri download --subject sub-01 brings a subject";
            return Err(CommandError::not_there(message).hint(hint).into());
        }
        Ok(Some(dataset))
    }

    /// Does work that only asks the bucket, such as a listing: it is said when that takes long, and
    /// a signal meanwhile ends the process at once.
    pub(crate) fn asking<T>(&self, work: impl FnOnce() -> T) -> T {
        let _shown = Asking::the_bucket(self);
        self.interrupt.at_once(work)
    }

    pub(crate) fn jobs(&self) -> usize {
        self.chosen_jobs().map_or(TransferOptions::DEFAULT_JOBS, NonZeroUsize::get)
    }

    fn chosen_jobs(&self) -> Option<NonZeroUsize> {
        self.global.jobs.and_then(NonZeroUsize::new).or(self.settings.jobs)
    }

    /// How many threads read betas.
    pub(crate) fn decoders(&self) -> usize {
        self.chosen_jobs().map_or_else(config::default_jobs, NonZeroUsize::get)
    }

    /// The way progress is shown, with `auto` decided.
    pub(crate) fn progress(&self) -> ProgressKind {
        match self.global.progress {
            _ if self.global.quiet => ProgressKind::None,
            ProgressKind::Auto if std::io::stderr().is_terminal() => ProgressKind::Bar,
            ProgressKind::Auto => ProgressKind::Plain,
            chosen => chosen,
        }
    }

    /// A note for people, on standard error. Commands in it repeat what was typed.
    pub(crate) fn note(&self, text: &str) {
        if !self.global.quiet {
            message::print(&hint::with_typed(text, &self.given));
        }
    }

    /// Prints why a command fails where no error says so, like an error also with `--quiet`.
    pub(crate) fn failure(&self, text: &str) {
        message::print(&hint::with_typed(text, &self.given));
    }
}

/// Whether messages on standard error are coloured.
pub(crate) fn colored(choice: Color) -> bool {
    match choice {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            !forbidden && std::io::stderr().is_terminal()
        }
    }
}
