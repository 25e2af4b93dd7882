//! The SHA-256 of everything that is uploaded, in the form of `sha256sum`.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use laion_fmri_base::{Sha256, Sha256Hasher};

use super::{Release, files};

/// Where the list is.
pub(super) fn path(release: &Release<'_>) -> PathBuf {
    release.folder.join("SHA256SUMS")
}

/// What is uploaded, beside the list itself.
pub(super) fn files_of(release: &Release<'_>) -> Result<Vec<PathBuf>> {
    let mut found = files(&release.folder)?;
    found.retain(|file| *file != path(release));
    found.extend(files(&release.packages())?);
    Ok(found)
}

/// Writes the list. It is the last file of a release.
pub(super) fn write(release: &Release<'_>) -> Result<()> {
    let mut text = String::new();
    for file in files_of(release)? {
        text += &line(&release.folder, &file)?;
    }
    fs::write(path(release), text).with_context(|| path(release).display().to_string())
}

/// An error unless the files are those of the list.
pub(super) fn check(release: &Release<'_>) -> Result<()> {
    let written =
        fs::read_to_string(path(release)).with_context(|| path(release).display().to_string())?;
    for file in files_of(release)? {
        let line = line(&release.folder, &file)?;
        ensure!(written.contains(&line), "{} is not as SHA256SUMS says", file.display());
    }
    let listed = written.lines().count();
    let found = files_of(release)?.len();
    ensure!(listed == found, "SHA256SUMS lists {listed} files, and there are {found}");
    println!("{found} files are as SHA256SUMS says");
    Ok(())
}

fn line(folder: &Path, file: &Path) -> Result<String> {
    let name = file.strip_prefix(folder).unwrap_or(file);
    Ok(format!("{}  {}\n", sha256(file)?, name.display()))
}

fn sha256(path: &Path) -> Result<Sha256> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut hasher = Sha256Hasher::new();
    loop {
        let piece = reader.fill_buf().with_context(|| path.display().to_string())?;
        if piece.is_empty() {
            return Ok(hasher.finish());
        }
        hasher.update(piece);
        let length = piece.len();
        reader.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;

    #[test]
    fn what_was_changed_added_or_removed_is_noticed() {
        let scratch = tempfile::tempdir().unwrap();
        let project = Project { root: scratch.path().into(), target: scratch.path().into() };
        let release = Release::new(&project);
        let (archive, package) = (release.archive(), release.packages().join("a-1.crate"));
        fs::create_dir_all(release.packages()).unwrap();
        for file in [&archive, &package] {
            fs::write(file, "abc").unwrap();
        }
        write(&release).unwrap();
        let text = fs::read_to_string(path(&release)).unwrap();
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(text.ends_with(&format!("{digest}  crates/a-1.crate\n")), "{text}");
        check(&release).unwrap();

        fs::write(&archive, "abd").unwrap();
        let error = check(&release).unwrap_err().to_string();
        assert!(error.contains(".tar.gz is not as SHA256SUMS says"), "{error}");
        fs::write(&archive, "abc").unwrap();
        fs::write(release.folder.join("more"), "").unwrap();
        assert!(check(&release).unwrap_err().to_string().contains("more is not"));
        fs::remove_file(release.folder.join("more")).unwrap();
        fs::remove_file(&package).unwrap();
        let error = check(&release).unwrap_err().to_string();
        assert_eq!(error, "SHA256SUMS lists 2 files, and there are 1");
    }
}
