//! What a store says about itself: of which voxels it is, and from which file a session came.

use bids_names::{SessionId, SubjectId};
use laion_fmri_base::{Sha256, Sha256Hasher};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::files::Fingerprint;
use crate::mask::{BrainMask, MaskSource, VoxelMask};

/// The version of the layout. A store of another version is passed over.
pub(super) const VERSION: u32 = 1;

/// The voxels of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoreLabel {
    pub(super) laion_fmri_store: u32,
    pub(super) subject: String,
    pub(super) mask_source: String,
    /// The grid of the voxels.
    pub(super) grid: [usize; 3],
    pub(super) n_voxels: usize,
    /// The voxel axis of the brain mask.
    pub(super) brain_sha256: Sha256,
    /// The voxel axis of the store; that of the brain mask if all of its voxels are there.
    pub(super) voxels_sha256: Sha256,
}

/// A session of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SessionLabel {
    pub(super) laion_fmri_store: u32,
    pub(super) subject: String,
    pub(super) session: String,
    pub(super) mask_source: String,
    pub(super) n_trials: usize,
    pub(super) voxels_sha256: Sha256,
    /// The file that the betas were read from.
    pub(super) betas: Fingerprint,
    pub(super) written_by: String,
    /// In seconds since 1970, for people; nothing is decided by it.
    pub(super) written: u64,
}

impl StoreLabel {
    pub(super) fn new(subject: &SubjectId, voxels: &VoxelMask) -> Self {
        let brain = voxels.brain();
        Self {
            laion_fmri_store: VERSION,
            subject: subject.to_string(),
            mask_source: brain.source().to_string(),
            grid: brain.grid().shape(),
            n_voxels: voxels.n_voxels(),
            brain_sha256: axis(brain, brain.indices()),
            voxels_sha256: axis(brain, voxels.indices()),
        }
    }

    /// Whether every voxel of the brain mask is there.
    pub(super) fn is_whole(&self) -> bool {
        self.brain_sha256 == self.voxels_sha256
    }
}

impl SessionLabel {
    /// What the matrix of the session carries, so that no other one is taken for it.
    pub(super) fn identity(&self) -> Sha256 {
        let Self { subject, session, mask_source, n_trials, voxels_sha256, betas, .. } = self;
        let Fingerprint { size, sha256, .. } = betas;
        Sha256::of(format!(
            "laion_fmri store {VERSION}\n{subject} {session} {mask_source}\n\
             {n_trials} {voxels_sha256}\n{size} {sha256}\n"
        ))
    }

    /// Whether this is a session of that store.
    pub(super) fn belongs(&self, store: &StoreLabel, session: &SessionId) -> bool {
        self.laion_fmri_store == VERSION
            && self.subject == store.subject
            && self.session == session.as_str()
            && self.mask_source == store.mask_source
            && self.voxels_sha256 == store.voxels_sha256
    }
}

/// As the attributes of a group.
pub(super) fn to_attributes<T: Serialize>(label: &T) -> Map<String, Value> {
    match serde_json::to_value(label) {
        Ok(Value::Object(attributes)) => attributes,
        // A label is a struct of texts and numbers.
        _ => Map::new(),
    }
}

/// From the attributes of a group; what they lack otherwise.
pub(super) fn of_attributes<T: for<'a> Deserialize<'a>>(
    attributes: &Map<String, Value>,
) -> Result<T, String> {
    T::deserialize(Value::Object(attributes.clone())).map_err(|error| error.to_string())
}

/// The digest of a voxel axis: the rule of its brain mask, the grid, and the voxels.
pub(super) fn axis(brain: &BrainMask, indices: &[usize]) -> Sha256 {
    let mut hasher = Sha256Hasher::new();
    let source: MaskSource = brain.source();
    let [x, y, z] = brain.grid().shape();
    hasher.update(format!("laion_fmri voxels 1\n{source} {x} {y} {z}\n"));
    for element in brain.grid().affine().rows().as_flattened() {
        hasher.update(element.to_le_bytes());
    }
    for index in indices {
        hasher.update((*index as u64).to_le_bytes());
    }
    hasher.finish()
}
