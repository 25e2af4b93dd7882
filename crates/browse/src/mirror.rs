//! What was read of the mirror, kept as long as its files are the same: a mirror may change underneath.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use laion_fmri::stimuli::files;
use laion_fmri::template::Projection;
use laion_fmri::{Cancel, ColumnStatistics, Dataset, Subject, SubjectId, layout};
use laion_fmri_base::lock;

use crate::answer::Refusal;
use crate::drawn::Drawn;
use crate::similar::Normed;
use crate::trials::Trials;

/// How many subjects are kept: handles and tables of trials, 3 MB each.
const SUBJECTS: usize = 8;
/// How many tables of trials are kept as the page gets them: 4 MB each.
const TABLES: usize = 2;
/// How many maps are kept: 1 MB each.
const MAPS: usize = 8;
/// Of how many sessions the statistics are kept: 4 MB each.
const STATISTICS: usize = 3;
/// How many projections are kept: those of two hemispheres, 15 MB each.
const PROJECTIONS: usize = 2;
/// How many small pictures are kept: 100 kB each.
const PICTURES: usize = 60;
/// How deep the folders of a subject are looked through: tree, session or category, file.
const DEPTH: usize = 4;

/// The dataset, and what was read of it.
#[derive(Debug)]
pub(crate) struct Mirror {
    state: Mutex<State>,
    /// How long the state of the files is taken as it was last seen.
    settled: Duration,
    pub(crate) kept: Kept,
}

#[derive(Debug)]
struct State {
    dataset: Dataset,
    stimuli: Checked,
    /// The one that was asked for last comes last.
    subjects: Vec<(SubjectId, Checked, Arc<Seen>)>,
}

/// The state of some files, and when it was looked at.
#[derive(Clone, Copy, Debug)]
struct Checked {
    state: u64,
    at: Instant,
}

/// A subject, and which images its trials showed.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) subject: Subject,
    pub(crate) trials: Once<Trials>,
    /// The state of the files when the subject was opened.
    state: u64,
}

impl Seen {
    /// The name of something that was read of the subject, as long as its files are the same.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{} {:x} {name}", self.subject.id(), self.state)
    }
}

/// What was read of the subjects, by [`Seen::key`]: the few that were used last.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) tables: Few<Bytes>,
    /// Values at the brain's voxels.
    pub(crate) maps: Few<Vec<f32>>,
    pub(crate) statistics: Few<ColumnStatistics>,
    pub(crate) embeddings: Few<Normed>,
    pub(crate) projections: Few<Projection>,
    pub(crate) pictures: Few<Drawn>,
}

impl Kept {
    fn new() -> Self {
        Self {
            tables: Few::new(TABLES),
            maps: Few::new(MAPS),
            statistics: Few::new(STATISTICS),
            embeddings: Few::new(1),
            projections: Few::new(PROJECTIONS),
            pictures: Few::new(PICTURES),
        }
    }
}

/// A value that is made once; a failure is not kept. Who comes meanwhile waits.
#[derive(Debug)]
pub(crate) struct Once<T>(Mutex<Option<Arc<T>>>);

/// The values that were used last, by name. Who asks for one while another is made waits.
#[derive(Debug)]
pub(crate) struct Few<T> {
    most: usize,
    values: Mutex<Vec<(String, Arc<T>)>>,
}

impl<T> Once<T> {
    fn new() -> Self {
        Self(Mutex::new(None))
    }

    pub(crate) fn get(&self, make: impl FnOnce() -> Result<T, Refusal>) -> Result<Arc<T>, Refusal> {
        let mut value = lock(&self.0);
        if let Some(value) = &*value {
            return Ok(Arc::clone(value));
        }
        Ok(Arc::clone(value.insert(Arc::new(make()?))))
    }
}

impl<T> Few<T> {
    fn new(most: usize) -> Self {
        Self { most, values: Mutex::new(Vec::new()) }
    }

    pub(crate) fn get(
        &self,
        name: &str,
        make: impl FnOnce() -> Result<T, Refusal>,
    ) -> Result<Arc<T>, Refusal> {
        let mut values = lock(&self.values);
        let known = values.iter().position(|(known, _)| known == name);
        let value = match known {
            Some(place) => values.remove(place).1,
            None => Arc::new(make()?),
        };
        if values.len() >= self.most {
            values.remove(0);
        }
        values.push((name.to_owned(), Arc::clone(&value)));
        Ok(value)
    }
}

impl Mirror {
    pub(crate) fn new(dataset: Dataset, settled: Duration) -> Self {
        let stimuli = Checked::now(stimuli_files(&dataset));
        let state = State { dataset, stimuli, subjects: Vec::new() };
        Self { state: Mutex::new(state), settled, kept: Kept::new() }
    }

    /// The dataset; what it has opened of the images is of the files that are there now.
    pub(crate) fn dataset(&self) -> Dataset {
        let mut state = lock(&self.state);
        self.check_stimuli(&mut state);
        state.dataset.clone()
    }

