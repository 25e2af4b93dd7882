//! A small picture of the brain, encoded.

use axum::body::Bytes;
use laion_fmri::export::write_png_to;
use laion_fmri::figure::ColorMap;
use laion_fmri::{Error, Subject, Voxels};

use crate::answer::Refusal;

/// The width and the height that a picture fits into, in pixels.
const ROOM: (usize, usize) = (320, 400);

/// One axial slice through the strongest value, over the anatomy, in the colours of a figure.
#[derive(Debug)]
pub(crate) struct Drawn {
    /// As PNG.
    pub(crate) png: Bytes,
    /// The colours go from minus this to this.
    pub(crate) end: f32,
    /// Where the slice lies, in mm: `z = -12`.
    pub(crate) place: String,
}

impl Drawn {
    /// Draws values at the voxels of a subject's brain.
    pub(crate) fn new(subject: &Subject, values: &[f32]) -> Result<Self, Refusal> {
        let slices = subject.brain_slices(values, &Voxels::all())?;
        let scale = slices.fitting(ColorMap::BlueRed);
        let (_, end) = scale.range();
        let mut figure = slices.figure(scale).slices(1).within(ROOM);
        if let Some(strongest) = slices.strongest() {
            figure = figure.through(strongest);
        }
        let picture = figure
            .draw_slices()
            .map_err(|error| Refusal::Internal(format!("no picture was drawn: {error}")))?;
        let mosaic = &picture.mosaic;
        let place = mosaic.slices().first().map(|slice| mosaic.label(slice)).unwrap_or_default();
        let mut png = Vec::new();
        write_png_to(&mut png, picture.pixels.view()).map_err(Error::from)?;
        Ok(Self { png: png.into(), end, place })
    }
}
