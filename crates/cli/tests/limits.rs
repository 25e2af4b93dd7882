//! Limits of the machine: each ends in a result or in an error that says so, and never in a panic,
//! a signal or a command that waits for ever.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{User, names, program};

/// A user that starts nothing else on any machine.
const OTHER: u32 = 61_234;

/// How long a command may take that should end by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// What `ulimit` is told, and then the command.
pub(crate) fn limited(user: &User, limit: &str, line: &str) -> Command {
    limited_program(user, program().get_program(), limit, line)
}

/// The same for a copy of the command.
fn limited_program(user: &User, program: &OsStr, limit: &str, line: &str) -> Command {
    let mut command = Command::new("bash");
    command
        .args(["-c", &format!("ulimit {limit} && exec \"$@\""), "bash"])
        .arg(program)
        .args(line.split(' '))
        .current_dir(user.folder.path())
        .env_clear()
        .env("HOME", user.path("home"))
        .env("LAION_FMRI_BUCKET", user.server.url("laion-fmri"))
        .env("LAION_FMRI_DATA", user.mirror())
        .stdin(Stdio::null());
    command
}

/// The exit status and the messages of a command that ends in time.
fn outcome(mut command: Command, what: &str) -> (Option<i32>, String) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            panic!("{what} goes on: {}", String::from_utf8_lossy(&output.stderr));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    let messages = user_text(&output.stderr);
    assert!(!messages.contains("panicked"), "{what}: {messages}");
    (output.status.code(), messages)
}

fn user_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Gives a tree to another user.
fn give_away(path: &Path) {
    chown(path, Some(OTHER), Some(OTHER)).unwrap();
    if path.is_dir() {
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        fs::read_dir(path).unwrap().for_each(|entry| give_away(&entry.unwrap().path()));
    }
}

/// Whether this process may act as another user, whom limits of processes bind as they do not bind
/// root.
fn acts_as_another_user() -> bool {
    let tried = Command::new("true").uid(OTHER).status();
    tried.is_ok_and(|status| status.success())
}

#[test]
fn a_file_that_may_not_grow_is_an_error() {
    let user = User::with_session();
    let before = names(user.folder.path());
    for output in ["x.npy", "x.npz", "x.csv"] {
        let line = format!("betas --subject 03 --session 01 -o {output}");
        let (code, messages) = outcome(limited(&user, "-f 8", &line), &line);
        assert_eq!(code, Some(1), "{line}: {messages}");
        assert!(messages.contains("File too large"), "{line}: {messages}");
        assert_eq!(names(user.folder.path()), before, "{line}: nothing is left behind");
    }
    let line = "download --subject sub-03 --ses ses-02";
    for line in [line.to_owned(), format!("{line} -q")] {
        let (code, messages) = outcome(limited(&user, "-f 8", &line), &line);
        assert_eq!(code, Some(1), "{messages}");
        assert!(messages.contains("File too large"), "{messages}");
        let hint = "hint: the size of files is limited: see ulimit -f";
        assert_eq!(messages.matches(hint).count(), 1, "{messages}");
        assert_eq!(messages.contains("downloaded "), !line.ends_with("-q"), "{messages}");
    }
    user.ok(line);
}

#[test]
fn few_open_files_are_an_error_or_enough() {
    let user = User::with_session();
    for files in [4, 6, 8, 10, 12, 16, 24, 64] {
        for line in [
            "splits list",
            "betas --subject 03 --session 01 --roi face -o x.npy",
            "rois --subject 03 --remote",
            "download --subject sub-01 --ses ses-01",
        ] {
            let what = format!("{line} with {files} open files");
            let (code, messages) = outcome(limited(&user, &format!("-n {files}"), line), &what);
            assert!(matches!(code, Some(0 | 1)), "{what}: {code:?} {messages}");
            let is_said = messages.contains("error: ") || messages.contains("failed: ");
            assert!(code == Some(0) || is_said, "{what}: {messages}");
        }
    }
    user.ok("download --subject sub-01 --ses ses-01");
}

#[test]
fn little_memory_is_an_error_or_enough() {
    let user = User::with_session();
    // The program itself is mapped too, and with what tests need to know of it that is a lot.
    let itself = fs::metadata(program().get_program()).unwrap().len() >> 20;
    for mebibytes in [40, 80, 160, 400].map(|more| itself + more) {
        for line in [
            "splits list",
            "betas --subject 03 --session 01 -o x.npy",
            "extract --subject 03 --session 01 --roi face -o y.npy",
        ] {
            let what = format!("{line} with {mebibytes} MiB");
            let limit = format!("-v {}", mebibytes << 10);
            let (code, messages) = outcome(limited(&user, &limit, line), &what);
            assert!(matches!(code, Some(0..=2)), "{what}: {code:?} {messages}");
        }
    }
}

#[test]
fn few_threads_are_an_error_or_enough() {
    if !acts_as_another_user() {
        eprintln!("skipped: only root acts as another user, and no limit of processes binds root");
        return;
    }
    let user = User::with_session();
    give_away(user.folder.path());
    // The program lies where that user may not look.
    let copied = user.path("laion-fmri");
    fs::copy(program().get_program(), &copied).unwrap();
    fs::set_permissions(&copied, Permissions::from_mode(0o755)).unwrap();
    let run = |threads: usize, line: &str| {
        let limit = format!("-u {threads}");
        let mut command = limited_program(&user, copied.as_os_str(), &limit, line);
        command.uid(OTHER).gid(OTHER);
        outcome(command, &format!("{line} with {threads} threads"))
    };
    for threads in [1, 2, 3, 4, 5, 6, 7, 8, 12, 40] {
        for line in [
            "splits list",
            "subjects",
            "betas --subject 03 --session 01 --roi face -o x.npy",
            "betas --subject 03 --session 01 --jobs 4 -o y.npz",
            "rois --subject 03 --remote",
            "download --subject sub-01 --ses ses-01",
        ] {
            let (code, messages) = run(threads, line);
            let what = format!("{line} with {threads} threads: {code:?} {messages}");
            let needs_none = line == "splits list";
            assert!(code == Some(0) || (code == Some(1) && !needs_none), "{what}");
            assert!(code == Some(0) || messages.contains("cannot start "), "{what}");
            assert!(
                code == Some(0) || messages.contains("hint: the number of processes"),
                "{what}"
            );
            assert!(code == Some(0) || threads < 12, "{what}");
        }
    }
}
