//! Why a server cannot start or go on.

use std::io;

/// Why a server cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another program listens on the port.
    #[error("port {port} of 127.0.0.1 is in use")]
    PortInUse {
        /// The port that was asked for.
        port: u16,
    },
    /// The system does not allow to listen on the port.
    #[error("cannot listen on port {port} of 127.0.0.1")]
    Listen {
        /// The port that was asked for; 0 stands for any free one.
        port: u16,
        /// The answer of the system.
        source: io::Error,
    },
    /// The system gives no random bytes for the token.
    #[error("the system gives no random bytes for the token: {reason}")]
    Random {
        /// What the system answered.
        reason: String,
    },
    /// The system does not allow the threads of the server.
    #[error("cannot start the threads of the server")]
    Threads {
        /// The answer of the system.
        source: io::Error,
    },
    /// The server stopped by itself.
    #[error("the server stopped")]
    Stopped {
        /// Why.
        source: io::Error,
    },
}
