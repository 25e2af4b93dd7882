//! What all requests share.

use std::sync::Arc;

use laion_fmri::{Cancel, SessionId, Subject, SubjectId};
use tokio::sync::Semaphore;

use crate::Commands;
use crate::answer::Refusal;
use crate::gate::Gate;
use crate::mirror::{Kept, Mirror, Seen};
use crate::names;
use crate::reading::{Purpose, Read, Reads};
use crate::sending::VOLUMES;
use crate::work::Work;

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) gate: Gate,
    pub(crate) mirror: Mirror,
    pub(crate) work: Work,
    pub(crate) reads: Reads,
    /// Volumes that may be on their way.
    pub(crate) volumes: Arc<Semaphore>,
    pub(crate) commands: Arc<dyn Commands>,
    /// The subject that the page opens with.
    pub(crate) first: Option<SubjectId>,
}

/// A subject for one request: its reads stop when nobody waits for them.
pub(crate) struct Looked {
    pub(crate) seen: Arc<Seen>,
    pub(crate) subject: Subject,
    state: Arc<Shared>,
}

impl Looked {
    /// What is kept of all subjects.
    pub(crate) fn kept(&self) -> &Kept {
        &self.state.mirror.kept
    }

    /// Lists a read of betas, as long as the value lives.
    pub(crate) fn reading(&self, session: &SessionId, purpose: Purpose) -> Read {
        self.state.reads.start(self.subject.id(), session, purpose)
    }
}

impl Shared {
    pub(crate) fn new(
        gate: Gate,
        mirror: Mirror,
        commands: Arc<dyn Commands>,
        first: Option<SubjectId>,
    ) -> Self {
        let volumes = Arc::new(Semaphore::new(VOLUMES));
        let (work, reads) = (Work::new(), Reads::default());
        Self { gate, mirror, work, reads, volumes, commands, first }
    }

    /// Runs a call that blocks, about a subject by its name in the address.
    pub(crate) async fn about<T: Send + 'static>(
        self: &Arc<Self>,
        subject: &str,
        call: impl FnOnce(&Looked) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let id = names::subject(subject)?;
        let state = Arc::clone(self);
        self.work.run(move |cancel| call(&state.look(&id, cancel)?)).await
    }

    /// A subject on disk. The call blocks.
    pub(crate) fn look(
        self: &Arc<Self>,
        id: &SubjectId,
        cancel: &Cancel,
    ) -> Result<Looked, Refusal> {
        let seen = self.mirror.seen(id)?;
        let subject = seen.subject.clone().with_cancel(cancel);
        Ok(Looked { seen, subject, state: Arc::clone(self) })
    }
}
