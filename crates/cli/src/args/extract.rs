//! The options of `extract` and of what belongs to it: `plan`, `run`, `merge`, `slurm`, `reproduce`, `recipe`.

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
use super::sessions::{SessionName, parse_session};

/// What `--zscore` says when nothing is z-scored.
const NO_ZSCORE: &str = "none";

/// What decides the numbers of an output.
#[derive(Args, Debug)]
pub(crate) struct SelectionArgs {
    /// The subjects: sub-03 or 03, or all; several in one output need --average image, and images that not
    /// all of them saw are then left out
    #[arg(long, num_args = 1.., value_name = "S", required = true)]
    pub(crate) subject: Vec<String>,
    /// The sessions: 01, 01,03, 01-10 or all
    #[arg(long, visible_alias = "ses", num_args = 1.., value_name = "V", value_delimiter = ',', value_parser = parse_session, default_value = "all", hide_default_value = false)]
    pub(crate) session: Vec<SessionName>,
    /// Only the voxels of these ROIs: a ROI, a category, all, or set algebra such as "laionventral - retinotopy"
    #[arg(long, num_args = 1.., value_name = "Q")]
    pub(crate) roi: Vec<String>,
    /// Which brain mask the voxel axis is made from
    #[arg(long, value_name = "M", default_value_t, value_parser = one_of(MaskSource::ALL, MaskSource::as_str))]
    pub(crate) mask_source: MaskSource,
    /// Z-score each voxel within each run or session, before anything is averaged
    #[arg(long, value_name = "SCOPE", default_value = NO_ZSCORE, value_parser = scope())]
    pub(crate) zscore: std::option::Option<ZscoreScope>,
    /// Subtracted from the number of trials in the divisor of the variance
    #[arg(long, value_name = "0|1", value_parser = clap::value_parser!(u8).range(0..=1), default_value_t = 0)]
    pub(crate) ddof: u8,
    /// Which trials mean and standard deviation are computed from; train needs --split
    #[arg(long, value_name = "TRIALS", default_value_t, value_parser = one_of(ZscoreFit::ALL, ZscoreFit::as_str))]
    pub(crate) zscore_fit: ZscoreFit,
    /// One row for each trial (none), or the mean over the trials of each image; of several subjects, only
    /// images that all of them saw
    #[arg(long, default_value_t, value_parser = one_of(Average::ALL, Average::as_str))]
    pub(crate) average: Average,
    /// What becomes of NaN: it stays, its voxel is left out, or it becomes 0
    #[arg(long, default_value_t, value_parser = one_of(NanColumns::ALL, NanColumns::as_str))]
    pub(crate) nan: NanColumns,
    /// Only trials with images that all subjects saw (shared), or only this one (unique)
    #[arg(long, value_name = "SET", value_parser = one_of(StimulusSet::ALL, StimulusSet::as_str))]
    pub(crate) stimuli: Option<StimulusSet>,
    /// Leave out trials with out-of-distribution images
    #[arg(long)]
    pub(crate) exclude_ood: bool,
    /// Only images with exactly the planned number of trials in the sessions
    #[arg(long)]
    pub(crate) exact_reps: bool,
    /// Mark the rows of the training and the test set of this split
    #[arg(long, value_name = "NAME", requires = "pool", value_parser = one_of(SplitName::ALL, SplitName::as_str))]
    pub(crate) split: Option<SplitName>,
    /// The pool of the split: shared or a subject such as sub-03
    #[arg(long, value_name = "P", requires = "split", value_parser = pool())]
    pub(crate) pool: Option<Pool>,
    /// The revision of the random splits: r1 or r2
    #[arg(long, value_name = "R", default_value_t, value_parser = one_of(SplitRevision::ALL, SplitRevision::as_str))]
    pub(crate) revision: SplitRevision,
    /// Only these types of out-of-distribution images in the test set of the split ood
    #[arg(long, num_args = 1.., value_name = "T", requires = "split", value_parser = one_of(OodType::ALL, OodType::as_str))]
    pub(crate) ood_type: Vec<OodType>,
    /// The embeddings of the images of the rows, by this model
    #[arg(long, value_name = "MODEL", value_parser = one_of(EmbeddingModel::ALL, EmbeddingModel::as_str))]
    pub(crate) features: Option<EmbeddingModel>,
    /// Only voxels whose noise ceiling is at least T percent (0 to 100)
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub(crate) nc_threshold: Option<f64>,
    /// The subject-level map that the threshold looks at, such as Noiseceiling12rep
    #[arg(long, value_name = "D", requires = "nc_threshold")]
    pub(crate) nc_desc: Option<String>,
}

/// Where files come from and how much memory they may take.
#[derive(Args, Debug)]
pub(crate) struct SourceArgs {
    /// Read the files of the mirror, or stream them from the bucket without storing them
    #[arg(long, value_enum, default_value_t)]
    pub(crate) from: Origin,
    /// The most memory that may be used, such as 2GiB or 500MB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_memory: Option<u64>,
    /// With --from bucket, accept the licence of the dataset without a prompt
    #[arg(long)]
    pub(crate) accept_license: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Extract {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Say what would be read and how much memory it takes, and stop
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// The output: .npz, .zarr or .h5; .parquet for the table of rows alone. {subject} in its name, or
    /// DIR/, makes one for each subject
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
    /// The output that the plan names, as for extract
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Run {
    /// The plan, - for standard input
    pub(crate) plan: PathBuf,
    /// Only every N-th task, beginning with this one, counted from 0; in an array job the scheduler says which
    #[arg(long, value_name = "I", requires = "of")]
    pub(crate) task: Option<usize>,
    /// How many share the tasks
    #[arg(long, value_name = "N", requires = "task")]
    pub(crate) of: Option<usize>,
    /// Of a plan that reads the bucket, accept the licence of the dataset without a prompt
    #[arg(long)]
    pub(crate) accept_license: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Merge {
    /// The plan, - for standard input
    pub(crate) plan: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Slurm {
    /// The plan
    pub(crate) plan: PathBuf,
    /// The partition of the array job
    #[arg(long, value_name = "P")]
    pub(crate) partition: Option<String>,
    /// The time limit of a task
    #[arg(long, value_name = "HH:MM:SS", default_value = "01:00:00")]
    pub(crate) time: String,
    /// Write the scripts to this folder instead of printing them
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Reproduce {
    /// The recipe: OUT.recipe.toml, or an output that holds one
    pub(crate) recipe: PathBuf,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// The output; without it the one that the recipe stands beside
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
}

/// What to do with recipes.
#[derive(Debug, Subcommand)]
pub(crate) enum RecipeAction {
    /// Print a recipe as TOML
    Show(OneRecipe),
    /// Say in words how two recipes differ (exit 1 if they do)
    Diff(TwoRecipes),
    /// Print a paragraph for the methods section
    Methods(OneRecipe),
    /// Print what to cite, as BibTeX
    Cite(OneRecipe),
}

#[derive(Args, Debug)]
pub(crate) struct OneRecipe {
    /// The recipe: OUT.recipe.toml, or an output that holds one
    pub(crate) recipe: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct TwoRecipes {
    /// A recipe, or an output that holds one
    #[arg(value_name = "A")]
    pub(crate) one: PathBuf,
    /// Another
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
