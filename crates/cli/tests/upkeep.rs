//! Keeping a mirror in order: verify, adopt, urls, doctor, several roots, signals, offline.

use std::process::Stdio;
use std::time::{Duration, Instant};

use fixtures::{Fault, Proxy};

use crate::User;

const TRIALS: &str = "derivatives/glmsingle-tedana/sub-03/ses-01/func/sub-03_ses-01_task-images_desc-SingletrialBetas_trials.tsv";
const BETAS: &str = "derivatives/glmsingle-tedana/sub-03/ses-01/func/sub-03_ses-01_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz";

/// What is said of a file whose size is right.
const COPIED: &str = "has another time of modification than when it was downloaded";

fn flip(file: &std::path::Path) {
    let mut content = std::fs::read(file).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    std::fs::write(file, content).unwrap();
}

#[test]
fn damage_is_found_and_repaired() {
    let user = User::with_session();
    let ran = user.ok("verify");
    assert!(ran.err.contains(": all fine"), "{}", ran.err);
    flip(&user.mirror().join(BETAS));
    // The size is right still.
    user.ok("verify --fast");
    let ran = user.run("verify --offline");
    assert_eq!(ran.code, 4);
    assert!(ran.out.starts_with(&format!("{BETAS}: ")), "{}", ran.out);
    assert!(
        ran.err.contains(" fine, 1 damaged\n") && ran.err.contains("verify --repair"),
        "{}",
        ran.err
    );
    let message = user.fails("verify --subject sub-01", 3);
    let expected = "error: nothing to verify: no downloaded file of sub-01 in DIR/mirror; subjects on disk: sub-03\n";
    assert_eq!(message, expected);
    let ran = user.ok("verify --repair");
    assert!(ran.err.contains("downloaded 1 file "), "{}", ran.err);
    assert!(user.ok("verify").err.contains(": all fine"));

    flip(&user.mirror().join(TRIALS));
    let ran = user.ok("download --subject sub-03 --ses ses-01 --verify");
    assert!(ran.err.contains("downloaded 1 file "), "{}", ran.err);
    let json = user.ok("verify --json");
    for line in json.out.lines() {
        let file: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&file["schema"], &file["sound"]),
            (&"laion-fmri.verify/1".into(), &true.into())
        );
        assert_eq!(file["against"], "record");
    }
}

#[test]
fn a_file_that_is_not_as_it_was_downloaded_is_named_once() {
    let user = User::with_session();
    let (trials, betas) = (user.mirror().join(TRIALS), user.mirror().join(BETAS));
    let warning = |name: &str| {
        // Of the betas here, the time alone is another.
        let what = match name {
            BETAS => COPIED,
            _ => "is not as it was downloaded",
        };
        format!("warning: DIR/mirror/{name} {what}; compare it with: laion-fmri verify --repair\n")
    };
    let lines = [
        "trials --subject 03 --session 01 -o trials.tsv",
        "betas --subject 03 --session 01 --roi FFA1 -o betas.npy --rows rows.tsv",
        "extract --subject 03 --session 01 --roi FFA1 -o all.npz",
    ];
    let expect = |line: &str, name: &str, times: usize| {
        let ran = user.ok(line);
        assert_eq!(ran.err.matches(&warning(name)).count(), times, "{line}: {}", ran.err);
        assert_eq!(ran.err.matches("warning: ").count(), times, "{line}: {}", ran.err);
    };
    lines.iter().for_each(|line| expect(line, TRIALS, 0));
    // As `cp -r` does: the bytes of what is hashed are compared.
    let whole = std::fs::read(&trials).unwrap();
    std::fs::write(&trials, &whole).unwrap();
    let file = std::fs::File::options().write(true).open(&trials).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1)).unwrap();
    lines.iter().for_each(|line| expect(line, TRIALS, 0));
    // Two labels change places: the size is the same.
    let text = String::from_utf8(whole.clone()).unwrap();
    let mut rows: Vec<Vec<&str>> = text.lines().map(|row| row.split('\t').collect()).collect();
    let label = rows[0].iter().position(|column| *column == "label").unwrap();
    let (first, second) = (rows[1][label], rows[2][label]);
    assert_ne!(first, second);
    (rows[1][label], rows[2][label]) = (second, first);
    let rows: Vec<String> = rows.iter().map(|row| row.join("\t")).collect();
    std::fs::write(&trials, rows.join("\n") + "\n").unwrap();
    lines.iter().for_each(|line| expect(line, TRIALS, 1));
    // The table alone cannot tell that it was cut short.
    std::fs::write(&trials, rows[..20].join("\n") + "\n").unwrap();
    expect(lines[0], TRIALS, 1);
    for line in &lines[1..] {
        let message = user.fails(line, 4);
        assert!(message.contains("(expected equal numbers)"), "{message}");
    }
    std::fs::write(&trials, &whole).unwrap();
    // Betas are hashed by an extraction alone.
    let file = std::fs::File::options().write(true).open(&betas).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1)).unwrap();
    expect(lines[1], BETAS, 1);
    expect(lines[2], BETAS, 0);
    let ran = user.ok("verify --repair");
    assert!(!ran.err.contains("warning"), "{}", ran.err);
    expect(lines[1], BETAS, 0);
}

