//! What is measured in Python: its own module with a store, zarr-python and h5py.

use std::path::Path;

use anyhow::Result;

use super::super::process::Python;
use super::super::{Row, median};
use crate::interop::Environment;
use crate::project::Project;
use crate::python;

/// The module of this project, and the loop of a program without it.
pub(super) struct Theirs(Python);

impl Theirs {
    pub(super) fn start(
        project: &Project,
        mirror: &Path,
        stores: &Path,
        cache: &Path,
    ) -> Result<Self> {
        let environment = python::for_benchmarks(project)?;
        let script = project.root.join("interop").join("bench_python.py");
        let arguments = [Path::new("time"), mirror, cache];
        let variables = [("LAION_FMRI_STORES", stores)];
        Ok(Self(Python::start_with(&environment, &script, &arguments, &variables)?))
    }

    pub(super) fn compare(mut self, rounds: usize) -> Result<Row> {
        let (mut ours, mut loops) = (Vec::new(), Vec::new());
        // Masks are read, and the store is opened.
        self.0.run("roi_call")?;
        for _ in 0..rounds {
            ours.push(self.0.run("roi_call")?);
            loops.push(self.0.run("roi_theirs")?);
        }
        let (ours, loops) = (median(ours), median(loops));
        println!(
            "get_betas of FFA1 with a store {:.2} ms, the streaming loop of Python {loops:.2} s",
            ours * 1e3
        );
        let case = "get_betas with a store / the streaming loop of Python";
        Ok(Row::at_most(case, ours / loops, 0.005, "x"))
    }
}

/// zarr-python and h5py, which read the same voxels of all sessions.
pub(super) struct Others(Python);

impl Others {
    pub(super) fn start(
        environment: &Environment,
        project: &Project,
        store: &Path,
        columns: &Path,
        folder: &Path,
    ) -> Result<Self> {
        let script = project.root.join("interop").join("bench_store.py");
        let file = folder.join("voxels.h5");
        Ok(Self(Python::start(environment, &script, &[store, columns, &file])?))
    }

    pub(super) fn zarr(&mut self) -> Result<f64> {
        self.0.run("zarr")
    }

    pub(super) fn h5py(&mut self) -> Result<f64> {
        self.0.run("h5py")
    }
}
