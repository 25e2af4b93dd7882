//! Stores as a user meets them: built, listed, read, checked, removed.

use std::fs;

use crate::{Ran, User, names};

/// The end of a file of betas, so that a test can put it aside.
const BETAS: &str = "derivatives/glmsingle-tedana/sub-03/ses-01/func/\
                     sub-03_ses-01_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz";

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text.lines().next().unwrap()).unwrap()
}

#[test]
fn a_store_is_built_used_listed_checked_and_removed() {
    let user = User::with_session();
    let read = |name: &str, more: &str| {
        let line = format!("betas --subject sub-03 --session all --roi face -o {name}{more}");
        let ran = user.ok(&line);
        (fs::read(user.path(name)).unwrap(), ran.err)
    };
    let (expected, _) = read("file.npy", "");
    let plan = user.ok("store build --subject 03 -n --json");
    assert_eq!(json(&plan.out)["sessions"], serde_json::json!(["ses-01"]));
    assert!(!user.mirror().join("stores").exists());
    let built = user.ok("store build --subject 03 --json");
    assert_eq!(json(&built.out)["built"], serde_json::json!(["ses-01"]));
    assert_eq!(names(&user.mirror().join("stores")), ["sub-03_desc-anatomical.zarr"]);
    let nothing = user.ok("store build --subject 03 -n").out;
    assert!(nothing.contains("\nbuild:    nothing: every session is there\n"), "{nothing}");
    let again = user.ok("store build --subject 03");
    assert!(again.err.contains("0 sessions built, 1 kept"), "{}", again.err);
    let told = "note: kept as they are: ses-01; to check every byte: \
                laion-fmri store build --subject sub-03 --verify\n";
    assert!(again.err.ends_with(told), "{}", again.err);
    let checked = user.ok("store build --subject 03 --verify").err;
    assert!(!checked.contains("kept as they are"), "{checked}");
    let (stored, notes) = read("store.npy", " -v");
    assert!(stored == expected);
    assert!(notes.contains("sub-03_desc-anatomical.zarr"), "{notes}");
    let (without, notes) = read("without.npy", " -v --no-store");
    assert!(without == expected);
    assert!(!notes.contains(".zarr"), "{notes}");
    let list = user.ok("store list --subject 03").out;
    assert!(list.contains("ses-01") && list.contains("up to date"), "{list}");
    let list = json(&user.ok("store list --subject 03 --json").out);
    assert_eq!(list["schema"], "laion-fmri.store/1");
    assert_eq!(list["sessions"][0]["state"], "up to date");
    assert_eq!(list["whole_brain"], true);
    // The store and the small files are enough.
    let (betas, aside) = (user.mirror().join(BETAS), user.path("aside"));
    fs::rename(&betas, &aside).unwrap();
    assert!(read("alone.npy", "").0 == expected);
    let list = user.ok("store list --subject 03").out;
    assert!(list.contains("its file is not on disk"), "{list}");
    fs::rename(&aside, &betas).unwrap();
    user.ok("store verify --subject 03");
    let verified = user.ok("verify --offline").err;
    assert!(verified.contains(" of stores ("), "{verified}");
    for (sessions, message) in [
        ("05", "no store of sub-03 has ses-05\nhint: laion-fmri store list --subject sub-03"),
        ("01,05", "no store of sub-03 has ses-05\nhint: laion-fmri store list --subject sub-03"),
        ("5-9", "no session of the stores of sub-03 is in the range 5-9; sessions: ses-01"),
    ] {
        let line = format!("store remove --subject 03 --session {sessions}");
        assert_eq!(user.fails(&line, 3), format!("error: {message}\n"), "{line}");
    }
    assert!(user.mirror().join("stores/sub-03_desc-anatomical.zarr/ses-01").exists());
    let removed = user.ok("store remove --subject 03 --session 1,01,01-09").err;
    let said = "removed 1 session of DIR/mirror/stores/sub-03_desc-anatomical.zarr\n";
    assert_eq!(removed, said);
    assert!(!user.mirror().join("stores/sub-03_desc-anatomical.zarr/ses-01").exists());
    user.ok("store remove --subject 03");
    assert!(names(&user.mirror().join("stores")).is_empty());
    let message = user.fails("store list --subject 03", 3);
    assert!(message.contains("store build --subject sub-03"), "{message}");
    assert!(read("file.npy", "").0 == expected);
}

