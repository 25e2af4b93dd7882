//! Signals: the first one asks the running command to stop, the second one ends the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use laion_fmri::Cancel;
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::{Handle, Signals};

/// Which signal arrived, if any, and the flag that running work looks at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt {
    cancel: Cancel,
    signal: Arc<AtomicU8>,
    /// Whether the work of this moment has nothing to save.
    nothing_to_save: Arc<AtomicBool>,
}

/// As long as it lives, the first signal ends the process.
#[derive(Debug)]
pub(crate) struct AtOnce(Arc<AtomicBool>);

impl Drop for AtOnce {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// As long as it lives, signals are listened to.
#[derive(Debug)]
pub(crate) struct Listener {
    interrupt: Interrupt,
    handle: Handle,
}

impl Listener {
    pub(crate) fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.handle.close();
    }
}

impl Interrupt {
    /// Starts to listen for SIGINT and SIGTERM. Where the system does not allow a thread for it, they
    /// end the process at once, as they do by default.
    pub(crate) fn listen() -> std::io::Result<Listener> {
        let interrupt = Self::default();
        let mut signals = Signals::new([0; 0])?;
        let handle = signals.handle();
        let listener = interrupt.clone();
        let started = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                let number = u8::try_from(signal).unwrap_or(0);
                let again = listener.signal.swap(number, Ordering::SeqCst) != 0;
                if again || listener.nothing_to_save.load(Ordering::SeqCst) {
                    std::process::exit(128 + signal);
                }
                listener.cancel.cancel();
            }
        });
        // A file that grows beyond the limit of the shell is an error of the write then.
        signal_hook::flag::register(SIGXFSZ, Arc::default())?;
        if started.is_ok() {
            handle.add_signal(SIGINT)?;
            handle.add_signal(SIGTERM)?;
        }
        Ok(Listener { interrupt, handle })
    }

    /// For questions, which wait for a line and would not notice: nothing is under way meanwhile.
    pub(crate) fn end_at_once(&self) -> AtOnce {
        self.nothing_to_save.store(true, Ordering::SeqCst);
        AtOnce(Arc::clone(&self.nothing_to_save))
    }

    /// Does work that only asks, such as a listing: a signal meanwhile ends the process at once.
    pub(crate) fn at_once<T>(&self, work: impl FnOnce() -> T) -> T {
        let _at_once = self.end_at_once();
        work()
    }

    /// The flag that running work looks at.
    pub(crate) fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// The number of the signal that arrived.
    pub(crate) fn signal(&self) -> Option<u8> {
        match self.signal.load(Ordering::SeqCst) {
            0 => None,
            number => Some(number),
        }
    }
}
