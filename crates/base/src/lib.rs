//! What several crates of this workspace need and the standard library lacks: complete files, digests,
//!
//! * [`AtomicFile`]: a file that takes its name only when it is complete
//! * [`lock`]: a mutex that may have been held by a thread that panicked

mod atomic_file;
mod lock;

pub use crate::atomic_file::{AtomicFile, is_temporary, sync_directory, temporary_sibling};
pub use crate::lock::lock;
