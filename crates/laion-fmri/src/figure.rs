//! Slices of a subject's brain as pictures.
//!
//! [`Subject::brain_slices`](crate::Subject::brain_slices) makes [`BrainSlices`] of values; their
//! [`Figure`] is drawn by the crate `slice-figure`, whose types are here too.

mod brain_slices;

pub use self::brain_slices::BrainSlices;
#[doc(inline)]
pub use slice_figure::{
    ColorMap, ColorScale, Error, Extent, Figure, Grid, Layers, Mosaic, N_COLORS, Picture, Plane,
    Rgb, Slice, Volume,
};
