//! Rows at the bottom of a terminal that are drawn again and again, in place: [`Live`].

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use laion_fmri_base::lock;

use super::bars::Bars;
use super::screen::{self, Screen};
use super::text::Row;

/// How often the rows are drawn, whether anything happens or not.
const PERIOD: Duration = Duration::from_millis(200);

/// Draws rows until it is dropped, and leaves none behind.
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
    /// `rows` makes the rows for so many columns, and at most so many lines. The thread is our own:
    /// those of `indicatif` cannot do without one.
    pub(super) fn start(mut rows: impl FnMut(usize, usize) -> Vec<Row> + Send + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let drawing = Arc::clone(&shared);
        let draw = move || {
            let screen = Screen::default();
            let mut bars = Bars::on(&screen);
            screen.begin();
            let mut ended = lock(&drawing.ended);
            while !*ended {
                let (columns, lines) = screen::size();
                let room = screen.resize(columns, lines);
                bars.draw(&rows(room.0, room.1));
                // Progress that cannot be shown is not worth a failure.
                let _ = screen.show(&mut io::stderr(), columns);
                let waited = drawing.wake.wait_timeout(ended, PERIOD);
                ended = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
            screen.end();
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
