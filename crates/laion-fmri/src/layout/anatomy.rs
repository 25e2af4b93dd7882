//! Anatomical images and FreeSurfer reconstructions.

use bids_names::{FileName, SubjectId};

use super::{FREESURFER, anatomical, built};

/// Where the anatomical images and masks of a subject lie.
#[must_use]
pub fn anatomical_images(subject: &SubjectId) -> String {
    format!("{}ses-PrismaAnat/anat/", anatomical(subject))
}

/// An anatomical image, by suffix (`T1w`, `T2w`), on the functional grid (`Some("1pt8")`) or at
/// full resolution.
#[must_use]
pub fn anatomical_image(subject: &SubjectId, suffix: &'static str, res: Option<&str>) -> String {
    let mut name = FileName::builder(suffix, "nii.gz")
        .entity("sub", subject.label())
        .entity("ses", "PrismaAnat")
        .entity("space", "T1w");
    if let Some(res) = res {
        name = name.entity("res", res);
    }
    format!("{}{}", anatomical_images(subject), built(name))
}

/// `derivatives/freesurfer/SUB/`.
#[must_use]
pub fn freesurfer(subject: &SubjectId) -> String {
    format!("{FREESURFER}{subject}/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_bucket() {
        let subject: SubjectId = "sub-03".parse().unwrap();
        assert_eq!(
            anatomical_image(&subject, "T2w", None),
            "derivatives/anatomical/sub-03/ses-PrismaAnat/anat/sub-03_ses-PrismaAnat_space-T1w_T2w.nii.gz"
        );
        assert_eq!(
            anatomical_image(&subject, "T1w", Some("1pt8")),
            "derivatives/anatomical/sub-03/ses-PrismaAnat/anat/sub-03_ses-PrismaAnat_space-T1w_res-1pt8_T1w.nii.gz"
        );
        assert_eq!(freesurfer(&subject), "derivatives/freesurfer/sub-03/");
    }
}
