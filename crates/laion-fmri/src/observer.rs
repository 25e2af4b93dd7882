//! Watching and stopping long calls: [`Observer`], [`Event`] and [`Cancel`].

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use bids_names::{SessionId, SubjectId};
use nifti_stream::Progress;

pub use s3_mirror::Cancel;

use crate::{Error, Result};

/// What happens during a long call.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Part of a download; [`s3_mirror::Event`] describes the order.
    #[cfg(feature = "download")]
    Transfer(s3_mirror::Event<'a>),
    /// A session is in a [store](crate::store) that was built while its file was downloaded; told
    /// at the end of a download [with a store](crate::Download::with_store).
    #[cfg(feature = "download")]
    Stored {
        /// The subject.
        subject: &'a SubjectId,
        /// The session.
        session: &'a SessionId,
        /// The directory of the store.
        store: &'a Path,
    },
    /// Files of a mirror are about to be checked, by
    /// [`Dataset::verify`](crate::Dataset::verify), [`Dataset::adopt`](crate::Dataset::adopt) or
    /// [`Download::verify_kept`](crate::Download::verify_kept).
    Checking {
        /// How many.
        files: usize,
        /// Their bytes together.
        bytes: u64,
    },
    /// One more of these files was checked.
    Checked {
        /// Its path, relative to the root.
        path: &'a str,
        /// Its bytes.
        bytes: u64,
    },
    /// One more volume of betas was read; from a store, several more.
    Volume {
        /// The subject.
        subject: &'a SubjectId,
        /// The session. Several may be read in parallel.
        session: &'a SessionId,
        /// The volumes read so far, including this one.
        done: usize,
        /// The volumes to read: all of the file, or with an index the wanted ones.
        total: usize,
    },
    /// The betas of a session are about to be read: from their file, or from a
    /// [store](crate::store) that has the same values. A store that turns out to be damaged is left
    /// for the file, and this is told again.
    Reading {
        /// The subject.
        subject: &'a SubjectId,
        /// The session. Several may be read in parallel.
        session: &'a SessionId,
        /// The directory of the store; none for the file.
        store: Option<&'a Path>,
        /// The index by which the file is read, if there is one.
        index: Option<&'a Path>,
    },
    /// Another process builds this session of the same [store](crate::store), and is waited for.
    Waiting {
        /// The subject.
        subject: &'a SubjectId,
        /// The session. Several may be waited for in parallel.
        session: &'a SessionId,
        /// Whether the other process is done.
        is_over: bool,
    },
    /// What is done with a session of an extraction that was read. It takes seconds for a whole
    /// brain.
    Working {
        /// The subject.
        subject: &'a SubjectId,
        /// The session. Several may be worked on in parallel.
        session: &'a SessionId,
        /// What is done with it now; `None` when it is done.
        step: Option<Step>,
    },
    /// One more row of an extraction was written.
    Row {
        /// The rows written so far, including this one.
        done: usize,
        /// The rows of the output.
        total: usize,
    },
}

laion_fmri_base::named_enum! {
    /// What is done with the betas of a session after they were read.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum Step: "step" {
        /// They are z-scored.
        Zscoring = "z-scoring",
        /// They are written to disk, to be merged with those of other sessions.
        Writing = "writing",
    }
}

/// Is told the progress of a long call. A closure that takes an [`Event`] is an observer; `()` is
/// one that does nothing.
///
/// It may be called from several threads at once, and should return quickly. It cannot stop the
/// call. A [`Cancel`] can, from any thread, also from the observer. The call then ends within half
/// a second with [`Error::Cancelled`]; a download ends with a report that says so.
///
/// ```
/// use laion_fmri::{Cancel, Dataset, Error, Event};
///
/// # let bucket = fixtures::Bucket::example()?;
/// let subject = Dataset::open("laion-fmri")?.subject("sub-03")?;
/// let cancel = Cancel::new();
/// let stops = |event: Event<'_>| {
///     if let Event::Volume { done: 10, .. } = event {
///         cancel.cancel();
///     }
/// };
/// let betas = subject.betas().session("ses-01").roi("FFA1").observer(&stops).cancel(&cancel);
/// assert!(matches!(betas.load(), Err(Error::Cancelled)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Observer: Sync {
    /// Called for every event.
    fn event(&self, event: Event<'_>);
}

/// Does nothing.
impl Observer for () {
    fn event(&self, _: Event<'_>) {}
}

impl<F: Fn(Event<'_>) + Sync> Observer for F {
    fn event(&self, event: Event<'_>) {
        self(event);
    }
}

/// The observer of a read, and what stops it.
#[derive(Clone, Copy)]
pub(crate) struct Watch<'a> {
    pub(crate) observer: &'a dyn Observer,
    pub(crate) cancel: &'a Cancel,
    /// Set when another thread of the same call has failed.
    failed: Option<&'a AtomicBool>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(observer: &'a dyn Observer, cancel: &'a Cancel) -> Self {
        Self { observer, cancel, failed: None }
    }

    /// The same, also stopped by this flag.
    pub(crate) fn unless<'b>(&self, failed: &'b AtomicBool) -> Watch<'b>
    where
        'a: 'b,
    {
        Watch { observer: self.observer, cancel: self.cancel, failed: Some(failed) }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        let failed = self.failed.is_some_and(|failed| failed.load(Ordering::Relaxed));
        failed || self.cancel.is_cancelled()
    }

    /// An error when it is stopped.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_stopped() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Reports a volume that was read.
    pub(crate) fn volume(
        &self,
        subject: &SubjectId,
        session: &SessionId,
        progress: Progress,
    ) -> ControlFlow<()> {
        let Progress { volumes: done, n_volumes: total, .. } = progress;
        if done > 0 {
            self.observer.event(Event::Volume { subject, session, done, total });
        }
        if self.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
