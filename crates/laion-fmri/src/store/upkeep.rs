//! What stores there are, whether they are sound, and removing them.

use std::fs;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bids_names::{SessionId, SubjectId};
use voxel_store::{Group, consolidate, remove_abandoned};

use super::described::StoreLabel;
use super::find::{Store, Unfit};
use crate::mask::MaskSource;
use crate::{Cancel, Dataset, Error, Result, Subject};

/// A store of a subject, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct StoreInfo {
    /// The directory.
    pub path: PathBuf,
    /// The subject.
    pub subject: SubjectId,
    /// The brain mask whose voxels it has.
    pub mask_source: MaskSource,
    /// How many voxels it has; none if its document is damaged.
    pub n_voxels: Option<usize>,
    /// Whether these are all voxels of the brain mask.
    pub is_whole: bool,
    /// Its sessions, sorted.
    pub sessions: Vec<StoredSessionInfo>,
    /// The bytes of all of its files.
    pub bytes: u64,
    /// How many builds that were killed left something in it. The next build removes that.
    pub left_behind: usize,
    /// The bytes of what they left, which [`StoreInfo::bytes`] includes.
    pub left_behind_bytes: u64,
    /// Why it cannot be used at all.
    pub problem: Option<String>,
}

/// A session of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct StoredSessionInfo {
    /// The session.
    pub session: SessionId,
    /// Its trials, as far as it can be read.
    pub n_trials: Option<usize>,
    /// The bytes of its files.
    pub bytes: u64,
    /// Whether it is used for reading.
    pub state: StoreState,
}

/// Whether a session of a store is used for reading.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum StoreState {
    /// It has the betas of the file that is there, and is read in its place.
    InStep,
    /// The file that it was built from is not there. The store is read.
    Alone,
    /// It was built from another file, or with another brain mask. The file is read.
    Stale(String),
    /// It cannot be read. The file is read.
    Damaged(String),
}

impl StoreState {
    /// Whether the session is read from the store.
    #[must_use]
    pub fn is_used(&self) -> bool {
        matches!(self, Self::InStep | Self::Alone)
    }
}

/// What a check of every byte of a store found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreCheck {
    /// The arrays and matrices that are sound.
    pub arrays: usize,
    /// Their bytes.
    pub bytes: u64,
    /// What is damaged: where, and what is wrong with it.
    pub damaged: Vec<(PathBuf, String)>,
}

impl Dataset {
    /// The stores of all subjects, also of those of which nothing else is on disk, by subject.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a directory cannot be listed.
    ///
    /// ```
    /// use laion_fmri::Dataset;
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// assert!(Dataset::open("laion-fmri")?.stores()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stores(&self) -> Result<Vec<StoreInfo>> {
        let subjects = self.stored_subjects();
        let stores = subjects.iter().map(|id| self.mirrored(id).stores(None));
        Ok(stores.collect::<Result<Vec<_>>>()?.concat())
    }
}

impl Subject {
    /// The stores of this subject, by directory and name; of one mask source, or of all.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a directory cannot be listed.
    pub fn stores(&self, source: Option<MaskSource>) -> Result<Vec<StoreInfo>> {
        let sources =
            MaskSource::ALL.iter().filter(|it| source.is_none_or(|wanted| wanted == **it));
        let mut stores = Vec::new();
        for source in sources {
            for path in self.store_paths(*source) {
                stores.push(self.store_info(&path, *source)?);
            }
        }
        Ok(stores)
    }

