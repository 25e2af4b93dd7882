//! What every format has to know about an array before its bytes arrive.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

use serde_json::{Map, Value};

use crate::arrays::{ATTRIBUTES, RECIPE};
use crate::element::{self, Element};
use crate::encoding;
use crate::error::Error;

/// Longer names do not fit into every file system next to their chunks.
const LONGEST_NAME: usize = 200;

/// One array: how it is called and what its bytes mean.
#[derive(Debug)]
pub(crate) struct Spec<'a> {
    pub(crate) name: &'a str,
    /// NumPy's type descriptor with its byte order, which is little-endian.
    pub(crate) descriptor: String,
    /// Whether the elements are fixed-width texts.
    pub(crate) is_text: bool,
    /// Bytes of one element.
    pub(crate) size: usize,
    /// A name for each dimension; none for the recipe.
    pub(crate) dimensions: Vec<&'a str>,
    pub(crate) shape: Vec<usize>,
}

/// What is said about the arrays as a whole.
#[derive(Debug)]
pub(crate) struct Labels {
    pub(crate) coordinates: Vec<String>,
    pub(crate) attributes: Map<String, Value>,
}

/// A file that takes arrays: their bytes in C order, little-endian.
pub(crate) trait Sink: fmt::Debug {
    /// Takes one array; `write` is called once.
    fn array(
        &mut self,
        spec: &Spec<'_>,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()>;

    /// Takes what is said about all of them, after the last.
    fn finish(&mut self, labels: &Labels) -> io::Result<()>;
}

impl Labels {
    /// The coordinates that are there, as one text with spaces between; nothing without any.
    pub(crate) fn coordinates_among(&self, is_there: impl Fn(&str) -> bool) -> Option<String> {
        let names = self.coordinates.iter().map(String::as_str);
        let names: Vec<&str> = names.filter(|name| is_there(name)).collect();
        (!names.is_empty()).then(|| names.join(" "))
    }
}

impl<'a> Spec<'a> {
    pub(crate) fn of<T: Element>(name: &'a str, dimensions: &[&'a str], shape: &[usize]) -> Self {
        Self {
            name,
            descriptor: element::descriptor::<T>(),
            is_text: false,
            size: T::SIZE,
            dimensions: dimensions.to_vec(),
            shape: shape.to_vec(),
        }
    }

    pub(crate) fn texts<S: AsRef<str>>(
        name: &'a str,
        dimension: &'a str,
        texts: &[S],
    ) -> Result<Self, Error> {
        let spec = Self::unicode(name, texts)?;
        Ok(Self { dimensions: vec![dimension], shape: vec![texts.len()], ..spec })
    }

    pub(crate) fn scalar_text(name: &'a str, text: &str) -> Result<Self, Error> {
        Self::unicode(name, &[text])
    }

    fn unicode<S: AsRef<str>>(name: &'a str, texts: &[S]) -> Result<Self, Error> {
        encoding::check_texts(name, texts)?;
        let width = encoding::text_width(texts);
        Ok(Self {
            name,
            descriptor: encoding::text_descriptor(width),
            is_text: true,
            size: width.saturating_mul(4),
            dimensions: Vec::new(),
            shape: Vec::new(),
        })
    }

    /// Bytes of the data; `u64::MAX` when they cannot be counted.
    pub(crate) fn n_bytes(&self) -> u64 {
        encoding::n_bytes(&self.shape, self.size as u64)
    }

    /// Compares with the dimensions of the arrays before.
    pub(crate) fn check(&self, known: &BTreeMap<String, usize>) -> Result<(), Error> {
        check_name(self.name)?;
        if [RECIPE, ATTRIBUTES, "zarr.json"].contains(&self.name) {
            return Err(Error::MemberName { name: self.name.to_owned(), reason: "it is reserved" });
        }
        if self.dimensions.len() != self.shape.len() {
            return Err(Error::Dimensions {
                name: self.name.to_owned(),
                expected: self.shape.len(),
                got: self.dimensions.len(),
            });
        }
        for (index, (dimension, &got)) in self.dimensions.iter().zip(&self.shape).enumerate() {
            check_name(dimension)?;
            // A matrix of trials by trials, say, has one name twice, and then one length.
            let before = self.dimensions[..index].iter().position(|other| other == dimension);
            let expected = known.get(*dimension).or(before.map(|index| &self.shape[index]));
            if let Some(&expected) = expected.filter(|&&expected| expected != got) {
                return Err(Error::DimensionLength {
                    name: self.name.to_owned(),
                    dimension: (*dimension).to_owned(),
                    expected,
                    got,
                });
            }
        }
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.len() > LONGEST_NAME {
        "it is too long"
    } else if name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        "it contains white space or a control character"
    } else if name.contains(['/', '\\']) {
        r"it contains / or \"
    } else if name.starts_with('.') || name.starts_with("__") {
        "it starts with . or __"
    } else if name.ends_with(".npy") {
        "it ends in .npy"
    } else {
        return Ok(());
    };
    Err(Error::MemberName { name: name.to_owned(), reason })
}
