//! What lies in a store besides the betas: what its voxels and its trials are.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use voxel_store::{GroupWriter, Values};

use super::{TRIALS, VOXEL_INDEX, VOXELS};
use crate::mask::VoxelMask;
use crate::noise_ceiling::{SUBJECT_MAPS, array_name};
use crate::{NoiseCeiling, Result, SessionTrials, Subject};

/// Writes what is known of the voxels: indices, coordinates, and as far as they are on disk noise
/// ceilings and ROIs.
pub(super) fn write_voxels(
    group: &mut GroupWriter,
    subject: &Subject,
    voxels: &VoxelMask,
) -> Result<()> {
    let n_voxels = voxels.n_voxels();
    let axis = (VOXELS, n_voxels);
    let grid = voxels.brain().grid();
    // Numbers of voxels fit, which the masks rely on as well.
    let indices = voxels.indices().iter().map(|index| *index as u32).collect();
    group.array(VOXEL_INDEX, &[axis], &Values::Uint32(indices))?;
    let ijk = voxels.indices().iter().flat_map(|index| grid.voxel(*index).unwrap_or_default());
    let ijk = Values::Uint32(ijk.map(|coordinate| coordinate as u32).collect());
    group.array("voxel_ijk", &[axis, ("axis", 3)], &ijk)?;
    for desc in SUBJECT_MAPS {
        match subject.noise_ceiling_of(&NoiseCeiling::desc(desc)?, voxels) {
            Ok(ceiling) => {
                let percent = Map::from_iter([("units".to_owned(), json!("percent"))]);
                let ceiling = Values::Float32(ceiling.to_vec());
                group.described_array(&array_name(desc), &[axis], &ceiling, percent)?;
            }
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error),
        }
    }
    let names = subject.rois(None)?;
    if names.is_empty() {
        return Ok(());
    }
    let masks = subject.roi_masks(names.as_slice(), voxels.brain().source())?;
    let mut flags = Vec::with_capacity(names.len() * n_voxels);
    for name in &names {
        let inside = masks.get(name).map_or(&[][..], VoxelMask::indices);
        flags.extend(voxels.indices().iter().map(|voxel| inside.binary_search(voxel).is_ok()));
    }
    group.array("roi_name", &[("roi", names.len())], &Values::texts(&names))?;
    group.array("in_roi", &[("roi", names.len()), axis], &Values::Bool(flags))?;
    Ok(())
}

/// The bytes that [`write_voxels`] writes at most, without names and documents.
pub(super) fn voxels_bytes(subject: &Subject, voxels: &VoxelMask) -> Result<u64> {
    // An index and three coordinates of 4 bytes, 4 for each noise ceiling, 1 for each ROI.
    let per_voxel = 4 * (4 + SUBJECT_MAPS.len()) + subject.rois(None)?.len();
    Ok((voxels.n_voxels() as u64).saturating_mul(per_voxel as u64))
}

/// Writes what the trials of a session are.
pub(super) fn write_trials(group: &mut GroupWriter, table: &SessionTrials) -> Result<()> {
    let axis = [(TRIALS, table.len())];
    let runs = table.runs().into_iter().map(|(_, run)| run).collect();
    group.array("run", &axis, &Values::Int64(runs))?;
    let trials = (0..table.len()).map(|trial| trial as u32).collect();
    group.array("beta_index", &axis, &Values::Uint32(trials))?;
    // A table may lack the names of the images: the betas can be read all the same.
    let Ok(labels) = table.labels() else { return Ok(()) };
    let mut shown: HashMap<&str, u32> = HashMap::new();
    let repetitions = labels.clone().map(|label| {
        let count = shown.entry(label).or_default();
        *count += 1;
        *count - 1
    });
    let repetitions = Values::Uint32(repetitions.collect());
    group.array("image_name", &axis, &Values::texts(labels))?;
    group.array("session_repetition", &axis, &repetitions)?;
    Ok(())
}

/// Attributes with the names that xarray makes coordinates of.
pub(super) fn with_coordinates(
    mut attributes: Map<String, Value>,
    names: &str,
) -> Map<String, Value> {
    attributes.insert("coordinates".to_owned(), names.into());
    attributes
}
