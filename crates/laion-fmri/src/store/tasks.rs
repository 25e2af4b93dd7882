//! A store as independent tasks, one for each session, that any machine can run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bids_names::{SessionId, SubjectId};
use serde::{Deserialize, Serialize};

use super::{StoreBuilt, StoreRequest};
use crate::error::{ExtractError, StoreError};
use crate::extract::lines::{Origin, TaskLine, read_lines};
use crate::extract::recipe::TOOL;
use crate::extract::text;
use crate::mask::{MaskSource, Resolution, VoxelMask};
use crate::{Cancel, Dataset, DownloadRequest, Error, Observer, Result, Subject, Voxels};

/// The form of a line of a plan of a store.
const SCHEMA: &str = "laion-fmri.store-plan/1";

/// A store to be built as independent tasks.
///
/// Tasks know where the store lies, so they can be written to a file and run in pieces on several
/// machines that share a file system. Each leaves one session in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreTasks {
    subject: SubjectId,
    sessions: Vec<SessionId>,
    mask_source: MaskSource,
    /// Some voxels, as flat indices; all of the brain mask otherwise.
    voxels: Option<Ranges>,
    max_memory: Option<u64>,
    from_bucket: bool,
    path: PathBuf,
    peak_memory: u64,
}

/// Flat indices, ascending.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Ranges(#[serde(with = "text::ranges")] Vec<u32>);

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
    store: PathBuf,
    from: Origin,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_memory: Option<u64>,
    peak_memory: u64,
    #[serde(with = "text")]
    mask_source: MaskSource,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    voxels: Option<Ranges>,
}

impl Subject {
    /// Divides the building of a store into tasks: the sessions that [`Subject::plan_store`] finds
    /// to be built, each by itself.
    ///
    /// # Errors
    ///
    /// As [`Subject::plan_store`].
    ///
    /// ```
    /// use laion_fmri::store::{StoreRequest, StoreTasks};
    /// use laion_fmri::{Cancel, Dataset};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let dataset = Dataset::open("laion-fmri")?;
    /// let tasks = dataset.subject("sub-03")?.store_tasks(&StoreRequest::new())?;
    /// let lines: Vec<String> = tasks.lines().collect();
    /// // Elsewhere, each task by itself:
    /// let tasks = StoreTasks::read(&lines.join("\n"), "plan")?;
    /// tasks.run(&dataset, 0..tasks.len(), &(), &Cancel::new())?;
    /// assert!(tasks.missing(&dataset)?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn store_tasks(&self, request: &StoreRequest) -> Result<StoreTasks> {
        let plan = self.plan_store(request)?;
        let voxels = plan.voxels();
        // Grids have less than 2^32 voxels, which the masks rely on as well.
        let indices = || voxels.indices().iter().map(|index| *index as u32).collect();
        let from_bucket = self.files().reads_bucket();
        Ok(StoreTasks {
            subject: plan.subject.clone(),
            mask_source: voxels.brain().source(),
            voxels: (voxels.n_voxels() < voxels.brain().n_voxels()).then(|| Ranges(indices())),
            max_memory: request.max_memory,
            from_bucket,
            path: std::path::absolute(&plan.path)
                .map_err(Error::io("make the path absolute", &plan.path))?,
            peak_memory: plan.memory_of_one(1, request.max_memory, from_bucket)?,
            sessions: plan.sessions,
        })
    }
}

