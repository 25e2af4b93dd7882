//! Checks that every writer and every reader of labelled arrays must pass.
//!
//! A program that writes or reads the formats of [`write_arrays`] by other
//! means passes its own function to these checks. Each check works in an existing, empty folder on
//! the same small arrays ([`sample`]), and returns what is wrong as a [`Nonconformance`].
//!
//! ```
//! use array_export::conformance::{Values, check_reader, check_writer, sample};
//! use array_export::{ArrayFormat, Error, read_arrays, write_arrays};
//!
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! check_writer(folder, ArrayFormat::Npz, |path, arrays| {
//!     write_arrays(path, ArrayFormat::Npz, |file| -> Result<(), Error> {
//!         arrays.iter().try_for_each(|array| array.put(file)) // your writer
//!     })
//! })?;
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! check_reader(folder, ArrayFormat::Npz, |path, name| {
//!     Values::read(&mut read_arrays(path)?, name) // your reader
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod values;

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::{ArrayDifference, ArrayFormat, ArraysDigest, Error, read_arrays, write_arrays};

pub use self::values::{SampleArray, Values, sample};

/// What does not hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Nonconformance {
    /// The writer refused the sample.
    #[error("the writer failed")]
    Writer {
        /// What it says.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// What was written is not a file of the format.
    #[error("what was written cannot be read")]
    Unreadable {
        /// What the reader of this crate says.
        source: Error,
    },
    /// Other arrays come back than were written, or arrays of other names.
    #[error("other arrays come back: {}", names_of(differences))]
    Arrays {
        /// Each array that differs.
        differences: Vec<ArrayDifference>,
    },
    /// The same arrays gave other bytes when they were written again.
    #[error("the same arrays gave other bytes in {}", path.display())]
    Bytes {
        /// The file, relative to the output.
        path: PathBuf,
    },
    /// There are files beside the output.
    #[error("there are files next to the output: {}", names.join(", "))]
    Left {
        /// Their names.
        names: Vec<String>,
    },
    /// A writer that was to fail did not.
    #[error("the writer was to fail and did not")]
    Succeeded,
    /// A writer that failed changed what was there before.
    #[error("the writer failed and changed what was there")]
    Replaced,
    /// The reader refused an array of a whole file.
    #[error("the reader refused the array {name:?}")]
    Reader {
        /// The array.
        name: String,
        /// What it says.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The reader gave an array for a name that no array has.
    #[error("the reader gave an array for the name {name:?}, which none has")]
    Absent {
        /// The name.
        name: String,
    },
    /// The reader gave wrong values from a damaged file instead of an error.
    #[error("{damage} in {}: the reader gave other values for {name:?}", path.display())]
    Damage {
        /// The array.
        name: String,
        /// The file that was damaged, relative to the output.
        path: PathBuf,
        /// What was done to it.
        damage: &'static str,
    },
    /// The folder of the check could not be used.
    #[error("cannot use {}", path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Checks a writer of `.npz` or Zarr files:
///
/// * every array comes back bit by bit, with its name, type and shape;
/// * the same arrays are the same bytes when they are written again;
/// * there is nothing but the output in the folder.
///
/// `write` writes the arrays to a path that does not exist yet.
///
/// # Errors
///
/// [`Nonconformance`].
pub fn check_writer<E: Into<Box<dyn StdError + Send + Sync>>>(
    folder: impl AsRef<Path>,
    format: ArrayFormat,
    mut write: impl FnMut(&Path, &[SampleArray]) -> Result<(), E>,
) -> Result<(), Nonconformance> {
    let folder = folder.as_ref();
    let arrays = sample();
    let outputs = ["first", "second"].map(|name| folder.join(file_name(name, format)));
    for output in &outputs {
        write(output, &arrays).map_err(|error| Nonconformance::Writer { source: error.into() })?;
        compare(output, &arrays)?;
    }
    let [first, second] = [files(&outputs[0])?, files(&outputs[1])?];
    let different = |path: &&PathBuf| first.get(*path) != second.get(*path);
    if let Some(path) = first.keys().chain(second.keys()).find(different) {
        return Err(Nonconformance::Bytes { path: path.clone() });
    }
    let expected = ["first", "second"].map(|name| file_name(name, format));
    let left = names(folder)?.into_iter().filter(|name| !expected.contains(name));
    none_left(left.collect())
}

/// Checks that a writer which fails half-way leaves nothing: no file where none was, and what was there
/// before unchanged.
///
/// `write` is called twice with a path, and has to fail after it has begun to write.
///
/// # Errors
///
/// [`Nonconformance`].
pub fn check_failing_writer<E>(
    folder: impl AsRef<Path>,
    format: ArrayFormat,
    mut write: impl FnMut(&Path, &[SampleArray]) -> Result<(), E>,
) -> Result<(), Nonconformance> {
    let folder = folder.as_ref();
    let arrays = sample();
    let output = folder.join(file_name("output", format));
    if write(&output, &arrays).is_ok() {
        return Err(Nonconformance::Succeeded);
    }
    none_left(names(folder)?)?;
    put(&output, format, &arrays[..1])?;
    let before = files(&output)?;
    if write(&output, &arrays).is_ok() {
        return Err(Nonconformance::Succeeded);
    }
    if files(&output)? != before {
        return Err(Nonconformance::Replaced);
    }
    let expected = file_name("output", format);
    none_left(names(folder)?.into_iter().filter(|name| *name != expected).collect())
}

/// Checks a reader of `.npz` or Zarr files:
///
/// * every array comes back bit by bit, with its type and shape;
/// * a name that no array has is an error;
/// * a file that was cut, and in a `.npz` file a byte that was changed, gives the right values or an
///   error.
///
/// `read` reads one array of an output by its name.
///
/// # Errors
///
/// [`Nonconformance`].
pub fn check_reader<E: Into<Box<dyn StdError + Send + Sync>>>(
    folder: impl AsRef<Path>,
    format: ArrayFormat,
    mut read: impl FnMut(&Path, &str) -> Result<Values, E>,
) -> Result<(), Nonconformance> {
    let output = folder.as_ref().join(file_name("output", format));
    let arrays = sample();
    put(&output, format, &arrays)?;
    let mut got = ArraysDigest::default();
    for SampleArray { name, .. } in &arrays {
        let values = read(&output, name).map_err(|error| Nonconformance::Reader {
            name: (*name).to_owned(),
            source: error.into(),
        })?;
        values.add_to(&mut got, name);
    }
    same(&got, &arrays)?;
    let absent = "absent";
    if read(&output, absent).is_ok() {
        return Err(Nonconformance::Absent { name: absent.to_owned() });
    }
    for (path, bytes) in files(&output)? {
        // The output itself is the file of the path "".
        let file = if path.as_os_str().is_empty() { output.clone() } else { output.join(&path) };
        for (damage, bytes) in damaged(format, &bytes) {
            write_file(&file, &bytes)?;
            for array in &arrays {
                let Ok(values) = read(&output, array.name) else { continue };
                if values.digest() != array.values.digest() {
                    let name = array.name.to_owned();
                    return Err(Nonconformance::Damage { name, path, damage });
                }
            }
        }
        write_file(&file, &bytes)?;
    }
    Ok(())
}

/// The bytes after each kind of damage that a reader has to notice.
fn damaged(format: ArrayFormat, bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let Some(last) = bytes.len().checked_sub(1) else { return Vec::new() };
    let mut damaged = vec![
        ("the last byte is missing", bytes[..last].to_vec()),
        ("the second half is missing", bytes[..bytes.len() / 2].to_vec()),
        ("all bytes are missing", Vec::new()),
    ];
    if format == ArrayFormat::Npz {
        // Spread over members and directory; a checksum is there for the data only.
        damaged.extend((0..64).map(|part| {
            let mut bytes = bytes.to_vec();
            bytes[last * part / 63] ^= 0x10;
            ("a byte is changed", bytes)
        }));
    }
    damaged
}

fn put(output: &Path, format: ArrayFormat, arrays: &[SampleArray]) -> Result<(), Nonconformance> {
    write_arrays(output, format, |file| arrays.iter().try_for_each(|array| array.put(file)))
        .map_err(|source: Error| Nonconformance::Unreadable { source })
}

/// Compares what an output holds with the sample.
fn compare(output: &Path, arrays: &[SampleArray]) -> Result<(), Nonconformance> {
    let unreadable = |source| Nonconformance::Unreadable { source };
    let mut file = read_arrays(output).map_err(unreadable)?;
    let digest = file.digest().map_err(unreadable)?;
    same(&digest, arrays)
}

fn same(got: &ArraysDigest, arrays: &[SampleArray]) -> Result<(), Nonconformance> {
    let mut expected = ArraysDigest::default();
    for array in arrays {
        array.values.add_to(&mut expected, array.name);
    }
    let differences = got.differences(&expected);
    match differences.is_empty() {
        true => Ok(()),
        false => Err(Nonconformance::Arrays { differences }),
    }
}

fn names_of(differences: &[ArrayDifference]) -> String {
    let names: Vec<&str> = differences.iter().map(|difference| difference.name.as_str()).collect();
    names.join(", ")
}

fn file_name(stem: &str, format: ArrayFormat) -> String {
    let extension = match format {
        ArrayFormat::Npz => "npz",
        ArrayFormat::Zarr => "zarr",
        ArrayFormat::Hdf5 => "h5",
    };
    format!("{stem}.{extension}")
}

fn none_left(names: Vec<String>) -> Result<(), Nonconformance> {
    if names.is_empty() { Ok(()) } else { Err(Nonconformance::Left { names }) }
}

fn names(folder: &Path) -> Result<Vec<String>, Nonconformance> {
    let failed = failed(folder);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(&failed)? {
        names.push(entry.map_err(&failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// All files of an output by their path in it; an output that is a file has the path "".
fn files(output: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>, Nonconformance> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(relative) = waiting.pop() {
        let path = if relative.as_os_str().is_empty() {
            output.to_path_buf()
        } else {
            output.join(&relative)
        };
        if path.is_dir() {
            waiting.extend(names(&path)?.into_iter().map(|name| relative.join(name)));
        } else {
            let bytes = fs::read(&path).map_err(failed(&path))?;
            found.insert(relative, bytes);
        }
    }
    Ok(found)
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Nonconformance> {
    fs::write(path, bytes).map_err(failed(path))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> Nonconformance {
    let path = path.to_path_buf();
    move |source| Nonconformance::Folder { path: path.clone(), source }
}
