//! NIfTI streams through the public interface, against files built byte by byte.

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod files;
#[cfg(test)]
mod gzip;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod paths;
#[cfg(test)]
mod properties;
#[cfg(all(test, feature = "serde"))]
mod serialize;
#[cfg(test)]
mod support;
#[cfg(test)]
mod threads;
#[cfg(test)]
mod volumes;
#[cfg(test)]
mod whole_images;
