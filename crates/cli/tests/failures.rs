//! Every failure says what, where, expected and got, and ends with its status.

use std::fs;

use fixtures::bucket;
use insta::assert_snapshot;
use laion_fmri::StimulusSet;

use crate::{User, names};

const FUNC: &str = "derivatives/glmsingle-tedana/sub-03/ses-01/func";

#[test]
fn wrong_use_is_status_2() {
    let user = User::with_session();
    let fails = |line: &str| user.fails(line, 2);
    assert_snapshot!(fails("betas --subject 03 --session 01 --roi FFA9 -o x.npy").lines().next().unwrap().split(';').next().unwrap(),
        @r#"error: sub-03 has no ROI or category "FFA9" (did you mean FFA1?)"#);
    for (asked, meant) in [("V1", "V1d | V1v"), ("ffa", "FFA1 | FFA2"), ("ppa", "PPA")] {
        let message = fails(&format!("betas --subject 03 --session 01 --roi {asked} -o x.npy"));
        let expected = format!("category \"{asked}\" (did you mean {meant}?)");
        assert!(message.contains(&expected), "{message}");
    }
    assert_snapshot!(fails("betas --subject ../../etc --session 01 -o x.npy"),
        @r#"error: no subject "../../etc"; subjects: sub-03"#);
    for spelled in ["3", "sub-3", "sub03", "SUB-03", "subject3"] {
        let message = fails(&format!("betas --subject {spelled} --session 01 -o x.npy"));
        assert!(message.ends_with(" (did you mean sub-03?); subjects: sub-03\n"), "{message}");
        let message = fails(&format!("download --subject {spelled}"));
        let expected = " (did you mean sub-03?); subjects: sub-01, sub-03, sub-05\n";
        assert!(message.ends_with(expected), "{message}");
    }
    assert_snapshot!(fails("betas --subject 03 --session ses-../01 -o x.npy"),
        @r#"error: not a session id: "ses-../01" (expected a form such as ses-01 or 01)"#);
    assert_snapshot!(fails("betas --subject 03 --session 01 02 -o x.npy"), @"
    error: 2 sessions do not fit into x.npy, which holds one array
    hint: use -o FILE.npz (one array per session) or -o DIR/ (one .npy file per session)
    ");
    assert_snapshot!(fails("betas --subject 03 --session 01 -o missing/x.npy"), @"
    error: the directory of the output missing/x.npy does not exist
    hint: mkdir -p missing
    ");
    assert_snapshot!(fails("betas --subject 03 --session 01 -o x.mat"),
        @"error: unsupported output x.mat: use .npy, .npz or .csv");
    assert_snapshot!(fails("mask --subject 03 -o x.mat"),
        @"error: unsupported output x.mat: use .npy, .nii, .nii.gz or -");
    assert_snapshot!(fails("download --subject sub-02"),
        @r#"error: no subject "sub-02"; subjects: sub-01, sub-03, sub-05"#);
    assert_snapshot!(fails("download --subject all 03"),
        @"error: --subject all cannot be combined with other subjects");
    assert_snapshot!(fails("betas --subject 03 --session 01 --trials 3,999 -o x.npy"),
        @"error: ses-01 has no trial 999: it has 52 trials, counted from 0");
    assert_snapshot!(fails("betas --subject 03 --session 01 --roi V1v|V1d& -o x.npy"),
        @r#"
    error: cannot read the ROI expression "V1v|V1d&": it ends where an ROI is expected (at column 9)
    hint: join ROIs by | (or), & (and) and - (without), in quotes: --roi "face | place"
    "#);
    assert!(
        fails("betas --subject 03 --session 01 --roi face --mask m.npy -o x.npy")
            .contains("cannot be used with")
    );
    assert!(
        fails("betas --subject 03 --session 01 --nc-desc Noiseceiling12rep -o x.npy")
            .contains("--nc-threshold")
    );
    assert!(
        fails("noise-ceiling --subject 03 --session 01 --desc D -o x.npy")
            .contains("cannot be used with")
    );
    assert!(fails("noise-ceiling --subject 03 -o x.npy").contains("--session <V>..."));
    assert_snapshot!(fails("noise-ceiling --subject 03 --session 01 02 -o x.npy"), @"
    error: 2 maps do not fit into x.npy, which holds one
    hint: use -o FILE.npz (one array per map) or -o FILE.nii.gz (one volume per map)
    ");
    assert_snapshot!(fails("rois --subject 01 03"), @"
    error: the ROIs of several subjects differ
    hint: --common lists the ROIs that all of them have
    ");
    assert!(fails("download").contains("--subject <S>..."));
    assert!(fails("download --subject 03 --n-jobs 0").contains("expected a number from 1 to 256"));
    assert!(
        fails("mask --subject 03 --roi face --res full -o x.npy").contains("cannot be used with")
    );
    assert_eq!(names(user.folder.path()), ["home", "mirror"]);
}

#[test]
fn what_is_not_there_is_status_3_and_names_the_download() {
    let user = User::with_session();
    let fails = |line: &str| user.fails(line, 3);
    assert_snapshot!(fails("betas --subject 03 --session 02 -o x.npy"), @"
    error: not on disk: the betas of sub-03 ses-02, only those of ses-01 (in the bucket, as last listed: ses-01, ses-02) (expected at DIR/mirror/derivatives/glmsingle-tedana/sub-03/ses-02/func/sub-03_ses-02_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz)
    hint: laion-fmri download --subject sub-03 --ses ses-02 --desc SingletrialBetas
    ");
    assert_snapshot!(fails("betas --subject 01 --session 01 -o x.npy"), @"
    error: not on disk: subject sub-01, only sub-03 (expected at DIR/mirror/derivatives/glmsingle-tedana/sub-01/)
    hint: laion-fmri download --subject sub-01 --ses ses-01
    ");
    assert_snapshot!(fails("download --subject sub-03 --ses 9").lines().next().unwrap(),
        @"error: sub-03 has no session 09 in the bucket; sessions: 01, 02, 31, 32 (searched: BUCKET/derivatives/glmsingle-tedana/sub-03/, BUCKET/derivatives/rois/sub-03/)");
    assert_snapshot!(fails("--offline download --subject sub-03"),
        @"
    error: listing BUCKET needs the network, and offline mode is on
    hint: run it on a machine with a network, without --offline and LAION_FMRI_OFFLINE
    ");
    // The command in the hint puts it right.
    let hint = fails("trials --subject 03 --session 02");
    let command = hint.lines().last().unwrap().strip_prefix("hint: laion-fmri ").unwrap();
    user.ok(command);
    user.ok("trials --subject 03 --session 02");
}

#[test]
fn a_selection_of_nothing_is_status_3() {
    let user = User::with_session();
    let is_shared = |label: &'static str| StimulusSet::of_label(label) == StimulusSet::Shared;
    let shared = bucket::labels("sub-03", "ses-01").into_iter().position(is_shared).unwrap();
    let unique = format!("betas --session 01 --roi face --trials {shared} --stimuli unique -o -");
    for (line, message) in [
        (
            "betas --session 01 --nc-threshold 101 -o x.npy",
            "no voxel of sub-03 ses-01 is left: the anatomical brain mask, a noise ceiling of at least 101 %\nhint: a noise ceiling is at most 100 percent; give a lower one than --nc-threshold 101",
        ),
        // As it was typed, although maps are in single precision.
        (
            "betas --session 01 --nc-threshold 100.1 -o x.npy",
            "no voxel of sub-03 ses-01 is left: the anatomical brain mask, a noise ceiling of at least 100.1 %\nhint: a noise ceiling is at most 100 percent; give a lower one than --nc-threshold 100.1",
        ),
        (
            "coordinates --session 01 --nc-threshold 100.1 -o x.npy",
            "no voxel of sub-03 is left: the anatomical brain mask, a noise ceiling of at least 100.1 %\nhint: a noise ceiling is at most 100 percent; give a lower one than --nc-threshold 100.1",
        ),
        (
            unique.as_str(),
            "no trial of sub-03 ses-01 is left: the trials that were chosen, unique images\nhint: leave out --trials or --stimuli unique",
        ),
    ] {
        let line = line.replacen(' ', " --subject 03 ", 1);
        assert_eq!(user.fails(&line, 3), format!("error: {message}\n"), "{line}");
    }
    let empty = "face - face";
    for line in ["betas --session 01", "noise-ceiling --session 01", "coordinates", "mask"] {
        let line = format!("{line} --subject 03 -o x.npy --roi");
        let mut command = user.command(&[line.split(' ').collect(), vec![empty]].concat());
        command.env("LAION_FMRI_DATA", user.mirror());
        let ran = user.run_with(command);
        let expected = "error: no voxel of sub-03 is left: the ROIs face - face\nhint: leave out --roi \"face - face\"\n";
        assert_eq!((ran.code, ran.err.as_str()), (3, expected), "{line}");
    }
    assert_eq!(names(user.folder.path()), ["home", "mirror"]);
}

#[test]
fn the_licence_is_asked_for_with_status_5() {
    let user = User::new();
    assert_snapshot!(user.fails("download --subject 03 --ses 01", 5), @"
    error: the licence of the dataset has not been accepted for DIR/mirror
    hint: read it with laion-fmri license, then laion-fmri license --accept, once for all commands, or add --accept-license
    ");
    assert_eq!(names(&user.mirror()), Vec::<String>::new());
    assert!(user.ok("license").out.contains("Not accepted yet for DIR/mirror"));
    user.ok("license --accept");
    assert!(user.ok("license").out.contains("Accepted: DIR/mirror/.laion_fmri/license_accepted"));
    user.ok("download --subject 03 --ses 01 --suffix trials");
}

#[test]
fn damaged_files_are_status_4() {
    let user = User::with_session();
    let fails = |line: &str| {
        let message = user.fails(line, 4);
        assert!(!user.path("x.npy").exists());
        message
    };
    let read = "betas --subject 03 --session 01 --roi FFA1 -o x.npy";
    let betas = user.mirror().join(FUNC).join(
        "sub-03_ses-01_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz",
    );
    let trials =
        user.mirror().join(FUNC).join("sub-03_ses-01_task-images_desc-SingletrialBetas_trials.tsv");
    let whole = fs::read(&betas).unwrap();
    fs::write(&betas, &whole[..whole.len() / 2]).unwrap();
    let message = fails(read);
    assert!(message.starts_with("error: cannot read DIR/mirror/derivatives/"), "{message}");
    assert!(message.ends_with("hint: laion-fmri verify --repair --subject sub-03\n"), "{message}");
    fs::write(&betas, "<html>404</html>").unwrap();
    fails(read);
    fs::write(&betas, &whole).unwrap();

    let table = fs::read_to_string(&trials).unwrap();
    fs::write(&trials, table.lines().take(5).collect::<Vec<_>>().join("\n")).unwrap();
    let message = fails(read);
    assert!(message.contains("has 52 volumes but"), "{message}");
    assert!(message.contains("has 4 trials (expected equal numbers)"), "{message}");
    assert!(message.ends_with("hint: laion-fmri verify --repair --subject sub-03\n"), "{message}");
    fs::write(&trials, "session\trun\n").unwrap();
    let message = fails(read);
    assert!(message.contains("has 0 trials"), "{message}");
    // A line in the middle is gone, or a field of it.
    let mut lines: Vec<&str> = table.lines().collect();
    lines.remove(4);
    fs::write(&trials, lines.join("\n")).unwrap();
    for line in [read, "extract --subject 03 --session 01 --roi FFA1 -o x.npz"] {
        let message = fails(line);
        assert!(message.contains("not a usable trial table"), "{message}");
        assert!(
            message.ends_with("hint: laion-fmri verify --repair --subject sub-03\n"),
            "{message}"
        );
    }
    fs::write(&trials, &table).unwrap();
    user.ok(read);
}

#[test]
fn a_file_that_does_not_exist_is_status_3() {
    let user = User::with_session();
    for line in [
        "merge nothing.jsonl",
        "run nothing.jsonl",
        "slurm nothing.jsonl",
        "reproduce nothing.toml",
        "recipe cite nothing.toml",
        "adopt nothing",
        "betas --subject 03 --session 01 --mask nothing.npy -o x.npy",
        "to-nifti --subject 03 nothing.npy -o x.nii.gz",
        "figure --subject 03 --map nothing.npy -o x.png",
        "nc compare --subject 03 nothing.npy --session 01",
    ] {
        let message = user.fails(line, 3);
        assert!(message.contains("nothing"), "{line}: {message}");
    }
}

#[test]
fn what_cannot_be_read_or_written_is_status_1() {
    let user = User::with_session();
    let message = user.fails("--bucket http://127.0.0.1:1/laion-fmri info", 1);
    // On a busy machine the warning that it is asked again comes first.
    let error = "error: http://127.0.0.1:1/laion-fmri cannot be reached";
    assert!(message.lines().any(|line| line.starts_with(error)), "{message}");
    let message = user.fails("--bucket file:///nowhere/at-all info", 1);
    assert!(message.contains("file:///nowhere/at-all does not exist"), "{message}");
    assert!(message.contains("hint: name another with --bucket URL"), "{message}");
    let message = user.fails("--data-dir nowhere trials --subject 03", 2);
    assert!(message.ends_with("hint: mkdir -p DIR/nowhere\n"), "{message}");
    #[cfg(target_os = "linux")]
    {
        let message = user.fails("trials --subject 03 --format tsv -o /dev/full", 1);
        assert!(message.contains("/dev/full") && message.contains("No space left"), "{message}");
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let user = User::with_session();
    let mut command =
        user.command(&["betas", "--subject", "03", "--session", "01", "-o", "-", "-q"]);
    command.env("LAION_FMRI_DATA", user.mirror());
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn failures_are_objects_with_json() {
    let user = User::with_session();
    let fails = |line: &str, code: i32| -> serde_json::Value {
        let message = user.fails(line, code);
        assert_eq!(message.lines().count(), 1, "{line}: {message}");
        let error: serde_json::Value = serde_json::from_str(&message).unwrap();
        assert_eq!(
            (&error["schema"], &error["status"]),
            (&"laion-fmri.error/1".into(), &code.into())
        );
        assert!(!error["error"].as_str().unwrap().is_empty(), "{line}: {error}");
        error
    };
    // The words are those of the message for people.
    let line = "betas --subject 03 --session 02 --roi FFA1 -o x.npy";
    let (error, message) = (fails(&format!("--json {line}"), 3), user.fails(line, 3));
    let text = |field: &str| error[field].as_str().unwrap();
    assert_eq!(format!("error: {}\nhint: {}\n", text("error"), text("hint")), message);
    assert!(fails("betas --json --subject 03 --session 01 -o x.mat", 2)["hint"].is_null());
    // Wrong uses that the parser finds, wherever the option stands.
    let error = fails("betas --subject 03 --session 01 --roo FFA1 -o x.npy --json", 2);
    assert_eq!(error["error"], "unexpected argument '--roo' found");
    assert_eq!(error["hint"], "a similar argument exists: '--roi'");
    let error = fails("--json trials", 2);
    let expected = "the following required arguments were not provided: --subject <S>";
    assert!(error["error"].as_str().unwrap().starts_with(expected), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("laion-fmri trials"), "{error}");
    fails("--json nosuch", 2);
    fails("--json splits", 2);
    // What is no failure is no object.
    assert!(user.run("--json --help").out.contains("Usage:"));
}

#[test]
fn a_download_that_is_advised_is_of_the_sessions_that_were_named() {
    let user = User::new();
    for (line, sessions) in [
        ("betas --subject sub-03 --session ses-01 --roi FFA1 -o b.npy", " --ses ses-01"),
        ("betas --subject sub-03 --ses 1-3 --roi FFA1 -o b.npz", " --ses ses-1-3"),
        ("extract --subject sub-03 --session 01,02 --roi FFA1 -o x.npz", " --ses ses-01 ses-02"),
        ("trials --subject sub-03 --session ses-02", " --ses ses-02"),
        ("store build --subject sub-03 --session 01", " --ses ses-01"),
        ("nc compute --subject sub-03 --session 01 -o nc.nii.gz", " --ses ses-01"),
        ("betas --subject sub-03 --session all --roi FFA1 -o b.npz", ""),
    ] {
        let message = user.fails(line, 3);
        let hint = format!("hint: laion-fmri download --subject sub-03{sessions}\n");
        assert!(message.ends_with(&hint), "{line}: {message}");
    }
}

#[test]
fn what_the_bucket_does_not_have_is_not_advised() {
    let user = User::with_session();
    let hint = |line: &str| {
        let message = user.fails(line, 3);
        message.lines().last().unwrap().strip_prefix("hint: ").unwrap().to_owned()
    };
    let nearest =
        "--session ses-02 is the nearest that the bucket has, as last listed: ses-01, ses-02";
    assert_eq!(hint("betas --subject 03 --session 03 --roi FFA1 -o x.npy"), nearest);
    assert_eq!(hint("extract --subject 03 --session 07 --roi FFA1 -o x.npz"), nearest);
    assert_eq!(hint("trials --subject 03 --session 09"), nearest);
    let hint_of_02 = hint("betas --subject 03 --session 02 --roi FFA1 -o x.npy");
    assert!(hint_of_02.starts_with("laion-fmri download "), "{hint_of_02}");
    for line in ["betas --subject 04 --session 01 -o x.npy", "rois --subject 04"] {
        assert_eq!(
            hint(line),
            "the dataset has sub-01, sub-03, sub-05, sub-06, sub-07; \
             laion-fmri subjects --remote lists those of the bucket"
        );
    }
    assert_eq!(hint("rois --subject 01"), "laion-fmri rois --subject sub-01 --remote");
    assert_eq!(hint("sessions --subject 06"), "laion-fmri download --subject sub-06");
    let maps =
        "the maps over all sessions are Noiseceiling4rep, Noiseceiling12rep, NoiseceilingAllrep";
    assert_eq!(hint("noise-ceiling --subject 03 --desc Noiseceiling13rep -o x.npy"), maps);
    assert_eq!(
        hint("noise-ceiling --subject 03 --desc Noiseceiling -o x.npy"),
        format!("{maps}; the map of one session is named by --session")
    );
    user.ok("download --subject sub-05 --suffix mask --include-anatomical --allow-missing");
    let nothing = hint("extract --subject 05 --roi FFA1 -o x.npz");
    assert!(nothing.starts_with("the bucket has no betas of sub-05, as last listed"), "{nothing}");
    for line in [
        "betas --subject 05 --session 01 -o x.npy",
        "trials --subject 05 --session 01",
        "noise-ceiling --subject 05 --desc Noiseceiling12rep -o x.npy",
    ] {
        assert_eq!(hint(line), nothing, "{line}");
    }
    // Without a number, no session is the nearest.
    let sessions = "the sessions that the bucket has, as last listed: ses-01, ses-02";
    assert_eq!(hint("betas --subject 03 --session pilot --roi FFA1 -o x.npy"), sessions);
    // A download of all subjects lists them.
    user.ok("download-raw --subject all --suffix events");
    for line in ["sessions --subject 06", "rois --subject 06"] {
        assert_eq!(
            hint(line),
            "the subjects that the bucket has, as last listed: sub-01, sub-03, sub-05; \
             laion-fmri subjects --remote lists them again"
        );
    }
}

#[test]
fn hints_repeat_the_options_that_say_where_data_lies() {
    let user = User::new();
    let command = |line: &str| {
        let mut command = user.command(&line.split(' ').collect::<Vec<_>>());
        command.env("LAION_FMRI_DATA", user.path("home"));
        user.run_with(command).err
    };
    let betas = "betas --subject sub-03 --session ses-01 --roi FFA1 -o b.npy";
    let (data_dir, bucket) = (user.mirror(), user.server.url("laion-fmri"));
    let line = format!("{betas} --data-dir {} --bucket {bucket}", data_dir.display());
    let message = command(&line);
    let expected = "hint: laion-fmri --data-dir DIR/mirror --bucket BUCKET download --subject \
                    sub-03 --ses ses-01\n";
    assert!(message.ends_with(expected), "{message}");
    // What is pasted brings the data where the command looks for them.
    let advice = message.lines().last().unwrap().strip_prefix("hint: laion-fmri ").unwrap();
    let advice =
        advice.replace("DIR/mirror", data_dir.to_str().unwrap()).replace("BUCKET", &bucket);
    let done = command(&format!("{advice} --accept-license"));
    assert!(done.contains("downloaded "), "{done}");
    assert!(command(&line).contains(" -> b.npy"), "it goes on");
    // What comes from the environment is there for the next command too.
    let message = command(betas);
    assert!(
        message.ends_with("hint: laion-fmri download --subject sub-03 --ses ses-01\n"),
        "{message}"
    );
}

#[test]
fn a_file_of_another_kind_is_no_plan() {
    let user = User::with_session();
    user.ok("extract --subject 03 --session 01 --roi face -o rows.npz");
    fs::write(user.path("empty.jsonl"), "").unwrap();
    fs::write(user.path("other.json"), "{\"a\": 1}").unwrap();
    for file in ["rows.npz", "empty.jsonl", "other.json"] {
        for command in ["run", "merge", "slurm"] {
            let message = user.fails(&format!("{command} {file}"), 2);
            assert!(
                message.contains(&format!("{file} is not a plan\nhint: laion-fmri plan ")),
                "{message}"
            );
        }
    }
}

#[test]
fn hints_run_as_they_stand() {
    let user = User::with_session();
    user.ok("noise-ceiling --subject 03 --session 01 -o n.npy");
    for line in [
        "betas --subject 01 --session 01 --roi FFA1 -o x.npy",
        "betas --subject 03 --session 01 --roi MST -o x.npy",
        "noise-ceiling --subject 03 --desc 12rep -o x.npy",
        "noise-ceiling --subject 03 --session 02 -o x.npy",
        "mask --subject 03 --res full -o x.npy",
        "roi --subject 03 FFA1 -o x.nii.gz",
        "to-template --subject 03 n.npy --target fsnative -o x.npz",
        "rois --subject 05",
        "trials --subject 03 --session 02",
        "store list --subject 03",
        "segmentation x.jpg",
        "stimuli list",
        "captions x.jpg",
        "embedding --model PEcore -o x.npy",
    ] {
        let ran = user.run(line);
        let hint = ran.err.lines().find_map(|line| line.strip_prefix("hint: laion-fmri "));
        assert!(ran.code != 0 && hint.is_some(), "{line}: {}", ran.err);
        user.ok(hint.unwrap());
    }
}
