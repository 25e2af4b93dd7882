//! Maps of the functional localizers.

use bids_names::{FileName, FileNameError, SessionId, SubjectId};

use super::LOCALIZERS;
use crate::localizer::{LocalizerSpace, LocalizerTask};

/// `derivatives/localizers/SUB/`.
#[must_use]
pub fn localizers(subject: &SubjectId) -> String {
    format!("{LOCALIZERS}{subject}/")
}

/// A localizer map: with a run the per-run effect of a condition, without the z-map of a contrast.
///
/// # Errors
///
/// When `contrast` cannot be part of a file name.
pub fn localizer_map(
    subject: &SubjectId,
    session: &SessionId,
    task: LocalizerTask,
    run: Option<u32>,
    space: LocalizerSpace,
    contrast: &str,
) -> Result<String, FileNameError> {
    let extension = match space {
        LocalizerSpace::Fsnative(_) => "func.gii",
        LocalizerSpace::T1w(_) => "nii.gz",
    };
    let mut name = FileName::builder("statmap", extension)
        .entity("sub", subject.label())
        .entity("ses", session.label())
        .entity("task", task.as_str());
    if let Some(run) = run {
        name = name.entity("run", format!("{run:02}"));
    }
    name = match space {
        LocalizerSpace::Fsnative(hemisphere) => {
            name.entity("hemi", hemisphere.as_str()).entity("space", "fsnative")
        }
        LocalizerSpace::T1w(resolution) => {
            name.entity("space", "T1w").entity("res", resolution.as_str())
        }
    };
    let stat = if run.is_some() { "effect" } else { "z" };
    let name = name.entity("contrast", contrast).entity("stat", stat).build()?;
    Ok(format!("{}{session}/func/{name}", localizers(subject)))
}

#[cfg(test)]
mod tests {
    use gifti_surface::Hemisphere;

    use super::*;
    use crate::localizer::LocalizerResolution;

    #[test]
    fn keys_are_those_of_the_bucket() {
        let subject: SubjectId = "sub-03".parse().unwrap();
        let motion: SessionId = "MotionLocBarsSML".parse().unwrap();
        let key = localizer_map(
            &subject,
            &motion,
            LocalizerTask::MotionLeft,
            None,
            LocalizerSpace::Fsnative(Hemisphere::Left),
            "movingVsStatic",
        );
        assert_eq!(
            key.unwrap(),
            "derivatives/localizers/sub-03/ses-MotionLocBarsSML/func/sub-03_ses-MotionLocBarsSML_task-MotionLeft_hemi-L_space-fsnative_contrast-movingVsStatic_stat-z_statmap.func.gii"
        );
        let effect = |space, condition| {
            let session = "ses-31".parse().unwrap();
            localizer_map(&subject, &session, LocalizerTask::Object, Some(2), space, condition)
        };
        assert_eq!(
            effect(LocalizerSpace::Fsnative(Hemisphere::Right), "scrambled").unwrap(),
            "derivatives/localizers/sub-03/ses-31/func/sub-03_ses-31_task-oloc_run-02_hemi-R_space-fsnative_contrast-scrambled_stat-effect_statmap.func.gii"
        );
        let volume = LocalizerSpace::T1w(LocalizerResolution::Res1pt5);
        assert_eq!(
            effect(volume, "scrambled").unwrap(),
            "derivatives/localizers/sub-03/ses-31/func/sub-03_ses-31_task-oloc_run-02_space-T1w_res-1pt5_contrast-scrambled_stat-effect_statmap.nii.gz"
        );
        assert!(matches!(
            effect(volume, "a/b"),
            Err(FileNameError::InvalidValue { key, got, .. }) if key == "contrast" && got == "a/b"
        ));
    }
}
