//! Labelled arrays, read back one at a time or in blocks of rows.

use std::fmt;
use std::io::{self, Read};
use std::path::Path;

use laion_fmri_base::Sha256Hasher;
use ndarray::{ArrayD, ArrayView2};

use crate::arrays::{ATTRIBUTES, RECIPE};
use crate::digest::{ArrayDigest, ArraysDigest};
use crate::element::Element;
use crate::encoding::{Head, Unreadable};
use crate::error::Error;

/// A file of [`write_arrays`](crate::write_arrays) whose arrays can be read; see [`read_arrays`].
pub struct ArrayFile {
    source: Box<dyn Source>,
}

/// A file that has arrays.
pub(crate) trait Source: Send {
    fn path(&self) -> &Path;

    fn names(&self) -> Result<Vec<String>, Error>;

    /// Hands the head and the bytes of one array to `read`, once.
    fn member(
        &mut self,
        name: &str,
        read: &mut dyn FnMut(&Head, &mut dyn Read) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable>;
}

/// Opens labelled arrays: a Zarr directory or a `.npz` file, not compressed, as this crate writes
/// them. A directory is taken for Zarr, anything else for `.npz`.
///
/// # Errors
///
/// [`Error::Read`]; [`Error::NotNpz`]; [`Error::NotZarr`].
pub fn read_arrays(path: impl AsRef<Path>) -> Result<ArrayFile, Error> {
    let path = path.as_ref();
    if path.is_dir() {
        return Ok(ArrayFile { source: Box::new(crate::zarr::read(path)?) });
    }
    Ok(ArrayFile { source: Box::new(crate::read_npz(path)?) })
}

impl ArrayFile {
    /// The names of the arrays, in the order of the names by code points; without recipe and
    /// attributes.
    ///
    /// # Errors
    ///
    /// [`Error::NotNpz`] for a name in no known encoding.
    pub fn names(&self) -> Result<Vec<String>, Error> {
        let mut names = self.source.names()?;
        names.retain(|name| name != RECIPE && name != ATTRIBUTES);
        names.sort_unstable();
        Ok(names)
    }

    /// The length of each dimension of an array.
    ///
    /// # Errors
    ///
    /// As [`ArrayFile::array`].
    pub fn shape(&mut self, name: &str) -> Result<Vec<usize>, Error> {
        let mut shape = Vec::new();
        self.member(name, "any type", &mut |head, _| {
            shape.clone_from(&head.shape);
            Ok(())
        })?;
        Ok(shape)
    }

    /// Reads a whole array, which must have elements of type `T`.
    ///
    /// # Errors
    ///
    /// [`Error::NoMember`]; [`Error::NotMember`] for other contents; [`Error::MemberLength`], found
    /// before anything is allocated; [`Error::Read`].
    pub fn array<T: Element>(&mut self, name: &str) -> Result<ArrayD<T>, Error> {
        let mut array = None;
        self.member(name, T::NUMPY_NAME, &mut |head, reader| {
            array = Some(head.values(reader)?);
            Ok(())
        })?;
        let path = self.source.path();
        array.ok_or_else(|| Error::NoMember { path: path.into(), name: name.to_owned() })
    }

    /// Reads a list of texts.
    ///
    /// # Errors
    ///
    /// As [`ArrayFile::array`].
    pub fn text(&mut self, name: &str) -> Result<Vec<String>, Error> {
        let mut texts = Vec::new();
        self.member(name, "text", &mut |head, reader| {
            texts = head.texts(reader)?;
            Ok(())
        })?;
        Ok(texts)
    }

    /// Reads a matrix in blocks of `rows_per_block` rows (the last may have fewer): `block` gets the
    /// first row of each and the rows.
    ///
    /// # Errors
    ///
    /// As [`ArrayFile::array`]; those of the closure, after which nothing more is read.
    pub fn rows<T: Element, E: From<Error>>(
        &mut self,
        name: &str,
        rows_per_block: usize,
        mut block: impl FnMut(usize, ArrayView2<'_, T>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut failed = None;
        let result = self.member(name, T::NUMPY_NAME, &mut |head, reader| {
            head.rows(reader, rows_per_block, |row, rows| {
                block(row, rows).map_err(|error| {
                    failed = Some(error);
                    io::Error::other("the rows were not taken").into()
                })
            })
        });
        failed.map_or_else(|| result.map_err(E::from), Err)
    }

    /// The recipe, if there is one.
    ///
    /// # Errors
    ///
    /// As [`ArrayFile::array`], but a missing one is not an error.
    pub fn recipe(&mut self) -> Result<Option<String>, Error> {
        match self.text(RECIPE) {
            Ok(texts) => Ok(texts.into_iter().next()),
            Err(Error::NoMember { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads all arrays and gives their digest, in fixed memory.
    ///
    /// # Errors
    ///
    /// As [`ArrayFile::array`]; [`Error::NotMember`] for an array in Fortran order or big-endian.
    pub fn digest(&mut self) -> Result<ArraysDigest, Error> {
        let mut digest = ArraysDigest::default();
        for name in self.names()? {
            let mut array = None;
            self.member(&name, "this crate's types", &mut |head, reader| {
                let mut hasher = Sha256Hasher::new();
                head.bytes(reader, |bytes| hasher.update(bytes))?;
                let (dtype, shape) = (head.descriptor.clone(), head.shape.clone());
                array = Some(ArrayDigest { dtype, shape, sha256: hasher.finish() });
                Ok(())
            })?;
            if let Some(array) = array {
                digest.insert(&name, array);
            }
        }
        Ok(digest)
    }

    /// `expected` is what errors say.
    fn member(
        &mut self,
        name: &str,
        expected: &'static str,
        read: &mut dyn FnMut(&Head, &mut dyn Read) -> Result<(), Unreadable>,
    ) -> Result<(), Error> {
        let result = self.source.member(name, read);
        result.map_err(|error| error.at(self.source.path(), name, expected))
    }
}

impl fmt::Debug for ArrayFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.source.path();
        formatter.debug_struct("ArrayFile").field("path", &path).finish_non_exhaustive()
    }
}
