//! Integration tests: the same behaviour on every store, and odd servers.

#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod answers;
mod checksums;
mod conformance;
#[cfg(test)]
mod corpus;
mod faults;
mod links;
mod listing;
mod object;
mod reliability;
mod scripted;
#[cfg(feature = "serde")]
mod serialize;
mod transfer;
mod util;
