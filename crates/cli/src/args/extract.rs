//! The options of `extract` and of what belongs to it: `plan`, `run`, `merge`, `slurm`,
//! `reproduce`, `recipe`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use laion_fmri::extract::{
    Average, Conventions, NanColumns, SplitChoice, Threshold, Zscore, ZscoreFit, ZscoreScope,
};
use laion_fmri::splits::{OodType, Pool, SplitName, SplitRevision};
use laion_fmri::stimuli::EmbeddingModel;
use laion_fmri::{MaskSource, StimulusSet};

use super::bytes::parse_size;
use super::names::{one_of, pool};
use super::noise_ceiling::parse_percent;
use super::sessions::{SessionName, parse_session};
use super::store::StoreArgs;

/// What `--zscore` says when nothing is z-scored.
const NO_ZSCORE: &str = "none";

/// What decides the numbers of an output.
#[derive(Args, Debug)]
pub(crate) struct SelectionArgs {
    /// Subject(s): sub-03, 03 or all; several subjects in one output need --average image; only
    /// images seen by all are kept
    #[arg(long, num_args = 1.., value_name = "S", value_delimiter = ',', required = true)]
    pub(crate) subject: Vec<String>,
    /// Session(s): 01, 01,03, 01-10 or all
    #[arg(long, visible_alias = "ses", num_args = 1.., value_name = "V", value_delimiter = ',', value_parser = parse_session, default_value = "all", hide_default_value = false)]
    pub(crate) session: Vec<SessionName>,
    /// One or more ROIs (FFA1) or categories (face), or all; several are combined. Expressions in
    /// quotes: "face | place", "face & laion", "laion - retinotopy"
    #[arg(long, num_args = 1.., value_name = "Q", value_delimiter = ',')]
    pub(crate) roi: Vec<String>,
    /// Your own voxel mask: .npy of True/False or 1/0 (one per brain voxel, or for the whole grid),
    /// or .nii/.nii.gz on the grid of the betas; {subject} in the name stands for the subject
    #[arg(long, value_name = "FILE", conflicts_with = "roi")]
    pub(crate) mask: Option<PathBuf>,
    /// Brain mask that defines the voxels
    #[arg(long, value_name = "M", default_value_t, value_parser = one_of(MaskSource::ALL, MaskSource::as_str))]
    pub(crate) mask_source: MaskSource,
    /// Z-score each voxel within each run or within each session, never across sessions; this comes
    /// before --average
    #[arg(long, value_name = "SCOPE", default_value = NO_ZSCORE, value_parser = scope())]
    pub(crate) zscore: std::option::Option<ZscoreScope>,
    /// Delta degrees of freedom of the standard deviation (0 as in numpy)
    #[arg(long, value_name = "0|1", value_parser = clap::value_parser!(u8).range(0..=1), default_value_t = 0)]
    pub(crate) ddof: u8,
    /// Take mean and standard deviation of the z-score from all trials, or from training trials
    /// only (needs --split); a run or session with too few of them becomes NaN
    #[arg(long, value_name = "TRIALS", default_value_t, value_parser = one_of(ZscoreFit::ALL, ZscoreFit::as_str))]
    pub(crate) zscore_fit: ZscoreFit,
    /// One row per trial (none), or one row per image: the mean over its trials (image); with
    /// several subjects, only images seen by all are kept
    #[arg(long, default_value_t, value_parser = one_of(Average::ALL, Average::as_str))]
    pub(crate) average: Average,
    /// What to do with NaN: keep it, drop the voxel, or write 0
    #[arg(long, default_value_t, value_parser = one_of(NanColumns::ALL, NanColumns::as_str))]
    pub(crate) nan: NanColumns,
    /// Only trials of shared images (seen by all) or of unique images (seen by this subject only)
    #[arg(long, value_name = "SET", value_parser = one_of(StimulusSet::ALL, StimulusSet::as_str))]
    pub(crate) stimuli: Option<StimulusSet>,
    /// Leave out trials of out-of-distribution images
    #[arg(long)]
    pub(crate) exclude_ood: bool,
    /// Only images that were shown as often as planned
    #[arg(long)]
    pub(crate) exact_reps: bool,
    /// Mark each row as training or test trial of this split
    #[arg(long, value_name = "NAME", value_parser = one_of(SplitName::ALL, SplitName::as_str))]
    pub(crate) split: Option<SplitName>,
    /// Pool of the split: shared, or a subject, e.g. sub-03
    #[arg(long, value_name = "P", requires = "split", value_parser = pool())]
    pub(crate) pool: Option<Pool>,
    /// Revision of the random splits
    #[arg(long, value_name = "R", default_value_t, value_parser = one_of(SplitRevision::ALL, SplitRevision::as_str))]
    pub(crate) revision: SplitRevision,
    /// For the split ood: only these types of images in the test set
    #[arg(long, num_args = 1.., value_name = "T", requires = "split", value_parser = one_of(OodType::ALL, OodType::as_str))]
    pub(crate) ood_type: Vec<OodType>,
    /// Add the embedding of the image of each row, by this model
    #[arg(long, value_name = "MODEL", value_parser = one_of(EmbeddingModel::ALL, EmbeddingModel::as_str))]
    pub(crate) features: Option<EmbeddingModel>,
    /// Only voxels with a noise ceiling of at least T percent (0 to 100)
    #[arg(long, value_name = "T", allow_negative_numbers = true, value_parser = parse_percent::<f64>)]
    pub(crate) nc_threshold: Option<f64>,
    /// Apply the threshold to this subject-level map, e.g. Noiseceiling12rep
    #[arg(long, value_name = "D", requires = "nc_threshold")]
    pub(crate) nc_desc: Option<String>,
}

