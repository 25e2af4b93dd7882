//! Plans: an extraction as independent tasks, one for each session, that any machine can run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use array_export::ArrayFormat;
use bids_names::{SessionId, SubjectId};
use laion_fmri_base::Sha256;
use serde::{Deserialize, Serialize};

use super::columns;
use super::conventions::Conventions;
use super::images;
use super::lines::{Origin, TaskLine, read_lines};
use super::memory::{MemoryPlan, TaskSize};
use super::part::PartReader;
use super::recipe::{FORM, Recipe, SubjectSessions, TOOL};
use super::task::Trials;
use super::text;
use crate::error::{ExtractError, Restriction};
use crate::{Dataset, Error, Result, Subject};

/// How many features are reckoned with before their file has been seen; the published ones have
/// 1,152 at most.
const ASSUMED_FEATURES: usize = 2048;

/// The form of a line of a plan.
const SCHEMA: &str = "laion-fmri.plan/1";

/// A name of an output in bytes that leaves room for what stands around it: 255 are allowed.
const LONGEST_NAME: usize = 230;

/// What is asked for, built step by step.
#[derive(Clone, Debug, Default)]
#[must_use]
#[non_exhaustive]
pub struct ExtractRequest {
    /// The subjects, by `sub-03` or `03`; several only if images are averaged.
    pub subjects: Vec<String>,
    /// The sessions, by `ses-01` or `01`; all of each subject when empty.
    pub sessions: Vec<String>,
    /// Everything else that decides the numbers.
    pub conventions: Conventions,
    /// The output: `.npz`, `.zarr` or `.h5`.
    pub output: PathBuf,
    /// The most memory that may be used, in bytes.
    pub max_memory: Option<u64>,
    /// Whether the files are read from the bucket instead of the mirror; see
    /// [`Dataset::from_bucket`]. Plans remember it, numbers do not depend on it.
    pub from_bucket: bool,
}

impl ExtractRequest {
    /// A request for every session of every subject that is named, by the default conventions.
    pub fn new(output: impl Into<PathBuf>) -> Self {
        Self { output: output.into(), ..Self::default() }
    }

    /// Only these subjects.
    pub fn subjects(mut self, subjects: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.subjects = subjects.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self
    }

    /// Only these sessions of each subject.
    pub fn sessions(mut self, sessions: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.sessions = sessions.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self
    }

    /// By these conventions.
    pub fn conventions(mut self, conventions: Conventions) -> Self {
        self.conventions = conventions;
        self
    }

    /// Into this file.
    pub fn output(mut self, output: impl Into<PathBuf>) -> Self {
        self.output = output.into();
        self
    }

    /// With at most so many bytes of memory.
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.max_memory = Some(bytes);
        self
    }

    /// From the bucket instead of the mirror.
    pub fn from_bucket(mut self) -> Self {
        self.from_bucket = true;
        self
    }
}

/// An extraction as independent tasks.
///
/// A plan names its output, so it can be written to a file, run in pieces on several machines that
/// share a file system, and merged; the result is the same to the bit.
#[derive(Clone, Debug, PartialEq)]
pub struct ExtractPlan {
    pub(super) conventions: Conventions,
    pub(super) ceilings: Vec<String>,
    /// Whether the rows have the columns of the table of images.
    pub(super) with_images: bool,
    /// The form of the recipe.
    pub(super) form: u32,
    pub(super) tasks: Vec<PlannedTask>,
    pub(super) output: PathBuf,
    pub(super) max_memory: Option<u64>,
    pub(super) from_bucket: bool,
}

/// One session of one subject.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PlannedTask {
    pub(super) subject: SubjectId,
    pub(super) session: SessionId,
    pub(super) size: TaskSize,
}

/// A line of a plan: everything that a task needs.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    schema: String,
    tool: String,
    task: usize,
    of: usize,
    #[serde(with = "text")]
    subject: SubjectId,
    #[serde(with = "text")]
    session: SessionId,
    output: PathBuf,
    from: Origin,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_memory: Option<u64>,
    size: TaskSize,
    noise_ceilings: Vec<String>,
    with_images: bool,
    form: u32,
    conventions: Conventions,
}

