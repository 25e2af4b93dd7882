//! Shows how much of a set of files was read: [`Files`].

use std::sync::{Arc, Mutex};
use std::time::Instant;

use laion_fmri::{Event, Observer};
use laion_fmri_base::{agreeing, lock, readable_bytes as bytes};

use super::live::Live;
use super::text::{Row, in_words, left, percent};
use super::ticker::Ticker;
use super::{Shown, drawable};
use crate::args::ProgressKind;
use crate::context::Context;

/// Counts files that are checked.
pub(crate) struct Files {
    read: Arc<Mutex<Read>>,
    /// `None` when it is finished.
    shown: Mutex<Option<Shown>>,
}

struct Read {
    files: usize,
    total_files: usize,
    bytes: u64,
    total_bytes: u64,
    since: Instant,
}

impl Read {
    fn label(&self) -> String {
        let files = agreeing(self.total_files as u64, "file", "files");
        format!("checked {}/{} {files}", self.files, self.total_files)
    }

    /// A line for a log, once there is something to check.
    fn line(&self) -> Option<String> {
        let sizes = || format!("{} of {}", bytes(self.bytes), bytes(self.total_bytes));
        (self.total_files > 0).then(|| format!("{}, {}", self.label(), sizes()))
    }

    fn rows(&self, columns: usize) -> Vec<Row> {
        if self.total_files == 0 {
            return Vec::new();
        }
        let done = (self.bytes, self.total_bytes);
        let share = percent(self.bytes, self.total_bytes);
        let sizes = format!("{} of {}", bytes(self.bytes), bytes(self.total_bytes));
        let tails = match left(self.since.elapsed(), done).map(in_words) {
            Some(left) => {
                vec![format!("{sizes}, {left} left"), format!("{share}, {left} left"), share]
            }
            None => vec![sizes, share],
        };
        vec![Row::new(&self.label(), columns, &tails, done, columns)]
    }
}

impl Files {
    pub(crate) fn new(context: &Context) -> Self {
        let kind = drawable(context.progress());
        let since = Instant::now();
        let read = Read { files: 0, total_files: 0, bytes: 0, total_bytes: 0, since };
        let read = Arc::new(Mutex::new(read));
        let shared = Arc::clone(&read);
        let shown = match kind {
            ProgressKind::Bar => {
                let rows = move |columns, _| lock(&shared).rows(columns);
                Some(Shown::Live { _rows: Live::start(rows) })
            }
            ProgressKind::Plain => {
                let line = move || lock(&shared).line();
                Some(Shown::Ticks { _ticker: Ticker::start(false, line) })
            }
            _ => None,
        };
        Self { read, shown: Mutex::new(shown) }
    }

    pub(crate) fn finish(&self) {
        lock(&self.shown).take();
    }
}

impl Observer for Files {
    fn event(&self, event: Event<'_>) {
        let mut read = lock(&self.read);
        match event {
            Event::Checking { files, bytes } => {
                (read.total_files, read.total_bytes) = (files, bytes);
                read.since = Instant::now();
            }
            Event::Checked { bytes: size, .. } => {
                read.files += 1;
                read.bytes += size;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::bars::tests::drawn;
    use super::*;

    #[test]
    fn the_line_says_what_is_done() {
        let now = Instant::now();
        let since = now.checked_sub(Duration::from_secs(30)).unwrap_or(now);
        let (files, total_files, bytes, total_bytes) = (12, 66, 200_000_000, 800_000_000);
        let read = Read { files, total_files, bytes, total_bytes, since };
        let at = |columns: usize| drawn(&read.rows(columns), columns).join("\n");
        assert!(at(77).starts_with("checked 12/66 files "), "{}", at(77));
        assert!(at(77).contains("200 MB of 800 MB, "), "{}", at(77));
        assert!(at(37).starts_with("checked 12/66 files 25 %"), "{}", at(37));
        assert!(at(57).ends_with(" left"), "{}", at(57));
        assert_eq!(read.line().as_deref(), Some("checked 12/66 files, 200 MB of 800 MB"));
    }
}
