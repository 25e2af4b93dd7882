//! Debian's packages, unpacked below `target/`: programs that tests need, and a whole older system.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::interop::start_empty;
use crate::project::Project;

/// Where the packages are: `/` if they are installed, otherwise a folder below `folder` that what is
/// missing is unpacked to, without a trace in the system; nothing where there is no apt.
pub(crate) fn unpacked(
    project: &Project,
    folder: &Path,
    names: &[&str],
) -> Result<Option<PathBuf>> {
    let root = folder.join("root");
    let stamp = folder.join("unpacked");
    if stamp.exists() {
        println!("{} is current", root.display());
        return Ok(Some(root));
    }
    let mut options = Vec::new();
    let missing = match missing(project, &options, names) {
        Ok(None) => return Ok(None),
        Ok(Some(missing)) => missing,
        // A system without lists of packages: they are fetched into a place of our own.
        Err(_) => {
            options = private(folder)?;
            apt_get(project, &options).argument("update").capture()?;
            missing(project, &options, names)?.unwrap_or_default()
        }
    };
    if missing.is_empty() {
        return Ok(Some(PathBuf::from("/")));
    }
    unpack(folder, &options, &missing)?;
    Ok(Some(root))
}

/// A system of its own below `folder`: packages of a release of Debian with all that they need, unpacked
/// and not configured; nothing where there is no apt.
pub(crate) fn system(
    project: &Project,
    folder: &Path,
    release: &str,
    names: &[&str],
) -> Result<Option<PathBuf>> {
    let root = folder.join("root");
    if folder.join("unpacked").exists() {
        println!("{} is current", root.display());
        return Ok(Some(root));
    }
    let Some(archive) = archive(project, folder)? else { return Ok(None) };
    let mut options = private(folder)?;
    let sources = folder.join("sources.list");
    let line = format!("deb {}{archive} {release} main\n", signed_by());
    // Without a record of installed packages, everything that is needed is missing.
    let status = folder.join("status");
    for (path, text) in [(&sources, line.as_str()), (&status, "")] {
        fs::write(path, text).with_context(|| path.display().to_string())?;
    }
    for (option, path) in [
        ("Dir::Etc::SourceList", sources.as_path()),
        ("Dir::Etc::SourceParts", Path::new("/dev/null")),
        ("Dir::State::Status", &status),
    ] {
        options.extend(["--option".to_owned(), format!("{option}={}", path.display())]);
    }
    apt_get(project, &options).argument("update").capture()?;
    let missing = missing(project, &options, names)?.unwrap_or_default();
    unpack(folder, &options, &missing)?;
    Ok(Some(root))
}

/// The archive of Debian that this machine uses; nothing without apt.
fn archive(project: &Project, folder: &Path) -> Result<Option<String>> {
    let ask = |options: &[String]| {
        apt_get(project, options)
            .arguments(["indextargets", "--format", "$(LABEL)|$(REPO_URI)", "Created-By: Packages"])
            .capture()
    };
    let mut options = Vec::new();
    let Some(mut lists) = ask(&options)? else { return Ok(None) };
    if lists.is_empty() {
        options = private(folder)?;
        apt_get(project, &options).argument("update").capture()?;
        lists = ask(&options)?.unwrap_or_default();
    }
    let archive = lists.lines().find_map(|line| line.strip_prefix("Debian|"));
    Ok(Some(archive.context("apt knows no archive of Debian")?.to_owned()))
}

/// The keys of all releases, where the system keeps them apart from the keys that it trusts.
fn signed_by() -> String {
    let keys = Path::new("/usr/share/keyrings/debian-archive-keyring.gpg");
    if keys.exists() { format!("[signed-by={}] ", keys.display()) } else { String::new() }
}

/// Downloads packages and unpacks them to `root` below `folder`; the stamp is written last.
fn unpack(folder: &Path, options: &[String], names: &[String]) -> Result<()> {
    let (packages, root) = (folder.join("packages"), folder.join("root"));
    for folder in [&packages, &root] {
        start_empty(folder)?;
    }
    let download = CommandLine::new("apt-get", &packages).arguments(options);
    download.argument("download").arguments(names).run(&mut Counts::default())?;
    for entry in fs::read_dir(&packages).with_context(|| packages.display().to_string())? {
        let unpack = CommandLine::new("dpkg-deb", &packages).argument("--extract");
        unpack.argument(entry?.path()).argument(&root).capture()?;
    }
    let stamp = folder.join("unpacked");
    fs::write(&stamp, names.join("\n")).with_context(|| stamp.display().to_string())
}

/// The packages that installing these would add; nothing without apt.
fn missing(project: &Project, options: &[String], names: &[&str]) -> Result<Option<Vec<String>>> {
    let simulation = apt_get(project, options)
        .arguments(["--simulate", "--no-install-recommends", "install"])
        .arguments(names)
        .capture()?;
    Ok(simulation.map(|text| installed(&text)))
}

/// The packages in what `apt-get --simulate install` prints.
fn installed(simulation: &str) -> Vec<String> {
    let lines = simulation.lines().filter_map(|line| line.strip_prefix("Inst "));
    lines.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
}

/// Options by which apt keeps its lists in a folder of ours.
fn private(folder: &Path) -> Result<Vec<String>> {
    let folder_option = |option: &str, name: &str| -> Result<[String; 2]> {
        let path = folder.join(name);
        fs::create_dir_all(path.join("partial")).with_context(|| path.display().to_string())?;
        Ok(["--option".to_owned(), format!("{option}={}", path.display())])
    };
    Ok([folder_option("Dir::State::Lists", "lists")?, folder_option("Dir::Cache", "cache")?]
        .concat())
}

fn apt_get(project: &Project, options: &[String]) -> CommandLine {
    CommandLine::new("apt-get", &project.root).arguments(options)
}

/// The first line that says what was wrong, for a reason on one line.
pub(crate) fn first_line(message: &str) -> String {
    let error = message.lines().find(|line| line.starts_with("E: "));
    error.or(message.lines().next()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_found_in_a_simulation() {
        let text = "NOTE: This is only a simulation!\nInst libmunge2 (0.5.15 Debian:12 [amd64])\n\
                    Inst slurmd [21.08] (22.05.8 Debian:12 [amd64])\nConf slurmd (22.05.8)\n";
        assert_eq!(installed(text), ["libmunge2", "slurmd"]);
        assert_eq!(installed(""), Vec::<String>::new());
    }

    #[test]
    fn a_reason_is_one_line() {
        let message = "`apt-get` failed: 100\nReading lists\nE: Unable to locate package munge\n";
        assert_eq!(first_line(message), "E: Unable to locate package munge");
        assert_eq!(first_line("no space"), "no space");
    }
}
