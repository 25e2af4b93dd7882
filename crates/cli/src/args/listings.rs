//! Arguments of `info`, `subjects`, `sessions` and `rois`.

use clap::Args;

#[derive(Args, Debug)]
pub(crate) struct Info {
    /// Only this subject
    #[arg(long, value_name = "S")]
    pub(crate) subject: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Subjects {
    /// List what the bucket has instead of what is on disk
    #[arg(long)]
    pub(crate) remote: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Sessions {
    /// Subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// List what the bucket has instead of what is on disk
    #[arg(long)]
    pub(crate) remote: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Rois {
    /// Subject: sub-03 or 03 (default: the first one); several with --common
    #[arg(long, num_args = 1.., value_name = "S", value_delimiter = ',')]
    pub(crate) subject: Vec<String>,
    /// Only this category, e.g. face
    #[arg(long, value_name = "C")]
    pub(crate) category: Option<String>,
    /// Only ROIs that every chosen subject has (default: every subject)
    #[arg(long)]
    pub(crate) common: bool,
    /// List what the bucket has instead of what is on disk
    #[arg(long)]
    pub(crate) remote: bool,
}
