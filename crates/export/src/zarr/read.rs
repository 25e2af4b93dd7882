//! The arrays of a group that this crate wrote, read back.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::arrays::Source;
use crate::encoding::{Head, Unreadable, n_bytes};
use crate::error::Error;
use crate::zarr::metadata::{self, Described, METADATA};

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
    let file = File::open(path.join(METADATA)).map_err(read_error)?;
    let mut text = String::new();
    file.take(LONGEST_METADATA).read_to_string(&mut text).map_err(read_error)?;
    let mut group: Value = serde_json::from_str(&text).map_err(|error| not_zarr(error.into()))?;
    match group["consolidated_metadata"]["metadata"].take() {
        Value::Object(arrays) if group["zarr_format"] == 3 => {
            Ok(ZarrFile { path: path.into(), arrays: arrays.into_iter().collect() })
        }
        _ => Err(not_zarr("no consolidated metadata of format 3".into())),
    }
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
        expected: &'static str,
        read: &mut dyn FnMut(&Head, &mut dyn Read) -> Result<(), Unreadable>,
    ) -> Result<(), Error> {
        let not_member = |source: &str| Error::NotMember {
            path: self.path.clone(),
            name: name.to_owned(),
            expected,
            source: source.into(),
        };
        let Some((_, document)) = self.arrays.iter().find(|(other, _)| other == name) else {
            return Err(Error::NoMember { path: self.path.clone(), name: name.to_owned() });
        };
        // A name from the document must not lead out of the directory.
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
            return Err(not_member("the name leads out of the group"));
        }
        let described = metadata::described(document)
            .ok_or_else(|| not_member("it is not of the plain kind that can be read"))?;
        let (head, mut chunks) = open(&self.path.join(name), described)
            .ok_or_else(|| not_member("its size cannot be counted"))?;
        read(&head, &mut chunks).map_err(|error| error.at(&self.path, name, expected))
    }
}

/// What the chunks hold, and the bytes of all of them without the filling of the last.
fn open(directory: &Path, described: Described) -> Option<(Head, Chunks)> {
    let Described { descriptor, shape, chunk_shape } = described;
    let size: u64 = match descriptor.strip_prefix("<U") {
        Some(width) => width.parse::<u64>().ok()?.checked_mul(4)?,
        None => descriptor.get(2..)?.parse().ok()?,
    };
    let total = n_bytes(&shape, size);
    let chunk = n_bytes(&chunk_shape, size);
    if total == u64::MAX || chunk == u64::MAX || chunk == 0 {
        return None;
    }
    let dimensions = shape.len();
    // What is there: a reader allocates for that much at most.
    let there = |index| {
        let path = directory.join(metadata::chunk_key(dimensions, index));
        path.metadata().is_ok_and(|metadata| metadata.len() == chunk)
    };
    let complete = (0..total.div_ceil(chunk)).take_while(|&index| there(index)).count() as u64;
    let n_bytes = complete.saturating_mul(chunk).min(total);
    let directory = directory.to_path_buf();
    let chunks = Chunks { directory, dimensions, chunk, index: 0, left: total, file: None };
    Some((Head { descriptor, shape, fortran: false, n_bytes }, chunks))
}

struct Chunks {
    directory: PathBuf,
    dimensions: usize,
    /// Bytes of a chunk.
    chunk: u64,
    index: u64,
    /// Bytes of the array that have not been read.
    left: u64,
    file: Option<io::Take<File>>,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(file) = &mut self.file {
                let got = file.read(buffer)?;
                self.left -= got as u64;
                if got > 0 || buffer.is_empty() {
                    return Ok(got);
                }
                self.file = None;
            }
            if self.left == 0 {
                return Ok(0);
            }
            let path = self.directory.join(metadata::chunk_key(self.dimensions, self.index));
            self.file = Some(File::open(path)?.take(self.chunk.min(self.left)));
            self.index += 1;
        }
    }
}