#[test]
fn a_changed_file_of_embeddings_is_named() {
    let user = User::with_session();
    user.ok("download --prefix stimuli/task-images_metadata.csv");
    user.ok("download-embeddings --model CLIP");
    let line = "extract --subject 03 --session 01 --roi FFA1 --features CLIP -o all.npz";
    let key = "stimuli/task-images_desc-CLIP_embeddings.h5";
    let warning = |what: &str| {
        format!("warning: DIR/mirror/{key} {what}; compare it with: laion-fmri verify --repair\n")
    };
    let ran = user.ok(line);
    assert!(!ran.err.contains("warning"), "{}", ran.err);
    let path = user.mirror().join(key);
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1)).unwrap();
    let embedding = "embedding --model CLIP -o rows.npy";
    for line in [line, embedding] {
        let ran = user.ok(line);
        assert_eq!(ran.err.matches(&warning(COPIED)).count(), 1, "{line}: {}", ran.err);
    }
    // `verify` compares all bytes, and records the new time.
    assert!(user.ok("verify --offline").err.contains(": all fine"));
    let ran = user.ok(embedding);
    assert!(!ran.err.contains("warning"), "{}", ran.err);
    // Another size is another content, whatever the time says.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend([0; 8]);
    std::fs::write(&path, bytes).unwrap();
    let ran = user.ok(embedding);
    let changed = warning("is not as it was downloaded");
    assert_eq!(ran.err.matches(&changed).count(), 1, "{}", ran.err);
}

#[test]
fn a_verification_of_nothing_is_status_3() {
    let user = User::new();
    let empty = "error: nothing to verify: no downloaded file in DIR/mirror\n";
    assert_eq!(user.fails("verify --offline", 3), empty);
    assert_eq!(user.fails("verify --offline --repair", 3), empty);
    user.ok("download --subject sub-03 --ses ses-01 --suffix trials --accept-license");
    for (named, error) in [
        ("3", "sub-3 (did you mean sub-03?)"),
        ("sub-99 sub-03", "sub-99"),
        ("nonsense", "sub-nonsense"),
    ] {
        let message = user.fails(&format!("verify --offline --subject {named}"), 3);
        let expected =
            format!("no downloaded file of {error} in DIR/mirror; subjects on disk: sub-03\n");
        assert!(message.ends_with(&expected), "{message}");
    }
    user.ok("verify --offline --subject 03");
}

#[test]
fn a_missing_file_is_named_fetched_again_or_forgotten() {
    let user = User::with_session();
    let file = user.mirror().join(TRIALS);
    std::fs::remove_file(&file).unwrap();
    let ran = user.run("verify --offline --subject 03");
    assert_eq!(ran.code, 4);
    assert_eq!(ran.out, format!("{TRIALS}: no longer on disk\n"));
    assert!(ran.err.contains(" fine, 1 missing\n"), "{}", ran.err);
    assert!(ran.err.contains("verify --repair") && ran.err.contains("--forget"), "{}", ran.err);
    assert_eq!(user.run("verify --fast").code, 4);
    let json = user.run("verify --json");
    let line = json.out.lines().find(|line| line.contains(TRIALS)).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((json.code, &line["sound"]), (4, &false.into()));
    assert_eq!(line["reason"], "no longer on disk");
    let ran = user.ok("verify --repair");
    assert!(ran.err.contains("downloaded 1 file "), "{}", ran.err);
    assert_eq!(std::fs::read(&file).unwrap(), std::fs::read(user.bucket.path(TRIALS)).unwrap());
    assert!(user.ok("verify").err.contains(": all fine"));

    // What is removed on purpose is not missed any more.
    let message = user.fails(&format!("verify --forget {TRIALS}"), 3);
    assert!(message.contains("is on disk, so its record is kept"), "{message}");
    assert!(
        user.fails("verify --forget nothing", 3).contains("no missing file is recorded as nothing")
    );
    std::fs::remove_file(&file).unwrap();
    assert_eq!(user.ok(&format!("verify --forget {TRIALS}")).out, format!("{TRIALS}\n"));
    assert!(user.ok("verify").err.contains(": all fine"));
    let folder = user.mirror().join("derivatives/rois/sub-03/face");
    let count = crate::names(&folder).len();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(user.run("verify").out.lines().count(), count);
    let ran = user.ok("verify --forget mirror/derivatives/rois/sub-03/face/");
    assert_eq!(ran.out.lines().count(), count);
    assert!(user.ok("verify").err.contains(": all fine"));
    // It may come again.
    user.ok("download --subject sub-03 --ses ses-01");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(user.run("verify --offline").code, 4);
}

