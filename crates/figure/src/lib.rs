//! Slices of a volume as a picture: mosaic, colour maps, colour bar, text.
//!
//! * [`Figure`]: values over a background, with outlines, title and colour bar, as a [`Picture`] or as
//!   [`Layers`]
//! * [`Mosaic`]: which slices stand where, and what each pixel shows, for other ways to draw them
//! * [`ColorScale`]: from values to colours, with range, threshold and opacity
//! * [`ColorMap`]: tables of 256 colours
//! * [`Grid`], [`Volume`], [`Extent`]: where voxels lie, and their values
//!
//! Nothing is read or written: a picture is an array of pixels. Everything else is in [`Figure`].

mod canvas;
mod color_bar;
mod color_map;
mod error;
mod figure;
mod mosaic;
mod orientation;
mod outline;
mod scale;
mod text;
mod volume;

pub use crate::color_map::{ColorMap, N_COLORS, Rgb};
pub use crate::error::Error;
pub use crate::figure::{Figure, Layers, Picture};
pub use crate::mosaic::{Mosaic, Plane, Slice};
pub use crate::scale::ColorScale;
pub use crate::volume::{Extent, Grid, Volume};
pub use laion_fmri_base::NameError;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
