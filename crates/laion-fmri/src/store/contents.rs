//! What lies in a store besides the betas: what its voxels and its trials are.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use voxel_store::{Group, GroupWriter, Values};

use super::{TRIALS, VOXEL_INDEX, VOXELS};
use crate::mask::VoxelMask;
use crate::noise_ceiling::{SUBJECT_MAPS, array_name};
use crate::{NoiseCeiling, Result, SessionTrials, Subject};

/// An array that says what the voxels of a store are.
pub(super) struct VoxelArray {
    name: String,
    dimensions: Vec<(&'static str, usize)>,
    values: Values,
    attributes: Map<String, Value>,
}

impl VoxelArray {
    fn new(name: &str, dimensions: &[(&'static str, usize)], values: Values) -> Self {
        let (name, dimensions) = (name.to_owned(), dimensions.to_vec());
        Self { name, dimensions, values, attributes: Map::new() }
    }

    pub(super) fn write(&self, group: &mut GroupWriter) -> Result<()> {
        let Self { name, dimensions, values, attributes } = self;
        Ok(group.described_array(name, dimensions, values, attributes.clone())?)
    }

    /// Whether a store has the array as it would be written.
    pub(super) fn is_in(&self, group: &Group) -> Result<bool> {
        let Self { name, dimensions, values, attributes } = self;
        Ok(group.has_array(name, dimensions, values, attributes.clone())?)
    }
}

/// What is known of the voxels: indices, coordinates, and as far as they are on disk noise ceilings
/// and ROIs.
pub(super) fn voxel_arrays(subject: &Subject, voxels: &VoxelMask) -> Result<Vec<VoxelArray>> {
    let n_voxels = voxels.n_voxels();
    let axis = (VOXELS, n_voxels);
    let grid = voxels.brain().grid();
    // Numbers of voxels fit, which the masks rely on as well.
    let indices = voxels.indices().iter().map(|index| *index as u32).collect();
    let ijk = voxels.indices().iter().flat_map(|index| grid.voxel(*index).unwrap_or_default());
    let ijk = Values::Uint32(ijk.map(|coordinate| coordinate as u32).collect());
    let mut arrays = vec![
        VoxelArray::new(VOXEL_INDEX, &[axis], Values::Uint32(indices)),
        VoxelArray::new("voxel_ijk", &[axis, ("axis", 3)], ijk),
    ];
    for desc in SUBJECT_MAPS {
        match subject.noise_ceiling_of(&NoiseCeiling::desc(desc)?, voxels) {
            Ok(ceiling) => {
                let ceiling = Values::Float32(ceiling.to_vec());
                let mut array = VoxelArray::new(&array_name(desc), &[axis], ceiling);
                array.attributes.insert("units".to_owned(), json!("percent"));
                arrays.push(array);
            }
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error),
        }
    }
    let names = subject.rois(None)?;
    if names.is_empty() {
        return Ok(arrays);
    }
    let masks = subject.roi_masks(names.as_slice(), voxels.brain().source())?;
    let mut flags = Vec::with_capacity(names.len() * n_voxels);
    for name in &names {
        let inside = masks.get(name).map_or(&[][..], VoxelMask::indices);
        flags.extend(voxels.indices().iter().map(|voxel| inside.binary_search(voxel).is_ok()));
    }
    let rois = ("roi", names.len());
    arrays.push(VoxelArray::new("roi_name", &[rois], Values::texts(&names)));
    arrays.push(VoxelArray::new("in_roi", &[rois, axis], Values::Bool(flags)));
    Ok(arrays)
}

/// The bytes that [`voxel_arrays`] take at most, without names and documents.
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