#[cfg(unix)]
#[test]
fn files_behind_links_are_verified() {
    let user = User::with_session();
    let folder = user.mirror().join("derivatives/glmsingle-tedana/sub-03");
    std::fs::rename(&folder, user.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(user.path("elsewhere"), &folder).unwrap();
    assert!(user.ok("verify --offline").err.contains(": all fine"));
    flip(&user.mirror().join(BETAS));
    let ran = user.run("verify --offline");
    assert_eq!(ran.code, 4);
    assert!(ran.out.starts_with(&format!("{BETAS}: ")), "{}", ran.out);
}

#[test]
fn a_changed_object_of_the_same_size_is_fetched() {
    let user = User::with_session();
    let key = user.bucket.path(TRIALS);
    flip(&key);
    let ran = user.ok("download --subject sub-03 --ses ses-01 --dry-run --json");
    let changed: Vec<&str> =
        ran.out.lines().filter(|line| line.contains("changed in the bucket since")).collect();
    assert!(changed.len() == 1 && changed[0].contains("trials.tsv"), "{changed:?}");
    user.ok("download --subject sub-03 --ses ses-01");
    assert_eq!(std::fs::read(user.mirror().join(TRIALS)).unwrap(), std::fs::read(key).unwrap());
}

#[test]
fn trees_of_other_tools_are_taken_over() {
    for how in ["link", "copy", "move"] {
        let user = User::new();
        // As `aws s3 sync` leaves it: the keys, hyphens and all.
        let tree = user.path("synced");
        let copied = std::process::Command::new("cp")
            .arg("-r")
            .arg(user.bucket.path("derivatives/rois/sub-03"))
            .arg(&tree)
            .status();
        assert!(copied.unwrap().success());
        let placed = user.path("tree/derivatives/rois");
        std::fs::create_dir_all(&placed).unwrap();
        std::fs::rename(&tree, placed.join("sub-03")).unwrap();
        std::fs::write(placed.join("sub-03/notes.txt"), "mine").unwrap();
        let ran = user.ok(&format!("adopt tree --how {how}"));
        assert!(ran.err.starts_with("adopted "), "{}", ran.err);
        assert!(ran.err.contains(", 1 unknown to the bucket"), "{}", ran.err);
        let ran = user.ok("download --subject sub-03 --suffix mask --accept-license");
        let fetched = user.server.requests();
        let rois = |line: &&String| line.starts_with("GET") && line.contains("rois/sub-03/");
        assert_eq!(fetched.iter().filter(rois).count(), 0, "{}", ran.err);
        let masks = user.mirror().join("derivatives/rois/sub-03/face");
        assert!(crate::names(&masks).iter().any(|name| name.contains("label-FFA1_mask")));
        user.ok("verify --offline");
        // A second time there is nothing to do.
        if how != "move" {
            let ran = user.ok("adopt tree");
            assert!(ran.err.starts_with("adopted 0 files"), "{}", ran.err);
        }
    }
}

#[test]
fn a_folder_one_level_off_is_named() {
    let user = User::with_session();
    let tree = user.path("tree");
    std::fs::rename(user.mirror(), &tree).unwrap();
    std::fs::create_dir(user.mirror()).unwrap();
    for off in ["tree/derivatives", "tree/derivatives/rois/sub-03", "."] {
        std::fs::create_dir_all(user.path(off)).unwrap();
        let message = user.fails(&format!("adopt {off}"), 3);
        assert!(message.contains("the folder that holds derivatives/"), "{message}");
        assert!(message.ends_with("hint: laion-fmri adopt DIR/tree\n"), "{off}: {message}");
    }
    std::fs::create_dir(user.path("empty")).unwrap();
    let message = user.fails("adopt empty", 3);
    assert!(message.contains("none of the 0 files"), "{message}");
    assert!(user.ok("adopt tree").err.starts_with("adopted "));
}

#[test]
fn sessions_that_are_not_released_are_not_adopted() {
    let user = User::new();
    let key = TRIALS.replace("ses-01", "ses-31");
    let file = user.path("tree").join(&key);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::copy(user.bucket.path(&key), &file).unwrap();
    let known = user.path("tree").join(TRIALS);
    std::fs::create_dir_all(known.parent().unwrap()).unwrap();
    std::fs::copy(user.bucket.path(TRIALS), &known).unwrap();
    let ran = user.ok("adopt tree");
    assert!(ran.err.starts_with("adopted 1 file "), "{}", ran.err);
    assert!(ran.err.contains("1 not released yet"), "{}", ran.err);
    assert!(!user.mirror().join(&key).exists() && file.exists());
}

#[test]
fn a_mirror_with_hyphens_is_put_right_in_place() {
    let user = User::with_session();
    let folder = user.mirror().join("derivatives/rois/sub-03/face");
    let ours = crate::names(&folder).into_iter().find(|name| name.contains("label-FFA1_mask"));
    let ours = folder.join(ours.unwrap());
    let theirs = ours.to_str().unwrap().replace("FFA1", "FFA-1");
    std::fs::rename(&ours, &theirs).unwrap();
    let ran = user.ok("adopt mirror");
    assert!(ran.err.starts_with("adopted "), "{}", ran.err);
    assert!(ours.is_file() && !std::path::Path::new(&theirs).exists());
}

#[test]
fn damaged_files_are_not_taken_over() {
    let user = User::new();
    let file = user.path("tree").join(TRIALS);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::copy(user.bucket.path(TRIALS), &file).unwrap();
    flip(&file);
    let ran = user.run("adopt tree");
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(ran.out.contains("differs ") && ran.out.contains("entity tag"), "{}", ran.out);
    assert!(!user.mirror().join(TRIALS).exists());
}

#[test]
fn addresses_for_other_tools() {
    let user = User::with_session();
    let all = user.ok("urls --subject sub-03 --ses ses-01");
    let line = all.out.lines().find(|line| line.contains("trials.tsv")).unwrap();
    let cells: Vec<&str> = line.split('\t').collect();
    let size = std::fs::metadata(user.bucket.path(TRIALS)).unwrap().len().to_string();
    let path = format!("DIR/mirror/{TRIALS}");
    assert_eq!(cells, [format!("BUCKET/{TRIALS}").as_str(), size.as_str(), path.as_str()]);
    assert_eq!(all.out.lines().next(), Some("url\tsize\tlocal"));
    let missing = user.ok("urls --subject sub-03 --ses ses-01 --missing");
    assert_eq!(missing.out, "url\tsize\tlocal\n");
    let curl = user.ok("urls --subject sub-03 --ses ses-01 --format curl").out;
    assert!(
        curl.contains(&format!("url = \"BUCKET/{TRIALS}\"\noutput = \"DIR/mirror/{TRIALS}\"")),
        "{curl}"
    );
    let aria = user.ok("urls --subject sub-03 --ses ses-01 --format aria2").out;
    assert!(aria.contains(&format!("BUCKET/{TRIALS}\n  dir=DIR/mirror\n  out={TRIALS}")), "{aria}");
}

#[test]
fn the_doctor_looks_around() {
    let user = User::with_session();
    let ran = user.ok("doctor");
    for expected in ["licence", "bucket", "recorded files", "writable"] {
        assert!(ran.out.contains(expected), "{expected}: {}", ran.out);
    }
    std::fs::write(user.mirror().join(TRIALS), "cut").unwrap();
    let ran = user.run("doctor --offline");
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("hint: laion-fmri verify --repair"), "{}", ran.out);
    assert!(ran.out.contains("not asked: offline"), "{}", ran.out);
}

