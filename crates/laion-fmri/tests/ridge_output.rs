//! The extraction that the ridge examples read, as their head says.

use std::path::Path;

use laion_fmri::extract::{Average, ExtractRequest, NanColumns, SplitChoice, Zscore, ZscoreScope};
use laion_fmri::{Cancel, Dataset};

/// Extracts FFA1 of `sub-01` from a mirror.
pub(crate) fn write(mirror: &Path, output: &Path) {
    let mut request = ExtractRequest::default();
    request.subjects = vec!["sub-01".to_owned()];
    request.sessions = ["ses-01", "ses-02", "ses-03"].map(str::to_owned).to_vec();
    request.conventions.rois = vec!["FFA1".to_owned()];
    request.conventions.zscore = Some(Zscore::within(ZscoreScope::Session));
    request.conventions.average = Average::Image;
    request.conventions.nan = NanColumns::Drop;
    request.conventions.features = Some("CLIP".parse().unwrap());
    request.conventions.split = Some(SplitChoice {
        name: "tau".parse().unwrap(),
        pool: "sub-01".parse().unwrap(),
        revision: "r1".parse().unwrap(),
        ood_types: Vec::new(),
    });
    request.output = output.to_owned();
    let dataset = Dataset::open(mirror).unwrap();
    let plan = dataset.extract_plan(&request).unwrap();
    plan.run(&dataset, 0..plan.len(), &(), &Cancel::new()).unwrap();
    plan.merge(&(), &Cancel::new()).unwrap();
}
