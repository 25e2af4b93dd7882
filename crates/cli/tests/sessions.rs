//! Sessions and subjects as people name them, the same in every command.

use laion_fmri::export::{read_npy, read_npz};

use crate::User;

/// A user whose mirror holds both released sessions of sub-01.
fn user() -> User {
    let user = User::new();
    user.ok("download --subject sub-01 --session 1-2 --accept-license");
    user
}

#[test]
fn one_option_means_the_same_session_everywhere() {
    let user = user();
    assert_eq!(user.ok("sessions --subject 01").out, "ses-01\nses-02\n");
    let expected = user.ok("trials --subject 01 --session ses-02").out;
    let betas = "betas --subject 01 --roi FFA1 -o x.npy --session";
    user.ok(&format!("{betas} ses-02"));
    let array = std::fs::read(user.path("x.npy")).unwrap();
    for named in ["02", "2", "ses2", "ses-2", "2-2", "2-02", "2,02"] {
        let rows = user.ok(&format!("trials --subject 01 --ses {named}")).out;
        assert!(named == "2,02" || rows == expected, "{named}");
        user.ok(&format!("{betas} {named}"));
        assert!(std::fs::read(user.path("x.npy")).unwrap() == array, "{named}");
    }
    let names = |line: &str| {
        user.ok(&format!("{line} -o x.npz"));
        read_npz(user.path("x.npz")).unwrap().names().unwrap()
    };
    for named in ["all", "1-2", "01,02", "1 2", "ses-01-ses-02"] {
        for command in ["betas --roi FFA1", "noise-ceiling"] {
            let line = command.replacen(' ', " --subject 01 ", 1);
            let line = if line == command { format!("{command} --subject 01") } else { line };
            assert_eq!(names(&format!("{line} --ses {named}")), ["ses-01", "ses-02"], "{line}");
        }
    }
    let both = user.ok("trials --subject 01").out;
    assert_eq!(user.ok("trials --subject 01 --session all").out, both);
    let rows = both.lines().count() - 1;
    user.ok("splits masks tau --pool 01 --subject 01 --session all -o x.npz");
    let masks = read_npz(user.path("x.npz")).unwrap().array::<bool>("train").unwrap();
    assert_eq!(masks.shape(), [rows]);
    user.ok("extract --subject 01 --ses 1-2 --roi FFA1 -o x.npz");
    let betas = read_npz(user.path("x.npz")).unwrap().array::<f32>("betas").unwrap();
    assert_eq!(betas.shape()[0], rows);
    assert_eq!(user.ok("splits list --pool 01").out, user.ok("splits list --pool sub-01").out);
}

#[test]
fn downloads_name_sessions_likewise() {
    let user = User::new();
    let plan = |line: &str| user.ok(&format!("download --subject 03 {line} -n --json")).out;
    let one = plan("--ses ses-01");
    assert!(one.contains("ses-01_task-images_space-T1w_stat-effect_desc-SingletrialBetas"));
    let urls = |named: &str| user.ok(&format!("urls --subject 03 --ses {named}")).out;
    for named in ["1", "ses1", "ses-1", "01", "01-01", "1-1"] {
        assert!(plan(&format!("--session {named}")) == one, "{named}");
        assert!(plan(&format!("--ses {named}")) == one, "{named}");
        assert!(urls(named) == urls("ses-01"), "{named}");
    }
    // One that is not there is no plan of the files beside it.
    for named in ["7", "07", "ses-7"] {
        let message = user.fails(&format!("download --subject 03 --ses {named} -n"), 3);
        assert!(message.contains("sub-03 has no session 07 in the bucket"), "{named}: {message}");
    }
    let all = user.ok("download --subject 03 -n --json").out;
    assert!(plan("--session all") == all);
    assert!(plan("--ses 1,averages") == plan("--ses 01 averages"));
    let line = "download-raw --subject 01 -n --json";
    assert!(
        user.ok(&format!("{line} --session 1")).out == user.ok(&format!("{line} --ses 01")).out
    );
    let message = user.fails("download-raw --subject 01 --ses 1 --run 1 -n", 3);
    assert!(message.contains("(did you mean 01?)"), "{message}");
    let ran = user.ok("download --subject 03 --ses 1-20 -n --json");
    assert!(ran.out == plan("--ses 01 02"));
    assert!(ran.err.starts_with("note: 1-20: there is no ses-20\n"), "{}", ran.err);
}

#[test]
fn what_no_session_is_called_is_said() {
    let user = user();
    let fails = |named: &str, code| {
        user.fails(&format!("betas --subject 01 --session {named} -o x.npz"), code)
    };
    let expected = "error: no session of sub-01 is in the range 20-30; sessions: ses-01, ses-02\n";
    assert_eq!(fails("20-30", 3), expected);
    assert!(fails("10-01", 2).contains("10-01 contains no session"));
    let expected = "error: --session all cannot be combined with other sessions\n";
    assert_eq!(fails("all 01", 2), expected);
    let message = fails("7", 3);
    assert!(
        message.starts_with("error: not on disk: the betas of sub-01 ses-07, only those of ses-01"),
        "{message}"
    );
    assert!(message.contains("hint: --session ses-03 is the nearest"), "{message}");
    assert!(read_npy::<f32>(user.path("x.npz")).is_err());
}

