//! Which store has the betas that are asked for.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use bids_names::{SessionId, SubjectId};
use laion_fmri_base::zarr::DOCUMENT;
use laion_fmri_base::{Sha256, lock};
use voxel_store::{Buffers, Group, Matrix, Values};

use super::described::{SessionLabel, StoreLabel, VERSION, axis, of_attributes};
use super::session::StoredSession;
use super::{BETAS, VOXEL_INDEX};
use crate::dataset::Reading;
use crate::files::{Located, Step};
use crate::mask::{BrainMask, MaskSource, VoxelMask};
use crate::{Dataset, Result, Roots, Subject};

/// The folder of a data directory that holds stores.
pub(crate) const FOLDER: &str = "stores";
/// The end of the name of a store.
const ENDING: &str = ".zarr";

/// Why a store is not used after its mirror was copied.
const OTHER_TIME: &str = "the time of its file differs from the one that the store recorded, as after \
                          copying; a verification of the mirror compares the bytes";

/// What was opened of the stores of a subject, shared by the clones of its handle.
#[derive(Debug, Default)]
pub(crate) struct OpenedStores {
    stores: Mutex<HashMap<PathBuf, Arc<Store>>>,
    axes: Mutex<HashMap<MaskSource, Sha256>>,
}

/// A store whose document was read.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) path: PathBuf,
    pub(super) label: StoreLabel,
    /// The flat indices of its voxels, ascending; none if they are those of the brain mask.
    voxels: Option<Vec<usize>>,
    document: DocumentState,
    /// The sessions that were opened.
    sessions: Mutex<HashMap<SessionId, OpenedSession>>,
    /// Shared by the sessions.
    pub(super) buffers: Buffers,
}

/// Length and time of modification of a document, by which it is read again.
type DocumentState = (u64, Option<SystemTime>);

/// The stores for some voxels, looked for once for all sessions that are read.
#[derive(Debug)]
pub(crate) struct StoresOfVoxels {
    /// Those that cannot be opened.
    unusable: Vec<(PathBuf, Unfit)>,
    /// Those that have all of the voxels, the smallest first; of one size, the one in the first
    /// directory.
    fitting: Vec<Arc<Store>>,
    voxels: VoxelMask,
}

#[cfg(feature = "extract")]
impl StoresOfVoxels {
    /// Whether no store has the voxels.
    pub(crate) fn is_empty(&self) -> bool {
        self.fitting.is_empty()
    }
}

/// A session whose document was read, and whose matrix is open.
#[derive(Debug)]
struct OpenedSession {
    document: DocumentState,
    label: Arc<SessionLabel>,
    matrix: Arc<Matrix>,
}

/// Why a store is not used.
#[derive(Debug)]
pub(super) enum Unfit {
    /// It does not have the session or the voxels.
    NotThere,
    /// It was built from another file, or is of another voxel axis.
    Stale(&'static str),
    /// It cannot be read.
    Damaged(voxel_store::Error),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotThere => f.write_str("it does not have the session"),
            Self::Stale(why) => f.write_str(why),
            Self::Damaged(error) => error.fmt(f),
        }
    }
}

impl From<voxel_store::Error> for Unfit {
    fn from(error: voxel_store::Error) -> Self {
        Self::Damaged(error)
    }
}

impl Store {
    pub(super) fn open(path: &Path) -> Result<Self, Unfit> {
        let document = document(path).unwrap_or_default();
        let group = Group::open(path)?;
        let label: StoreLabel =
            of_attributes(group.attributes()).map_err(|_| Unfit::Stale("it has another layout"))?;
        if label.laion_fmri_store != VERSION {
            return Err(Unfit::Stale("it has another layout"));
        }
        let voxels = match group.array(VOXEL_INDEX) {
            _ if label.is_whole() => None,
            Ok(Values::Uint32(indices)) if indices.len() == label.n_voxels => {
                Some(indices.into_iter().map(|index| index as usize).collect())
            }
            Ok(_) => return Err(Unfit::Stale("it has another layout")),
            Err(error) => return Err(error.into()),
        };
        let (path, sessions, buffers) = (path.to_owned(), Mutex::default(), Buffers::default());
        Ok(Self { path, label, voxels, document, sessions, buffers })
    }

    /// The store of these voxels, whatever its document says: its sessions say themselves whether
    /// they are sessions of it.
    pub(super) fn expected(path: &Path, label: &StoreLabel, voxels: &VoxelMask) -> Self {
        Self {
            path: path.to_owned(),
            label: label.clone(),
            voxels: (!label.is_whole()).then(|| voxels.indices().to_vec()),
            document: document(path).unwrap_or_default(),
            sessions: Mutex::default(),
            buffers: Buffers::default(),
        }
    }

    /// Where a session lies.
    pub(super) fn session_path(&self, session: &SessionId) -> PathBuf {
        self.path.join(session.as_str())
    }