    /// A subject on disk, with what was read of it.
    pub(crate) fn seen(&self, id: &SubjectId) -> Result<Arc<Seen>, Refusal> {
        let mut state = lock(&self.state);
        self.check_stimuli(&mut state);
        let known = state.subjects.iter().position(|(known, ..)| known == id);
        if let Some(place) = known {
            let (_, mut checked, seen) = state.subjects.remove(place);
            if checked.holds(self.settled, || subject_files(&state.dataset, id)) {
                state.subjects.push((id.clone(), checked, Arc::clone(&seen)));
                return Ok(seen);
            }
        }
        // As they are before anything is read: what changes meanwhile is noticed.
        let checked = Checked::now(subject_files(&state.dataset, id));
        let subject = state.dataset.subject(id.as_str())?;
        // Tables have words of the images, too.
        let stamp = checked.state ^ state.stimuli.state.rotate_left(1);
        let seen = Arc::new(Seen { subject, trials: Once::new(), state: stamp });
        if state.subjects.len() >= SUBJECTS {
            state.subjects.remove(0);
        }
        state.subjects.push((id.clone(), checked, Arc::clone(&seen)));
        Ok(seen)
    }

    /// Forgets what was opened of the images, and what came from them, when their files have changed.
    fn check_stimuli(&self, state: &mut State) {
        let mut checked = state.stimuli;
        if !checked.holds(self.settled, || stimuli_files(&state.dataset)) {
            // A handle with a stimulus side of its own, and subjects that have it.
            state.dataset = state.dataset.clone().with_cancel(&Cancel::new());
            state.subjects.clear();
        }
        state.stimuli = checked;
    }
}

impl Checked {
    fn now(state: u64) -> Self {
        Self { state, at: Instant::now() }
    }

    /// Whether the files are as they were. They are looked at again after some time.
    fn holds(&mut self, settled: Duration, look: impl FnOnce() -> u64) -> bool {
        if self.at.elapsed() < settled {
            return true;
        }
        let now = Self::now(look());
        let same = now.state == self.state;
        *self = now;
        same
    }
}

fn stimuli_files(dataset: &Dataset) -> u64 {
    state_of(dataset, &[files::DIRECTORY.to_owned()])
}

fn subject_files(dataset: &Dataset, id: &SubjectId) -> u64 {
    let surfaces = format!("{}surf", layout::freesurfer(id));
    let trees = [layout::glmsingle(id), layout::rois(id), layout::anatomical(id), surfaces];
    state_of(dataset, &trees)
}

/// Names, sizes and times of the files below some folders, as one number.
fn state_of(dataset: &Dataset, trees: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for root in dataset.roots().directories() {
        trees.iter().for_each(|tree| hash_folder(&root.join(tree), DEPTH, &mut hasher));
    }
    hasher.finish()
}

/// A folder that cannot be listed is as one without files: who reads a file of it says why.
fn hash_folder(folder: &Path, depth: usize, hasher: &mut DefaultHasher) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort_unstable();
    for path in paths {
        let Ok(found) = fs::metadata(&path) else { continue };
        if found.is_dir() && depth > 1 {
            hash_folder(&path, depth - 1, hasher);
        } else {
            (path, found.len(), found.modified().ok()).hash(hasher);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_used_last_are_kept() {
        let few: Few<u32> = Few::new(2);
        let made = |name: &str| few.get(name, || Ok(name.len() as u32)).map(|value| *value);
        assert_eq!((made("a").unwrap(), made("bb").unwrap()), (1, 2));
        let kept = |name: &str| few.get(name, || Err(Refusal::Bad(String::new()))).is_ok();
        assert!(kept("a"));
        assert_eq!(made("ccc").unwrap(), 3);
        assert!(kept("a") && kept("ccc") && !kept("bb"));
        assert!(!kept("d") && kept("ccc"), "a failure pushes nothing out");
    }

    #[test]
    fn what_was_read_is_kept_until_a_file_changes() {
        let bucket = fixtures::Bucket::temporary().unwrap();
        let dataset = Dataset::open(bucket.root()).unwrap();
        let id: SubjectId = "sub-01".parse().unwrap();
        let patient = Mirror::new(dataset.clone(), Duration::from_secs(3600));
        let eager = Mirror::new(dataset, Duration::ZERO);
        let (before, long) = (eager.seen(&id).unwrap(), patient.seen(&id).unwrap());
        assert!(Arc::ptr_eq(&before, &eager.seen(&id).unwrap()));
        let table = layout::trials(&id, &"ses-01".parse().unwrap());
        let path = bucket.root().join(table);
        fs::write(&path, fs::read_to_string(&path).unwrap() + "\n").unwrap();
        assert!(!Arc::ptr_eq(&before, &eager.seen(&id).unwrap()));
        assert!(Arc::ptr_eq(&long, &patient.seen(&id).unwrap()), "not looked at again so soon");
        let other: SubjectId = "sub-99".parse().unwrap();
        assert!(matches!(eager.seen(&other), Err(Refusal::Failed(_))));
    }
}
