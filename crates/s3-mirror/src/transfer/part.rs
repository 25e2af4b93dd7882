//! The temporary sibling of a file, and the rename that publishes it.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};

use super::TransferError;
use crate::RelativePath;

/// Chunks from the network are a few KiB; the disk gets larger ones.
const BUFFER: usize = 1 << 20;

/// Longest part of the final name that the temporary name repeats, so that it stays below 255 bytes.
const NAME_BYTES: usize = 180;

/// How often another temporary name is tried when one is taken.
const NAME_ATTEMPTS: usize = 16;

/// A file that is not published yet; dropping it deletes it.
pub(super) struct PartFile {
    file: Option<BufWriter<File>>,
    part: PathBuf,
    target: PathBuf,
}

impl PartFile {
    /// Creates the directories of `local` below the canonical `root`, and the temporary file.
    pub(super) async fn create(root: &Path, local: &RelativePath) -> Result<Self, TransferError> {
        let (root, local) = (root.to_path_buf(), local.clone());
        // All of it in one closure: when the transfer is dropped meanwhile, the finished value is
        // dropped too and takes its file along.
        let (mut part, file) = blocking(move || {
            let directory = create_parents(&root, &local)?;
            let (path, file) = create_new(&directory, local.file_name())?;
            let target = directory.join(local.file_name());
            Ok((Self { file: None, part: path, target }, file))
        })
        .await?;
        part.file = Some(BufWriter::with_capacity(BUFFER, File::from_std(file)));
        Ok(part)
    }

    pub(super) async fn write(&mut self, chunk: &[u8]) -> Result<(), TransferError> {
        match &mut self.file {
            Some(file) => file.write_all(chunk).await.map_err(|source| self.failed(source)),
            None => Ok(()),
        }
    }

    /// Syncs the file, gives it its final name, and syncs the directory.
    pub(super) async fn publish(mut self) -> Result<(), TransferError> {
        if let Some(mut file) = self.file.take() {
            file.flush().await.map_err(|source| self.failed(source))?;
            file.into_inner().sync_all().await.map_err(|source| self.failed(source))?;
        }
        let (part, target) = (self.part.clone(), self.target.clone());
        blocking(move || {
            rename(&part, &target).map_err(|source| TransferError::Write { path: target, source })
        })
        .await
    }

    fn failed(&self, source: io::Error) -> TransferError {
        TransferError::Write { path: self.part.clone(), source }
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // After a rename there is nothing left under this name. If the file cannot be removed it
        // stays as litter that no later run takes for data.
        if let Err(error) = std::fs::remove_file(&self.part)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.part.display(), %error, "temporary file left behind");
        }
    }
}

/// `.NAME.RANDOM.part`, hidden from `*` patterns.
fn part_name(name: &str) -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let mut end = name.len().min(NAME_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    // Process numbers repeat across the nodes of a shared file system; random names do not.
    let random = RandomState::new().hash_one(std::process::id());
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!(".{}.{random:016x}{count:x}.part", &name[..end])
}

fn create_new(directory: &Path, name: &str) -> Result<(PathBuf, std::fs::File), TransferError> {
    for _ in 0..NAME_ATTEMPTS {
        let path = directory.join(part_name(name));
        match std::fs::File::create_new(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(TransferError::Write { path, source }),
        }
    }
    let source = io::Error::from(io::ErrorKind::AlreadyExists);
    Err(TransferError::Write { path: directory.join(name), source })
}

/// Creates the directories of `local` one by one, so that none is created behind a link that leaves
/// `root`, and returns the innermost, canonical.
fn create_parents(root: &Path, local: &RelativePath) -> Result<PathBuf, TransferError> {
    let mut directory = root.to_path_buf();
    let mut parts: Vec<&str> = local.parts().collect();
    parts.pop();
    for part in parts {
        let next = directory.join(part);
        let failed = |source| TransferError::Write { path: next.clone(), source };
        match std::fs::create_dir(&next) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
        let canonical = std::fs::canonicalize(&next).map_err(failed)?;
        if !canonical.starts_with(root) {
            return Err(TransferError::OutsideRoot { path: next, root: root.to_path_buf() });
        }
        directory = canonical;
    }
    Ok(directory)
}

/// Renames within one directory and makes the new name durable.
fn rename(part: &Path, target: &Path) -> io::Result<()> {
    std::fs::rename(part, target)?;
    #[cfg(unix)]
    if let Some(directory) = target.parent() {
        std::fs::File::open(directory)?.sync_all()?;
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TransferError> + Send + 'static,
) -> Result<T, TransferError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(TransferError::Write { path: PathBuf::new(), source: error.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_names_are_short_hidden_and_unique() {
        for name in ["a.nii.gz", &"x".repeat(255), &"é".repeat(127)] {
            let (first, second) = (part_name(name), part_name(name));
            assert_ne!(first, second);
            assert!(first.starts_with('.') && first.ends_with(".part") && first.len() <= 255);
        }
        assert!(part_name("a.nii.gz").starts_with(".a.nii.gz."));
    }

    #[tokio::test]
    async fn published_or_removed() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let local: RelativePath = "a/b/c.txt".parse().unwrap();
        let files = || std::fs::read_dir(root.join("a/b")).unwrap().count();

        let mut part = PartFile::create(&root, &local).await.unwrap();
        part.write(b"half").await.unwrap();
        assert_eq!(files(), 1);
        assert!(!local.below(&root).exists());
        drop(part);
        assert_eq!(files(), 0);

        let mut part = PartFile::create(&root, &local).await.unwrap();
        part.write(b"whole").await.unwrap();
        part.publish().await.unwrap();
        assert_eq!(std::fs::read(local.below(&root)).unwrap(), b"whole");
        assert_eq!(files(), 1);
    }

    #[tokio::test]
    async fn a_file_in_the_way_is_named() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        std::fs::write(root.join("a"), b"").unwrap();
        let created = PartFile::create(&root, &"a/b".parse().unwrap()).await;
        assert!(matches!(
            created.err(),
            Some(TransferError::Write { path, .. }) if path.starts_with(root.join("a"))
        ));
    }
}
