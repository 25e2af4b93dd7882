//! Grids and selections for `serde`, which are checked when they are read.
#![cfg(feature = "serde")]

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::affine::Affine;
use crate::grid::Grid;
use crate::selection::VoxelSelection;

#[derive(Deserialize, Serialize)]
#[serde(rename = "Grid", deny_unknown_fields)]
struct WrittenGrid {
    shape: [usize; 3],
    affine: Affine,
}

impl Serialize for Grid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        WrittenGrid { shape: self.shape(), affine: *self.affine() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Grid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let WrittenGrid { shape, affine } = WrittenGrid::deserialize(deserializer)?;
        Self::new(shape, affine).map_err(D::Error::custom)
    }
}

#[derive(Serialize)]
#[serde(rename = "VoxelSelection")]
struct BorrowedSelection<'a> {
    shape: [usize; 3],
    indices: &'a [usize],
}

#[derive(Deserialize)]
#[serde(rename = "VoxelSelection", deny_unknown_fields)]
struct WrittenSelection {
    shape: [usize; 3],
    indices: Vec<usize>,
}

impl Serialize for VoxelSelection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        BorrowedSelection { shape: self.shape(), indices: self.indices() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for VoxelSelection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let WrittenSelection { shape, indices } = WrittenSelection::deserialize(deserializer)?;
        Self::new(shape, indices).map_err(D::Error::custom)
    }
}
