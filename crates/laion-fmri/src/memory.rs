//! How much memory reading and processing betas takes, for callers that must stay below a limit.

use crate::{Error, Result};

const MIB: u64 = 1 << 20;

/// The program, its masks and tables, the buffers of an output. Measured: see `cargo xtask bench extract`.
pub(crate) const PROGRAM: u64 = 28 * MIB;

/// What one reader of betas keeps: chunks, windows, queues of a transfer.
const READER: u64 = 12 * MIB;

/// What each further thread of a reader keeps, which inflates ahead.
const FURTHER_THREAD: u64 = 40 * MIB;

/// For each voxel of a result: flat indices, the steps of a selection, noise ceilings, codes.
pub(crate) const PER_VOXEL: u64 = 80;

/// For each column with a mean and a deviation: these, and the sums and counts they are made of.
pub(crate) const PER_STATISTIC: u64 = 40;

/// The bytes of a reader with this many threads.
pub(crate) fn reader(threads: usize) -> u64 {
    READER.saturating_add(FURTHER_THREAD.saturating_mul((threads as u64).saturating_sub(1)))
}

/// Refuses a limit that is smaller than the least that works.
pub(crate) fn check(least: u64, limit: u64) -> Result<()> {
    if limit < least { Err(Error::MemoryLimit { limit, least }) } else { Ok(()) }
}
