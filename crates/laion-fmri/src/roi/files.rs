//! The voxels of ROI files: several are read in parallel, each once per handle.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use laion_fmri_base::{lock, parallel_map_with};
use nifti_stream::{MaskReader, SetVoxels};

use crate::files::Located;
use crate::{Result, Subject};

/// More threads than this wait for memory, not for a core.
const MOST_THREADS: usize = 8;
/// A thread costs as much as a fraction of a file.
const FILES_PER_THREAD: usize = 2;

/// What was read through one handle of a subject and its clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct RoiFiles {
    read: Arc<Mutex<HashMap<PathBuf, Arc<SetVoxels>>>>,
}

impl Subject {
    /// The voxels of each ROI file, in the order asked.
    ///
    /// Files that were not read yet are inflated on all cores. A caller that comes meanwhile waits,
    /// so that no file is inflated twice.
    pub(crate) fn roi_voxels(&self, files: &[&Located]) -> Result<Vec<Arc<SetVoxels>>> {
        let mut read = lock(&self.roi_files.read);
        let mut asked = HashSet::new();
        let missing: Vec<&Located> = files
            .iter()
            .copied()
            .filter(|located| !read.contains_key(located.path()) && asked.insert(located.path()))
            .collect();
        self.files().fetch(missing.iter().copied())?;
        for (located, voxels) in missing.iter().zip(read_side_by_side(self, &missing)?) {
            read.insert(located.path().to_owned(), Arc::new(voxels));
        }
        // INVARIANT: every file was there or has just been inserted.
        Ok(files
            .iter()
            .map(|located| Arc::clone(read.get(located.path()).expect("a file just read")))
            .collect())
    }
}

/// The voxels of each file, in their order, whatever the number of threads.
fn read_side_by_side(subject: &Subject, files: &[&Located]) -> Result<Vec<SetVoxels>> {
    let most = files.len().div_ceil(FILES_PER_THREAD).min(MOST_THREADS);
    let threads = match most {
        // Asking the system takes longer than a small file.
        0 | 1 => 1,
        most => thread::available_parallelism().map_or(1, usize::from).min(most),
    };
    parallel_map_with(threads, files, MaskReader::new, |reader, located| {
        subject.read(located, |input| reader.read(input).map_err(|error| located.named(error)))
    })
}
