//! Arguments of the commands about the stimuli and the access to them.

use clap::Args;
use laion_fmri::stimuli::EmbeddingModel;

use super::Transfer;
use super::names::one_of;

#[derive(Args, Debug)]
pub(crate) struct DownloadStimuli {
    /// List what would be downloaded and its size, without downloading or asking for access
    #[arg(short = 'n', long, alias = "dryrun")]
    pub(crate) dry_run: bool,
}

#[derive(Args, Debug)]
pub(crate) struct DownloadEmbeddings {
    /// Only these models
    #[arg(long, num_args = 1.., value_name = "M", value_parser = one_of(EmbeddingModel::ALL, EmbeddingModel::as_str))]
    pub(crate) model: Vec<EmbeddingModel>,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
}

/// The answers of the form. What is left out is asked for on a terminal.
#[derive(Args, Clone, Default)]
pub(crate) struct RequestAccess {
    /// Your full name
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Your institutional e-mail address
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: Option<String>,
    /// Your institution
    #[arg(long, value_name = "NAME")]
    pub(crate) institution: Option<String>,
    /// Your principal investigator or supervisor, if you have one
    #[arg(long, value_name = "NAME")]
    pub(crate) supervisor: Option<String>,
    /// What you need the images for (at least 20 characters)
    #[arg(long, value_name = "TEXT")]
    pub(crate) purpose: Option<String>,
    /// Accept the terms of use of this version (read them first)
    #[arg(long, value_name = "VERSION")]
    pub(crate) accept_terms: Option<String>,
    /// Acknowledge the privacy notice (read it first)
    #[arg(long)]
    pub(crate) acknowledge_privacy: bool,
}

#[derive(Args)]
pub(crate) struct Login {
    /// Request id that you received with the access (lfm_...); - reads it from standard input
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: String,
}

// Personal data and secrets do not belong into what a failed assertion or a log shows.

impl std::fmt::Debug for RequestAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestAccess").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}
