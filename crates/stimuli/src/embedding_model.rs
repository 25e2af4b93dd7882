//! The models whose embeddings are shipped.

use std::fmt;
use std::str::FromStr;

use crate::name_error::NameError;

/// A vision model that has one embedding for every image.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum EmbeddingModel {
    /// OpenCLIP ViT-H/14 trained on LAION; rows have unit length.
    Clip,
    /// DINOv2 ViT-L/14, the mean of the patch tokens of layer 23; rows are not normalised.
    DinoV2,
    /// Perception Encoder Core L/14 at 336 pixels; rows have unit length.
    PeCore,
    /// SigLIP2 SO400M, patch 14, at 384 pixels; rows have unit length.
    SigLip2,
}

impl EmbeddingModel {
    /// All models, in the order in which the dataset lists them.
    #[doc(alias = "models")]
    pub const ALL: &'static [Self] = &[Self::Clip, Self::DinoV2, Self::PeCore, Self::SigLip2];

    /// The name of the model, as it stands in file names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clip => "CLIP",
            Self::DinoV2 => "DINOv2",
            Self::PeCore => "PEcore",
            Self::SigLip2 => "SigLIP2",
        }
    }

    /// The name of the HDF5 file of the model, in [`files::DIRECTORY`](crate::files::DIRECTORY).
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Clip => "task-images_desc-CLIP_embeddings.h5",
            Self::DinoV2 => "task-images_desc-DINOv2_embeddings.h5",
            Self::PeCore => "task-images_desc-PEcore_embeddings.h5",
            Self::SigLip2 => "task-images_desc-SigLIP2_embeddings.h5",
        }
    }
}

impl FromStr for EmbeddingModel {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|model| model.as_str() == text).ok_or_else(|| {
            NameError::UnknownEmbeddingModel {
                got: text.to_owned(),
                expected: Self::ALL.iter().map(|model| model.as_str()).collect(),
            }
        })
    }
}

impl fmt::Display for EmbeddingModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_after_its_model() {
        for model in EmbeddingModel::ALL {
            assert_eq!(model.file_name(), format!("task-images_desc-{model}_embeddings.h5"));
        }
    }

    #[test]
    fn an_unknown_model_lists_the_known_ones() {
        let error = "clip".parse::<EmbeddingModel>().unwrap_err();
        let expected = vec!["CLIP", "DINOv2", "PEcore", "SigLIP2"];
        assert_eq!(error, NameError::UnknownEmbeddingModel { got: "clip".to_owned(), expected });
        assert_eq!(
            error.to_string(),
            "unknown embedding model \"clip\" (expected one of CLIP, DINOv2, PEcore, SigLIP2)"
        );
    }
}
