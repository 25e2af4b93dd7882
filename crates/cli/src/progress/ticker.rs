//! A line at regular times, where there is no terminal: [`Ticker`].

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use laion_fmri_base::lock;

use super::{HEARTBEAT, to_stderr};

/// How often an object is printed for programs.
const JSON_PERIOD: Duration = Duration::from_secs(1);

/// Prints a line at regular times until it is dropped, whether anything happens or not.
pub(super) struct Ticker {
    shared: Arc<Ticking>,
    /// `None` when the system refuses a thread: then nothing is shown.
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Ticking {
    ended: Mutex<bool>,
    wake: Condvar,
}

impl Ticker {
    /// `line` makes the line, or nothing while there is nothing to say.
    pub(super) fn start(
        json: bool,
        mut line: impl FnMut() -> Option<String> + Send + 'static,
    ) -> Self {
        let period = if json { JSON_PERIOD } else { HEARTBEAT };
        Self::every(period, move || {
            if let Some(line) = line() {
                to_stderr(&line);
            }
        })
    }

    fn every(period: Duration, mut act: impl FnMut() + Send + 'static) -> Self {
        let shared = Arc::new(Ticking::default());
        let ticking = Arc::clone(&shared);
        let tick = move || {
            let mut ended = lock(&ticking.ended);
            while !*ended {
                let waited = ticking.wake.wait_timeout(ended, period);
                let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                ended = woken;
                if timeout.timed_out() && !*ended {
                    act();
                }
            }
        };
        let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(tick).ok();
        Self { shared, thread }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        *lock(&self.shared.ended) = true;
        self.shared.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            // It only shows: when it has failed, nothing is lost.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn it_ticks_until_it_is_dropped() {
        let (sender, ticks) = mpsc::channel();
        let ticker = Ticker::every(Duration::from_millis(1), move || {
            // The test may have seen enough.
            let _ = sender.send(());
        });
        ticks.recv().unwrap();
        ticks.recv().unwrap();
        drop(ticker);
        while ticks.try_recv().is_ok() {}
        assert_eq!(ticks.recv(), Err(mpsc::RecvError));
    }
}
