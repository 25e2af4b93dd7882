//! The innermost cause of an error.

use std::error::Error;
use std::fmt;

/// An error that shows the last of its causes alone, and has none.
///
/// HTTP clients wrap what the system says in several layers that say the same: "error sending
/// request", "client error", "tcp connect error". Its `Debug` output still shows all of them.
///
/// ```
/// use std::io;
///
/// use laion_fmri_base::RootCause;
///
/// let system = io::Error::from(io::ErrorKind::ConnectionRefused);
/// let wrapped = io::Error::other(io::Error::other(system));
/// assert_eq!(RootCause(wrapped).to_string(), "connection refused");
/// ```
pub struct RootCause<E>(
    /// The error, with all its causes.
    pub E,
);

impl<E: Error + 'static> fmt::Display for RootCause<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cause: &(dyn Error + 'static) = &self.0;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        fmt::Display::fmt(cause, f)
    }
}

impl<E: fmt::Debug> fmt::Debug for RootCause<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<E: Error + 'static> Error for RootCause<E> {}