impl Dataset {
    /// Plans an extraction: reads trial tables and masks, but no betas.
    ///
    /// # Errors
    ///
    /// [`Error::Contradiction`] for a request that contradicts itself;
    /// [`Error::UnsupportedFormat`]; [`Error::Extract`] when no trial or voxel is left, or the
    /// memory cannot suffice; as [`Dataset::subject`], [`Subject::trials`] and
    /// [`Subject::roi_mask`].
    ///
    /// ```
    /// use laion_fmri::extract::{Conventions, ExtractRequest, Zscore, ZscoreScope};
    /// use laion_fmri::{Cancel, Dataset};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let dataset = Dataset::open("laion-fmri")?;
    /// let zscore = Zscore::within(ZscoreScope::Session);
    /// let request = ExtractRequest::new("ffa1.npz")
    ///     .subjects(["sub-01"])
    ///     .conventions(Conventions::default().roi("FFA1").zscore(zscore));
    /// let plan = dataset.extract_plan(&request)?;
    /// plan.run(&dataset, 0..plan.len(), &(), &Cancel::new())?;
    /// let recipe = plan.merge(&(), &Cancel::new())?;
    /// assert_eq!(recipe.result.rows, laion_fmri::export::read_arrays(&request.output)?.text("image_name")?.len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn extract_plan(&self, request: &ExtractRequest) -> Result<ExtractPlan> {
        output_format(&request.output)?;
        let (subjects, chosen) = self.chosen(request)?;
        self.plan_sessions(request, &subjects, &chosen, None)
    }

    /// The subjects and their sessions, when the request does not contradict itself.
    pub(super) fn chosen(
        &self,
        request: &ExtractRequest,
    ) -> Result<(Vec<Subject>, Vec<Vec<SessionId>>)> {
        let mut subjects: Vec<Subject> =
            request.subjects.iter().map(|id| self.subject(id)).collect::<Result<_>>()?;
        if subjects.is_empty() {
            return Err(Error::NothingNamed { what: "subject".to_owned() });
        }
        subjects.sort_by(|one, other| one.id().cmp(other.id()));
        subjects.dedup_by(|one, other| one.id() == other.id());
        let chosen: Vec<Vec<SessionId>> = subjects
            .iter()
            .map(|subject| sessions(subject, &request.sessions))
            .collect::<Result<_>>()?;
        let several = chosen.iter().any(|sessions| sessions.len() > 1);
        request.conventions.check(subjects.len(), several)?;
        for subject in &subjects {
            request.conventions.check_pool(subject.id().as_str())?;
        }
        Ok((subjects, chosen))
    }

    /// The plan of a recipe: the same subjects, sessions, maps and conventions.
    pub(super) fn plan_of_recipe(
        &self,
        recipe: &Recipe,
        request: &ExtractRequest,
    ) -> Result<ExtractPlan> {
        let mut subjects = Vec::new();
        let mut chosen = Vec::new();
        for SubjectSessions { subject, sessions: named } in &recipe.subjects {
            let subject = self.subject(subject)?;
            chosen.push(sessions(&subject, named)?);
            subjects.push(subject);
        }
        self.plan_sessions(request, &subjects, &chosen, Some(recipe))
    }

    fn plan_sessions(
        &self,
        request: &ExtractRequest,
        subjects: &[Subject],
        chosen: &[Vec<SessionId>],
        recipe: Option<&Recipe>,
    ) -> Result<ExtractPlan> {
        let conventions = &request.conventions;
        let mut there: Option<Vec<String>> = recipe.map(|recipe| recipe.noise_ceilings.clone());
        let is_given = there.is_some();
        let mut tasks = Vec::new();
        for (subject, sessions) in subjects.iter().zip(chosen) {
            let only = sessions.first().filter(|_| subjects.len() == 1 && sessions.len() == 1);
            let first = sessions.first().ok_or_else(|| no_sessions(subject))?;
            let voxels = columns::chosen(subject, first, conventions, true)?;
            if !is_given {
                let found = columns::ceilings(subject, only, &voxels)?;
                there = Some(match there {
                    None => found,
                    Some(there) => there.into_iter().filter(|it| found.contains(it)).collect(),
                });
            }
            let features = match conventions.features {
                // They are fetched when the tasks run.
                Some(_) if self.reads_bucket() => ASSUMED_FEATURES,
                Some(model) => subject.stimuli().embeddings(model)?.n_features(),
                None => 0,
            };
            for session in sessions {
                subject.check_betas(session)?;
                let trials = Trials::of(&subject.trials(session.as_str())?, conventions)?;
                let (rows, n_read) = (trials.kept.len(), trials.read.len());
                let columns = voxels.n_voxels();
                let size = TaskSize { trials: n_read, columns, rows, features };
                let (subject, session) = (subject.id().clone(), session.clone());
                tasks.push(PlannedTask { subject, session, size });
            }
        }
        let with_images = match recipe {
            Some(recipe) => !recipe.image_columns.is_empty(),
            None => images::are_listed(subjects)?,
        };
        let plan = ExtractPlan {
            conventions: conventions.clone(),
            ceilings: there.unwrap_or_default(),
            with_images,
            form: recipe.map_or(FORM, |recipe| recipe.recipe),
            tasks,
            output: request.output.clone(),
            max_memory: request.max_memory,
            from_bucket: request.from_bucket,
        };
        plan.memory(self.reading.jobs.get())?;
        Ok(plan)
    }
}

