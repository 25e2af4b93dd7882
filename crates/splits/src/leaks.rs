//! What of the training set also appears in the test set.

use std::collections::{BTreeMap, BTreeSet};

use crate::bundle::Bundle;
use crate::error::Error;
use crate::masks::SplitMasks;
use crate::pool::Pool;

/// Images on both sides of a pair of masks, and labels that are not images.
///
/// Known duplicates are pairs and triples of images of a subject's pool that show the same. They
/// were found by review, and revision r2 of the random splits keeps them together; others may exist.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct LeakReport {
    /// The number of rows.
    pub n_trials: usize,
    /// The number of training rows.
    pub n_train: usize,
    /// The number of test rows.
    pub n_test: usize,
    /// The number of rows that are neither.
    pub n_neither: usize,
    /// Images with rows on both sides, in the order of their names. The masks of a split have none.
    pub repeats: Vec<ImageTrials>,
    /// Known duplicates with rows on both sides, each group with those of its images that have rows.
    pub duplicates: Vec<Vec<ImageTrials>>,
    /// Labels that are the name of no image of the dataset, in the order of the text.
    pub unknown: Vec<ImageTrials>,
}

/// A label and the rows that have it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ImageTrials {
    /// The label, as it is spelled.
    pub label: String,
    /// The number of training rows.
    pub n_train: usize,
    /// The number of test rows.
    pub n_test: usize,
    /// The number of rows that are neither.
    pub n_neither: usize,
}

impl LeakReport {
    /// Compares the labels of rows with the sides that masks put these rows on.
    ///
    /// The masks may be those of a split, or any others of the same length.
    ///
    /// # Errors
    ///
    /// [`Error::MaskLength`] when labels and masks are not equally many.
    pub fn of_masks<L: AsRef<str>>(
        labels: impl IntoIterator<Item = L>,
        masks: &SplitMasks,
    ) -> Result<Self, Error> {
        let mut images: BTreeMap<String, ImageTrials> = BTreeMap::new();
        let mut report = Self::default();
        for label in labels {
            let (row, label) = (report.n_trials, label.as_ref());
            report.n_trials += 1;
            let (Some(&train), Some(&test)) = (masks.train.get(row), masks.test.get(row)) else {
                continue;
            };
            if !images.contains_key(label) {
                let image = ImageTrials { label: label.to_owned(), ..ImageTrials::default() };
                images.insert(label.to_owned(), image);
            }
            let Some(image) = images.get_mut(label) else { continue };
            image.n_train += usize::from(train);
            image.n_test += usize::from(test);
            image.n_neither += usize::from(!train && !test);
        }
        for got in [masks.train.len(), masks.test.len()] {
            if got != report.n_trials {
                return Err(Error::MaskLength { expected: report.n_trials, got });
            }
        }
        let bundle = Bundle::embedded();
        for image in images.values() {
            report.n_train += image.n_train;
            report.n_test += image.n_test;
            report.n_neither += image.n_neither;
            if image.n_train > 0 && image.n_test > 0 {
                report.repeats.push(image.clone());
            }
            if !bundle.knows(&image.label) {
                report.unknown.push(image.clone());
            }
        }
        report.duplicates = duplicates(bundle, &images);
        Ok(report)
    }

    /// Whether nothing was found: no leak and no unknown label.
    pub fn is_clean(&self) -> bool {
        !self.has_leaks() && self.unknown.is_empty()
    }

    /// Whether something of the training set is in the test set.
    pub fn has_leaks(&self) -> bool {
        !self.repeats.is_empty() || !self.duplicates.is_empty()
    }
}

