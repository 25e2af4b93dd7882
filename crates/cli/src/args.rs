//! The command line as types: global options and one struct for each command.

pub(crate) mod access;
#[cfg(feature = "browse")]
pub(crate) mod browse;
mod bytes;
pub(crate) mod examples;
pub(crate) mod extract;
pub(crate) mod figure;
pub(crate) mod filters;
mod global;
pub(crate) mod index;
mod listings;
pub(crate) mod mirror;
mod names;
pub(crate) mod nc;
pub(crate) mod noise_ceiling;
pub(crate) mod sessions;
mod space;
pub(crate) mod splits;
pub(crate) mod stimuli;
pub(crate) mod store;
pub(crate) mod template;
pub(crate) mod tree;
mod trial_list;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use laion_fmri::stimuli::EmbeddingModel;
use laion_fmri::template::TemplateSpace;
use laion_fmri::{Hemi, MaskSource, Resolution, RoiFormat, StimulusSet};

use self::filters::Filters;
use self::global::parse_jobs;
pub(crate) use self::global::{Color, Global, ProgressKind};
pub(crate) use self::listings::{Info, Rois, Sessions, Subjects};
use self::names::one_of;
use self::noise_ceiling::parse_percent;
use self::sessions::{SessionName, parse_session};
pub(crate) use self::space::{Coordinates, ToNifti};
pub(crate) use self::trial_list::{TrialList, parse_trials};

