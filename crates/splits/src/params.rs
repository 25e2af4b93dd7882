//! How the lists of a split were made.

use crate::bundle::{Bundle, TauFit};
use crate::ood_type::OodType;
use crate::pool::Pool;
use crate::revision::SplitRevision;
use crate::split_name::{SplitFamily, SplitName};

/// The method of a split with the values it was given.
///
/// The random family and `ood` follow from the image names; `cargo xtask splits regenerate` derives
/// them. The others were computed once from image features and are kept as they were published.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum SplitParams {
    /// A draw of a fifth of the pool, without replacement (random, r1).
    UniformRandom {
        /// The seed of numpy's `default_rng`.
        seed: u64,
    },
    /// One fold of a shuffled pool (random, r2).
    ShuffledFolds {
        /// The number of folds.
        k: usize,
        /// The seed of numpy's `default_rng`.
        seed: u64,
        /// The fold that is the test set.
        fold: usize,
        /// Whether images were then moved so that known duplicates share a fold.
        duplicates_joined: bool,
    },
    /// One of five clusters of CLIP features, by k-means.
    ClusterHoldout {
        /// The number of clusters.
        n_clusters: usize,
        /// The seed of k-means.
        seed: u64,
        /// The number of starts of k-means.
        n_init: usize,
        /// The cluster that is the test set.
        held_out_cluster: usize,
    },
    /// Images that are farther from all others than a threshold, exchanged until the set resembles
    /// the pool.
    MinNearestNeighbour(TauFit),
    /// All out-of-distribution images.
    OodHoldout {
        /// Their types.
        ood_types: &'static [OodType],
    },
}

impl SplitParams {
    pub(crate) fn of(name: SplitName, pool: Pool, revision: SplitRevision) -> Self {
        let fold = name.fold().unwrap_or(0);
        match (name.family(), revision) {
            (SplitFamily::Random, SplitRevision::R1) => Self::UniformRandom { seed: fold as u64 },
            (SplitFamily::Random, SplitRevision::R2) => Self::ShuffledFolds {
                k: 5,
                seed: 42,
                fold,
                duplicates_joined: pool.subject().is_some(),
            },
            (SplitFamily::ClusterK5, _) => Self::ClusterHoldout {
                n_clusters: 5,
                seed: 2026,
                n_init: if pool == Pool::Sub05 { 5 } else { 10 },
                held_out_cluster: fold,
            },
            (SplitFamily::Tau, _) => Self::MinNearestNeighbour(Bundle::embedded().tau_fit(pool)),
            (SplitFamily::Ood, _) => Self::OodHoldout { ood_types: OodType::ALL },
        }
    }

    /// The name of the method in the files of the Python package.
    pub fn method(&self) -> &'static str {
        match self {
            Self::UniformRandom { .. } => "uniform_random",
            Self::ShuffledFolds { .. } => "shuffled_5fold_cv",
            Self::ClusterHoldout { .. } => "kmeans_clip_k5_holdout",
            Self::MinNearestNeighbour(_) => "min_nn_filter + stochastic_mmd_swap",
            Self::OodHoldout { .. } => "ood_dataset_holdout",
        }
    }
}