    fn store_info(&self, path: &Path, mask_source: MaskSource) -> Result<StoreInfo> {
        let left = laion_fmri_base::leftovers(path).map_err(Error::io("list", path))?;
        let mut info = StoreInfo {
            path: path.to_owned(),
            subject: self.id().clone(),
            mask_source,
            n_voxels: None,
            is_whole: false,
            sessions: Vec::new(),
            bytes: bytes_below(path)?,
            left_behind: left.len(),
            left_behind_bytes: left.iter().map(|it| it.bytes).sum(),
            problem: None,
        };
        let store = match self.opened_store(path).and_then(|store| self.check_owner(store)) {
            Ok(store) => store,
            Err(unfit) => {
                info.problem = Some(unfit.to_string());
                return Ok(info);
            }
        };
        info.n_voxels = Some(store.label.n_voxels);
        info.is_whole = store.label.is_whole();
        for name in session_names(path)? {
            let Ok(session) = name.parse::<SessionId>() else { continue };
            let (n_trials, state) = self.session_state(&store, &session);
            let bytes = bytes_below(&store.session_path(&session))?;
            info.sessions.push(StoredSessionInfo { session, n_trials, bytes, state });
        }
        Ok(info)
    }

    fn check_owner(&self, store: Arc<Store>) -> Result<Arc<Store>, Unfit> {
        let StoreLabel { subject, .. } = &store.label;
        if subject == self.id().as_str() {
            Ok(store)
        } else {
            Err(Unfit::Stale("it is that of another subject"))
        }
    }

    fn session_state(
        &self,
        store: &Arc<Store>,
        session: &SessionId,
    ) -> (Option<usize>, StoreState) {
        let betas = self.betas_place(session).ok();
        let found = match store.session(session) {
            Ok(found) => found,
            Err(unfit @ Unfit::Damaged(_)) => {
                return (None, StoreState::Damaged(unfit.to_string()));
            }
            Err(unfit) => return (None, StoreState::Stale(unfit.to_string())),
        };
        let state = match self.check_step(&found, betas.as_ref()) {
            Err(unfit) => StoreState::Stale(unfit.to_string()),
            Ok(()) if betas.is_some() => StoreState::InStep,
            Ok(()) => StoreState::Alone,
        };
        (Some(found.n_trials()), state)
    }
}

impl StoreInfo {
    /// Checks every byte of the store, with so many threads. Damage is not an error: it is listed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a directory cannot be listed; [`Error::Cancelled`].
    pub fn verify(&self, threads: NonZeroUsize, cancel: &Cancel) -> Result<StoreCheck> {
        let mut check = StoreCheck::default();
        let names = session_names(&self.path)?;
        let sessions = names.iter().map(|name| self.path.join(name));
        for path in std::iter::once(self.path.clone()).chain(sessions) {
            let observe = || match cancel.is_cancelled() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            };
            match Group::open(&path).and_then(|group| group.verify(threads, observe)) {
                Ok(verified) => {
                    check.arrays += verified.arrays;
                    check.bytes += verified.bytes;
                }
                Err(voxel_store::Error::Stopped) => return Err(Error::Cancelled),
                Err(error) => check.damaged.push((path, error.to_string())),
            }
        }
        Ok(check)
    }

    /// Removes sessions of the store, or with none named all of it.
    ///
    /// A read that has begun goes on where the system allows that.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`StoreError`](crate::StoreError) when the document cannot be written again.
    pub fn remove(&self, sessions: &[SessionId]) -> Result<()> {
        let remove = |path: &Path| match fs::remove_dir_all(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove", path)(error))
            }
            _ => Ok(()),
        };
        if sessions.is_empty() {
            // First out of the way: half a store never has its name.
            let aside = laion_fmri_base::temporary_sibling(&self.path);
            fs::rename(&self.path, &aside).map_err(Error::io("remove", &self.path))?;
            return remove(&aside);
        }
        for session in sessions {
            remove(&self.path.join(session.as_str()))?;
        }
        remove_abandoned(&self.path)?;
        Ok(consolidate(&self.path)?)
    }
}

/// The sessions of a store, sorted.
pub(super) fn session_names(path: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(Error::io("list", path))? {
        let entry = entry.map_err(Error::io("list", path))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("ses-") && entry.path().is_dir() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// The bytes of all files below a directory.
pub(super) fn bytes_below(path: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(path).map_err(Error::io("list", path))? {
        let entry = entry.map_err(Error::io("list", path))?;
        let Ok(metadata) = entry.metadata() else { continue };
        bytes += if metadata.is_dir() { bytes_below(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}