/// Where files come from and how much memory they may take.
#[derive(Args, Debug)]
pub(crate) struct SourceArgs {
    /// Read the downloaded files (mirror), or read from the bucket and store nothing (bucket)
    #[arg(long, value_enum, default_value_t)]
    pub(crate) from: Origin,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Most memory to use, e.g. 2GiB or 500MB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_memory: Option<u64>,
    /// With --from bucket: accept the licence of the dataset without a prompt
    #[arg(long)]
    pub(crate) accept_license: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Extract {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Only print what would be read and how much memory it takes
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Output, replaced if it exists: .npz, .zarr or .h5; .parquet for the table of rows only. With
    /// {subject} in the name, or DIR/: one output per subject
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
}

#[derive(Args, Debug)]
#[command(mut_arg("accept_license", |argument| argument.hide(true)))]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Output of the extraction; see extract
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Run {
    /// Plan file; - for standard input
    pub(crate) plan: PathBuf,
    /// Run only the tasks I, I+N, I+2N, ... (counted from 0); array jobs set this themselves
    #[arg(long, value_name = "I", requires = "of")]
    pub(crate) task: Option<usize>,
    /// Number of shares that the tasks are divided into: the N of --task
    #[arg(long, value_name = "N", requires = "task")]
    pub(crate) of: Option<usize>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// If the plan reads the bucket: accept the licence of the dataset without a prompt
    #[arg(long)]
    pub(crate) accept_license: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Merge {
    /// Plan file; - for standard input
    pub(crate) plan: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Slurm {
    /// Plan file
    pub(crate) plan: PathBuf,
    /// Write download.sh, extract.sbatch (build.sbatch for a store), merge.sbatch and submit.sh to
    /// this folder; those that exist are replaced
    #[arg(short, long, value_name = "DIR", conflicts_with = "script")]
    pub(crate) output: Option<PathBuf>,
    /// Print one of the scripts instead
    #[arg(long, value_enum, value_name = "SCRIPT")]
    pub(crate) script: Option<Script>,
    /// Time limit of a task, and of the merge: HH:MM:SS, or D-HH:MM:SS with days
    #[arg(long, value_name = "HH:MM:SS", default_value = "01:00:00", value_parser = time_limit)]
    pub(crate) time: String,
    /// Account that the jobs are charged to
    #[arg(long, value_name = "A", value_parser = one_word)]
    pub(crate) account: Option<String>,
    /// Partition of the jobs
    #[arg(long, value_name = "P", value_parser = one_word)]
    pub(crate) partition: Option<String>,
    /// Quality of service of the jobs
    #[arg(long, value_name = "Q", value_parser = one_word)]
    pub(crate) qos: Option<String>,
    /// Folder for what the jobs print; by default the folder in which they are submitted
    #[arg(long, value_name = "DIR")]
    pub(crate) log_dir: Option<PathBuf>,
    /// More options for sbatch, such as "--constraint=avx2 --mail-type=FAIL"; may be given several
    /// times
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true, value_parser = sbatch_options)]
    pub(crate) sbatch: Vec<String>,
}

/// One of the scripts of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Script {
    /// Downloads what the tasks read
    Download,
    /// The array job that runs the tasks
    Extract,
    /// The job that combines the results of the tasks
    Merge,
}

