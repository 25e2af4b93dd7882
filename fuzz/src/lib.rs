//! What the fuzz targets of nifti-stream share.

pub mod checks;
