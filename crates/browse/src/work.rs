//! Calls of the dataset, which block: at most two at once, each stopped when nobody waits for it.

use std::sync::Arc;

use laion_fmri::Cancel;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::answer::Refusal;

/// How many calls of the dataset run at once.
pub(crate) const AT_ONCE: usize = 2;

/// Runs calls that block.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    free: Arc<Semaphore>,
}

/// Stops a call when the request that waits for it is dropped.
struct StopWhenDropped(Cancel);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Work {
    pub(crate) fn new() -> Self {
        Self { free: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Runs a call on a thread that may block, as soon as fewer than two others run. Its [`Cancel`] is
    /// set when the answer is no longer waited for, as when the page has moved on.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Cancel) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let cancel = Cancel::new();
        let _stop = StopWhenDropped(cancel.clone());
        let free = Arc::clone(&self.free);
        let stopped = || Refusal::Internal("the server is stopping".to_owned());
        let permit = free.acquire_owned().await.map_err(|_| stopped())?;
        let done = spawn_blocking(move || {
            let answer = call(&cancel);
            drop(permit);
            answer
        });
        match done.await {
            Ok(answer) => answer,
            Err(error) if error.is_panic() => {
                Err(Refusal::Internal("the request made the server fail".to_owned()))
            }
            Err(_) => Err(stopped()),
        }
    }
}
