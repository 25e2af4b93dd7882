//! Says that an answer takes long: [`Asking`].

use std::time::{Duration, Instant};

use serde_json::json;

use super::live::Live;
use super::text::{Row, in_words};
use super::ticker::Ticker;
use super::{HEARTBEAT, Shown, drawable, object};
use crate::args::ProgressKind;
use crate::context::Context;

/// An answer that comes sooner is not worth a line on a terminal.
const NOTED: Duration = Duration::from_secs(2);

/// Shows whom a request is for and since when it waits, until it is dropped.
pub(crate) struct Asking {
    _shown: Option<Shown>,
}

impl Asking {
    pub(crate) fn the_bucket(context: &Context) -> Self {
        let asked = Asked { whom: context.location().to_string(), since: Instant::now() };
        let shown = match drawable(context.progress()) {
            ProgressKind::None => None,
            ProgressKind::Bar => {
                let rows = move |columns, _| {
                    let row = asked.sentence(NOTED).map(|text| Row::text(&text, columns));
                    row.into_iter().collect()
                };
                Some(Shown::Live { _rows: Live::start(rows) })
            }
            ProgressKind::Json => {
                Some(Shown::Ticks { _ticker: Ticker::start(true, move || asked.object()) })
            }
            _ => {
                let line = move || asked.sentence(Duration::ZERO);
                Some(Shown::Ticks { _ticker: Ticker::start(false, line) })
            }
        };
        Self { _shown: shown }
    }
}

struct Asked {
    whom: String,
    since: Instant,
}

impl Asked {
    /// What is asked, once it takes this long.
    fn sentence(&self, noted: Duration) -> Option<String> {
        let elapsed = self.since.elapsed();
        (elapsed >= noted).then(|| format!("asking {}, {} so far", self.whom, in_words(elapsed)))
    }

    /// The same for programs.
    fn object(&self) -> Option<String> {
        let elapsed = self.since.elapsed();
        let fields = [("asked", json!(self.whom)), ("seconds", json!(elapsed.as_secs()))];
        (elapsed >= HEARTBEAT).then(|| object("asking", fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_takes_long_is_told() {
        let asked = |seconds| {
            let now = Instant::now();
            let since = now.checked_sub(Duration::from_secs(seconds)).unwrap_or(now);
            Asked { whom: "s3://laion-fmri".to_owned(), since }
        };
        assert_eq!(asked(0).sentence(NOTED), None);
        let sentence = asked(7).sentence(NOTED);
        assert_eq!(sentence.as_deref(), Some("asking s3://laion-fmri, 7 s so far"));
        assert_eq!(asked(0).object(), None);
        let object: serde_json::Value = serde_json::from_str(&asked(7).object().unwrap()).unwrap();
        assert_eq!((&object["event"], &object["seconds"]), (&json!("asking"), &json!(7)));
    }
}