#[test]
fn damage_is_found_and_passed_over() {
    let user = User::with_session();
    user.ok("betas --subject sub-03 --session 01 -o file.npy");
    user.ok("store build --subject sub-03");
    let matrix = user.mirror().join("stores/sub-03_desc-anatomical.zarr/ses-01/betas/c.0.0");
    let mut bytes = fs::read(&matrix).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&matrix, bytes).unwrap();
    let found = user.run("store verify --subject sub-03");
    assert_eq!(found.code, 4, "{}", found.err);
    assert!(found.out.contains("ses-01") && found.err.contains("store build"), "{}", found.out);
    let doctor = user.run("doctor --offline").out;
    assert!(doctor.contains("1 store, "), "{doctor}");
    let ran = user.ok("extract --subject sub-03 --session 01 -o all.npz");
    let told = "warning: ses-01 of DIR/mirror/stores/sub-03_desc-anatomical.zarr is damaged: its betas \
                are read from their file; build it again with: \
                laion-fmri store build --subject sub-03 --verify\n";
    assert_eq!(ran.err.matches(told).count(), 1, "{}", ran.err);
    user.ok("betas --subject sub-03 --session 01 -o again.npy");
    let read = |name: &str| fs::read(user.path(name)).unwrap();
    assert!(read("again.npy") == read("file.npy"));
    fs::remove_file(user.mirror().join(BETAS)).unwrap();
    let document = user.mirror().join("stores/sub-03_desc-anatomical.zarr/zarr.json");
    let sound = fs::read(&document).unwrap();
    fs::write(&document, &sound[1..]).unwrap();
    let doctor = user.run("doctor --offline").out;
    assert!(doctor.contains("is not used") && doctor.contains("store build"), "{doctor}");
    fs::write(&document, sound).unwrap();
    let message = user.fails("betas --subject sub-03 --session 01 -o lost.csv", 4);
    assert!(message.contains("sub-03 ses-01") && message.contains("voxel"), "{message}");
    assert!(message.contains("laion-fmri download --subject sub-03 --session ses-01"), "{message}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_killed_commands_left_behind_is_named_and_removed_by_the_next() {
    let user = User::with_session();
    let left = |output: &str| laion_fmri_base::temporary_sibling(&user.path(output));
    user.ok("store build --subject sub-03");
    let session = left("mirror/stores/sub-03_desc-anatomical.zarr/ses-01");
    fs::create_dir_all(session.join("betas")).unwrap();
    fs::write(session.join("betas/c.0.0"), [0; 1500]).unwrap();
    let list = user.ok("store list --subject sub-03").out;
    assert!(list.contains("1 build that was killed left 1.5 kB behind"), "{list}");
    assert!(list.contains("laion-fmri store build --subject sub-03 removes it"), "{list}");
    let listed = json(&user.ok("store list --subject 03 --json").out);
    assert_eq!(listed["left_behind_bytes"], 1500);
    let doctor = user.run("doctor --offline").out;
    assert!(doctor.contains("1 build that was killed left 1.5 kB behind"), "{doctor}");
    user.ok("store build --subject sub-03");
    assert!(!session.exists());
    assert_eq!(json(&user.ok("store list --subject 03 --json").out)["left_behind_bytes"], 0);
    // Each writer removes what was left of its own output, and of no other.
    let (betas, extract, other) = (left("int.npy"), left("all.npz"), left("other.npy"));
    for left in [&betas, &extract, &other] {
        fs::write(left, "half").unwrap();
    }
    user.ok("betas --subject sub-03 --session 01 --roi FFA1 -o int.npy");
    assert!(!betas.exists() && extract.exists() && other.exists());
    user.ok("extract --subject sub-03 --session 01 --roi FFA1 -o all.npz");
    assert!(!extract.exists() && other.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_session_that_another_process_builds_is_waited_for() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    let user = User::with_session();
    user.ok("store build --subject sub-03");
    let store = user.mirror().join("stores/sub-03_desc-anatomical.zarr");
    let complete = user.path("complete");
    fs::rename(store.join("ses-01"), &complete).unwrap();
    let build = |more: &[&str]| {
        let line = ["store", "build", "--subject", "sub-03", "--session", "01"];
        let mut command = user.command(&[line.as_slice(), more].concat());
        command.env("LAION_FMRI_DATA", user.mirror());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    // What another process writes is locked.
    let written = laion_fmri_base::temporary_sibling(&store.join("ses-01"));
    fs::create_dir(&written).unwrap();
    let held = fs::File::open(&written).unwrap();
    held.lock().unwrap();
    let mut child = build(&["--json"]);
    let (mut told, mut stderr) = (String::new(), BufReader::new(child.stderr.take().unwrap()));
    stderr.read_line(&mut told).unwrap();
    let expected = "another process builds sub-03 ses-01: this one waits for it";
    assert_eq!(told, format!("warning: {expected}\n"));
    fs::rename(&complete, store.join("ses-01")).unwrap();
    fs::remove_dir(&written).unwrap();
    drop(held);
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success());
    let report = json(&String::from_utf8(ended.stdout).unwrap());
    assert_eq!(report["built"], serde_json::json!([]));
    assert_eq!(report["kept"], serde_json::json!(["ses-01"]));
    // Of several that start together, one builds each session.
    for _ in 0..3 {
        fs::remove_dir_all(&store).unwrap();
        let children: Vec<_> = (0..3).map(|_| build(&["--json"])).collect();
        let ended = children.into_iter().map(|child| child.wait_with_output().unwrap());
        let built: usize = ended
            .map(|ended| {
                assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
                let report = json(&String::from_utf8(ended.stdout).unwrap());
                report["built"].as_array().unwrap().len()
            })
            .sum();
        assert_eq!(built, 1);
    }
    assert_eq!(json(&user.ok("store list --subject 03 --json").out)["left_behind_bytes"], 0);
}

#[test]
fn a_copied_mirror_uses_its_stores_once_it_is_verified() {
    let user = User::new();
    user.ok("download --subject sub-03 --ses 01 --accept-license --store");
    let betas = "betas --subject sub-03 --session 01 --roi FFA1 -o face.npy";
    let told = |line: &str| user.ok(&format!("{line} --json"));
    assert_eq!(json(&told(betas).out)["source"], "store");
    // As `cp -r` does.
    let file = fs::File::options().write(true).open(user.mirror().join(BETAS)).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1)).unwrap();
    let read = told(betas);
    assert_eq!(json(&read.out)["source"], "stream");
    assert!(read.err.contains("the time of its file differs"), "{}", read.err);
    let list = user.ok("store list --subject sub-03").out;
    assert!(list.contains("out of date: the time of its file differs"), "{list}");
    assert!(list.contains("laion-fmri verify --subject sub-03"), "{list}");
    user.ok("verify --subject sub-03");
    assert_eq!(json(&told(betas).out)["source"], "store");
    assert!(user.ok("store list --subject sub-03").out.contains("up to date"));
    // Other bytes of the same length are another file, also once they are looked at.
    let bytes = fs::read(user.mirror().join(BETAS)).unwrap();
    fs::write(user.mirror().join(BETAS), vec![0; bytes.len()]).unwrap();
    assert_eq!(user.run("verify --subject sub-03").code, 4);
    let list = user.ok("store list --subject sub-03").out;
    assert!(list.contains("out of date"), "{list}");
}

