//! The stimulus downloads and the access to them, without a terminal.

use std::io::Write;
use std::process::Stdio;

use fixtures::AccessServer;
use fixtures::access::{Call, CallFault, FileFault, TERMS_VERSION};
use insta::assert_snapshot;

use crate::{Ran, User, names};

const IMAGES: &str = AccessServer::IMAGES;
const FORM: [&str; 13] = [
    "request-access",
    "--name",
    "Ada L",
    "--email",
    "ada@uni.edu",
    "--institution",
    "A University",
    "--purpose",
    "Encoding models of natural images",
    "--supervisor",
    "Bob B",
    "--acknowledge-privacy",
    "--accept-terms",
];

/// A user and the access service of the same machine.
struct Gated {
    user: User,
    service: AccessServer,
}

impl Gated {
    fn new() -> Self {
        let user = User::new();
        let service = AccessServer::start().unwrap();
        // The bucket's table of images is another one, and comes first.
        let table = user.bucket.root().join("stimuli").join(AccessServer::METADATA);
        service.put(AccessServer::METADATA, &std::fs::read(table).unwrap());
        service.grant("lfm_known");
        Self { user, service }
    }

    /// A user who has logged in.
    fn logged_in() -> Self {
        let gated = Self::new();
        gated.ok(&["login", "--request-id", "lfm_known"]);
        gated
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.user.command(arguments);
        command
            .env("LAION_FMRI_DATA", self.user.mirror())
            .env("LAION_FMRI_ACCESS_URL", self.service.url());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut ran = self.user.run_with(self.command(arguments));
        for text in [&mut ran.out, &mut ran.err] {
            assert!(!text.contains("lfm_") && !text.contains("X-Amz"), "{text}");
            *text = text.replace(&self.service.url(), "SERVICE");
        }
        ran
    }

    fn ok(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}\n{}{}", ran.out, ran.err);
        ran
    }

    fn fails(&self, arguments: &[&str], code: i32) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}\n{}{}", ran.out, ran.err);
        assert_eq!(ran.out, "");
        ran.err
    }

    fn auth_file(&self) -> std::path::PathBuf {
        self.user.path("home/.cache/laion-fmri/auth.json")
    }

    fn stimuli(&self) -> Vec<String> {
        let folder = self.user.mirror().join("stimuli");
        if folder.exists() { names(&folder) } else { Vec::new() }
    }
}

#[test]
fn access_is_requested_by_options_and_the_images_come() {
    let gated = Gated::new();
    let ran = gated.ok(&[&FORM[..], &[TERMS_VERSION]].concat());
    assert_snapshot!(ran.out, @"Access granted, and saved: DIR/home/.cache/laion-fmri/auth.json");
    assert_snapshot!(ran.err, @"next: laion-fmri download-stimuli");
    let sent = &gated.service.bodies(Call::Request)[0];
    assert_eq!((&sent["name"], &sent["pi_or_supervisor"]), (&"Ada L".into(), &"Bob B".into()));
    let saved: serde_json::Value =
        serde_json::from_slice(&std::fs::read(gated.auth_file()).unwrap()).unwrap();
    assert_eq!(saved["email"], "ada@uni.edu");
    assert_eq!(saved["server_url"], gated.service.url());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&gated.auth_file()) & 0o777, 0o600);
        assert_eq!(mode(gated.auth_file().parent().unwrap()) & 0o777, 0o700);
    }
    let ran = gated.ok(&["download-stimuli"]);
    assert_eq!(ran.out, "");
    assert!(ran.err.starts_with("downloaded 2 files ("), "{}", ran.err);
    let images = std::fs::read(gated.user.mirror().join("stimuli").join(IMAGES)).unwrap();
    assert_eq!(images, gated.service.content(IMAGES));
    // The table came from the bucket.
    assert!(!gated.service.requests().iter().any(|line| line.ends_with("metadata.csv")));
    // Again: nothing is sent about anybody.
    let before = gated.service.requests().len();
    let ran = gated.ok(&["download-stimuli", "--json"]);
    assert_snapshot!(ran.out, @r#"
    {"schema":"laion-fmri.download/1","key":"stimuli/task-images_metadata.csv","outcome":"kept","reason":null}
    {"schema":"laion-fmri.download/1","key":"stimuli/task-images_stimuli.h5","outcome":"kept","reason":null}
    "#);
    assert_snapshot!(ran.err, @"downloaded 0 files (0 B), 2 already on disk");
    assert_eq!(gated.service.requests()[before..], [Call::Manifest.line()]);
}

