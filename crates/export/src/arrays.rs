//! Labelled arrays that belong together, in one `.npz`, Zarr or HDF5 file.

mod npz;
mod read;
mod spec;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use ndarray::{ArrayView, ArrayView2, Dimension};
use serde_json::{Map, Value};

use crate::digest::{ArrayDigest, ArraysDigest, Hashing};
use crate::element::Element;
use crate::encoding;
use crate::error::Error;

pub(crate) use read::Source;
pub use read::{ArrayFile, read_arrays};
pub(crate) use spec::{Labels, Sink, Spec};

/// The name of the text that says how the arrays were made; see [`ArrayWriter::recipe`].
pub(crate) const RECIPE: &str = "recipe";

/// Where the attributes lie in a format that has no place for them.
pub(crate) const ATTRIBUTES: &str = "attributes";

/// A format for labelled arrays.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum ArrayFormat {
    /// NumPy's `.npz`: members in C order, not compressed; names of dimensions and coordinates are
    /// not kept, attributes are the text `attributes` (JSON) when there are any.
    Npz,
    /// A directory in Zarr's format 3: one group with consolidated metadata; arrays not compressed,
    /// in few files.
    Zarr,
    /// HDF5, with the feature `hdf5`: a dataset per array, not compressed; the names of its
    /// dimensions are its attribute `dimension_names` (one text, spaces between), coordinates and
    /// attributes are attributes of the file. A text of a list has at most 1,024 bytes.
    Hdf5,
}

/// Takes labelled arrays one after another; see [`write_arrays`].
#[derive(Debug)]
pub struct ArrayWriter<'a> {
    sink: &'a mut dyn Sink,
    path: PathBuf,
    digest: ArraysDigest,
    dimensions: BTreeMap<String, usize>,
    labels: Labels,
    has_recipe: bool,
    /// Whether an array could not be written to its end.
    broken: bool,
}

/// Takes the rows of a matrix in order; see [`ArrayWriter::matrix`].
pub struct RowWriter<'a, T> {
    writer: &'a mut dyn Write,
    name: &'a str,
    path: &'a Path,
    shape: [usize; 2],
    done: usize,
    element: PhantomData<T>,
}

