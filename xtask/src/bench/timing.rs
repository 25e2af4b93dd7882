//! The clock and the yardstick of areas that measure the library in this process.

use std::fs::File;
use std::hint::black_box;
use std::io::Read;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use laion_fmri::nifti_stream::gz::GzDecoder;

use super::median;

/// Seconds of one run.
pub(super) fn once(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed().as_secs_f64())
}

/// The median of several runs, in seconds.
pub(super) fn timed(rounds: usize, work: impl Fn() -> Result<()>) -> Result<f64> {
    Ok(median((0..rounds).map(|_| once(&work)).collect::<Result<_>>()?))
}

/// Inflates files one after the other, and drops what comes.
pub(super) fn inflate(files: &[PathBuf]) -> Result<()> {
    let mut chunk = vec![0; 256 * 1024];
    for file in files {
        let mut decoder = GzDecoder::new(File::open(file)?);
        while decoder.read(&mut chunk)? > 0 {}
    }
    black_box(&chunk);
    Ok(())
}
