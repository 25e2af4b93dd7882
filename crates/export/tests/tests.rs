//! The files as another program sees them.

#[cfg(test)]
mod outputs;
