//! Members of a `.npz` file, read back one at a time.

use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use crate::element::Element;
use crate::encoding::{self, Unreadable};
use crate::error::Error;

/// A `.npz` file whose members can be read; see [`read_npz`].
pub struct NpzFile {
    path: PathBuf,
    archive: ZipArchive<BufReader<File>>,
    file_length: u64,
}

/// Opens a `.npz` file. Members that are compressed are not read.
///
/// # Errors
///
/// [`Error::Read`]; [`Error::NotNpz`] for a file that is not a zip archive.
pub fn read_npz(path: impl AsRef<Path>) -> Result<NpzFile, Error> {
    let path = path.as_ref();
    let read_error = |source| Error::Read { path: path.into(), source };
    let file = File::open(path).map_err(read_error)?;
    let file_length = file.metadata().map_err(read_error)?.len();
    let archive = ZipArchive::new(BufReader::new(file)).map_err(|error| match error {
        ZipError::Io(source) => read_error(source),
        other => Error::NotNpz { path: path.into(), source: other.into() },
    })?;
    Ok(NpzFile { path: path.into(), archive, file_length })
}

impl NpzFile {
    #[cfg(feature = "zarr")]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The names of the members as NumPy gives them, in the order of the file.
    ///
    /// # Errors
    ///
    /// [`Error::NotNpz`] for a name in no known encoding.
    pub fn names(&self) -> Result<Vec<String>, Error> {
        let name = |name: Result<std::borrow::Cow<'_, str>, ZipError>| {
            let name = name?;
            Ok(name.strip_suffix(".npy").unwrap_or(&name).to_owned())
        };
        self.archive
            .file_names()
            .map(name)
            .collect::<Result<_, ZipError>>()
            .map_err(|error| Error::NotNpz { path: self.path.clone(), source: error.into() })
    }

    /// Reads the array with this name, which must have elements of type `T`.
    ///
    /// # Errors
    ///
    /// [`Error::NoMember`]; [`Error::NotMember`] for other contents; [`Error::MemberLength`], found
    /// before anything is allocated; [`Error::Read`].
    pub fn array<T: Element>(&mut self, name: &str) -> Result<ArrayD<T>, Error> {
        self.member(name, |member, n_bytes| encoding::read(member, n_bytes))
            .map_err(|error| error.at(&self.path, name, T::NUMPY_NAME))
    }

    /// Reads the list of texts with this name, or the single one of [`NpzWriter::scalar_text`].
    ///
    /// [`NpzWriter::scalar_text`]: crate::NpzWriter::scalar_text
    ///
    /// # Errors
    ///
    /// As [`NpzFile::array`].
    pub fn text(&mut self, name: &str) -> Result<Vec<String>, Error> {
        self.member(name, |member, n_bytes| encoding::read_text(member, n_bytes))
            .map_err(|error| error.at(&self.path, name, "text"))
    }

    /// Hands the bytes of a member, and their number, to `read`.
    pub(crate) fn member<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(ZipFile<'_, BufReader<File>>, u64) -> Result<T, Unreadable>,
    ) -> Result<T, Unreadable> {
        let found = self.archive.by_name(&format!("{name}.npy"));
        let member = found.map_err(|error| match error {
            ZipError::FileNotFound => Unreadable::Missing,
            ZipError::Io(source) => Unreadable::Io(source),
            other => Unreadable::Other(other.into()),
        })?;
        // Uncompressed members cannot be longer than the file, whatever the directory says.
        let n_bytes = member.size();
        if n_bytes > self.file_length {
            return Err(Unreadable::Length { expected: n_bytes, got: self.file_length });
        }
        read(member, n_bytes)
    }
}

impl fmt::Debug for NpzFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("NpzFile").field("path", &self.path).finish_non_exhaustive()
    }
}
