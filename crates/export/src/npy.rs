//! NumPy's `.npy` format: one array per file.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

use ndarray::{ArrayD, ArrayView, Dimension};

use crate::atomic::atomic_file;
use crate::element::Element;
use crate::encoding::{self, Encoded, Unreadable};
use crate::error::Error;

/// Writes an array of any shape to a `.npy` file that appears when it is complete: a reference to an
/// array, or a view.
///
/// The memory order is kept where NumPy can express it (C or Fortran); other strides are written
/// in C order. Values are little-endian on every machine.
///
/// # Errors
///
/// As [`atomic_file`], each with the path.
pub fn write_npy<'a, T: Element + 'a, D: Dimension>(
    path: impl AsRef<Path>,
    array: impl Into<ArrayView<'a, T, D>>,
) -> Result<(), Error> {
    let array = array.into();
    atomic_file(path, |writer| Encoded::new(array)?.write(writer))
}

/// Writes an array in the `.npy` format to a stream, for example the standard output.
///
/// # Errors
///
/// [`Error::Stream`].
pub fn write_npy_to<'a, T: Element + 'a, D: Dimension>(
    writer: impl Write,
    array: impl Into<ArrayView<'a, T, D>>,
) -> Result<(), Error> {
    let mut writer = BufWriter::with_capacity(1 << 16, writer);
    Encoded::new(array.into())
        .and_then(|encoded| encoded.write(&mut writer))
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
    let file = File::open(path).map_err(read_error)?;
    let n_bytes = file.metadata().map_err(read_error)?.len();
    encoding::read(BufReader::new(file), n_bytes).map_err(|error| match error {
        #[cfg(feature = "npz")]
        Unreadable::Missing => read_error(std::io::ErrorKind::NotFound.into()),
        Unreadable::Io(source) => read_error(source),
        Unreadable::Other(source) => {
            Error::NotNpy { path: path.into(), expected: T::NUMPY_NAME, source }
        }
        Unreadable::Length { expected, got } => Error::Length { path: path.into(), expected, got },
    })
}
