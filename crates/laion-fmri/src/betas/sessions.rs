//! Several sessions in parallel, handed over in the requested order.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel, sync_channel};
use std::sync::{Mutex, OnceLock};
use std::thread::Builder;

use bids_names::SessionId;
use laion_fmri_base::{lock, parallel_map};
use ndarray::{Array2, ArrayViewMut2};

use super::plan::Planned;
use crate::observer::Watch;
use crate::{Error, Result};

/// How one session is read.
type Load<'a, T> = &'a (dyn Fn(Planned, Watch<'_>, NonZeroUsize) -> Result<T> + Sync);

/// How many results may exist at once.
#[derive(Clone, Copy)]
pub(super) enum InFlight {
    /// One more than there are threads, for arrays: those that are read, and the one that is handed
    /// over. When the first session is slow, the extra one is a later session.
    Bounded,
    /// Any number, for small results.
    Unbounded,
}

/// Reads the sessions and hands over what was made of them, one after the other. They are begun in
/// their order, each as soon as a thread is free and [`InFlight`] allows.
pub(super) fn in_order<T: Send, E: From<Error>>(
    planned: Vec<Planned>,
    jobs: NonZeroUsize,
    in_flight: InFlight,
    watch: Watch<'_>,
    load: Load<'_, T>,
    mut take: impl FnMut(SessionId, T) -> Result<(), E>,
) -> Result<(), E> {
    let (at_once, threads) = shares(jobs, planned.len());
    if at_once == 1 {
        let mut waiting = planned.into_iter();
        while let Some(planned) = waiting.next() {
            fetch_ahead(waiting.as_slice().first());
            let session = planned.session().clone();
            take(session, load(planned, watch, threads)?)?;
        }
        return Ok(());
    }
    let failed = AtomicBool::new(false);
    let watch = watch.unless(&failed);
    let (permit, permits) = channel();
    let permits = Mutex::new(permits);
    let permitted = match in_flight {
        InFlight::Bounded => at_once + 1,
        InFlight::Unbounded => planned.len(),
    };
    let (waiting, answers): (Vec<_>, Vec<_>) = planned
        .into_iter()
        .map(|planned| {
            let (sender, receiver) = sync_channel(1);
            let session = planned.session().clone();
            ((planned, sender), (session, receiver))
        })
        .unzip();
    let waiting = Mutex::new(waiting.into_iter());
    std::thread::scope(|scope| {
        // Dropped when this closure ends, and with it the threads that wait for one more permit.
        let permit: Sender<()> = permit;
        for _ in 0..permitted {
            // The receiver lives as long as the scope.
            let _ = permit.send(());
        }
        let work = || {
            // Permits that were given before a failure are still there after it.
            while lock(&permits).recv().is_ok() && !watch.is_stopped() {
                let next = {
                    let mut waiting = lock(&waiting);
                    let next = waiting.next();
                    fetch_ahead(waiting.as_slice().get(at_once - 1).map(|(planned, _)| planned));
                    next
                };
                let Some((planned, answer)) = next else { return };
                // Nobody waits for an answer that comes after a failure.
                let _ = answer.send(load(planned, watch, threads));
            }
        };
        for started in 0..at_once {
            // A system that refuses a thread leaves the work to the others.
            match (Builder::new().spawn_scoped(scope, work), started) {
                (Err(source), 0) => {
                    return Err(Error::Thread { what: "a thread to read with", source }.into());
                }
                (Err(_), _) => break,
                (Ok(_), _) => {}
            }
        }
        for (session, answer) in answers {
            // A thread that sends nothing has panicked, and the scope goes on with that.
            let loaded = answer.recv().unwrap_or(Err(Error::Cancelled));
            let taken = loaded.map_err(E::from).and_then(|loaded| take(session, loaded));
            if taken.is_err() {
                failed.store(true, Ordering::Relaxed);
                return taken;
            }
            let _ = permit.send(());
        }
        Ok(())
    })
}

/// Reads the sessions into the parts of an array.
pub(super) fn into_parts(
    parts: Vec<(&Planned, ArrayViewMut2<'_, f32>)>,
    jobs: NonZeroUsize,
    watch: Watch<'_>,
) -> Result<()> {
    let (at_once, threads) = shares(jobs, parts.len());
    let order: Vec<&Planned> = parts.iter().map(|(planned, _)| *planned).collect();
    stopping_at_failure(at_once, parts.into_iter().enumerate(), watch, |watch, (place, part)| {
        fetch_ahead(order.get(place + at_once).copied());
        let (planned, out) = part;
        planned.read_into(out, watch, threads)
    })
    .map(drop)
}

/// Reads the sessions, each into an array of its own.
pub(super) fn arrays(
    planned: &[Planned],
    jobs: NonZeroUsize,
    watch: Watch<'_>,
) -> Result<Vec<Array2<f32>>> {
    let (at_once, threads) = shares(jobs, planned.len());
    stopping_at_failure(at_once, planned.iter().enumerate(), watch, |watch, (place, session)| {
        fetch_ahead(planned.get(place + at_once));
        session.array(watch, threads)
    })
}

/// Has the session that a thread reads next on its way while that thread reads another one.
fn fetch_ahead(next: Option<&Planned>) {
    if let Some(next) = next {
        next.reader().fetch_ahead();
    }
}

/// Does the work for every item on this many threads, with results in the order of the items. The
/// first failure stops all of it and is returned.
pub(crate) fn stopping_at_failure<I: IntoIterator<IntoIter: Send>, R: Send>(
    threads: usize,
    items: I,
    watch: Watch<'_>,
    work: impl Fn(Watch<'_>, I::Item) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let failed = AtomicBool::new(false);
    let watch = watch.unless(&failed);
    let failure = OnceLock::new();
    let done = parallel_map(threads, items, |item| {
        work(watch, item).map_err(|error| {
            failed.store(true, Ordering::Relaxed);
            // The other workers fail only because they were stopped.
            let _ = failure.set(error);
        })
    });
    done.map_err(|()| failure.into_inner().unwrap_or(Error::Cancelled))
}

/// How many sessions are read at once, and with how many threads each.
fn shares(jobs: NonZeroUsize, sessions: usize) -> (usize, NonZeroUsize) {
    let at_once = jobs.get().min(sessions.max(1));
    (at_once, NonZeroUsize::new(jobs.get() / at_once).unwrap_or(NonZeroUsize::MIN))
}

/// The facade's own word for a read that was stopped.
pub(crate) fn stopped(error: nifti_stream::Error) -> Error {
    match error.innermost() {
        nifti_stream::Error::Cancelled { .. } => Error::Cancelled,
        _ => Error::Nifti(error),
    }
}
