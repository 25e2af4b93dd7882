//! What the program and the module are built from: the texts of all licences, and a list (SBOM).

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use cargo_metadata::{CargoOpt, MetadataCommand};

use super::{Release, TARGET, archive, files, tools};
use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::interop::start_empty;

/// How the licences are laid out: the name of each, who uses it, its text.
const TEMPLATE: &str = include_str!("licences.hbs");

/// C libraries inside of packages whose own licence is another one: the package, the library and what it
/// says about its licence.
const INSIDE: [(&str, &str, [&str; 2]); 1] =
    [("turbojpeg-sys", "libjpeg-turbo", ["LICENSE.md", "README.ijg"])];

/// Where the texts of the licences are.
pub(super) fn licences_path(release: &Release<'_>) -> PathBuf {
    release.folder.join("THIRD-PARTY-LICENSES.txt")
}

/// Where the list of the command is, in the format CycloneDX.
pub(super) fn list_path(release: &Release<'_>) -> PathBuf {
    release.folder.join(format!("laion-fmri-{}.cdx.json", release.version))
}

/// Where the list of the wheel is, which the wheel holds.
pub(super) fn list_of_wheel(release: &Release<'_>) -> PathBuf {
    release.workshop().join("laion-fmri-python.cdx.json")
}

/// Writes the licences of everything that is compiled into the wheel, which holds the command too.
pub(super) fn write_licences(release: &Release<'_>) -> Result<()> {
    let workshop = release.workshop();
    start_empty(&workshop)?;
    let rules = release.project.root.join("deny.toml");
    let rules = fs::read_to_string(&rules).with_context(|| rules.display().to_string())?;
    let (config, template) = (workshop.join("about.toml"), workshop.join("licences.hbs"));
    fs::write(&config, config_text(&rules)?)?;
    fs::write(&template, TEMPLATE)?;
    // Sources of other systems too: what is compiled in is found out without the network.
    CommandLine::cargo("fetch --locked", &release.project.root).run(&mut Counts::default())?;
    tools::ABOUT
        .command(release.project)?
        .arguments("generate --fail --frozen --features turbojpeg --manifest-path".split(' '))
        .argument("crates/python/Cargo.toml")
        .argument("--config")
        .argument(&config)
        .argument("--output-file")
        .argument(licences_path(release))
        .argument(&template)
        .run(&mut Counts::default())?;
    let path = licences_path(release);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    fs::write(&path, text + &licences_inside(release)?).with_context(|| path.display().to_string())
}

/// What the C libraries say that come inside of packages.
fn licences_inside(release: &Release<'_>) -> Result<String> {
    let metadata = MetadataCommand::new()
        .manifest_path(release.project.root.join("Cargo.toml"))
        .features(CargoOpt::AllFeatures)
        .exec()
        .context("cargo metadata")?;
    let mut text = String::new();
    for (package, library, files) in INSIDE {
        let found = metadata.packages.iter().find(|one| one.name.as_str() == package);
        let manifest = &found.with_context(|| format!("no package {package}"))?.manifest_path;
        let folder = manifest.parent().context("a manifest without a folder")?.join(library);
        let rule = "=".repeat(80);
        for file in files {
            let path = folder.join(file);
            let licence = fs::read_to_string(&path).with_context(|| path.to_string())?;
            text += &format!("{rule}\n{library} ({file}), in {package}\n{rule}\n{licence}\n");
        }
    }
    Ok(text)
}

/// The settings of cargo-about: the licences that `deny.toml` allows, and what is compiled in.
fn config_text(rules: &str) -> Result<String> {
    let allowed = rules.split_once("\nallow = [").and_then(|(_, rest)| rest.split_once(']'));
    let (allowed, _) = allowed.context("deny.toml allows no licences")?;
    Ok(format!(
        "accepted = [{allowed}]\ntargets = [\"{TARGET}\"]\nignore-build-dependencies = true\n\
         ignore-dev-dependencies = true\n\
         private = {{ ignore = true }}\n"
    ))
}

/// Writes the lists of the packages that the command and the wheel are compiled from.
pub(super) fn write_lists(release: &Release<'_>) -> Result<()> {
    let command = list_of(release, "crates/cli", &[], "laion-fmri_bin.cdx.json")?;
    let features = ["--features", "turbojpeg"];
    let wheel = list_of(release, "crates/python", &features, "_native_cdylib.cdx.json")?;
    for (path, text) in [(list_path(release), command), (list_of_wheel(release), wheel)] {
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// The list of a crate, in the file of this name, without the folder of this machine.
fn list_of(release: &Release<'_>, folder: &str, features: &[&str], name: &str) -> Result<String> {
    let root = &release.project.root;
    let folder = root.join(folder);
    tools::CYCLONEDX
        .command(release.project)?
        .arguments("cyclonedx --format json --describe binaries --no-build-deps".split(' '))
        .arguments(["--target", TARGET])
        .arguments(features)
        .argument("--manifest-path")
        .argument(folder.join("Cargo.toml"))
        .variable("SOURCE_DATE_EPOCH", archive::time_of_commit(release)?)
        .run(&mut Counts::default())?;
    let path = folder.join(name);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string());
    // It writes a list beside the manifest of every crate of the workspace that has a program.
    for folder in ["crates/cli", "crates/python", "xtask"] {
        for path in files(&root.join(folder))? {
            if path.to_string_lossy().ends_with(".cdx.json") {
                fs::remove_file(&path).with_context(|| path.display().to_string())?;
            }
        }
    }
    let text = text?.replace(&format!("file://{}", root.display()), "file:///laion-fmri");
    ensure!(!text.contains(&root.display().to_string()), "the list names {}", root.display());
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_licences_are_those_that_are_allowed() {
        let rules = "[licenses]\nallow = [\n    \"MIT\",\n    \"ISC\",\n]\nother = []\n";
        let text = config_text(rules).unwrap();
        assert!(text.starts_with("accepted = [\n    \"MIT\",\n    \"ISC\",\n]\n"), "{text}");
        assert!(config_text("[licenses]\n").is_err());
    }
}
