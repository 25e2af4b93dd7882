//! Maps of the functional localizers: which exist, where they lie, and their values.

use std::fmt;
use std::path::PathBuf;

use bids_names::SessionId;
use gifti_surface::Hemisphere;
use nifti_stream::Volume;

#[cfg(doc)]
use crate::Error;
use crate::roi::vertex_values;
use crate::{Contradiction, DownloadRequest, FilterField, Result, Subject, layout};

laion_fmri_base::named_enum! {
    /// The task of a localizer.
    #[doc(alias = "LOCALIZER_TASKS")]
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum LocalizerTask: "localizer task" {
        /// Faces, bodies, places, objects and characters (`floc`, `ses-4BarScreenfLoc`).
        Category = "floc",
        /// Objects and scrambled objects (`oloc`, `ses-31`).
        Object = "oloc",
        /// Moving and static dots, both hemifields pooled (`MotionLoc`, `ses-MotionLocBarsSML`). It has
        /// z-maps and no effects of single runs.
        Motion = "MotionLoc",
        /// The runs with motion in the left hemifield (`MotionLeft`).
        MotionLeft = "MotionLeft",
        /// The runs with motion in the right hemifield (`MotionRight`).
        MotionRight = "MotionRight",
    }
}

impl LocalizerTask {
    /// The label of the session in which the task was run.
    fn session(self) -> &'static str {
        match self {
            Self::Category => "4BarScreenfLoc",
            Self::Object => "31",
            Self::Motion | Self::MotionLeft | Self::MotionRight => "MotionLocBarsSML",
        }
    }
}

/// A localizer: a task in the session in which it was run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Localizer {
    task: LocalizerTask,
    session: SessionId,
}

impl Localizer {
    /// A task in its own session.
    #[must_use]
    pub fn new(task: LocalizerTask) -> Self {
        // INVARIANT: the labels of the sessions above are letters and digits.
        Self { task, session: task.session().parse().expect("a session label") }
    }

    /// The same task in another session, by `ses-31` or `31`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSession`].
    pub fn with_session(self, session: impl AsRef<str>) -> Result<Self> {
        Ok(Self { session: session.as_ref().parse()?, ..self })
    }

    /// The task.
    #[must_use]
    pub fn task(&self) -> LocalizerTask {
        self.task
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// Refuses what has no effects of single runs.
    fn check_runs(&self) -> Result<()> {
        match self.task {
            LocalizerTask::Motion => Err(Contradiction::PooledTask { task: self.task }.into()),
            _ => Ok(()),
        }
    }
}

impl From<LocalizerTask> for Localizer {
    fn from(task: LocalizerTask) -> Self {
        Self::new(task)
    }
}

laion_fmri_base::named_enum! {
    /// The grid of a localizer map in T1w space.
    #[doc(alias = "VOLUME_RESOLUTIONS")]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum LocalizerResolution: "localizer resolution" {
        /// 1.5 mm: a fit of its own in the volume.
        #[default]
        Res1pt5 = "1pt5",
        /// The 1.5 mm map resampled to the functional grid; NaN where less than half of a voxel has
        /// data.
        Res1pt8 = "1pt8",
    }
}

/// Where the values of a localizer map lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LocalizerSpace {
    /// The vertices of a hemisphere of the subject's own surface, the canonical form.
    Fsnative(Hemisphere),
    /// The voxels of a grid in T1w space.
    T1w(LocalizerResolution),
}

/// `hemi-L_space-fsnative` or `space-T1w_res-1pt5`, as in the names of the maps.
impl fmt::Display for LocalizerSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fsnative(hemisphere) => write!(f, "hemi-{hemisphere}_space-fsnative"),
            Self::T1w(resolution) => write!(f, "space-T1w_res-{resolution}"),
        }
    }
}

/// The values of a localizer map, NaN kept.
#[derive(Debug)]
#[non_exhaustive]
pub enum LocalizerMap {
    /// One value per vertex, shape `(n_vertices,)`.
    Surface(Vec<f32>),
    /// One value per voxel, with its grid.
    Volume(Box<Volume>),
}

impl LocalizerMap {
    /// The values: per vertex, or per voxel in C order of the grid.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        match self {
            Self::Surface(values) => values,
            Self::Volume(volume) => volume.data(),
        }
    }
}

