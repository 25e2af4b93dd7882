//! The train/test splits: listed, shown, applied to trials, and checked for leaks.

use fixtures::bucket;
use insta::assert_snapshot;
use laion_fmri::export::read_npz;
use laion_fmri::ndarray::Array1;
use laion_fmri::splits::{LeakReport, split_masks};

use crate::User;

/// A user whose mirror holds the trial tables of a subject.
fn with_trials(subject: &str) -> User {
    let user = User::new();
    user.ok(&format!("download --subject {subject} --suffix trials --accept-license"));
    user
}

/// The labels of sessions that were downloaded, in order.
fn labels(subject: &str, sessions: &[&str]) -> Vec<&'static str> {
    sessions.iter().flat_map(|session| bucket::labels(subject, session)).collect()
}

#[test]
fn splits_are_listed_with_both_revisions() {
    let user = User::new();
    let out = user.ok("splits list --pool shared").out;
    assert_snapshot!(out, @"
    pool    name          split_family  revisions  n_train  n_test
    shared  random_0      random        r1             897     224
    shared  random_0      random        r2             896     225
    shared  random_1      random        r1             897     224
    shared  random_1      random        r2             897     224
    shared  random_2      random        r1             897     224
    shared  random_2      random        r2             897     224
    shared  random_3      random        r1             897     224
    shared  random_3      random        r2             897     224
    shared  random_4      random        r1             897     224
    shared  random_4      random        r2             897     224
    shared  cluster_k5_0  cluster_k5    r1 r2          847     274
    shared  cluster_k5_1  cluster_k5    r1 r2          873     248
    shared  cluster_k5_2  cluster_k5    r1 r2          875     246
    shared  cluster_k5_3  cluster_k5    r1 r2          896     225
    shared  cluster_k5_4  cluster_k5    r1 r2          993     128
    shared  tau           tau           r1 r2          897     224
    shared  ood           ood           r1 r2         1121     371
    ");
    let all = user.ok("splits list --format csv").out;
    assert_eq!(all.lines().count(), 1 + 6 * 17);
    assert_eq!(all.lines().next(), Some("pool,name,split_family,revisions,n_train,n_test"));
    let r2 = user.ok("splits list --pool sub-03 --revision r2 --json").out;
    assert_eq!(r2.lines().count(), 12);
    assert_eq!(
        r2.lines().next(),
        Some(
            r#"{"schema":"laion-fmri.split/1","pool":"sub-03","name":"random_0","split_family":"random","revisions":"r2","n_train":4666,"n_test":1167}"#
        )
    );
}

#[test]
fn a_split_is_shown_with_how_it_was_made() {
    let user = User::new();
    assert_snapshot!(user.ok("splits show tau --pool shared").out, @"
    name:             tau
    pool:             shared
    split_family:     tau
    revision:         r1
    n_train:          897
    n_test:           224
    method:           min_nn_filter + stochastic_mmd_swap
    tau:              0.46964284777641296
    percentile:       74.0
    mmd2_mean:        0.005388496598849694
    ratio_to_random:  0.9744598209012681
    ");
    let json = user.ok("splits show random_2 --pool sub-05 --revision r2 --json").out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["schema"], "laion-fmri.split-description/1");
    assert_eq!(json["params"], serde_json::json!({"k": 5, "seed": 42, "fold": 2, "revision": 2}));
    assert_snapshot!(user.ok("splits show cluster_k5_1 --pool sub-05 --format csv").out, @r#"
    name,pool,split_family,revision,n_train,n_test,method,params
    cluster_k5_1,sub-05,cluster_k5,r1,4491,1342,kmeans_clip_k5_holdout,"{""feature_space"":""CLIP"",""n_clusters"":5,""seed"":2026,""n_init"":5,""held_out_cluster"":1}"
    "#);
    let ood = user.ok("splits show ood --pool shared").out;
    assert!(ood.ends_with("ood_types:        cropped, gabor, gaudy, illusion-classic, illusion-natural, relations, selfmade, shape, unusual\n"), "{ood}");
}

#[test]
fn names_are_printed_one_a_line() {
    let user = User::new();
    for (set, count) in [("train", 897), ("test", 224)] {
        let out = user.ok(&format!("splits ids random_0 --pool shared --set {set}")).out;
        assert_eq!(out.lines().count(), count);
    }
    let r2 = user.ok("splits ids random_0 --pool shared --set test --revision r2").out;
    assert_eq!(r2.lines().count(), 225);
    let types = "splits ids ood --pool sub-07 --set test --ood-type shape gabor";
    assert_eq!(user.ok(types).out.lines().count(), 92);
    let one = user.ok("splits ids ood --pool shared --set test --ood-type unusual --json").out;
    // The space before the extension is part of the name.
    let odd = r#"{"schema":"laion-fmri.split-image/1","image_name":"shared_4rep_OOD_unusual_https_www.anothermag.com_design-living_2732_weird-and-wonderful-fruit-and-vegetables .jpg"}"#;
    assert!(one.lines().any(|line| line == odd));
}

#[test]
fn unknown_names_are_refused_with_the_known_ones() {
    let user = User::new();
    let cases = [
        ("splits ids random_5 --pool shared --set test", "cluster_k5_4, tau, ood"),
        ("splits show tau --pool pooled", "possible values: shared, sub-01, sub-03"),
        ("splits show tau --pool shared --revision r3", "possible values: r1, r2"),
        ("splits ids ood --pool shared --set test --ood-type x", "gaudy, illusion-classic"),
        ("splits masks tua --pool shared --subject 03 -o x.npz", "cluster_k5_4, tau, ood"),
        (
            "splits masks tau --pool shared --subject 03 -o x.npy",
            "unsupported output x.npy: use .npz",
        ),
    ];
    for (line, expected) in cases {
        let message = user.fails(line, 2);
        assert!(message.contains(expected), "{line}: {message}");
    }
    let message = user.fails("splits ids tau --pool shared --set test --ood-type shape", 2);
    assert_eq!(message, "error: OOD types are only valid for the split ood, got tau\n");
}

#[test]
fn masks_are_over_the_trials_of_the_sessions_in_order() {
    let user = with_trials("sub-03");
    let check = |options: &str, sessions: &[&str], revision: &str| {
        let line = format!("splits masks tau --pool shared --subject 03 {options} -o masks.npz");
        let ran = user.ok(line.trim());
        let expected = split_masks(labels("sub-03", sessions), "tau", "shared").unwrap();
        let mut npz = read_npz(user.path("masks.npz")).unwrap();
        let mut bools = |name: &str| npz.array::<bool>(name).unwrap();
        assert_eq!(bools("train"), Array1::from(expected.train.clone()).into_dyn());
        assert_eq!(bools("test"), Array1::from(expected.test.clone()).into_dyn());
        assert_eq!(npz.text("split").unwrap(), ["tau"]);
        assert_eq!(npz.text("pool").unwrap(), ["shared"]);
        assert_eq!(npz.text("revision").unwrap(), [revision]);
        let message = format!(
            "tau of shared ({revision}): {} trials, {} train, {} test, {} in neither list -> masks.npz\n",
            expected.len(),
            expected.n_train(),
            expected.n_test(),
            expected.n_neither
        );
        assert_eq!(ran.err, message);
        std::fs::remove_file(user.path("masks.npz")).unwrap();
        assert!(expected.n_train() > 0 && expected.n_test() > 0 && expected.n_neither > 0);
    };
    check("--session ses-01 02", &["ses-01", "ses-02"], "r1");
    check("--session 02 ses-01", &["ses-02", "ses-01"], "r1");
    check("--revision r2", &["ses-01", "ses-02"], "r2");
}

#[test]
fn masks_of_ood_keep_the_types_that_were_asked_for() {
    let user = with_trials("sub-03");
    user.ok("splits masks ood --pool sub-03 --subject 03 --ood-type unusual shape -o masks.npz");
    let mut npz = read_npz(user.path("masks.npz")).unwrap();
    let test = npz.array::<bool>("test").unwrap();
    let labels = labels("sub-03", &["ses-01", "ses-02"]);
    let expected: Vec<bool> = labels
        .iter()
        .map(|label| label.contains("_OOD_unusual_") || label.contains("_OOD_shape_"))
        .collect();
    assert_eq!(test, Array1::from(expected).into_dyn());
    assert_eq!(npz.text("ood_types").unwrap(), ["unusual", "shape"]);
    let piped = user.ok("splits masks ood --pool sub-03 --subject 03 -o -");
    assert_eq!(&piped.stdout[..2], b"PK");
}

#[test]
fn masks_need_trials() {
    let user = User::new();
    let message = user.fails("splits masks tau --pool shared --subject sub-03 -o masks.npz", 3);
    assert!(message.contains("hint: laion-fmri download --subject sub-03"), "{message}");
    assert!(!user.path("masks.npz").exists());
}

#[test]
fn known_duplicates_on_both_sides_are_reported() {
    let user = with_trials("sub-01");
    let ran = user.run("splits check random_1 --pool sub-01 --subject 01");
    assert_eq!(ran.code, 1, "{}", ran.err);
    let labels = labels("sub-01", &["ses-01", "ses-02", "ses-03"]);
    let masks = split_masks(&labels, "random_1", "sub-01").unwrap();
    let report = LeakReport::of_masks(&labels, &masks).unwrap();
    assert_snapshot!(ran.out, @"
    random_1 of sub-01 (r1)
    trials: 145 (98 train, 15 test, 32 in neither list)
    images with repeats on both sides: 0
    groups of known duplicates on both sides: 1
    labels that are not images of the dataset: 0
    finding    group  image_name                                       n_train  n_test  n_neither
    duplicate  1      shared_12rep_THINGS+_kmeans_222_spring_roll.jpg        0       2          0
    duplicate  1      unique_THINGS+_egg_p01.jpg                             6       0          0
    ");
    let ran = user.run("splits check random_1 --pool sub-01 --subject 01 --json");
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &json["schema"]), (1, &"laion-fmri.split-check/1".into()));
    assert_eq!(json["n_train"], report.n_train);
    assert_eq!(json["duplicates"][0][1]["image_name"], "unique_THINGS+_egg_p01.jpg");
    assert_eq!(json["unknown"], serde_json::json!([]));

    let ran = user.ok("splits check random_1 --pool sub-01 --subject 01 --revision r2");
    assert!(ran.out.ends_with("no problems found\n"), "{}", ran.out);
}

#[test]
fn labels_that_are_no_images_are_reported() {
    let user = with_trials("sub-03");
    let table = user.mirror().join(
        "derivatives/glmsingle-tedana/sub-03/ses-01/func/sub-03_ses-01_task-images_desc-SingletrialBetas_trials.tsv",
    );
    let text = std::fs::read_to_string(&table).unwrap();
    let known = bucket::labels("sub-03", "ses-01")[0];
    let typo = format!("{known} ");
    std::fs::write(&table, text.replacen(&format!("\t{known}\n"), &format!("\t{typo}\n"), 1))
        .unwrap();
    let ran = user.run("splits check tau --pool sub-03 --subject 03 --session 01 --format csv");
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert_eq!(
        ran.out,
        format!("finding,group,image_name,n_train,n_test,n_neither\nunknown,,{typo},0,0,1\n")
    );
    let ran = user.ok("splits masks tau --pool sub-03 --subject 03 --session 01 -o masks.npz");
    assert!(
        ran.err.contains("note: 1 trial has a label that is not an image of the dataset; "),
        "{}",
        ran.err
    );
}

#[test]
fn a_split_of_another_subject_is_warned_about() {
    let user = User::with_session();
    let warned = "warning: --pool sub-01 has the images of sub-01, and the trials are of sub-03: \
                  only images that both saw are in a list\n";
    let ran = user.ok("splits masks tau --pool sub-01 --subject sub-03 -o masks.npz");
    assert!(ran.err.starts_with(warned), "{}", ran.err);
    let ran = user.run("splits check tau --pool sub-01 --subject 03");
    assert!(ran.err.starts_with(warned), "{}", ran.err);
    for pool in ["sub-03", "shared"] {
        let ran = user.ok(&format!("splits masks tau --pool {pool} --subject sub-03 -o masks.npz"));
        assert!(!ran.err.contains("warning"), "{}", ran.err);
    }
}
