//! One subject of the mirror: what is on disk, and the accessors that read it.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bids::{SessionId, SubjectId};

use crate::dataset::Reading;
use crate::mask::{BrainMask, MaskSource, Resolution};
use crate::roi::{RoiFiles, RoiIndex};
use crate::stimulus::Stimuli;
use crate::trials::TrialTable;
use crate::{Betas, Error, Result, Roots, layout};

/// A subject. Opening one reads nothing; brain masks and ROIs are read once per handle and shared.
///
/// All methods take `&self` and may be called from several threads at once.
pub struct Subject {
    roots: Roots,
    id: SubjectId,
    masks: Mutex<HashMap<(MaskSource, Resolution), Arc<BrainMask>>>,
    pub(crate) roi_files: RoiFiles,
    stimuli: Stimuli,
    pub(crate) reading: Reading,
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("id", &self.id).field("roots", &self.roots).finish()
    }
}

impl Subject {
    pub(crate) fn new(roots: Roots, id: SubjectId, stimuli: Stimuli, reading: Reading) -> Self {
        let (masks, roi_files) = (Mutex::default(), RoiFiles::default());
        Self { roots, id, masks, roi_files, stimuli, reading }
    }

    /// The id, such as `sub-03`.
    #[must_use]
    pub fn id(&self) -> &SubjectId {
        &self.id
    }

    /// The sessions on disk: those with a betas file or a trial table, sorted.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a directory cannot be read.
    #[doc(alias = "get_sessions")]
    pub fn sessions(&self) -> Result<Vec<SessionId>> {
        let names = self.roots.subdirectories(&layout::glmsingle(&self.id))?;
        let sessions = names.iter().filter(|name| name.starts_with("ses-"));
        Ok(sessions
            .filter_map(|name| name.parse::<SessionId>().ok())
            .filter(|session| {
                let has = |relative: String| self.roots.find(&relative).is_some();
                has(layout::betas(&self.id, session)) || has(layout::trials(&self.id, session))
            })
            .collect())
    }

