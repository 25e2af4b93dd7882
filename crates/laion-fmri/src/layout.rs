//! Where each file of the dataset lies, relative to a root of the mirror.

mod anatomy;
mod localizers;
mod raw;

use bids_names::{FileName, FileNameBuilder, SessionId, SubjectId};
use laion_fmri_stimuli::EmbeddingModel;

pub use self::anatomy::{anatomical_image, anatomical_images, freesurfer};
pub use self::localizers::{localizer_map, localizers};
pub use self::raw::{events, raw, raw_bold, raw_func, sbref};

/// Keys at the top of the bucket that describe the dataset as a whole.
pub const DATASET_KEYS: [&str; 4] =
    ["dataset_description.json", "participants.tsv", "participants.json", "README"];

/// Single-trial betas, trial tables, noise ceilings and R² maps.
pub const GLMSINGLE: &str = "derivatives/glmsingle-tedana/";
/// ROI masks by category.
pub const ROIS: &str = "derivatives/rois/";
/// T1w, T2w and brain masks.
pub const ANATOMICAL: &str = "derivatives/anatomical/";
/// FreeSurfer reconstructions.
pub const FREESURFER: &str = "derivatives/freesurfer/";
/// Contrast maps of the functional localizers.
pub const LOCALIZERS: &str = "derivatives/localizers/";

/// The trees in which the discovery functions look for subjects, in the order they are reported.
pub const PROBED: [&str; 4] = [GLMSINGLE, ROIS, FREESURFER, ANATOMICAL];

/// The folders in which subjects have a folder of their own; the last is the top of the bucket, which
/// holds the raw data. A subject exists when any of these has it.
pub const SUBJECT_TREES: [&str; 6] = [GLMSINGLE, ROIS, ANATOMICAL, FREESURFER, LOCALIZERS, TOP];

/// What lies at the top of the bucket, beside the raw data in `sub-*`.
pub const TOP_LEVEL: [&str; 2] = ["derivatives", laion_fmri_stimuli::files::DIRECTORY];

/// The top of the bucket.
const TOP: &str = "";

/// `derivatives/glmsingle-tedana/SUB/`.
#[must_use]
pub fn glmsingle(subject: &SubjectId) -> String {
    format!("{GLMSINGLE}{subject}/")
}

/// `derivatives/rois/SUB/`.
#[must_use]
pub fn rois(subject: &SubjectId) -> String {
    format!("{ROIS}{subject}/")
}

/// `derivatives/anatomical/SUB/`.
#[must_use]
pub fn anatomical(subject: &SubjectId) -> String {
    format!("{ANATOMICAL}{subject}/")
}

/// The 4-D single-trial betas of one session.
#[must_use]
pub fn betas(subject: &SubjectId, session: &SessionId) -> String {
    let name = FileName::builder("statmap", "nii.gz")
        .entity("sub", subject.label())
        .entity("ses", session.label())
        .entity("task", "images")
        .entity("space", "T1w")
        .entity("stat", "effect")
        .entity("desc", "SingletrialBetas");
    format!("{}{session}/func/{}", glmsingle(subject), built(name))
}

/// Whether a key is that of the betas of any session.
#[must_use]
pub fn is_betas(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or_default();
    name.ends_with("_statmap.nii.gz") && name.split('_').any(|part| part == "desc-SingletrialBetas")
}

/// The trial table of one session; row i belongs to volume i of the betas.
#[must_use]
pub fn trials(subject: &SubjectId, session: &SessionId) -> String {
    let name = FileName::builder("trials", "tsv")
        .entity("sub", subject.label())
        .entity("ses", session.label())
        .entity("task", "images")
        .entity("desc", "SingletrialBetas");
    format!("{}{session}/func/{}", glmsingle(subject), built(name))
}

/// Whether a key is that of the trial table of any session.
#[must_use]
pub fn is_trials(key: &str) -> bool {
    key.ends_with("_trials.tsv")
}

/// The noise-ceiling map within one session, in percent.
#[must_use]
pub fn session_noise_ceiling(subject: &SubjectId, session: &SessionId) -> String {
    let name = FileName::builder("statmap", "nii.gz")
        .entity("sub", subject.label())
        .entity("ses", session.label())
        .entity("task", "images")
        .entity("space", "T1w")
        .entity("desc", "Noiseceiling");
    format!("{}{session}/func/{}", glmsingle(subject), built(name))
}

/// The mean R² over sessions, from which the `rsquare` brain mask is made.
#[must_use]
pub fn r2mean(subject: &SubjectId) -> String {
    let name = FileName::builder("statmap", "nii.gz")
        .entity("sub", subject.label())
        .entity("task", "images")
        .entity("space", "T1w")
        .entity("stat", "rsquare")
        .entity("desc", "R2mean");
    format!("{}{}", glmsingle(subject), built(name))
}

