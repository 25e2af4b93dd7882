//! NumPy's `.npz` format: named arrays in one file, a zip archive of `.npy` members.

mod read;

use std::collections::HashSet;
use std::fmt;
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use ndarray::{ArrayView, Dimension};
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use crate::atomic::atomic;
use crate::element::Element;
use crate::encoding::{Encoded, EncodedText, check_texts};
use crate::error::Error;

pub use read::{NpzFile, read_npz};

/// From this size on a member needs the zip64 form.
const ZIP64_FROM: u64 = u32::MAX as u64;

/// Takes the members of a `.npz` file one after another; see [`write_npz`].
pub struct NpzWriter<'a> {
    container: Option<Container<'a>>,
    path: Option<PathBuf>,
    names: HashSet<String>,
    /// Whether a member could not be written to its end.
    broken: bool,
}

/// Writes a `.npz` file that appears when it is complete.
///
/// `write` adds the members in order. Members are stored uncompressed, and the bytes depend on
/// nothing but the members: no clock, no machine. A member of 4 GiB or more, or more of them
/// together, takes the zip64 form. What the closure returns is returned; its error leaves nothing
/// behind, as with [`atomic_file`](crate::atomic_file).
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("responses.npz");
/// let betas = ndarray::array![[0.5f32, 1.5], [2.5, 3.5]];
/// array_export::write_npz(&path, |npz| -> Result<(), array_export::Error> {
///     npz.array("betas", &betas)?;
///     npz.text("trials", &["shared_0001.jpg", "shared_0002.jpg"])
/// })?;
/// let mut npz = array_export::read_npz(&path)?;
/// assert_eq!(npz.array::<f32>("betas")?, betas.into_dyn());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Those of the closure, and those of [`atomic_file`](crate::atomic_file), each with the path.
pub fn write_npz<T, E: From<Error>>(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut NpzWriter<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let path = path.as_ref();
    atomic(path, |writer| {
        let is_file = writer.get_ref().metadata().is_ok_and(|metadata| metadata.is_file());
        let container = if is_file {
            Container::Seeking(ZipWriter::new(writer))
        } else {
            Container::Streaming(ZipWriter::new_stream(writer))
        };
        NpzWriter::fill(container, Some(path.into()), write)
    })
}