/// Writes labelled arrays to a file (or, as Zarr, a directory) that appears when it is complete.
///
/// `write` adds arrays in any order. Dimensions have names, and one name has one length in the whole
/// file. The bytes depend on nothing but what is added: no clock, no machine. What the closure
/// returns is returned; its error leaves nothing behind, and what was at `path` stays as it was.
///
/// ```
/// use array_export::{ArrayFormat, Error};
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("responses.zarr");
/// let digest = array_export::write_arrays(&path, ArrayFormat::Zarr, |file| -> Result<_, Error> {
///     file.matrix("betas", ["presentation", "neuroid"], [3, 2], |rows| {
///         rows.push(&ndarray::array![[0.5f32, 1.5]])?;
///         rows.push(&ndarray::array![[2.5f32, 3.5], [4.5, 5.5]])
///     })?;
///     file.text("image_name", "presentation", &["a.jpg", "b.jpg", "a.jpg"])?;
///     file.coordinates(["image_name"]);
///     let digest = file.digest().sha256();
///     file.recipe(&format!("sha256 = \"{digest}\"\n"))?;
///     Ok(digest)
/// })?;
/// let mut file = array_export::read_arrays(&path)?;
/// assert_eq!(file.digest()?.sha256(), digest);
/// assert_eq!(file.text("image_name")?, ["a.jpg", "b.jpg", "a.jpg"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Those of the closure; those of [`atomic_file`](crate::atomic_file), each with the path;
/// [`Error::NotReplaceable`] (see [`is_replaceable`]) when a Zarr directory would take the place of something else;
/// [`Error::Unsupported`] for HDF5 without the feature.
pub fn write_arrays<T, E: From<Error>>(
    path: impl AsRef<Path>,
    format: ArrayFormat,
    write: impl FnOnce(&mut ArrayWriter<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let path = path.as_ref();
    match format {
        ArrayFormat::Npz => crate::write_npz(path, |npz| ArrayWriter::fill(npz, path, write)),
        ArrayFormat::Zarr => crate::zarr::write(path, |zarr| ArrayWriter::fill(zarr, path, write)),
        #[cfg(feature = "hdf5")]
        ArrayFormat::Hdf5 => crate::hdf5::write(path, |hdf5| ArrayWriter::fill(hdf5, path, write)),
        #[cfg(not(feature = "hdf5"))]
        ArrayFormat::Hdf5 => Err(Error::Unsupported { path: path.into(), feature: "hdf5" }.into()),
    }
}

impl ArrayFormat {
    /// The format that a file name ends in: `.npz`, `.zarr`, or `.h5` (also `.hdf5`).
    #[must_use]
    pub fn from_path(path: impl AsRef<Path>) -> Option<Self> {
        match path.as_ref().extension()?.to_str()? {
            "npz" => Some(Self::Npz),
            "zarr" => Some(Self::Zarr),
            "h5" | "hdf5" => Some(Self::Hdf5),
            _ => None,
        }
    }

    /// Whether this build writes it.
    #[must_use]
    pub const fn is_supported(self) -> bool {
        !matches!(self, Self::Hdf5) || cfg!(feature = "hdf5")
    }
}

impl ArrayWriter<'_> {
    /// Adds an array with a name for each of its dimensions.
    ///
    /// # Errors
    ///
    /// [`Error::SameMember`]; [`Error::MemberName`] for a name (of the array or of a dimension) that
    /// one of the formats could not hold: empty, longer than 200 bytes, with white space, a control
    /// character, `/` or `\`, starting with `.` or `__`, ending in `.npy`, or one of `recipe`,
    /// `attributes` and `zarr.json`; [`Error::Dimensions`] when their number is not that of the
    /// array; [`Error::DimensionLength`] when one has another length than before;
    /// [`Error::Write`].
    pub fn array<'v, T: Element + 'v, D: Dimension>(
        &mut self,
        name: impl AsRef<str>,
        dimensions: &[&str],
        array: impl Into<ArrayView<'v, T, D>>,
    ) -> Result<(), Error> {
        let array = array.into();
        let spec = Spec::of::<T>(name.as_ref(), dimensions, array.shape());
        self.put(&spec, &mut |writer| encoding::write_c_order(writer, &array))
    }

    /// Adds a matrix whose rows come in blocks, in order, without holding them all.
    ///
    /// The closure hands over any number of blocks of rows, with `shape[0]` rows in all.
    ///
    /// # Errors
    ///
    /// As [`ArrayWriter::array`]; those of the closure; [`Error::Rows`] for too few rows.
    pub fn matrix<T: Element, E: From<Error>>(
        &mut self,
        name: impl AsRef<str>,
        dimensions: [&str; 2],
        shape: [usize; 2],
        rows: impl FnOnce(&mut RowWriter<'_, T>) -> Result<(), E>,
    ) -> Result<(), E> {
        let name = name.as_ref();
        let spec = Spec::of::<T>(name, &dimensions, &shape);
        let path = self.path.clone();
        let mut rows = Some(rows);
        let mut failed = None;
        let result = self.put(&spec, &mut |writer| {
            let element = PhantomData;
            let mut into = RowWriter { writer, name, path: &path, shape, done: 0, element };
            let Some(rows) = rows.take() else { return Ok(()) };
            let result = rows(&mut into).and_then(|()| into.finish().map_err(E::from));
            result.map_err(|error| {
                failed = Some(error);
                io::Error::other("not all rows were written")
            })
        });
        failed.map_or_else(|| result.map_err(E::from), Err)
    }

    /// Adds a list of texts along a dimension, as fixed-width unicode.
    ///
    /// # Errors
    ///
    /// As [`ArrayWriter::array`]; [`Error::TrailingNul`] for a text that would be read shortened.
    pub fn text<S: AsRef<str>>(
        &mut self,
        name: impl AsRef<str>,
        dimension: &str,
        texts: &[S],
    ) -> Result<(), Error> {
        let spec = Spec::texts(name.as_ref(), dimension, texts)?;
        let width = encoding::text_width(texts);
        self.put(&spec, &mut |writer| encoding::write_texts(writer, texts, width))
    }

    /// Adds the text `recipe`, which says how the arrays were made. It is not part of the digest, so
    /// that it can state it.
    ///
    /// # Errors
    ///
    /// [`Error::SameMember`] for a second one; [`Error::TrailingNul`]; [`Error::Write`].
    pub fn recipe(&mut self, text: &str) -> Result<(), Error> {
        if std::mem::replace(&mut self.has_recipe, true) {
            return Err(Error::SameMember { name: RECIPE.to_owned() });
        }
        let spec = Spec::scalar_text(RECIPE, text)?;
        let width = encoding::text_width(&[text]);
        let result =
            self.sink.array(&spec, &mut |writer| encoding::write_texts(writer, &[text], width));
        self.written(result)
    }

    /// Says which arrays are labels of the dimensions: coordinates for xarray. Names that no array
    /// gets have no effect.
    pub fn coordinates<S: Into<String>>(&mut self, names: impl IntoIterator<Item = S>) {
        self.labels.coordinates.extend(names.into_iter().map(Into::into));
    }

    /// Adds an attribute of the whole file, replacing one of the same name. Attributes are not part of
    /// the digest.
    pub fn attribute(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.labels.attributes.insert(name.into(), value.into());
    }

    /// The digest of the arrays added so far, computed while they were written.
    #[must_use]
    pub fn digest(&self) -> &ArraysDigest {
        &self.digest
    }

    fn put(
        &mut self,
        spec: &Spec<'_>,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Error> {
        spec.check(&self.dimensions)?;
        if self.digest.has(spec.name) {
            return Err(Error::SameMember { name: spec.name.to_owned() });
        }
        let lengths = spec.dimensions.iter().zip(&spec.shape);
        self.dimensions.extend(lengths.map(|(name, &length)| ((*name).to_owned(), length)));
        let mut digest = None;
        let result = self.sink.array(spec, &mut |writer| {
            let mut hashing = Hashing::new(writer);
            write(&mut hashing)?;
            digest = Some(hashing.finish());
            Ok(())
        });
        if let (Ok(()), Some(sha256)) = (&result, digest) {
            let (dtype, shape) = (spec.descriptor.clone(), spec.shape.clone());
            self.digest.insert(spec.name, ArrayDigest { dtype, shape, sha256 });
        }
        self.written(result)
    }

    fn written(&mut self, result: io::Result<()>) -> Result<(), Error> {
        self.broken |= result.is_err();
        result.map_err(|source| Error::Write { path: self.path.clone(), source })
    }

    fn finish(self) -> Result<(), Error> {
        let finished = match self.broken {
            true => Err(io::Error::other("an array could not be written")),
            false => self.sink.finish(&self.labels),
        };
        finished.map_err(|source| Error::Write { path: self.path, source })
    }
}

impl<'a> ArrayWriter<'a> {
    fn fill<T, E: From<Error>>(
        sink: &'a mut dyn Sink,
        path: &Path,
        write: impl FnOnce(&mut ArrayWriter<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut file = ArrayWriter {
            sink,
            path: path.into(),
            digest: ArraysDigest::default(),
            dimensions: BTreeMap::new(),
            labels: Labels { coordinates: Vec::new(), attributes: Map::new() },
            has_recipe: false,
            broken: false,
        };
        let value = write(&mut file)?;
        file.finish()?;
        Ok(value)
    }
}

impl<T: Element> RowWriter<'_, T> {
    /// Adds the next rows.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`]; [`Error::Rows`] for more rows than announced; [`Error::Write`].
    pub fn push<'v>(&mut self, rows: impl Into<ArrayView2<'v, T>>) -> Result<(), Error>
    where
        T: 'v,
    {
        let rows = rows.into();
        let name = || self.name.to_owned();
        let [n_rows, n_columns] = self.shape;
        if rows.ncols() != n_columns {
            return Err(Error::Columns { name: name(), expected: n_columns, got: rows.ncols() });
        }
        let done = self.done.saturating_add(rows.nrows());
        if done > n_rows {
            return Err(Error::Rows { name: name(), expected: n_rows, got: done });
        }
        encoding::write_c_order(&mut *self.writer, &rows)
            .map_err(|source| Error::Write { path: self.path.into(), source })?;
        self.done = done;
        Ok(())
    }

    fn finish(&self) -> Result<(), Error> {
        match self.done == self.shape[0] {
            true => Ok(()),
            false => Err(Error::Rows {
                name: self.name.to_owned(),
                expected: self.shape[0],
                got: self.done,
            }),
        }
    }
}

impl<T> std::fmt::Debug for RowWriter<'_, T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, shape, done, .. } = self;
        let mut formatter = formatter.debug_struct("RowWriter");
        formatter.field("name", name).field("shape", shape).field("done", done);
        formatter.finish_non_exhaustive()
    }
}
/// Whether [`write_arrays`] may write a Zarr group to this path: nothing is there, or a Zarr group, or an
/// empty directory.
#[must_use]
pub fn is_replaceable(path: impl AsRef<Path>) -> bool {
    let path = path.as_ref();
    std::fs::symlink_metadata(path).is_err() || crate::zarr::is_replaceable(path)
}
