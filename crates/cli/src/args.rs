//! The command line as types: global options and one struct for each command.

pub(crate) mod access;
mod bytes;
pub(crate) mod extract;
pub(crate) mod filters;
pub(crate) mod index;
pub(crate) mod mirror;
mod names;
pub(crate) mod nc;
pub(crate) mod noise_ceiling;
pub(crate) mod sessions;
pub(crate) mod splits;
pub(crate) mod stimuli;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use laion_fmri::stimuli::EmbeddingModel;
use laion_fmri::{Hemi, Location, MaskSource, Resolution, RoiFormat, StimulusSet};

use self::filters::Filters;
use self::names::one_of;
use self::sessions::{SessionName, parse_session};
use crate::exit::CommandError;

/// LAION-fMRI: from a public bucket of 7T fMRI data to the array you need.
#[derive(Debug, Parser)]
#[command(name = "laion-fmri", version, max_term_width = 100, after_help = EXIT_STATUS)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXIT_STATUS: &str = "\
Exit status:
  0 done                              4 damaged or mismatched files
  1 failed, or some transfers failed  5 licence or stimulus access needed
  2 usage, unknown names              6 withheld objects, with --strict
  3 nothing matched, not downloaded   130, 143 stopped by a signal";

const GLOBAL: &str = "Global options";

