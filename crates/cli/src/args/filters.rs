//! The filters by entity that derivatives and raw data share.

use clap::Args;
use laion_fmri::FilterField;

use super::sessions::{SessionName, parse_session};

#[derive(Args, Debug)]
pub(crate) struct Filters {
    /// Only these sessions: 04, 01,03, 01-10 or all; averages stands for the subject-level maps, such
    /// as Noiseceiling12rep
    #[arg(long, visible_alias = "session", num_args = 1.., value_name = "V", value_delimiter = ',', value_parser = parse_session)]
    pub(crate) ses: Vec<SessionName>,
    /// Only these tasks
    #[arg(long, num_args = 1.., value_name = "V")]
    task: Option<Vec<String>>,
    /// Only these runs
    #[arg(long, num_args = 1.., value_name = "V")]
    run: Option<Vec<String>>,
    /// Only these echoes
    #[arg(long, num_args = 1.., value_name = "V")]
    echo: Option<Vec<String>>,
    /// Only these parts (mag, phase)
    #[arg(long, num_args = 1.., value_name = "V")]
    part: Option<Vec<String>>,
    /// Only these suffixes, e.g. statmap, trials, mask, bold, events
    #[arg(long, num_args = 1.., value_name = "V")]
    suffix: Option<Vec<String>>,
    /// Only these extensions, e.g. nii.gz or tsv
    #[arg(long, num_args = 1.., value_name = "V")]
    extension: Option<Vec<String>>,
}

/// A field, and its values if there is such a filter.
pub(crate) type Filter<'a> = (FilterField, &'a Option<Vec<String>>);

impl Filters {
    /// All of them but that of sessions.
    pub(crate) fn each(&self) -> [Filter<'_>; 6] {
        [
            (FilterField::Task, &self.task),
            (FilterField::Run, &self.run),
            (FilterField::Echo, &self.echo),
            (FilterField::Part, &self.part),
            (FilterField::Suffix, &self.suffix),
            (FilterField::Extension, &self.extension),
        ]
    }
}
