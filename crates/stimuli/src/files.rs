//! The names of the stimulus files, relative to the root of the dataset.

/// The directory that holds all of them.
pub const DIRECTORY: &str = "stimuli";

/// The images, as encoded files in one HDF5 dataset. Needs the data use agreement.
pub const IMAGES: &str = "task-images_stimuli.h5";

/// One row for each image, in the order of [`IMAGES`]: name, origin, participant, set, repetitions.
pub const METADATA: &str = "task-images_metadata.csv";

/// Binary masks of objects in the shared images.
pub const SEGMENTATIONS: &str = "task-images_desc-segmentations.h5";

/// One row for each mask of [`SEGMENTATIONS`]: image, noun, instance, score, box.
pub const SEGMENTATIONS_METADATA: &str = "task-images_desc-segmentations_metadata.csv";

/// Captions of all images, one row for each caption.
pub const CAPTIONS: &str = "task-images_desc-captions.csv";