/// Options that every command takes, before or after its name. Their variables are read in
/// [`Global::with_environment`], since an empty variable has to count as unset.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// Where the mirror lives; several roots may be separated by `:` [env: LAION_FMRI_DATA]
    #[arg(long, global = true, value_name = "DIR", help_heading = GLOBAL)]
    pub(crate) data_dir: Option<OsString>,
    /// The bucket: s3://NAME, http(s)://HOST[:PORT]/BUCKET or file:///DIR [env: LAION_FMRI_BUCKET]
    #[arg(long, global = true, value_name = "URL", help_heading = GLOBAL)]
    pub(crate) bucket: Option<Location>,
    /// Never open a socket [env: LAION_FMRI_OFFLINE]
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) offline: bool,
    /// How many transfers run at once, and how many threads read betas [env: LAION_FMRI_JOBS]
    #[arg(short, long, global = true, value_name = "N", value_parser = parse_jobs, help_heading = GLOBAL)]
    pub(crate) jobs: Option<usize>,
    /// Say less: errors only
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = GLOBAL)]
    pub(crate) quiet: bool,
    /// Say more; twice for debugging
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = GLOBAL)]
    pub(crate) verbose: u8,
    /// How progress is shown; auto: bars on a terminal, a line every few seconds elsewhere
    #[arg(long, global = true, value_enum, default_value_t, value_name = "HOW", help_heading = GLOBAL)]
    pub(crate) progress: ProgressKind,
    /// When messages are coloured
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", help_heading = GLOBAL)]
    pub(crate) color: Color,
    /// Never prompt: what would have prompted fails and names the flag that answers it
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) no_input: bool,
    /// Where derived files go, which are safe to delete [env: LAION_FMRI_CACHE]
    #[arg(long, global = true, value_name = "DIR", help_heading = GLOBAL)]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Tables and reports as one JSON object a line
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) json: bool,
    /// Withheld objects are a failure (exit 6)
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

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the effective settings, or store the data directory, bucket, jobs and cache directory
    Config,
    /// Show the licence of the dataset, or accept it
    License(License),
    /// Mirror a part of the bucket
    Download(Box<Download>),
    /// Mirror raw data alone
    DownloadRaw(Box<DownloadRaw>),
    /// Fetch the stimulus images and their table; asks for access when there is none yet
    DownloadStimuli(access::DownloadStimuli),
    /// Mirror the embeddings of the images
    DownloadEmbeddings(access::DownloadEmbeddings),
    /// Mirror the object masks and their table
    DownloadSegmentations(Transfer),
    /// Mirror the captions
    DownloadCaptions(Transfer),
    /// Request access to the stimulus images, by answering questions or by options
    RequestAccess(Box<access::RequestAccess>),
    /// Use access to the stimulus images that was granted earlier
    Login(access::Login),
    /// Forget the access to the stimulus images
    Logout,
    /// Take over a tree that another tool made, without fetching it again
    Adopt(mirror::Adopt),
    /// List addresses, sizes and local paths, for curl or aria2
    Urls(Box<mirror::Urls>),
    /// Compare the mirror with what was fetched: sizes, checksums, gzip trailers
    Verify(mirror::Verify),
    /// Look for what may be in the way: configuration, disk, permissions, bucket, mirror
    Doctor,
    /// Describe the dataset, or one subject
    Info(Info),
    /// Count what lies at the top of the bucket
    Inspect,
    /// List the subjects, one a line
    Subjects(Subjects),
    /// List the sessions of a subject, one a line
    Sessions(Sessions),
    /// List the ROIs of a subject, one a line
    Rois(Rois),
    /// Write the trial tables of a subject
    Trials(Trials),
    /// Write a brain mask, or a ROI over the brain axis
    Mask(Mask),
    /// Write ROIs as volumes, surface masks and vertex lists
    Roi(Roi),
    /// Write single-trial betas as (n_trials, n_voxels) float32
    Betas(Box<Betas>),
    /// Make the indexes with which betas are read by trial and by all threads
    Index(index::Index),
    /// Write noise ceilings as (n_voxels,) float32, in percent
    NoiseCeiling(noise_ceiling::NoiseCeilingArgs),
    /// Compute noise ceilings from the betas, and compare maps
    #[command(subcommand)]
    Nc(nc::Nc),
    /// Write where voxels lie as (n_voxels, 3) float64, in mm of the T1w space
    Coordinates(Coordinates),
    /// Write values on the voxel axis back into a volume
    ToNifti(ToNifti),
    /// Write a stimulus image
    Image(stimuli::Image),
    /// Write embeddings as (n_rows, n_features) float16
    Embedding(stimuli::Embedding),
    /// List the objects in an image, or write the mask of one
    Segmentation(stimuli::Segmentation),
    /// Print the captions of an image, one a line
    Captions(stimuli::Captions),
    /// Find images by objects, captions, origin and repetitions
    #[command(subcommand)]
    Stimuli(stimuli::Stimuli),
    /// Show the train/test splits, their lists and their masks over trials
    #[command(subcommand)]
    Splits(splits::Splits),
    /// Extract sessions to one array file: select, z-score, join, average, save, with a recipe
    Extract(Box<extract::Extract>),
    /// Print an extraction as independent tasks, one JSON object a line
    Plan(Box<extract::Plan>),
    /// Run tasks of a plan; in an array job, those of this task of the job
    Run(extract::Run),
    /// Make the outputs of a plan from what its tasks wrote
    Merge(extract::Merge),
    /// Print the Slurm job scripts of a plan
    Slurm(extract::Slurm),
    /// Run a recipe again: the same bytes, or what differs (exit 4)
    Reproduce(extract::Reproduce),
    /// Show, compare and describe recipes
    #[command(subcommand)]
    Recipe(extract::RecipeAction),
    /// Print a completion script
    Completions(Completions),
    /// Print the manual page, or write all pages into a directory
    Man(Man),
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
    /// Whose files: sub-03, 03, or all
    #[arg(long, num_args = 1.., value_name = "S", required_unless_present = "prefix")]
    pub(crate) subject: Vec<String>,
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// Only these spaces
    #[arg(long, num_args = 1.., value_name = "V")]
    pub(crate) space: Option<Vec<String>>,
    /// Only these descriptions, such as SingletrialBetas
    #[arg(long, num_args = 1.., value_name = "V")]
    pub(crate) desc: Option<Vec<String>>,
    /// Only these statistics, such as effect or rsquare
    #[arg(long, num_args = 1.., value_name = "V")]
    pub(crate) stat: Option<Vec<String>>,
    /// Instead of betas and ROIs, only the two brain masks: the anatomical one and the mean R² map
    #[arg(long, requires = "subject", conflicts_with_all = FILTERS)]
    pub(crate) brain_mask: bool,
    /// The whole anatomical tree as well
    #[arg(long)]
    pub(crate) include_anatomical: bool,
    /// The whole FreeSurfer reconstruction as well
    #[arg(long)]
    pub(crate) include_freesurfer: bool,
    /// All localizer maps as well
    #[arg(long)]
    pub(crate) include_localizers: bool,
    /// The raw data as well, chosen by the filters
    #[arg(long)]
    pub(crate) include_raw: bool,
    /// The stimulus images and their table as well; asks for access when there is none yet
    #[arg(long)]
    pub(crate) include_stimuli: bool,
    /// The embeddings of these models as well; all without a name
    #[arg(long, num_args = 0.., value_name = "MODEL", value_parser = one_of(EmbeddingModel::ALL, EmbeddingModel::as_str))]
    pub(crate) include_embeddings: Option<Vec<EmbeddingModel>>,
    /// Mirror any other tree with the same filters, such as derivatives/retinotopy/sub-01/
    #[arg(long, num_args = 1.., value_name = "KEYPREFIX")]
    pub(crate) prefix: Vec<String>,
    /// If the bucket does not have some value or tree, fetch the rest
    #[arg(long)]
    pub(crate) allow_missing: bool,
    /// Make the indexes of the betas that are fetched, from the bytes that pass
    #[arg(long)]
    pub(crate) index: bool,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
}