#[test]
fn a_shared_directory_is_named_by_variable_and_configuration() {
    let user = User::with_session();
    user.ok("store build --subject sub-03 --roi face -o shared");
    let read = |stores: Option<&str>, name: &str| {
        let line = format!("betas --subject sub-03 --session 01 --roi FFA1 -o {name} -v");
        let mut command = user.command(&line.split(' ').collect::<Vec<_>>());
        command.env("LAION_FMRI_DATA", user.mirror());
        if let Some(stores) = stores {
            command.env("LAION_FMRI_STORES", user.path(stores));
        }
        user.run_with(command).ok(&line).err
    };
    assert!(!read(None, "none.npy").contains("_voxels-"));
    assert!(read(Some("shared"), "shared.npy").contains("_voxels-"));
    let config = user.path("home/.config/laion_fmri/config.json");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    let stores = serde_json::json!({"stores": [user.path("shared")]});
    fs::write(&config, stores.to_string()).unwrap();
    assert!(read(None, "config.npy").contains("_voxels-"));
    let bytes = |name: &str| fs::read(user.path(name)).unwrap();
    assert!(bytes("none.npy") == bytes("shared.npy") && bytes("none.npy") == bytes("config.npy"));
}

#[test]
fn a_store_comes_from_the_bucket_without_a_nifti_file() {
    let user = User::new();
    let line = "store build --subject sub-03 --session 01 --from bucket";
    let message = user.fails(&format!("{line} -o stores"), 5);
    assert!(message.contains("licence"), "{message}");
    user.ok(&format!("{line} -o stores --accept-license"));
    let stores = names(&user.path("stores"));
    assert_eq!(stores, ["sub-03_desc-anatomical.zarr"]);
    assert!(names(&user.mirror()).iter().all(|name| name.starts_with('.')));
}

