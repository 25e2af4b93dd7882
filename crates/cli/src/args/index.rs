//! The arguments of `index`.

use clap::Args;

#[derive(Args, Debug)]
pub(crate) struct Index {
    /// The subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// Only these sessions, ses-01 or 01; all that are on disk without it
    #[arg(long, num_args = 1.., value_name = "V")]
    pub(crate) session: Vec<String>,
}
