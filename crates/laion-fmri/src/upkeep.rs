//! Keeping a mirror in order: counting what is there, verifying and repairing it, taking over files of
//! other tools, examining it.
//!
//! The methods are [`Dataset::status`](crate::Dataset::status),
//! [`Dataset::disk_usage`](crate::Dataset::disk_usage), [`Dataset::verify`](crate::Dataset::verify),
//! [`Dataset::plan_repair`](crate::Dataset::plan_repair), [`Dataset::adopt`](crate::Dataset::adopt) and
//! [`Dataset::examine`](crate::Dataset::examine).

use std::convert::Infallible;

use laion_fmri_base::parallel_map;

mod adopt;
mod doctor;
mod listed;
mod status;
mod tree;
mod usage;
mod verify;

pub use self::adopt::{Adoption, AdoptionOutcome};
pub use self::doctor::{Advice, Finding, Health};
pub use self::status::{
    Against, Amount, RoiStatus, SessionStatus, Status, SubjectStatus, TreeStatus,
};
pub use self::usage::DiskUsage;
pub(crate) use self::verify::bad_among;
pub use self::verify::{Depth, Verification, VerifiedFile, VerifyRequest};

/// Does `work` for every item on `jobs` threads, and returns the results in the order of the items.
fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let Ok(results) = parallel_map(jobs, items, |item| Ok::<R, Infallible>(work(item)));
    results
}