#[test]
fn a_store_from_the_bucket_says_which_small_files_it_is_read_with() {
    let user = User::new();
    let built = user.ok("store build --subject 01 --from bucket --roi face --accept-license").err;
    let hint = "laion-fmri download --subject sub-01 --brain-mask && \
                laion-fmri download --subject sub-01 --suffix mask trials";
    assert!(built.contains(&format!("hint: {hint}\n")), "{built}");
    let list = user.ok("store list").out;
    let told = format!("  its masks or trial tables are not on disk: {hint}\n");
    assert!(list.contains(&told) && list.contains("and not needed"), "{list}");
    let betas = "betas --subject 01 --session 02 --roi FFA1 -o x.npy --json";
    let message = user.fails(betas.strip_suffix(" --json").unwrap(), 3);
    assert!(message.contains("the masks and trial tables of sub-01"), "{message}");
    assert!(message.ends_with(&format!("hint: {hint}\n")), "{message}");
    for line in hint.split(" && ") {
        user.ok(&format!("{} --accept-license", line.strip_prefix("laion-fmri ").unwrap()));
    }
    assert!(!user.mirror().join(BETAS.replace("sub-03", "sub-01")).exists());
    assert_eq!(json(&user.ok(betas).out)["source"], "store");
    user.ok("extract --subject 01 --roi FFA1 --zscore session -o x.npz");
    assert!(!user.ok("store list").out.contains("not on disk:"));
}

