//! `/api/subjects/S/reading`: how far the reads are that the page waits for.

use std::sync::Arc;

use axum::extract::State;

use crate::answer::{self, Answer, Refusal};
use crate::names;
use crate::parameters::Named;
use crate::state::Shared;

/// Answered at once: it waits for none of the calls that it is about.
pub(crate) async fn reading(
    State(state): State<Arc<Shared>>,
    Named(subject): Named<String>,
) -> Result<Answer, Refusal> {
    Ok(answer::json(&state.reads.of(&names::subject(&subject)?)))
}
