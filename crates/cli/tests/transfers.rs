//! Downloads from odd buckets, over odd connections and into odd mirrors: what arrives, and what is
//! said.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fixtures::server::{ChecksumKind, Options};
use fixtures::{Fault, Proxy, Server};

use crate::{Ran, User};

const SESSION: &str = "download --subject sub-03 --ses ses-01";
const BETAS: &str = "derivatives/glmsingle-tedana/sub-03/ses-01/func/sub-03_ses-01_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz";
const ROIS: &str = "derivatives/rois/sub-03/face";

/// Every outcome of a download with `--json`, by key.
fn outcomes(ran: &Ran) -> Vec<serde_json::Value> {
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The bytes of a gzipped file of the bucket without the gzip.
fn inflate(file: &Path) {
    let ran = Command::new("gzip").args(["-dc"]).arg(file).output().unwrap();
    assert!(ran.status.success());
    std::fs::write(file, ran.stdout).unwrap();
}

#[test]
fn an_object_that_is_faulty_itself_is_mirrored_and_told() {
    let user = User::new();
    inflate(&user.bucket.path(BETAS));
    let ran = user.ok(&format!("{SESSION} --accept-license"));
    let warning = format!(
        "warning: {BETAS} is faulty in the bucket itself: gzip member 0 at byte 0: expected the magic bytes 1f 8b\n"
    );
    assert!(ran.err.contains(&warning), "{}", ran.err);
    let same = |key: &str| {
        std::fs::read(user.mirror().join(key)).unwrap()
            == std::fs::read(user.bucket.path(key)).unwrap()
    };
    assert!(same(BETAS));
    let gets = user
        .server
        .requests()
        .iter()
        .filter(|it| it.starts_with("GET") && it.contains(BETAS))
        .count();
    assert_eq!(gets, 1, "its digest fits at once");
    // The readers take it by its content.
    user.ok("betas --subject 03 --session 01 --roi FFA1 -o x.npy");
    for line in ["verify", "verify --offline", "verify --repair"] {
        let ran = user.ok(line);
        let said = format!("{BETAS}: as in the bucket, where it is faulty itself: ");
        assert!(ran.out.starts_with(&said), "{line}: {}", ran.out);
        assert!(ran.err.contains(", 1 faulty in the bucket itself\n"), "{line}: {}", ran.err);
    }
    assert!(user.ok(&format!("{SESSION} --verify")).err.starts_with("downloaded 0 files"));
    std::fs::remove_file(user.mirror().join(BETAS)).unwrap();
    let ran = user.ok(&format!("{SESSION} --json"));
    let all = outcomes(&ran);
    let betas = all.iter().find(|it| it["key"] == BETAS).unwrap();
    assert_eq!((&betas["outcome"], &betas["check"]), (&"fetched".into(), &"entity tag".into()));
    assert!(betas["fault"].as_str().unwrap().contains("gzip"), "{betas}");
    // A file that is damaged on disk is another matter.
    let mut bytes = std::fs::read(user.mirror().join(BETAS)).unwrap();
    bytes[400] ^= 1;
    std::fs::write(user.mirror().join(BETAS), bytes).unwrap();
    assert_eq!(user.run("verify --offline").code, 4);
    user.ok("verify --repair");
    assert!(same(BETAS));
}

#[test]
fn encrypted_objects_are_not_held_to_their_tags() {
    let user = User::new();
    let options = Options::new(user.bucket.root()).encryption("aws:kms");
    let server = Server::start(options).unwrap();
    let there = format!("--bucket {}", server.url("laion-fmri"));
    let ran = user.ok(&format!("{SESSION} --accept-license {there}"));
    let said = "the bucket gives no digests; checked ";
    let checks = ran.err.lines().find_map(|line| line.strip_prefix(said)).unwrap();
    assert!(checks.contains("by checksums inside") && checks.contains("by size only"), "{checks}");
    assert!(user.ok(&format!("verify {there}")).err.contains(": all fine"), "from records");
    // Without records, the tags of the listing are what there is to compare with.
    std::fs::remove_dir_all(user.mirror().join(".laion_fmri/inventory")).unwrap();
    assert!(user.ok(&format!("verify {there}")).err.contains(": all fine"));
    assert!(user.ok(&format!("{SESSION} --verify {there}")).err.starts_with("downloaded 0 files"));
    let tree = user.path("tree");
    std::fs::rename(user.mirror(), &tree).unwrap();
    std::fs::create_dir(user.mirror()).unwrap();
    let ran = user.ok(&format!("adopt tree {there}"));
    assert!(ran.err.contains("compared by size only"), "{}", ran.err);
    // Only a tag that is a digest shows another content of the same size.
    let trials = tree
        .join(BETAS.replace("_space-T1w_stat-effect", "").replace("statmap.nii.gz", "trials.tsv"));
    let mut bytes = std::fs::read(&trials).unwrap();
    bytes[20] ^= 1;
    std::fs::remove_file(&trials).unwrap();
    std::fs::write(&trials, bytes).unwrap();
    std::fs::remove_dir_all(user.mirror()).unwrap();
    std::fs::create_dir(user.mirror()).unwrap();
    assert_eq!(user.run(&format!("adopt tree {there}")).code, 0);
    std::fs::remove_dir_all(user.mirror()).unwrap();
    std::fs::create_dir(user.mirror()).unwrap();
    assert_eq!(user.run("adopt tree").code, 4);
}

#[test]
fn checksums_of_the_bucket_are_compared_and_named() {
    let user = User::new();
    let options = Options::new(user.bucket.root()).encryption("aws:kms");
    let server = Server::start(options.checksum(ChecksumKind::Crc64Nvme)).unwrap();
    let there = format!("--bucket {}", server.url("laion-fmri"));
    let ran = user.ok(&format!("{SESSION} --accept-license {there} --json"));
    assert!(!ran.err.contains("no digests"), "{}", ran.err);
    for outcome in outcomes(&ran) {
        assert_eq!(outcome["check"], "CRC-64/NVME", "{outcome}");
    }
    let checks = |line: &str| {
        let ran = user.ok(line);
        let all = outcomes(&ran);
        assert!(all.len() > 3 && all.iter().all(|it| it["check"] == "CRC-64/NVME"), "{}", ran.out);
        all.iter().map(|it| it["against"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(checks("verify --offline --json").iter().all(|it| it == "record"));
    // Without records the bucket is asked.
    let forget = || std::fs::remove_dir_all(user.mirror().join(".laion_fmri/inventory")).unwrap();
    forget();
    assert!(checks(&format!("verify {there} --json")).iter().all(|it| it == "listing"));
    forget();
    // A flipped bit in a table, which has no checksums inside.
    let trials = user
        .mirror()
        .join(BETAS.replace("_space-T1w_stat-effect", "").replace("statmap.nii.gz", "trials.tsv"));
    let mut bytes = std::fs::read(&trials).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&trials, bytes).unwrap();
    let ran = user.run(&format!("verify {there}"));
    assert_eq!(ran.code, 4);
    assert!(ran.out.contains("not the file of the bucket: expected CRC-64/NVME "), "{}", ran.out);
}

#[test]
fn an_extraction_from_a_bucket_needs_no_tag() {
    let user = User::new();
    let proxy = Proxy::start(user.server.address(), |_| Fault::NoTag).unwrap();
    let line = "extract --from bucket --subject 03 --session 01 --roi FFA1 --accept-license -o";
    user.ok(&format!("{line} plain.npz"));
    let start = Instant::now();
    user.ok(&format!("{line} untagged.npz --bucket {}", proxy.url("laion-fmri")));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[cfg(target_os = "linux")]
#[test]
fn one_odd_name_in_a_folder_is_told_and_the_rest_arrives() {
    use std::os::unix::ffi::OsStrExt;
    let user = User::new();
    let odd = std::ffi::OsStr::from_bytes(b"caf\xe9.tsv");
    std::fs::write(user.bucket.path(ROIS).join(odd), "x").unwrap();
    let there = format!("--bucket file://{}", user.bucket.root().display());
    let ran = user.run(&format!("{SESSION} --accept-license {there}"));
    assert_eq!(ran.code, 1, "{}", ran.err);
    let refused = format!("refused: \"{ROIS}/caf\u{fffd}.tsv\": it is not UTF-8\n");
    assert!(ran.err.contains(&refused), "{}", ran.err);
    assert!(ran.err.contains(", 1 refused\n"), "{}", ran.err);
    assert!(user.mirror().join(BETAS).is_file());
    user.ok(&format!("rois --subject 03 --remote {there}"));
}

#[test]
fn every_refused_key_has_its_reason() {
    let user = User::new();
    let folder = user.bucket.path(ROIS);
    let with_hyphen = crate::names(&folder)
        .into_iter()
        .find(|name| name.contains("label-FFA-1") && name.ends_with(".nii.gz"))
        .unwrap();
    let without = with_hyphen.replace("FFA-1", "FFA1");
    std::fs::copy(folder.join(&with_hyphen), folder.join(&without)).unwrap();
    std::fs::write(folder.join("back\\slash.tsv"), "x").unwrap();
    let expected = [
        format!("refused: \"{ROIS}/{without}\": key \"{ROIS}/{with_hyphen}\" "),
        format!("refused: \"{ROIS}/back\\\\slash.tsv\": it has the character '\\\\'"),
    ];
    let planned = user.ok(&format!("{SESSION} --dry-run"));
    let ran = user.run(&format!("{SESSION} --accept-license"));
    assert_eq!(ran.code, 1);
    for said in [&planned.err, &ran.err] {
        assert!(expected.iter().all(|line| said.contains(line)), "{said}");
    }
    assert!(ran.err.contains(", 2 refused\n"), "{}", ran.err);
    // A failure is said, however little else is.
    let quiet = user.run(&format!("{SESSION} -q"));
    assert_eq!((quiet.code, quiet.err.lines().count()), (1, 2), "{}", quiet.err);
    assert!(expected.iter().all(|line| quiet.err.contains(line)), "{}", quiet.err);
    for line in [format!("{SESSION} --dry-run --json"), format!("{SESSION} --json")] {
        let ran = user.run(&line);
        let all = outcomes(&ran);
        let field = if line.contains("dry") { "action" } else { "outcome" };
        let refused: Vec<_> = all.iter().filter(|it| it[field] == "refused").collect();
        assert_eq!(refused.len(), 2, "{refused:?}");
        assert!(refused.iter().all(|it| it["reason"].is_string()), "{refused:?}");
    }
    // An object in the place of a folder costs the files of the folder their names.
    let extra = [("derivatives/rois/sub-03/face", 3)];
    let server = Server::start(Options::new(user.bucket.root()).extra_listed(extra)).unwrap();
    let other = user.path("other");
    std::fs::create_dir(&other).unwrap();
    let mut command = user.command(&["download", "--subject", "sub-03", "--ses", "ses-01", "-n"]);
    command.env("LAION_FMRI_DATA", other).env("LAION_FMRI_BUCKET", server.url("laion-fmri"));
    let ran = user.run_with(command);
    let said = format!("key \"{ROIS}\" lands on a file where a directory is needed");
    assert!(ran.err.matches(&said).count() > 10, "{}", ran.err);
}

#[test]
fn without_certificates_plain_http_works_and_https_has_a_hint() {
    let user = User::new();
    let run = |bucket: &str, arguments: &[&str]| {
        let mut command = user.command(arguments);
        command
            .env("SSL_CERT_FILE", "/nonexistent")
            .env("SSL_CERT_DIR", "/nonexistent")
            .env("LAION_FMRI_BUCKET", bucket);
        user.run_with(command)
    };
    let plain = user.server.url("laion-fmri");
    assert_eq!(run(&plain, &["subjects", "--remote"]).ok("subjects").out.lines().count(), 3);
    if cfg!(target_os = "linux") {
        let ran = run("s3://laion-fmri", &["subjects", "--remote"]);
        assert_eq!(ran.code, 1);
        let hint = "hint: install the package ca-certificates, or set SSL_CERT_FILE to";
        assert!(ran.err.contains(hint), "{}", ran.err);
        assert_eq!(ran.err.matches("certificates were loaded").count(), 1, "{}", ran.err);
    }
}

#[test]
fn the_proxy_on_the_way_is_named() {
    let user = User::new();
    let run = |proxy: &str| {
        let mut command = user.command(&["subjects", "--remote"]);
        command
            .env("HTTP_PROXY", proxy)
            .env("LAION_FMRI_BUCKET", "http://bucket.example.org/laion-fmri");
        user.run_with(command).failed("subjects", 1).err
    };
    let err = run("http://me:secret@127.0.0.1:1");
    let hint = "hint: requests go through the proxy http://127.0.0.1:1 (HTTP_PROXY); NO_PROXY=bucket.example.org leaves it out";
    assert!(err.contains(hint) && !err.contains("secret"), "{err}");
    let asks = Proxy::start(user.server.address(), |_| Fault::Status(407, None)).unwrap();
    let address = asks.url("").trim_end_matches('/').to_owned();
    let err = run(&address);
    assert!(err.contains("asks for a user name and a password (status 407)"), "{err}");
    assert!(err.contains(&format!("the proxy {address} (HTTP_PROXY)")), "{err}");
    let mut command = user.command(&["doctor", "--offline"]);
    command.env("LAION_FMRI_DATA", user.mirror()).env("HTTP_PROXY", "http://me:secret@proxy:1");
    let out = user.run_with(command).out;
    assert!(out.contains("HTTP_PROXY=http://proxy:1") && !out.contains("secret"), "{out}");
}

/// The command run by somebody who may read the mirror but not write into it.
#[cfg(unix)]
fn by_a_guest(user: &User, line: &str) -> Ran {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let mut command = user.command(&line.split(' ').collect::<Vec<_>>());
    let is_root = std::fs::metadata(user.mirror()).unwrap().uid() == 0;
    if is_root {
        // An administrator may write everywhere. The program lies where nobody else may look.
        let program = user.path("laion-fmri");
        if !program.exists() {
            std::fs::copy(command.get_program(), &program).unwrap();
        }
        let open = |path: &Path| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        open(user.folder.path());
        open(&program);
        let mut other = Command::new(program);
        other.args(command.get_args()).current_dir("/").env_clear().stdin(Stdio::null());
        other.env("LAION_FMRI_BUCKET", user.server.url("laion-fmri")).uid(65_534);
        command = other;
    }
    let lock = |mode: &str| {
        let locked = Command::new("chmod").args(["-R", mode]).arg(user.mirror()).status();
        assert!(locked.unwrap().success());
    };
    lock(if is_root { "a+rX" } else { "a-w" });
    command.env("LAION_FMRI_DATA", user.mirror());
    let ran = user.run_with(command);
    lock("u+w");
    ran
}

#[cfg(unix)]
#[test]
fn a_mirror_that_cannot_be_written_is_enough_for_what_writes_nothing() {
    let user = User::with_session();
    let ran = by_a_guest(&user, SESSION);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.starts_with("downloaded 0 files"), "{}", ran.err);
    let ran = by_a_guest(&user, "download --subject sub-03 --ses ses-02 --dry-run");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.lines().any(|line| line.starts_with("total") && line.contains("fetch")));
    let ran = by_a_guest(&user, "download --subject sub-03 --ses ses-02");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains(": cannot write into the data directory: "), "{}", ran.err);
    assert!(
        ran.err
            .contains("hint: downloads need a directory of your own: LAION_FMRI_DATA=SHARED:OWN"),
        "{}",
        ran.err
    );
    assert_eq!(by_a_guest(&user, "verify --offline").code, 0);
}

#[cfg(unix)]
#[test]
fn links_to_other_disks_are_followed_when_that_is_said() {
    use std::os::unix::fs::symlink;
    let user = User::new();
    let disk = user.path("disk");
    std::fs::create_dir(&disk).unwrap();
    symlink(&disk, user.mirror().join("derivatives")).unwrap();
    let ran = user.run(&format!("{SESSION} --accept-license"));
    assert_eq!(ran.code, 1);
    // Once, not for each of the files.
    assert_eq!(ran.err.matches("leads out of").count(), 1, "{}", ran.err);
    let hint = "hint: --follow-links writes through links at derivatives, a tree or a subject; laion-fmri config --follow-links stores that\n";
    assert!(ran.err.contains(hint), "{}", ran.err);
    assert_eq!(std::fs::read_dir(&disk).unwrap().count(), 0);
    user.ok(&format!("{SESSION} --follow-links"));
    assert!(disk.join(BETAS.strip_prefix("derivatives/").unwrap()).is_file());
    assert!(user.ok("verify --offline").err.contains(": all fine"));
    // A subject on a further disk; by the configuration.
    let subject = disk.join("rois/sub-03");
    std::fs::rename(&subject, user.path("further")).unwrap();
    symlink(user.path("further"), &subject).unwrap();
    let face = user.path("further/face");
    let count = crate::names(&face).len();
    std::fs::remove_dir_all(&face).unwrap();
    assert_eq!(user.run("verify --repair").code, 1);
    assert_eq!(user.ok("config --follow-links").out, "Follow links set to: true\n");
    assert!(user.ok("config").out.contains("follow_links true  ("));
    user.ok("verify --repair");
    assert_eq!(crate::names(&face).len(), count);
    // A link elsewhere is still none to write through.
    let session = user.mirror().join("derivatives/glmsingle-tedana/sub-03/ses-01");
    std::fs::rename(&session, user.path("session")).unwrap();
    symlink(user.path("session"), &session).unwrap();
    std::fs::remove_file(session.join("func").join(BETAS.rsplit('/').next().unwrap())).unwrap();
    assert_eq!(user.run(SESSION).code, 1);
}

/// A bucket with one long file below a prefix, so slow that it can be looked at meanwhile.
fn long_file(user: &User) -> (String, PathBuf) {
    let folder = "derivatives/retinotopy/sub-01";
    let file = std::fs::File::create(user.bucket.path(folder).join("huge.nii.gz")).unwrap();
    file.set_len(400_000_000).unwrap();
    let line = format!(
        "download --prefix {folder}/ --accept-license --bucket file://{} --limit-rate",
        user.bucket.root().display()
    );
    (line, user.mirror().join(folder))
}

fn spawned(user: &User, line: &str) -> std::process::Child {
    let mut command = user.command(&line.split(' ').collect::<Vec<_>>());
    command.env("LAION_FMRI_DATA", user.mirror());
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn wait_for(what: &str, ready: impl Fn() -> bool) {
    let start = Instant::now();
    while !ready() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn interrupt(child: std::process::Child) -> String {
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_a_stop_keeps_is_said_and_counted_by_the_next_plan() {
    let user = User::new();
    let (line, folder) = long_file(&user);
    let child = spawned(&user, &format!("{line} 40M"));
    let state = folder.join(".huge.nii.gz.part.state");
    wait_for("a state", || state.is_file());
    let err = interrupt(child);
    assert!(
        err.contains("; 1 partly (") && err.contains(" MB of 400 MB), will be resumed\n"),
        "{err}"
    );
    let plan = user.ok(&format!("{} --dry-run", line.trim_end_matches(" --limit-rate")));
    assert!(
        plan.err.contains(" MB of that are on disk already: an earlier run began them\n"),
        "{}",
        plan.err
    );
    let json = user.ok(&format!("{} --dry-run --json", line.trim_end_matches(" --limit-rate")));
    let items = outcomes(&json);
    let huge =
        items.iter().find(|it| it["key"].as_str().unwrap().ends_with("huge.nii.gz")).unwrap();
    assert!(huge["unfinished_bytes"].as_u64().unwrap() > 1_000_000, "{huge}");
}

#[test]
fn a_second_download_says_that_it_waits_for_the_first() {
    let user = User::new();
    let (line, folder) = long_file(&user);
    let first = spawned(&user, &format!("{line} 40M"));
    let claim = folder.join(".huge.nii.gz.part.lock");
    wait_for("a claim", || claim.is_file());
    let mut second = spawned(&user, &format!("{line} 40M --progress json"));
    let lines = std::io::BufRead::lines(std::io::BufReader::new(second.stderr.take().unwrap()));
    let told = lines.map(Result::unwrap).find(|line| line.contains("another process"));
    let told: serde_json::Value = serde_json::from_str(&told.unwrap()).unwrap();
    let expected = format!("waiting for another process, which has claimed {}", claim.display());
    assert_eq!(told["waiting"], expected);
    interrupt(first);
    second.kill().unwrap();
    second.wait().unwrap();
}

#[test]
fn a_listing_that_takes_long_is_told() {
    let user = User::with_session();
    let busy = Proxy::start(user.server.address(), |request| match request.is_object() {
        true => Fault::Pass,
        false => Fault::Status(503, Some(86_400)),
    })
    .unwrap();
    let url = busy.url("laion-fmri");
    let children = ["subjects --remote", "info", "download --subject sub-03 -n"];
    let children = children.map(|line| spawned(&user, &format!("{line} --bucket {url}")));
    for mut child in children {
        let lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
        let told = lines.map(Result::unwrap).find(|line| line.starts_with("asking ")).unwrap();
        let start = format!("asking {url}, ");
        assert!(told.starts_with(&start) && told.ends_with(" s so far"), "{told}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn a_busy_server_is_named_while_it_is_waited_for() {
    let user = User::new();
    let busy = Proxy::start(user.server.address(), |request| match request.is_object() {
        true => Fault::Status(503, Some(86_400)),
        false => Fault::Pass,
    })
    .unwrap();
    let line =
        format!("{SESSION} --accept-license --progress json --bucket {}", busy.url("laion-fmri"));
    let mut child = spawned(&user, &line);
    let lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
    let told = lines.map(Result::unwrap).find(|line| line.contains("503"));
    let told: serde_json::Value = serde_json::from_str(&told.unwrap()).unwrap();
    let waiting = told["waiting"].as_str().unwrap();
    assert!(
        waiting.starts_with("the server answers 503 (Fault503) and asks to wait 24 h: ")
            && waiting.contains(" files wait, asking again in "),
        "{waiting}"
    );
    assert_eq!(told["seconds_left"], serde_json::Value::Null);
    child.kill().unwrap();
    child.wait().unwrap();
}