/// The objects of a call with `--json`.
fn objects(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn where_betas_came_from_is_told_to_programs() {
    let user = User::with_session();
    let betas = "betas --subject sub-03 --session 01 --roi face -o face.npy --json";
    let extract = "extract --subject sub-03 --session 01 --roi face -o face.npz --json";
    let told = |line: &str| json(&user.ok(line).out);
    assert_eq!(told(betas)["source"], "stream");
    assert_eq!(told(extract)["sources"], serde_json::json!({"store": 0, "index": 0, "stream": 1}));
    user.ok("index --subject sub-03 --session 01");
    assert_eq!(told(betas)["source"], "index");
    user.ok("store build --subject 03");
    let from_store = told(betas);
    assert_eq!(from_store["source"], "store");
    assert_eq!(from_store["store"], "DIR/mirror/stores/sub-03_desc-anatomical.zarr");
    assert_eq!(told(extract)["sources"]["store"], 1);
    let without = told(&format!("{betas} --no-store"));
    assert_eq!(
        (&without["source"], &without["store"]),
        (&"index".into(), &serde_json::Value::Null)
    );
}

#[test]
fn stores_of_all_subjects_are_listed_and_checked() {
    let user = User::with_session();
    let message = user.fails("store list", 3);
    assert!(message.contains("there is no store"), "{message}");
    user.ok("store build --subject 03");
    user.ok("store build --subject 03 --roi face");
    let list = user.ok("store list").out;
    assert!(list.contains("whole brain") && list.contains("2 stores: "), "{list}");
    let all = objects(&user.ok("store list --json").out);
    assert_eq!(all.len(), 2);
    assert_eq!(objects(&user.ok("store list --subject all --json").out), all);
    assert_eq!(objects(&user.ok("store list --subject sub-03,03 --json").out).len(), 4);
    assert!(user.fails("store list --mask-source rsquare", 3).contains("there is no store"));
    let hint = "hint: laion-fmri store build --subject sub-01 --from bucket\n";
    for line in ["list --subject 01", "verify --subject 01", "remove --subject 01"] {
        let message = user.fails(&format!("store {line}"), 3);
        assert_eq!(message, format!("error: sub-01 has no store\n{hint}"));
    }
    fs::rename(user.mirror().join("stores"), user.path("aside")).unwrap();
    assert!(user.fails("store list --subject 03", 3).contains("sub-03 has no store"));
    let hint = "hint: laion-fmri store build --subject sub-03\n";
    assert!(user.fails("store list", 3).ends_with(hint));
    fs::rename(user.path("aside"), user.mirror().join("stores")).unwrap();
    assert!(user.ok("store verify").err.contains("are sound"));
    let matrix = user.mirror().join("stores/sub-03_desc-anatomical.zarr/ses-01/betas/c.0.0");
    let mut bytes = fs::read(&matrix).unwrap();
    bytes[100] ^= 1;
    fs::write(&matrix, bytes).unwrap();
    let found = user.run("store verify --json");
    assert_eq!(found.code, 4, "{}", found.err);
    let mut found_objects = objects(&found.out);
    assert_eq!(found_objects.len(), 3);
    found_objects.retain(|object| object["schema"] == "laion-fmri.store-verify/1");
    let damaged: u64 = found_objects.iter().map(|it| it["damaged"].as_u64().unwrap()).sum();
    assert_eq!((found_objects.len(), damaged), (2, 1));
    // What is advised mends it.
    let advice = found.err.lines().find_map(|line| line.strip_prefix("hint: laion-fmri ")).unwrap();
    assert_eq!(
        json(&user.ok(&format!("{advice} --json")).out)["built"],
        serde_json::json!(["ses-01"])
    );
    user.ok("store verify");
}

#[test]
fn a_plan_builds_a_store_in_pieces() {
    let user = User::with_session();
    let plan = user.ok("store plan --subject 03 --roi face -o shared");
    assert!(plan.err.contains("to build: 1 session of sub-03"), "{}", plan.err);
    let folder = user.folder.path().to_str().unwrap();
    let lines = plan.out.replace("DIR", folder);
    fs::write(user.path("plan.jsonl"), &lines).unwrap();
    assert!(!user.path("shared").exists());
    let message = user.fails("merge plan.jsonl", 3);
    assert!(
        message.contains("1 of 1 sessions of sub-03 are not in the store: ses-01"),
        "{message}"
    );
    assert!(message.contains("laion-fmri run plan.jsonl"), "{message}");
    let none = user.ok("run plan.jsonl --task 1 --of 2 --json");
    assert!(none.out.is_empty(), "{}", none.out);
    let ran = user.ok("run plan.jsonl --task 0 --of 2 --json");
    assert_eq!(json(&ran.out)["built"], serde_json::json!(["ses-01"]));
    assert_eq!(json(&user.ok("run plan.jsonl --json").out)["kept"], serde_json::json!(["ses-01"]));
    assert!(user.ok("merge plan.jsonl").err.contains("all of 1 session are there"));
    let message = user.fails("store plan --subject 03 --roi face -o shared", 3);
    assert!(message.contains("has every session"), "{message}");
    user.ok("slurm plan.jsonl -o jobs");
    assert_eq!(
        names(&user.path("jobs")),
        ["build.sbatch", "download.sh", "merge.sbatch", "submit.sh"]
    );
    let script = |name: &str| fs::read_to_string(user.path("jobs").join(name)).unwrap();
    assert!(
        script("download.sh").contains("download --subject sub-03 --ses"),
        "{}",
        script("download.sh")
    );
    assert!(script("build.sbatch").contains("--array=0-0"));
    assert!(
        script("build.sbatch").contains("--offline") && script("build.sbatch").contains(" run ")
    );
    assert!(script("merge.sbatch").contains("--data-dir"), "{}", script("merge.sbatch"));
    assert!(script("submit.sh").contains("$here/build.sbatch"));
    let damaged = lines.replace("store-plan/1", "store-plan/9");
    fs::write(user.path("other.jsonl"), damaged).unwrap();
    let message = user.fails("run other.jsonl", 2);
    assert!(message.contains("other.jsonl, line 1: schema"), "{message}");
}

#[test]
fn a_download_leaves_a_store_behind() {
    let user = User::new();
    let line = "download --subject sub-03 --ses 01 --accept-license --store";
    user.ok(&format!("{line} -n"));
    assert!(!user.mirror().join("stores").exists());
    let ran = user.ok(line);
    assert!(ran.err.contains("1 session built, 0 kept"), "{}", ran.err);
    let list = json(&user.ok("store list --json").out);
    assert_eq!(list["sessions"][0]["state"], "up to date");
    assert!(user.ok(line).err.contains("0 sessions built, 1 kept"));
    let ran = user.ok("download --subject sub-01 --brain-mask --store");
    assert!(ran.err.contains("no betas of sub-01 are on disk"), "{}", ran.err);
}

#[test]
fn a_download_stores_what_it_brings_without_reading_it_again() {
    let user = User::new();
    user.ok("download --subject sub-03 --ses 01 --accept-license");
    let ran = user.ok("download --subject sub-03 --ses 01 02 --store -v");
    let count = |what: &str| ran.err.matches(what).count();
    // The one that was on disk is read, the other one came by.
    assert_eq!(
        (count("stored during the download"), count("reading betas")),
        (1, 1),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("2 sessions built, 0 kept"), "{}", ran.err);
    let user = User::new();
    let ran = user.ok("download --subject sub-03 --accept-license --store -v --index --json");
    assert!(!ran.err.contains("reading betas"), "{}", ran.err);
    let built = objects(&ran.out).into_iter().find(|it| it.get("built").is_some()).unwrap();
    assert_eq!(built["built"], serde_json::json!(["ses-01", "ses-02"]));
    assert_eq!(built["kept"], serde_json::json!([]));
    user.ok("store verify --subject sub-03");
    // A store that cannot be written fails by itself, after the download.
    let user = User::new();
    fs::write(user.mirror().join("stores"), "mine").unwrap();
    let ran = user.run("download --subject sub-03 --accept-license --store");
    assert_ne!(ran.code, 0, "{}", ran.err);
    // Once for both sessions, with the cause.
    let warnings = ran.err.lines().filter(|line| line.contains("stored during the download"));
    let warnings: Vec<&str> = warnings.collect();
    let [warning] = warnings.as_slice() else { panic!("{}", ran.err) };
    assert!(
        warning.starts_with("warning: sub-03 is not stored during the download: "),
        "{warning}"
    );
    assert!(warning.contains("File exists") && !warning.contains("error="), "{warning}");
    assert!(user.mirror().join(BETAS).is_file());
    fs::remove_file(user.mirror().join("stores")).unwrap();
    let ran = user.ok("download --subject sub-03 --ses 01 --store");
    assert!(ran.err.contains("1 session built, 0 kept"), "{}", ran.err);
}

#[test]
fn a_download_that_fails_says_which_sessions_it_has_stored() {
    let user = User::new();
    // A file is refused where a folder has its name.
    let second = user.mirror().join(BETAS.replace("ses-01", "ses-02"));
    fs::create_dir_all(&second).unwrap();
    let line = "download --subject sub-03 --ses 01 02 --accept-license --store --json";
    let written = |ran: &Ran| {
        let lines = objects(&ran.out).into_iter();
        let lines: Vec<_> = lines.filter(|it| it.get("built").is_some()).collect();
        assert_eq!(lines.len(), 1, "{}", ran.err);
        (lines[0]["built"].clone(), lines[0]["kept"].clone())
    };
    let ran = user.run(line);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("1 session built, 0 kept -> "), "{}", ran.err);
    assert_eq!(written(&ran), (serde_json::json!(["ses-01"]), serde_json::json!([])));
    fs::remove_dir(&second).unwrap();
    let ran = user.ok(line);
    assert_eq!(written(&ran), (serde_json::json!(["ses-02"]), serde_json::json!(["ses-01"])));
}

