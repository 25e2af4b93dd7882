//! The options of the commands about images, embeddings, object masks and captions.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use laion_fmri::StimulusSet;
use laion_fmri::stimuli::{CaptionSource, EmbeddingModel};

use super::names::one_of;
use super::sessions::{SessionName, parse_session};

#[derive(Args, Debug)]
pub(crate) struct Image {
    /// The file name of the image
    #[arg(value_name = "NAME", required_unless_present = "subject", conflicts_with = "subject")]
    pub(crate) name: Option<String>,
    /// The image of a trial of this subject: sub-03 or 03
    #[arg(long, value_name = "S", requires = "trial")]
    pub(crate) subject: Option<String>,
    /// The trial, counted from 0 over all sessions on disk
    #[arg(long, value_name = "I", requires = "subject")]
    pub(crate) trial: Option<usize>,
    /// The stored JPEG or PNG file, byte for byte
    #[arg(long)]
    pub(crate) encoded: bool,
    /// With the channels of the stored file, instead of RGB as displayed
    #[arg(long, conflicts_with = "encoded")]
    pub(crate) original: bool,
    /// The output: .png, .npy of (height, width, channels) uint8, any name with --encoded; - for
    /// standard output, a .png without --encoded
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Embedding {
    /// The model
    #[arg(long, value_name = "M", value_parser = one_of(EmbeddingModel::ALL, EmbeddingModel::as_str))]
    pub(crate) model: EmbeddingModel,
    /// The file names of images, in the order of the rows; by default all, in the order of the file
    #[arg(value_name = "NAME", conflicts_with = "subject")]
    pub(crate) names: Vec<String>,
    /// One row for each trial of this subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: Option<String>,
    /// Only the trials of these sessions: 01, 01,03, 01-10 or all; by default all of them, in order
    #[arg(long, visible_alias = "ses", num_args = 1.., value_name = "V", value_delimiter = ',', value_parser = parse_session, requires = "subject")]
    pub(crate) session: Vec<SessionName>,
    /// As float32; the stored values are float16
    #[arg(long)]
    pub(crate) float32: bool,
    /// The output: .npy or .csv, - for .npy on standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Segmentation {
    /// The file name of the image
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The object; without it the nouns of the image are listed, one a line
    #[arg(value_name = "NOUN", requires = "output")]
    pub(crate) noun: Option<String>,
    /// Which mask of the noun, counted from 0 by falling score
    #[arg(long, value_name = "N", default_value_t = 0, requires = "noun")]
    pub(crate) instance: u32,
    /// List every noun, also those that were not localized
    #[arg(long, conflicts_with = "noun")]
    pub(crate) all: bool,
    /// The output: .npy of (height, width) uint8, 0 or 1, or .png, 0 or 255; - for .npy on standard
    /// output
    #[arg(short, long, value_name = "FILE", requires = "noun")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Captions {
    /// The file name of the image
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Only captions by people (human) or by the language model (ai)
    #[arg(long, value_name = "SOURCE", value_parser = one_of(CaptionSource::ALL, CaptionSource::as_str))]
    pub(crate) source: Option<CaptionSource>,
}

/// What to do with the images as a whole.
#[derive(Debug, Subcommand)]
pub(crate) enum Stimuli {
    /// List the images that fit all of the options, one a line
    List(List),
}

#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only images with masks of all these objects
    #[arg(long, num_args = 1.., value_name = "N")]
    pub(crate) noun: Vec<String>,
    /// Only images with captions that hold all these texts; case does not count
    #[arg(long, num_args = 1.., value_name = "TEXT")]
    pub(crate) caption: Vec<String>,
    /// Only images from one of these datasets, such as NSD or THINGSplus
    #[arg(long, num_args = 1.., value_name = "D")]
    pub(crate) dataset: Vec<String>,
    /// Only images that were planned to be shown R times to a subject
    #[arg(long, value_name = "R")]
    pub(crate) reps: Option<u32>,
    /// Only images that all subjects saw (shared), or only one (unique)
    #[arg(long, value_name = "SET", value_parser = one_of(StimulusSet::ALL, StimulusSet::as_str))]
    pub(crate) stimuli: Option<StimulusSet>,
    /// Only images that this subject saw in the sessions on disk
    #[arg(long, value_name = "S")]
    pub(crate) subject: Option<String>,
}
