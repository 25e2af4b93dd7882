//! Running a recipe again, and saying what differs.

use std::path::{Path, PathBuf};

use super::inputs;
use super::plan::{ExtractPlan, ExtractRequest};
use super::recipe::Recipe;
use crate::error::ExtractError;
use crate::observer::Watch;
use crate::{Cancel, Dataset, Error, Observer, Result};

/// A recipe that is run again.
#[derive(Debug)]
pub struct Reproduction {
    path: PathBuf,
    recipe: Recipe,
    plan: ExtractPlan,
}

impl Dataset {
    /// Plans the reproduction of a recipe, which is a TOML file or an output. Without `output` the
    /// one that the recipe stands next to.
    ///
    /// # Errors
    ///
    /// As [`Recipe::read`] and [`Dataset::extract_plan`]; [`Error::NothingNamed`] when no output is
    /// named anywhere.
    pub fn reproduction(
        &self,
        recipe: &Path,
        output: Option<&Path>,
        max_memory: Option<u64>,
        from_bucket: bool,
    ) -> Result<Reproduction> {
        let path = recipe.to_owned();
        let recipe = Recipe::read(&path)?;
        let recorded = || match &recipe.output {
            Some(output) => Some(path.with_file_name(Path::new(&output.file).file_name()?)),
            None => array_export::ArrayFormat::from_path(&path).map(|_| path.clone()),
        };
        let output = output
            .map(Path::to_owned)
            .or_else(recorded)
            .ok_or_else(|| Error::NothingNamed { what: format!("output of {}", path.display()) })?;
        let conventions = recipe.conventions.clone();
        let request = ExtractRequest {
            conventions,
            output,
            max_memory,
            from_bucket,
            ..ExtractRequest::default()
        };
        super::plan::output_format(&request.output)?;
        let plan = self.plan_of_recipe(&recipe, &request)?;
        Ok(Reproduction { path, recipe, plan })
    }
}

impl Reproduction {
    /// What was recorded.
    #[must_use]
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// What will be run.
    #[must_use]
    pub fn plan(&self) -> &ExtractPlan {
        &self.plan
    }

    /// Runs the recipe. The output appears, or is replaced, only if it is what the recipe describes.
    ///
    /// # Errors
    ///
    /// [`Error::Extract`] with everything that differs: inputs by name, then results; as
    /// [`ExtractPlan::run`] and [`ExtractPlan::merge`] otherwise.
    pub fn run(
        &self,
        dataset: &Dataset,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<Recipe> {
        self.plan.run(dataset, 0..self.plan.len(), observer, cancel)?;
        let changed = inputs::differences(&self.recipe.inputs, &self.plan.inputs_read()?);
        if !changed.is_empty() {
            // What was read has no other use: a later try has to read it again.
            let directory = self.plan.state_directory();
            std::fs::remove_dir_all(&directory).map_err(Error::io("remove", directory))?;
            return Err(self.differs(changed));
        }
        let result = self.plan.merge_checked(Watch::new(observer, cancel), |made| {
            // What the recipe does not count, its reproduction does not either: the bytes are the same.
            if self.recipe.result.dropped_images.is_none() {
                made.result.dropped_images = None;
            }
            let (then, now) = (&self.recipe.result, &made.result);
            if then == now {
                return Ok(());
            }
            Err(self.differs(self.recipe.differences_named("the recipe", made, "this run")))
        });
        if matches!(&result, Err(Error::Extract(error)) if matches!(**error, ExtractError::Differs { .. }))
        {
            let directory = self.plan.state_directory();
            std::fs::remove_dir_all(&directory).map_err(Error::io("remove", directory))?;
        }
        let made = result?;
        match (&self.recipe.output, &made.output) {
            (Some(then), Some(now))
                if self.recipe.tool == made.tool
                    && extension(&then.file) == extension(&now.file)
                    && (then.size, then.sha256) != (now.size, now.sha256) =>
            {
                let (size, sha256) = (then.size, then.sha256);
                Err(self.differs(vec![format!(
                    "the bytes of the file differ (expected {size} bytes with SHA-256 {sha256}, got {} with {})",
                    now.size, now.sha256
                )]))
            }
            _ => Ok(made),
        }
    }

    fn differs(&self, differences: Vec<String>) -> Error {
        ExtractError::Differs { recipe: self.path.clone(), differences }.into()
    }
}

fn extension(file: &str) -> Option<&str> {
    Path::new(file).extension()?.to_str()
}
