//! Recipes: everything that decided an output, as a TOML text that another person can run again.

use std::path::Path;

use laion_fmri_base::Sha256;
use serde::{Deserialize, Serialize};

use super::conventions::Conventions;
use super::inputs::RecipeInput;
use super::text;
use crate::error::ExtractError;
use crate::{Error, Result};

/// The first form of recipes. It has no masks that users made, no columns about images and does not count
/// the rows of a split.
pub(super) const FIRST_FORM: u32 = 1;

/// The form of the recipes that are made.
pub(super) const FORM: u32 = 2;

/// The largest recipe that is believed: one input takes about 250 bytes.
const MOST_BYTES: u64 = 16 << 20;

/// The program that made a recipe, and its version.
pub(crate) const TOOL: &str = concat!("laion-fmri ", env!("CARGO_PKG_VERSION"));

/// Everything that decided an output, and what came out.
///
/// The recipe inside an output and the one next to it are the same, but for the checksum of the output
/// itself, which only the one next to it can hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Recipe {
    /// The version of this form: 2, or 1 for what was made before. A recipe of an earlier form is
    /// reproduced in that form, with exactly its own arrays.
    pub recipe: u32,
    /// The program that made the output, and its version.
    pub tool: String,
    /// The maps of noise ceilings that go along with the voxels, by `desc`.
    pub noise_ceilings: Vec<String>,
    /// What the table of images says of the images of the rows, by the names of its columns; none when it
    /// was not there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_columns: Vec<String>,
    /// Everything that decides the numbers.
    pub conventions: Conventions,
    /// What holds for every extraction, in words.
    pub rules: Rules,
    /// What came out.
    pub result: RecipeResult,
    /// The output file; only in the recipe next to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<RecipeOutput>,
    /// The subjects in the order of their columns, with their sessions in the order of their rows.
    pub subjects: Vec<SubjectSessions>,
    /// Every file that was read.
    pub inputs: Vec<RecipeInput>,
}

/// The sessions of a subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectSessions {
    /// The subject, such as `sub-03`.
    pub subject: String,
    /// Its sessions, such as `ses-01`, ascending.
    pub sessions: Vec<String>,
}

/// What holds for every extraction, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How the voxel axis is ordered.
    pub voxel_axis: String,
    /// Which voxels a mask selects.
    pub mask: String,
    /// How statistics treat NaN and constant voxels.
    pub zscore: String,
    /// How means are computed.
    pub average: String,
    /// How a noise ceiling is compared with a threshold.
    pub noise_ceiling: String,
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RecipeResult {
    /// Trials, or images.
    pub rows: usize,
    /// Voxels.
    pub columns: usize,
    /// Images that are no row because not every subject saw them; `None` when there are none, and in
    /// recipes that were made before they were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped_images: Option<usize>,
    /// Values that were NaN before they were kept, dropped or replaced.
    pub nan_values: u64,
    /// Voxels with NaN in any row.
    pub nan_columns: usize,
    /// Voxels that were left out for it.
    pub dropped_columns: usize,
    /// Voxels, counted in each run or session of the z-score, that had no variance and became 0.
    pub constant: usize,
    /// Voxels, counted in each run or session of the z-score, that had no statistics and became NaN.
    pub undefined: usize,
    /// The digest of all arrays; the same in every format.
    #[serde(with = "text")]
    pub arrays_sha256: Sha256,
    /// How the rows are divided; `None` without a split, and in recipes of the first form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<SplitRows>,
}

/// How a split divides the rows of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitRows {
    /// Rows of the training set.
    pub train: usize,
    /// Rows of the test set.
    pub test: usize,
    /// Rows of neither.
    pub neither: usize,
}

/// The output that a recipe stands next to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeOutput {
    /// Its name, in the folder of the recipe.
    pub file: String,
    /// Its bytes; of a directory, those of all its files.
    pub size: u64,
    /// Its SHA-256; of a directory, that of a list with one line `sha256  path` for each file, sorted
    /// by path.
    #[serde(with = "text")]
    pub sha256: Sha256,
}

impl Default for Rules {
    fn default() -> Self {
        let text = |text: &str| text.to_owned();
        Self {
            voxel_axis: text(
                "voxels ascend by flat C-order index (x*NY + y)*NZ + z, subject after subject",
            ),
            mask: text(
                "a voxel is in a mask when its value is neither zero nor NaN; ROI voxels outside the brain mask are dropped",
            ),
            zscore: text(
                "per voxel in float64, before averaging; NaN is left out of the statistics; a voxel without variance becomes 0",
            ),
            average: text(
                "float64 sums in the order of sessions and trials; NaN is left out, the mean of nothing is NaN",
            ),
            noise_ceiling: text(
                "a voxel passes when its value is at least the threshold, in percent",
            ),
        }
    }
}

