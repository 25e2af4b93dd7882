//! Reading a group: [`Group`].

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use laion_fmri_base::zarr::{self, ArrayDocument};
use serde_json::{Map, Value};

use super::chunk_name;
use super::write::member_names;
use crate::document;
use crate::error::Error;
use crate::layout::Layout;
use crate::matrix::Matrix;
use crate::values::Values;

/// The most bytes of an array of texts.
const MOST_TEXT_BYTES: u64 = 256 << 20;
/// The bytes of a file that are compared at a time.
const PIECE: usize = 64 << 10;

/// A group whose document was read and compared with its checksum.
#[derive(Clone, Debug)]
pub struct Group {
    path: PathBuf,
    attributes: Map<String, Value>,
    /// The documents of the arrays, and of what is in the groups below.
    members: Map<String, Value>,
}

/// What was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Arrays and matrices.
    pub arrays: usize,
    /// The bytes of their values.
    pub bytes: u64,
}

impl Group {
    /// Opens a group.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Document`] and [`Error::DocumentChecksum`] for its document.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::of_document(path, document::read(path)?)
    }

    /// Opens a group by the bytes of its document.
    pub(crate) fn of_document(path: &Path, mut document: Value) -> Result<Self, Error> {
        let members = zarr::take_members(&mut document);
        match (document["attributes"].take(), members) {
            (Value::Object(attributes), Some(members)) => Ok(Self {
                path: path.to_owned(),
                attributes: document::without_checksum(attributes),
                members,
            }),
            _ => Err(Error::document(&document::path_in(path), "it is not that of a group")),
        }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is said about the group as a whole.
    #[must_use]
    pub fn attributes(&self) -> &Map<String, Value> {
        &self.attributes
    }

    /// The names of the groups in its directory now, sorted. Each is opened by itself.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn groups(&self) -> Result<Vec<String>, Error> {
        let mut names = member_names(&self.path)?;
        names.retain(|name| {
            let is_array =
                self.members.get(name).is_some_and(|document| document["node_type"] == "array");
            !is_array && document::path_in(&self.path.join(name)).is_file()
        });
        Ok(names)
    }

    /// The arrays that are read as a whole, each with its dimensions, in the order of the document.
    pub fn arrays(&self) -> impl Iterator<Item = (&str, Vec<String>)> {
        self.members.keys().filter_map(|name| {
            let array = self.described(name)?;
            Values::announced(&array)?;
            Some((name.as_str(), array.dimensions))
        })
    }

    /// The values of an array.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`], [`Error::Array`] for damage, [`Error::Length`], [`Error::Io`].
    pub fn array(&self, name: &str) -> Result<Values, Error> {
        let found = self.described(name);
        let found = found.and_then(|array| Some((Values::announced(&array)?, array)));
        let (count, array) = found.ok_or_else(|| self.missing("array", name))?;
        let path = self.path.join(name).join(chunk_name(array.shape.len()));
        let mut bytes = Vec::new();
        if count > 0 {
            let file = File::open(&path).map_err(Error::io("open", &path))?;
            let got = file.metadata().map_err(Error::io("look at", &path))?.len();
            let length = |size: usize| (count as u64).saturating_mul(size as u64).saturating_add(4);
            let size = array.data_type.size().map(length);
            // A length is compared before anything is allocated for it.
            let fits = size.map_or(got <= MOST_TEXT_BYTES, |expected| got == expected);
            if !fits {
                let expected = size.unwrap_or(MOST_TEXT_BYTES);
                return Err(Error::Length { path, expected, got });
            }
            file.take(got).read_to_end(&mut bytes).map_err(Error::io("read", &path))?;
        }
        Values::of_chunk(array.data_type, count, &bytes)
            .map_err(|reason| Error::array(&path, reason))
    }

    /// Whether an array is there as [`described_array`](crate::GroupWriter::described_array) would
    /// write it now, byte for byte. Damage is an answer, not an error.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn has_array(
        &self,
        name: &str,
        dimensions: &[(&str, usize)],
        values: &Values,
        attributes: Map<String, Value>,
    ) -> Result<bool, Error> {
        let (names, shape): (Vec<&str>, Vec<usize>) = dimensions.iter().copied().unzip();
        let attributes = document::attributes(attributes);
        let mut expected = values.document(&shape, &names, attributes).to_value();
        document::sealed(&mut expected);
        if self.members.get(name) != Some(&expected) {
            return Ok(false);
        }
        let directory = self.path.join(name);
        let has = || -> Result<bool, Error> {
            if document::read(&directory)? != expected {
                return Ok(false);
            }
            let Some(chunk) = values.to_chunk() else { return Ok(true) };
            let path = directory.join(chunk_name(shape.len()));
            has_bytes(&path, &chunk).map_err(Error::io("read", &path))
        };
        match has() {
            Err(error) if error.is_damage() => Ok(false),
            answer => answer,
        }
    }

    /// Opens a matrix.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`], [`Error::Length`], [`Error::Start`], [`Error::Io`].
    pub fn matrix(&self, name: &str) -> Result<Matrix, Error> {
        let layout = self.described(name).and_then(|array| Layout::of_document(&array));
        let layout = layout.ok_or_else(|| self.missing("matrix", name))?;
        Matrix::open(&self.path.join(name).join(chunk_name(2)), layout)
    }

    /// The shape of an array or a matrix; `None` if there is none of that name.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.described(name).map(|array| array.shape)
    }

    /// Checks every byte of the arrays and matrices of this group, and that the documents that it
    /// repeats are those of its members and of the groups in it. Those groups are verified by
    /// themselves. `observe` may stop it.
    ///
    /// # Errors
    ///
    /// The first damage; [`Error::Stopped`].
    pub fn verify(
        &self,
        threads: NonZeroUsize,
        observe: impl Fn() -> ControlFlow<()> + Sync,
    ) -> Result<Verified, Error> {
        let mut verified = Verified::default();
        for (name, document) in &self.members {
            if observe().is_break() {
                return Err(Error::Stopped);
            }
            let path = self.path.join(name);
            let mut there = document::read(&path)?;
            if zarr::take_members(&mut there).is_some()
                && let Some(group) = there.as_object_mut()
            {
                group.shift_remove("consolidated_metadata");
            }
            if there != *document {
                return Err(Error::document(
                    &document::path_in(&self.path),
                    format!("what it repeats of {name} is not what {name} says"),
                ));
            }
            if document["node_type"] != "array" || name.contains('/') {
                continue;
            }
            let is_matrix = self.described(name).is_some_and(|array| {
                Values::announced(&array).is_none() || Layout::of_document(&array).is_some()
            });
            if is_matrix {
                let matrix = self.matrix(name)?;
                matrix.verify(threads, &observe)?;
                verified.bytes += matrix.layout().bytes();
            } else {
                verified.bytes +=
                    self.array(name)?.to_chunk().map_or(0, |bytes| bytes.len() as u64);
            }
            verified.arrays += 1;
        }
        Ok(verified)
    }

    fn described(&self, name: &str) -> Option<ArrayDocument> {
        ArrayDocument::from_value(self.members.get(name).filter(|_| !name.contains('/'))?)
    }

    fn missing(&self, kind: &'static str, name: &str) -> Error {
        Error::Missing { path: self.path.clone(), kind, name: name.to_owned() }
    }
}

/// Whether a file has these bytes and no others.
fn has_bytes(path: &Path, expected: &[u8]) -> io::Result<bool> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() != expected.len() as u64 {
        return Ok(false);
    }
    let mut bytes = vec![0; PIECE.min(expected.len())];
    for expected in expected.chunks(PIECE) {
        let bytes = &mut bytes[..expected.len()];
        file.read_exact(bytes)?;
        if bytes != expected {
            return Ok(false);
        }
    }
    Ok(true)
}
