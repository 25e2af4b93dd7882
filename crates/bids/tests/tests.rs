//! Properties of the public interface, each against a plain restatement of its rule.

mod file_name;
mod filter;
mod keys;
mod roi;
#[cfg(feature = "serde")]
mod serialize;
mod suggest;
