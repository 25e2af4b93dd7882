//! Waiting for a channel on any thread, also on one of a runtime: [`wait`].

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Blocks until `future` is done. The blocking calls of tokio panic on a thread that runs tasks of any
/// runtime; this one does not ask. What it waits for must be done by another thread.
pub(super) fn wait<F: Future>(future: F) -> F::Output {
    // The task that this thread may run has a budget, which is not renewed while it waits here.
    let mut future = pin!(tokio::task::unconstrained(future));
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn more_messages_than_a_task_has_budget_for() {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(4);
        let sending = thread::spawn(move || (0..1000).try_for_each(|i| sender.blocking_send(i)));
        for i in 0..1000 {
            assert_eq!(wait(receiver.recv()), Some(i));
        }
        assert_eq!(wait(receiver.recv()), None);
        sending.join().unwrap().unwrap();
    }
}
