//! What the dataset holds, from the bucket and from the mirror.

use insta::assert_snapshot;

use crate::User;

#[test]
fn the_overviews_are_the_documented_texts() {
    let user = User::new();
    assert_snapshot!(user.ok("info").out, @"
    LAION-fMRI Dataset
      Bucket:    BUCKET
      Subjects:  3 (sub-01, sub-03, sub-05)
      ROIs:      EBA, FBA, FFA1, FFA2, MT, OFA, PPA, V1d, V1v, V2v, VWFA1, hV4, laionEVC, laiondorsal, laiongeneral, laionlateral, laionventral, lobjects, mfswords, pSTSfaces (of sub-01)
    ");
    assert_snapshot!(user.ok("info --subject 05").out, @"
    LAION-fMRI sub-05
      Bucket:    BUCKET
      Trees:     derivatives/rois/, derivatives/anatomical/
      Sessions:  0 (none)
      ROIs:      EBA, FFA1, V1d, V1v
    ");
    assert_snapshot!(user.ok("inspect").out, @"
    Bucket: BUCKET
    Top-level prefixes (3):
      derivatives/
      stimuli/
      sub-01/
    derivatives/glmsingle-tedana/: 2 entries, 2 sub-* entries
    derivatives/rois/: 3 entries, 3 sub-* entries
    derivatives/freesurfer/: 2 entries, 2 sub-* entries
    derivatives/anatomical/: 3 entries, 3 sub-* entries
    ");
}

#[test]
fn overviews_come_as_json_too() {
    let user = User::new();
    let info: serde_json::Value = serde_json::from_str(&user.ok("--json info").out).unwrap();
    assert_eq!(info["schema"], "laion-fmri.info/1");
    assert_eq!(info["subjects"], serde_json::json!(["sub-01", "sub-03", "sub-05"]));
    let inspect: serde_json::Value = serde_json::from_str(&user.ok("inspect --json").out).unwrap();
    assert_eq!(inspect["trees"][0]["prefix"], "derivatives/glmsingle-tedana/");
}

#[test]
fn names_come_from_the_mirror_when_there_is_one() {
    let user = User::new();
    // Without --remote only the mirror answers.
    for line in ["subjects", "sessions --subject 03", "rois --category place"] {
        let message = user.fails(line, 3);
        assert!(message.contains("--remote asks the bucket"), "{line}: {message}");
    }
    assert_eq!(user.ok("subjects --remote").out, "sub-01\nsub-03\nsub-05\n");
    let sessions = user.ok("sessions --remote --subject 03").out;
    assert_eq!(sessions, "ses-01\nses-02\nses-31\nses-32\n");
    assert_eq!(user.ok("rois --remote --category place").out, "PPA\n");
    let unset = user.run_with(user.command(&["subjects"]));
    assert!(unset.code == 2 && unset.err.contains("--remote"), "{}", unset.err);
    let mut command = user.command(&["subjects"]);
    let ran = user.run_with({
        command.env("LAION_FMRI_DATA", "/nonexistent");
        command
    });
    assert!(ran.code == 2 && ran.err.contains("/nonexistent does not exist"), "{}", ran.err);
    user.ok("download --subject sub-03 --ses ses-01 --accept-license");
    assert_eq!(user.ok("subjects").out, "sub-03\n");
    assert_eq!(user.ok("sessions --subject 03").out, "ses-01\n");
    assert_eq!(user.ok("rois --subject 03 --category place").out, "PPA\n");
    assert_eq!(user.ok("subjects --remote").out, "sub-01\nsub-03\nsub-05\n");
    assert_eq!(user.ok("--offline subjects").out, "sub-03\n");
    let json = user.ok("subjects --json").out;
    assert_eq!(json, "{\"schema\":\"laion-fmri.subject/1\",\"subject\":\"sub-03\"}\n");
    for more in ["", " --json", " --remote", " --remote --json"] {
        let message = user.fails(&format!("rois --subject 03 --category faces{more}"), 2);
        assert!(message.contains("(did you mean face?); categories: body, "), "{more}: {message}");
    }
    assert!(user.fails("rois --subject 03 --category nose", 2).contains("; categories: body, "));
}

#[test]
fn rois_as_json_have_subject_category_and_size() {
    let user = User::with_session();
    let line = user.ok("rois --subject 03 --category place --json").out;
    let roi: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&roi["roi"], &roi["subject"]), (&"PPA".into(), &"sub-03".into()));
    assert_eq!(roi["category"], "place");
    assert!(roi["voxels"].as_u64().unwrap() > 0);
    let line = user.ok("rois --remote --subject 03 --category place --json").out;
    let roi: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&roi["roi"], &roi["voxels"]), (&"PPA".into(), &serde_json::Value::Null));
}

