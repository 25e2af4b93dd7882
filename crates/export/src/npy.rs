//! NumPy's `.npy` format: one array per file.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use ndarray::{ArrayD, ArrayView, Dimension};
use ndarray_npy::npy::header::Header;
use ndarray_npy::{
    ReadNpyError, ReadNpyExt, ReadableElement, WritableElement, WriteNpyError, WriteNpyExt,
};

use crate::atomic::atomic_file;
use crate::error::Error;

/// An element type with a NumPy counterpart: `f32`, `f64`, `u8`, `i64` and `bool`.
pub trait Element: WritableElement + ReadableElement + private::Sealed {
    /// NumPy's name of the type.
    const NUMPY_NAME: &'static str;
}

impl Element for f32 {
    const NUMPY_NAME: &'static str = "float32";
}

impl Element for f64 {
    const NUMPY_NAME: &'static str = "float64";
}

impl Element for u8 {
    const NUMPY_NAME: &'static str = "uint8";
}

impl Element for i64 {
    const NUMPY_NAME: &'static str = "int64";
}

impl Element for bool {
    const NUMPY_NAME: &'static str = "bool";
}

mod private {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for u8 {}
    impl Sealed for i64 {}
    impl Sealed for bool {}
}

/// Writes an array of any shape to a `.npy` file that appears when it is complete.
///
/// The memory order is kept where NumPy can express it (C or Fortran); other strides are written
/// in C order.
///
/// # Errors
///
/// As [`atomic_file`], each with the path.
pub fn write_npy<T: Element, D: Dimension>(
    path: impl AsRef<Path>,
    array: ArrayView<'_, T, D>,
) -> Result<(), Error> {
    atomic_file(path, |writer| array.write_npy(writer).map_err(io_error))
}

/// Writes an array in the `.npy` format to a stream, for example the standard output.
///
/// # Errors
///
/// [`Error::Stream`].
pub fn write_npy_to<T: Element, D: Dimension>(
    writer: impl Write,
    array: ArrayView<'_, T, D>,
) -> Result<(), Error> {
    let mut writer = BufWriter::with_capacity(1 << 16, writer);
    array
        .write_npy(&mut writer)
        .map_err(io_error)
        .and_then(|()| writer.flush())
        .map_err(|source| Error::Stream { source })
}

/// Reads a `.npy` file with elements of type `T`.
///
/// # Errors
///
/// [`Error::Read`]; [`Error::NotNpy`] for other files and element types; [`Error::Length`] when the
/// shape in the header does not fit the file, found before anything is allocated for it.
pub fn read_npy<T: Element>(path: impl AsRef<Path>) -> Result<ArrayD<T>, Error> {
    let path = path.as_ref();
    let read_error = |source| Error::Read { path: path.into(), source };
    let not_npy = |source: Box<dyn std::error::Error + Send + Sync>| Error::NotNpy {
        path: path.into(),
        expected: T::NUMPY_NAME,
        source,
    };
    let mut file = BufReader::new(File::open(path).map_err(read_error)?);
    let header = Header::from_reader(&mut file).map_err(|error| not_npy(error.into()))?;
    let header_end = file.stream_position().map_err(read_error)?;
    let file_end = file.get_ref().metadata().map_err(read_error)?.len();
    let expected = header
        .shape
        .iter()
        .try_fold(size_of::<T>() as u64, |product, &n| product.checked_mul(n as u64))
        .unwrap_or(u64::MAX);
    let got = file_end.saturating_sub(header_end);
    let same_type = header.type_descriptor == T::type_descriptor();
    if same_type && expected != got {
        return Err(Error::Length { path: path.into(), expected, got });
    }
    file.seek(SeekFrom::Start(0)).map_err(read_error)?;
    ArrayD::read_npy(file).map_err(|error| match error {
        ReadNpyError::Io(source) => read_error(source),
        other => not_npy(other.into()),
    })
}

fn io_error(error: WriteNpyError) -> io::Error {
    match error {
        WriteNpyError::Io(source) => source,
        other => io::Error::new(io::ErrorKind::InvalidInput, other),
    }
}
