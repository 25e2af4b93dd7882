//! Which rows of a table belong to the training and to the test set.

use crate::bundle::{Bundle, Side};
use crate::error::Error;
use crate::split::load_split;

/// Two masks over the rows of a table, `n` bool each, and how many rows are in neither.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SplitMasks {
    /// Whether the image of the row is in the training list.
    pub train: Vec<bool>,
    /// Whether the image of the row is in the test list.
    pub test: Vec<bool>,
    /// Rows whose image is in neither list, such as images of one subject under the pool `shared`.
    pub n_neither: usize,
    /// Of these, rows whose label is the name of no image of the dataset: most likely mistakes.
    pub n_unknown: usize,
}

impl SplitMasks {
    /// Masks of your own, one value for each row. Nothing is known about labels, so that `n_unknown`
    /// is 0. [`LeakReport::of_masks`](crate::LeakReport::of_masks) says what is on both sides.
    ///
    /// # Errors
    ///
    /// [`Error::MaskLength`] when there are not as many test rows as training rows.
    pub fn new(train: Vec<bool>, test: Vec<bool>) -> Result<Self, Error> {
        if train.len() != test.len() {
            return Err(Error::MaskLength { expected: train.len(), got: test.len() });
        }
        let n_neither = train.iter().zip(&test).filter(|(train, test)| !**train && !**test).count();
        Ok(Self { train, test, n_neither, n_unknown: 0 })
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.train.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.train.is_empty()
    }

    /// The number of training rows.
    pub fn n_train(&self) -> usize {
        self.train.iter().filter(|row| **row).count()
    }

    /// The number of test rows.
    pub fn n_test(&self) -> usize {
        self.test.iter().filter(|row| **row).count()
    }

    /// The training rows, ascending, counted from 0.
    pub fn train_rows(&self) -> Vec<usize> {
        rows(&self.train)
    }

    /// The test rows, ascending, counted from 0.
    pub fn test_rows(&self) -> Vec<usize> {
        rows(&self.test)
    }

    pub(crate) fn of_sides<L: AsRef<str>>(
        sides: &[Side],
        labels: impl IntoIterator<Item = L>,
    ) -> Self {
        let bundle = Bundle::embedded();
        let labels = labels.into_iter();
        let rows = labels.size_hint().0;
        let mut masks = Self {
            train: Vec::with_capacity(rows),
            test: Vec::with_capacity(rows),
            ..Self::default()
        };
        for label in labels {
            let position = bundle.position(label.as_ref());
            let side = position.map_or(Side::Neither, |position| sides[position]);
            masks.train.push(side == Side::Train);
            masks.test.push(side == Side::Test);
            masks.n_neither += usize::from(side == Side::Neither);
            masks.n_unknown += usize::from(position.is_none());
        }
        masks
    }
}

fn rows(mask: &[bool]) -> Vec<usize> {
    mask.iter().enumerate().filter(|(_, is_in)| **is_in).map(|(row, _)| row).collect()
}

/// The masks of a split in the default revision, r1, over labels such as the column `label` of the
/// trial tables. Labels are matched exactly as they are spelled; all repeats of an image are on one
/// side.
///
/// For another revision, or for some types of out-of-distribution images only, see
/// [`Split::masks`](crate::Split::masks).
///
/// # Errors
///
/// [`Error::Name`] for an unknown split or pool, with those that exist.
#[doc(alias = "get_split_masks")]
pub fn split_masks<L: AsRef<str>>(
    labels: impl IntoIterator<Item = L>,
    name: impl AsRef<str>,
    pool: impl AsRef<str>,
) -> Result<SplitMasks, Error> {
    Ok(load_split(name, pool)?.masks(labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_of_ones_own() {
        let masks = SplitMasks::new(vec![true, false, false], vec![false, true, false]).unwrap();
        assert_eq!((masks.len(), masks.n_train(), masks.n_test()), (3, 1, 1));
        assert_eq!((masks.n_neither, masks.n_unknown), (1, 0));
        assert_eq!(
            SplitMasks::new(vec![true], vec![true, false]),
            Err(Error::MaskLength { expected: 1, got: 2 })
        );
    }
}
