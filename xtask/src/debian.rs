//! Debian's packages, unpacked below `target/` for tests that need a program of theirs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command_line::CommandLine;
use crate::counts::Counts;
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
    let packages = folder.join("packages");
    for folder in [&packages, &root] {
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let download = CommandLine::new("apt-get", &packages).arguments(&options);
    download.argument("download").arguments(&missing).run(&mut Counts::default())?;
    for entry in fs::read_dir(&packages).with_context(|| packages.display().to_string())? {
        let unpack = CommandLine::new("dpkg-deb", &packages).argument("--extract");
        unpack.argument(entry?.path()).argument(&root).capture()?;
    }
    fs::write(&stamp, missing.join("\n")).with_context(|| stamp.display().to_string())?;
    Ok(Some(root))
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