#[test]
fn what_was_fetched_is_what_the_readers_read() {
    let gated = Gated::logged_in();
    for (key, bytes) in fixtures::bucket::gated_files().unwrap() {
        gated.service.put(key.rsplit('/').next().unwrap(), &bytes);
    }
    let name = "shared_12rep_LAION_cluster_2677_i5.jpg";
    let image = ["image", name, "--encoded", "-o", "image.jpg"];
    let message = gated.fails(&image, 3);
    let hint = message.lines().last().unwrap().strip_prefix("hint: laion-fmri ").unwrap();
    gated.ok(&[hint]);
    gated.ok(&image);
    let written = std::fs::read(gated.user.path("image.jpg")).unwrap();
    assert_eq!(written, fixtures::bucket::encoded_image(name).unwrap());
}

#[test]
fn what_the_form_lacks_is_named() {
    let gated = Gated::new();
    assert_snapshot!(gated.fails(&["request-access", "--name", "Ada", "--no-input"], 2), @"
    error: the access form needs --email, --institution, --purpose (there is no terminal to ask on)
    hint: laion-fmri request-access --help
    ");
    let with = |changes: &[(usize, &'static str)], last: &'static [&'static str]| {
        let mut arguments = FORM;
        for (position, text) in changes {
            arguments[*position] = text;
        }
        [&arguments[..12], last].concat()
    };
    assert_snapshot!(gated.fails(&with(&[], &[]), 5), @"
    error: the access form cannot be sent: the terms of use, version 2026-09, are not accepted
    hint: read SERVICE/terms, then add --accept-terms 2026-09
    ");
    assert_snapshot!(gated.fails(&with(&[], &["--accept-terms", "1"]), 5), @"
    error: the access form cannot be sent: the terms of use, version 2026-09, are not accepted (accepted: 1)
    hint: read SERVICE/terms, then add --accept-terms 2026-09
    ");
    let accepted = [&FORM[..11], &["--accept-terms", TERMS_VERSION]].concat();
    assert_snapshot!(gated.fails(&accepted, 5), @"
    error: the access form cannot be sent: the privacy notice is not acknowledged
    hint: read SERVICE/privacy, then add --acknowledge-privacy
    ");
    let last = &["--accept-terms", TERMS_VERSION];
    assert_snapshot!(gated.fails(&with(&[(8, "science")], last), 2),
        @"error: the access form cannot be sent: the research purpose has 7 characters (expected at least 20)");
    assert_snapshot!(gated.fails(&with(&[(4, "ada")], last), 2),
        @"error: the access form cannot be sent: the e-mail address has no @ (expected a form such as name@university.edu)");
    assert!(gated.service.bodies(Call::Request).is_empty());
    assert!(!gated.auth_file().exists());
}

#[test]
fn without_access_the_way_to_it_is_named() {
    let gated = Gated::new();
    assert_snapshot!(gated.fails(&["download-stimuli"], 5), @"
    error: the stimulus images need an access request to SERVICE
    hint: laion-fmri request-access
    ");
    assert!(gated.stimuli().is_empty());
    // The same before a big download begins.
    let all =
        ["download", "--subject", "03", "--ses", "01", "--include-stimuli", "--accept-license"];
    gated.fails(&all, 5);
    assert!(!gated.user.mirror().join("derivatives").exists());
    let plan = gated.ok(&["download-stimuli", "--dry-run", "--json"]);
    assert_eq!(plan.out.matches("\"action\":\"fetch\"").count(), 2, "{}", plan.out);
    assert_eq!(gated.service.bodies(Call::Refresh).len(), 0);
}

#[test]
fn login_and_logout() {
    let gated = Gated::new();
    assert_snapshot!(gated.fails(&["login", "--request-id", "nobodys"], 5), @"
    error: SERVICE does not know this request id, see SERVICE/request
    hint: laion-fmri request-access, or laion-fmri login --request-id ID
    ");
    assert!(!gated.auth_file().exists());
    assert_snapshot!(gated.fails(&["login", "--request-id", "two words"], 2),
        @"error: not a request id: it holds other than visible ASCII characters");
    assert_snapshot!(gated.ok(&["login", "--request-id", "lfm_known"]).out,
        @"Access saved: DIR/home/.cache/laion-fmri/auth.json");
    gated.ok(&["download-stimuli"]);
    assert_eq!(gated.stimuli(), [AccessServer::METADATA, IMAGES]);
    assert!(gated.ok(&["config"]).out.contains("auth.json  (access is saved)"));
    assert_snapshot!(gated.ok(&["logout"]).out,
        @"Access forgotten: DIR/home/.cache/laion-fmri/auth.json");
    assert!(!gated.auth_file().exists());
    assert_snapshot!(gated.ok(&["logout", "--json"]).out,
        @r#"{"schema":"laion-fmri.access/1","auth_file":"DIR/home/.cache/laion-fmri/auth.json","removed":false}"#);
}

#[test]
fn an_id_comes_from_a_pipe_or_a_variable() {
    let gated = Gated::new();
    let mut command = gated.command(&["login", "--request-id", "-"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"lfm_known\n").unwrap();
    assert!(child.wait().unwrap().success());
    assert!(gated.auth_file().exists());
    gated.ok(&["logout"]);
    let mut command = gated.command(&["download-stimuli"]);
    command.env("LAION_FMRI_REQUEST_ID", " lfm_known ");
    assert_eq!(gated.user.run_with(command).code, 0);
    assert!(!gated.auth_file().exists());
    assert_eq!(gated.stimuli(), [AccessServer::METADATA, IMAGES]);
}

#[test]
fn an_id_is_never_sent_to_another_service() {
    let gated = Gated::logged_in();
    let other = AccessServer::start().unwrap();
    let mut command = gated.command(&["download-stimuli"]);
    command.env("LAION_FMRI_ACCESS_URL", other.url());
    let ran = gated.user.run_with(command);
    assert_eq!(ran.code, 5, "{}", ran.err);
    assert_eq!(other.requests(), [Call::Manifest.line()]);
    let mut command = gated.command(&["download-stimuli"]);
    command.env("LAION_FMRI_ACCESS_URL", "http://a.example");
    let ran = gated.user.run_with(command);
    assert_eq!(ran.code, 2);
    assert_snapshot!(ran.err, @r#"
    error: "http://a.example" is not the address of an access service: expected https, since it is sent personal data and secrets
    hint: LAION_FMRI_ACCESS_URL=https://HOST
    "#);
}

#[test]
fn refusals_name_the_page_to_visit() {
    let gated = Gated::logged_in();
    let fails = |fault: CallFault, code: i32| {
        gated.service.call_fault(Call::Refresh, fault);
        gated.fails(&["download-stimuli"], code)
    };
    assert_snapshot!(fails(CallFault::TermsOutdated, 5), @"
    error: the terms of use are now version 2027-01, which has to be accepted at SERVICE/terms/accept?v=2027-01
    hint: accept them at SERVICE/terms/accept?v=2027-01, then run the same command again
    ");
    assert_snapshot!(fails(CallFault::Revoked, 5),
        @"error: access to the stimulus images was revoked, see SERVICE/request");
    assert_snapshot!(fails(CallFault::RateLimited(Some(90)), 1), @"
    error: SERVICE/api/v1/refresh refuses further requests for now; retry in 90 s
    hint: run the same command again in 90 s
    ");
    assert_snapshot!(fails(CallFault::Body("<html>".to_owned()), 1),
        @"error: SERVICE/api/v1/refresh does not respond like an access service: not JSON at line 1 column 1");
    assert!(gated.stimuli().is_empty());
    gated.ok(&["download-stimuli"]);
}

#[test]
fn a_damaged_file_is_status_4_and_the_next_run_completes() {
    let gated = Gated::logged_in();
    // As often as a damaged file is begun again.
    for _ in 0..4 {
        gated.service.file_fault(IMAGES, FileFault::Corrupt(100));
    }
    let message = gated.fails(&["download-stimuli", "-q"], 4);
    assert!(
        message.starts_with("error: task-images_stimuli.h5: the download is not the expected file")
    );
    assert!(message.ends_with("hint: run the same command again\n"), "{message}");
    assert_eq!(gated.stimuli(), [AccessServer::METADATA]);
    gated.service.file_fault(IMAGES, FileFault::Cut(100_000));
    gated.service.file_fault(IMAGES, FileFault::Expired);
    let ran = gated.ok(&["download-stimuli"]);
    assert!(ran.err.ends_with("downloaded 1 file (300 kB), 1 already on disk\n"), "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn a_signal_leaves_what_the_next_run_needs() {
    let gated = Gated::logged_in();
    gated.service.put(IMAGES, &fixtures::noise(5, 1_000_000));
    gated.service.file_fault(IMAGES, FileFault::Stall(600_000));
    let mut command = gated.command(&["download-stimuli"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let line = format!("GET /files/{IMAGES}");
    let asked = std::time::Instant::now();
    // The first one learns the entity tag.
    let gets = || gated.service.requests().into_iter().filter(|request| *request == line).count();
    while gets() < 2 {
        assert!(asked.elapsed().as_secs() < 20);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    std::thread::sleep(std::time::Duration::from_millis(200));
    let killed =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let part = format!(".{IMAGES}.part");
    assert_eq!(gated.stimuli(), [part.as_str(), &format!("{part}.state"), AccessServer::METADATA]);
    gated.ok(&["download-stimuli"]);
    assert_eq!(gated.stimuli(), [AccessServer::METADATA, IMAGES]);
    let ranges: Vec<_> = gated
        .service
        .received()
        .into_iter()
        .filter(|received| received.line == line)
        .map(|received| received.headers["range"].clone())
        .filter(|range| range != "bytes=0-0")
        .collect();
    assert_eq!(ranges[0], "bytes=0-999999");
    let (start, end) = ranges.last().unwrap().split_once('-').unwrap();
    let start: u64 = start.strip_prefix("bytes=").unwrap().parse().unwrap();
    assert!((256 << 10..=600_000).contains(&start) && end == "999999", "{ranges:?}");
}

#[test]
fn offline_nothing_is_asked() {
    let gated = Gated::new();
    for arguments in [&["--offline", "download-stimuli"][..], &["--offline", "request-access"]] {
        let message = gated.fails(arguments, 3);
        let expected = "error: asking SERVICE needs the network, and offline mode is on\n\
                        hint: run it on a machine with a network, without --offline and \
                        LAION_FMRI_OFFLINE\n";
        assert_eq!(message, expected);
    }
    let ran = gated.ok(&["--offline", "login", "--request-id", "lfm_known"]);
    assert_snapshot!(ran.err, @"note: offline, so the id was not checked");
    assert!(gated.service.requests().is_empty());
    gated.ok(&["download-stimuli"]);
}

#[test]
fn public_files_of_the_stimuli_need_the_licence_alone() {
    let gated = Gated::new();
    let folder = gated.user.bucket.root().join("stimuli");
    for model in ["CLIP", "DINOv2", "PEcore", "SigLIP2"] {
        std::fs::write(folder.join(format!("task-images_desc-{model}_embeddings.h5")), model)
            .unwrap();
    }
    for name in ["segmentations.h5", "segmentations_metadata.csv"] {
        std::fs::write(folder.join(format!("task-images_desc-{name}")), name).unwrap();
    }
    let planned = gated.ok(&["download-segmentations", "-n"]).out;
    assert!(
        planned.contains("  segmentations  ")
            && planned.contains("  metadata segmentations  ")
            && !planned.contains("desc-"),
        "{planned}"
    );
    for command in ["download-embeddings", "download-segmentations", "download-captions"] {
        assert!(gated.fails(&[command], 5).contains("the licence of the dataset"), "{command}");
    }
    let message = gated.fails(&["download-embeddings", "--model", "clip"], 2);
    assert!(message.contains("possible values: CLIP, DINOv2, PEcore, SigLIP2"), "{message}");
    let embedding = |model: &str| format!("task-images_desc-{model}_embeddings.h5");
    gated.ok(&["download-embeddings", "--model", "CLIP", "PEcore", "--accept-license"]);
    assert_eq!(gated.stimuli(), [embedding("CLIP"), embedding("PEcore")]);
    let ran = gated.ok(&["download-embeddings"]);
    let expected = ["downloaded 2 files", ", 2 already on disk"];
    assert!(expected.iter().all(|part| ran.err.contains(part)), "{}", ran.err);
    gated.ok(&["download-segmentations"]);
    gated.ok(&["download-captions"]);
    assert_eq!(gated.stimuli().len(), 7);
    assert_eq!(names(&gated.user.mirror()), [".laion_fmri", "stimuli"]);
    std::fs::remove_file(folder.join("task-images_desc-captions.csv")).unwrap();
    let message = gated.fails(&["download-captions"], 3);
    assert!(message.contains("the bucket has no stimuli/task-images_desc-captions.csv"));
    assert!(gated.service.requests().is_empty());
}

#[test]
fn a_download_takes_stimuli_and_embeddings_along() {
    let gated = Gated::logged_in();
    let folder = gated.user.bucket.root().join("stimuli");
    for model in ["CLIP", "DINOv2", "PEcore", "SigLIP2"] {
        std::fs::write(folder.join(format!("task-images_desc-{model}_embeddings.h5")), model)
            .unwrap();
    }
    let session = ["download", "--subject", "03", "--ses", "01", "--suffix", "trials"];
    let with = |more: &[&'static str]| [&session[..], more].concat();
    let plan = gated.ok(&with(&["--include-stimuli", "--include-embeddings", "-n", "--json"]));
    assert_eq!(plan.out.matches("\"key\":\"stimuli/").count(), 6, "{}", plan.out);
    assert!(gated.stimuli().is_empty());
    gated.ok(&with(&["--include-embeddings", "CLIP", "--accept-license"]));
    assert_eq!(gated.stimuli(), ["task-images_desc-CLIP_embeddings.h5"]);
    let ran = gated.ok(&with(&["--include-embeddings", "--include-stimuli"]));
    assert_eq!(gated.stimuli().len(), 6, "{}", ran.err);
    let message = gated.fails(&with(&["--include-embeddings", "CLOP"]), 2);
    assert!(message.contains("invalid value 'CLOP'"), "{message}");
}

#[test]
fn a_disk_without_room_is_refused_before_anybody_is_asked() {
    let gated = Gated::new();
    let manifest = serde_json::json!({
        "current_terms_version": TERMS_VERSION,
        "dataset_version": "v1",
        "files": [
            { "name": IMAGES, "size": 1_u64 << 60, "sha256": "0".repeat(64) },
            { "name": AccessServer::METADATA, "size": 3, "sha256": "0".repeat(64) },
        ],
    });
    gated.service.call_fault(Call::Manifest, CallFault::Body(manifest.to_string()));
    let error = gated.fails(&["download-stimuli"], 1);
    assert!(error.contains(": 1.15 EB needed, "), "{error}");
    assert!(error.contains("hint: "), "{error}");
    assert_eq!(gated.stimuli(), [""; 0]);
}