#[test]
fn a_dry_run_says_why_and_whether_it_fits() {
    let user = User::new();
    let ran = user.ok("download --subject sub-03 --ses ses-01 -n -v");
    assert!(ran.err.contains("free space in DIR/mirror: "), "{}", ran.err);
    let line = |part: &str| ran.out.lines().find(|line| line.contains(part)).unwrap().to_owned();
    assert!(line("trials.tsv").ends_with("(ses 01)"), "{}", line("trials.tsv"));
    assert!(line("desc-R2mean_statmap.nii.gz").ends_with("(needed by the default loader)"));
    assert!(line("FFA-1").ends_with("(an ROI, whatever the session)"), "{}", line("FFA-1"));
    assert!(line("README").ends_with("(describes the dataset)"));
}

#[test]
fn shared_roots_come_first_and_are_never_written() {
    let user = User::with_session();
    let own = user.path("own");
    std::fs::create_dir(&own).unwrap();
    let before = listing(&user.mirror());
    let read_only = |on: bool| {
        let mode = if on { "a-w" } else { "u+w" };
        let mut command = std::process::Command::new("chmod");
        assert!(command.args(["-R", mode]).arg(user.mirror()).status().unwrap().success());
    };
    read_only(true);
    let roots = format!("{}:{}", user.mirror().display(), own.display());
    let mut command = user.command(&[
        "download",
        "--subject",
        "sub-03",
        "--ses",
        "ses-01",
        "ses-02",
        "--accept-license",
    ]);
    command.env("LAION_FMRI_DATA", &roots);
    let ran = user.run_with(command);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let mut command = user.command(&["verify", "--offline"]);
    command.env("LAION_FMRI_DATA", &roots);
    assert_eq!(user.run_with(command).code, 0);
    read_only(false);
    assert_eq!(listing(&user.mirror()), before);
    assert!(!own.join(TRIALS).exists(), "what is shared is not fetched again");
    assert!(own.join(TRIALS.replace("ses-01", "ses-02")).is_file());
}

