//! `/api/images/NAME/nearest`: the images that an embedding puts next to it.

use std::sync::Arc;

use axum::extract::State;
use laion_fmri::stimuli::EmbeddingModel;
use laion_fmri::{Cancel, Error};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{self, Answer, Refusal};
use crate::names;
use crate::parameters::{Asked, Named};
use crate::similar::{Near, Normed};
use crate::state::Shared;

/// How many there are at most.
const MOST: usize = 100;

#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    model: String,
    subject: String,
    #[serde(default = "twelve")]
    count: usize,
}

fn twelve() -> usize {
    12
}

pub(crate) async fn nearest(
    State(state): State<Arc<Shared>>,
    Named(name): Named<String>,
    Asked(asked): Asked<Wanted>,
) -> Result<Answer, Refusal> {
    let shared = Arc::clone(&state);
    let near = state.work.run(move |cancel| find(&shared, &name, &asked, cancel));
    let near = near
        .await?
        .into_iter()
        .map(|near| json!({ "name": near.name, "similarity": near.similarity }));
    Ok(answer::json(&Value::Array(near.collect())))
}

fn find(
    state: &Arc<Shared>,
    name: &str,
    asked: &Wanted,
    cancel: &Cancel,
) -> Result<Vec<Near>, Refusal> {
    let looked = state.look(&names::subject(&asked.subject)?, cancel)?;
    let model: EmbeddingModel = asked.model.parse().map_err(Error::from)?;
    let embeddings = looked.subject.stimuli().embeddings(model)?;
    let trials = looked.trials()?;
    let normed = looked.kept().embeddings.get(&looked.seen.key(model.as_str()), || {
        Normed::read(&embeddings, &trials.images, cancel)
    })?;
    normed.nearest(&embeddings, name, asked.count.clamp(1, MOST), cancel)
}