#[test]
fn a_session_that_is_gone_is_named() {
    let user = user();
    let betas = "derivatives/glmsingle-tedana/sub-01/ses-01/func/sub-01_ses-01_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz";
    std::fs::remove_file(user.mirror().join(betas)).unwrap();
    let warning = "warning: sub-01: ses-01 was downloaded but is no longer on disk; left out\n";
    for line in [
        "betas --subject 01 --session ALL --roi FFA1 -o x.npz",
        "extract --subject 01 --roi FFA1 -o y.npz",
        "plan --subject 01 --roi FFA1 -o z.npz",
    ] {
        let ran = user.ok(line);
        assert!(ran.err.contains(warning), "{line}: {}", ran.err);
    }
    let ran = user.ok("extract --subject 01 --session 02 --roi FFA1 -o y.npz");
    assert!(!ran.err.contains("warning"), "{}", ran.err);
    assert!(ran.err.starts_with("reading 1 session (ses-02), "), "{}", ran.err);
    // Its table is there: that is all that is asked for.
    let ran = user.ok("trials --subject 01");
    assert!(!ran.err.contains("warning"), "{}", ran.err);
    user.ok(&format!("verify --forget {}", user.mirror().join(betas).display()));
    let ran = user.ok("extract --subject 01 --roi FFA1 -o y.npz");
    assert!(!ran.err.contains("warning"), "{}", ran.err);
}

#[test]
fn all_says_how_many_sessions_of_the_bucket_are_on_disk() {
    let user = User::with_session();
    let told = "sub-03: 1 of 2 sessions of the bucket are on disk; left out: ses-02\n";
    for line in [
        "betas --subject 03 --session all --roi FFA1 -o x.npy",
        "extract --subject 03 --roi FFA1 -o y.npz",
        "nc compute --subject 03 --roi FFA1 -o z.npy",
        "store build --subject 03 --roi FFA1",
    ] {
        let ran = user.ok(line);
        assert_eq!(ran.err.matches(&format!("note: {told}")).count(), 1, "{line}: {}", ran.err);
        let message = user.fails(&format!("{line} --strict"), 6);
        assert!(message.contains(&format!("error: {told}")), "{line}: {message}");
        let hint =
            "hint: laion-fmri download --subject sub-03 --ses ses-02 --desc SingletrialBetas\n";
        assert!(message.ends_with(hint), "{line}: {message}");
    }
    let message = user.fails("betas --subject 03 --session 1-3 --roi FFA1 -o x.npy --strict", 6);
    assert_eq!(message, "error: 1-3: not on disk: ses-02, ses-03\n");
    user.ok("download --subject sub-03 --ses ses-02 --desc SingletrialBetas");
    for line in
        ["betas --subject 03 --session all --roi FFA1 -o x.npz", "extract --subject 03 -o y.npz"]
    {
        let ran = user.ok(&format!("{line} --strict"));
        assert!(!ran.err.contains("of the bucket"), "{line}: {}", ran.err);
    }
}

#[test]
fn a_range_says_what_is_not_on_disk() {
    let user = User::with_session();
    let ran = user.ok("betas --subject 03 --session 01-03 --roi FFA1 -o x.npy");
    let note = "note: 01-03: not on disk, left out: ses-02, ses-03\n";
    assert!(ran.err.starts_with(note), "{}", ran.err);
    let ran = user.ok("trials --subject 03 --session 1-20");
    assert!(ran.err.contains(", ses-09 and 11 more\n"), "{}", ran.err);
    let line = "extract --subject 03 --session 01-05 --roi FFA1 -o x.npz -n --from bucket";
    let ran = user.ok(line);
    assert!(ran.err.contains("note: 01-05: there is no ses-05\n"), "{}", ran.err);
}

#[test]
fn sessions_that_only_the_bucket_has_are_named() {
    let user = User::with_session();
    let listed = user.ok("sessions --subject 03 --remote").out;
    let listed: Vec<&str> = listed.lines().filter(|it| !it.starts_with("ses-3")).collect();
    assert!(listed.contains(&"ses-02"), "{listed:?}");
    let requests = user.server.requests().len();
    for (line, what) in [
        ("betas --subject 03 --session 02 --roi FFA1 -o x.npy", "the betas"),
        ("extract --subject 03 --session 02 --roi FFA1 -o x.npz", "the betas"),
        ("trials --subject 03 --session 02", "the trial table"),
    ] {
        let message = user.fails(line, 3);
        let expected = format!(
            "error: not on disk: {what} of sub-03 ses-02, only those of ses-01 (in the bucket, as last listed: {}) (",
            listed.join(", ")
        );
        assert!(message.starts_with(&expected), "{line}: {message}");
        let hint =
            "hint: laion-fmri download --subject sub-03 --ses ses-02 --desc SingletrialBetas";
        assert!(message.contains(hint), "{line}: {message}");
    }
    assert_eq!(user.server.requests().len(), requests, "it is known without the network");
    // Nothing was listed of a subject that was adopted or copied.
    std::fs::remove_file(user.mirror().join(".laion_fmri/listed_sessions.json")).unwrap();
    let message = user.fails("betas --subject 03 --session 02 --roi FFA1 -o x.npy", 3);
    assert!(message.contains("ses-02, only those of ses-01 (expected at "), "{message}");
}