fn listing(root: &std::path::Path) -> String {
    let ran = std::process::Command::new("find").arg(root).output().unwrap();
    let mut lines: Vec<_> =
        String::from_utf8(ran.stdout).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines.join("\n")
}

#[test]
fn a_signal_ends_a_listing_and_a_stalled_transfer_within_a_second() {
    let user = User::new();
    for lists in [true, false] {
        let proxy = Proxy::start(user.server.address(), move |request| {
            if request.is_object() != lists { Fault::Stall(0) } else { Fault::Pass }
        })
        .unwrap();
        for (signal, code) in [("INT", 130), ("TERM", 143)] {
            let mut command =
                user.command(&["download", "--subject", "sub-03", "--accept-license", "-q"]);
            command
                .env("LAION_FMRI_DATA", user.mirror())
                .env("LAION_FMRI_BUCKET", proxy.url("laion-fmri"))
                .stderr(Stdio::null());
            let before = proxy.faults();
            let mut child = command.spawn().unwrap();
            let start = Instant::now();
            while proxy.faults() == before {
                assert!(start.elapsed() < Duration::from_secs(30), "it never stalled");
                std::thread::sleep(Duration::from_millis(10));
            }
            let asked = Instant::now();
            let killed = std::process::Command::new("kill")
                .args([format!("-{signal}"), child.id().to_string()])
                .status();
            assert!(killed.unwrap().success());
            assert_eq!(child.wait().unwrap().code(), Some(code));
            assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
        }
    }
}

#[test]
fn offline_never_connects() {
    let user = User::with_session();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    for line in [
        "download --subject sub-03 --ses ses-02 --offline",
        "verify --offline",
        "adopt mirror --offline",
        "urls --subject sub-03 --offline",
        "doctor --offline",
        "subjects --offline",
        "info --offline",
    ] {
        let mut command = user.command(&line.split(' ').collect::<Vec<_>>());
        command
            .env("LAION_FMRI_DATA", user.mirror())
            .env("LAION_FMRI_BUCKET", format!("{address}/laion-fmri"))
            .env("HTTP_PROXY", &address)
            .env("HTTPS_PROXY", &address)
            .env("ALL_PROXY", &address);
        user.run_with(command);
        let knocked = listener.accept();
        assert!(knocked.is_err(), "{line} opened a connection");
    }
    // Without the switch requests do arrive.
    let mut command = user.command(&["subjects", "--remote"]);
    command.env("LAION_FMRI_BUCKET", format!("{address}/laion-fmri"));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while listener.accept().is_err() {
        assert!(start.elapsed() < Duration::from_secs(30), "nobody knocked");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
