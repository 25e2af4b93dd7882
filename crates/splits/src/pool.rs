//! The sets of images that are split.

use laion_fmri_base::named_enum;

named_enum! {
    /// A set of images, each of which a split puts into training, test or neither.
    ///
    /// More pools may follow, such as the union of all subjects, which the dataset calls `pooled`.
    #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
    #[non_exhaustive]
    pub enum Pool: "pool" {
        /// The 1,121 regular images that every subject saw.
        Shared = "shared",
        /// The 5,833 regular images of `sub-01`: the shared ones and its own 4,712.
        Sub01 = "sub-01",
        /// The 5,833 regular images of `sub-03`.
        Sub03 = "sub-03",
        /// The 5,833 regular images of `sub-05`.
        Sub05 = "sub-05",
        /// The 5,833 regular images of `sub-06`.
        Sub06 = "sub-06",
        /// The 5,833 regular images of `sub-07`.
        Sub07 = "sub-07",
    }
}

impl Pool {
    /// The subject whose images these are, `sub-01`; `None` if they are not those of one subject.
    pub fn subject(self) -> Option<&'static str> {
        match self {
            Self::Shared => None,
            Self::Sub01 | Self::Sub03 | Self::Sub05 | Self::Sub06 | Self::Sub07 => {
                Some(self.as_str())
            }
        }
    }
}

/// The pools, in the order in which they are shown.
pub fn list_pools() -> &'static [Pool] {
    Pool::ALL
}

#[cfg(test)]
mod tests {
    use laion_fmri_base::NameError;

    use super::*;

    #[test]
    fn five_pools_belong_to_a_subject() {
        let subjects: Vec<_> = list_pools().iter().filter_map(|pool| pool.subject()).collect();
        assert_eq!(subjects, ["sub-01", "sub-03", "sub-05", "sub-06", "sub-07"]);
        assert_eq!(Pool::Shared.subject(), None);
    }

    #[test]
    fn an_unknown_pool_lists_the_known_ones() {
        for got in ["sub-02", "01", "Shared", ""] {
            let expected = &["shared", "sub-01", "sub-03", "sub-05", "sub-06", "sub-07"];
            assert_eq!(got.parse::<Pool>(), Err(NameError::new("pool", got, expected)));
        }
        assert_eq!(
            "sub-02".parse::<Pool>().unwrap_err().to_string(),
            "unknown pool \"sub-02\" (expected one of shared, sub-01, sub-03, sub-05, sub-06, sub-07)"
        );
    }
}
