//! The program, which starts on every Linux with a glibc that is not older than the bound.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::symbols::{Needs, Version};
use super::{GLIBC, Release, TARGET, cargo_home};
use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::interop::environment::Environment;

/// Libraries that come with glibc.
const OF_GLIBC: [&str; 6] = [
    "ld-linux-x86-64.so.2",
    "libc.so.6",
    "libdl.so.2",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
];

/// Compiles the program with the glibc of zig, whatever glibc this machine has.
pub(super) fn build(release: &Release<'_>, tools: &Environment) -> Result<PathBuf> {
    let project = release.project;
    CommandLine::new(tools.programs().join("cargo-zigbuild"), &project.root)
        .arguments("zigbuild --release --locked --package laion-fmri-cli --target".split(' '))
        .argument(format!("{TARGET}.{GLIBC}"))
        .variable("RUSTFLAGS", release.rustflags())
        .variable("CARGO_ZIGBUILD_PYTHON_PATH", tools.python())
        .run(&mut Counts::default())?;
    Ok(project.target.join(TARGET).join("release").join("laion-fmri"))
}

/// An error if the program needs more than the oldest system has, or names a folder of this machine.
pub(super) fn check(release: &Release<'_>, program: &Path) -> Result<()> {
    let bytes = fs::read(program).with_context(|| program.display().to_string())?;
    let needs = Needs::of(&bytes).with_context(|| program.display().to_string())?;
    println!("needs {needs}");
    let oldest: Version = GLIBC.parse()?;
    ensure!(needs.glibc <= oldest, "expected glibc {oldest} or older, got {}", needs.glibc);
    for library in &needs.libraries {
        ensure!(OF_GLIBC.contains(&library.as_str()), "{library} is not a library of glibc");
    }
    for folder in [Some(release.project.root.clone()), cargo_home()].into_iter().flatten() {
        let folder = folder.display().to_string();
        ensure!(
            !contains(&bytes, folder.as_bytes()),
            "{} names {folder}, a folder of this machine",
            program.display()
        );
    }
    Ok(())
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_anywhere() {
        for (part, expected) in [("ab", true), ("cd", true), ("bc", true), ("da", false)] {
            assert_eq!(contains(b"abcd", part.as_bytes()), expected, "{part}");
        }
    }
}
