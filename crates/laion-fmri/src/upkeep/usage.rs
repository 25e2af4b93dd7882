//! What the mirror and what was derived from it take on disk: [`Dataset::disk_usage`].

use std::fs;
use std::path::{Path, PathBuf};

use super::Amount;
use crate::store::FOLDER;
use crate::{Dataset, Error, Result};

/// Folders deeper than this are not looked into.
const MOST_DEPTH: usize = 32;

/// What lies in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct DiskUsage {
    /// What it is: `mirror`, `indexes` or `stores`.
    pub what: &'static str,
    /// The directory.
    pub path: PathBuf,
    /// Its files.
    pub disk: Amount,
}

impl Dataset {
    /// What the mirror, the indexes and the [stores](crate::store) take on disk: an entry for each data
    /// directory, for the indexes in the cache directory, and for each directory of stores. What is
    /// reached by links to directories counts as well.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a directory cannot be read.
    ///
    /// ```
    /// use laion_fmri::Dataset;
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let usage = Dataset::open("laion-fmri")?.disk_usage()?;
    /// assert_eq!(usage[0].what, "mirror");
    /// assert!(usage[0].disk.bytes > 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn disk_usage(&self) -> Result<Vec<DiskUsage>> {
        let roots = self.roots().directories();
        let mut usage = Vec::new();
        for root in roots {
            // Stores are counted by themselves.
            let disk = below(root, 0, &|path| path != root.join(FOLDER))?;
            usage.push(DiskUsage { what: "mirror", path: root.clone(), disk });
        }
        let cache = self.reading.cache_dir.iter().map(|cache| ("indexes", cache.join("indexes")));
        let stores = self.reading.stores.directories.iter().cloned();
        let stores = stores.chain(roots.iter().map(|root| root.join(FOLDER)));
        for (what, path) in cache.chain(stores.map(|path| ("stores", path))) {
            let disk = below(&path, 0, &|_| true)?;
            if disk.files > 0 {
                usage.push(DiskUsage { what, path, disk });
            }
        }
        Ok(usage)
    }
}

/// The files below a directory that need not be there, but for folders that are not counted.
fn below(directory: &Path, depth: usize, counts: &dyn Fn(&Path) -> bool) -> Result<Amount> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Amount::default()),
        Err(error) => return Err(Error::io("list", directory)(error)),
    };
    let mut amounts = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::io("list", directory))?.path();
        // What is gone meanwhile, or a link to nothing, takes nothing.
        let Ok(found) = fs::metadata(&path) else { continue };
        if !found.is_dir() {
            amounts.push(Amount::of(std::iter::once(found.len())));
        } else if depth < MOST_DEPTH && counts(&path) {
            amounts.push(below(&path, depth + 1, counts)?);
        }
    }
    Ok(amounts.into_iter().sum())
}