/// LAION-fMRI: from a public bucket of 7T fMRI data to the array you need.
#[derive(Debug, Parser)]
#[command(name = "laion-fmri", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the effective settings, or store the data directory, bucket, jobs and cache directory
    Config,
    /// Show the licence of the dataset, or accept it
    License(License),
    /// Download data of one or more subjects
    Download(Box<Download>),
    /// Download raw data only
    DownloadRaw(Box<DownloadRaw>),
    /// Download the stimulus images and their table (asks for access if you have none yet)
    DownloadStimuli(access::DownloadStimuli),
    /// Download the image embeddings
    DownloadEmbeddings(access::DownloadEmbeddings),
    /// Download the object masks and their table
    DownloadSegmentations(Transfer),
    /// Download the captions
    DownloadCaptions(Transfer),
    /// Request access to the stimulus images (asks for what the options do not answer)
    RequestAccess(Box<access::RequestAccess>),
    /// Use the access to the stimulus images that you were granted earlier
    Login(access::Login),
    /// Forget the access to the stimulus images
    Logout,
    /// Use files you already downloaded with another tool (aws s3 sync, the Python package)
    Adopt(mirror::Adopt),
    /// List addresses, sizes and local paths, for curl or aria2
    Urls(Box<mirror::Urls>),
    /// Check downloaded files against their recorded size and checksum
    Verify(mirror::Verify),
    /// Show what is on disk and what the bucket has: sessions, trials, sizes, ROIs
    Status(mirror::Status),
    /// Check the setup: configuration, disk, permissions, bucket, downloaded files
    Doctor,
    /// Describe the dataset, or one subject
    Info(Info),
    /// List the top-level folders of the bucket
    Inspect,
    /// List the subjects, one per line
    Subjects(Subjects),
    /// List the sessions of a subject, one per line
    Sessions(Sessions),
    /// List the ROIs of a subject, one per line
    Rois(Rois),
    /// Print or save the trial table of a subject
    Trials(Trials),
    /// Save a brain mask (whole grid), or an ROI as a mask over brain voxels (for --mask)
    Mask(Mask),
    /// Save ROIs as volumes, surface masks and vertex lists
    Roi(Roi),
    /// Save single-trial betas, (n_trials, n_voxels) float32
    Betas(Box<Betas>),
    /// Build indexes for fast access to single trials and multi-threaded reading
    Index(index::Index),
    /// Keep a copy of the betas sorted by voxel: any ROI of all sessions is then read in
    /// milliseconds
    #[command(subcommand)]
    Store(store::StoreAction),
    /// Save noise ceilings, (n_voxels,) float32, in percent
    NoiseCeiling(noise_ceiling::NoiseCeilingArgs),
    /// Compute noise ceilings from the betas, and compare maps
    #[command(subcommand)]
    Nc(nc::Nc),
    /// Save voxel coordinates, (n_voxels, 3) float64, in mm (T1w space)
    Coordinates(Coordinates),
    /// Turn one value per voxel back into a NIfTI volume (0 elsewhere)
    ToNifti(ToNifti),
    /// Project values onto fsaverage, onto the subject's own surface or into MNI305
    ToTemplate(Box<template::ToTemplate>),
    /// Draw a map or a trial as slices over the anatomy, as a PNG picture
    Figure(Box<figure::Figure>),
    /// Save a stimulus image
    Image(stimuli::Image),
    /// Save image embeddings, (n_rows, n_features) float16
    Embedding(stimuli::Embedding),
    /// List the objects in an image, or save the mask of one
    Segmentation(stimuli::Segmentation),
    /// Print the captions of an image, one per line
    Captions(stimuli::Captions),
    /// Find images by objects, captions, source dataset and repetitions
    #[command(subcommand)]
    Stimuli(stimuli::Stimuli),
    /// Show the train/test splits, their image lists and their masks over trials
    #[command(subcommand)]
    Splits(splits::Splits),
    /// Open a page on this machine: the brain, the image and the responses of every trial
    #[cfg(feature = "browse")]
    Browse(browse::Browse),
    /// Build one analysis-ready array from many sessions (voxels, z-score, average, features,
    /// split), with a recipe
    Extract(Box<extract::Extract>),
    /// Split an extraction into one task per session
    Plan(Box<extract::Plan>),
    /// Run the tasks of a plan; in an array job, only the share of this job
    Run(extract::Run),
    /// Combine the results of all tasks into the final output
    Merge(extract::Merge),
    /// Write the Slurm job scripts of a plan
    Slurm(extract::Slurm),
    /// Run a recipe again: the output has identical bytes, or the differences are listed (exit 4)
    Reproduce(extract::Reproduce),
    /// Show, compare and describe recipes
    #[command(subcommand)]
    Recipe(extract::RecipeAction),
    /// Print the completion script of a shell
    Completions(tree::Completions),
    /// Print the manual page, or save the pages of all commands in a directory
    Man(tree::Man),
    /// Options that every command takes, before or after its name
    #[command(hide = true, override_usage = "laion-fmri [GLOBAL OPTIONS] <COMMAND> ...")]
    Global,
}

