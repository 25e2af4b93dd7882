//! How much of a file an earlier transfer has left for the next one.

use std::path::Path;

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
    /// one goes on there. Bytes of another version do not count.
    #[must_use]
    pub fn unfinished_bytes(&self, root: &Path) -> u64 {
        let is_of_this = |state: &State| {
            let same_tag = self.etag.as_ref().is_none_or(|etag| *etag == state.etag);
            same_tag && state.key == self.key.as_str() && state.size == self.size
        };
        unfinished(root, &self.local).filter(is_of_this).map_or(0, |state| state.written.total())
    }
}