#[derive(Args, Debug)]
pub(crate) struct DownloadRaw {
    /// Whose files: sub-03, 03, or all
    #[arg(long, num_args = 1.., value_name = "S", required = true)]
    pub(crate) subject: Vec<String>,
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// If the bucket does not have some value, fetch the rest
    #[arg(long)]
    pub(crate) allow_missing: bool,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
}

/// How a download is carried out.
#[derive(Args, Debug)]
pub(crate) struct Transfer {
    /// How many transfers run at once; as --jobs
    #[arg(long, value_name = "N", value_parser = parse_jobs)]
    pub(crate) n_jobs: Option<usize>,
    /// List what would be done and its size, without fetching or writing anything
    #[arg(short = 'n', long, alias = "dryrun")]
    pub(crate) dry_run: bool,
    /// Take at most so many bytes per second, such as 500k, 10M or 2.5MiB
    #[arg(long, value_name = "R", value_parser = bytes::parse_rate)]
    pub(crate) limit_rate: Option<std::num::NonZeroU64>,
    /// Read what is on disk already, and fetch again what is not right
    #[arg(long)]
    pub(crate) verify: bool,
    /// Accept the licence of the dataset without a prompt [env: LAION_FMRI_ACCEPT_LICENSE]
    #[arg(long)]
    pub(crate) accept_license: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Info {
    /// Only this subject
    #[arg(long, value_name = "S")]
    pub(crate) subject: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Subjects {
    /// Ask the bucket instead of the mirror
    #[arg(long)]
    pub(crate) remote: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Sessions {
    /// The subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// Ask the bucket instead of the mirror
    #[arg(long)]
    pub(crate) remote: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Rois {
    /// The subject: sub-03 or 03; by default the first one. Several with --common
    #[arg(long, num_args = 1.., value_name = "S")]
    pub(crate) subject: Vec<String>,
    /// Only this category, such as face
    #[arg(long, value_name = "C")]
    pub(crate) category: Option<String>,
    /// Only what all chosen subjects have; by default all subjects
    #[arg(long)]
    pub(crate) common: bool,
    /// Ask the bucket instead of the mirror
    #[arg(long)]
    pub(crate) remote: bool,
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
    /// The subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// The sessions: 01, 01,03, 01-10 or all; by default all of them, in order
    #[arg(long, visible_alias = "ses", num_args = 1.., value_name = "V", value_delimiter = ',', value_parser = parse_session)]
    pub(crate) session: Vec<SessionName>,
    /// By default what the extension of the output says, else tsv
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
    /// The output; - is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Mask {
    /// The subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// ROIs, categories or all; several are united. The mask is then over the brain axis
    #[arg(long, num_args = 1.., value_name = "Q")]
    pub(crate) roi: Vec<String>,
    /// Which brain mask
    #[arg(long, value_name = "M", default_value_t, value_parser = one_of(MaskSource::ALL, MaskSource::as_str))]
    pub(crate) mask_source: MaskSource,
    /// Which grid of the anatomical brain mask: 1pt8 or full
    #[arg(long, value_name = "RES", default_value_t, conflicts_with = "roi", value_parser = one_of(Resolution::ALL, Resolution::as_str))]
    pub(crate) res: Resolution,
    /// The output: .npy, .nii, .nii.gz, or - for .npy on standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Roi {
    /// The subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// ROIs, categories or all
    #[arg(value_name = "ROI", required = true)]
    pub(crate) roi: Vec<String>,
    /// Which form: all, volume (or nii.gz), gii (both surface forms), func.gii or label
    #[arg(long, value_name = "FORMAT", default_value_t, value_parser = one_of(RoiFormat::ALL, RoiFormat::as_str))]
    pub(crate) format: RoiFormat,
    /// Which hemispheres: L, R or all
    #[arg(long, value_name = "H", default_value_t, value_parser = one_of(Hemi::ALL, Hemi::as_str))]
    pub(crate) hemi: Hemi,
    /// Which brain mask volumes are over
    #[arg(long, value_name = "M", default_value_t, value_parser = one_of(MaskSource::ALL, MaskSource::as_str))]
    pub(crate) mask_source: MaskSource,
    /// The output: a .npz file, or - for standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// Which voxels, on the axis of which brain mask.
#[derive(Args, Debug)]
pub(crate) struct VoxelArgs {
    /// ROIs, categories or all; several are united. Set algebra in quotes: "laion - retinotopy"
    #[arg(long, num_args = 1.., value_name = "Q")]
    pub(crate) roi: Vec<String>,
    /// A mask over the brain axis: a .npy file of one bool for each brain voxel
    #[arg(long, value_name = "FILE.npy", conflicts_with = "roi")]
    pub(crate) mask: Option<PathBuf>,
    /// Which brain mask
    #[arg(long, value_name = "M", default_value_t, value_parser = one_of(MaskSource::ALL, MaskSource::as_str))]
    pub(crate) mask_source: MaskSource,
}

#[derive(Args, Debug)]
pub(crate) struct Betas {
    /// The subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// The sessions: 01, 01,03, 01-10 or all
    #[arg(long, visible_alias = "ses", num_args = 1.., value_name = "V", value_delimiter = ',', value_parser = parse_session, required = true)]
    pub(crate) session: Vec<SessionName>,
    #[command(flatten)]
    pub(crate) voxels: VoxelArgs,
    /// Only voxels whose noise ceiling in the session is at least T percent (0 to 100)
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub(crate) nc_threshold: Option<f32>,
    /// The subject-level map that the threshold looks at, such as Noiseceiling12rep
    #[arg(long, value_name = "D", requires = "nc_threshold")]
    pub(crate) nc_desc: Option<String>,
    /// Only trials with images that all subjects saw (shared), or only this one (unique)
    #[arg(long, value_name = "SET", value_parser = one_of(StimulusSet::ALL, StimulusSet::as_str))]
    pub(crate) stimuli: Option<StimulusSet>,
    /// Only these trials of each session, counted from 0, as rows in this order: single ones and
    /// START:END, such as 10:20,500,3
    #[arg(long, value_name = "LIST", value_parser = parse_trials)]
    pub(crate) trials: Option<TrialList>,
    /// Accepted for parity with the Python package: every read streams
    #[arg(long)]
    pub(crate) streaming: bool,
    /// The output: .npy or .csv for one session, .npz or DIR/ for several, - for .npy on standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Coordinates {
    /// The subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    #[command(flatten)]
    pub(crate) voxels: VoxelArgs,
    /// The output: .npy or .csv, - for .npy on standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct ToNifti {
    /// The subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// One value for each chosen voxel: a 1-D .npy file of float32 or float64
    #[arg(value_name = "VALUES.npy")]
    pub(crate) values: PathBuf,
    #[command(flatten)]
    pub(crate) voxels: VoxelArgs,
    /// The output: .nii or .nii.gz
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
pub(crate) struct Man {
    /// Where the pages of all commands go
    #[arg(value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
}

/// Trials as they were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrialList(pub(crate) Vec<usize>);

/// Longer lists than any session could have are refused before they fill the memory.
const MAX_TRIALS: usize = 1_000_000;

fn parse_trials(text: &str) -> Result<TrialList, String> {
    let number = |part: &str| {
        part.parse::<usize>().map_err(|_| format!("{part:?} is not a number counted from 0"))
    };
    let mut trials = Vec::new();
    for part in text.split(',') {
        let (start, end) = match part.split_once(':') {
            Some((start, end)) => (number(start)?, number(end)?),
            None => (number(part)?, number(part)?.saturating_add(1)),
        };
        if start >= end {
            return Err(format!("{part} holds no trial (expected START below END)"));
        }
        if end - start > MAX_TRIALS - trials.len() {
            return Err(format!("more than {MAX_TRIALS} trials"));
        }
        trials.extend(start..end);
    }
    Ok(TrialList(trials))
}

/// More transfers than this only cost memory and the server's patience.
const MAX_JOBS: usize = 256;

fn parse_jobs(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(jobs) if (1..=MAX_JOBS).contains(&jobs) => Ok(jobs),
        _ => Err(format!("expected a number from 1 to {MAX_JOBS}")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn global(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Global, CommandError> {
        let cli = Cli::try_parse_from([&["laion-fmri"], arguments].concat()).unwrap();
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        cli.global.with_environment(|name| find(name).map(|(_, value)| value.into()))
    }

    #[test]
    fn trials_are_single_or_ranges() {
        let parsed = |text: &str| parse_trials(text).map(|list| list.0);
        assert_eq!(parsed("10:13,500"), Ok(vec![10, 11, 12, 500]));
        assert_eq!(parsed("0"), Ok(vec![0]));
        for (text, problem) in [
            ("", "\"\" is not a number counted from 0"),
            ("3:3", "3:3 holds no trial (expected START below END)"),
            ("-1", "\"-1\" is not a number counted from 0"),
            ("0:99999999999", "more than 1000000 trials"),
            (
                "18446744073709551615",
                "18446744073709551615 holds no trial (expected START below END)",
            ),
        ] {
            assert_eq!(parsed(text), Err(problem.to_owned()), "{text}");
        }
    }

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
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
