//! What the operating system tells and does: which kernel this is, and random names.

use std::hash::{BuildHasher, RandomState};
#[cfg(feature = "network")]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(feature = "network")]
use laion_fmri_base::{Hex, Sha256};

/// A name that no other process on any machine uses. Process numbers repeat across the nodes of a
/// shared file system; random names do not.
pub(crate) fn random_name() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    // A fresh `RandomState` is the randomness that std has; this needs no better one.
    let random = RandomState::new().hash_one(std::process::id());
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{random:016x}{count:x}")
}

/// What identifies the running kernel; `None` where it cannot be known. Two processes with the same
/// value see each other's file locks and the same page cache.
#[cfg(feature = "network")]
pub(crate) fn boot() -> Option<&'static str> {
    static BOOT: OnceLock<Option<String>> = OnceLock::new();
    BOOT.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    })
    .as_deref()
}

/// The SHA-256 of a text, shortened to 16 hexadecimal digits.
#[cfg(feature = "network")]
pub(crate) fn short_digest(text: &str) -> String {
    Hex(&Sha256::of(text).0[..8]).to_string()
}
