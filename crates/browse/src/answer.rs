//! Answers: JSON, and refusals as a sentence with the words that would help.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use laion_fmri::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::Commands;

/// An answer.
pub(crate) type Answer = Response<Body>;

/// Why a request is not answered.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// A call of the dataset failed.
    Failed(Box<Error>),
    /// The request itself cannot be met.
    Bad(String),
    /// There is no such thing.
    NotFound(String),
    /// There is no such thing; this subject's store would help.
    NoStore(String, laion_fmri::SubjectId),
    /// The answer would take a pass over whole files; the indexes of these sessions would help.
    NoIndex(String, laion_fmri::SubjectId, Vec<laion_fmri::SessionId>),
    /// The server itself failed.
    Internal(String),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(Box::new(error))
    }
}

impl From<laion_fmri::stimuli::Error> for Refusal {
    fn from(error: laion_fmri::stimuli::Error) -> Self {
        Error::from(error).into()
    }
}

impl From<laion_fmri::splits::Error> for Refusal {
    fn from(error: laion_fmri::splits::Error) -> Self {
        Error::from(error).into()
    }
}

/// A failure that has no words yet: [`with_words`] puts them in.
impl IntoResponse for Refusal {
    fn into_response(self) -> Answer {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        response.extensions_mut().insert(std::sync::Arc::new(self));
        response
    }
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Failed(error) => match (error.kind(), &**error) {
                // Names that nothing has.
                (
                    _,
                    Error::SubjectNotFound { .. }
                    | Error::TrialOutOfRange { .. }
                    | Error::NoSuchImage { .. }
                    | Error::Stimuli(_),
                ) if error.kind() == ErrorKind::Usage => StatusCode::NOT_FOUND,
                (ErrorKind::Usage, _) => StatusCode::BAD_REQUEST,
                (ErrorKind::NotThere, _) => StatusCode::NOT_FOUND,
                (ErrorKind::Access, _) => StatusCode::FORBIDDEN,
                (ErrorKind::Cancelled, _) => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::Bad(_) => StatusCode::BAD_REQUEST,
            Self::NotFound(_) | Self::NoStore(..) | Self::NoIndex(..) => StatusCode::NOT_FOUND,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The sentence, and what a user types to mend it.
    pub(crate) fn words(&self, commands: &dyn Commands) -> (String, Option<String>) {
        match self {
            Self::Failed(error) => (sentence(error), commands.of_error(error)),
            Self::Bad(text) | Self::NotFound(text) | Self::Internal(text) => (text.clone(), None),
            Self::NoStore(text, subject) => (text.clone(), commands.build_store(subject)),
            Self::NoIndex(text, subject, sessions) => {
                (text.clone(), commands.index(subject, sessions))
            }
        }
    }
}

/// An error with its causes, without those that only repeat the one above them.
pub(crate) fn sentence(error: &dyn std::error::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if texts.last().is_none_or(|above| !above.contains(&text)) {
            texts.push(text);
        }
        cause = error.source();
    }
    texts.join(": ")
}

/// What is missing as an object: `{what, command}`.
pub(crate) fn absent(error: &Error, commands: &dyn Commands) -> Value {
    json!({ "what": sentence(error), "command": commands.of_error(error) })
}

/// Gives a refusal its words.
pub(crate) fn with_words(response: Answer, commands: &dyn Commands) -> Answer {
    let Some(refusal) = response.extensions().get::<std::sync::Arc<Refusal>>() else {
        return response;
    };
    let (error, hint) = refusal.words(commands);
    refused(response.status(), &error, hint.as_deref())
}

/// A refusal in the form that the page reads.
pub(crate) fn refused(status: StatusCode, error: &str, hint: Option<&str>) -> Answer {
    let mut response = json(&json!({ "error": error, "hint": hint }));
    *response.status_mut() = status;
    response
}

/// A value as the body of an answer.
pub(crate) fn json(value: &Value) -> Answer {
    bytes("application/json", value.to_string())
}

/// Bytes of a kind, which no cache keeps.
pub(crate) fn bytes(kind: &'static str, body: impl Into<Body>) -> Answer {
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
