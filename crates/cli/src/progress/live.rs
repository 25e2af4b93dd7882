//! Lines at the bottom of a terminal that are drawn again and again, in place: [`Live`].

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use console::{Term, measure_text_width};
use laion_fmri_base::lock;

/// How often the lines are drawn, whether anything happens or not.
const PERIOD: Duration = Duration::from_millis(200);

/// Columns that stay free at the right, for what a terminal echoes when a key is pressed (`^C`).
const ECHO: usize = 3;

/// The columns and rows of a terminal that does not say.
const USUAL: (usize, usize) = (80, 24);

/// Draws lines until it is dropped, and leaves none behind.
pub(super) struct Live {
    shared: Arc<Shared>,
    /// `None` when the system refuses a thread: then nothing is shown.
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    ended: Mutex<bool>,
    wake: Condvar,
}

impl Live {
    /// `lines` makes the lines for so many columns, and at most so many rows.
    pub(super) fn start(
        mut lines: impl FnMut(usize, usize) -> Vec<String> + Send + 'static,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        let drawing = Arc::clone(&shared);
        let draw = move || {
            let mut frame = Frame::default();
            let mut ended = lock(&drawing.ended);
            while !*ended {
                let (columns, rows) = size();
                let room = columns.saturating_sub(ECHO).max(1);
                show(&frame.replace(&lines(room, rows.saturating_sub(1).max(1)), columns));
                let waited = drawing.wake.wait_timeout(ended, PERIOD);
                ended = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
            show(&frame.replace(&[], size().0));
        };
        let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(draw).ok();
        Self { shared, thread }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        *lock(&self.shared.ended) = true;
        self.shared.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            // It only draws: when it has failed, nothing is lost.
            let _ = thread.join();
        }
    }
}

fn size() -> (usize, usize) {
    let size = Term::stderr().size_checked().filter(|(rows, columns)| *rows > 0 && *columns > 0);
    size.map_or(USUAL, |(rows, columns)| (columns.into(), rows.into()))
}

fn show(text: &str) {
    let mut stderr = io::stderr().lock();
    // Progress that cannot be shown is not worth a failure.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// What stands on the terminal: the widths of the lines that were drawn last.
#[derive(Debug, Default)]
struct Frame {
    widths: Vec<usize>,
}

impl Frame {
    /// What draws these lines in the place of the last ones. A terminal that has become narrower shows
    /// those in several rows each.
    fn replace(&mut self, lines: &[String], columns: usize) -> String {
        let rows: usize = self.widths.iter().map(|width| width.div_ceil(columns).max(1)).sum();
        let mut text = String::new();
        if rows > 0 {
            text.push('\r');
            if rows > 1 {
                text.push_str(&format!("\x1b[{}A", rows - 1));
            }
            text.push_str("\x1b[J");
        }
        text.push_str(&lines.join("\r\n"));
        self.widths = lines.iter().map(|line| measure_text_width(line)).collect();
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_drawn_is_erased_also_on_a_narrower_terminal() {
        let lines =
            |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let mut frame = Frame::default();
        assert_eq!(frame.replace(&[], 80), "");
        assert_eq!(frame.replace(&lines(&["abcdef", "é", ""]), 80), "abcdef\r\né\r\n");
        assert_eq!(frame.replace(&lines(&["x"]), 80), "\r\x1b[2A\x1b[Jx");
        assert_eq!(frame.replace(&lines(&["abcdef", "abc"]), 80), "\r\x1b[Jabcdef\r\nabc");
        // Two rows and one, then two rows each.
        assert_eq!(frame.replace(&lines(&["abcd", "abcd"]), 3), "\r\x1b[2A\x1b[Jabcd\r\nabcd");
        assert_eq!(frame.replace(&[], 2), "\r\x1b[3A\x1b[J");
        assert_eq!(frame.replace(&[], 2), "");
    }
}
