//! Where the files of the dataset are read from, and what is known about them.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bids::dehyphenate_labels;
use s3_mirror::{Inventory, RelativePath};

use crate::input::{Input, InputRecord};
use crate::{Error, Result, Roots};

/// The files of a mirror.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    roots: Roots,
    /// The records of each root, read when first needed.
    inventories: Arc<Mutex<HashMap<PathBuf, Arc<Inventory>>>>,
}

/// A file that is there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// Where it lies in a mirror; labels have no hyphens.
    relative: String,
    path: PathBuf,
}

impl Place {
    /// The file, as messages name it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// An error about the bytes of a NIfTI file, which then names the file.
    pub(crate) fn named(&self, error: nifti_stream::Error) -> Error {
        let path = self.path.clone();
        Error::Nifti(nifti_stream::Error::File { path, source: Box::new(error) })
    }
}

impl Files {
    pub(crate) fn new(roots: Roots) -> Self {
        Self { roots, inventories: Arc::default() }
    }

    pub(crate) fn roots(&self) -> &Roots {
        &self.roots
    }

    /// The file of that relative path.
    pub(crate) fn find(&self, relative: &str) -> Option<Place> {
        let path = self.roots.find(relative)?;
        Some(Place { relative: dehyphenate_labels(relative).into_owned(), path })
    }

    /// As [`Files::find`] for a path without hyphens in its labels, also where another tool kept
    /// those of the bucket.
    pub(crate) fn find_local(&self, relative: &str) -> Option<Place> {
        self.find(relative).or_else(|| {
            let (directory, _) =
                relative.rsplit_once('/').filter(|(_, file)| file.contains("label-"))?;
            let names = self.files(&format!("{directory}/")).ok()?;
            let full = |name: &String| format!("{directory}/{name}");
            let found = names.iter().map(full).find(|full| dehyphenate_labels(full) == relative)?;
            self.find(&found)
        })
    }

    /// Where the file would lie, for messages about missing files.
    pub(crate) fn expected(&self, relative: &str) -> PathBuf {
        self.roots.expected(relative)
    }

    /// The names of all directories directly below a relative directory, sorted.
    pub(crate) fn subdirectories(&self, relative: &str) -> Result<BTreeSet<String>> {
        self.roots.subdirectories(relative)
    }

    /// The names of all files directly below a relative directory, sorted.
    pub(crate) fn files(&self, relative: &str) -> Result<BTreeSet<String>> {
        self.roots.files(relative)
    }

    /// The bytes of a file.
    pub(crate) fn open(&self, place: &Place) -> Result<Input> {
        Input::of_file(place.relative.clone(), place.path.clone())
    }

    /// As [`Files::open`], held to the record of the file if there is one.
    pub(crate) fn open_recorded(&self, place: &Place) -> Result<Input> {
        let input = self.open(place)?;
        Ok(match self.inventory_of(place)? {
            Some(inventory) => input.held_to(Recorded(inventory)),
            None => input,
        })
    }

    fn inventory_of(&self, place: &Place) -> Result<Option<Arc<Inventory>>> {
        let roots = self.roots.directories();
        let Some(root) = roots.iter().find(|root| place.path.starts_with(root)) else {
            return Ok(None);
        };
        let mut inventories = self.inventories.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(inventory) = inventories.get(root) {
            return Ok(Some(Arc::clone(inventory)));
        }
        let inventory = Arc::new(crate::inventory::of_shared(root)?);
        inventories.insert(root.clone(), Arc::clone(&inventory));
        Ok(Some(inventory))
    }
}

/// What was recorded about the files of a root.
#[derive(Debug)]
pub(crate) struct Recorded(Arc<Inventory>);

impl Recorded {
    /// Refuses a file that has the size of its record and other bytes. One of another size is of
    /// another version, about which nothing is recorded.
    pub(crate) fn check(&self, found: InputRecord, path: &Path) -> Result<InputRecord> {
        let got = found.sha256_hex();
        let differs = || -> Option<String> {
            let relative = RelativePath::new(found.relative.clone()).ok()?;
            let metadata = std::fs::metadata(path).ok()?;
            let record = self.0.find(&relative, &metadata)?;
            (record.size == found.size && record.sha256 != got).then_some(record.sha256)
        };
        if differs().is_none() {
            return Ok(found);
        }
        // The file may have been replaced since the records were read.
        self.0.refresh().map_err(Error::io("read the inventory", path))?;
        match differs() {
            Some(expected) => Err(Error::InputChanged { path: path.to_owned(), expected, got }),
            None => Ok(found),
        }
    }
}
