//! The downloads that a plan needs before it can run without a network.

use super::columns::SESSION_CEILING;
use super::plan::ExtractPlan;

impl ExtractPlan {
    /// The arguments of `laion-fmri` that fetch what the tasks read, one list for each call.
    #[must_use]
    pub fn downloads(&self) -> Vec<Vec<String>> {
        let words = |text: &[&str]| text.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let mut calls = Vec::new();
        for subject in self.subjects() {
            // The brain masks and the mean R² come with every download that names sessions.
            let mut betas = words(&["download", "--subject", &subject.subject, "--ses"]);
            betas.extend(subject.sessions.iter().cloned());
            betas.extend(words(&["--desc", "SingletrialBetas"]));
            let ceilings = self.conventions.noise_ceiling.iter().filter_map(|it| it.desc.clone());
            let mut descs: Vec<String> = self.ceilings.iter().cloned().chain(ceilings).collect();
            let own = self.conventions.noise_ceiling.iter().any(|it| it.desc.is_none());
            descs.sort();
            descs.dedup();
            if own || descs.iter().any(|desc| desc == SESSION_CEILING) {
                betas.push(SESSION_CEILING.to_owned());
                descs.retain(|desc| desc != SESSION_CEILING);
            }
            calls.push(betas);
            if !descs.is_empty() {
                let mut maps = words(&["download", "--subject", &subject.subject]);
                maps.extend(words(&["--ses", "averages", "--desc"]));
                maps.extend(descs);
                calls.push(maps);
            }
            if !self.conventions.rois.is_empty() {
                let rois = format!("derivatives/rois/{}/", subject.subject);
                calls.push(words(&["download", "--prefix", &rois, "--extension", "nii.gz"]));
            }
        }
        if let Some(model) = self.conventions.features {
            calls.push(words(&["download-embeddings", "--model", &model.to_string()]));
        }
        calls
    }
}