impl Recipe {
    pub(super) fn new(
        form: u32,
        conventions: Conventions,
        noise_ceilings: Vec<String>,
        image_columns: Vec<String>,
        subjects: Vec<SubjectSessions>,
        inputs: Vec<RecipeInput>,
        result: RecipeResult,
    ) -> Self {
        let (tool, rules) = (TOOL.to_owned(), Rules::default());
        let output = None;
        Self {
            recipe: form,
            tool,
            noise_ceilings,
            image_columns,
            conventions,
            rules,
            result,
            output,
            subjects,
            inputs,
        }
    }

    /// The recipe as TOML.
    #[must_use]
    pub fn to_toml(&self) -> String {
        // INVARIANT: every field is a table, a list, a text, a number or a flag, and tables come last.
        toml::to_string(self).expect("a recipe can be written")
    }

    /// Reads a recipe from a TOML file, or from the output that holds it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Extract`] when it is not a recipe or of a later form;
    /// [`Error::Export`] when an output cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let format = array_export::ArrayFormat::from_path(path);
        if format == Some(array_export::ArrayFormat::Hdf5) {
            let reason = "HDF5 is not read back; its recipe lies beside it in a .recipe.toml";
            return Err(unusable(path, reason.to_owned()));
        }
        let text = if format.is_some() {
            array_export::read_arrays(path)?
                .recipe()?
                .ok_or_else(|| unusable(path, "it holds no recipe".to_owned()))?
        } else {
            let size = std::fs::metadata(path).map_err(Error::io("open", path))?.len();
            if size > MOST_BYTES {
                return Err(unusable(path, format!("it has {size} bytes")));
            }
            let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
            String::from_utf8(bytes).map_err(|_| {
                let reason = "it is no text (a recipe is OUT.recipe.toml, or an output that holds one: .npz, .zarr or .h5)";
                unusable(path, reason.to_owned())
            })?
        };
        Self::parse(&text).map_err(|reason| unusable(path, reason))
    }

    fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Form {
            recipe: u32,
        }
        let form: Form = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        if !(FIRST_FORM..=FORM).contains(&form.recipe) {
            let forms = format!("{FIRST_FORM} to {FORM}");
            return Err(format!("form {} of recipes is unknown (expected {forms})", form.recipe));
        }
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())
    }
}

fn unusable(path: &Path, reason: String) -> Error {
    ExtractError::Recipe { path: path.to_owned(), reason }.into()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::extract) fn recipe() -> Recipe {
        let (path, sha256) = ("a.nii.gz".to_owned(), Sha256([0; 32]));
        let input = RecipeInput { path, size: 3, sha256 };
        let result = RecipeResult {
            rows: 2,
            columns: 3,
            dropped_images: None,
            nan_values: 0,
            nan_columns: 0,
            dropped_columns: 0,
            constant: 1,
            undefined: 0,
            arrays_sha256: Sha256([0xab; 32]),
            split: None,
        };
        let subjects = vec![SubjectSessions {
            subject: "sub-01".to_owned(),
            sessions: vec!["ses-01".to_owned(), "ses-02".to_owned()],
        }];
        let maps = vec!["Noiseceiling4rep".to_owned()];
        let (conventions, images) = (Conventions::default(), vec!["dataset".to_owned()]);
        Recipe::new(FORM, conventions, maps, images, subjects, vec![input], result)
    }

    #[test]
    fn a_recipe_survives_its_text() {
        let mut recipe = recipe();
        assert_eq!(Recipe::parse(&recipe.to_toml()), Ok(recipe.clone()));
        let (file, sha256) = ("out.npz".to_owned(), Sha256([0xcd; 32]));
        recipe.output = Some(RecipeOutput { file, size: 12, sha256 });
        recipe.result.dropped_images = Some(4);
        recipe.result.split = Some(SplitRows { train: 1, test: 0, neither: 1 });
        recipe.conventions.rois = vec!["FFA1".to_owned()];
        recipe.conventions.zscore =
            Some(super::super::Zscore::within(super::super::ZscoreScope::Run));
        assert_eq!(Recipe::parse(&recipe.to_toml()), Ok(recipe.clone()));
    }

    #[test]
    fn what_is_no_recipe_says_why() {
        assert!(Recipe::parse("a = 1").unwrap_err().contains("missing field `recipe`"));
        let later = recipe().to_toml().replacen("recipe = 2", "recipe = 3", 1);
        let expected = "form 3 of recipes is unknown (expected 1 to 2)";
        assert_eq!(Recipe::parse(&later).unwrap_err(), expected);
        let unknown = format!("colour = \"red\"\n{}", recipe().to_toml());
        assert!(Recipe::parse(&unknown).unwrap_err().contains("colour"));
        let short = recipe().to_toml().replacen("abab", "ab", 1);
        assert!(Recipe::parse(&short).unwrap_err().contains("not a SHA-256 digest"));
    }
}
