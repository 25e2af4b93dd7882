//! The options of the commands about images, embeddings, object masks and captions.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use laion_fmri::StimulusSet;
use laion_fmri::stimuli::{CaptionSource, EmbeddingModel};

use super::names::one_of;
use super::sessions::{SessionName, parse_session};

#[derive(Args, Debug)]
pub(crate) struct Image {
    /// File name of the image; the extension may be left out
    #[arg(value_name = "NAME", required_unless_present = "subject", conflicts_with = "subject")]
    pub(crate) name: Option<String>,
    /// The image of a trial of this subject: sub-03 or 03
    #[arg(long, value_name = "S", requires = "trial")]
    pub(crate) subject: Option<String>,
    /// Trial, counted from 0 within its session
    #[arg(long, value_name = "I", requires = "subject")]
    pub(crate) trial: Option<usize>,
    /// Session of the trial; needed if more than one is on disk
    #[arg(long, visible_alias = "ses", value_name = "V", value_parser = parse_session, requires = "trial")]
    pub(crate) session: Option<SessionName>,
    /// Save the stored JPEG or PNG file as it is
    #[arg(long)]
    pub(crate) encoded: bool,
    /// Keep the channels of the stored file instead of converting to RGB
    #[arg(long, conflicts_with = "encoded")]
    pub(crate) original: bool,
    /// Output file, replaced if it exists: .png, or .npy of (height, width, channels) uint8; any
    /// name with --encoded; - for .png on standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Embedding {
    /// Model
    #[arg(long, value_name = "M", value_parser = one_of(EmbeddingModel::ALL, EmbeddingModel::as_str))]
    pub(crate) model: EmbeddingModel,
    /// File names of images, one row each in this order (default: all, in stored order)
    #[arg(value_name = "NAME", conflicts_with = "subject")]
    pub(crate) names: Vec<String>,
    /// One row per trial of this subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: Option<String>,
    /// Session(s): 01, 01,03, 01-10 or all (default: all, in order)
    #[arg(long, visible_alias = "ses", num_args = 1.., value_name = "V", value_delimiter = ',', value_parser = parse_session, requires = "subject")]
    pub(crate) session: Vec<SessionName>,
    /// Save as float32 (stored: float16)
    #[arg(long)]
    pub(crate) float32: bool,
    /// Output file, replaced if it exists: .npy, .csv, or - for .npy on standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Segmentation {
    /// File name of the image; the extension may be left out
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Object; without it, the objects in the image are listed, one per line
    #[arg(value_name = "NOUN", requires = "output")]
    pub(crate) noun: Option<String>,
    /// Which mask of this object, counted from 0; the mask with the best score comes first
    #[arg(long, value_name = "N", default_value_t = 0, requires = "noun")]
    pub(crate) instance: u32,
    /// List every object, including those that were not localized
    #[arg(long, conflicts_with = "noun")]
    pub(crate) all: bool,
    /// Output file, replaced if it exists: .npy of (height, width) uint8 (0 or 1), .png (0 or 255),
    /// or - for .npy on standard output
    #[arg(short, long, value_name = "FILE", requires = "noun")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Captions {
    /// File name of the image; the extension may be left out
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Only captions written by people (human) or by the language model (ai)
    #[arg(long, value_name = "SOURCE", value_parser = one_of(CaptionSource::ALL, CaptionSource::as_str))]
    pub(crate) source: Option<CaptionSource>,
}

/// What to do with the images as a whole.
#[derive(Debug, Subcommand)]
pub(crate) enum Stimuli {
    /// List the images that match all options, one per line
    List(List),
}

#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only images that show all these objects
    #[arg(long, num_args = 1.., value_name = "N")]
    pub(crate) noun: Vec<String>,
    /// Only images whose captions contain all these texts (case is ignored)
    #[arg(long, num_args = 1.., value_name = "TEXT")]
    pub(crate) caption: Vec<String>,
    /// Only images from one of these datasets, e.g. NSD or THINGSplus
    #[arg(long, num_args = 1.., value_name = "D")]
    pub(crate) dataset: Vec<String>,
    /// Only images planned for R repetitions per subject
    #[arg(long, value_name = "R")]
    pub(crate) reps: Option<u32>,
    /// Only shared images (seen by all) or unique images (seen by one subject only)
    #[arg(long, value_name = "SET", value_parser = one_of(StimulusSet::ALL, StimulusSet::as_str))]
    pub(crate) stimuli: Option<StimulusSet>,
    /// Only images that this subject saw in the sessions on disk
    #[arg(long, value_name = "S")]
    pub(crate) subject: Option<String>,
}