impl Command {
    /// The sessions that were named with `--session`, of those commands that read their files.
    pub(crate) fn sessions(&self) -> &[SessionName] {
        match self {
            Self::Trials(args) => &args.session,
            Self::Betas(args) => &args.session,
            Self::Index(args) => &args.session,
            Self::Store(store::StoreAction::Build(args)) => &args.what.session,
            Self::Store(store::StoreAction::Plan(args)) => &args.session,
            Self::NoiseCeiling(args) => &args.which.session,
            Self::Nc(nc::Nc::Compute(args)) => &args.session,
            Self::Extract(args) => &args.selection.session,
            Self::Plan(args) => &args.selection.session,
            Self::Splits(splits::Splits::Masks(args)) => &args.trials.session,
            Self::Splits(splits::Splits::Check(args)) => &args.trials.session,
            Self::Embedding(args) => &args.session,
            _ => &[],
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct License {
    /// Accept the licence for the data directory
    #[arg(long)]
    pub(crate) accept: bool,
}

/// The filters of `download`, by name.
const FILTERS: [&str; 10] =
    ["ses", "task", "space", "desc", "stat", "suffix", "extension", "run", "echo", "part"];

#[derive(Args, Debug)]
pub(crate) struct Download {
    /// Subject(s): sub-03, 03 or all
    #[arg(long, num_args = 1.., value_name = "S", value_delimiter = ',', required_unless_present = "prefix")]
    pub(crate) subject: Vec<String>,
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// Only these spaces
    #[arg(long, num_args = 1.., value_name = "V")]
    pub(crate) space: Option<Vec<String>>,
    /// Only these descriptions, e.g. SingletrialBetas
    #[arg(long, num_args = 1.., value_name = "V")]
    pub(crate) desc: Option<Vec<String>>,
    /// Only these statistics, e.g. effect or rsquare
    #[arg(long, num_args = 1.., value_name = "V")]
    pub(crate) stat: Option<Vec<String>>,
    /// Only the two brain masks, without betas and ROIs: the anatomical mask and the mean R² map
    #[arg(long, requires = "subject", conflicts_with_all = FILTERS)]
    pub(crate) brain_mask: bool,
    /// Also download all anatomical files (T1w, T2w, masks); filters do not apply
    #[arg(long)]
    pub(crate) include_anatomical: bool,
    /// Also download the FreeSurfer reconstruction; filters do not apply
    #[arg(long)]
    pub(crate) include_freesurfer: bool,
    /// Also download all localizer maps; filters do not apply
    #[arg(long)]
    pub(crate) include_localizers: bool,
    /// Also download the raw data that pass the filters
    #[arg(long)]
    pub(crate) include_raw: bool,
    /// Also download the stimulus images and their table (asks for access if you have none yet)
    #[arg(long)]
    pub(crate) include_stimuli: bool,
    /// Also download the image embeddings of these models; all models if no name is given
    #[arg(long, num_args = 0.., value_name = "MODEL", value_parser = one_of(EmbeddingModel::ALL, EmbeddingModel::as_str))]
    pub(crate) include_embeddings: Option<Vec<EmbeddingModel>>,
    /// Also download everything below this prefix that passes the filters, e.g.
    /// derivatives/retinotopy/sub-01/
    #[arg(long, num_args = 1.., value_name = "KEYPREFIX")]
    pub(crate) prefix: Vec<String>,
    /// Do not fail if the bucket lacks a value or a tree that you ask for; download the rest
    #[arg(long)]
    pub(crate) allow_missing: bool,
    /// Build the read indexes while downloading, which saves a pass over the files later
    #[arg(long)]
    pub(crate) index: bool,
    /// Build the store of the betas while downloading: any ROI is then read in milliseconds
    #[arg(long)]
    pub(crate) store: bool,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
}

#[derive(Args, Debug)]
pub(crate) struct DownloadRaw {
    /// Subject(s): sub-03, 03 or all
    #[arg(long, num_args = 1.., value_name = "S", value_delimiter = ',', required = true)]
    pub(crate) subject: Vec<String>,
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// Do not fail if the bucket lacks a value that you ask for; download the rest
    #[arg(long)]
    pub(crate) allow_missing: bool,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
}

/// How a download is carried out.
#[derive(Args, Debug)]
pub(crate) struct Transfer {
    /// Parallel transfers; same as --jobs
    #[arg(long, value_name = "N", value_parser = parse_jobs)]
    pub(crate) n_jobs: Option<usize>,
    /// List what would be downloaded and its size, without downloading or writing anything
    #[arg(short = 'n', long, alias = "dryrun")]
    pub(crate) dry_run: bool,
    /// Limit the total rate (bytes per second), e.g. 500k, 10M or 2.5MiB
    #[arg(long, value_name = "R", value_parser = bytes::parse_rate)]
    pub(crate) limit_rate: Option<std::num::NonZeroU64>,
    /// Check files already on disk and download damaged ones again
    #[arg(long)]
    pub(crate) verify: bool,
    /// Accept the licence of the dataset without a prompt [env: LAION_FMRI_ACCEPT_LICENSE]
    #[arg(long)]
    pub(crate) accept_license: bool,
}

/// Which trials are rows.
#[derive(Args, Debug)]
pub(crate) struct RowArgs {
    /// Only trials of shared images (seen by all) or of unique images (seen by this subject only)
    #[arg(long, value_name = "SET", value_parser = one_of(StimulusSet::ALL, StimulusSet::as_str))]
    pub(crate) stimuli: Option<StimulusSet>,
    /// Only these trials of each session, counted from 0, in this order; numbers and START:END
    /// (END not included), e.g. 10:20,500,3
    #[arg(long, value_name = "LIST", value_parser = parse_trials)]
    pub(crate) trials: Option<TrialList>,
}

/// A table format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableFormat {
    Tsv,
    Csv,
    Json,
    Parquet,
}

#[derive(Args, Debug)]
pub(crate) struct Trials {
    /// Subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// Session(s): 01, 01,03, 01-10 or all (default: all, in order)
    #[arg(long, visible_alias = "ses", num_args = 1.., value_name = "V", value_delimiter = ',', value_parser = parse_session)]
    pub(crate) session: Vec<SessionName>,
    #[command(flatten)]
    pub(crate) rows: RowArgs,
    /// Format of the table (default: by the extension of the output, else tsv)
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
    /// Output file, replaced if it exists; - for standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Mask {
    /// Subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// One or more ROIs (FFA1) or categories (face), or all; several are combined. With --roi: one
    /// value per brain voxel
    #[arg(long, num_args = 1.., value_name = "Q", value_delimiter = ',')]
    pub(crate) roi: Vec<String>,
    /// Brain mask that defines the voxels
    #[arg(long, value_name = "M", default_value_t, value_parser = one_of(MaskSource::ALL, MaskSource::as_str))]
    pub(crate) mask_source: MaskSource,
    /// Grid of the anatomical brain mask
    #[arg(long, value_name = "RES", default_value_t, conflicts_with_all = ["roi", "nc_threshold"], value_parser = one_of(Resolution::ALL, Resolution::as_str))]
    pub(crate) res: Resolution,
    #[command(flatten)]
    pub(crate) threshold: ThresholdArgs,
    /// Output file, replaced if it exists: .npy, .nii, .nii.gz, or - for .npy on standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// How the arrays of ROIs are named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Keys {
    #[default]
    Auto,
    Full,
}

#[derive(Args, Debug)]
pub(crate) struct Roi {
    /// Subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// One or more ROIs (FFA1) or categories (face), or all
    #[arg(value_name = "ROI", required_unless_present = "named", value_delimiter = ',')]
    pub(crate) roi: Vec<String>,
    /// The same by the option that other commands have.
    #[arg(long = "roi", num_args = 1.., value_name = "ROI", value_delimiter = ',', hide = true)]
    pub(crate) named: Vec<String>,
    /// What to save: volume (or nii.gz), func.gii, label, gii (both surface forms) or all
    #[arg(long, value_name = "FORMAT", default_value_t, value_parser = one_of(RoiFormat::ALL, RoiFormat::as_str))]
    pub(crate) format: RoiFormat,
    /// Hemisphere
    #[arg(long, value_name = "H", default_value_t, value_parser = one_of(Hemi::ALL, Hemi::as_str))]
    pub(crate) hemi: Hemi,
    /// Names of the arrays: full always starts with the ROI (FFA1/volume); auto leaves it out if
    /// only that ROI was named
    #[arg(long, value_enum, default_value_t, value_name = "KEYS")]
    pub(crate) keys: Keys,
    /// Brain mask that defines the voxels of volumes
    #[arg(long, value_name = "M", default_value_t, value_parser = one_of(MaskSource::ALL, MaskSource::as_str))]
    pub(crate) mask_source: MaskSource,
    /// Project the ROIs onto the vertices of fsnative or fsaverage, or into MNI305 (.nii.gz, one
    /// volume per ROI)
    #[arg(long, visible_alias = "target", value_name = "SPACE", conflicts_with = "format", value_parser = one_of(TemplateSpace::ALL, TemplateSpace::as_str))]
    pub(crate) space: Option<TemplateSpace>,
    #[command(flatten)]
    pub(crate) how: template::SpaceArgs,
    /// Output file, replaced if it exists: .npz, or - for standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

impl Roi {
    /// The ROIs, however they were named.
    pub(crate) fn rois(&self) -> Vec<String> {
        self.roi.iter().chain(&self.named).cloned().collect()
    }
}

/// Which voxels, on the axis of which brain mask.
#[derive(Args, Clone, Debug)]
pub(crate) struct VoxelArgs {
    /// One or more ROIs (FFA1) or categories (face), or all; several are combined. Expressions in
    /// quotes: "face | place", "face & laion", "laion - retinotopy"
    #[arg(long, num_args = 1.., value_name = "Q", value_delimiter = ',')]
    pub(crate) roi: Vec<String>,
    /// Your own voxel mask: .npy of True/False or 1/0 (one per brain voxel, or for the whole grid),
    /// or .nii/.nii.gz on the grid of the betas
    #[arg(long, value_name = "FILE", conflicts_with = "roi")]
    pub(crate) mask: Option<PathBuf>,
    /// Brain mask that defines the voxels
    #[arg(long, value_name = "M", default_value_t, value_parser = one_of(MaskSource::ALL, MaskSource::as_str))]
    pub(crate) mask_source: MaskSource,
}

/// Which of the chosen voxels have a noise ceiling that is high enough.
#[derive(Args, Debug)]
pub(crate) struct ThresholdArgs {
    /// Of the chosen voxels, only those with a noise ceiling of at least T percent (0 to 100);
    /// needs --nc-desc or --session
    #[arg(long, value_name = "T", allow_negative_numbers = true, requires = "nc_map", value_parser = parse_percent::<f32>)]
    pub(crate) nc_threshold: Option<f32>,
    /// Apply the threshold to this subject-level map, e.g. Noiseceiling12rep
    #[arg(long, value_name = "D", requires = "nc_threshold", group = "nc_map")]
    pub(crate) nc_desc: Option<String>,
    /// Apply the threshold to the map of this session
    #[arg(long, visible_alias = "ses", value_name = "V", value_parser = parse_session, requires = "nc_threshold", group = "nc_map")]
    pub(crate) session: Option<SessionName>,
}

#[derive(Args, Debug)]
pub(crate) struct Betas {
    /// Subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// Session(s): 01, 01,03, 01-10 or all
    #[arg(long, visible_alias = "ses", num_args = 1.., value_name = "V", value_delimiter = ',', value_parser = parse_session, required = true)]
    pub(crate) session: Vec<SessionName>,
    #[command(flatten)]
    pub(crate) voxels: VoxelArgs,
    /// Only voxels with a noise ceiling of at least T percent (0 to 100) in the map of the session
    #[arg(long, value_name = "T", allow_negative_numbers = true, value_parser = parse_percent::<f32>)]
    pub(crate) nc_threshold: Option<f32>,
    /// Apply the threshold to this subject-level map, e.g. Noiseceiling12rep
    #[arg(long, value_name = "D", requires = "nc_threshold")]
    pub(crate) nc_desc: Option<String>,
    #[command(flatten)]
    pub(crate) rows: RowArgs,
    /// Also write the trial table of exactly these rows: .csv, .tsv, .json or .parquet
    #[arg(long = "rows", value_name = "FILE")]
    pub(crate) row_table: Option<PathBuf>,
    /// No effect: reads always stream (for compatibility with the Python package)
    #[arg(long)]
    pub(crate) streaming: bool,
    #[command(flatten)]
    pub(crate) store: store::StoreArgs,
    /// Output, replaced if it exists: .npy or .csv for one session, .npz or DIR/ for several, - for
    /// .npy on standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }
}