/// Writes the `.npz` format to a stream, for example the standard output.
///
/// Sizes and checksums follow the members instead of preceding them, as they do for NumPy when it
/// cannot go back in a file. When the closure fails, the stream ends without a directory, so that
/// no reader takes it for complete.
///
/// # Errors
///
/// Those of the closure, and [`Error::Stream`].
pub fn write_npz_to<T, E: From<Error>>(
    writer: impl Write,
    write: impl FnOnce(&mut NpzWriter<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let mut writer = BufWriter::with_capacity(1 << 16, writer);
    let container = Container::Streaming(ZipWriter::new_stream(&mut writer));
    let value = NpzWriter::fill(container, None, write)?;
    writer.flush().map_err(|source| Error::Stream { source })?;
    Ok(value)
}

impl NpzWriter<'_> {
    /// Adds an array under a name, without a second copy of it in memory.
    ///
    /// Names may contain `/` and `.`; the member is called `<name>.npy`, and NumPy finds it under
    /// `<name>`. Layout and bytes are those of [`write_npy`](crate::write_npy).
    ///
    /// # Errors
    ///
    /// [`Error::SameMember`]; [`Error::MemberName`] for an empty name, one that ends in `.npy`
    /// (NumPy would take it off), starts with `/`, has a part `..`, a `\` or a NUL, or is longer
    /// than 60,000 bytes; [`Error::Write`] or [`Error::Stream`].
    pub fn array<'v, T: Element + 'v, D: Dimension>(
        &mut self,
        name: impl AsRef<str>,
        array: impl Into<ArrayView<'v, T, D>>,
    ) -> Result<(), Error> {
        let encoded = Encoded::new(array.into()).map_err(|source| self.error(source))?;
        self.member(name.as_ref(), encoded.n_bytes(), |writer| encoded.write(writer))
    }

    /// Adds a list of texts under a name, as fixed-width unicode (`<U` and the number of
    /// characters of the longest), which NumPy reads without pickle.
    ///
    /// # Errors
    ///
    /// As [`NpzWriter::array`]; [`Error::TrailingNul`] for a text that NumPy would read shortened.
    pub fn text<S: AsRef<str>>(&mut self, name: impl AsRef<str>, texts: &[S]) -> Result<(), Error> {
        let name = name.as_ref();
        check_texts(name, texts)?;
        let encoded = EncodedText::list(texts).map_err(|source| self.error(source))?;
        self.member(name, encoded.n_bytes(), |writer| encoded.write(writer))
    }

    /// Adds a single text under a name, without dimension: NumPy gives it by `str(file[name])`.
    ///
    /// # Errors
    ///
    /// As [`NpzWriter::text`].
    pub fn scalar_text(&mut self, name: impl AsRef<str>, text: &str) -> Result<(), Error> {
        let name = name.as_ref();
        check_texts(name, &[text])?;
        let texts = [text];
        let encoded = EncodedText::scalar(&texts).map_err(|source| self.error(source))?;
        self.member(name, encoded.n_bytes(), |writer| encoded.write(writer))
    }

    fn member(
        &mut self,
        name: &str,
        n_bytes: u64,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Error> {
        self.check(name)?;
        self.store(name, n_bytes, write).map_err(|source| self.error(source))
    }

    /// Takes a name for a member.
    fn check(&mut self, name: &str) -> Result<(), Error> {
        if let Some(reason) = wrong_name(name) {
            return Err(Error::MemberName { name: name.to_owned(), reason });
        }
        match self.names.insert(name.to_owned()) {
            true => Ok(()),
            false => Err(Error::SameMember { name: name.to_owned() }),
        }
    }

    /// Adds a member of `n_bytes` bytes, whose name has been checked.
    pub(crate) fn store(
        &mut self,
        name: &str,
        n_bytes: u64,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let options = SimpleFileOptions::DEFAULT
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::DEFAULT)
            .system(System::Unix)
            .unix_permissions(0o644)
            .large_file(n_bytes >= ZIP64_FROM);
        let result = match &mut self.container {
            Some(Container::Seeking(zip)) => add(zip, name, options, write),
            Some(Container::Streaming(zip)) => add(zip, name, options, write),
            None => Ok(()),
        };
        self.broken |= result.is_err();
        result
    }

    fn finish(&mut self) -> Result<(), Error> {
        if self.broken {
            return Err(self.error(io::Error::other("a member could not be written")));
        }
        let result = match self.container.take() {
            Some(Container::Seeking(zip)) => zip.finish().map(drop),
            Some(Container::Streaming(zip)) => zip.finish().map(drop),
            None => Ok(()),
        };
        result.map_err(|error| self.error(error.into()))
    }

    fn error(&self, source: io::Error) -> Error {
        match &self.path {
            Some(path) => Error::Write { path: path.clone(), source },
            None => Error::Stream { source },
        }
    }
}

impl<'a> NpzWriter<'a> {
    fn fill<T, E: From<Error>>(
        container: Container<'a>,
        path: Option<PathBuf>,
        write: impl FnOnce(&mut NpzWriter<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut npz =
            NpzWriter { container: Some(container), path, names: HashSet::new(), broken: false };
        let value = write(&mut npz)?;
        npz.finish()?;
        Ok(value)
    }
}

impl Drop for NpzWriter<'_> {
    fn drop(&mut self) {
        // A zip writer that is dropped writes its directory, and complains on the standard error if
        // it cannot: an output that failed half-way would look complete. It owns nothing but memory.
        std::mem::forget(self.container.take());
    }
}

impl fmt::Debug for NpzWriter<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        formatter.debug_struct("NpzWriter").field("path", path).finish_non_exhaustive()
    }
}

/// Files get their sizes where every reader looks first; streams cannot go back.
enum Container<'a> {
    Seeking(ZipWriter<&'a mut dyn WriteSeek>),
    Streaming(ZipWriter<StreamWriter<&'a mut dyn Write>>),
}

trait WriteSeek: Write + Seek {}
impl<W: Write + Seek> WriteSeek for W {}

fn add<W: Write + Seek>(
    zip: &mut ZipWriter<W>,
    name: &str,
    options: SimpleFileOptions,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    zip.start_file(format!("{name}.npy"), options)?;
    write(zip)
}

fn wrong_name(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("it is empty")
    } else if name.ends_with(".npy") {
        Some("it ends in .npy")
    } else if name.starts_with('/') || name.split('/').any(|part| part == "..") {
        Some("it leads out of the archive")
    } else if name.contains(['\\', '\0']) {
        Some(r"it contains \ or NUL")
    } else if name.len() > 60_000 {
        Some("it is too long")
    } else {
        None
    }
}
