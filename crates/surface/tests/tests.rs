//! Surface files as they are written and as they break.
#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

#[cfg(test)]
mod corpus;
mod freesurfer;
mod gifti;
mod label;
#[cfg(feature = "serde")]
mod serialize;
