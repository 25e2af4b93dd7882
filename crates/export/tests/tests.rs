//! The files as another program sees them.

#[cfg(test)]
mod arrays;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod corpus;
#[cfg(all(test, feature = "hdf5"))]
mod hdf5;
#[cfg(test)]
mod npz;
#[cfg(test)]
mod outputs;
#[cfg(all(test, feature = "serde"))]
mod serialize;
#[cfg(test)]
mod tables;
