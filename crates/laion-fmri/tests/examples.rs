//! The examples, run on the fixture bucket.

use fixtures::Bucket;
use fixtures::bucket;
use laion_fmri::splits::train_test_ids;

#[expect(dead_code, reason = "its main is for running it alone")]
#[path = "../examples/divide_betas.rs"]
mod divide_betas;
#[expect(dead_code, reason = "its main is for running it alone")]
#[path = "../examples/load.rs"]
mod load;
#[expect(dead_code, reason = "its main is for running it alone")]
#[path = "../examples/query_splits.rs"]
mod query_splits;
#[expect(dead_code, reason = "its main is for running it alone")]
#[path = "../examples/ridge.rs"]
mod ridge;
#[expect(dead_code, reason = "its main is for running it alone")]
#[path = "../examples/stimulus_derivatives.rs"]
mod stimulus_derivatives;

#[test]
fn query_splits_prints_what_the_page_shows() {
    let mut out = Vec::new();
    query_splits::run(&mut out).unwrap();
    let expected = "\
Pools:     shared, sub-01, sub-03, sub-05, sub-06, sub-07
Splits:    random_0, random_1, random_2, random_3, random_4, cluster_k5_0, cluster_k5_1, cluster_k5_2, cluster_k5_3, cluster_k5_4, tau, ood
OOD types: cropped, gabor, gaudy, illusion-classic, illusion-natural, relations, selfmade, shape, unusual
Split:    random_0
Pool:     shared
Family:   random
Revision: r1
n_train:  897
n_test:   224
Loaded:   897 train / 224 test ids
OOD shape only:  test ids = 82
";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn divide_betas_divides_the_trials_of_all_sessions() {
    let bucket = Bucket::temporary().unwrap();
    let mut out = Vec::new();
    divide_betas::run(bucket.root(), &mut out).unwrap();
    let subject = crate::opened(&bucket, "sub-03");
    let sessions: Vec<String> =
        subject.sessions().unwrap().iter().map(ToString::to_string).collect();
    let labels: Vec<&str> =
        sessions.iter().flat_map(|session| bucket::labels("sub-03", session)).collect();
    let ids = train_test_ids("tau", "shared").unwrap();
    let count = |list: &[&str]| labels.iter().filter(|label| list.contains(label)).count();
    let (train, test) = (count(&ids.train), count(&ids.test));
    let voxels = subject.roi_mask("visual", Default::default()).unwrap().n_voxels();
    assert!(train > 0 && test > 0 && voxels > 0);
    let expected = format!(
        "X_train ({train}, {voxels}), X_test ({test}, {voxels})\n\
         {} of {} trials are in neither list\n",
        labels.len() - train - test,
        labels.len()
    );
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn load_goes_through_the_whole_page() {
    let bucket = Bucket::temporary().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let nifti = directory.path().join("load.nii.gz");
    let mut out = Vec::new();
    load::run(bucket.root(), &nifti, &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    let brain = bucket::anatomical_voxels("sub-03").len();
    let trials = bucket::labels("sub-03", "ses-01").len();
    let rsquare = bucket::rsquare_voxels("sub-03").len();
    assert!(out.starts_with(&format!("brain: {brain} voxels, rsquare: {rsquare}\n")), "{out}");
    assert!(out.contains(&format!("ses-01: ({trials}, {brain}), {trials} trials")), "{out}");
    let left = bucket::Roi::of("sub-03", "FFA1").unwrap().vertices(bucket::Hemisphere::Left).len();
    assert!(out.contains(&format!("FFA1: {left} vertices on the left")), "{out}");
    assert!(out.contains("sub-03_ses-PrismaAnat_space-T1w_res-1pt8_T1w.nii.gz"), "{out}");
    let both =
        ["ses-01", "ses-02"].into_iter().flat_map(|session| bucket::labels("sub-03", session));
    let shared = both.filter(|label| label.starts_with("shared_")).count();
    assert!(out.contains(&format!("X_test {shared} trials")), "{out}");
    assert_eq!(
        laion_fmri::nifti_stream::fs::read_volume(&nifti).unwrap().data().len(),
        17 * 19 * 13
    );
}

#[test]
fn stimulus_derivatives_goes_through_the_whole_page() {
    let bucket = Bucket::temporary().unwrap();
    bucket::write_gated(bucket.root()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut out = Vec::new();
    stimulus_derivatives::run(bucket.root(), directory.path(), &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    let images = bucket::stimulus_rows().len();
    let trials = bucket::labels("sub-03", "ses-01").len();
    let voxels =
        crate::opened(&bucket, "sub-03").roi_mask("visual", Default::default()).unwrap().n_voxels();
    for line in [
        format!("CLIP: {images} x 6"),
        "1 human captions, ai: Some(\"None\")".to_owned(),
        "1 human \" leading and trailing spaces \"".to_owned(),
        "NSD images with a dog: [\"shared_4rep_NSD_special100_10.jpg\"]".to_owned(),
        format!("X ({trials}, 6), y ({trials}, {voxels})"),
        format!("{trials} trials in shuffled batches"),
    ] {
        assert!(out.lines().any(|got| got == line), "{line} is not in\n{out}");
    }
}

#[test]
fn ridge_predicts_from_an_output_alone() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("ffa1.npz");
    let bucket = Bucket::temporary().unwrap();
    crate::ridge_output::write(bucket.root(), &output);
    drop(bucket);
    let mut out = Vec::new();
    ridge::run(&output, &mut out).unwrap();
    // The betas are noise, so that nothing can be predicted; ridge.py prints the same line.
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "28 training and 5 test rows, 20 voxels: median correlation 0.122493\n"
    );
}
