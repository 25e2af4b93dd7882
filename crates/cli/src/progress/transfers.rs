//! Shows a transfer: as bars on a terminal, as a line at regular times, or as JSON objects.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use laion_fmri::s3_mirror::Event as Transfer;
use laion_fmri::{Event, Observer};
use laion_fmri_base::lock;
use serde_json::{Value, json};

use super::counts::Counts;
use super::live::Live;
use super::ticker::Ticker;
use super::{Shown, object, outcome_name, to_stderr};
use crate::args::ProgressKind;

/// Counts the events of a transfer, and shows the counts until it is dropped.
pub(super) struct Transfers {
    counts: Arc<Mutex<Counts>>,
    json: bool,
    /// Dropped last, when nothing is counted any more.
    _shown: Shown,
}

impl Transfers {
    pub(super) fn new(kind: ProgressKind) -> Self {
        let counts = Arc::new(Mutex::new(Counts::default()));
        let (shared, json) = (Arc::clone(&counts), kind == ProgressKind::Json);
        let shown = match kind {
            ProgressKind::Bar => Shown::Live {
                _rows: Live::start(move |columns, lines| {
                    lock(&shared).rows(columns, lines, Instant::now())
                }),
            },
            _ => {
                let line = move || {
                    let (mut counts, now) = (lock(&shared), Instant::now());
                    counts.has_started().then(|| match json {
                        true => object("progress", counts.fields(now)),
                        false => counts.line(now),
                    })
                };
                Shown::Ticks { _ticker: Ticker::start(json, line) }
            }
        };
        Self { counts, json, _shown: shown }
    }
}

impl Observer for Transfers {
    fn event(&self, event: Event<'_>) {
        let Event::Transfer(event) = event else { return };
        let mut counts = lock(&self.counts);
        match event {
            Transfer::Planned { plan } => {
                counts.planned(plan, Instant::now());
                if self.json {
                    let (files, bytes) = counts.totals();
                    print("planned", [("files", json!(files)), ("bytes", json!(bytes))]);
                }
            }
            Transfer::Started { item } => counts.started(item),
            Transfer::Advanced { item, bytes } => counts.advanced(item, bytes),
            Transfer::Resumed { item, bytes } => counts.resumed(item, bytes),
            Transfer::Discarded { item, bytes } => counts.discarded(item, bytes),
            Transfer::Checked { item, bytes } => counts.checked(item, bytes),
            Transfer::Waiting { item, wait } => counts.waiting(item, wait, Instant::now()),
            Transfer::Finished { item, outcome } => {
                counts.finished(item, outcome);
                if self.json {
                    let (key, outcome) = (item.key.as_str(), outcome_name(outcome));
                    print("finished", [("key", json!(key)), ("outcome", json!(outcome))]);
                }
            }
            _ => {}
        }
    }
}

fn print<const N: usize>(name: &str, fields: [(&str, Value); N]) {
    to_stderr(&object(name, fields));
}
