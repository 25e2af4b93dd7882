//! `/api/subjects/S/command`: what a user types for the array of what the page has selected.

use std::sync::Arc;

use axum::extract::State;
use laion_fmri::splits::load_split;
use laion_fmri::{MaskSource, RoiQuery, SessionId};
use serde::Deserialize;
use serde_json::json;

use super::splits::pool_of;
use crate::Selection;
use crate::answer::{self, Answer, Refusal};
use crate::names;
use crate::parameters::{Asked, Named};
use crate::state::Shared;

#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    roi: Option<String>,
    /// Names between commas.
    sessions: Option<String>,
    split: Option<String>,
    pool: Option<String>,
    shared: Option<bool>,
    #[serde(default)]
    zscore: bool,
    #[serde(default)]
    average: bool,
}

pub(crate) async fn extract(
    State(state): State<Arc<Shared>>,
    Named(subject): Named<String>,
    Asked(asked): Asked<Wanted>,
) -> Result<Answer, Refusal> {
    let commands = Arc::clone(&state.commands);
    let command = state.about(&subject, move |looked| {
        let subject = &looked.subject;
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        let roi = some(asked.roi);
        if let Some(roi) = &roi {
            // Refused here as it would be there.
            subject.roi_mask(RoiQuery::from(vec![roi.as_str()]), MaskSource::Anatomical)?;
        }
        let sessions = some(asked.sessions).unwrap_or_default();
        let named = sessions.split(',').filter(|name| !name.is_empty());
        let sessions: Vec<SessionId> = named.map(names::session).collect::<Result<_, _>>()?;
        let split = match some(asked.split) {
            Some(name) => {
                let pool = some(asked.pool);
                let pool = pool.unwrap_or_else(|| pool_of(subject.id()).as_str().to_owned());
                let split = load_split(&name, &pool)?;
                Some((split.name().as_str().to_owned(), split.pool().as_str().to_owned()))
            }
            None => None,
        };
        let (zscore, average) = (asked.zscore, asked.average);
        let subject = subject.id().clone();
        let shared = asked.shared;
        let selection = Selection { subject, roi, sessions, split, shared, zscore, average };
        Ok(commands.extract(&selection))
    });
    Ok(answer::json(&json!({ "command": command.await? })))
}
