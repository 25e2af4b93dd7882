//! Downloads of the trees other than the betas, and of raw data alone.

use crate::{User, names};

/// The keys that a dry run would fetch below the top.
fn keys(user: &User, line: &str) -> Vec<String> {
    let ran = user.ok(&format!("{line} --dry-run --json"));
    let items = ran.out.lines().map(|line| serde_json::from_str(line).unwrap());
    items
        .filter(|item: &serde_json::Value| item["action"] == "fetch")
        .map(|item| item["key"].as_str().unwrap().to_owned())
        .filter(|key| key.contains('/'))
        .collect()
}

#[test]
fn the_flags_add_their_trees() {
    let user = User::new();
    let plain = keys(&user, "download --subject 01 --ses 01");
    for (flag, prefix) in [
        ("--include-anatomical", "derivatives/anatomical/sub-01/"),
        ("--include-freesurfer", "derivatives/freesurfer/sub-01/"),
        ("--include-localizers", "derivatives/localizers/sub-01/"),
        ("--include-raw", "sub-01/"),
    ] {
        let more = keys(&user, &format!("download --subject 01 --ses 01 {flag}"));
        let new: Vec<_> = more.iter().filter(|key| !plain.contains(key)).collect();
        assert!(
            !new.is_empty() && new.iter().all(|key| key.starts_with(prefix)),
            "{flag}: {new:?}"
        );
    }
    let all = "download --subject 01 --ses 01 --include-freesurfer --include-localizers --include-raw --accept-license";
    assert!(user.ok(all).err.starts_with("downloaded "));
    let maps = user.mirror().join("derivatives/localizers/sub-01/ses-31/func");
    assert!(names(&maps).iter().any(|name| name.contains("_task-oloc_")), "they are public");
    assert!(user.mirror().join("derivatives/freesurfer/sub-01/mri/aparc+aseg.mgz").is_file());
    assert_eq!(names(&user.mirror().join("sub-01")), ["ses-01"]);
}

#[test]
fn raw_data_come_alone_and_filtered() {
    let user = User::new();
    let stem = "sub-01/ses-01/func/sub-01_ses-01_task-images_run-01";
    let filters = "--subject 01 --ses 01 --task images --run 01 --echo 1 --part mag --suffix bold --extension nii.gz";
    let expected = [
        format!("{stem}_echo-1_part-mag_bold.json"),
        format!("{stem}_echo-1_part-mag_bold.nii.gz"),
    ];
    assert_eq!(keys(&user, &format!("download-raw {filters}")), expected);
    user.ok(&format!("download-raw {filters} --n-jobs 2 --accept-license"));
    assert!(user.mirror().join(&expected[1]).is_file());
    assert!(!user.mirror().join("derivatives").exists());

    let err = user.fails("download-raw --subject 01 --suffix bolt", 3);
    assert!(err.contains("BUCKET/sub-01/") && err.contains("did you mean bold?"), "{err}");
    let err = user.fails("download-raw --subject 03", 3);
    assert!(err.contains("the bucket has nothing below BUCKET/sub-03/"), "{err}");
    let err = user.fails("download-raw --subject 02", 2);
    assert_eq!(err, "error: no subject \"sub-02\"; subjects: sub-01, sub-03, sub-05\n");
    assert!(user.fails("download-raw", 2).contains("--subject <S>..."));
}

#[test]
fn held_out_raw_sessions_are_withheld() {
    let user = User::new();
    let ran = user.ok("download-raw --subject 01 --accept-license");
    assert!(ran.err.contains("the session is not released yet (ses-31"), "{}", ran.err);
    assert!(!user.mirror().join("sub-01/ses-31").exists());
    assert_eq!(user.run("download-raw --subject 01 --strict").code, 6);
}

#[test]
fn all_subjects_leave_out_those_without_raw_data() {
    let user = User::new();
    let ran = user.ok("download-raw --subject all --suffix events --accept-license");
    assert!(ran.err.contains("note: no matching files of sub-03"), "{}", ran.err);
    assert!(user.mirror().join("sub-01/ses-01/func").is_dir());
}

#[test]
fn what_no_key_has_is_named_and_nothing_is_fetched() {
    let user = User::new();
    user.ok("license --accept");
    let line = "download --subject 01 --ses 01 --desc singletrialbetas Noiseceiling";
    let err = user.fails(line, 3);
    assert!(
        err.starts_with("error: the bucket has no file with desc-singletrialbetas (did you mean SingletrialBetas?)"),
        "{err}"
    );
    assert!(err.contains("\nhint: add --allow-missing to download the rest; "), "{err}");
    // Without any of the sessions, the rest would be masks alone.
    for (sessions, hint) in [
        ("5", "laion-fmri sessions --subject sub-01 --remote\n"),
        ("5 6", "laion-fmri sessions --subject sub-01 --remote\n"),
        ("01 5", "add --allow-missing to download the rest; "),
        ("5 --include-anatomical", "add --allow-missing to download the rest; "),
    ] {
        let line = format!("download --subject 01 --ses {sessions}");
        let err = user.fails(&line, 3);
        assert!(err.contains(&format!("\nhint: {hint}")), "{line}: {err}");
    }
    let err = user.fails("urls --subject 01 --ses 5", 3);
    assert!(err.ends_with("\nhint: laion-fmri sessions --subject sub-01 --remote\n"), "{err}");
    let err = user.fails("download --subject 05 --include-freesurfer --include-raw", 3);
    for tree in ["FreeSurfer", "raw"] {
        assert!(err.contains(&format!("the {tree} tree has no matching file")), "{err}");
    }
    let raw = "download-raw --subject 01 --run 01 --task image";
    assert!(
        user.fails(raw, 3)
            .contains("sub-01 has no file with task-image in the bucket (did you mean images?)")
    );
    assert_eq!(names(&user.mirror()), [".laion_fmri"], "nothing was fetched");

    let ran = user.ok(&format!("{line} --allow-missing"));
    assert!(
        ran.err.contains("note: the bucket has no file with desc-singletrialbetas"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("downloaded "), "{}", ran.err);
}