impl StoreTasks {
    /// Reads what [`StoreTasks::lines`] has written; `name` is what messages call it.
    ///
    /// # Errors
    ///
    /// [`ExtractError::Plan`] for lines that were made by another version, are not all there, or do
    /// not belong together.
    pub fn read(text: &str, name: &str) -> Result<Self> {
        let mut read: Option<Self> = None;
        for TaskLine { whose, line } in
            read_lines(text, name, SCHEMA, |it: &Line| (it.task, it.of))?
        {
            let peak_memory = line.peak_memory;
            let tasks = Self {
                subject: line.subject,
                sessions: vec![line.session],
                mask_source: line.mask_source,
                voxels: line.voxels,
                max_memory: line.max_memory,
                from_bucket: line.from == Origin::Bucket,
                path: line.store,
                peak_memory,
            };
            match &mut read {
                None => read = Some(tasks),
                Some(known) if known.is_about_the_same(&tasks) => {
                    known.sessions.extend(tasks.sessions);
                    known.peak_memory = known.peak_memory.max(peak_memory);
                }
                Some(known) => {
                    let reason = format!("another store than {}", known.path.display());
                    return Err(ExtractError::Plan { whose, reason }.into());
                }
            }
        }
        let empty = || ExtractError::Plan { whose: name.to_owned(), reason: "it is empty".into() };
        Ok(read.ok_or_else(empty)?)
    }

    /// Whether a text starts like a plan of a store, whatever else may be wrong with it.
    #[must_use]
    pub fn is_plan(text: &str) -> bool {
        #[derive(Deserialize)]
        struct Form {
            schema: String,
        }
        let first = text.lines().find(|line| !line.trim().is_empty());
        let form = first.and_then(|line| serde_json::from_str::<Form>(line).ok());
        form.is_some_and(|form| form.schema.starts_with("laion-fmri.store-plan/"))
    }

