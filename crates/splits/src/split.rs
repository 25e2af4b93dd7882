//! One split of one pool: its sizes, its lists and its masks.

use std::fmt;

use crate::bundle::Bundle;
use crate::error::Error;
use crate::ids::TrainTestIds;
use crate::masks::SplitMasks;
use crate::ood_type::OodType;
use crate::params::SplitParams;
use crate::pool::Pool;
use crate::revision::SplitRevision;
use crate::split_name::{SplitFamily, SplitName, list_splits};

/// A split of a pool in one revision, perhaps with some types of out-of-distribution images only.
///
/// ```
/// use laion_fmri_splits::{SplitRevision, load_split};
///
/// let split = load_split("random_0", "shared")?;
/// assert_eq!((split.n_train(), split.n_test()), (897, 224));
/// let split = split.with_revision(SplitRevision::R2);
/// assert_eq!((split.n_train(), split.n_test()), (896, 225));
///
/// let shapes = load_split("ood", "shared")?.with_ood_types(["shape"])?;
/// assert_eq!(shapes.n_test(), 371); // of the whole split
/// assert_eq!(shapes.train_test_ids().test.len(), 82);
/// # Ok::<(), laion_fmri_splits::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Split {
    name: SplitName,
    pool: Pool,
    revision: SplitRevision,
    /// One bit for each type that is kept; `None` keeps all.
    kept: Option<u16>,
}

/// A split in the default revision, r1, by names of whatever kind: texts, or [`SplitName`] and [`Pool`].
///
/// # Errors
///
/// [`Error::Name`] for an unknown split or pool, with those that exist.
pub fn load_split(name: impl AsRef<str>, pool: impl AsRef<str>) -> Result<Split, Error> {
    Ok(Split::new(name.as_ref().parse()?, pool.as_ref().parse()?))
}

/// All splits of a pool in the default revision, in the order of [`list_splits`].
///
/// # Errors
///
/// [`Error::Name`] for an unknown pool, with those that exist.
pub fn load_all_splits(pool: impl AsRef<str>) -> Result<Vec<Split>, Error> {
    let pool: Pool = pool.as_ref().parse()?;
    Ok(list_splits(Some(pool)).iter().map(|name| Split::new(*name, pool)).collect())
}

impl Split {
    fn new(name: SplitName, pool: Pool) -> Self {
        Self { name, pool, revision: SplitRevision::default(), kept: None }
    }

    /// The same split in another revision. Only the random family differs.
    #[must_use]
    pub fn with_revision(self, revision: SplitRevision) -> Self {
        Self { revision, ..self }
    }

    /// The split `ood` with only these types of images in its test set. Without any type the test
    /// set is empty. The lists and masks have these types alone; [`n_test`](Self::n_test) is still
    /// that of the whole split.
    ///
    /// # Errors
    ///
    /// [`Error::Name`] for an unknown type, with those that exist;
    /// [`Error::OodTypesWithOtherSplit`] for any other split.
    #[doc(alias = "ood_types")]
    pub fn with_ood_types<T: AsRef<str>>(
        self,
        types: impl IntoIterator<Item = T>,
    ) -> Result<Self, Error> {
        let mut kept = 0;
        for kind in types {
            kept |= 1 << kind.as_ref().parse::<OodType>()? as u16;
        }
        match self.name {
            SplitName::Ood => Ok(Self { kept: Some(kept), ..self }),
            got => Err(Error::OodTypesWithOtherSplit { expected: SplitName::Ood, got }),
        }
    }

    /// The name of the split.
    pub fn name(&self) -> SplitName {
        self.name
    }

    /// The pool that is divided.
    pub fn pool(&self) -> Pool {
        self.pool
    }

    /// The family of the split.
    #[doc(alias = "split_family")]
    pub fn family(&self) -> SplitFamily {
        self.name.family()
    }

    /// The revision; record it with every result.
    pub fn revision(&self) -> SplitRevision {
        self.revision
    }

    /// The types of out-of-distribution images that are kept, if they were chosen.
    pub fn ood_types(&self) -> Option<Vec<OodType>> {
        let kept = |kind: &OodType| self.keeps(*kind);
        self.kept.map(|_| OodType::ALL.iter().copied().filter(kept).collect())
    }

    /// How the lists were made.
    pub fn params(&self) -> SplitParams {
        SplitParams::of(self.name, self.pool, self.revision)
    }

