//! `cargo xtask browser`: the page of `laion-fmri browse` in a headless Chromium, unpacked below `target/`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use fixtures::bucket;

use crate::counts::Counts;
use crate::interop::environment::{self, Environment};
use crate::interop::{is_required, start_empty, without_python};
use crate::project::Project;
use crate::steps::{Outcome, Steps};
use crate::{debian, guide, web};

/// The heading of the step, and how a skipped one is named.
pub(crate) const STEP: &str = "page in a browser";

/// The browser and a font; apt adds what they need.
const PACKAGES: [&str; 2] = ["chromium", "fonts-dejavu-core"];

/// Where the browser is in its package.
const CHROMIUM: &str = "usr/lib/chromium/chromium";

/// Runs the step alone; true if it did not fail.
pub(crate) fn run(project: &Project) -> Result<bool> {
    let mut steps = Steps::new(false);
    steps.step(web::STEP, |counts| web::step(project, counts));
    steps.step(STEP, |counts| step(project, counts));
    println!("\n{}", steps.summary());
    Ok(!steps.failed())
}

/// Opens the page on the fixture bucket, and compares what it shows with numpy. The page has to be
/// bundled already; screenshots are left in `target/browser/out/pictures`.
pub(crate) fn step(project: &Project, counts: &mut Counts) -> Result<Outcome> {
    let Some(python) = environment::python_version(project)? else {
        return without_python(is_required(false));
    };
    if !web::axe(project).exists() {
        return without("the page is not bundled");
    }
    let folder = project.target.join("browser");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let root = match debian::unpacked(project, &folder, &PACKAGES) {
        Ok(Some(root)) if root.join(CHROMIUM).exists() => root,
        Ok(Some(_)) => return without("Debian's chromium not found"),
        Ok(None) => return without("apt-get not found"),
        Err(error) => return without(&debian::first_line(&format!("{error:#}"))),
    };
    let list = "requirements-page.txt";
    let environment = Environment::prepare_from(project, &python, list, "venv-page")?;
    guide::build_command(project)?;
    let out = folder.join("out");
    start_empty(&out)?;
    let mirror = out.join("mirror");
    bucket::write(&mirror)?;
    bucket::write_gated(&mirror)?;
    environment
        .module("check_page", &project.root.join("interop"))
        .argument(&out)
        .variable("PAGE_PROGRAM", project.target.join("debug").join("laion-fmri"))
        .variable("PAGE_CHROMIUM", root.join(CHROMIUM))
        .variable("PAGE_LIBRARIES", libraries(&root)?)
        .variable("PAGE_AXE", web::axe(project))
        .run(counts)?;
    Ok(Outcome::Done)
}

/// A skipped step, which is a failure where nothing may be skipped.
fn without(reason: &str) -> Result<Outcome> {
    if is_required(false) {
        bail!("{reason}, and the browser is required here");
    }
    Ok(Outcome::Skipped(reason.to_owned()))
}

/// The folders of shared libraries below the place where packages were unpacked.
fn libraries(root: &Path) -> Result<std::ffi::OsString> {
    let mut folders: Vec<PathBuf> = vec![root.join("usr/lib/chromium")];
    for base in ["usr/lib", "lib"] {
        let base = root.join(base);
        let Ok(entries) = fs::read_dir(&base) else { continue };
        for entry in entries {
            // `x86_64-linux-gnu` and the like, and what packages keep to themselves in it.
            let architecture = entry.with_context(|| base.display().to_string())?.path();
            if architecture.to_string_lossy().ends_with("-linux-gnu") {
                folders.push(architecture.join("pulseaudio"));
                folders.push(architecture);
            }
        }
    }
    env::join_paths(folders).context("the libraries of chromium")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libraries_of_unpacked_packages_are_found() {
        let scratch = tempfile::tempdir().unwrap();
        let libs = scratch.path().join("usr/lib");
        for folder in ["x86_64-linux-gnu/pulseaudio", "chromium", "python3"] {
            fs::create_dir_all(libs.join(folder)).unwrap();
        }
        let joined = libraries(scratch.path()).unwrap();
        let found: Vec<PathBuf> = env::split_paths(&joined).collect();
        let expected = ["chromium", "x86_64-linux-gnu/pulseaudio", "x86_64-linux-gnu"];
        assert_eq!(found, expected.map(|folder| libs.join(folder)));
    }
}