impl Subject {
    /// The z-map of a contrast, such as `faceVsObject`.
    ///
    /// # Errors
    ///
    /// [`Error::DataNotDownloaded`] when there is no such file in the mirror,
    /// [`Error::FileName`] when the contrast cannot be part of a name, and [`Error::Gifti`] or
    /// [`Error::Nifti`] when the file is damaged.
    ///
    /// ```
    /// use laion_fmri::localizer::{LocalizerSpace, LocalizerTask};
    /// use laion_fmri::{Dataset, Hemisphere};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// let left = LocalizerSpace::Fsnative(Hemisphere::Left);
    /// let map = subject.localizer_statmap(LocalizerTask::Object, "objectVsScrambled", left)?;
    /// let strong = map.values().iter().filter(|z| **z > 3.0).count();
    /// assert!(0 < strong && strong < map.values().len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn localizer_statmap(
        &self,
        localizer: impl Into<Localizer>,
        contrast: &str,
        space: LocalizerSpace,
    ) -> Result<LocalizerMap> {
        self.localizer_map(&MapFile::of(self, &localizer.into(), None, contrast, space)?, space)
    }

    /// The effect of a condition, such as `scrambled`, in one run, in percent signal change. Runs
    /// are counted from 1.
    ///
    /// # Errors
    ///
    /// As [`Subject::localizer_statmap`]; [`Error::Contradiction`] for the pooled
    /// [`LocalizerTask::Motion`], which has no runs.
    pub fn localizer_effect(
        &self,
        localizer: impl Into<Localizer>,
        condition: &str,
        run: u32,
        space: LocalizerSpace,
    ) -> Result<LocalizerMap> {
        let localizer = localizer.into();
        localizer.check_runs()?;
        self.localizer_map(&MapFile::of(self, &localizer, Some(run), condition, space)?, space)
    }

    /// The file of the z-map of a contrast, on disk.
    ///
    /// # Errors
    ///
    /// [`Error::DataNotDownloaded`] or [`Error::LocalCopyNeeded`], [`Error::FileName`].
    pub fn localizer_statmap_path(
        &self,
        localizer: impl Into<Localizer>,
        contrast: &str,
        space: LocalizerSpace,
    ) -> Result<PathBuf> {
        let map = MapFile::of(self, &localizer.into(), None, contrast, space)?;
        self.file(&map.what, &map.key, || map.fetch.clone())
    }

    /// The file of the effect of a condition in one run, on disk.
    ///
    /// # Errors
    ///
    /// As [`Subject::localizer_statmap_path`]; [`Error::Contradiction`].
    pub fn localizer_effect_path(
        &self,
        localizer: impl Into<Localizer>,
        condition: &str,
        run: u32,
        space: LocalizerSpace,
    ) -> Result<PathBuf> {
        let localizer = localizer.into();
        localizer.check_runs()?;
        let map = MapFile::of(self, &localizer, Some(run), condition, space)?;
        self.file(&map.what, &map.key, || map.fetch.clone())
    }

    fn localizer_map(&self, map: &MapFile, space: LocalizerSpace) -> Result<LocalizerMap> {
        let located = self.locate_anywhere(&map.what, &map.key, || map.fetch.clone())?;
        self.read(&located, |input| match space {
            LocalizerSpace::Fsnative(_) => {
                Ok(LocalizerMap::Surface(vertex_values(input)?.to_f32()))
            }
            LocalizerSpace::T1w(_) => {
                let volume = nifti_stream::read_volume(input);
                let volume = volume.map_err(|error| located.named(error))?;
                Ok(LocalizerMap::Volume(Box::new(volume)))
            }
        })
    }
}

/// The file of a map: its key, what it is, and the download that brings it.
struct MapFile {
    key: String,
    what: String,
    fetch: DownloadRequest,
}

impl MapFile {
    fn of(
        subject: &Subject,
        Localizer { task, session }: &Localizer,
        run: Option<u32>,
        contrast: &str,
        space: LocalizerSpace,
    ) -> Result<Self> {
        let id = subject.id();
        let key = layout::localizer_map(id, session, *task, run, space, contrast)?;
        let what = match run {
            None => format!("the z-map {contrast} of {id} {session} {task}"),
            Some(run) => format!("the effect of {contrast} in run {run} of {id} {session} {task}"),
        };
        // The tree is fetched whole; the filters keep the other trees out.
        let fetch = DownloadRequest::of(id)
            .filter(FilterField::Task, [task.as_str()])
            .filter(FilterField::Suffix, ["statmap"])
            .include_localizers();
        Ok(Self { key, what, fetch })
    }
}

#[cfg(test)]
mod tests {
    use laion_fmri_base::NameError;

    use super::*;
    use crate::Error;

    #[test]
    fn names_and_values_undo_each_other() {
        for task in LocalizerTask::ALL {
            assert_eq!(task.to_string().parse::<LocalizerTask>().unwrap(), *task);
        }
        for resolution in [LocalizerResolution::Res1pt5, LocalizerResolution::Res1pt8] {
            assert_eq!(resolution.as_str().parse::<LocalizerResolution>().unwrap(), resolution);
        }
        assert!(
            matches!("fLoc".parse::<LocalizerTask>(), Err(NameError { got, expected, .. }) if got == "fLoc" && expected[..2] == ["floc", "oloc"])
        );
        assert!(
            matches!("2mm".parse::<LocalizerResolution>(), Err(NameError { got, .. }) if got == "2mm")
        );
    }

    #[test]
    fn every_task_knows_its_session() {
        let sessions: Vec<String> = LocalizerTask::ALL
            .iter()
            .map(|task| Localizer::new(*task).session().to_string())
            .collect();
        assert_eq!(
            sessions,
            [
                "ses-4BarScreenfLoc",
                "ses-31",
                "ses-MotionLocBarsSML",
                "ses-MotionLocBarsSML",
                "ses-MotionLocBarsSML"
            ]
        );
        let localizer = Localizer::new(LocalizerTask::Object);
        assert_eq!(localizer.clone().with_session("ses-31").unwrap(), localizer);
        assert_eq!(localizer.clone().with_session("31").unwrap(), localizer);
        assert!(
            matches!(localizer.with_session("a/b"), Err(Error::InvalidSession { got }) if got == "a/b")
        );
    }
}
