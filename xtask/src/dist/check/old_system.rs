//! A Debian 11 below `target/`, and scripts that run in it as in a system of their own.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::debian;
use crate::interop::start_empty;
use crate::project::Project;

/// The release with glibc 2.31, the oldest that Debian's archive still has.
const RELEASE: &str = "bullseye";

/// What a person has there at least.
const PACKAGES: [&str; 8] =
    ["base-files", "bash", "coreutils", "dash", "grep", "gzip", "libc-bin", "tar"];

/// The folders of the kernel, seen from inside; a shell, which the packages would link when they are
/// configured; then the script, without anything else of this machine.
const ENTER: &str = r#"
[ -e "$1/bin/sh" ] || ln -s bash "$1/bin/sh"
for folder in proc dev sys; do mount --rbind "/$folder" "$1/$folder"; done
root=$1; shift
exec chroot "$root" /usr/bin/env -i "$@" /bin/bash -eux script.sh
"#;

/// The system, and the home in it.
pub(super) struct OldSystem {
    root: PathBuf,
    folder: PathBuf,
}

/// The system with an empty home. Packages are unpacked once.
pub(super) fn prepared(project: &Project) -> Result<OldSystem> {
    let folder = project.target.join("debian-11");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let root = debian::system(project, &folder, RELEASE, &PACKAGES)?
        .context("apt-get not found, which fetches the packages of Debian 11")?;
    let system = OldSystem { root, folder: project.root.clone() };
    for kernel in ["proc", "dev", "sys", "tmp"] {
        fs::create_dir_all(system.root.join(kernel))?;
    }
    start_empty(&system.home())?;
    Ok(system)
}

impl OldSystem {
    /// The folder that scripts start in.
    pub(super) fn home(&self) -> PathBuf {
        self.root.join("user")
    }

    /// Runs the lines of a script with these variables; the first that fails is an error.
    pub(super) fn run(&self, script: &str, variables: &[String]) -> Result<()> {
        let about = "cat /etc/debian_version; getconf GNU_LIBC_VERSION; cd\n";
        let path = self.root.join("script.sh");
        fs::write(&path, format!("{about}{script}")).with_context(|| path.display().to_string())?;
        // A user of a namespace of its own is root there, and what is mounted there is gone afterwards.
        CommandLine::new("unshare", &self.folder)
            .arguments(["--map-root-user", "--mount", "sh", "-euc", ENTER, "sh"])
            .argument(&self.root)
            .arguments(["HOME=/user", "PATH=/user/.local/bin:/usr/bin:/bin"])
            .arguments(variables)
            .run(&mut Counts::default())
    }
}