#[test]
fn a_store_that_fails_after_a_download_leaves_the_others_alone() {
    let user = User::new();
    user.ok("download --subject 01 03 --ses 01 --accept-license");
    let betas = user.mirror().join(BETAS.replace("sub-03", "sub-01"));
    let mut content = fs::read(&betas).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(&betas, content).unwrap();
    let ran = user.run("download --subject 01 03 --ses 01 --store");
    assert_ne!(ran.code, 0, "{}", ran.err);
    let (before, error) = ran.err.split_once("error: ").unwrap();
    assert!(before.contains("1 session built, 0 kept"), "{}", ran.err);
    assert!(error.contains("sub-01") && !error.contains("sub-03"), "{}", ran.err);
    let list = objects(&user.ok("store list --subject 03 --json").out);
    assert_eq!(list[0]["sessions"][0]["state"], "up to date");
}

#[test]
fn a_store_without_a_place_after_a_download_is_built_elsewhere() {
    let user = User::new();
    let mine = user.mirror().join("stores/sub-03_desc-anatomical.zarr");
    fs::create_dir_all(mine.parent().unwrap()).unwrap();
    fs::write(&mine, "mine").unwrap();
    let ran = user.run("download --subject sub-03 --ses 01 --accept-license --store");
    assert_ne!(ran.code, 0, "{}", ran.err);
    let (_, hint) = ran.err.split_once("hint: ").unwrap();
    assert!(hint.contains("LAION_FMRI_STORES"), "{}", ran.err);
    assert!(hint.contains("store build --subject sub-03 -o DIR"), "{}", ran.err);
    assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
}

