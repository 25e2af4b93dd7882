//! The lists of a split.

use crate::error::Error;
use crate::split::load_split;

/// The image names of a split, each list sorted by bytes.
///
/// No image is in both. In the files of the Python package the test lists of the random splits of
/// r2 are in the order in which they were drawn; the images are the same.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TrainTestIds<'a> {
    /// The images to train on.
    pub train: Vec<&'a str>,
    /// The images to test on.
    pub test: Vec<&'a str>,
}

/// The lists of a split in the default revision, r1.
///
/// For another revision, or for some types of out-of-distribution images only, see
/// [`Split`](crate::Split).
///
/// # Errors
///
/// [`Error::Name`] for an unknown split or pool, with those that exist.
#[doc(alias = "get_train_test_ids")]
pub fn train_test_ids(
    name: impl AsRef<str>,
    pool: impl AsRef<str>,
) -> Result<TrainTestIds<'static>, Error> {
    Ok(load_split(name, pool)?.train_test_ids())
}
