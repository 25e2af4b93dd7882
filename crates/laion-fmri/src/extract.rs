//! From sessions to one array file: select, stream, z-score, join, average, save; with a recipe that
//! makes the same bytes again.
//!
//! [`Dataset::extract_plan`](crate::Dataset::extract_plan) turns an [`ExtractRequest`] into an
//! [`ExtractPlan`] of independent tasks, one for each session. Each task streams its betas once, in
//! fixed memory, and leaves a part next to the output; [`ExtractPlan::merge`] turns the parts into
//! the output and its [`Recipe`]. The bytes are the same for one process or many machines, one
//! thread or many, from disk or from the bucket.
//!
//! The output holds `betas` (float32, rows x voxels); for each row `image_name`, `n_averaged` and, unless
//! images are averaged, `session`, `run`, `beta_index` and `repetition`, and when the table of images is
//! there `dataset`, `unique_or_shared` and `n_reps_planned`; for each voxel `subject`,
//! `voxel_index` (flat, C order), `voxel_ijk`, `roi` and the noise ceilings `nc_*`; then `features`,
//! `train` and `test` when asked for; and the text `recipe`.

mod columns;
mod conventions;
mod diff;
mod downloads;
mod images;
mod inputs;
pub(crate) mod lines;
mod memory;
mod merge;
mod methods;
mod output;
mod part;
mod plan;
pub(crate) mod recipe;
mod reproduce;
mod rows;
mod run;
mod table;
mod task;
pub(crate) mod text;

pub use self::conventions::{
    Average, Conventions, MaskChoice, NanColumns, SplitChoice, Threshold, Zscore, ZscoreFit,
    ZscoreScope,
};
pub use self::inputs::RecipeInput;
pub use self::memory::MemoryPlan;
pub use self::plan::{ExtractPlan, ExtractRequest, plan_lines, read_plans};
pub use self::recipe::{Recipe, RecipeOutput, RecipeResult, Rules, SplitRows, SubjectSessions};
pub use self::reproduce::Reproduction;
pub use self::run::TasksRun;
pub use self::table::RowTable;
pub use crate::error::{ExtractError, Restriction};
