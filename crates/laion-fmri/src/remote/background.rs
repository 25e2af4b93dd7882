//! Waiting for what is asynchronous, from code that is not: [`Background`].

use std::future::Future;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::{Error, Result};

/// A runtime of our own, that may be waited for and dropped anywhere, also on a thread that runs the
/// tasks of another runtime.
#[derive(Debug)]
pub(crate) struct Background {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl Background {
    pub(crate) fn start(builder: &mut Builder) -> Result<Self> {
        let runtime = builder.enable_all().build();
        let runtime = runtime.map_err(Error::io("start the network threads", "."))?;
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
    pub(crate) fn block_on<F>(&self, future: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send,
    {
        let runtime = self.runtime();
        if Handle::try_current().is_err() {
            return runtime.block_on(future);
        }
        // tokio panics when one of its threads blocks on a runtime; one of our own may.
        let done = std::thread::scope(|scope| scope.spawn(|| runtime.block_on(future)).join());
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Elsewhere the runtime is dropped the usual way, which waits for files that are tidied up.
        if let Some(runtime) = self.runtime.take_if(|_| Handle::try_current().is_ok()) {
            runtime.shutdown_background();
        }
    }
}
