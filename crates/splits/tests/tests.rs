//! The crate as its users meet it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bundle;
mod lists;
mod names;
#[cfg(feature = "serde")]
mod serialize;