impl ExtractPlan {
    /// The number of tasks.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a plan has at least one task")]
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// The output.
    #[must_use]
    pub fn output(&self) -> &Path {
        &self.output
    }

    /// Whether the files are read from the bucket.
    #[must_use]
    pub fn is_from_bucket(&self) -> bool {
        self.from_bucket
    }

    /// The number of trials that become rows before images are averaged, and that of voxels.
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        (self.tasks.iter().map(|task| task.size.rows).sum(), self.n_columns())
    }

    /// The subject and session of each task, in order.
    pub fn sessions(&self) -> impl ExactSizeIterator<Item = (&SubjectId, &SessionId)> {
        self.tasks.iter().map(|task| (&task.subject, &task.session))
    }

    /// How much memory the tasks and the merge take with this many threads.
    ///
    /// # Errors
    ///
    /// [`Error::Extract`] when the limit of the plan does not suffice, with the smallest that does.
    pub fn memory(&self, jobs: usize) -> Result<MemoryPlan> {
        let sizes: Vec<TaskSize> = self.tasks.iter().map(|task| task.size).collect();
        MemoryPlan::new(&sizes, self.n_columns(), jobs, self.max_memory, self.from_bucket)
    }

    /// Where the parts lie: a folder next to the output, which the merge removes.
    #[must_use]
    pub fn state_directory(&self) -> PathBuf {
        let output = self.output.file_name().unwrap_or_default();
        let mut name = std::ffi::OsString::from(".");
        if output.len() <= LONGEST_NAME {
            name.push(output);
        } else {
            let shown = output.to_string_lossy();
            let shown = &shown[..shown.floor_char_boundary(LONGEST_NAME / 2)];
            name.push(format!("{shown}-{}", Sha256::of(output.as_encoded_bytes())));
        }
        name.push(".parts");
        self.output.with_file_name(name)
    }

    pub(super) fn part_path(&self, task: &PlannedTask) -> PathBuf {
        self.state_directory().join(format!("{}_{}.part", task.subject, task.session))
    }

    /// What the part of a task is recognised by: everything that decides its content.
    pub(super) fn digest(&self, task: &PlannedTask) -> Sha256 {
        let what = serde_json::json!([
            TOOL,
            task.subject.as_str(),
            task.session.as_str(),
            self.ceilings,
            self.with_images,
            self.conventions,
        ]);
        Sha256::of(what.to_string())
    }

    /// The part of a task, if it has been written.
    pub(super) fn part(&self, task: &PlannedTask) -> Result<Option<PartReader>> {
        PartReader::open(&self.part_path(task), self.digest(task))
    }

    fn is_about_the_same(&self, other: &Self) -> bool {
        self.conventions == other.conventions
            && self.ceilings == other.ceilings
            && self.with_images == other.with_images
            && self.form == other.form
            && self.max_memory == other.max_memory
            && self.from_bucket == other.from_bucket
    }

    fn n_columns(&self) -> usize {
        let mut seen = BTreeSet::new();
        let firsts = self.tasks.iter().filter(|task| seen.insert(&task.subject));
        firsts.map(|task| task.size.columns).sum()
    }

    /// The sessions by subject, for the recipe.
    pub(super) fn subjects(&self) -> Vec<SubjectSessions> {
        let mut subjects: Vec<SubjectSessions> = Vec::new();
        for (subject, session) in self.sessions() {
            let session = session.to_string();
            match subjects.last_mut().filter(|last| last.subject == subject.as_str()) {
                Some(last) => last.sessions.push(session),
                None => {
                    let subject = subject.to_string();
                    subjects.push(SubjectSessions { subject, sessions: vec![session] });
                }
            }
        }
        subjects
    }
}

