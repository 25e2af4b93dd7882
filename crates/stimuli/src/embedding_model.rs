//! The models whose embeddings are shipped.

use laion_fmri_base::named_enum;

named_enum! {
    /// A vision model that has one embedding for every image. Its name stands in file names.
    #[doc(alias = "models")]
    #[doc(alias = "AVAILABLE_MODELS")]
    #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
    pub enum EmbeddingModel: "embedding model" {
        /// OpenCLIP ViT-H/14 trained on LAION; rows have unit length.
        Clip = "CLIP",
        /// DINOv2 ViT-L/14, the mean of the patch tokens of layer 23; rows are not normalised.
        DinoV2 = "DINOv2",
        /// Perception Encoder Core L/14 at 336 pixels; rows have unit length.
        PeCore = "PEcore",
        /// SigLIP2 SO400M, patch 14, at 384 pixels; rows have unit length.
        SigLip2 = "SigLIP2",
    }
}

impl EmbeddingModel {
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
        let expected = ["CLIP", "DINOv2", "PEcore", "SigLIP2"].as_slice();
        assert_eq!((error.got.as_str(), error.expected), ("clip", expected));
        assert_eq!(
            error.to_string(),
            "unknown embedding model \"clip\" (expected one of CLIP, DINOv2, PEcore, SigLIP2)"
        );
    }
}
