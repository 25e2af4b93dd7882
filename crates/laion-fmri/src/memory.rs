//! How much memory reading and processing betas takes, for callers that must stay below a limit.

use crate::{Error, Result};

const MIB: u64 = 1 << 20;

/// The program, its masks and tables, the buffers of an output. Measured: see
/// `cargo xtask bench extract`.
pub(crate) const PROGRAM: u64 = 28 * MIB;

/// What one reader of betas keeps: chunks, windows, queues of a transfer.
const READER: u64 = 12 * MIB;

/// What one reader of an object keeps besides: the ranges that come in parallel where one
/// connection is slow, and the start of the session that is next.
const OBJECT: u64 = 24 * MIB;

/// What each further thread of a reader keeps, which inflates ahead.
const FURTHER_THREAD: u64 = 40 * MIB;

/// For each voxel of a result: flat indices, the steps of a selection, noise ceilings, codes.
pub(crate) const PER_VOXEL: u64 = 80;

/// For each column with a mean and a deviation: these, and the sums and counts they are made of.
pub(crate) const PER_STATISTIC: u64 = 40;

/// The bytes of a reader with this many threads, of a file or of an object of the bucket.
pub(crate) fn reader(threads: usize, from_bucket: bool) -> u64 {
    let further = FURTHER_THREAD.saturating_mul((threads as u64).saturating_sub(1));
    READER.saturating_add(if from_bucket { OBJECT } else { 0 }).saturating_add(further)
}

/// Refuses a limit that is smaller than the least that works.
pub(crate) fn check(least: u64, limit: u64) -> Result<()> {
    if limit < least { Err(Error::MemoryLimit { limit, least }) } else { Ok(()) }
}
