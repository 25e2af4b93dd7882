//! A value that is read from a file at its first use, and then kept.

use std::sync::OnceLock;

/// Read at most once when all goes well; a failure is not kept.
#[derive(Clone, Debug)]
pub(crate) struct Lazy<T>(OnceLock<T>);

impl<T> Default for Lazy<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<T> Lazy<T> {
    /// The value. Two threads that come first may both read it; one of the two is kept.
    pub(crate) fn get_or_read<E>(&self, read: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        if let Some(value) = self.0.get() {
            return Ok(value);
        }
        let value = read()?;
        Ok(self.0.get_or_init(|| value))
    }
}
