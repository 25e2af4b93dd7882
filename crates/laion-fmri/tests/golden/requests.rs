//! What the golden recipes were first made from.

use laion_fmri::extract::{
    Average, ExtractRequest, NanColumns, SplitChoice, Threshold, Zscore, ZscoreFit, ZscoreScope,
};
use laion_fmri::stimuli::EmbeddingModel;
use laion_fmri::{MaskSource, StimulusSet};

/// The request of a golden recipe, without its output.
pub(super) fn request(name: &str) -> ExtractRequest {
    let mut request = ExtractRequest::default();
    let it = &mut request.conventions;
    let (subjects, sessions): (&[&str], &[&str]) = match name {
        "01-one-session" => (&["sub-01"], &["ses-01"]),
        "02-session-zscore" => {
            it.rois = vec!["FFA1".to_owned(), "hV4".to_owned()];
            it.zscore = zscore(ZscoreScope::Session, 0, ZscoreFit::All);
            it.split = split("tau", "shared", "r1", &[]);
            it.features = Some(EmbeddingModel::Clip);
            (&["sub-01"], &["ses-01", "ses-02", "ses-03"])
        }
        "03-run-zscore-images" => {
            it.zscore = zscore(ZscoreScope::Run, 1, ZscoreFit::All);
            it.average = Average::Image;
            it.nan = NanColumns::Drop;
            (&["sub-01"], &["ses-01", "ses-02"])
        }
        "04-train-cluster" => {
            it.rois = vec!["laionventral - retinotopy".to_owned()];
            it.zscore = zscore(ZscoreScope::Session, 1, ZscoreFit::Train);
            it.split = split("cluster_k5_2", "sub-01", "r2", &[]);
            it.features = Some(EmbeddingModel::DinoV2);
            it.nan = NanColumns::Zero;
            (&["sub-01"], &["ses-01", "ses-02", "ses-03"])
        }
        "05-train-ood-types" => {
            it.noise_ceiling = threshold(30.0, Some("Noiseceiling12rep"));
            it.zscore = zscore(ZscoreScope::Run, 0, ZscoreFit::Train);
            it.average = Average::Image;
            it.stimuli = Some(StimulusSet::Shared);
            it.split = split("ood", "shared", "r2", &["shape", "unusual"]);
            it.features = Some(EmbeddingModel::PeCore);
            (&["sub-03"], &["ses-01", "ses-02"])
        }
        "06-session-threshold" => {
            it.mask_source = MaskSource::Rsquare;
            it.noise_ceiling = threshold(65.0, None);
            it.zscore = zscore(ZscoreScope::Run, 0, ZscoreFit::All);
            (&["sub-03"], &["ses-01"])
        }
        "07-rsquare-integers" => {
            it.rois = vec!["all".to_owned()];
            it.mask_source = MaskSource::Rsquare;
            it.nan = NanColumns::Zero;
            it.exclude_ood = true;
            it.split = split("random_3", "shared", "r1", &[]);
            it.features = Some(EmbeddingModel::SigLip2);
            (&["sub-03"], &["ses-02"])
        }
        "08-subjects" => {
            it.rois = vec!["face".to_owned()];
            it.zscore = zscore(ZscoreScope::Session, 0, ZscoreFit::All);
            it.average = Average::Image;
            it.split = split("tau", "shared", "r2", &[]);
            it.features = Some(EmbeddingModel::Clip);
            (&["sub-01", "sub-03"], &["ses-01", "ses-02"])
        }
        "09-exact-repetitions" => {
            it.noise_ceiling = threshold(25.0, Some("Noiseceiling4rep"));
            it.average = Average::Image;
            it.exact_repetitions = true;
            (&["sub-01"], &["ses-01", "ses-02", "ses-03"])
        }
        "10-unique" => {
            it.rois = vec!["(V1v | V1d) & laion".to_owned(), "OFA".to_owned()];
            it.zscore = zscore(ZscoreScope::Session, 1, ZscoreFit::All);
            it.nan = NanColumns::Drop;
            it.stimuli = Some(StimulusSet::Unique);
            it.split = split("cluster_k5_0", "sub-01", "r1", &[]);
            (&["sub-01"], &["ses-02", "ses-03"])
        }
        "11-computed-subjects" => {
            it.noise_ceiling = threshold(40.0, Some("NoiseceilingComputed"));
            it.zscore = zscore(ZscoreScope::Run, 1, ZscoreFit::All);
            it.average = Average::Image;
            it.nan = NanColumns::Drop;
            (&["sub-01", "sub-03"], &["ses-01", "ses-02"])
        }
        "12-computed-session" => {
            it.rois = vec!["laion".to_owned()];
            it.noise_ceiling = threshold(35.0, None);
            it.average = Average::Image;
            it.exclude_ood = true;
            (&["sub-01"], &["ses-03"])
        }
        other => panic!("no request for the golden recipe {other}"),
    };
    request.subjects = subjects.iter().map(|subject| (*subject).to_owned()).collect();
    request.sessions = sessions.iter().map(|session| (*session).to_owned()).collect();
    request
}

fn zscore(within: ZscoreScope, ddof: u8, fit: ZscoreFit) -> Option<Zscore> {
    Some(Zscore { within, ddof, fit })
}

fn threshold(percent: f64, desc: Option<&str>) -> Option<Threshold> {
    Some(Threshold { percent, desc: desc.map(str::to_owned) })
}

fn split(name: &str, pool: &str, revision: &str, ood_types: &[&str]) -> Option<SplitChoice> {
    Some(SplitChoice {
        name: name.parse().unwrap(),
        pool: pool.parse().unwrap(),
        revision: revision.parse().unwrap(),
        ood_types: ood_types.iter().map(|kind| kind.parse().unwrap()).collect(),
    })
}