    /// The brain mask of a source.
    ///
    /// `resolution` only matters for the anatomical source; the R² map is published on the
    /// functional grid alone.
    ///
    /// # Errors
    ///
    /// [`Error::DataNotDownloaded`] when the file is not in the mirror, [`Error::Nifti`] when it
    /// is damaged.
    ///
    /// ```
    /// use laion_fmri::{Dataset, MaskSource, Resolution};
    ///
    /// let bucket = fixtures::Bucket::temporary()?;
    /// let subject = Dataset::open(bucket.root())?.subject("sub-01")?;
    /// let brain = subject.brain_mask(MaskSource::Anatomical, Resolution::Func1pt8)?;
    /// let all = brain.to_bool();
    /// assert_eq!(all.len(), brain.grid().n_voxels());
    /// assert_eq!(all.iter().filter(|voxel| **voxel).count(), brain.n_voxels());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "get_brain_mask")]
    pub fn brain_mask(&self, source: MaskSource, resolution: Resolution) -> Result<Arc<BrainMask>> {
        let resolution =
            if source == MaskSource::Rsquare { Resolution::Func1pt8 } else { resolution };
        let key = (source, resolution);
        // A panic while the lock was held cannot leave a half-read mask behind: masks are inserted whole.
        let mut masks = self.masks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mask) = masks.get(&key) {
            return Ok(Arc::clone(mask));
        }
        let path = match source {
            MaskSource::Anatomical => {
                let res = (resolution == Resolution::Func1pt8).then_some("1pt8");
                self.file(
                    "the anatomical brain mask",
                    &layout::anatomical_brain_mask(&self.id, res),
                    || format!("--subject {} --suffix mask --include-anatomical", self.id),
                )?
            }
            MaskSource::Rsquare => {
                self.file("the mean R² map", &layout::r2mean(&self.id), || {
                    format!(
                        "--subject {} --ses averages --stat rsquare --desc R2mean --suffix statmap --extension nii.gz",
                        self.id
                    )
                })?
            }
        };
        let mask = Arc::new(BrainMask::read(&path, source, resolution)?);
        masks.insert(key, Arc::clone(&mask));
        Ok(mask)
    }

    /// The number of brain voxels of a source on the functional grid.
    ///
    /// # Errors
    ///
    /// As [`Subject::brain_mask`].
    #[doc(alias = "get_n_voxels")]
    pub fn n_voxels(&self, source: MaskSource) -> Result<usize> {
        Ok(self.brain_mask(source, Resolution::Func1pt8)?.n_voxels())
    }

    /// A request for the single-trial betas of a session, by `ses-01` or `01`; see [`Betas`].
    #[doc(alias = "get_betas")]
    pub fn betas(&self, session: &str) -> Betas<'_> {
        Betas::new(self, session)
    }

    /// The trial table of one session, by `ses-01` or `01`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSession`], [`Error::DataNotDownloaded`], [`Error::TrialTable`].
    #[doc(alias = "get_trial_info")]
    pub fn trials(&self, session: &str) -> Result<TrialTable> {
        let session: SessionId = session.parse()?;
        TrialTable::read(&self.trials_path(&session)?)
    }

    /// The stimulus side of the dataset by image name. Nothing is opened yet.
    #[must_use]
    pub fn stimuli(&self) -> &Stimuli {
        &self.stimuli
    }

    /// The sessions with a trial table, in their order. A session may consist of betas alone.
    pub(crate) fn session_tables(&self) -> Result<Vec<(SessionId, TrialTable)>> {
        let mut tables = Vec::new();
        for session in self.sessions()? {
            match self.trials(session.as_str()) {
                Ok(table) => tables.push((session, table)),
                Err(Error::DataNotDownloaded { path, .. }) => {
                    tracing::warn!(path = %path.display(), "no trial table: the session is left out");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(tables)
    }

    pub(crate) fn roots(&self) -> &Roots {
        &self.roots
    }

    pub(crate) fn roi_index(&self) -> Result<RoiIndex> {
        RoiIndex::scan(&self.roots, &self.id)
    }

    pub(crate) fn betas_path(&self, session: &SessionId) -> Result<PathBuf> {
        self.file(
            &format!("the betas of {} {session}", self.id),
            &layout::betas(&self.id, session),
            || {
                format!(
                    "--subject {} --ses {session} --desc SingletrialBetas --stat effect --suffix statmap --extension nii.gz",
                    self.id
                )
            },
        )
    }

    pub(crate) fn trials_path(&self, session: &SessionId) -> Result<PathBuf> {
        self.file(
            &format!("the trial table of {} {session}", self.id),
            &layout::trials(&self.id, session),
            || {
                format!(
                    "--subject {} --ses {session} --desc SingletrialBetas --suffix trials --extension tsv",
                    self.id
                )
            },
        )
    }

    /// A file of the mirror, or what it is and the arguments of the download that brings it.
    pub(crate) fn file(
        &self,
        what: &str,
        relative: &str,
        fetch: impl FnOnce() -> String,
    ) -> Result<PathBuf> {
        self.roots.find(relative).ok_or_else(|| Error::DataNotDownloaded {
            what: what.to_owned(),
            path: self.roots.expected(relative),
            fetch: fetch(),
        })
    }

    /// A directory, in the first root that has it.
    pub(crate) fn directory(
        &self,
        what: &str,
        relative: &str,
        fetch: impl FnOnce() -> String,
    ) -> Result<PathBuf> {
        let candidates = self.roots.directories().iter().map(|root| root.join(relative));
        candidates.into_iter().find(|path| path.is_dir()).ok_or_else(|| Error::DataNotDownloaded {
            what: format!("{what} of {}", self.id),
            path: self.roots.expected(relative),
            fetch: fetch(),
        })
    }
}