/// Groups with a training row of one image and a test row of another.
fn duplicates(bundle: &Bundle, images: &BTreeMap<String, ImageTrials>) -> Vec<Vec<ImageTrials>> {
    let groups: BTreeSet<Vec<&str>> =
        Pool::ALL.iter().flat_map(|pool| bundle.duplicate_groups(*pool)).collect();
    groups
        .iter()
        .map(|group| group.iter().filter_map(|label| images.get(*label).cloned()).collect())
        .filter(|group: &Vec<ImageTrials>| {
            group.iter().enumerate().any(|(i, one)| {
                one.n_train > 0
                    && group.iter().enumerate().any(|(j, other)| i != j && other.n_test > 0)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::load_split;

    fn image(label: &str, n_train: usize, n_test: usize, n_neither: usize) -> ImageTrials {
        ImageTrials { label: label.to_owned(), n_train, n_test, n_neither }
    }

    fn masks(train: &[bool], test: &[bool]) -> SplitMasks {
        SplitMasks { train: train.to_vec(), test: test.to_vec(), ..SplitMasks::default() }
    }

    #[test]
    fn repeats_and_unknown_labels_are_found() {
        let name = "unique_THINGS_whisk_p01.jpg";
        let labels = [name, "b.jpg", name, " x", "b.jpg"];
        let masks = masks(&[true, false, false, false, true], &[false, true, true, false, true]);
        let report = LeakReport::of_masks(labels, &masks).unwrap();
        assert_eq!(
            (report.n_trials, report.n_train, report.n_test, report.n_neither),
            (5, 2, 3, 1)
        );
        assert_eq!(report.repeats, [image("b.jpg", 1, 2, 0), image(name, 1, 1, 0)]);
        assert_eq!(report.unknown, [image(" x", 0, 0, 1), image("b.jpg", 1, 2, 0)]);
        assert_eq!(report.duplicates, [[]; 0]);
        assert!(report.has_leaks() && !report.is_clean());
    }

    #[test]
    fn known_duplicates_are_found_across_the_sides_only() {
        let group =
            ["shared_12rep_THINGS+_kmeans_222_spring_roll.jpg", "unique_THINGS+_egg_p01.jpg"];
        let across = LeakReport::of_masks(group, &masks(&[true, false], &[false, true])).unwrap();
        assert_eq!(across.duplicates, [[image(group[0], 1, 0, 0), image(group[1], 0, 1, 0)]]);
        let together = LeakReport::of_masks(group, &masks(&[true, true], &[false, false])).unwrap();
        assert!(together.is_clean());
        let alone = LeakReport::of_masks([group[0]; 2], &masks(&[true, false], &[false, true]));
        assert_eq!(alone.unwrap().duplicates, [[]; 0]);
    }

    #[test]
    fn lengths_have_to_be_equal() {
        let masks = masks(&[true], &[false]);
        let error = Error::MaskLength { expected: 2, got: 1 };
        assert_eq!(LeakReport::of_masks(["a", "b"], &masks), Err(error.clone()));
        assert_eq!(error.to_string(), "masks over the rows (expected 2 rows, got 1)");
        let error = Error::MaskLength { expected: 0, got: 1 };
        assert_eq!(LeakReport::of_masks([""; 0], &masks), Err(error));
    }

    #[test]
    fn the_second_revision_has_no_known_duplicates_across() {
        use crate::{SplitFamily, SplitRevision};
        for pool in Pool::ALL {
            let labels: Vec<&str> = Bundle::embedded().members(*pool).collect();
            let splits = crate::load_all_splits(*pool).unwrap();
            for split in splits.into_iter().filter(|s| s.family() == SplitFamily::Random) {
                let masks = split.with_revision(SplitRevision::R2).masks(&labels);
                assert!(LeakReport::of_masks(&labels, &masks).unwrap().is_clean());
            }
        }
        // What is known about the clusters: a pair of sub-01 lies in clusters 1 and 3.
        let labels: Vec<&str> = Bundle::embedded().members(Pool::Sub01).collect();
        let leaks = |name: &str| {
            let masks = load_split(name, Pool::Sub01).unwrap().masks(&labels);
            LeakReport::of_masks(&labels, &masks).unwrap().duplicates.len()
        };
        let names = ["cluster_k5_0", "cluster_k5_1", "cluster_k5_2", "cluster_k5_3", "tau"];
        assert_eq!(names.map(leaks), [0, 1, 0, 1, 0]);
    }
}
