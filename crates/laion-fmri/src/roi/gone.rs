//! Volumes of ROIs that were downloaded and are no longer on disk.

use bids_names::roi_label;
use laion_fmri_base::agreeing;

use super::{RES, RoiIndex};
use crate::{Result, Subject, layout};

/// Such a volume.
#[derive(Debug)]
pub(super) struct GoneVolume {
    pub(super) category: String,
    pub(super) name: String,
    /// Its path below the root.
    pub(super) path: String,
}

impl RoiIndex {
    /// The volumes of which the mirror has a record but no file, by category and ROI. Records that
    /// cannot be read name none.
    pub(super) fn gone(&self, subject: &Subject) -> &[GoneVolume] {
        self.gone.get_or_init(|| {
            self.recorded_alone(subject).unwrap_or_else(|error| {
                tracing::debug!(%error, "not known which ROIs were downloaded");
                Vec::new()
            })
        })
    }

    fn recorded_alone(&self, subject: &Subject) -> Result<Vec<GoneVolume>> {
        let files = subject.files();
        if files.reads_bucket() {
            return Ok(Vec::new());
        }
        let tree = layout::rois(subject.id());
        let mut gone = Vec::new();
        for path in files.recorded_paths()? {
            let below = path.strip_prefix(&tree).and_then(|rest| rest.split_once('/'));
            let Some((category, file)) = below else { continue };
            let Some(name) = roi_label(file, subject.id(), RES) else { continue };
            let mut entries = self.entries.iter();
            if !entries.any(|entry| entry.category == category && entry.name == name) {
                let (category, name) = (category.to_owned(), name.to_owned());
                gone.push(GoneVolume { category, name, path });
            }
        }
        Ok(gone)
    }

    /// Says which volumes are left out of an answer because they are gone.
    pub(super) fn name_gone(&self, subject: &Subject, is_meant: impl Fn(&GoneVolume) -> bool) {
        let gone = self.gone(subject);
        let gone: Vec<&GoneVolume> = gone.iter().filter(|volume| is_meant(volume)).collect();
        let Some(first) = gone.first() else { return };
        let names: Vec<&str> = gone.iter().map(|volume| volume.name.as_str()).collect();
        let path = subject.roots().expected(&first.path);
        let (subject, path) = (subject.id(), path.display());
        let is = agreeing(names.len(), "is", "are");
        tracing::warn!(
            target: "laion_fmri::gone_volume",
            %subject,
            %path,
            "{subject}: the {} of {} {} downloaded but {is} no longer on disk and {is} left out",
            agreeing(names.len(), "volume", "volumes"),
            names.join(", "),
            agreeing(names.len(), "was", "were"),
        );
    }
}
