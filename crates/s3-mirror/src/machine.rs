//! What the operating system tells and does: who this process is, random names, durable directories.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

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
pub(crate) fn boot() -> Option<&'static str> {
    static BOOT: OnceLock<Option<String>> = OnceLock::new();
    BOOT.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    })
    .as_deref()
}

/// Makes the names in a directory durable, where the system has that.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    #[cfg(unix)]
    std::fs::File::open(directory)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = directory;
    Ok(())
}

/// The SHA-256 of a text, shortened to 16 hexadecimal digits.
pub(crate) fn short_digest(text: &str) -> String {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(text.as_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
