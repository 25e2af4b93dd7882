//! Where settings come from, and which of them wins.

use std::fs;

use insta::assert_snapshot;

use crate::User;

#[test]
fn the_data_directory_is_stored_and_found() {
    let user = User::new();
    let run = |arguments: &[&str]| user.run_with(user.command(arguments));
    let ran = run(&["subjects", "--offline"]);
    assert_eq!(ran.code, 2);
    assert_snapshot!(ran.err, @"
    error: no data directory is set
    hint: laion-fmri config --data-dir DIR
    ");
    let ran = run(&["config", "--data-dir", "missing"]);
    assert_eq!(ran.code, 2);
    assert_snapshot!(ran.err, @"
    error: data directory DIR/missing does not exist
    hint: mkdir -p DIR/missing && laion-fmri config --data-dir missing
    ");
    let ran = run(&["config", "--data-dir", "mirror"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "Data directory set to: DIR/mirror\n"));
    let stored = fs::read_to_string(user.path("home/.config/laion_fmri/config.json")).unwrap();
    assert_eq!(user.neutral(&stored), "{\n  \"data_dir\": \"DIR/mirror\"\n}\n");
    assert_eq!(run(&["subjects", "--offline"]).code, 3);
    // As many as the machine has cores, at most 4.
    let threads = format!("threads      {} for", laion_fmri::config::default_jobs());
    let shown = run(&["config"]).out.replace(&threads, "threads      N for");
    assert_snapshot!(shown, @"
    data_dir     DIR/mirror  (DIR/home/.config/laion_fmri/config.json)
    bucket       BUCKET  (the environment)
    offline      false  (default)
    jobs         16 parallel transfers  (default)
    threads      N for reading betas  (default)
    follow_links false  (default)
    cache_dir    DIR/home/.cache/laion-fmri  (default)
    access_url   https://laion-fmri.hebartlab.com  (default)
    auth_file    DIR/home/.cache/laion-fmri/auth.json  (no access is saved)
    config_file  DIR/home/.config/laion_fmri/config.json  (present)
    ");
}

#[test]
fn every_setting_is_stored_and_used_or_refused() {
    let user = User::new();
    let run = |line: &str, code: i32| {
        let mut command = user.command(&line.split(' ').collect::<Vec<_>>());
        command.env_remove("LAION_FMRI_BUCKET");
        user.run_with(command).failed(line, code)
    };
    std::fs::create_dir(user.path("shared")).unwrap();
    let bucket = user.server.url("laion-fmri");
    let line = format!("config --data-dir shared:mirror --bucket {bucket} -j 3 --cache-dir cache");
    assert_snapshot!(run(&line, 0).out, @"
    Data directory set to: DIR/mirror
    Shared data directories set to: DIR/shared
    Bucket set to: BUCKET
    Jobs set to: 3
    Cache directory set to: DIR/cache
    ");
    let stored = fs::read_to_string(user.path("home/.config/laion_fmri/config.json")).unwrap();
    let stored: serde_json::Value = serde_json::from_str(&user.neutral(&stored)).unwrap();
    let expected = serde_json::json!({
        "data_dir": "DIR/mirror", "shared_dirs": ["DIR/shared"], "bucket": "BUCKET", "jobs": 3,
        "cache_dir": "DIR/cache",
    });
    assert_eq!(stored, expected);
    let shown = run("config", 0).out;
    let file = "(DIR/home/.config/laion_fmri/config.json)";
    for line in [
        "data_dir     DIR/shared:DIR/mirror",
        "bucket       BUCKET",
        "jobs         3 parallel transfers",
        "threads      3 for reading betas",
        "cache_dir    DIR/cache",
    ] {
        assert!(shown.contains(&format!("{line}  {file}\n")), "{line}: {shown}");
    }
    assert!(run("config --json", 0).out.contains("\"jobs\""));
    // They are in force: the bucket answers, files go to the last directory, the index to the
    // cache.
    run("download --subject sub-03 --ses 01 --accept-license --index", 0);
    assert!(user.mirror().join("README").is_file() && !user.path("shared/README").exists());
    assert!(user.path("cache/indexes").is_dir());
    assert_eq!(run("config --jobs 5", 0).out, "Jobs set to: 5 (was 3)\n");
    assert!(run("config", 0).out.contains("data_dir     DIR/shared:DIR/mirror"));
    // An option comes before what is stored, and the list of directories is stored as a whole.
    let empty = run("subjects --offline --data-dir shared", 3).err;
    assert!(empty.contains("nothing of any subject is on disk in DIR/shared"), "{empty}");
    run("config --data-dir mirror", 0);
    assert!(run("config", 0).out.contains("data_dir     DIR/mirror  "));
    assert!(run("config --offline", 2).err.starts_with("error: --offline cannot be stored\n"));
    assert!(run("config --strict", 2).err.starts_with("error: --strict cannot be stored\n"));
    run("config --bucket gopher://x", 2);
    run("config --jobs many", 2);
    assert!(run("config --data-dir mirror:missing", 2).err.contains("mkdir -p DIR/missing"));
}

#[test]
fn a_damaged_configuration_is_named() {
    let user = User::new();
    let folder = user.path("home/.config/laion_fmri");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.json"), "{\"data_dir\": ").unwrap();
    let ran = user.run_with(user.command(&["subjects"]));
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.starts_with(
            "error: DIR/home/.config/laion_fmri/config.json: not a configuration file"
        ),
        "{}",
        ran.err
    );
}

#[test]
fn several_roots_are_searched_in_order() {
    let user = User::with_session();
    fs::create_dir(user.path("own")).unwrap();
    let both = format!("{}:{}", user.mirror().display(), user.path("own").display());
    let run = |line: &str| {
        let mut command = user.command(&line.split(' ').collect::<Vec<_>>());
        command.env("LAION_FMRI_DATA", &both);
        user.run_with(command)
    };
    // What the first root has is not fetched again; the rest goes to the last.
    let ran = run("download --subject 03 --ses ses-01 ses-02 --accept-license");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!user.mirror().join("derivatives/glmsingle-tedana/sub-03/ses-02").exists());
    assert!(!user.path("own/derivatives/glmsingle-tedana/sub-03/ses-01").exists());
    let ran = run("sessions --subject 03");
    assert_eq!(ran.out, "ses-01\nses-02\n");
    for session in ["01", "02"] {
        let ran = run(&format!("betas --subject 03 --session {session} --roi FFA1 -o b.npy"));
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
}

#[test]
fn a_variable_that_cannot_hold_is_wrong_use() {
    let user = User::new();
    for (name, value) in [("LAION_FMRI_JOBS", "many"), ("LAION_FMRI_BUCKET", "gopher://x")] {
        let mut command = user.command(&["info"]);
        command.env(name, value);
        let ran = user.run_with(command);
        assert_eq!(ran.code, 2);
        assert!(ran.err.starts_with(&format!("error: {name}=\"{value}\": ")), "{}", ran.err);
    }
}

#[test]
fn settings_need_a_place() {
    let user = User::new();
    let mut command = user.command(&["config", "--data-dir", "mirror"]);
    command.env_remove("HOME");
    let ran = user.run_with(command);
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.starts_with("error: cannot store the settings: neither HOME nor"),
        "{}",
        ran.err
    );
}

#[test]
fn a_data_directory_that_is_missing_is_made_by_the_hint() {
    let user = User::new();
    let run = |line: &str| user.run_with(user.command(&line.split(' ').collect::<Vec<_>>()));
    let ran = run("config --data-dir new").failed("config", 2);
    let hint = "hint: mkdir -p DIR/new && laion-fmri config --data-dir new\n";
    assert!(ran.err.ends_with(hint), "{}", ran.err);
    // What the user has accepted before holds in it.
    run("license --accept").ok("license");
    std::fs::create_dir(user.path("new")).unwrap();
    let ran = run("config --data-dir new").ok("config");
    assert!(ran.err.contains("the licence, accepted before, holds here too"), "{}", ran.err);
    assert!(user.path("new/.laion_fmri/license_accepted").is_file());
    run("download --subject 03 --ses 01 --suffix trials").ok("download");
}

/// No user can write into `/proc`.
#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_cannot_be_written_to_is_stored_as_a_shared_one() {
    let user = User::new();
    let run = |line: &str| user.run_with(user.command(&line.split(' ').collect::<Vec<_>>()));
    std::fs::create_dir(user.path("old")).unwrap();
    run("config --data-dir old").ok("config");
    let ran = run("config --data-dir /proc").ok("config");
    assert_eq!(ran.out, "Shared data directories set to: /proc\n");
    assert!(ran.err.ends_with("hint: laion-fmri config --data-dir /proc:OWN\n"), "{}", ran.err);
    let shown = run("config").ok("config").out;
    assert!(shown.contains("data_dir     /proc  ("), "{shown}");
    let ran = run(&format!("config --data-dir /proc:{}", user.path("old").display())).ok("config");
    assert!(ran.out.contains("Data directory set to: DIR/old\n"), "{}", ran.out);
    // What was replaced is said, and what stays is not.
    let ran = run("config --data-dir mirror").ok("config");
    assert_eq!(ran.out, "Data directory set to: DIR/mirror (was DIR/old)\n");
    let ran = run("config --data-dir mirror --jobs 3").ok("config");
    assert_eq!(ran.out, "Data directory set to: DIR/mirror\nJobs set to: 3\n");
    assert_eq!(run("config --jobs 4").ok("config").out, "Jobs set to: 4 (was 3)\n");
}

#[test]
fn a_cache_directory_that_cannot_be_used_is_named() {
    let user = User::with_session();
    std::fs::write(user.path("file"), "").unwrap();
    for place in ["file", "file/below"] {
        let ran = user.ok(&format!(
            "betas --subject 03 --session 01 --roi face -o b.npy --cache-dir {place}"
        ));
        assert_eq!(ran.err.matches("warning: ").count(), 1, "{}", ran.err);
        let warning = ran.err.lines().next().unwrap();
        assert!(
            warning.contains(place)
                && warning.contains("cache directory")
                && warning.ends_with("; no index and no weights are kept"),
            "{warning}"
        );
    }
    let ran = user.ok("betas --subject 03 --session 01 --roi face -o b.npy --cache-dir new/cache");
    assert!(!ran.err.contains("warning"), "{}", ran.err);
}
