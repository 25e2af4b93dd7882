//! The tables for `serde`: rows in the order of the file, captions by image.
#![cfg(feature = "serde")]

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Captions, Metadata, SegmentationTable, Stimulus};

/// A list of the images.
impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.stimuli().serialize(serializer)
    }
}

/// Two images of one name are refused.
impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stimuli = Vec::<Stimulus>::deserialize(deserializer)?;
        Self::of_stimuli(stimuli)
            .map_err(|name| D::Error::custom(format_args!("a second image {name:?}")))
    }
}

/// A map from image names to captions.
impl Serialize for Captions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

/// A list of the masks.
impl Serialize for SegmentationTable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.rows().serialize(serializer)
    }
}
