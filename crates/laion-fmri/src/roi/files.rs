//! The voxels of ROI files: several read side by side, each once per handle.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use nifti_stream::{MaskReader, SetVoxels};

use crate::Result;

/// More threads than this wait for memory, not for a core.
const MOST_THREADS: usize = 8;
/// A thread costs as much as a fraction of a file.
const FILES_PER_THREAD: usize = 2;

/// What was read through one handle of a subject.
#[derive(Debug, Default)]
pub(crate) struct RoiFiles {
    read: Mutex<HashMap<PathBuf, Arc<SetVoxels>>>,
}

impl RoiFiles {
    /// The voxels of each file, in the order of the paths.
    ///
    /// Files that were not read yet are inflated on all cores. A caller that comes meanwhile waits,
    /// so that no file is inflated twice.
    pub(crate) fn voxels(&self, paths: &[&Path]) -> Result<Vec<Arc<SetVoxels>>> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let mut asked = HashSet::new();
        let missing: Vec<&Path> = paths
            .iter()
            .copied()
            .filter(|path| !read.contains_key(*path) && asked.insert(*path))
            .collect();
        for (path, voxels) in missing.iter().zip(read_side_by_side(&missing)) {
            read.insert(path.to_path_buf(), Arc::new(voxels?));
        }
        // INVARIANT: every path was there or has just been inserted.
        Ok(paths
            .iter()
            .map(|path| Arc::clone(read.get(*path).expect("a file just read")))
            .collect())
    }
}

/// One result for each path, in their order, whatever the number of threads.
fn read_side_by_side(paths: &[&Path]) -> Vec<Result<SetVoxels, nifti_stream::Error>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(MOST_THREADS).min(paths.len().div_ceil(FILES_PER_THREAD));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut reader = MaskReader::new();
        let mut done = Vec::new();
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((*path, reader.read_file(path)));
        }
        done
    };
    let mut done: HashMap<&Path, _> = thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for helper in helpers {
            // A panic in a helper is a panic of the whole.
            done.append(
                &mut helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            );
        }
        done.into_iter().collect()
    });
    paths.iter().filter_map(|path| done.remove(path)).collect()
}
