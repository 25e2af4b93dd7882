//! Several sessions side by side, handed over in the order asked.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::Scope;

use bids::SessionId;
use ndarray::ArrayViewMut2;
use nifti_stream::Progress;

use super::ReadObserver;
use super::plan::Planned;
use crate::{Error, Result};

/// How one session is read.
type Load<'a, T> =
    &'a (dyn Fn(Planned, Option<&dyn ReadObserver>, NonZeroUsize) -> Result<T> + Sync);

/// Reads the sessions and hands over what was made of them, one after the other. At most one more
/// than there are threads is in memory.
pub(super) fn in_order<T: Send, E: From<Error>>(
    planned: Vec<Planned>,
    jobs: NonZeroUsize,
    observer: Option<&dyn ReadObserver>,
    load: Load<'_, T>,
    mut take: impl FnMut(SessionId, T) -> Result<(), E>,
) -> Result<(), E> {
    let (at_once, threads) = shares(jobs, planned.len());
    if at_once == 1 {
        for planned in planned {
            let session = planned.session.clone();
            take(session, load(planned, observer, threads)?)?;
        }
        return Ok(());
    }
    let observer = Stoppable { observer, stopped: AtomicBool::new(false) };
    std::thread::scope(|scope| {
        let mut waiting = planned.into_iter();
        let mut running: std::collections::VecDeque<_> = waiting
            .by_ref()
            .take(at_once)
            .map(|planned| start(scope, planned, &observer, threads, load))
            .collect();
        while let Some((session, receiver)) = running.pop_front() {
            // A thread that sends nothing has panicked, and the scope goes on with that.
            let loaded = receiver.recv().unwrap_or(Err(Error::Cancelled));
            running.extend(
                waiting.next().map(|planned| start(scope, planned, &observer, threads, load)),
            );
            let taken = loaded.map_err(E::from).and_then(|loaded| take(session, loaded));
            if taken.is_err() {
                observer.stopped.store(true, Ordering::Relaxed);
                return taken;
            }
        }
        Ok(())
    })
}

/// Reads the sessions into the parts of an array.
pub(super) fn into_parts(
    parts: Vec<(&Planned, ArrayViewMut2<'_, f32>)>,
    jobs: NonZeroUsize,
    observer: Option<&dyn ReadObserver>,
) -> Result<()> {
    let (at_once, threads) = shares(jobs, parts.len());
    let observer = Stoppable { observer, stopped: AtomicBool::new(false) };
    let parts = Mutex::new(parts.into_iter());
    let failure = Mutex::new(Ok(()));
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while !observer.stopped.load(Ordering::Relaxed) {
                    let part = parts.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((planned, out)) = part else { return };
                    if let Err(error) = planned.read_into(out, Some(&observer), threads) {
                        observer.stopped.store(true, Ordering::Relaxed);
                        let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
                        // The others only stop because of the first.
                        if failure.is_ok() {
                            *failure = Err(error);
                        }
                    }
                }
            });
        }
    });
    failure.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// How many sessions are read at once, and with how many threads each.
fn shares(jobs: NonZeroUsize, sessions: usize) -> (usize, NonZeroUsize) {
    let at_once = jobs.get().min(sessions.max(1));
    (at_once, NonZeroUsize::new(jobs.get() / at_once).unwrap_or(NonZeroUsize::MIN))
}

fn start<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    planned: Planned,
    observer: &'scope Stoppable<'_>,
    threads: NonZeroUsize,
    load: Load<'scope, T>,
) -> (SessionId, Receiver<Result<T>>) {
    let (sender, receiver) = sync_channel(1);
    let session = planned.session.clone();
    scope.spawn(move || {
        // Nobody waits for an answer that comes after a failure.
        let _ = sender.send(load(planned, Some(observer), threads));
    });
    (session, receiver)
}

/// Passes on to an observer, and stops every read once one has failed.
struct Stoppable<'a> {
    observer: Option<&'a dyn ReadObserver>,
    stopped: AtomicBool,
}

impl ReadObserver for Stoppable<'_> {
    fn volume(&self, session: &SessionId, done: usize, total: usize) -> bool {
        let goes_on = self.observer.is_none_or(|observer| observer.volume(session, done, total));
        goes_on && !self.stopped.load(Ordering::Relaxed)
    }
}

/// Tells an observer of a volume that was read.
pub(crate) fn tell(
    observer: Option<&dyn ReadObserver>,
    session: &SessionId,
    progress: Progress,
) -> std::ops::ControlFlow<()> {
    let Progress { volumes, n_volumes, .. } = progress;
    match observer {
        Some(observer) if volumes > 0 && !observer.volume(session, volumes, n_volumes) => {
            std::ops::ControlFlow::Break(())
        }
        _ => std::ops::ControlFlow::Continue(()),
    }
}

/// The facade's own word for a read that the observer stopped.
pub(crate) fn stopped(error: nifti_stream::Error) -> Error {
    match error.innermost() {
        nifti_stream::Error::Cancelled { .. } => Error::Cancelled,
        _ => Error::Nifti(error),
    }
}
