//! Where a file of the dataset lies: its data directory, which hints repeat, and its key below that.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use laion_fmri::SubjectId;
use laion_fmri::stimuli::files;

/// The data directory of a file, as the calls of a hint have to name it; nothing where they use it
/// by themselves.
pub(super) type Elsewhere<'a> = &'a dyn Fn(&Path) -> Option<String>;

/// The data directory that a call names, if it does.
pub(super) struct DataDir(Option<String>);

impl DataDir {
    /// That of a file of the dataset.
    pub(super) fn of(file: &Path, elsewhere: Elsewhere<'_>) -> Self {
        Self(root_of(file).and_then(|root| elsewhere(&root)))
    }

    /// The one that calls use by themselves.
    pub(super) const CONFIGURED: Self = Self(None);

    /// A call with these arguments, and with the directory.
    pub(super) fn call(&self, name: &str, mut arguments: Vec<String>) -> String {
        arguments.extend(self.0.iter().map(|directory| format!("data_dir={directory:?}")));
        format!("{name}({})", arguments.join(", "))
    }
}

/// The data directory that a file lies in, or would lie in.
fn root_of(file: &Path) -> Option<PathBuf> {
    let root: PathBuf = file.iter().take(top_of(file)?).collect();
    // An object of a bucket lies in no directory.
    root.is_dir().then_some(root)
}

/// The key of a file, by the folders that its path leads through.
pub(super) fn key_of(path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path.iter().skip(top_of(path)?).map(OsStr::to_str).collect();
    Some(parts?.join("/"))
}

/// The position of the folder of a path that lies in a data directory.
fn top_of(path: &Path) -> Option<usize> {
    let parts: Vec<&OsStr> = path.iter().collect();
    let is_tree = |part: &&OsStr| **part == *files::DIRECTORY || **part == *"derivatives";
    // Raw data of a subject lie at the top.
    let is_raw = |pair: &[&OsStr]| match pair {
        [subject, session] => {
            is_subject(subject) && session.to_str().is_some_and(|it| it.starts_with("ses-"))
        }
        _ => false,
    };
    parts.iter().rposition(is_tree).or_else(|| parts.windows(2).position(is_raw))
}

fn is_subject(part: &OsStr) -> bool {
    let part = part.to_str().unwrap_or_default();
    part.parse().is_ok_and(|id: SubjectId| id.as_str() == part)
}
