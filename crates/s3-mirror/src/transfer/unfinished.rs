//! How much of a file an earlier transfer has left for the next one.

use std::path::Path;

use super::LONG;
use super::destination::Destination;
use super::state::State;
use crate::{PlanItem, RelativePath};

/// How many bytes of a file an earlier transfer has left below `root` for the next one.
#[must_use]
pub fn unfinished_bytes(root: &Path, local: &RelativePath) -> u64 {
    unfinished(root, local).map_or(0, |state| state.written.total())
}

fn unfinished(root: &Path, local: &RelativePath) -> Option<State> {
    State::read(&Destination::below(root, local).state())
}

impl PlanItem {
    /// How many bytes of this version of the object an earlier transfer has left below `root`: the next
    /// one goes on there. Bytes of another version do not count. Short files of a bucket begin
    /// again.
    #[must_use]
    pub fn unfinished_bytes(&self, root: &Path) -> u64 {
        // What was listed with a tag is not behind links. Looking for each of thousands takes time.
        if self.size <= LONG && self.etag.is_some() {
            return 0;
        }
        self.left_below(root)
    }

    /// The same, where short files may be behind links.
    pub(super) fn left_below(&self, root: &Path) -> u64 {
        let is_of_this = |state: &State| {
            let same_tag = self.etag.as_ref().is_none_or(|etag| *etag == state.etag);
            same_tag && state.key == self.key.as_str() && state.size == self.size
        };
        unfinished(root, &self.local).filter(is_of_this).map_or(0, |state| state.written.total())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, FetchReason};

    #[test]
    fn short_files_of_a_bucket_begin_again() {
        let root = tempfile::tempdir().unwrap();
        let etag = "\"e\"";
        for (size, tagged, expected) in
            [(LONG, true, 0), (LONG, false, 5), (LONG + 1, true, 5), (LONG + 1, false, 5)]
        {
            let mut state = State::new("x", etag, size);
            state.written.add(0..5);
            state.synced.add(0..5);
            let item = PlanItem {
                key: "x".parse().unwrap(),
                local: "x".parse().unwrap(),
                size,
                etag: tagged.then(|| etag.to_owned()),
                sha256: None,
                action: Action::Fetch(FetchReason::Missing),
            };
            state.write(&Destination::below(root.path(), &item.local).state()).unwrap();
            assert_eq!(item.unfinished_bytes(root.path()), expected, "{size} {tagged}");
            assert_eq!(item.left_below(root.path()), 5);
        }
    }
}