    /// The columns of the voxels, unless one of them is not there.
    pub(super) fn columns(&self, voxels: &VoxelMask) -> Option<Vec<usize>> {
        let Some(stored) = &self.voxels else { return Some(voxels.columns()) };
        let column = |index: &usize| stored.binary_search(index).ok();
        voxels.indices().iter().map(column).collect()
    }

    /// The flat indices of the columns.
    pub(super) fn voxels<'a>(&'a self, brain: &'a BrainMask) -> &'a [usize] {
        self.voxels.as_deref().unwrap_or(brain.indices())
    }

    fn has_all(&self, voxels: &VoxelMask) -> bool {
        self.voxels.is_none() || self.columns(voxels).is_some()
    }

    /// Opens a session, whose matrix has to be the one that its document describes.
    pub(super) fn session(self: &Arc<Self>, session: &SessionId) -> Result<StoredSession, Unfit> {
        let path = self.session_path(session);
        let document = document(&path).ok_or(Unfit::NotThere)?;
        if let Some(opened) = lock(&self.sessions).get(session)
            && opened.document == document
        {
            let (label, matrix) = (Arc::clone(&opened.label), Arc::clone(&opened.matrix));
            return Ok(StoredSession { store: Arc::clone(self), label, matrix });
        }
        let group = Group::open(&path)?;
        let label: SessionLabel =
            of_attributes(group.attributes()).map_err(|_| Unfit::Stale("it has another layout"))?;
        if !label.belongs(&self.label, session) {
            return Err(Unfit::Stale("the session is that of another store"));
        }
        let matrix = group.matrix(BETAS)?;
        matrix.check_identity(label.identity())?;
        if matrix.shape() != [label.n_trials, self.label.n_voxels] {
            return Err(Unfit::Stale("the session is that of another store"));
        }
        let (label, matrix) = (Arc::new(label), Arc::new(matrix));
        let opened =
            OpenedSession { document, label: Arc::clone(&label), matrix: Arc::clone(&matrix) };
        lock(&self.sessions).insert(session.clone(), opened);
        Ok(StoredSession { store: Arc::clone(self), label, matrix })
    }
}

impl Subject {
    /// The directories in which stores are looked for, in this order.
    fn store_directories(&self) -> Vec<PathBuf> {
        store_directories(&self.reading, self.roots())
    }

    /// The paths of the stores of this subject for a mask source, by directory and name.
    pub(super) fn store_paths(&self, source: MaskSource) -> Vec<PathBuf> {
        self.store_paths_of(&[source])
    }

    fn store_paths_of(&self, sources: &[MaskSource]) -> Vec<PathBuf> {
        let stems: Vec<String> =
            sources.iter().map(|source| stem(self.id().as_str(), *source)).collect();
        let is_wanted = |name: &String| stems.iter().any(|stem| is_store_of(name, stem));
        let mut paths = Vec::new();
        for directory in self.store_directories() {
            tracing::trace!(directory = %directory.display(), "listing");
            // A directory that cannot be listed holds no store that could be read.
            let Ok(entries) = fs::read_dir(&directory) else { continue };
            let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
            let mut names: Vec<String> = names.filter(is_wanted).collect();
            names.sort_unstable();
            paths.extend(names.into_iter().map(|name| directory.join(name)));
        }
        paths
    }

    /// Whether any store has betas of a session. Its documents are not read.
    pub(crate) fn is_stored(&self, session: &SessionId) -> bool {
        if self.reading.stores.are_off {
            return false;
        }
        let has = |path: PathBuf| path.join(session.as_str()).join(DOCUMENT).is_file();
        self.store_paths_of(MaskSource::ALL).into_iter().any(has)
    }

    /// The stores that have all of these voxels.
    pub(crate) fn stores_of(&self, voxels: &VoxelMask) -> StoresOfVoxels {
        let (mut unusable, mut fitting) = (Vec::new(), Vec::new());
        if !self.reading.stores.are_off {
            for path in self.store_paths(voxels.brain().source()) {
                match self.opened_store(&path) {
                    Ok(store) => fitting.push(store),
                    Err(unfit) => unusable.push((path, unfit)),
                }
            }
        }
        fitting.retain(|store| store.has_all(voxels));
        fitting.sort_by_key(|store| store.label.n_voxels);
        StoresOfVoxels { unusable, fitting, voxels: voxels.clone() }
    }

    /// The betas of a session in the first of these stores that is in step with the file of the
    /// betas, if that is there. What is damaged or out of step is passed over with a note.
    pub(crate) fn stored(
        &self,
        session: &SessionId,
        stores: &StoresOfVoxels,
        betas: Option<&Located>,
    ) -> Option<StoredSession> {
        let StoresOfVoxels { unusable, fitting, voxels } = stores;
        unusable.iter().for_each(|(path, unfit)| self.pass_over(path, session, unfit));
        fitting.iter().find_map(|store| {
            let found = self.check_axis(store, voxels).and_then(|()| store.session(session));
            match found.and_then(|found| self.check_step(&found, betas).map(|()| found)) {
                Ok(found) => Some(found),
                Err(unfit) => {
                    self.pass_over(&store.path, session, &unfit);
                    None
                }
            }
        })
    }

