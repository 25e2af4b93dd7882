//! Arguments that several calls take, and answers in the form that Python has for them.

use laion_fmri::{MaskSource, Resolution, Result, Subject, VoxelMask, Voxels};
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use serde::Serialize;

use crate::error;

/// The choice of voxels as Python gives it: ROIs, flags over the voxel axis, and the brain mask.
#[derive(FromPyObject)]
pub(crate) struct VoxelArguments<'py>(
    Option<Vec<String>>,
    Option<PyReadonlyArray1<'py, bool>>,
    String,
);

/// The same without the GIL.
#[derive(Clone)]
pub(crate) struct ChosenVoxels {
    rois: Option<Vec<String>>,
    flags: Option<Vec<bool>>,
    source: String,
}

impl VoxelArguments<'_> {
    pub(crate) fn owned(self) -> ChosenVoxels {
        let flags = self.1.map(|flags| flags.as_array().to_vec());
        ChosenVoxels { rois: self.0, flags, source: self.2 }
    }
}

impl ChosenVoxels {
    /// As [`ChosenVoxels::of`], for a choice that is used more than once.
    pub(crate) fn again(&self, subject: &Subject) -> Result<Voxels> {
        self.clone().of(subject)
    }

    pub(crate) fn of(self, subject: &Subject) -> Result<Voxels> {
        let source: MaskSource = self.source.parse()?;
        let mut voxels = match self.rois {
            Some(rois) => Voxels::roi(rois),
            None => Voxels::all(),
        };
        if let Some(flags) = self.flags {
            let brain = subject.brain_mask(source, Resolution::Func1pt8)?;
            let mask = VoxelMask::new(brain, flags)?;
            voxels = Voxels::mask(mask);
        }
        Ok(voxels.mask_source(source))
    }
}

/// The flags of a mask.
pub(crate) fn flags(mask: &VoxelMask) -> Vec<bool> {
    mask.as_slice().to_vec()
}

/// `1pt8` for the functional grid, nothing for the full resolution.
pub(crate) fn resolution(res: Option<&str>) -> Result<Resolution> {
    match res {
        None => Ok(Resolution::Full),
        Some("1pt8") => Ok(Resolution::Func1pt8),
        Some(other) => Ok(other.parse()?),
    }
}

/// A record as dictionaries, lists, texts and numbers.
pub(crate) fn record<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    let text = serde_json::to_string(value).map_err(error::impossible)?;
    py.import("json")?.call_method1("loads", (text,))
}