    /// The number of training images.
    pub fn n_train(&self) -> usize {
        Bundle::embedded().sizes(self.name, self.pool, self.revision).train
    }

    /// The number of test images of the whole split: [`with_ood_types`](Self::with_ood_types) does not
    /// change it. Count the images of the kept types with `train_test_ids().test.len()`.
    pub fn n_test(&self) -> usize {
        Bundle::embedded().sizes(self.name, self.pool, self.revision).test
    }

    /// The lists.
    #[doc(alias = "get_train_test_ids")]
    pub fn train_test_ids(&self) -> TrainTestIds<'static> {
        let bundle = Bundle::embedded();
        let mut ids = bundle.train_test_ids(self.name, self.pool, self.revision);
        if self.kept.is_some() {
            let mut types = bundle.ood_types();
            ids.test.retain(|_| types.next().is_some_and(|kind| self.keeps(kind)));
        }
        ids
    }

    /// The masks over labels such as the column `label` of the trial tables, matched exactly.
    #[doc(alias = "get_split_masks")]
    pub fn masks<L: AsRef<str>>(&self, labels: impl IntoIterator<Item = L>) -> SplitMasks {
        let keeps = |kind| self.keeps(kind);
        let sides = Bundle::embedded().sides(self.name, self.pool, self.revision, keeps);
        SplitMasks::of_sides(&sides, labels)
    }

    fn keeps(&self, kind: OodType) -> bool {
        self.kept.is_none_or(|kept| kept >> kind as u16 & 1 == 1)
    }
}

/// The name, the pool and the revision, `tau of sub-03 (r1)`, then the types that are kept, if they
/// were chosen.
impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} ({})", self.name, self.pool, self.revision)?;
        for (i, kind) in self.ood_types().iter().flatten().enumerate() {
            write!(f, "{}{kind}", if i == 0 { ", " } else { "+" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_is_shown_with_all_that_chooses_its_lists() {
        let split = load_split(SplitName::Tau, String::from("sub-03")).unwrap();
        assert_eq!(split.to_string(), "tau of sub-03 (r1)");
        assert_eq!(split.with_revision(SplitRevision::R2).to_string(), "tau of sub-03 (r2)");
        let ood = load_split("ood", Pool::Shared).unwrap();
        let types = ood.with_ood_types([OodType::Shape]).unwrap();
        assert_eq!(types.to_string(), "ood of shared (r1), shape");
        assert_eq!(types.ood_types(), Some(vec![OodType::Shape]));
        assert_eq!(ood.ood_types(), None);
    }

    #[test]
    fn types_are_for_the_split_ood_only() {
        for name in SplitName::ALL.iter().filter(|name| **name != SplitName::Ood) {
            let error = load_split(*name, Pool::Shared).unwrap().with_ood_types([OodType::Shape]);
            let expected = Error::OodTypesWithOtherSplit { expected: SplitName::Ood, got: *name };
            assert_eq!(error, Err(expected));
        }
        let error = load_split("tau", "shared").unwrap().with_ood_types(["shape"]).unwrap_err();
        assert_eq!(error.to_string(), "OOD types are only valid for the split ood, got tau");
    }

    #[test]
    fn unknown_names_are_refused_with_the_known_ones() {
        let unknown = |error: Error| match error {
            Error::Name(error) => error,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            unknown(load_split("random_5", "shared").unwrap_err()),
            "random_5".parse::<SplitName>().unwrap_err()
        );
        let pool = "pooled".parse::<Pool>().unwrap_err();
        assert_eq!(unknown(load_split("tau", "pooled").unwrap_err()), pool);
        assert_eq!(unknown(load_all_splits("pooled").unwrap_err()), pool);
        let error = load_split("ood", "shared").unwrap().with_ood_types(["shapes"]).unwrap_err();
        let error = unknown(error);
        assert_eq!((error.what, error.got.as_str()), ("OOD type", "shapes"));
        assert_eq!(error.expected.len(), 9);
    }

    #[test]
    fn the_order_of_calls_does_not_matter() {
        let split = load_split("ood", "sub-01").unwrap();
        let one = split.with_revision(SplitRevision::R2).with_ood_types(["shape"]).unwrap();
        let other = split.with_ood_types(["shape"]).unwrap().with_revision(SplitRevision::R2);
        assert_eq!(one, other);
        assert_eq!(split.with_ood_types::<OodType>([]).unwrap().train_test_ids().test.len(), 0);
    }
}
