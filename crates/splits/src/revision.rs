//! The two generations of the random splits.

use laion_fmri_base::named_enum;

named_enum! {
    /// Which generation of the random family is meant. The other families are the same in both.
    ///
    /// Results are comparable only within one revision, so record it with every result.
    #[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
    pub enum SplitRevision: "split revision" {
        /// Of 2026-05: five independent draws of 20 %, whose test sets overlap.
        #[default]
        R1 = "r1",
        /// Of 2026-09-28: one partition into five folds, in which near-duplicate images of a subject
        /// pool share a fold.
        R2 = "r2",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_revision_is_the_default() {
        assert_eq!(SplitRevision::default(), SplitRevision::R1);
    }

    #[test]
    fn an_unknown_revision_lists_the_known_ones() {
        let error = "R1".parse::<SplitRevision>().unwrap_err();
        assert_eq!((error.got.as_str(), error.expected), ("R1", ["r1", "r2"].as_slice()));
        assert_eq!(error.to_string(), "unknown split revision \"R1\" (expected one of r1, r2)");
    }
}
