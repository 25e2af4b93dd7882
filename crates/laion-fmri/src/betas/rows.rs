//! Betas row by row, without an array.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

use bids_names::SessionId;

use super::plan::Planned;
use crate::dataset::Reading as Settings;
use crate::mask::VoxelMask;
use crate::observer::Watch;
use crate::trial_table::SessionTrial;
use crate::{Cancel, Error, Observer, Result};

/// The betas of a session, one trial after the other. A few rows are in memory.
///
/// A few rows are read ahead, by a thread that starts with the first one and by as many more as
/// [`Dataset::with_jobs`](crate::Dataset::with_jobs) allows; an index is used and left as by
/// [`Betas::load`](crate::Betas::load). Whoever drops this stops them.
///
/// Rows are final once `next_row` has answered `None`: only the end of a gzip file proves it
/// undamaged.
///
/// ```
/// use laion_fmri::Dataset;
///
/// # let bucket = fixtures::Bucket::example()?;
/// let subject = Dataset::open("laion-fmri")?.subject("sub-03")?;
/// let mut rows = subject.betas().session("ses-01").roi("FFA1").volumes()?;
/// let mut row = vec![0.0; rows.n_voxels()];
/// let mut sum = 0.0;
/// while let Some(_trial) = rows.next_row(&mut row)? {
///     sum += row.iter().filter(|beta| beta.is_finite()).sum::<f32>();
/// }
/// assert!(sum.is_finite());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct BetaRows {
    planned: Arc<Planned>,
    threads: NonZeroUsize,
    cancel: Cancel,
    observer: Told,
    state: State,
}

/// Who is told of the volumes, from the threads that read.
#[derive(Clone)]
struct Told(Arc<dyn Observer + Send>);

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told(..)")
    }
}

#[derive(Debug)]
enum State {
    Waiting,
    Reading(Reading),
    Done,
}

impl BetaRows {
    pub(super) fn new(planned: Planned, settings: &Settings) -> Self {
        let (threads, cancel) = (settings.jobs, settings.cancel.clone());
        let (planned, observer) = (Arc::new(planned), Told(Arc::new(())));
        Self { planned, threads, cancel, observer, state: State::Waiting }
    }

    /// Reports every volume that is read to an observer, which is told from other threads
    /// ([`Event::Volume`](crate::Event::Volume)). Without an index these are all volumes of the
    /// file, whichever rows are wanted.
    ///
    /// ```
    /// use std::sync::mpsc::channel;
    ///
    /// use laion_fmri::{Dataset, Event};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-03")?;
    /// let (sender, volumes) = channel();
    /// let tells = move |event: Event<'_>| {
    ///     if let Event::Volume { done, total, .. } = event {
    ///         let _ = sender.send((done, total));
    ///     }
    /// };
    /// let rows = subject.betas().session("ses-01").trials([5]).volumes()?.with_observer(tells);
    /// assert_eq!(rows.count(), 1);
    /// let (done, total) = volumes.iter().last().unwrap();
    /// assert!(done > 0 && done <= total);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_observer(mut self, observer: impl Observer + Send + 'static) -> Self {
        self.observer = Told(Arc::new(observer));
        self
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &SessionId {
        self.planned.session()
    }

    /// The voxels of a row.
    #[must_use]
    pub fn voxels(&self) -> &Arc<VoxelMask> {
        &self.planned.voxels
    }

    /// The length of a row.
    #[must_use]
    pub fn n_voxels(&self) -> usize {
        self.planned.voxels.n_voxels()
    }

    /// The number of rows in all.
    #[must_use]
    pub fn n_trials(&self) -> usize {
        self.planned.n_rows()
    }

    /// Puts the next row into the caller's buffer and says which trial it is; `None` after the
    /// last, when the end of the file has been checked.
    ///
    /// # Errors
    ///
    /// [`Error::ValuesLength`] when the buffer does not have [`BetaRows::n_voxels`] elements;
    /// [`Error::Nifti`] when the file is damaged, after which there are no further rows;
    /// [`Error::Cancelled`].
    pub fn next_row(&mut self, row: &mut [f32]) -> Result<Option<SessionTrial>> {
        if row.len() != self.n_voxels() {
            return Err(Error::ValuesLength { expected: self.n_voxels(), got: row.len() });
        }
        if let State::Waiting = self.state {
            let (threads, cancel, observer) = (self.threads, &self.cancel, &self.observer);
            let reading = Reading::start(&self.planned, threads, cancel, observer)?;
            self.state = State::Reading(reading);
        }
        let State::Reading(reading) = &mut self.state else { return Ok(None) };
        if let Some((trial, values)) = reading.next() {
            row.copy_from_slice(&values);
            reading.give_back(values);
            return Ok(Some(trial));
        }
        match std::mem::replace(&mut self.state, State::Done) {
            State::Reading(reading) => reading.finish().map(|()| None),
            _ => Ok(None),
        }
    }
}

/// Rows as values of their own; [`BetaRows::next_row`] spares the allocation.
impl Iterator for BetaRows {
    type Item = Result<(SessionTrial, Vec<f32>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut row = vec![0.0; self.n_voxels()];
        match self.next_row(&mut row) {
            Ok(trial) => trial.map(|trial| Ok((trial, row))),
            Err(error) => {
                self.state = State::Done;
                Some(Err(error))
            }
        }
    }
}

/// Rows that may wait for the caller.
const AHEAD: usize = 2;

/// A read that goes on in other threads.
#[derive(Debug)]
struct Reading {
    rows: Receiver<(SessionTrial, Vec<f32>)>,
    spare: Sender<Vec<f32>>,
    /// Whether nobody wants any more rows.
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Reading {
    fn start(
        planned: &Arc<Planned>,
        threads: NonZeroUsize,
        cancel: &Cancel,
        observer: &Told,
    ) -> Result<Self> {
        let (full, rows) = sync_channel(AHEAD);
        let (spare, spares) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let (own, stops, cancel) = (Arc::clone(planned), Arc::clone(&stop), cancel.clone());
        let observer = observer.clone();
        let thread = Builder::new()
            .name("betas".to_owned())
            .spawn(move || {
                let watch = Watch::new(&*observer.0, &cancel).unless(&stops);
                read(&own, threads, watch, &full, &spares)
            })
            .map_err(|source| Error::Thread { what: "a thread to read with", source })?;
        Ok(Self { rows, spare, stop, thread: Some(thread) })
    }

    /// The next row; `None` when there are no more, for whatever reason.
    fn next(&self) -> Option<(SessionTrial, Vec<f32>)> {
        self.rows.recv().ok()
    }

    fn give_back(&self, row: Vec<f32>) {
        // A thread that has ended needs no more of them.
        let _ = self.spare.send(row);
    }

    /// How the read ended.
    fn finish(mut self) -> Result<()> {
        let thread = self.thread.take();
        thread.map_or(Ok(()), |thread| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let Some(thread) = self.thread.take() else { return };
        // What is on its way makes room, until the thread sees that it should stop.
        while self.rows.recv().is_ok() {}
        let _ = thread.join();
    }
}

fn read(
    planned: &Planned,
    threads: NonZeroUsize,
    watch: Watch<'_>,
    full: &SyncSender<(SessionTrial, Vec<f32>)>,
    spares: &Receiver<Vec<f32>>,
) -> Result<()> {
    planned.for_each_row(watch, threads, None, |trial, row| {
        let mut values = spares.try_recv().unwrap_or_default();
        values.clear();
        values.extend_from_slice(row);
        match full.send((trial, values)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })
}
