//! Integration tests: the same behaviour on every store, and odd servers.

mod conformance;
mod faults;
mod listing;
mod scripted;
mod transfer;
mod util;
