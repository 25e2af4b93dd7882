//! Running the tasks of a plan, and merging what they wrote.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use array_export::write_arrays;
use bids_names::{SessionId, SubjectId};
use laion_fmri_base::AtomicFile;

use super::columns::{self, Described};
use super::images;
use super::inputs::{self, RecipeInput};
use super::merge::Merge;
use super::output;
use super::part::Description;
use super::plan::{ExtractPlan, PlannedTask, output_format};
use super::recipe::{FIRST_FORM, Recipe, RecipeResult, TOOL};
use super::rows::OutputRows;
use super::task::Task;
use crate::betas::{SessionReader, stopping_at_failure};
use crate::error::ExtractError;
use crate::observer::Watch;
use crate::{Cancel, Dataset, Error, ErrorKind, Event, Observer, Result, Roots, Subject, layout};

/// What running tasks came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TasksRun {
    /// Tasks whose part was written.
    pub written: usize,
    /// Tasks whose part was there already, made of the files that are there now.
    pub kept: usize,
    /// Of those written, tasks whose part was damaged, or made of files that have changed since.
    pub replaced: usize,
}

impl ExtractPlan {
    /// Runs some tasks of the plan, each of which leaves a part next to the output. Tasks whose
    /// part is there are not run again, so that this may be interrupted and repeated at any point.
    /// A part that was made of other files than those that are there now, or of other voxels, is
    /// made again: betas, trial tables, masks, ROIs and maps are compared by size and time of
    /// modification, or else by the digest that is recorded of them.
    ///
    /// Tasks run in parallel, as many as the memory and the dataset's [threads](Dataset::with_jobs)
    /// allow. If there are fewer tasks than threads, several threads read each. What the tasks
    /// write does not depend on this.
    ///
    /// # Errors
    ///
    /// Those of reading a session: as [`Betas::load`](crate::Betas::load), and
    /// [`Error::Input`]; [`Error::Extract`]; [`Error::Cancelled`].
    pub fn run(
        &self,
        dataset: &Dataset,
        tasks: impl IntoIterator<Item = usize>,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<TasksRun> {
        let dataset = &dataset.clone().with_cancel(cancel);
        let memory = self.memory(dataset.reading.jobs.get())?;
        let directory = self.state_directory();
        std::fs::create_dir_all(&directory).map_err(Error::io("create", &directory))?;
        let chosen: Vec<&PlannedTask> =
            tasks.into_iter().filter_map(|number| self.tasks.get(number)).collect();
        let beside = self.beside_parts(dataset, &directory)?;
        let dataset_of_tasks = beside.as_ref().unwrap_or(dataset);
        let mut subjects: HashMap<&str, (Subject, Described)> = HashMap::new();
        for PlannedTask { subject: id, session, .. } in chosen.iter().copied() {
            if !subjects.contains_key(id.as_str()) {
                let subject = dataset_of_tasks.subject(id.as_str())?;
                let voxels =
                    columns::described(&subject, session, &self.conventions, &self.ceilings)?;
                subjects.insert(id.as_str(), (subject, voxels));
            }
        }
        let mut done = TasksRun::default();
        let mut open = Vec::new();
        for task in chosen {
            let (subject, voxels) = &subjects[task.subject.as_str()];
            match self.part(task) {
                Ok(Some(part)) if part.is_current(subject, voxels)? => done.kept += 1,
                Ok(None) => open.push(task),
                Ok(Some(_)) => {
                    done.replaced += 1;
                    open.push(task);
                }
                Err(Error::Extract(error))
                    if matches!(*error, ExtractError::DamagedPart { .. }) =>
                {
                    done.replaced += 1;
                    open.push(task);
                }
                Err(error) => return Err(error),
            }
        }
        if open.is_empty() {
            return Ok(done);
        }
        self.check_space(&directory, &open)?;
        if beside.is_some() {
            self.fetch_embeddings(dataset, &directory)?;
        }
        let embeddings = OnceLock::new();
        let watch = Watch::new(observer, cancel);
        stopping_at_failure(
            memory.workers,
            open.iter().enumerate(),
            watch,
            |watch, (place, task)| {
                // What a worker reads next is on its way while it reads this.
                if let Some(next) = open.get(place + memory.workers) {
                    let (subject, Described { voxels, .. }) = &subjects[next.subject.as_str()];
                    SessionReader::fetch_ahead_of(subject, &next.session, voxels);
                }
                let (subject, voxels) = &subjects[task.subject.as_str()];
                Task {
                    subject,
                    voxels,
                    session: &task.session,
                    conventions: &self.conventions,
                    ceilings: &self.ceilings,
                    with_images: self.with_images,
                    digest: self.digest(task),
                    path: &self.part_path(task),
                    columns_at_once: memory.columns_at_once,
                    threads: memory.threads,
                    embeddings: &embeddings,
                    watch,
                }
                .run()
            },
        )?;
        done.written = open.len();
        Ok(done)
    }

    /// Compares the parts with the files of the dataset: whether they were made of those that are
    /// there now, and of the voxels that would be chosen now. A merge needs none of these files, so
    /// one that is not there says nothing; nor does a dataset that reads the bucket.
    ///
    /// # Errors
    ///
    /// [`Error::Extract`] with the parts that were made of something else; [`Error::Io`] when a
    /// file cannot be looked at, and as [`Subject::roi_mask`] when a mask is damaged.
    pub fn check_parts(&self, dataset: &Dataset) -> Result<()> {
        if self.from_bucket || dataset.reads_bucket() {
            return Ok(());
        }
        let mut chosen: HashMap<&SubjectId, Option<(Subject, Described)>> = HashMap::new();
        let mut outdated = Vec::new();
        for task in &self.tasks {
            // What is missing or damaged is said by the merge.
            let Ok(Some(part)) = self.part(task) else { continue };
            let PlannedTask { subject: id, session, .. } = task;
            let of_subject = match chosen.entry(id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(self.described(dataset, id, session)?),
            };
            let Some((subject, voxels)) = of_subject else { continue };
            let is_known = subject.has_file_of_betas(session) || !subject.is_stored(session);
            if is_known && !part.is_current(subject, voxels)? {
                outdated.push(format!("{id} {session}"));
            }
        }
        match outdated.is_empty() {
            true => Ok(()),
            false => Err(ExtractError::OutdatedParts { outdated, of: self.tasks.len() }.into()),
        }
    }

    /// A subject and its voxels; `None` when the files that say which are not there.
    fn described(
        &self,
        dataset: &Dataset,
        id: &SubjectId,
        session: &SessionId,
    ) -> Result<Option<(Subject, Described)>> {
        let described = dataset.subject(id.as_str()).and_then(|subject| {
            let voxels = columns::described(&subject, session, &self.conventions, &self.ceilings)?;
            Ok((subject, voxels))
        });
        match described {
            Err(error) if error.kind() == ErrorKind::NotThere => Ok(None),
            described => described.map(Some),
        }
    }

    /// Merges the parts of all tasks into the output, puts the recipe next to it, and removes the
    /// parts. Opens nothing but the parts; sums run in the order of the plan.
    ///
    /// # Errors
    ///
    /// [`Error::Extract`] when tasks have not been run, a part is damaged, or no row is left;
    /// [`Error::Export`]; [`Error::Cancelled`].
    pub fn merge(&self, observer: &dyn Observer, cancel: &Cancel) -> Result<Recipe> {
        self.merge_checked(Watch::new(observer, cancel), |_| Ok(()))
    }

    /// As [`ExtractPlan::merge`]; the recipe is checked before the output takes its name.
    pub(super) fn merge_checked(
        &self,
        watch: Watch<'_>,
        check: impl FnOnce(&mut Recipe) -> Result<()>,
    ) -> Result<Recipe> {
        let mut merge = self.opened()?;
        let descriptions: Vec<Description> =
            merge.parts().iter().map(|part| part.description.clone()).collect();
        let rows = OutputRows::of(Merge::sessions(&descriptions), &self.conventions)?;
        let inputs = self.inputs(&merge)?;
        let total = rows.len();
        let mut on_row = |number: usize| {
            watch.observer.event(Event::Row { done: number + 1, total });
            watch.check()
        };
        let recipe = write_arrays(&self.output, output_format(&self.output)?, |file| {
            let counts = merge.write(&rows, file, &mut on_row)?;
            let result = RecipeResult {
                rows: total,
                columns: merge.n_columns() - counts.dropped_columns,
                dropped_images: Some(rows.dropped_images).filter(|images| *images > 0),
                nan_values: counts.nan_values,
                nan_columns: counts.nan_columns,
                dropped_columns: counts.dropped_columns,
                constant: descriptions.iter().map(|part| part.constant).sum(),
                undefined: descriptions.iter().map(|part| part.undefined).sum(),
                arrays_sha256: file.digest().sha256(),
                split: counts.split.filter(|_| self.form > FIRST_FORM),
            };
            let columns = images::COLUMNS.iter().filter(|_| self.with_images);
            let mut recipe = Recipe::new(
                self.form,
                self.conventions.clone(),
                self.ceilings.clone(),
                columns.map(ToString::to_string).collect(),
                self.subjects(),
                inputs,
                result,
            );
            check(&mut recipe)?;
            file.recipe(&recipe.to_toml())?;
            Ok::<Recipe, Error>(recipe)
        })?;
        let mut recipe = recipe;
        recipe.output = Some(output::describe(&self.output, watch)?);
        array_export::write_text(recipe_path(&self.output), recipe.to_toml())?;
        let directory = self.state_directory();
        std::fs::remove_dir_all(&directory).map_err(Error::io("remove", directory))?;
        Ok(recipe)
    }

    /// The recipe of the output, when it is there and is that of this plan: all tasks were run and
    /// merged.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a file that is there cannot be read.
    pub fn merged(&self) -> Result<Option<Recipe>> {
        let path = recipe_path(&self.output);
        if !path.is_file() || !self.output.exists() {
            return Ok(None);
        }
        let Ok(recipe) = Recipe::read(&path) else { return Ok(None) };
        let is_ours = recipe.tool == TOOL
            && recipe.recipe == self.form
            && recipe.conventions == self.conventions
            && recipe.noise_ceilings == self.ceilings
            && recipe.image_columns.is_empty() != self.with_images
            && recipe.subjects == self.subjects();
        let Some(described) = recipe.output.as_ref().filter(|_| is_ours) else { return Ok(None) };
        let is_whole = output::size(&self.output)? == described.size;
        Ok(is_whole.then_some(recipe))
    }

    /// Whether the disk holds the parts of these tasks, and next to them the output, if no other
    /// process has parts to make.
    fn check_space(&self, directory: &Path, open: &[&PlannedTask]) -> Result<()> {
        let bytes = |rows: usize, columns: usize| {
            (rows as u64).saturating_mul(columns as u64).saturating_mul(size_of::<f32>() as u64)
        };
        let parts = open.iter().map(|task| bytes(task.size.rows, task.size.columns));
        let mut needed: u64 = parts.sum();
        if open.len() == self.tasks.len() {
            let (rows, columns) = self.shape();
            needed = needed.saturating_add(bytes(rows, columns));
        }
        crate::roots::check_space(&directory.join("part"), needed)
    }

    /// A dataset that finds the embeddings next to the parts, when this one reads the bucket: HDF5
    /// is read by place, so the file is there for as long as the parts are.
    fn beside_parts(&self, dataset: &Dataset, directory: &Path) -> Result<Option<Dataset>> {
        if self.conventions.features.is_none() || !dataset.reads_bucket() {
            return Ok(None);
        }
        Ok(Some(dataset.clone().with_roots(Roots::new([directory.to_owned()])?)))
    }

    /// Fetches the embeddings from the bucket, unless they are next to the parts.
    fn fetch_embeddings(&self, dataset: &Dataset, directory: &Path) -> Result<()> {
        let (Some(model), Some(task)) = (self.conventions.features, self.tasks.first()) else {
            return Ok(());
        };
        let relative = layout::embeddings(model);
        let path = directory.join(&relative);
        if !path.is_file() {
            let folder = path.parent().unwrap_or(directory);
            std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
            let mut input = dataset.subject(task.subject.as_str())?.open_input(&relative)?;
            let mut file = AtomicFile::create(&path).map_err(Error::io("create", &path))?;
            io::copy(&mut input, &mut file).map_err(Error::io("write", &path))?;
            input.finish()?;
            file.commit().map_err(Error::io("write", &path))?;
        }
        Ok(())
    }

    /// The parts of all tasks; those that are missing are named, and those of another plan.
    fn opened(&self) -> Result<Merge<'_>> {
        let mut parts = Vec::with_capacity(self.tasks.len());
        let mut missing = Vec::new();
        for task in &self.tasks {
            match self.part(task)? {
                Some(part) => parts.push(part),
                None => {
                    let is_there = self.part_path(task).exists();
                    let what = if is_there { " (its part is of another plan)" } else { "" };
                    missing.push(format!("{} {}{what}", task.subject, task.session));
                }
            }
        }
        if !missing.is_empty() {
            return Err(ExtractError::MissingParts { missing, of: self.tasks.len() }.into());
        }
        let mut merge = Merge::new(&self.conventions);
        parts.into_iter().try_for_each(|part| merge.add(part))?;
        Ok(merge)
    }

    /// What all tasks have read; a file that changed between them makes its parts useless.
    fn inputs(&self, merge: &Merge<'_>) -> Result<Vec<RecipeInput>> {
        let lists = merge.parts().iter().map(|part| part.description.inputs.clone());
        inputs::joined(lists).map_err(|changed| {
            ExtractError::ChangedInput { path: changed.path, parts: self.state_directory() }.into()
        })
    }

    /// What the tasks have read, when all of them were run.
    pub(super) fn inputs_read(&self) -> Result<Vec<RecipeInput>> {
        self.inputs(&self.opened()?)
    }
}

/// Where the recipe of an output lies.
pub(super) fn recipe_path(output: &Path) -> PathBuf {
    let mut name = output.file_name().unwrap_or_default().to_owned();
    name.push(".recipe.toml");
    output.with_file_name(name)
}
