//! Noise ceilings that are computed from the betas, and the buckets that hold some of them.

use fixtures::Bucket;
use fixtures::bucket::BETA_GRID;
use laion_fmri::noise_ceiling::{
    ComputedNoiseCeiling, ImageSet, NoiseCeilingOptions, RepetitionTerm, Repetitions, Scope,
};
use laion_fmri::{Cancel, Dataset, MaskSource, Voxels, layout};

/// Subject, sessions and options by name: each option at each of its values.
pub(super) fn choices() -> Vec<(&'static str, &'static str, Vec<&'static str>, NoiseCeilingOptions)>
{
    let default = NoiseCeilingOptions::default;
    let mut unbiased = default();
    unbiased.scope = Some(Scope::Run);
    (unbiased.zscore_ddof, unbiased.residual_ddof) = (1, 1);
    unbiased.images = ImageSet::FourRep;
    unbiased.repetition_term = RepetitionTerm::Constant(4);
    let mut twice = default();
    twice.scope = Some(Scope::Session);
    twice.images = ImageSet::TwelveRep;
    twice.repetitions = Repetitions::Exactly(2);
    twice.voxels = Voxels::all().mask_source(MaskSource::Rsquare);
    let mut often = default();
    often.repetitions = Repetitions::AtLeast(3);
    often.residual_ddof = 1;
    often.voxels = Voxels::roi("face");
    vec![
        ("one-session", "sub-01", vec!["ses-01"], default()),
        ("every-session", "sub-01", vec!["ses-01", "ses-02", "ses-03"], default()),
        ("unbiased-within-runs", "sub-01", vec!["ses-01", "ses-02", "ses-03"], unbiased.clone()),
        ("unbiased-within-runs-sub-03", "sub-03", vec!["ses-01", "ses-02"], unbiased),
        ("twice-rsquare", "sub-03", vec!["ses-02"], twice),
        ("often-face", "sub-03", vec!["ses-02", "ses-01"], often),
    ]
}

/// Computes one of [`choices`].
pub(super) fn computed(dataset: &Dataset, name: &str) -> ComputedNoiseCeiling {
    let choice = choices().into_iter().find(|(known, ..)| *known == name);
    let (_, subject, sessions, options) = choice.unwrap();
    dataset
        .subject(subject)
        .unwrap()
        .compute_noise_ceiling(&sessions, &options, &(), &Cancel::new())
        .unwrap()
}

/// A bucket some of whose maps were computed from its betas: `NoiseceilingComputed` of both
/// subjects, which the bucket lacks otherwise, `NoiseceilingAllrep` of sub-03, and the map of
/// sub-01 ses-03. The files are written by the fixtures, so that they hold what was computed and
/// nothing of how the library writes files.
pub(super) fn bucket_with_computed_maps() -> Bucket {
    let mut bucket = Bucket::temporary().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let subject_map = |subject: &str, desc: &str| {
        let name = format!("{subject}_task-images_space-T1w_desc-{desc}_statmap.nii.gz");
        format!("{}{name}", layout::glmsingle(&subject.parse().unwrap()))
    };
    let session_map =
        layout::session_noise_ceiling(&"sub-01".parse().unwrap(), &"ses-03".parse().unwrap());
    let maps = [
        (subject_map("sub-01", "NoiseceilingComputed"), "unbiased-within-runs"),
        (subject_map("sub-03", "NoiseceilingComputed"), "unbiased-within-runs-sub-03"),
        (subject_map("sub-03", "NoiseceilingAllrep"), "twice-rsquare"),
        (session_map, "every-session"),
    ];
    let maps = maps.map(|(key, choice)| (key, computed(&dataset, choice)));
    for (key, map) in maps {
        let indices = map.voxels.indices();
        let value = |voxel| match indices.binary_search(&BETA_GRID.flat(voxel)) {
            Ok(column) => map.values[column],
            Err(_) => 0.0,
        };
        bucket.put_map(&key, value).unwrap();
    }
    bucket
}
