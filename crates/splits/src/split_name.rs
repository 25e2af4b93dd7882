//! The splits of a pool and their families.

use laion_fmri_base::named_enum;

use crate::pool::Pool;

named_enum! {
    /// One way to divide a pool.
    #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
    pub enum SplitName: "split" {
        /// Test images drawn at random, draw 0.
        Random0 = "random_0",
        /// Test images drawn at random, draw 1.
        Random1 = "random_1",
        /// Test images drawn at random, draw 2.
        Random2 = "random_2",
        /// Test images drawn at random, draw 3.
        Random3 = "random_3",
        /// Test images drawn at random, draw 4.
        Random4 = "random_4",
        /// Cluster 0 of five clusters of similar images is the test set.
        ClusterK5_0 = "cluster_k5_0",
        /// Cluster 1 of five clusters of similar images is the test set.
        ClusterK5_1 = "cluster_k5_1",
        /// Cluster 2 of five clusters of similar images is the test set.
        ClusterK5_2 = "cluster_k5_2",
        /// Cluster 3 of five clusters of similar images is the test set.
        ClusterK5_3 = "cluster_k5_3",
        /// Cluster 4 of five clusters of similar images is the test set.
        ClusterK5_4 = "cluster_k5_4",
        /// Test images without a near neighbour in the training set.
        Tau = "tau",
        /// The out-of-distribution images are the test set, the whole pool is the training set.
        Ood = "ood",
    }
}

named_enum! {
    /// Splits that were made by one method.
    #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
    pub enum SplitFamily: "split family" {
        /// `random_0` to `random_4`.
        Random = "random",
        /// `cluster_k5_0` to `cluster_k5_4`.
        ClusterK5 = "cluster_k5",
        /// `tau`.
        Tau = "tau",
        /// `ood`.
        Ood = "ood",
    }
}

impl SplitName {
    /// The family of the split.
    #[doc(alias = "split_family")]
    pub fn family(self) -> SplitFamily {
        match self {
            Self::Random0 | Self::Random1 | Self::Random2 | Self::Random3 | Self::Random4 => {
                SplitFamily::Random
            }
            Self::ClusterK5_0
            | Self::ClusterK5_1
            | Self::ClusterK5_2
            | Self::ClusterK5_3
            | Self::ClusterK5_4 => SplitFamily::ClusterK5,
            Self::Tau => SplitFamily::Tau,
            Self::Ood => SplitFamily::Ood,
        }
    }

    /// The position of the split in a family of several, 0 to 4; `None` for `tau` and `ood`.
    pub fn fold(self) -> Option<usize> {
        match self {
            Self::Random0 | Self::ClusterK5_0 => Some(0),
            Self::Random1 | Self::ClusterK5_1 => Some(1),
            Self::Random2 | Self::ClusterK5_2 => Some(2),
            Self::Random3 | Self::ClusterK5_3 => Some(3),
            Self::Random4 | Self::ClusterK5_4 => Some(4),
            Self::Tau | Self::Ood => None,
        }
    }
}

/// The splits of a pool, or without a pool all there are.
pub fn list_splits(pool: Option<Pool>) -> &'static [SplitName] {
    match pool {
        None
        | Some(
            Pool::Shared | Pool::Sub01 | Pool::Sub03 | Pool::Sub05 | Pool::Sub06 | Pool::Sub07,
        ) => SplitName::ALL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_family_and_fold() {
        for split in SplitName::ALL {
            let expected = match split.fold() {
                Some(fold) => format!("{}_{fold}", split.family()),
                None => split.family().to_string(),
            };
            assert_eq!(split.to_string(), expected);
        }
    }

    #[test]
    fn an_unknown_split_lists_the_known_ones() {
        let error = "random_5".parse::<SplitName>().unwrap_err();
        let expected: Vec<&str> = SplitName::ALL.iter().map(|split| split.as_str()).collect();
        assert_eq!((error.got.as_str(), error.expected), ("random_5", &expected[..]));
        assert_eq!(
            error.to_string(),
            "unknown split \"random_5\" (expected one of random_0, random_1, random_2, random_3, random_4, \
             cluster_k5_0, cluster_k5_1, cluster_k5_2, cluster_k5_3, cluster_k5_4, tau, ood)"
        );
    }

    #[test]
    fn an_unknown_family_lists_the_known_ones() {
        let error = "cluster".parse::<SplitFamily>().unwrap_err();
        let expected = ["random", "cluster_k5", "tau", "ood"].as_slice();
        assert_eq!((error.got.as_str(), error.expected), ("cluster", expected));
        assert_eq!(
            error.to_string(),
            "unknown split family \"cluster\" (expected one of random, cluster_k5, tau, ood)"
        );
    }
}
