//! A store that was opened by itself, for reading any trials of any voxels: [`OpenStore`].

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use bids_names::SessionId;
use laion_fmri_base::parallel_map;
use ndarray::{Array2, Axis};
use voxel_store::Group;

use super::find::{Store, Unfit};
use super::session::StoredSession;
use super::upkeep::session_names;
use crate::betas::zeroed;
use crate::error::StoreError;
use crate::mask::MaskSource;
use crate::{Cancel, Error, Result, Subject};

/// A store that was opened by itself. The files of the dataset are not looked at.
#[derive(Debug)]
pub struct OpenStore {
    group: Group,
    n_voxels: usize,
    sessions: Vec<Opened>,
}

#[derive(Debug)]
struct Opened {
    name: SessionId,
    group: Group,
    stored: StoredSession,
}

/// Trials of a session, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRows {
    /// The position of the session among those of the store.
    pub session: usize,
    /// Its trials, counted from 0.
    pub trials: Vec<usize>,
}

impl OpenStore {
    /// Opens the store at a path, with all of its sessions.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unusable`] for a store of another version or sessions that do not belong to
    /// it; [`StoreError::Format`] for damage.
    ///
    /// ```
    /// use laion_fmri::store::{OpenStore, SessionRows, StoreRequest};
    /// use laion_fmri::{Cancel, Dataset};
    /// use std::num::NonZeroUsize;
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-03")?;
    /// let built = subject.build_store(&StoreRequest::new(), &(), &Cancel::new())?;
    /// let store = OpenStore::open(&built.path)?;
    /// let rows = [SessionRows { session: 0, trials: vec![2, 5] }];
    /// let values = store.read(&rows, &[10, 7, 8], NonZeroUsize::MIN, &Cancel::new())?;
    /// assert_eq!(values.dim(), (2, 3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let mut sessions = Vec::new();
        for name in session_names(path)? {
            let reason = |_| StoreError::Unusable {
                path: path.to_owned(),
                reason: format!("{name} is not the name of a session"),
            };
            sessions.push(name.parse().map_err(reason)?);
        }
        Self::with_sessions(path, &sessions)
    }

    /// Opens the store at a path, with some of its sessions.
    ///
    /// # Errors
    ///
    /// As [`OpenStore::open`], also for a session that is not there.
    pub fn with_sessions(path: impl AsRef<Path>, sessions: &[SessionId]) -> Result<Self> {
        let path = path.as_ref();
        let unusable = |unfit: Unfit, session: Option<&SessionId>| -> Error {
            match unfit {
                Unfit::Damaged(error) => error.into(),
                unfit => {
                    let place =
                        session.map_or(path.to_owned(), |session| path.join(session.as_str()));
                    StoreError::Unusable { path: place, reason: unfit.to_string() }.into()
                }
            }
        };
        let store = Arc::new(Store::open(path).map_err(|unfit| unusable(unfit, None))?);
        let open = |name: &SessionId| {
            let stored = store.session(name).map_err(|unfit| unusable(unfit, Some(name)))?;
            let group = Group::open(store.session_path(name))?;
            Ok(Opened { name: name.clone(), group, stored })
        };
        let sessions = sessions.iter().map(open).collect::<Result<_>>()?;
        Ok(Self { group: Group::open(path)?, n_voxels: store.label.n_voxels, sessions })
    }

    /// What the store says about its voxels: arrays and attributes.
    #[must_use]
    pub fn voxels(&self) -> &Group {
        &self.group
    }

    /// How many voxels there are.
    #[must_use]
    pub fn n_voxels(&self) -> usize {
        self.n_voxels
    }

    /// The sessions, each with its number of trials, in this order.
    pub fn sessions(&self) -> impl ExactSizeIterator<Item = (&SessionId, usize)> {
        self.sessions.iter().map(|session| (&session.name, session.stored.n_trials()))
    }

    /// What the store says about the trials of a session, by its position: arrays and attributes.
    #[must_use]
    pub fn trials(&self, session: usize) -> Option<&Group> {
        self.sessions.get(session).map(|session| &session.group)
    }

    /// Reads trials of some voxels, in any order, into an array of shape `(trials, voxels)`: the
    /// trials of all these sessions below each other. Several threads may read.
    ///
    /// # Errors
    ///
    /// [`StoreError::Format`] for trials and voxels that are not there, and for damage;
    /// [`Error::OutOfMemory`]; [`Error::Cancelled`].
    pub fn read(
        &self,
        rows: &[SessionRows],
        columns: &[usize],
        threads: NonZeroUsize,
        cancel: &Cancel,
    ) -> Result<Array2<f32>> {
        let n_rows = rows.iter().map(|rows| rows.trials.len()).sum();
        let mut out = zeroed(n_rows, columns.len())?;
        let mut parts = Vec::new();
        let mut rest = out.view_mut();
        for rows in rows {
            let (own, others) = rest.split_at(Axis(0), rows.trials.len());
            let none = || voxel_store::Error::OutOfRange {
                what: "session",
                len: self.sessions.len(),
                got: rows.session,
            };
            let session = self.sessions.get(rows.session).ok_or_else(none)?;
            parts.push((session, rows, own));
            rest = others;
        }
        let at_once = threads.get().min(parts.len()).max(1);
        let each = NonZeroUsize::new(threads.get() / at_once).unwrap_or(NonZeroUsize::MIN);
        let observe = |_| match cancel.is_cancelled() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        let read = parallel_map(at_once, parts, |(session, rows, own)| {
            session.stored.read(columns, &rows.trials, own, each, observe)
        });
        match read {
            Ok(_) => Ok(out),
            Err(voxel_store::Error::Stopped) => Err(Error::Cancelled),
            Err(error) => Err(error.into()),
        }
    }
}

impl Subject {
    /// Opens the store of a brain mask: the one of all voxels, or else the largest. Sessions of it
    /// that are damaged or out of step are left out, with a note.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoStore`]; as [`OpenStore::open`].
    pub fn open_store(&self, source: MaskSource) -> Result<OpenStore> {
        let mut stores = self.stores(Some(source))?;
        stores.retain(|store| {
            store.problem.is_none() && store.sessions.iter().any(|it| it.state.is_used())
        });
        let none = || StoreError::NoStore { subject: self.id().clone(), mask_source: source };
        let best = stores.into_iter().max_by_key(|store| (store.n_voxels, store.sessions.len()));
        let best = best.ok_or_else(none)?;
        let (used, left): (Vec<_>, Vec<_>) =
            best.sessions.into_iter().partition(|session| session.state.is_used());
        for session in left {
            let (store, session) = (best.path.display(), session.session);
            tracing::warn!(%store, %session, "the session is left out: it is damaged or out of step; build it again");
        }
        let sessions: Vec<SessionId> = used.into_iter().map(|it| it.session).collect();
        OpenStore::with_sessions(&best.path, &sessions)
    }
}
