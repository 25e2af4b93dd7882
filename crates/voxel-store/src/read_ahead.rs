//! Many reads in flight when the disk has to be asked: the system is told what will be read next.

use std::fs::File;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// What is in memory comes in a few microseconds; a disk takes longer than that.
const FROM_DISK: Duration = Duration::from_micros(40);

/// One read of so many is timed: the clock costs a tenth of a read from memory.
const TIMED: usize = 8;

/// So many slow reads in a row mean that the disk is read. A single one may mean that another
/// process had the processor meanwhile.
const SLOW_READS: u32 = 2;

/// Whether reads wait for the disk. To tell the system what will be read costs as much as reading it
/// from memory, so that is only done after reads that took long.
#[derive(Debug, Default)]
pub(crate) struct ReadAhead {
    /// Slow reads in a row.
    slow: AtomicU32,
}

impl ReadAhead {
    /// Whether reads have waited for the disk.
    pub(crate) fn is_worthwhile(&self) -> bool {
        self.slow.load(Ordering::Relaxed) >= SLOW_READS
    }

    /// Does one of several reads, and says whether it is now known that they wait for the disk.
    pub(crate) fn notices<E>(
        &self,
        number: usize,
        read: impl FnOnce() -> Result<(), E>,
    ) -> Result<bool, E> {
        let slow = self.slow.load(Ordering::Relaxed);
        if slow >= SLOW_READS || (slow == 0 && !number.is_multiple_of(TIMED)) {
            return read().map(|()| false);
        }
        let started = Instant::now();
        read()?;
        Ok(self.took(slow, started.elapsed()))
    }

    /// Counts a read that took so long, after so many slow ones.
    fn took(&self, slow: u32, elapsed: Duration) -> bool {
        if elapsed > FROM_DISK {
            return self.slow.fetch_add(1, Ordering::Relaxed) + 1 == SLOW_READS;
        }
        // What other threads have found out meanwhile stays.
        let _ = self.slow.compare_exchange(slow, 0, Ordering::Relaxed, Ordering::Relaxed);
        false
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

    fn slow() -> Result<(), u8> {
        std::thread::sleep(2 * FROM_DISK);
        Ok(())
    }

    #[test]
    fn reads_that_take_long_in_a_row_are_noticed_once() {
        let ahead = ReadAhead::default();
        assert_eq!(ahead.notices(0, slow), Ok(false));
        assert!(!ahead.is_worthwhile());
        // Whatever its number: one was slow.
        assert_eq!(ahead.notices(1, slow), Ok(true));
        assert!(ahead.is_worthwhile());
        assert_eq!(ahead.notices(0, slow), Ok(false));
        assert_eq!(ahead.notices(0, || Err(7)), Err(7));
    }

    #[test]
    fn a_single_read_that_takes_long_is_forgotten() {
        let ahead = ReadAhead::default();
        for _ in 0..3 {
            assert!(!ahead.took(0, 2 * FROM_DISK));
            assert!(!ahead.took(1, FROM_DISK / 2));
        }
        assert!(!ahead.is_worthwhile());
        // Another thread has found it out while a quick read went on.
        assert!(!ahead.took(0, 2 * FROM_DISK) && ahead.took(1, 2 * FROM_DISK));
        assert!(!ahead.took(1, FROM_DISK / 2) && ahead.is_worthwhile());
    }

    #[test]
    fn most_reads_are_not_timed() {
        let ahead = ReadAhead::default();
        for number in 1..TIMED {
            assert_eq!(ahead.notices(number, slow), Ok(false));
        }
        assert!(!ahead.is_worthwhile());
    }
}
