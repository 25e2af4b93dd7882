//! Options that every command takes, and the variables that stand for them: [`Global`].

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use laion_fmri::Location;

use crate::exit::CommandError;

pub(super) const GLOBAL: &str = "Global options";

/// Options that every command takes, before or after its name. Their variables are read in
/// [`Global::with_environment`], since an empty variable has to count as unset.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// Data directory with your local copy; several, separated by `:`, are searched in order;
    /// downloads go to the last writable one [env: LAION_FMRI_DATA]
    #[arg(long, global = true, value_name = "DIR", help_heading = GLOBAL)]
    pub(crate) data_dir: Option<OsString>,
    /// The bucket: s3://NAME, http(s)://HOST[:PORT]/BUCKET or file:///DIR [env: LAION_FMRI_BUCKET]
    #[arg(long, global = true, value_name = "URL", help_heading = GLOBAL)]
    pub(crate) bucket: Option<Location>,
    /// Never use the network [env: LAION_FMRI_OFFLINE]
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) offline: bool,
    /// Parallel transfers (default: 16), and threads for reading betas (default: one for each core,
    /// at most 4) [env: LAION_FMRI_JOBS]
    #[arg(short, long, global = true, value_name = "N", value_parser = parse_jobs, help_heading = GLOBAL)]
    pub(crate) jobs: Option<usize>,
    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = GLOBAL)]
    pub(crate) quiet: bool,
    /// Print more; -vv for debugging
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = GLOBAL)]
    pub(crate) verbose: u8,
    /// Progress display; auto: a bar on a terminal, else one line every few seconds
    #[arg(long, global = true, value_enum, default_value_t, value_name = "HOW", help_heading = GLOBAL)]
    pub(crate) progress: ProgressKind,
    /// When to use colours in messages
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", help_heading = GLOBAL)]
    pub(crate) color: Color,
    /// Never ask; fail instead and name the option that answers the question
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) no_input: bool,
    /// Directory for indexes and other files that can be deleted at any time [env: LAION_FMRI_CACHE]
    #[arg(long, global = true, value_name = "DIR", help_heading = GLOBAL)]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Write through links that you made to other disks (for derivatives, a tree or a subject) [env:
    /// LAION_FMRI_FOLLOW_LINKS]
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) follow_links: bool,
    /// Print tables and reports as JSON lines (one object per line), and a failure as one object
    /// on standard error: error, hint, status
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) json: bool,
    /// End with exit status 6 if a file was withheld (not released, or access denied), or if `all` or
    /// a range of sessions leaves out some that are not on disk
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) strict: bool,
    /// `LAION_FMRI_ACCEPT_LICENSE`, which stands for `--accept-license`.
    #[arg(skip)]
    pub(crate) accept_license: bool,
}

impl Global {
    /// The options with what the command line left open taken from the environment.
    pub(crate) fn with_environment(
        mut self,
        get: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, CommandError> {
        let text = |name: &str| -> Result<Option<String>, CommandError> {
            match get(name).filter(|value| !value.is_empty()).map(OsString::into_string) {
                None => Ok(None),
                Some(Ok(value)) => Ok(Some(value)),
                Some(Err(value)) => Err(refused(name, &value.to_string_lossy(), "not UTF-8")),
            }
        };
        if let (None, Some(url)) = (&self.bucket, text("LAION_FMRI_BUCKET")?) {
            let bucket = url.parse::<Location>();
            self.bucket = Some(bucket.map_err(|error| refused("LAION_FMRI_BUCKET", &url, &error))?);
        }
        if let (None, Some(jobs)) = (self.jobs, text("LAION_FMRI_JOBS")?) {
            let parsed = parse_jobs(&jobs);
            self.jobs = Some(parsed.map_err(|error| refused("LAION_FMRI_JOBS", &jobs, &error))?);
        }
        let is_on =
            |text: String| !matches!(text.to_lowercase().as_str(), "0" | "false" | "no" | "off");
        self.offline |= text("LAION_FMRI_OFFLINE")?.is_some_and(is_on);
        self.follow_links |= text("LAION_FMRI_FOLLOW_LINKS")?.is_some_and(is_on);
        self.accept_license |= text("LAION_FMRI_ACCEPT_LICENSE")?.is_some_and(is_on);
        let cache = get("LAION_FMRI_CACHE").filter(|value| !value.is_empty());
        self.cache_dir = self.cache_dir.or(cache.map(PathBuf::from));
        Ok(self)
    }
}

fn refused(name: &str, value: &str, reason: impl std::fmt::Display) -> CommandError {
    CommandError::usage(format!("{name}={value:?}: {reason}"))
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressKind {
    #[default]
    Auto,
    Bar,
    Plain,
    Json,
    None,
}

/// When messages are coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// More transfers than this only cost memory and the server's patience.
const MAX_JOBS: usize = 256;

pub(super) fn parse_jobs(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(jobs) if (1..=MAX_JOBS).contains(&jobs) => Ok(jobs),
        _ => Err(format!("expected a number from 1 to {MAX_JOBS}")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Cli;

    fn global(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Global, CommandError> {
        let cli = Cli::try_parse_from([&["laion-fmri"], arguments].concat()).unwrap();
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        cli.global.with_environment(|name| find(name).map(|(_, value)| value.into()))
    }

    #[test]
    fn options_come_before_variables_and_empty_variables_do_not_count() {
        let variables = [("LAION_FMRI_BUCKET", "file:///a"), ("LAION_FMRI_JOBS", "3")];
        let taken = global(&[], &variables).unwrap();
        assert_eq!(taken.bucket.unwrap().to_string(), "file:///a");
        assert_eq!(taken.jobs, Some(3));
        let given = global(&["--bucket", "s3://b-b", "-j", "5"], &variables).unwrap();
        assert_eq!(given.bucket.unwrap().to_string(), "s3://b-b");
        assert_eq!(given.jobs, Some(5));
        let empty =
            ["LAION_FMRI_BUCKET", "LAION_FMRI_JOBS", "LAION_FMRI_OFFLINE", "LAION_FMRI_CACHE"];
        let unset = global(&[], &empty.map(|name| (name, ""))).unwrap();
        assert!(unset.bucket.is_none() && unset.jobs.is_none() && unset.cache_dir.is_none());
        assert!(!unset.offline);
    }

    #[test]
    fn variables_are_checked_like_options() {
        for (value, offline) in [("1", true), ("true", true), ("0", false), ("False", false)] {
            assert_eq!(global(&[], &[("LAION_FMRI_OFFLINE", value)]).unwrap().offline, offline);
        }
        for (name, value) in [("LAION_FMRI_JOBS", "0"), ("LAION_FMRI_BUCKET", "ftp://x")] {
            let error = global(&[], &[(name, value)]).unwrap_err();
            assert!(error.to_string().starts_with(&format!("{name}={value:?}: ")), "{error}");
        }
    }
}