#[test]
fn status_shows_stores_and_what_everything_takes() {
    let user = User::with_session();
    user.ok("store build --subject 03");
    let out = user.ok("status --local").out;
    assert!(out.contains("in stores") && out.contains("1 session ("), "{out}");
    let one = user.ok("status --local --subject 03").out;
    assert!(one.contains("in stores"), "{one}");
    let usage = user.ok("status --usage").out;
    let what: Vec<&str> = usage.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(what, ["what", "mirror", "stores"], "{usage}");
    let told = objects(&user.ok("status --local --json").out);
    let subject = told.iter().find(|it| it["subject"] == "sub-03").unwrap();
    assert_eq!(subject["stores"][0]["sessions"][0]["state"], "up to date");
    let usage = objects(&user.ok("status --usage --json").out);
    assert!(usage.iter().all(|it| it["schema"] == "laion-fmri.disk-usage/1"));
    let bytes = |what: &str| usage.iter().find(|it| it["what"] == what).unwrap()["bytes"].as_u64();
    assert_eq!(bytes("stores"), subject["stores"][0]["bytes"].as_u64());
    assert!(bytes("mirror") > bytes("stores"));
    // Another file is there than the one that it was built from.
    let betas = user.mirror().join(BETAS);
    let mut content = fs::read(&betas).unwrap();
    content.push(0);
    fs::write(&betas, content).unwrap();
    let out = user.ok("status --local").out;
    assert!(out.contains("0 sessions, 1 not used"), "{out}");
}
