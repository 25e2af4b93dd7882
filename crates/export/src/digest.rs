//! A digest of named arrays that is the same in every format.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

use laion_fmri_base::{Sha256, Sha256Hasher};
use ndarray::{ArrayView, Dimension};

use crate::element::{self, Element};
use crate::encoding;
use crate::error::Error;

/// SHA-256 of named arrays, whatever file they are in and in whatever order they came.
///
/// [`Display`](fmt::Display) gives the text that is hashed: a line per array, in the order of the
/// names by code points, each ended by a line feed:
///
/// ```text
/// <SHA-256 of the data> <type> <shape> <name>
/// ```
///
/// The data are the elements in C order, little-endian, booleans as bytes 0 and 1, texts as UTF-32
/// filled with zeros to the longest of them. The type is NumPy's `dtype.str` (`<f4`, `|b1`, `<U17`),
/// the shape a JSON list without spaces. [`ArraysDigest::sha256`] is the SHA-256 of this text. In
/// Python:
///
/// ```text
/// "".join(f"{sha256(a.tobytes()).hexdigest()} {a.dtype.str} "
///         f"{json.dumps(a.shape, separators=(',', ':'))} {name}\n" for name, a in sorted(arrays.items()))
/// ```
///
/// ```
/// let mut digest = array_export::ArraysDigest::default();
/// digest.array("n", &ndarray::array![1u8, 2, 3]);
/// assert_eq!(
///     digest.to_string(),
///     "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81 |u1 [3] n\n",
/// );
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct ArraysDigest {
    arrays: BTreeMap<String, ArrayDigest>,
}

/// What identifies one array; its [`Display`](fmt::Display) is the line of [`ArraysDigest`] without
/// the name.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ArrayDigest {
    /// NumPy's `dtype.str`, little-endian.
    pub dtype: String,
    /// The length of each dimension.
    pub shape: Vec<usize>,
    /// The SHA-256 of the data.
    pub sha256: Sha256,
}

/// An array that is not the same on two sides, or not on both.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ArrayDifference {
    /// The array.
    pub name: String,
    /// What it was expected to be, if it was expected.
    pub expected: Option<ArrayDigest>,
    /// What it is, if it is there.
    pub got: Option<ArrayDigest>,
}

impl ArraysDigest {
    /// Adds an array, replacing one of the same name.
    pub fn array<'v, T: Element + 'v, D: Dimension>(
        &mut self,
        name: &str,
        array: impl Into<ArrayView<'v, T, D>>,
    ) {
        let array = array.into();
        let mut sink = io::sink();
        let mut hashing = Hashing::new(&mut sink);
        let written = encoding::write_c_order(&mut hashing, &array);
        debug_assert!(written.is_ok(), "a sink takes everything");
        let (dtype, shape) = (element::descriptor::<T>(), array.shape().to_vec());
        let digest = ArrayDigest { dtype, shape, sha256: hashing.finish() };
        self.insert(name, digest);
    }

    /// Adds a list of texts, replacing an array of the same name.
    ///
    /// # Errors
    ///
    /// [`Error::TrailingNul`].
    pub fn text<S: AsRef<str>>(&mut self, name: &str, texts: &[S]) -> Result<(), Error> {
        encoding::check_texts(name, texts)?;
        let width = encoding::text_width(texts);
        let mut sink = io::sink();
        let mut hashing = Hashing::new(&mut sink);
        let written = encoding::write_texts(&mut hashing, texts, width);
        debug_assert!(written.is_ok(), "a sink takes everything");
        let (dtype, shape) = (encoding::text_descriptor(width), vec![texts.len()]);
        let digest = ArrayDigest { dtype, shape, sha256: hashing.finish() };
        self.insert(name, digest);
        Ok(())
    }

    /// The SHA-256 of all of them.
    #[must_use]
    pub fn sha256(&self) -> Sha256 {
        Sha256::of(self.to_string())
    }

    /// The arrays with their names, in the order of the names.
    pub fn arrays(&self) -> impl ExactSizeIterator<Item = (&str, &ArrayDigest)> {
        self.arrays.iter().map(|(name, digest)| (name.as_str(), digest))
    }

    /// The arrays that are not as expected, in the order of the names.
    #[must_use]
    pub fn differences(&self, expected: &Self) -> Vec<ArrayDifference> {
        let mut names: Vec<&String> = self.arrays.keys().chain(expected.arrays.keys()).collect();
        names.sort_unstable();
        names.dedup();
        let sides =
            |name: &String| (expected.arrays.get(name).cloned(), self.arrays.get(name).cloned());
        names
            .into_iter()
            .map(|name| (name, sides(name)))
            .filter(|(_, (expected, got))| expected != got)
            .map(|(name, (expected, got))| ArrayDifference { name: name.clone(), expected, got })
            .collect()
    }

    #[cfg(feature = "zarr")]
    pub(crate) fn has(&self, name: &str) -> bool {
        self.arrays.contains_key(name)
    }

    pub(crate) fn insert(&mut self, name: &str, digest: ArrayDigest) {
        self.arrays.insert(name.to_owned(), digest);
    }
}

impl fmt::Display for ArraysDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.arrays.iter().try_for_each(|(name, digest)| writeln!(formatter, "{digest} {name}"))
    }
}

impl fmt::Display for ArrayDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} [", self.sha256, self.dtype)?;
        for (index, length) in self.shape.iter().enumerate() {
            write!(formatter, "{}{length}", if index > 0 { "," } else { "" })?;
        }
        formatter.write_str("]")
    }
}

/// Writes on what it hashes.
pub(crate) struct Hashing<'a> {
    writer: &'a mut dyn Write,
    hasher: Sha256Hasher,
}

impl<'a> Hashing<'a> {
    pub(crate) fn new(writer: &'a mut dyn Write) -> Self {
        Self { writer, hasher: Sha256Hasher::new() }
    }

    pub(crate) fn finish(self) -> Sha256 {
        self.hasher.finish()
    }
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
