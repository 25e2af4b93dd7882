//! Surface files as they are written and as they break.

mod gifti;
mod label;