/// Plans as JSON lines, one for each task; tasks are counted through all of them.
pub fn plan_lines(plans: &[ExtractPlan]) -> impl Iterator<Item = String> {
    let of = plans.iter().map(ExtractPlan::len).sum();
    let tasks = plans.iter().flat_map(|plan| plan.tasks.iter().map(move |task| (plan, task)));
    tasks.enumerate().map(move |(number, (plan, task))| {
        let line = Line {
            schema: SCHEMA.to_owned(),
            tool: TOOL.to_owned(),
            task: number,
            of,
            subject: task.subject.clone(),
            session: task.session.clone(),
            output: plan.output.clone(),
            from: Origin::of(plan.from_bucket),
            max_memory: plan.max_memory,
            size: task.size,
            noise_ceilings: plan.ceilings.clone(),
            with_images: plan.with_images,
            form: plan.form,
            conventions: plan.conventions.clone(),
        };
        // INVARIANT: every field is a text, a number, a list or a table with text keys.
        serde_json::to_string(&line).expect("a line can be written")
    })
}

/// Reads what [`plan_lines`] has written; `name` is what messages call it.
///
/// # Errors
///
/// [`Error::Extract`] for plans that were made by another version, lack lines, or have lines that
/// do not belong together.
pub fn read_plans(text: &str, name: &str) -> Result<Vec<ExtractPlan>> {
    let mut plans: Vec<ExtractPlan> = Vec::new();
    for TaskLine { whose, line } in read_lines(text, name, SCHEMA, |it: &Line| (it.task, it.of))? {
        let task = PlannedTask { subject: line.subject, session: line.session, size: line.size };
        let plan = ExtractPlan {
            conventions: line.conventions,
            ceilings: line.noise_ceilings,
            with_images: line.with_images,
            form: line.form,
            tasks: vec![task],
            output: line.output,
            max_memory: line.max_memory,
            from_bucket: line.from == Origin::Bucket,
        };
        match plans.iter_mut().find(|known| known.output == plan.output) {
            None => plans.push(plan),
            Some(known) if known.is_about_the_same(&plan) => known.tasks.extend(plan.tasks),
            Some(_) => {
                let reason = format!("another plan writes {}", plan.output.display());
                return Err(ExtractError::Plan { whose, reason }.into());
            }
        }
    }
    Ok(plans)
}

/// The sessions of a subject that are meant, ascending.
fn sessions(subject: &Subject, named: &[String]) -> Result<Vec<SessionId>> {
    let mut chosen = subject.sessions_of_betas(named)?;
    chosen.sort();
    chosen.dedup();
    subject.fetch_trials(&chosen)?;
    Ok(chosen)
}

fn no_sessions(subject: &Subject) -> Error {
    let (whose, why) = (subject.id().to_string(), vec![Restriction::NoSession]);
    ExtractError::NothingLeft { what: "trial", whose, why }.into()
}

/// The format that an output's name asks for.
pub(super) fn output_format(output: &Path) -> Result<ArrayFormat> {
    match ArrayFormat::from_path(output) {
        Some(format) => Ok(format),
        None => Err(Error::UnsupportedFormat {
            what: "output",
            path: output.to_owned(),
            supported: &[".npz", ".zarr", ".h5"],
        }),
    }
}
