//! The examples of the help texts: found by walking the commands from help to help, and run in this
//! order in one folder.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::Command;

use fixtures::AccessServer;

use crate::{User, program};

/// A user with a home as the examples expect it, and an access service.
struct Home {
    user: User,
    service: AccessServer,
    directory: PathBuf,
}

impl Home {
    fn new() -> Self {
        let user = User::new();
        let id = "lfm_0123456789";
        let service = AccessServer::with_stimuli(id).unwrap();
        std::fs::write(user.path("request_id.txt"), id).unwrap();
        let directory = user.path("home");
        for folder in [
            "laion-fmri",
            "aws-sync/derivatives/rois",
            ".zfunc",
            ".config/fish/completions",
            ".local/share/bash-completion/completions",
        ] {
            std::fs::create_dir_all(directory.join(folder)).unwrap();
        }
        let rois = "derivatives/rois/sub-01";
        let copied = Command::new("cp")
            .arg("-r")
            .arg(user.bucket.path(rois))
            .arg(directory.join("aws-sync/derivatives/rois"))
            .status();
        assert!(copied.unwrap().success());
        fixtures::bucket::write_fsaverage(&directory.join("freesurfer/subjects")).unwrap();
        let home = Self { user, service, directory };
        // Access is granted before the images are downloaded.
        home.run(&format!("laion-fmri login --request-id {id}"));
        home
    }

    /// Runs a line in a shell. It has to succeed, and to write what it names as its output.
    fn run(&self, line: &str) {
        let folder = program().get_program().to_owned();
        let folder = Path::new(&folder).parent().unwrap();
        let output = Command::new("bash")
            .args(["-c", line])
            .current_dir(self.user.folder.path())
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
            .env("HOME", &self.directory)
            .env("LAION_FMRI_BUCKET", self.user.server.url("laion-fmri"))
            .env("LAION_FMRI_ACCESS_URL", self.service.url())
            .env("LAION_FMRI_ACCEPT_LICENSE", "1")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let (out, err) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{line}\n{out}{err}");
        let words: Vec<&str> = line.split_whitespace().collect();
        if line.contains("--dry-run") || words[1] == "plan" {
            return;
        }
        for pair in words.windows(2).filter(|pair| matches!(pair[0], "-o" | ">" | ">>")) {
            let name = pair[1].replace('~', self.directory.to_str().unwrap());
            let file = self.user.folder.path().join(name);
            let is_written = file.metadata().is_ok_and(|found| found.len() > 0);
            assert!(is_written, "{line}\nno {}\n{err}", file.display());
        }
    }
}

/// The full help of a command.
fn help(path: &[String]) -> String {
    let output = program().args(path).arg("--help").env_clear().output().unwrap();
    assert!(output.status.success(), "{path:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The names in the section of commands.
fn commands(help: &str) -> Vec<String> {
    let section = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let entries = section.take_while(|line| !line.is_empty());
    let names = entries.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "help");
    names.map(str::to_owned).collect()
}

/// The command lines in the section of examples, each as a shell reads it.
fn examples(help: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in help.lines().skip_while(|line| *line != "Examples:").skip(1) {
        match lines.last_mut().filter(|line| line.ends_with('\\')) {
            Some(begun) => {
                begun.pop();
                begun.push_str(line.trim_start());
            }
            None if line.trim_start().starts_with('#') => {}
            None => lines.push(line.trim_start().to_owned()),
        }
    }
    lines
}

/// The examples of a command and of all below it.
fn collect(path: &[String], found: &mut Vec<String>) {
    let help = help(path);
    let own = examples(&help);
    assert!((2..=3).contains(&own.len()), "{path:?}: {own:?}");
    found.extend(own);
    for name in commands(&help) {
        collect(&[path, &[name]].concat(), found);
    }
}

#[test]
fn every_example_runs() {
    let mut lines = Vec::new();
    collect(&[], &mut lines);
    collect(&["global".to_owned()], &mut lines);
    assert!(lines.len() > 100, "{lines:?}");
    let home = Home::new();
    for line in lines {
        // An earlier example has built the whole store: nothing would be left to plan.
        let (stores, aside) =
            (home.directory.join("laion-fmri/stores"), home.directory.join("aside"));
        let is_aside = line.starts_with("laion-fmri store plan") && stores.exists();
        if is_aside {
            std::fs::rename(&stores, &aside).unwrap();
        }
        // A server has to be ended.
        let is_server = line.starts_with("laion-fmri browse");
        let ended = "timeout --foreground --preserve-status --signal INT 2";
        home.run(&if is_server { format!("{ended} {line}") } else { line });
        if is_aside {
            std::fs::rename(&aside, &stores).unwrap();
        }
    }
}
