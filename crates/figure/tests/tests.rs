//! Pictures, pixel by pixel.
#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod layers;
mod orientation;
