//! `/api/subjects/S/voxel`: what a voxel is, and its responses to all trials.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use laion_fmri::{MaskSource, VoxelMask};
use serde::Deserialize;
use serde_json::{Value, json};

use super::maps::{Map, maps};
use crate::Commands;
use crate::answer::{self, Answer, Refusal};
use crate::parameters::{Asked, Named};
use crate::state::{Looked, Shared};

const NO_STORE: &str = "the responses of a voxel are read from a store, and this subject has none: \
                        without one, every voxel is a pass over all files of betas";

/// A voxel by its position on the grid, counted from 0.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Position {
    i: usize,
    j: usize,
    k: usize,
}

pub(crate) async fn voxel(
    State(state): State<Arc<Shared>>,
    Named(subject): Named<String>,
    Asked(position): Asked<Position>,
) -> Result<Answer, Refusal> {
    let commands = Arc::clone(&state.commands);
    let about = state.about(&subject, move |looked| describe(looked, position, &*commands));
    Ok(answer::json(&about.await?))
}

fn describe(
    looked: &Looked,
    position: Position,
    commands: &dyn Commands,
) -> Result<Value, Refusal> {
    let (subject, brain) = (&looked.subject, looked.brain()?);
    let index = position.index(&brain)?;
    let column = brain.indices().binary_search(&index).ok();
    let Position { i, j, k } = position;
    let mm = brain.brain().grid().affine().apply([i as f64, j as f64, k as f64]);
    let mut values = serde_json::Map::new();
    if let Some(column) = column {
        for map in maps(subject).into_iter().filter(Map::is_over_sessions) {
            // A damaged map is a problem of that map alone.
            let value = looked.map(&map.id).ok().and_then(|values| values.get(column).copied());
            values.insert(map.id, json!(value));
        }
    }
    let names = subject.rois(None)?;
    let mut rois = Vec::new();
    if column.is_some() && !names.is_empty() {
        let masks = subject.roi_masks(names.as_slice(), MaskSource::Anatomical)?;
        let inside = masks.iter().filter(|(_, mask)| mask.indices().binary_search(&index).is_ok());
        rois.extend(inside.map(|(name, _)| name.clone()));
    }
    let stored = match column {
        Some(column) => !subject.stored_sessions(&one(&brain, column)?)?.is_empty(),
        None => false,
    };
    Ok(json!({
        "ijk": [i, j, k],
        "mm": mm,
        "in_brain": column.is_some(),
        "rois": rois,
        "maps": values,
        "responses": if stored { "store" } else { "absent" },
        "sentence": (column.is_some() && !stored).then_some(NO_STORE),
        "command": commands.build_store(subject.id()),
    }))
}

pub(crate) async fn responses(
    State(state): State<Arc<Shared>>,
    Named(subject): Named<String>,
    Asked(position): Asked<Position>,
) -> Result<Answer, Refusal> {
    let read = state.about(&subject, move |looked| read(looked, position));
    let Responses { values, sessions } = read.await?;
    let mut response = answer::bytes("application/octet-stream", values);
    if let Ok(sessions) = HeaderValue::from_str(&sessions.join(",")) {
        response.headers_mut().insert(HeaderName::from_static("x-sessions"), sessions);
    }
    Ok(response)
}

/// The responses of a voxel.
struct Responses {
    /// One float32 for each trial of the subject, little-endian.
    values: Vec<u8>,
    /// The sessions that have them.
    sessions: Vec<String>,
}

fn read(looked: &Looked, position: Position) -> Result<Responses, Refusal> {
    let (subject, brain) = (&looked.subject, looked.brain()?);
    let index = position.index(&brain)?;
    let Ok(column) = brain.indices().binary_search(&index) else {
        let Position { i, j, k } = position;
        let text = format!("the voxel ({i}, {j}, {k}) is not in the brain mask: it has no betas");
        return Err(Refusal::NotFound(text));
    };
    let betas = subject.stored_betas(&one(&brain, column)?)?;
    if betas.is_empty() {
        return Err(Refusal::NoStore(NO_STORE.to_owned(), subject.id().clone()));
    }
    let trials = looked.trials()?;
    let mut values = Vec::with_capacity(trials.rows.len() * size_of::<f32>());
    let mut sessions = Vec::new();
    for session in &trials.sessions {
        // A store of another number of trials is not in step with the table.
        let stored = betas.get(&session.id).filter(|it| it.nrows() == session.n_trials);
        sessions.extend(stored.map(|_| session.id.to_string()));
        for trial in 0..session.n_trials {
            let value = stored.map_or(f32::NAN, |betas| betas[[trial, 0]]);
            values.extend_from_slice(&value.to_le_bytes());
        }
    }
    Ok(Responses { values, sessions })
}

impl Position {
    /// The flat index of the voxel.
    fn index(self, brain: &VoxelMask) -> Result<usize, Refusal> {
        let Self { i, j, k } = self;
        let grid = brain.brain().grid();
        grid.flat_index([i, j, k]).ok_or_else(|| {
            let shape = grid.shape();
            Refusal::Bad(format!("the voxel ({i}, {j}, {k}) is not on the grid {shape:?}"))
        })
    }
}

/// One voxel of the brain.
fn one(brain: &VoxelMask, column: usize) -> Result<VoxelMask, Refusal> {
    let mut chosen = vec![false; brain.n_voxels()];
    chosen[column] = true;
    Ok(VoxelMask::new(Arc::clone(brain.brain()), chosen)?)
}
