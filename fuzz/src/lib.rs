//! What must hold for any bytes, for each reader of bytes from outside. The tests of the crates replay
//! the corpus through the same functions.

pub mod arrays;
pub mod checks;
pub mod dataset;
pub mod mirror;
pub mod stimuli;
pub mod store;
pub mod surface;
