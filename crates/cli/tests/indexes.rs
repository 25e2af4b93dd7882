//! The cache directory, indexes and threads, as a user meets them.

use crate::{User, names};

#[test]
fn an_index_is_made_where_the_cache_directory_is() {
    let user = User::with_session();
    let ran = user.ok("index --subject sub-03 --session ses-01 --cache-dir cache");
    let name = "sub-03_ses-01_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz.index";
    assert_eq!(ran.out, format!("cache/indexes/{name}\n"));
    assert_eq!(names(&user.path("cache/indexes")), [name]);
    // Without sessions named, all that are on disk; without a directory, the default one.
    let ran = user.ok("index --subject 03 --json");
    let json: serde_json::Value = serde_json::from_str(ran.out.trim()).unwrap();
    assert_eq!(json["schema"], "laion-fmri.index/1");
    assert_eq!(json["session"], "ses-01");
    assert_eq!(names(&user.path("home/.cache/laion-fmri/indexes")), [name]);
}

#[test]
fn trials_read_by_index_are_those_read_without() {
    let user = User::with_session();
    user.ok("betas --subject sub-03 --session ses-01 --trials 2:4,7 -o without.npy -j 1");
    user.ok("index --subject sub-03");
    user.ok("betas --subject sub-03 --session ses-01 --trials 2:4,7 -o with.npy -j 2");
    let read = |name: &str| std::fs::read(user.path(name)).unwrap();
    assert!(read("without.npy") == read("with.npy"));
}

#[test]
fn sessions_that_are_missing_are_named() {
    let user = User::with_session();
    let message = user.fails("index --subject sub-03 --session ses-99", 3);
    assert!(message.contains("ses-99"), "{message}");
    let mut command = user.command(&["index", "--subject", "sub-03"]);
    command.env("LAION_FMRI_DATA", user.mirror()).env_remove("HOME");
    let ran = user.run_with(command);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("--cache-dir DIR"), "{}", ran.err);
}

#[test]
fn a_download_makes_the_index_when_asked() {
    let user = User::new();
    user.ok("download --subject sub-03 --ses ses-01 --accept-license --index --cache-dir cache");
    let name = "sub-03_ses-01_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz.index";
    assert_eq!(names(&user.path("cache/indexes")), [name]);
    let passed = std::fs::read(user.path("cache/indexes").join(name)).unwrap();
    user.ok("index --subject sub-03 --cache-dir made -j 1");
    assert!(passed == std::fs::read(user.path("made/indexes").join(name)).unwrap());
    // Several threads may begin at other blocks, with the same trials.
    user.ok("index --subject sub-03 --cache-dir threads -j 2");
    let trials = |cache: &str| {
        let read = "betas --subject sub-03 --session ses-01 --trials 3,9:12,40";
        user.ok(&format!("{read} -o {cache}.npy -j 1 --cache-dir {cache}"));
        std::fs::read(user.path(&format!("{cache}.npy"))).unwrap()
    };
    assert!(trials("made") == trials("threads") && trials("made") == trials("none"));
    let mut command = user.command(&["download", "--subject", "sub-03", "--index"]);
    command.env_remove("HOME");
    let ran = user.run_with(command);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("--cache-dir DIR"), "{}", ran.err);
}