/// A limit as Slurm reads it, and as people do: Slurm takes `2:00` for two minutes.
fn time_limit(text: &str) -> Result<String, String> {
    let expected = || format!("expected HH:MM:SS or D-HH:MM:SS, got {text:?}");
    let (days, rest) = match text.split_once('-') {
        Some((days, rest)) => (days.parse::<u32>().map_err(|_| expected())?, rest),
        None => (0, text),
    };
    let parts: Vec<&str> = rest.split(':').collect();
    let [hours, minutes, seconds] = parts.as_slice() else { return Err(expected()) };
    let number = |part: &str, most: u32| {
        let is_plain = (1..=4).contains(&part.len()) && part.bytes().all(|it| it.is_ascii_digit());
        let number = part.parse::<u32>().ok().filter(|number| is_plain && *number <= most);
        number.ok_or_else(expected)
    };
    let (hours, minutes) = (number(hours, 9999)?, number(minutes, 59)?);
    let seconds = number(seconds, 59)?;
    if days == 0 && hours == 0 && minutes == 0 && seconds == 0 {
        return Err("a task needs some time".to_owned());
    }
    Ok(text.to_owned())
}

/// A value that stays one word in a line of a script.
fn one_word(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.,+@%/".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return Ok(text.to_owned());
    }
    Err("expected one word of letters, digits and -_.,+@%/".to_owned())
}

/// Options that stay in one line of a script.
fn sbatch_options(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.starts_with('-') && !text.contains(['\n', '\r', '#']) {
        return Ok(text.to_owned());
    }
    Err("expected options of sbatch in one line, such as \"--constraint=avx2\"".to_owned())
}

#[derive(Args, Debug)]
pub(crate) struct Reproduce {
    /// Recipe: the file next to an output, such as OUT.npz.recipe.toml, or an output that contains
    /// one
    pub(crate) recipe: PathBuf,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Output, replaced if it exists (default: the recorded one, next to the recipe)
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
}

/// What to do with recipes.
#[derive(Debug, Subcommand)]
pub(crate) enum RecipeAction {
    /// Print a recipe as TOML
    Show(OneRecipe),
    /// List the differences between two recipes (exit 1 if there are any)
    Diff(TwoRecipes),
    /// Print a paragraph for the methods section
    Methods(OneRecipe),
    /// Print what to cite, as BibTeX
    Cite(OneRecipe),
}

#[derive(Args, Debug)]
pub(crate) struct OneRecipe {
    /// Recipe: the file next to an output, such as OUT.npz.recipe.toml, or an output that contains
    /// one
    pub(crate) recipe: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct TwoRecipes {
    /// Recipe, or an output that contains one
    #[arg(value_name = "A")]
    pub(crate) one: PathBuf,
    /// Recipe to compare with
    #[arg(value_name = "B")]
    pub(crate) other: PathBuf,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Origin {
    #[default]
    Mirror,
    Bucket,
}

/// The scope of a z-score, or `none`.
fn scope() -> impl TypedValueParser<Value = Option<ZscoreScope>> {
    let scopes = ZscoreScope::ALL.iter().map(|scope| scope.as_str());
    PossibleValuesParser::new(std::iter::once(NO_ZSCORE).chain(scopes))
        .try_map(|name| (name != NO_ZSCORE).then(|| name.parse::<ZscoreScope>()).transpose())
}

impl SelectionArgs {
    /// The choice as the library's conventions.
    pub(crate) fn conventions(&self) -> Conventions {
        let mut conventions = Conventions::default();
        conventions.rois.clone_from(&self.roi);
        conventions.mask_source = self.mask_source;
        conventions.noise_ceiling =
            self.nc_threshold.map(|percent| Threshold { percent, desc: self.nc_desc.clone() });
        let fit = self.zscore_fit;
        conventions.zscore = self.zscore.map(|within| Zscore { within, ddof: self.ddof, fit });
        conventions.average = self.average;
        conventions.nan = self.nan;
        conventions.stimuli = self.stimuli;
        conventions.exclude_ood = self.exclude_ood;
        conventions.exact_repetitions = self.exact_reps;
        conventions.split = self.split.zip(self.pool).map(|(name, pool)| SplitChoice {
            name,
            pool,
            revision: self.revision,
            ood_types: self.ood_type.clone(),
        });
        conventions.features = self.features;
        conventions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_what_people_and_the_scheduler_read_alike() {
        for text in ["01:00:00", "100:00:00", "0:30:00", "00:00:01", "2-12:00:00"] {
            assert_eq!(time_limit(text), Ok(text.to_owned()));
        }
        for text in
            ["", "abc", "2", "2:00", "2-12", "1:60:00", "1:00:60", "00:00:00", "-1:00:00", "1::0"]
        {
            assert!(time_limit(text).is_err(), "{text}");
        }
    }

    #[test]
    fn values_of_scripts_stay_in_their_line() {
        assert!(one_word("lab-7").is_ok() && one_word("a b").is_err() && one_word("").is_err());
        assert_eq!(sbatch_options(" --exclude=n1 -C x "), Ok("--exclude=n1 -C x".to_owned()));
        for text in ["", "x", "--a\nrm", "--a # b"] {
            assert!(sbatch_options(text).is_err(), "{text:?}");
        }
    }
}
