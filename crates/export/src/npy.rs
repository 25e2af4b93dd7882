//! NumPy's `.npy` format: one array per file.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, ArrayView, Dimension};

use crate::atomic::atomic_file;
use crate::element::Element;
use crate::encoding::{self, Encoded, Head, Unreadable};
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
    let (file, n_bytes) = opened(path)?;
    encoding::read(file, n_bytes).map_err(|error| unreadable(path, T::NUMPY_NAME, error))
}

/// A `.npy` file whose rows are read one after the other. A row is what one index of the first axis
/// stands for, in C order.
///
/// ```
/// use array_export::NpyFile;
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("rows.npy");
/// array_export::write_npy(&path, &ndarray::array![[1.0_f32, 2.0], [3.0, 4.0]])?;
/// let file = NpyFile::open(&path)?;
/// assert!(file.shape() == [2, 2] && file.holds::<f32>());
/// let mut sums = Vec::new();
/// file.for_each_row(|row: &[f32]| {
///     sums.push(row.iter().sum::<f32>());
///     Ok::<(), array_export::Error>(())
/// })?;
/// assert_eq!(sums, [3.0, 7.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct NpyFile {
    path: PathBuf,
    file: BufReader<File>,
    head: Head,
}

impl NpyFile {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    ///
    /// [`Error::Read`]; [`Error::NotNpy`] for other files.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let (mut file, n_bytes) = opened(path)?;
        let head = Head::read(&mut file, n_bytes);
        let head = head.map_err(|error| unreadable(path, "any type", error))?;
        Ok(Self { path: path.to_owned(), file, head })
    }

    /// The shape in the header. It is compared with the length of the file when rows are read.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.head.shape
    }

    /// NumPy's type descriptor, such as `<f4`.
    #[must_use]
    pub fn descriptor(&self) -> &str {
        &self.head.descriptor
    }

    /// Whether the elements are of this type.
    #[must_use]
    pub fn holds<T: Element>(&self) -> bool {
        self.head.holds::<T>()
    }

    /// Hands over the rows. One is in memory at a time, but an array in Fortran order is read as a whole.
    ///
    /// # Errors
    ///
    /// As [`read_npy`]; what `take` answers ends the loop.
    pub fn for_each_row<T: Element, E: From<Error>>(
        self,
        mut take: impl FnMut(&[T]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { path, file, head } = self;
        let mut failed = None;
        let read = head.each_row::<T, Unreadable>(file, |row| {
            take(row).map_err(|error| {
                failed = Some(error);
                Unreadable::Io(std::io::ErrorKind::Interrupted.into())
            })
        });
        match (failed, read) {
            (Some(error), _) => Err(error),
            (None, Err(error)) => Err(unreadable(&path, T::NUMPY_NAME, error).into()),
            (None, Ok(())) => Ok(()),
        }
    }
}

/// A file and its bytes.
fn opened(path: &Path) -> Result<(BufReader<File>, u64), Error> {
    let failed = |source| Error::Read { path: path.into(), source };
    let file = File::open(path).map_err(failed)?;
    let n_bytes = file.metadata().map_err(failed)?.len();
    Ok((BufReader::new(file), n_bytes))
}

fn unreadable(path: &Path, expected: &'static str, error: Unreadable) -> Error {
    let failed = |source| Error::Read { path: path.into(), source };
    match error {
        #[cfg(feature = "npz")]
        Unreadable::Missing => failed(std::io::ErrorKind::NotFound.into()),
        Unreadable::Io(source) => failed(source),
        Unreadable::Other(source) => Error::NotNpy { path: path.into(), expected, source },
        Unreadable::Length { expected, got } => Error::Length { path: path.into(), expected, got },
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, ShapeBuilder};

    use super::*;

    #[test]
    fn rows_are_those_of_the_whole_array() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.npy");
        let rows = |path: &Path| {
            let mut rows: Vec<Vec<i32>> = Vec::new();
            let file = NpyFile::open(path).unwrap();
            file.for_each_row(|row: &[i32]| {
                rows.push(row.to_vec());
                Ok::<(), Error>(())
            })
            .map(|()| rows)
        };
        for shape in [(3, 4), (1, 70_000), (2, 0), (0, 5)] {
            let value = |(row, column): (usize, usize)| (row * 100_000 + column) as i32;
            let array = Array2::from_shape_fn(shape, value);
            let fortran = Array2::from_shape_fn(shape.f(), value);
            for array in [array, fortran] {
                write_npy(&path, &array).unwrap();
                let expected: Vec<Vec<i32>> = array.outer_iter().map(|row| row.to_vec()).collect();
                assert_eq!(rows(&path).unwrap(), expected, "{shape:?}");
            }
        }
        let file = NpyFile::open(&path).unwrap();
        assert!(file.holds::<i32>() && !file.holds::<f32>() && file.descriptor() == "<i4");
        assert!(matches!(
            file.for_each_row(|_: &[f32]| Ok::<(), Error>(())),
            Err(Error::NotNpy { expected: "float32", .. })
        ));
        // The error of the caller ends the loop.
        write_npy(&path, &Array2::<i32>::zeros((3, 2))).unwrap();
        let mut seen = 0;
        let stopped = NpyFile::open(&path).unwrap().for_each_row(|_: &[i32]| {
            seen += 1;
            Err(Error::Stopped)
        });
        assert!(matches!(stopped, Err(Error::Stopped)) && seen == 1);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(matches!(rows(&path), Err(Error::Length { .. })));
    }
}
