//! The public names of the crate: each list is complete, and reading and showing undo each other.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::str::FromStr;

use laion_fmri_stimuli::{CaptionSource, EmbeddingModel, NameError, StimulusSet, files};

/// Checks the names of a closed list, in order, and that each is read as what it is shown for.
fn check<T>(all: &[T], names: &[&str])
where
    T: Copy + Debug + Display + Ord + FromStr<Err = NameError>,
{
    assert_eq!(all.iter().map(ToString::to_string).collect::<Vec<_>>(), names);
    for item in all {
        assert_eq!(item.to_string().parse(), Ok(*item));
        assert!(item.to_string().to_uppercase().repeat(2).parse::<T>().is_err());
    }
    assert!(all.is_sorted(), "{all:?}");
}

#[test]
fn names_are_closed_lists() {
    check(EmbeddingModel::ALL, &["CLIP", "DINOv2", "PEcore", "SigLIP2"]);
    check(CaptionSource::ALL, &["human", "ai"]);
    check(StimulusSet::ALL, &["shared", "unique"]);
}

#[test]
fn every_file_has_its_own_name() {
    let constants = [
        files::IMAGES,
        files::METADATA,
        files::SEGMENTATIONS,
        files::SEGMENTATIONS_METADATA,
        files::CAPTIONS,
    ];
    let models = EmbeddingModel::ALL.iter().map(|model| model.file_name());
    let names: BTreeSet<&str> = constants.into_iter().chain(models).collect();
    assert_eq!(
        names.into_iter().collect::<Vec<_>>(),
        [
            "task-images_desc-CLIP_embeddings.h5",
            "task-images_desc-DINOv2_embeddings.h5",
            "task-images_desc-PEcore_embeddings.h5",
            "task-images_desc-SigLIP2_embeddings.h5",
            "task-images_desc-captions.csv",
            "task-images_desc-segmentations.h5",
            "task-images_desc-segmentations_metadata.csv",
            "task-images_metadata.csv",
            "task-images_stimuli.h5",
        ]
    );
    assert_eq!(files::DIRECTORY, "stimuli");
}
