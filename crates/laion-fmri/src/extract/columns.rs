//! The voxels of an extraction, and what is known of each.

use std::sync::Arc;

use bids_names::SessionId;

use super::conventions::{Conventions, MaskChoice, Threshold};
use super::part::PartColumns;
use crate::error::{ExtractError, Restriction};
use crate::mask::VoxelMask;
use crate::noise_ceiling::{SESSION_MAP, SUBJECT_MAPS};
use crate::roi::RoiQuery;
use crate::{Error, MaskSource, NoiseCeiling, Resolution, Result, Subject, Voxels};

fn ceiling(desc: &str, session: &SessionId) -> Result<NoiseCeiling> {
    match desc {
        SESSION_MAP => Ok(NoiseCeiling::Session(session.clone())),
        _ => NoiseCeiling::desc(desc),
    }
}

/// The voxels that the conventions choose for a session of a subject; `warn` of a threshold that
/// looks like a fraction.
pub(super) fn chosen(
    subject: &Subject,
    session: &SessionId,
    conventions: &Conventions,
    warn: bool,
) -> Result<Arc<VoxelMask>> {
    let base = Arc::new(match &conventions.mask {
        Some(mask) => given(subject, conventions.mask_source, mask)?,
        None => {
            let voxels = match conventions.rois.as_slice() {
                [] => Voxels::all(),
                rois => Voxels::roi(rois),
            };
            voxels.mask_source(conventions.mask_source).resolve(subject)?
        }
    });
    let chosen = match &conventions.noise_ceiling {
        None => base,
        Some(Threshold { percent, desc }) => {
            let map = ceiling(desc.as_deref().unwrap_or(SESSION_MAP), session)?;
            Arc::new(subject.voxels_reaching(&base, &map, *percent as f32, warn)?.voxels)
        }
    };
    if chosen.n_voxels() > 0 {
        return Ok(chosen);
    }
    let mut why = vec![match conventions.rois.as_slice() {
        _ if conventions.mask.is_some() => Restriction::VoxelMask,
        [] => Restriction::Mask(conventions.mask_source),
        rois => Restriction::Rois(rois.to_vec()),
    }];
    why.extend(conventions.noise_ceiling.iter().map(|it| Restriction::NoiseCeiling(it.percent)));
    Err(ExtractError::NothingLeft { what: "voxel", whose: subject.id().to_string(), why }.into())
}

/// The voxels of a file that a user made, which are kept as indices.
fn given(subject: &Subject, source: MaskSource, mask: &MaskChoice) -> Result<VoxelMask> {
    let brain = subject.brain_mask(source, Resolution::Func1pt8)?;
    VoxelMask::from_indices(brain, &mask.voxels).ok_or_else(|| Error::DoesNotFit {
        what: format!("the voxels of the mask {}", mask.file),
        expected: format!("voxels of the {source} brain mask of {}", subject.id()),
        got: "others".to_owned(),
    })
}

/// Which of the maps that may go along a subject has.
pub(super) fn ceilings(
    subject: &Subject,
    only_session: Option<&SessionId>,
    voxels: &VoxelMask,
) -> Result<Vec<String>> {
    let mut there = Vec::new();
    let descs = SUBJECT_MAPS.into_iter().chain(only_session.map(|_| SESSION_MAP));
    for desc in descs {
        let map = match only_session {
            Some(session) => ceiling(desc, session)?,
            None => NoiseCeiling::desc(desc)?,
        };
        match subject.noise_ceiling_of(&map, voxels) {
            Ok(_) => there.push(desc.to_owned()),
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(there)
}

/// The voxels of a subject with what is known of each.
pub(super) struct Described {
    pub(super) voxels: Arc<VoxelMask>,
    pub(super) columns: PartColumns,
    /// The ROIs that the codes of the columns stand for.
    pub(super) rois: Vec<String>,
}

/// The voxels of a subject, described once for all of its sessions: only a plan of one session
/// looks at the maps of a session.
pub(super) fn described(
    subject: &Subject,
    session: &SessionId,
    conventions: &Conventions,
    descs: &[String],
) -> Result<Described> {
    let voxels = chosen(subject, session, conventions, false)?;
    let mut noise_ceilings = Vec::with_capacity(descs.len());
    for desc in descs {
        let map = subject.noise_ceiling_of(&ceiling(desc, session)?, &voxels)?;
        noise_ceilings.push(map.to_vec());
    }
    let (roi_codes, rois) = membership(subject, conventions, &voxels)?;
    // Grids have less than 2^32 voxels, which the masks rely on as well.
    let indices = voxels.indices().iter().map(|index| *index as u32).collect();
    let columns = PartColumns { indices, noise_ceilings, roi_codes };
    Ok(Described { voxels, columns, rois })
}

/// For each voxel, which of the ROIs that the query names it lies in, joined by `|`; as codes into
/// the list of such texts. Without a query no ROI is named.
fn membership(
    subject: &Subject,
    conventions: &Conventions,
    voxels: &VoxelMask,
) -> Result<(Vec<u32>, Vec<String>)> {
    let names = subject.rois_named(&RoiQuery::from(conventions.rois.as_slice()))?;
    let masks = subject.roi_masks(names.as_slice(), conventions.mask_source)?;
    let masks: Vec<(&str, &[usize])> =
        masks.iter().map(|(name, mask)| (name.as_str(), mask.indices())).collect();
    let mut texts = indexmap::IndexSet::new();
    let codes = voxels
        .indices()
        .iter()
        .map(|voxel| {
            let inside = masks.iter().filter(|(_, indices)| indices.binary_search(voxel).is_ok());
            let text: Vec<&str> = inside.map(|(name, _)| *name).collect();
            texts.insert_full(text.join("|")).0 as u32
        })
        .collect();
    Ok((codes, texts.into_iter().collect()))
}
