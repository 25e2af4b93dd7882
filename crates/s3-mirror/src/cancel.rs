//! Stopping a transfer from outside: [`Cancel`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(feature = "network")]
use tokio::sync::Notify;

/// A flag that stops a [`transfer`](crate::transfer). Clones share the flag; it is never reset.
///
/// [`cancel`](Self::cancel) may be called from any thread, but not from inside a POSIX signal
/// handler, because it takes a lock.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    cancelled: AtomicBool,
    #[cfg(feature = "network")]
    wake: Notify,
}

impl Cancel {
    /// A flag that is not set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the flag and wakes everything that waits for it.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        #[cfg(feature = "network")]
        self.0.wake.notify_waiters();
    }

    /// Whether the flag is set.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Whether both are clones of one flag.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Waits until the flag is set.
    #[cfg(feature = "network")]
    pub async fn cancelled(&self) {
        let mut woken = std::pin::pin!(self.0.wake.notified());
        // Registered before the flag is read, so that a call in between is not missed.
        woken.as_mut().enable();
        if !self.is_cancelled() {
            woken.await;
        }
    }
}

#[cfg(all(test, feature = "network"))]
mod tests {
    use super::*;

    #[test]
    fn clones_are_one_flag() {
        let cancel = Cancel::new();
        assert!(cancel.is_same(&cancel.clone()));
        assert!(!cancel.is_same(&Cancel::new()));
    }

    #[tokio::test]
    async fn wakes_waiters_before_and_after() {
        let cancel = Cancel::new();
        assert!(!cancel.is_cancelled());
        let waiting = tokio::spawn({
            let cancel = cancel.clone();
            async move { cancel.cancelled().await }
        });
        tokio::task::yield_now().await;
        cancel.cancel();
        waiting.await.unwrap();
        assert!(cancel.is_cancelled());
        cancel.cancelled().await;
    }
}