#[test]
fn what_is_no_bucket_of_the_dataset_is_said() {
    let user = User::new();
    std::fs::create_dir_all(user.path("other/photos")).unwrap();
    std::fs::write(user.path("other/photos/a.jpg"), "x").unwrap();
    let other = format!("file://{}", user.path("other").display());
    for command in ["info", "inspect", "subjects --remote", "sessions --remote --subject 01"] {
        let message = user.fails(&format!("--bucket {other} {command}"), 3);
        assert!(message.contains("none of derivatives/, stimuli/ and sub-*/"), "{message}");
        let message = user.fails(&format!("--bucket file:///nonexistent {command}"), 1);
        assert!(message.contains("file:///nonexistent does not exist"), "{message}");
    }
}

#[test]
fn common_rois_are_those_that_all_chosen_subjects_have() {
    let user = User::new();
    let names =
        |line: &str| -> Vec<String> { user.ok(line).out.lines().map(str::to_owned).collect() };
    let first = names("rois --remote --subject 01");
    let third = names("rois --remote --subject 03");
    let both: Vec<String> = first.iter().filter(|roi| third.contains(roi)).cloned().collect();
    assert!(both.len() < first.len() && !both.is_empty());
    assert_eq!(names("rois --remote --common --subject 01 03"), both);
    assert_eq!(
        names("rois --remote --common --subject 03 05"),
        names("rois --remote --subject 05")
    );
    user.ok("download --subject sub-01 sub-03 --suffix mask --extension nii.gz --accept-license");
    user.ok("download --subject sub-01 sub-03 --ses averages");
    assert_eq!(names("rois --common"), both);
}

#[test]
fn an_unknown_subject_is_named_with_those_that_exist() {
    let user = User::new();
    for line in
        ["sessions --remote --subject 02", "rois --remote --subject 02", "info --subject 02"]
    {
        let expected = "error: no subject \"sub-02\"; subjects: sub-01, sub-03, sub-05\n";
        assert_eq!(user.fails(line, 2), expected, "{line}");
    }
}

#[test]
fn completions_and_manual_pages_are_made() {
    let user = User::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(user.ok(&format!("completions {shell}")).out.contains("laion-fmri"), "{shell}");
    }
    let page = user.ok("man").out;
    for part in
        [".TH laion-fmri 1", ".SH \"GLOBAL OPTIONS\"", ".SH \"EXIT STATUS\"", ".SH EXAMPLES"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    user.ok("man pages/man1");
    let pages = crate::names(&user.path("pages/man1"));
    assert!(pages.contains(&"laion-fmri.1".to_owned()), "{pages:?}");
    assert!(pages.contains(&"laion-fmri-betas.1".to_owned()), "{pages:?}");
    assert!(pages.contains(&"laion-fmri-nc-compute.1".to_owned()), "{pages:?}");
    assert!(!pages.iter().any(|page| page.contains("help")), "{pages:?}");
    for page in pages {
        let text = std::fs::read_to_string(user.path("pages/man1").join(&page)).unwrap();
        let (_, examples) = text.split_once(".SH EXAMPLES\n.nf\n# ").unwrap();
        assert!(examples.contains("\nlaion\\-fmri "), "{page}: {examples}");
    }
    assert_eq!(user.ok("--version").out, format!("laion-fmri {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_help_lists_commands_options_and_statuses() {
    let user = User::new();
    let ran = user.run_with(user.command(&[]));
    assert_eq!(ran.code, 0);
    for text in ["download", "betas", "Exit status:", "laion-fmri help global"] {
        assert!(ran.out.contains(text), "{text}");
    }
    assert!(!ran.out.contains("--data-dir"), "{}", ran.out);
    for line in ["--help", "help", "help global", "global", "betas --help", "help nc compute"] {
        let ran = user.ok(line);
        for text in ["\nGlobal options:\n", "--data-dir", "LAION_FMRI_DATA", "\nExamples:\n"] {
            assert!(ran.out.contains(text), "{line}: {text}");
        }
    }
    for line in ["-h", "betas -h", "nc -h", "nc compute -h"] {
        let ran = user.ok(line);
        assert!(ran.out.lines().last().unwrap().contains("laion-fmri help global"), "{line}");
        assert!(!ran.out.contains("--data-dir") && !ran.out.contains("Examples:"), "{line}");
    }
}

#[test]
fn counts_agree() {
    let user = User::with_session();
    let ran = user.ok("doctor");
    assert!(ran.out.contains(", 3 subjects"), "{}", ran.out);
    let shown = user.ok("info --subject 03").out;
    assert!(shown.contains("Sessions:  2 (ses-01, ses-02); not released yet: ses-31"), "{shown}");
    let listed = user.ok("rois --subject 03").out.lines().count();
    let status = user.ok("status --subject 03 --local").out;
    let row = status.lines().find(|line| line.starts_with("sub-03 ")).unwrap();
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(cells[3], listed.to_string(), "{status}");
}