    fn pass_over(&self, path: &Path, session: &SessionId, unfit: &Unfit) {
        let (subject, store) = (self.id(), path.display());
        match unfit {
            Unfit::NotThere => {
                tracing::debug!(%store, %session, "the store does not have the session");
            }
            Unfit::Stale(why) => tracing::warn!(
                target: "laion_fmri::stale_store",
                %subject,
                "{session} of {store} is not used: {why}"
            ),
            Unfit::Damaged(error) => {
                tracing::debug!(%store, %session, %error, "the store is damaged");
                tracing::warn!(
                    target: "laion_fmri::damaged_store",
                    %subject,
                    "{session} of {store} is not used: it is damaged"
                );
            }
        }
    }

    pub(super) fn opened_store(&self, path: &Path) -> Result<Arc<Store>, Unfit> {
        if let Some(store) = lock(&self.stores.stores).get(path)
            && Some(store.document) == document(path)
        {
            return Ok(Arc::clone(store));
        }
        let store = Arc::new(Store::open(path)?);
        lock(&self.stores.stores).insert(path.to_owned(), Arc::clone(&store));
        Ok(store)
    }

    /// Refuses a store whose brain mask is not the one of the voxels.
    fn check_axis(&self, store: &Store, voxels: &VoxelMask) -> Result<(), Unfit> {
        let brain = voxels.brain();
        let source = brain.source();
        let mut axes = lock(&self.stores.axes);
        let expected = axes.entry(source).or_insert_with(|| axis(brain, brain.indices()));
        if store.label.brain_sha256 == *expected {
            return Ok(());
        }
        Err(Unfit::Stale("it was built with another brain mask"))
    }

    /// Refuses a session that was built from another file than the one that is there.
    pub(super) fn check_step(
        &self,
        found: &StoredSession,
        betas: Option<&Located>,
    ) -> Result<(), Unfit> {
        let Some(place) = betas else { return Ok(()) };
        let kept = || self.reading.digest(place);
        match self.files().step(place, kept, &found.label.betas) {
            Ok(Step::Same) => Ok(()),
            Ok(Step::OtherTime) => Err(Unfit::Stale(OTHER_TIME)),
            Ok(Step::Other) => Err(Unfit::Stale("it was built from another file")),
            Err(error) => {
                tracing::debug!(%error, "whether a store is in step is not known");
                Err(Unfit::Stale("its file cannot be looked at"))
            }
        }
    }
}

impl Dataset {
    /// The subjects of which there is a store, sorted.
    pub(super) fn stored_subjects(&self) -> BTreeSet<SubjectId> {
        let mut subjects = BTreeSet::new();
        for directory in store_directories(&self.reading, self.roots()) {
            for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                let subject = name.split_once("_desc-").and_then(|(id, _)| id.parse().ok());
                let is_store = |id: &SubjectId| {
                    let mut sources = MaskSource::ALL.iter();
                    sources.any(|source| is_store_of(&name, &stem(id.as_str(), *source)))
                };
                subjects.extend(subject.filter(is_store));
            }
        }
        subjects
    }
}

/// Those that are named, and then those in the data directories.
fn store_directories(reading: &Reading, roots: &Roots) -> Vec<PathBuf> {
    let own = roots.directories().iter().map(|root| root.join(FOLDER));
    reading.stores.directories.iter().cloned().chain(own).collect()
}

/// The start of the name of every store of a subject for a mask source.
pub(super) fn stem(subject: &str, source: MaskSource) -> String {
    format!("{subject}_desc-{source}")
}

/// The name of a store.
pub(super) fn name(label: &StoreLabel, source: MaskSource) -> String {
    let stem = stem(&label.subject, source);
    if label.is_whole() {
        return format!("{stem}{ENDING}");
    }
    let digest = label.voxels_sha256.to_string();
    format!("{stem}_voxels-{}{ENDING}", &digest[..8])
}

fn is_store_of(name: &str, stem: &str) -> bool {
    let rest = name.strip_prefix(stem).and_then(|rest| rest.strip_suffix(ENDING));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("_voxels-"))
}

/// The state of the document in a directory, if there is one.
fn document(path: &Path) -> Option<DocumentState> {
    let found = fs::metadata(path.join(DOCUMENT)).ok().filter(fs::Metadata::is_file)?;
    Some((found.len(), found.modified().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_found_by_subject_and_mask_source() {
        let stem = stem("sub-03", MaskSource::Anatomical);
        for (name, is_store) in [
            ("sub-03_desc-anatomical.zarr", true),
            ("sub-03_desc-anatomical_voxels-0123abcd.zarr", true),
            ("sub-03_desc-rsquare.zarr", false),
            ("sub-01_desc-anatomical.zarr", false),
            ("sub-03_desc-anatomical", false),
            (".sub-03_desc-anatomical.zarr.0123.tmp-part", false),
            ("sub-03_desc-anatomicals.zarr", false),
        ] {
            assert_eq!(is_store_of(name, &stem), is_store, "{name}");
        }
    }
}
