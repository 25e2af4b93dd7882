//! What writers that were killed left behind.

use std::path::Path;

use laion_fmri_base::remove_leftovers;

use crate::error::Error;

/// Removes the temporary files and directories in a directory of groups, or in a group, that no writer
/// works on any more: writers that were killed left them. Returns how many there were.
///
/// A writer keeps its group locked. Where files cannot be locked, only what has not changed for a day
/// is removed; of another machine, only what has not changed for a minute.
///
/// # Errors
///
/// [`Error::Io`] when the directory cannot be listed.
pub fn remove_abandoned(path: impl AsRef<Path>) -> Result<usize, Error> {
    let path = path.as_ref();
    remove_leftovers(path).map_err(Error::io("list", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GroupWriter, write_group};

    #[cfg(target_os = "linux")]
    #[test]
    fn a_group_that_is_being_written_stays_and_one_of_a_killed_writer_goes() {
        let directory = tempfile::tempdir().unwrap();
        let killed = laion_fmri_base::temporary_sibling(&directory.path().join("ses-01"));
        std::fs::create_dir_all(killed.join("betas")).unwrap();
        std::fs::write(killed.join("betas/c.0.0"), "half").unwrap();
        let write = |_: &mut GroupWriter| -> Result<(), Error> {
            assert_eq!(remove_abandoned(directory.path())?, 1);
            Ok(())
        };
        write_group(directory.path().join("ses-02"), write).unwrap();
        assert!(directory.path().join("ses-02").is_dir() && !killed.exists());
        let missing = remove_abandoned(directory.path().join("missing"));
        assert!(matches!(missing, Err(Error::Io { action: "list", .. })));
    }
}
