//! The downloads that a plan needs before it can run without a network.

use super::plan::ExtractPlan;
use crate::noise_ceiling::SESSION_MAP;
use crate::{DownloadRequest, FilterField, Result, layout};

impl ExtractPlan {
    /// What has to be downloaded before the tasks can read a mirror.
    ///
    /// # Errors
    ///
    /// [`Error::SubjectNotFound`](crate::Error::SubjectNotFound) when the plan names a malformed subject.
    pub fn downloads(&self) -> Result<Vec<DownloadRequest>> {
        let mut requests = Vec::new();
        for subject in self.subjects() {
            let whole = DownloadRequest::subject(&subject.subject)?;
            let ceilings = self.conventions.noise_ceiling.iter().filter_map(|it| it.desc.clone());
            let mut descs: Vec<String> = self.ceilings.iter().cloned().chain(ceilings).collect();
            let own = self.conventions.noise_ceiling.iter().any(|it| it.desc.is_none());
            descs.sort();
            descs.dedup();
            let mut of_sessions = vec!["SingletrialBetas"];
            if own || descs.iter().any(|desc| desc == SESSION_MAP) {
                of_sessions.push(SESSION_MAP);
                descs.retain(|desc| desc != SESSION_MAP);
            }
            // The brain masks and the mean R² come with every download that names sessions.
            let betas = whole.clone().ses(subject.sessions.iter().cloned());
            requests.push(betas.filter(FilterField::Desc, of_sessions));
            if !descs.is_empty() {
                requests.push(whole.ses(["averages"]).filter(FilterField::Desc, descs));
            }
            if !self.conventions.rois.is_empty() {
                let rois =
                    DownloadRequest::of_prefix(format!("derivatives/rois/{}/", subject.subject));
                requests.push(rois.filter(FilterField::Extension, ["nii.gz"]));
            }
        }
        if self.with_images {
            requests.push(DownloadRequest::of_prefix(layout::stimulus_metadata()));
        }
        requests
            .extend(self.conventions.features.map(|model| DownloadRequest::embeddings([model])));
        Ok(requests)
    }
}
