//! Signals: the first one asks the running command to stop, the second one ends the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use laion_fmri::Cancel;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Which signal arrived, if any, and the flag that running work looks at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt {
    cancel: Cancel,
    signal: Arc<AtomicU8>,
}

impl Interrupt {
    /// Starts to listen for SIGINT and SIGTERM.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let interrupt = Self::default();
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let listener = interrupt.clone();
        std::thread::spawn(move || {
            for signal in signals.forever() {
                let number = u8::try_from(signal).unwrap_or(0);
                if listener.signal.swap(number, Ordering::SeqCst) != 0 {
                    std::process::exit(128 + signal);
                }
                listener.cancel.cancel();
            }
        });
        Ok(interrupt)
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
