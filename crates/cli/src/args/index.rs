//! The arguments of `index`.

use clap::Args;

use super::sessions::{SessionName, parse_session};

#[derive(Args, Debug)]
pub(crate) struct Index {
    /// Subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// Session(s): 01, 01,03, 01-10 or all (default: all that are on disk)
    #[arg(long, visible_alias = "ses", num_args = 1.., value_name = "V", value_delimiter = ',', value_parser = parse_session)]
    pub(crate) session: Vec<SessionName>,
}
