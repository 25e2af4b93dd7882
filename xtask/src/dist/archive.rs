//! The archive of the program: what a person unpacks and installs without Rust.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{GLIBC, Release, copy_as, copy_into, dependencies};
use crate::command_line::CommandLine;
use crate::interop::start_empty;

/// Installs the rest; says what the system lacks if the program does not start.
const INSTALLER: &str = include_str!("install.sh");

/// Files of the repository that come along.
const FROM_REPOSITORY: [&str; 5] =
    ["CHANGELOG.md", "CITATION.cff", "LICENSE-APACHE", "LICENSE-MIT", "crates/cli/README.md"];

/// A shell, and where it finds the completions of a command called `laion-fmri`.
const COMPLETIONS: [(&str, &str); 3] =
    [("bash", "laion-fmri.bash"), ("zsh", "_laion-fmri"), ("fish", "laion-fmri.fish")];

/// Starts the folder of the archive with the program and what the program writes about itself.
pub(super) fn start(release: &Release<'_>, built: &Path) -> Result<()> {
    let folder = release.unpacked();
    start_empty(&folder)?;
    copy_as(built, &release.program())?;
    let completions = folder.join("completions");
    fs::create_dir_all(&completions)?;
    let program = || CommandLine::new(release.program(), &folder);
    for (shell, name) in COMPLETIONS {
        let script = program().arguments(["completions", shell]).capture()?;
        let script = script.context("the program is gone")? + "\n";
        fs::write(completions.join(name), script).with_context(|| name.to_owned())?;
    }
    program().argument("man").argument(folder.join("man")).capture()?;
    for file in FROM_REPOSITORY {
        copy_into(&release.project.root.join(file), &folder)?;
    }
    let installer = folder.join("install.sh");
    fs::write(&installer, installer_text())?;
    executable(&installer)
}

/// Adds what was made meanwhile, and packs the folder.
pub(super) fn finish(release: &Release<'_>) -> Result<PathBuf> {
    for file in [dependencies::licences_path(release), dependencies::list_path(release)] {
        copy_into(&file, &release.unpacked())?;
    }
    let archive = release.archive();
    // The same bytes for the same files: by name, without owners, with the time of the commit.
    CommandLine::new("tar", &release.folder)
        .arguments(["--create", "--use-compress-program=gzip -9n", "--sort=name", "--owner=0"])
        .arguments(["--group=0", "--numeric-owner", "--mode=u=rwX,go=rX", "--mtime"])
        .argument(format!("@{}", time_of_commit(release)?))
        .argument("--file")
        .argument(&archive)
        .argument(release.name())
        .capture()?;
    Ok(archive)
}

/// Seconds since 1970 of the commit that is checked out.
pub(super) fn time_of_commit(release: &Release<'_>) -> Result<String> {
    CommandLine::new("git", &release.project.root)
        .arguments(["log", "-1", "--format=%ct"])
        .capture()?
        .context("git not found")
}

fn installer_text() -> String {
    INSTALLER.replace("@GLIBC@", GLIBC)
}

#[cfg(unix)]
fn executable(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))
        .with_context(|| file.display().to_string())
}

#[cfg(not(unix))]
fn executable(_: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::process::Command;

    use super::*;

    /// A folder like that of the archive, with scripts in place of programs.
    struct Unpacked {
        scratch: tempfile::TempDir,
    }

    impl Unpacked {
        fn new(laion_fmri: &str) -> Self {
            let scratch = tempfile::tempdir().unwrap();
            let unpacked = Self { scratch };
            for (name, text) in [
                ("install.sh", installer_text().as_str()),
                ("laion-fmri", laion_fmri),
                ("man/laion-fmri.1", "page"),
                ("man/laion-fmri-betas.1", "page"),
                ("completions/laion-fmri.bash", "bash"),
                ("completions/_laion-fmri", "zsh"),
                ("completions/laion-fmri.fish", "fish"),
                ("path/getconf", "#!/bin/sh\necho glibc 2.17\n"),
            ] {
                unpacked.write(name, text);
            }
            unpacked
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.scratch.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            executable(&path).unwrap();
        }

        /// Runs the installer; whether it succeeded, and what it printed.
        fn install(&self, arguments: &[&str]) -> (bool, String) {
            let folder = self.scratch.path();
            let path = std::env::var("PATH").unwrap();
            let output = Command::new("sh")
                .arg(folder.join("install.sh"))
                .args(arguments)
                .current_dir("/")
                .env("HOME", folder.join("home"))
                .env("PATH", format!("{}:{path}", folder.join("path").display()))
                .output()
                .unwrap();
            let printed = [output.stdout, output.stderr].concat();
            (output.status.success(), String::from_utf8(printed).unwrap())
        }
    }

    const STARTS: &str = "#!/bin/sh\necho laion-fmri 1.2.3\n";

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn everything_goes_below_the_prefix() {
        let unpacked = Unpacked::new(STARTS);
        let home = unpacked.scratch.path().join("home");
        // Twice, as after a new version.
        for _ in 0..2 {
            let (installed, printed) = unpacked.install(&[]);
            assert!(installed, "{printed}");
            assert!(printed.starts_with("laion-fmri 1.2.3 is in "), "{printed}");
            assert!(printed.contains("add it to your path: export PATH="), "{printed}");
        }
        for file in [
            "bin/laion-fmri",
            "share/man/man1/laion-fmri.1",
            "share/man/man1/laion-fmri-betas.1",
            "share/bash-completion/completions/laion-fmri",
            "share/zsh/site-functions/_laion-fmri",
            "share/fish/vendor_completions.d/laion-fmri.fish",
        ] {
            assert!(home.join(".local").join(file).is_file(), "{file}");
        }
        let prefix = unpacked.scratch.path().join("a prefix");
        let (installed, printed) = unpacked.install(&[prefix.to_str().unwrap()]);
        assert!(installed && prefix.join("bin/laion-fmri").is_file(), "{printed}");
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn a_system_that_is_too_old_is_named() {
        let loader = "laion-fmri: /lib64/libc.so.6: version 'GLIBC_2.28' not found";
        let unpacked = Unpacked::new(&format!("#!/bin/sh\necho \"{loader}\" >&2\nexit 1\n"));
        let (installed, printed) = unpacked.install(&[]);
        assert!(!installed, "{printed}");
        assert!(printed.contains("(expected glibc 2.28 or newer, got glibc 2.17)"), "{printed}");
        assert!(printed.contains(loader) && printed.contains("hint: "), "{printed}");
        // Without glibc, as on Alpine.
        unpacked.write("path/getconf", "#!/bin/sh\nexit 1\n");
        let (_, printed) = unpacked.install(&[]);
        assert!(printed.contains("got another C library)"), "{printed}");
        assert!(!unpacked.scratch.path().join("home").exists());
    }

    #[test]
    fn another_system_is_named() {
        let unpacked = Unpacked::new(STARTS);
        unpacked.write("path/uname", "#!/bin/sh\n[ \"$1\" = -s ] && echo Darwin || echo arm64\n");
        let (installed, printed) = unpacked.install(&[]);
        assert!(!installed, "{printed}");
        assert!(printed.contains("(expected Linux on x86_64, got Darwin on arm64)"), "{printed}");
        assert!(printed.contains("cargo install --locked laion-fmri-cli"), "{printed}");
    }
}
