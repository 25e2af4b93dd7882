//! Waiting for a future on any thread, also on one of a runtime: [`wait`].

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Blocks until `future` is done. It starts no thread, and does not ask whether this thread runs the
/// tasks of a runtime, on which the blocking calls of tokio panic. What is waited for must be done by
/// another thread.
///
/// A future that uses tokio has to be `unconstrained`: the task that this thread may run has a budget,
/// which is not renewed while it waits here.
pub fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
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
    use std::future::poll_fn;
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_future_is_polled_again_when_another_thread_wakes_it() {
        let (wakers, waking) = channel::<Waker>();
        let helper = thread::spawn(move || waking.iter().for_each(Waker::wake));
        let mut polled = 0;
        let future = poll_fn(|context| {
            polled += 1;
            if polled == 100 {
                return Poll::Ready(polled);
            }
            wakers.send(context.waker().clone()).unwrap();
            Poll::Pending
        });
        assert_eq!(wait(future), 100);
        drop(wakers);
        helper.join().unwrap();
    }
}
