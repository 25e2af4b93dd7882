//! What is held out, and what is pinned: the rules of the release, apart from how they are applied.

use bids_names::{FilterField, SubjectId, entity_value};

use crate::layout;

/// Labels of the sessions that are listed by the bucket but not released yet.
pub const HELD_OUT_SESSIONS: [&str; 4] = ["31", "32", "33", "34"];

/// Why a held-out object is not handed out.
pub(crate) const HELD_OUT: &str = "the session is not released yet";

/// Why a download from the bucket does not bring the images.
#[cfg(feature = "download")]
pub(crate) const NEEDS_ACCESS: &str =
    "the access service hands it out, to those who accept the data use agreement";

/// The task whose localizer maps are public although its session is held out.
const EXEMPT_TASK: &str = "oloc";

/// Whether a key belongs to a session that is not released yet.
///
/// A key is held out when its directory or its file name carries a held-out session. Maps of the
/// object localizer (`derivatives/localizers/`, `task-oloc`) are public although they were
/// acquired in `ses-31`.
#[must_use]
pub fn is_held_out(key: &str) -> bool {
    if key.starts_with(layout::LOCALIZERS) && entity_value(key, "task") == Some(EXEMPT_TASK) {
        return false;
    }
    HELD_OUT_SESSIONS.iter().any(|held_out| FilterField::Ses.carries(key, held_out))
}

/// The ids of the subjects of the release, ascending: each has a pool of splits.
pub fn subjects() -> impl Iterator<Item = &'static str> {
    laion_fmri_splits::list_pools().iter().filter_map(|pool| pool.subject())
}

/// The keys that the default loader needs in addition to a session's own files: the R²mean map and
/// the anatomical brain mask on the functional grid, with their sidecars.
///
/// They come with every download of single-trial betas or of a named session, whatever the filters
/// say, so that `betas` works after it.
#[must_use]
pub fn pinned(subject: &SubjectId) -> [String; 4] {
    let r2mean = layout::r2mean(subject);
    let mask = layout::anatomical_brain_mask(subject, Some("1pt8"));
    let json = |key: &str| layout::sidecar(key).unwrap_or_default();
    [json(&r2mean), r2mean.clone(), json(&mask), mask]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_out_sessions_are_seen_in_directories_and_names() {
        assert!(is_held_out("derivatives/glmsingle-tedana/sub-01/ses-31/func/x.nii.gz"));
        assert!(is_held_out("derivatives/other/sub-01_ses-34_task-images_bold.nii.gz"));
        assert!(is_held_out("sub-01/ses-32"));
        assert!(!is_held_out("derivatives/glmsingle-tedana/sub-01/ses-30/func/x.nii.gz"));
        assert!(!is_held_out("sub-01/ses-310/x"));
        assert!(!is_held_out("sub-01/xses-31/x"));
    }

    #[test]
    fn object_localizer_maps_are_exempt_only_where_they_are_published() {
        let name = "sub-03/ses-31/func/sub-03_ses-31_task-oloc_contrast-x_stat-z_statmap.nii.gz";
        assert!(!is_held_out(&format!("derivatives/localizers/{name}")));
        assert!(is_held_out(name));
        assert!(is_held_out(&format!(
            "derivatives/localizers/{}",
            name.replace("task-oloc", "task-images")
        )));
    }

    #[test]
    fn the_default_loader_finds_what_is_pinned() {
        let subject: SubjectId = "sub-01".parse().unwrap();
        let pinned = pinned(&subject);
        assert!(pinned.contains(&layout::r2mean(&subject)));
        assert!(pinned.contains(&layout::anatomical_brain_mask(&subject, Some("1pt8"))));
        assert_eq!(pinned.iter().filter(|key| key.ends_with(".json")).count(), 2);
    }
    #[test]
    fn the_subjects_of_the_release_have_ids() {
        let ids: Vec<&str> = subjects().collect();
        assert_eq!(ids, ["sub-01", "sub-03", "sub-05", "sub-06", "sub-07"]);
        assert!(
            ids.iter().all(|id| id.parse::<SubjectId>().is_ok_and(|parsed| parsed.as_str() == *id))
        );
    }
}
