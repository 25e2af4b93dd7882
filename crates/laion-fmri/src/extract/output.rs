//! The bytes of an output, as its recipe names them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use laion_fmri_base::{Sha256, Sha256Hasher};

use super::recipe::RecipeOutput;
use crate::observer::Watch;
use crate::{Error, Result};

/// Size and checksum of an output, a file or a directory.
pub(super) fn describe(output: &Path, watch: Watch<'_>) -> Result<RecipeOutput> {
    let file = output.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !output.is_dir() {
        let (size, sha256) = hash(output, watch)?;
        return Ok(RecipeOutput { file, size, sha256 });
    }
    let mut files = Vec::new();
    list(output, "", &mut files)?;
    files.sort();
    let mut digest = Sha256Hasher::new();
    let mut total = 0;
    for name in files {
        let (size, sha256) = hash(&output.join(&name), watch)?;
        total += size;
        digest.update(format!("{sha256}  {name}\n"));
    }
    Ok(RecipeOutput { file, size: total, sha256: digest.finish() })
}

/// The bytes of an output, a file or a directory.
pub(super) fn size(output: &Path) -> Result<u64> {
    let bytes = |path: &Path| Ok(std::fs::metadata(path).map_err(Error::io("open", path))?.len());
    if !output.is_dir() {
        return bytes(output);
    }
    let mut files = Vec::new();
    list(output, "", &mut files)?;
    files.iter().map(|name| bytes(&output.join(name))).sum()
}

/// The files below a directory, relative, with `/` between the parts.
fn list(directory: &Path, prefix: &str, files: &mut Vec<String>) -> Result<()> {
    let failed = |source| Error::Io { action: "read", path: directory.to_owned(), source };
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().map_err(failed)?.is_dir() {
            list(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.push(name);
        }
    }
    Ok(())
}

/// The bytes of a file and their SHA-256.
pub(super) fn hash(path: &Path, watch: Watch<'_>) -> Result<(u64, Sha256)> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let mut digest = Sha256Hasher::new();
    let mut buffer = vec![0; 1 << 18];
    let mut size = 0;
    loop {
        watch.check()?;
        let read = file.read(&mut buffer).map_err(Error::io("read", path))?;
        if read == 0 {
            return Ok((size, digest.finish()));
        }
        digest.update(&buffer[..read]);
        size += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cancel;

    #[test]
    fn a_directory_is_the_list_of_its_files() {
        let directory = tempfile::tempdir().unwrap();
        let output = directory.path().join("out.zarr");
        std::fs::create_dir_all(output.join("a/c")).unwrap();
        std::fs::write(output.join("zarr.json"), "{}").unwrap();
        std::fs::write(output.join("a/c/0"), "xyz").unwrap();
        let cancel = Cancel::new();
        let watch = Watch::new(&(), &cancel);
        let one = describe(&output.join("zarr.json"), watch).unwrap();
        assert_eq!((one.file.as_str(), one.size), ("zarr.json", 2));
        assert_eq!(one.sha256, Sha256::of("{}"));
        let all = describe(&output, watch).unwrap();
        assert_eq!((all.file.as_str(), all.size), ("out.zarr", 5));
        let (nested, top) = (Sha256::of("xyz"), Sha256::of("{}"));
        let list = format!("{nested}  a/c/0\n{top}  zarr.json\n");
        assert_eq!(all.sha256, Sha256::of(list));
        cancel.cancel();
        assert!(matches!(describe(&output, watch), Err(Error::Cancelled)));
    }
}
