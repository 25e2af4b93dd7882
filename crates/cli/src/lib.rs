//! The `laion-fmri` command: from the public LAION-fMRI bucket to arrays.
//!
//! This library is the whole command as one function, [`main`], for the programs that are it: the binary
//! of this package, and the console script of the Python package. Everything else is private; to read
//! the data, use the crate `laion-fmri`.

mod args;
mod commands;
mod context;
mod exit;
mod hint;
mod log;
mod message;
mod output;
mod progress;
mod proxy;
mod run;
mod signal;

pub use crate::run::main;
