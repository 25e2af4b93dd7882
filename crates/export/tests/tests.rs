//! The files as another program sees them.

#[cfg(test)]
mod npz;
#[cfg(test)]
mod outputs;
#[cfg(test)]
mod tables;
