//! Keeping a mirror in order: verifying and repairing it, taking over other trees, looking around.
//!
//! The methods are [`Dataset::verify`](crate::Dataset::verify),
//! [`Dataset::plan_repair`](crate::Dataset::plan_repair), [`Dataset::adopt`](crate::Dataset::adopt) and
//! [`Dataset::examine`](crate::Dataset::examine).

mod adopt;
mod doctor;
mod tree;
mod verify;

pub use self::adopt::{Adoption, AdoptionOutcome};
pub use self::doctor::{Finding, Health};
pub(crate) use self::verify::bad_among;
pub use self::verify::{Depth, Verification, VerifiedFile, VerifyRequest};

/// Watches the work of a verification or an adoption. Called from several threads.
pub trait UpkeepObserver: Sync {
    /// The work is about to begin.
    fn planned(&self, files: usize, bytes: u64) {
        let _ = (files, bytes);
    }

    /// One more file of so many bytes was looked at.
    fn finished(&self, path: &str, bytes: u64) {
        let _ = (path, bytes);
    }
}

/// Watches nothing.
impl UpkeepObserver for () {}

/// Does `work` for every item on `jobs` threads, and returns the results in the order of the items.
fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let results = std::sync::Mutex::new(Vec::with_capacity(items.len()));
    let run = || {
        loop {
            let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let Some(item) = items.get(index) else { return };
            let result = work(item);
            results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((index, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs.clamp(1, items.len().max(1)) {
            scope.spawn(run);
        }
        run();
    });
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
