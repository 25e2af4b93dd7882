//! `/api/subjects/S/splits/NAME`: on which side of a split each image is.

use std::sync::Arc;

use axum::extract::State;
use laion_fmri::SubjectId;
use laion_fmri::splits::{Pool, load_split};
use serde::Deserialize;
use serde_json::json;

use crate::answer::{self, Answer, Refusal};
use crate::parameters::{Asked, Named};
use crate::state::Shared;

/// The codes of the sides are the places of their names.
const SIDES: [&str; 3] = ["train", "test", "none"];

#[derive(Debug, Deserialize)]
pub(crate) struct Chosen {
    pool: Option<String>,
}

/// The pool of a subject's own images, or else the one of shared images.
pub(crate) fn pool_of(id: &SubjectId) -> Pool {
    let own = Pool::ALL.iter().copied().find(|pool| pool.subject() == Some(id.as_str()));
    own.unwrap_or(Pool::Shared)
}

pub(crate) async fn sides(
    State(state): State<Arc<Shared>>,
    Named((subject, name)): Named<(String, String)>,
    Asked(Chosen { pool }): Asked<Chosen>,
) -> Result<Answer, Refusal> {
    let sides = state.about(&subject, move |looked| {
        let own = pool_of(looked.subject.id());
        let split = load_split(&name, pool.as_deref().unwrap_or(own.as_str()))?;
        let trials = looked.trials()?;
        let masks = split.masks(&trials.images);
        let sides = masks.train.iter().zip(&masks.test).map(|sides| match sides {
            (true, _) => 0,
            (_, true) => 1,
            _ => 2,
        });
        Ok(json!({
            "name": split.name().as_str(),
            "pool": split.pool().as_str(),
            "revision": split.revision().as_str(),
            "sides": SIDES,
            "side": sides.collect::<Vec<u8>>(),
        }))
    });
    Ok(answer::json(&sides.await?))
}
