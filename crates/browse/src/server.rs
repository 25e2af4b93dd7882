//! The server: bound to a port of 127.0.0.1, and run until it is cancelled.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use laion_fmri::{Cancel, Dataset, SubjectId};
use tokio::runtime::Builder;

use crate::gate::Gate;
use crate::mirror::Mirror;
use crate::sending::VOLUMES;
use crate::state::Shared;
use crate::work::AT_ONCE;
use crate::{Commands, Error, routes};

/// How often the server looks whether it is cancelled.
const LOOK: Duration = Duration::from_millis(50);
/// How long open connections may take to end after that.
const FAREWELL: Duration = Duration::from_millis(300);

/// How a server is set up.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// The port of 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// The subject that the page opens with; by default the first with an anatomy and a map.
    pub subject: Option<SubjectId>,
    /// What users type for what is missing.
    pub commands: Arc<dyn Commands>,
    /// How long the files of the mirror are taken to be as they were last seen; half a second.
    pub settled: Duration,
}

impl Default for Options {
    fn default() -> Self {
        let (commands, settled) = (Arc::new(()), Duration::from_millis(500));
        Self { port: 0, subject: None, commands, settled }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("port", &self.port)
            .field("subject", &self.subject)
            .field("settled", &self.settled)
            .finish_non_exhaustive()
    }
}

/// A server that is bound to its port.
pub struct Server {
    listener: TcpListener,
    state: Arc<Shared>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("port", &self.port()).finish_non_exhaustive()
    }
}

impl Server {
    /// Takes a port of 127.0.0.1 and makes a token. Nothing of the dataset is read yet.
    ///
    /// # Errors
    ///
    /// [`Error::PortInUse`], [`Error::Listen`], [`Error::Random`].
    pub fn bind(dataset: Dataset, options: Options) -> Result<Self, Error> {
        let Options { port, subject, commands, settled } = options;
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => Error::PortInUse { port },
            _ => Error::Listen { port, source },
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let gate = Gate::new(port)?;
        let mirror = Mirror::new(dataset, settled);
        let state = Arc::new(Shared::new(gate, mirror, commands, subject));
        Ok(Self { listener, state })
    }

    /// The port of 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.state.gate.port
    }

    /// What a browser opens: `http://127.0.0.1:PORT/?token=HEX`. Who has it can see what the mirror
    /// has, as long as the server runs.
    #[must_use]
    pub fn address(&self) -> String {
        self.state.gate.address()
    }

    /// As [`Server::address`], for one opening of the page: for a browser whose command line others can
    /// see. The last address that was made is the one that is let in.
    ///
    /// # Errors
    ///
    /// [`Error::Random`].
    pub fn address_for_once(&self) -> Result<String, Error> {
        self.state.gate.address_for_once()
    }

    /// Answers requests until the [`Cancel`] is set. What is being read then is stopped.
    ///
    /// # Errors
    ///
    /// [`Error::Threads`] and [`Error::Stopped`].
    pub fn serve(self, cancel: &Cancel) -> Result<(), Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("browse")
            .max_blocking_threads(AT_ONCE + VOLUMES)
            .enable_all()
            .build()
            .map_err(|source| Error::Threads { source })?;
        let served = runtime.block_on(async {
            let stopped = |source| Error::Stopped { source };
            let listener = tokio::net::TcpListener::from_std(self.listener).map_err(stopped)?;
            let wait = until(cancel.clone());
            let serving = axum::serve(listener, routes::all(self.state))
                .with_graceful_shutdown(until(cancel.clone()));
            tokio::select! {
                served = async { serving.await } => served.map_err(stopped),
                () = async { wait.await; tokio::time::sleep(FAREWELL).await } => Ok(()),
            }
        });
        runtime.shutdown_background();
        served
    }
}

async fn until(cancel: Cancel) {
    while !cancel.is_cancelled() {
        tokio::time::sleep(LOOK).await;
    }
}