    /// The tasks as JSON lines.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let of = self.sessions.len();
        self.sessions.iter().enumerate().map(move |(task, session)| {
            let line = Line {
                schema: SCHEMA.to_owned(),
                tool: TOOL.to_owned(),
                task,
                of,
                subject: self.subject.clone(),
                session: session.clone(),
                store: self.path.clone(),
                from: Origin::of(self.from_bucket),
                max_memory: self.max_memory,
                peak_memory: self.peak_memory,
                mask_source: self.mask_source,
                voxels: self.voxels.clone(),
            };
            // INVARIANT: every field is a text or a number.
            serde_json::to_string(&line).expect("a line can be written")
        })
    }

    /// The number of tasks; none if every session is in the store.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// The directory of the store.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The subject.
    #[must_use]
    pub fn subject(&self) -> &SubjectId {
        &self.subject
    }

    /// The session of each task.
    #[must_use]
    pub fn sessions(&self) -> &[SessionId] {
        &self.sessions
    }

    /// Whether the betas are read from the bucket.
    #[must_use]
    pub fn is_from_bucket(&self) -> bool {
        self.from_bucket
    }

    /// The most memory that a task takes with one thread, as predicted, in bytes.
    #[must_use]
    pub fn peak_memory(&self) -> u64 {
        self.peak_memory
    }

    /// The download of what the tasks read.
    pub fn download(&self) -> DownloadRequest {
        // The brain masks come with every download that names sessions.
        DownloadRequest::of(&self.subject).ses(&self.sessions).desc("SingletrialBetas")
    }

    /// Runs some tasks; see [`Subject::build_store`]. Sessions that are in the store are kept.
    ///
    /// # Errors
    ///
    /// As [`Subject::build_store`].
    pub fn run(
        &self,
        dataset: &Dataset,
        tasks: impl IntoIterator<Item = usize>,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<StoreBuilt> {
        let sessions = tasks.into_iter().filter_map(|task| self.sessions.get(task));
        let sessions: Vec<&SessionId> = sessions.collect();
        let subject = dataset.subject(self.subject.as_str())?;
        if sessions.is_empty() {
            return Ok(StoreBuilt { path: self.path.clone(), built: vec![], kept: vec![] });
        }
        let request = self.request(&subject)?.sessions(sessions);
        subject.build_store(&request, observer, cancel)
    }

    /// The sessions of the tasks that are not in the store.
    ///
    /// # Errors
    ///
    /// As [`Subject::plan_store`].
    pub fn missing(&self, dataset: &Dataset) -> Result<Vec<SessionId>> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let subject = dataset.subject(self.subject.as_str())?;
        let request = self.request(&subject)?.sessions(&self.sessions);
        Ok(subject.plan_store(&request)?.sessions)
    }

    /// Writes the document of the store again, when the tasks of all sessions were run.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotBuilt`]; as [`StoreTasks::missing`].
    pub fn finish(&self, dataset: &Dataset) -> Result<()> {
        let missing = self.missing(dataset)?;
        if !missing.is_empty() {
            let (subject, of) = (self.subject.clone(), self.len());
            return Err(StoreError::NotBuilt { subject, missing, of }.into());
        }
        if !self.is_empty() {
            voxel_store::consolidate(&self.path)?;
        }
        Ok(())
    }

    fn request(&self, subject: &Subject) -> Result<StoreRequest> {
        let mut request = StoreRequest::new();
        request.directory = self.path.parent().map(Path::to_owned);
        request.max_memory = self.max_memory;
        request.voxels = match &self.voxels {
            None => Voxels::all().mask_source(self.mask_source),
            Some(Ranges(voxels)) => {
                let brain = subject.brain_mask(self.mask_source, Resolution::Func1pt8)?;
                let mask = VoxelMask::from_indices(Arc::clone(&brain), voxels);
                let other = || ExtractError::Plan {
                    whose: self.path.display().to_string(),
                    reason: format!("its voxels are not those of {}", brain.path().display()),
                };
                Voxels::mask(mask.ok_or_else(other)?)
            }
        };
        Ok(request)
    }

    fn is_about_the_same(&self, other: &Self) -> bool {
        self.subject == other.subject
            && self.path == other.path
            && self.mask_source == other.mask_source
            && self.voxels == other.voxels
            && self.max_memory == other.max_memory
            && self.from_bucket == other.from_bucket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tasks() -> StoreTasks {
        StoreTasks {
            subject: "sub-03".parse().unwrap(),
            sessions: ["ses-01", "ses-02"].map(|name| name.parse().unwrap()).to_vec(),
            mask_source: MaskSource::Rsquare,
            voxels: Some(Ranges(vec![3, 4, 5, 9])),
            max_memory: Some(1 << 30),
            from_bucket: true,
            path: "/d/s.zarr".into(),
            peak_memory: 7,
        }
    }

    #[test]
    fn lines_are_read_back() {
        let whole = StoreTasks { voxels: None, max_memory: None, from_bucket: false, ..tasks() };
        for tasks in [tasks(), whole] {
            let text = tasks.lines().collect::<Vec<_>>().join("\n");
            assert!(StoreTasks::is_plan(&text));
            assert_eq!(StoreTasks::read(&text, "p").unwrap(), tasks);
        }
        assert!(tasks().lines().next().unwrap().contains(r#""voxels":"3-5,9""#));
    }

    #[test]
    fn lines_that_do_not_belong_together_are_refused() {
        let lines: Vec<String> = tasks().lines().collect();
        let refused = |text: &str| match StoreTasks::read(text, "p").unwrap_err() {
            Error::Extract(error) => match *error {
                ExtractError::Plan { whose, reason } => format!("{whose}: {reason}"),
                other => panic!("{other}"),
            },
            other => panic!("{other}"),
        };
        assert_eq!(refused(""), "p: it is empty");
        assert_eq!(refused(&lines[0]), "p: 1 line (expected 2)");
        let other = lines[1].replace("/d/s.zarr", "/d/t.zarr");
        let text = format!("{}\n{other}", lines[0]);
        assert_eq!(refused(&text), "p, line 2: another store than /d/s.zarr");
        assert!(refused(&lines.join("\n").replace("plan/1", "plan/2")).contains("schema"));
        assert!(!StoreTasks::is_plan("") && !StoreTasks::is_plan("{}"));
    }
}
