//! The command line, as the console script of the wheel runs it.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs the command `laion-fmri`; the first argument is the name of the program.
#[pyfunction]
pub(crate) fn main(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| laion_fmri_cli::main(arguments))
}
