//! Whether the connection is what a reader waits for: [`Bottleneck`].

use std::time::{Duration, Instant};

/// Bytes after which it is decided.
const WINDOW: usize = 4 << 20;

/// A connection that needs longer for them, less than 100 MB/s, is slower than one thread inflates.
const LONGEST: Duration = Duration::from_millis(40);

/// Watches the blocks on their way from a connection to a reader.
#[derive(Debug)]
pub(super) struct Bottleneck {
    since: Instant,
    bytes: usize,
    is_connection: bool,
}

impl Bottleneck {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, bytes: 0, is_connection: false }
    }

    /// Notes a block that was handed over now, and whether the reader had taken all that came
    /// before.
    pub(super) fn note(&mut self, reader_waits: bool, bytes: usize, now: Instant) {
        self.bytes += bytes;
        if reader_waits && self.bytes < WINDOW {
            return;
        }
        let took = now.duration_since(self.since);
        *self = Self { is_connection: reader_waits && took > LONGEST, ..Self::new(now) };
    }

    /// Whether the reader waited for every block of the last few megabytes, and for long.
    pub(super) fn is_connection(&self) -> bool {
        self.is_connection
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: usize = WINDOW / 16;

    /// What comes of blocks, each this long after the one before; the reader waits for all but
    /// these.
    fn is_connection(milliseconds: u64, blocks: usize, taken_late: &[usize]) -> bool {
        let start = Instant::now();
        let mut bottleneck = Bottleneck::new(start);
        for block in 1..=blocks {
            let now = start + Duration::from_millis(milliseconds * block as u64);
            bottleneck.note(!taken_late.contains(&block), BLOCK, now);
        }
        bottleneck.is_connection()
    }

    #[test]
    fn a_slow_connection_is_one_when_the_reader_waits_for_all_of_it() {
        assert!(is_connection(3, 16, &[]));
        assert!(!is_connection(3, 15, &[]), "too early to tell");
        assert!(!is_connection(2, 16, &[]), "fast");
        assert!(!is_connection(3, 16, &[9]), "the reader was slower once");
        assert!(is_connection(3, 25, &[9]), "and not afterwards");
        assert!(!is_connection(3, 26, &[9, 26]));
    }
}