/// The table of images.
#[must_use]
pub fn stimulus_metadata() -> String {
    format!("{}/{}", laion_fmri_stimuli::files::DIRECTORY, laion_fmri_stimuli::files::METADATA)
}

/// The embeddings of all images by a model.
#[must_use]
pub fn embeddings(model: EmbeddingModel) -> String {
    format!("{}/{}", laion_fmri_stimuli::files::DIRECTORY, model.file_name())
}

/// The anatomical brain mask, on the functional grid (`Some("1pt8")`) or at full resolution.
#[must_use]
pub fn anatomical_brain_mask(subject: &SubjectId, res: Option<&str>) -> String {
    let mut name = FileName::builder("mask", "nii.gz")
        .entity("sub", subject.label())
        .entity("ses", "PrismaAnat")
        .entity("space", "T1w");
    if let Some(res) = res {
        name = name.entity("res", res);
    }
    let name = name.entity("desc", "brain");
    format!("{}ses-PrismaAnat/anat/{}", anatomical(subject), built(name))
}

/// The JSON sidecar of a NIfTI key.
#[must_use]
pub fn sidecar(key: &str) -> Option<String> {
    key.strip_suffix(".nii.gz").map(|stem| format!("{stem}.json"))
}

fn built(name: FileNameBuilder) -> FileName {
    // INVARIANT: suffix, extension and entities are constants or the labels of validated ids.
    name.build().expect("a valid file name")
}

/// The directories on the way to a file that may be links to other disks, outermost first: the trees,
/// what holds them, and the subjects.
#[cfg(feature = "download")]
pub(crate) fn disks(relative: &str) -> impl Iterator<Item = &str> {
    let directories = relative.match_indices('/').map(|(end, _)| &relative[..end]);
    let derived = relative.starts_with("derivatives/");
    let is_disk = move |(depth, directory): &(usize, &str)| match depth {
        0 => true,
        1 => derived,
        2 => derived && directory.rsplit('/').next().is_some_and(|name| name.starts_with("sub-")),
        _ => false,
    };
    directories.enumerate().filter(is_disk).map(|(_, directory)| directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_bucket() {
        let subject: SubjectId = "sub-03".parse().unwrap();
        let session: SessionId = "04".parse().unwrap();
        assert_eq!(
            betas(&subject, &session),
            "derivatives/glmsingle-tedana/sub-03/ses-04/func/sub-03_ses-04_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz"
        );
        assert!(is_betas(&betas(&subject, &session)));
        assert!(!is_betas(&trials(&subject, &session)) && !is_betas(&r2mean(&subject)));
        assert_eq!(
            trials(&subject, &session),
            "derivatives/glmsingle-tedana/sub-03/ses-04/func/sub-03_ses-04_task-images_desc-SingletrialBetas_trials.tsv"
        );
        assert_eq!(
            r2mean(&subject),
            "derivatives/glmsingle-tedana/sub-03/sub-03_task-images_space-T1w_stat-rsquare_desc-R2mean_statmap.nii.gz"
        );
        assert_eq!(
            anatomical_brain_mask(&subject, Some("1pt8")),
            "derivatives/anatomical/sub-03/ses-PrismaAnat/anat/sub-03_ses-PrismaAnat_space-T1w_res-1pt8_desc-brain_mask.nii.gz"
        );
        assert_eq!(
            anatomical_brain_mask(&subject, None),
            "derivatives/anatomical/sub-03/ses-PrismaAnat/anat/sub-03_ses-PrismaAnat_space-T1w_desc-brain_mask.nii.gz"
        );
        assert_eq!(
            sidecar(&r2mean(&subject)).unwrap(),
            "derivatives/glmsingle-tedana/sub-03/sub-03_task-images_space-T1w_stat-rsquare_desc-R2mean_statmap.json"
        );
    }

    #[cfg(feature = "download")]
    #[test]
    fn directories_that_may_be_other_disks() {
        for (path, expected) in [
            ("README", vec![]),
            ("sub-03/ses-01/func/x", vec!["sub-03"]),
            ("stimuli/images.h5", vec!["stimuli"]),
            (
                "derivatives/rois/sub-03/face/x",
                vec!["derivatives", "derivatives/rois", "derivatives/rois/sub-03"],
            ),
            ("derivatives/rois/all/x", vec!["derivatives", "derivatives/rois"]),
        ] {
            assert_eq!(disks(path).collect::<Vec<_>>(), expected, "{path}");
        }
    }
}
