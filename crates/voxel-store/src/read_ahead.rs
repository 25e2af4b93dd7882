//! Many reads in flight when the disk has to be asked: the system is told what will be read next.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What is in memory comes in a few microseconds; a disk takes longer than that.
const FROM_DISK: Duration = Duration::from_micros(40);

/// Whether reads wait for the disk. To tell the system what will be read costs as much as reading it
/// from memory, so that is only done after a read that took long.
#[derive(Debug, Default)]
pub(crate) struct ReadAhead(AtomicBool);

impl ReadAhead {
    /// Whether a read has waited for the disk.
    pub(crate) fn is_worthwhile(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Reads, and says whether this was the first time that it took long.
    pub(crate) fn notices<E>(&self, read: impl FnOnce() -> Result<(), E>) -> Result<bool, E> {
        if self.is_worthwhile() {
            return read().map(|()| false);
        }
        let started = Instant::now();
        read()?;
        Ok(started.elapsed() > FROM_DISK && !self.0.swap(true, Ordering::Relaxed))
    }
}

/// Tells the system that bytes of a file will be read soon, where it can be told.
pub(crate) fn will_be_read(file: &File, offset: u64, length: u64) {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{Advice, fadvise};

        // Advice that is not taken changes nothing but the time.
        let _ = fadvise(file, offset, std::num::NonZeroU64::new(length), Advice::WillNeed);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (file, offset, length);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_read_that_takes_long_is_noticed() {
        let ahead = ReadAhead::default();
        assert!(!ahead.notices(|| Ok::<_, ()>(())).unwrap() && !ahead.is_worthwhile());
        let slow = || {
            std::thread::sleep(2 * FROM_DISK);
            Ok::<_, ()>(())
        };
        assert!(ahead.notices(slow).unwrap() && ahead.is_worthwhile());
        assert!(!ahead.notices(slow).unwrap());
        assert!(ahead.notices(|| Err(7)).unwrap_err() == 7);
    }
}
