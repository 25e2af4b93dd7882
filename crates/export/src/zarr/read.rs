//! The arrays of a group that this crate wrote, read back.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use laion_fmri_base::zarr::{DOCUMENT, take_members};
use serde_json::Value;

use crate::arrays::Source;
use crate::encoding::{Head, Unreadable, n_bytes};
use crate::error::Error;
use crate::zarr::chunks::{ChunkGrid, ChunkReader};
use crate::zarr::metadata::{self, Described};

/// The longest document that is read.
const LONGEST_METADATA: u64 = 16 << 20;

/// A group whose arrays can be read.
pub(crate) struct ZarrFile {
    path: PathBuf,
    arrays: Vec<(String, Value)>,
}

/// Opens a group with consolidated metadata.
pub(crate) fn read(path: &Path) -> Result<ZarrFile, Error> {
    let read_error = |source| Error::Read { path: path.into(), source };
    let not_zarr = |source| Error::NotZarr { path: path.into(), source };
    let file = File::open(path.join(DOCUMENT)).map_err(read_error)?;
    let mut text = String::new();
    file.take(LONGEST_METADATA).read_to_string(&mut text).map_err(read_error)?;
    let mut group: Value = serde_json::from_str(&text).map_err(|error| not_zarr(error.into()))?;
    let arrays = take_members(&mut group);
    let arrays = arrays.ok_or_else(|| not_zarr("no consolidated metadata of format 3".into()))?;
    Ok(ZarrFile { path: path.into(), arrays: arrays.into_iter().collect() })
}

impl Source for ZarrFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn names(&self) -> Result<Vec<String>, Error> {
        Ok(self.arrays.iter().map(|(name, _)| name.clone()).collect())
    }

    fn member(
        &mut self,
        name: &str,
        read: &mut dyn FnMut(&Head, &mut dyn Read) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        let found = self.arrays.iter().find(|(other, _)| other == name);
        let (_, document) = found.ok_or(Unreadable::Missing)?;
        // A name from the document must not lead out of the directory.
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
            return Err("the name leads out of the group".into());
        }
        let described =
            metadata::described(document).ok_or("it is not of the plain kind that can be read")?;
        let (head, mut chunks) =
            open(self.path.join(name), described).ok_or("its size cannot be counted")?;
        read(&head, &mut chunks)
    }
}

/// What the chunks hold, and the bytes of all of them without the filling of the last.
fn open(directory: PathBuf, described: Described) -> Option<(Head, ChunkReader)> {
    let Described { descriptor, shape, chunk_shape } = described;
    let size: u64 = match descriptor.strip_prefix("<U") {
        Some(width) => width.parse::<u64>().ok()?.checked_mul(4)?,
        None => descriptor.get(2..)?.parse().ok()?,
    };
    let total = n_bytes(&shape, size);
    let grid = ChunkGrid::new(directory, &chunk_shape, size).filter(|_| total < u64::MAX)?;
    // What is there: a reader allocates for that much at most.
    let n_bytes = grid.bytes_there(total);
    Some((Head { descriptor, shape, fortran: false, n_bytes }, grid.reader(total)))
}
