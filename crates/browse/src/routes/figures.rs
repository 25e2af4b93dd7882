//! `/api/subjects/S/figure/IMAGE.png`: the mean response of a subject to an image, as a small
//! picture.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use laion_fmri::SessionId;

use super::betas::Kind;
use crate::answer::{self, Answer, Refusal};
use crate::drawn::Drawn;
use crate::names;
use crate::parameters::Named;
use crate::state::{Looked, Shared};

pub(crate) async fn figure(
    State(state): State<Arc<Shared>>,
    Named((subject, file)): Named<(String, String)>,
) -> Result<Answer, Refusal> {
    let image = names::stem(&file, ".png")?.to_owned();
    let drawn = state.about(&subject, move |looked| looked.figure(&image)).await?;
    let mut response = answer::bytes("image/png", drawn.png.clone());
    for (name, text) in [("x-range", drawn.end.to_string()), ("x-slice", drawn.place.clone())] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    Ok(response)
}

impl Looked {
    /// The picture of the mean over the trials of an image. It is only drawn when these can be read
    /// without a pass over whole files: many pictures are asked for in a row. That is why there are
    /// none of z-scores.
    fn figure(&self, image: &str) -> Result<Arc<Drawn>, Refusal> {
        self.kept().pictures.get(&self.seen.key(image), || {
            self.check_indexes(image)?;
            Drawn::new(&self.subject, &self.mean(image, Kind::Beta)?)
        })
    }

    /// Refuses an image of sessions that are in no store and have no index.
    fn check_indexes(&self, image: &str) -> Result<(), Refusal> {
        let trials = self.trials()?;
        let sessions = self.sessions_with(image, &trials)?;
        let stored = self.subject.stored_sessions(&self.brain()?)?;
        let mut slow: Vec<SessionId> = Vec::new();
        for (session, _) in sessions {
            if !stored.contains(session) && self.subject.needs_index(session)? {
                slow.push(session.clone());
            }
        }
        if slow.is_empty() {
            return Ok(());
        }
        let id = self.subject.id().clone();
        let names: Vec<&str> = slow.iter().map(SessionId::as_str).collect();
        let text = format!(
            "the trials of {id} with this image are in {}, without a store or an index: \
             reading them takes a pass over each of these files",
            names.join(", ")
        );
        Err(Refusal::NoIndex(text, id, slow))
    }
}
