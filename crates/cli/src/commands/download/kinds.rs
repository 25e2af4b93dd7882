//! What a plan brings and what is there already, by the kind of data.

use laion_fmri::layout;
use laion_fmri::s3_mirror::{Action, Plan};
use laion_fmri::stimuli::files;
use laion_fmri_base::{counted, readable_bytes as bytes};

use crate::output::{Align, columns};

/// The kinds, in the order in which they are shown.
const KINDS: [&str; 11] = [
    BETAS,
    "other results of GLMsingle",
    "ROIs",
    "anatomy",
    "FreeSurfer",
    "localizers",
    "raw data",
    "stimuli",
    EMBEDDINGS,
    "about the dataset",
    OTHER,
];

const BETAS: &str = "betas and trials";
const EMBEDDINGS: &str = "image embeddings";
const OTHER: &str = "other";

/// The kind of data that a key belongs to.
pub(super) fn of(key: &str) -> &'static str {
    if layout::is_betas(key) || layout::is_trials(key) || key.contains("_desc-SingletrialBetas_") {
        return BETAS;
    }
    let trees = [
        (layout::GLMSINGLE, "other results of GLMsingle"),
        (layout::ROIS, "ROIs"),
        (layout::ANATOMICAL, "anatomy"),
        (layout::FREESURFER, "FreeSurfer"),
        (layout::LOCALIZERS, "localizers"),
        ("derivatives/", OTHER),
        ("sub-", "raw data"),
    ];
    let tree = trees.into_iter().find(|(prefix, _)| key.starts_with(prefix));
    match (tree, key.split_once('/')) {
        (Some((_, kind)), _) => kind,
        (None, Some((files::DIRECTORY, name))) if name.ends_with("_embeddings.h5") => EMBEDDINGS,
        (None, Some((files::DIRECTORY, _))) => "stimuli",
        (None, None) => "about the dataset",
        (None, Some(_)) => OTHER,
    }
}

/// Files and bytes of each kind, to fetch and on disk already; nothing when there is one kind alone.
pub(super) fn table(plan: &Plan) -> Vec<String> {
    let mut sums = KINDS.map(|kind| (kind, [(0_u64, 0_u64); 2]));
    for item in &plan.items {
        let place = match item.action {
            Action::Fetch(_) => 0,
            Action::Keep => 1,
            _ => continue,
        };
        let kind = of(item.key.as_str());
        if let Some((_, sums)) = sums.iter_mut().find(|(known, _)| *known == kind) {
            let (files, size) = sums[place];
            sums[place] = (files + 1, size.saturating_add(item.size));
        }
    }
    let amount = |(files, size): (u64, u64)| match files {
        0 => "-".to_owned(),
        files => format!("{}, {}", counted(files, "file"), bytes(size)),
    };
    let header = ["by kind", "to download", "on disk already"].map(str::to_owned);
    let rows = sums.into_iter().filter(|(_, [fetch, keep])| fetch.0 + keep.0 > 0);
    let rows = rows.map(|(kind, [fetch, keep])| [kind.to_owned(), amount(fetch), amount(keep)]);
    let rows: Vec<[String; 3]> = std::iter::once(header).chain(rows).collect();
    if rows.len() < 3 {
        return Vec::new();
    }
    columns(&rows, [Align::Left, Align::Right, Align::Right])
}

#[cfg(test)]
mod tests {
    use laion_fmri::stimuli::EmbeddingModel;

    use super::*;

    #[test]
    fn keys_have_a_kind() {
        let glm = "derivatives/glmsingle-tedana/sub-03";
        let betas = "sub-03_ses-01_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap";
        for (key, kind) in [
            (format!("{glm}/ses-01/func/{betas}.nii.gz"), BETAS),
            (format!("{glm}/ses-01/func/{betas}.json"), BETAS),
            (format!("{glm}/sub-03_desc-R2mean_statmap.nii.gz"), "other results of GLMsingle"),
            ("derivatives/rois/sub-03/face/x.nii.gz".to_owned(), "ROIs"),
            ("derivatives/anatomical/sub-03/x.nii.gz".to_owned(), "anatomy"),
            ("derivatives/freesurfer/sub-03/surf/lh.pial".to_owned(), "FreeSurfer"),
            ("derivatives/localizers/sub-03/x.nii.gz".to_owned(), "localizers"),
            ("derivatives/retinotopy/sub-03/x.nii.gz".to_owned(), OTHER),
            ("sub-03/ses-01/func/x_bold.nii.gz".to_owned(), "raw data"),
            (format!("stimuli/{}", files::CAPTIONS), "stimuli"),
            (layout::embeddings(EmbeddingModel::Clip), EMBEDDINGS),
            ("README".to_owned(), "about the dataset"),
        ] {
            assert_eq!(of(&key), kind, "{key}");
            assert!(KINDS.contains(&kind));
        }
    }
}
