//! Waiting for what is asynchronous, from code that is not: [`Background`].

use std::future::Future;
use std::io;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use laion_fmri_base::{lock, wait};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::unconstrained;

use crate::{Error, Result};

/// Threads for blocking work, besides those that run the tasks.
const BLOCKING: usize = 2;

/// How long a thread for blocking work is kept: as long as there is a runtime.
const KEPT: Duration = Duration::from_secs(365 * 24 * 3600);

/// How long the system may take to start a thread.
const PATIENCE: Duration = Duration::from_secs(10);

/// A runtime of our own, that may be waited for and dropped anywhere, also on a thread that runs the
/// tasks of another runtime.
#[derive(Debug)]
pub(crate) struct Background {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl Background {
    /// Starts this many threads for tasks, and one for blocking work that stays.
    ///
    /// # Errors
    ///
    /// [`Error::Thread`] when the system does not allow as many. tokio itself would panic, and later
    /// wait for ever for a thread that cannot be started; what finds no thread of its own waits for
    /// the one that stays.
    pub(crate) fn start(threads: usize) -> Result<Self> {
        let failed = |source| Error::Thread { what: "the network threads", source };
        try_threads(threads + BLOCKING).map_err(failed)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_keep_alive(KEPT)
            .enable_all()
            .build()
            .map_err(failed)?;
        let (started, is_started) = channel();
        runtime.spawn_blocking(move || {
            // The receiver is gone only after an error.
            let _ = started.send(());
        });
        if is_started.recv_timeout(PATIENCE).is_err() {
            runtime.shutdown_background();
            return Err(failed(io::ErrorKind::WouldBlock.into()));
        }
        Ok(Self { runtime: Some(runtime) })
    }

    fn runtime(&self) -> &Runtime {
        // INVARIANT: it is taken out by `drop` alone.
        self.runtime.as_ref().expect("a runtime")
    }

    pub(crate) fn handle(&self) -> &Handle {
        self.runtime().handle()
    }

    /// Blocks until `future` is done.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        let runtime = self.runtime();
        if Handle::try_current().is_err() {
            return runtime.block_on(future);
        }
        // tokio panics when a thread that runs tasks blocks on a runtime.
        let _entered = runtime.enter();
        wait(unconstrained(future))
    }
}

/// Starts this many threads at the same time and ends them.
fn try_threads(count: usize) -> io::Result<()> {
    let gate = Mutex::new(());
    thread::scope(|scope| {
        let closed = lock(&gate);
        let pass = || drop(lock(&gate));
        let started: io::Result<Vec<_>> =
            (0..count).map(|_| thread::Builder::new().spawn_scoped(scope, pass)).collect();
        drop(closed);
        started?.into_iter().try_for_each(|thread| {
            thread.join().map_err(|_| io::Error::other("a thread that does nothing has panicked"))
        })
    })
}

impl Drop for Background {
    fn drop(&mut self) {
        // Elsewhere the runtime is dropped the usual way, which waits for files that are tidied up.
        if let Some(runtime) = self.runtime.take_if(|_| Handle::try_current().is_ok()) {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn more_messages_than_a_task_has_budget_for() -> u32 {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(4);
        let sending = tokio::spawn(async move {
            for number in 0..1000 {
                sender.send(number).await.unwrap();
            }
        });
        let mut received = 0;
        while let Some(number) = receiver.recv().await {
            assert_eq!(number, received);
            received += 1;
        }
        sending.await.unwrap();
        received
    }

    #[test]
    fn a_thread_without_a_runtime_waits() {
        let background = Background::start(1).unwrap();
        assert_eq!(background.block_on(more_messages_than_a_task_has_budget_for()), 1000);
        let blocking = async { tokio::task::spawn_blocking(|| 7).await };
        assert_eq!(background.block_on(blocking).unwrap(), 7);
    }

    #[tokio::test]
    async fn a_thread_that_runs_tasks_of_another_runtime_waits() {
        let background = Background::start(1).unwrap();
        assert_eq!(background.block_on(more_messages_than_a_task_has_budget_for()), 1000);
        let slept = background.block_on(async {
            tokio::time::sleep(Duration::from_millis(2)).await;
            tokio::task::spawn_blocking(|| 7).await
        });
        assert_eq!(slept.unwrap(), 7);
    }
}
