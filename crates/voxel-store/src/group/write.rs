//! Writing a group: [`write_group`].

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use laion_fmri_base::zarr::{self, DOCUMENT};
use laion_fmri_base::{AtomicDirectory, Sha256, is_temporary, sync_directory};
use serde_json::{Map, Value};

use super::{chunk_name, is_member_name};
use crate::document;
use crate::error::Error;
use crate::layout::Layout;
use crate::values::Values;
use crate::writer::{MatrixOptions, MatrixRows, write_matrix};

/// Writes a group that appears at `path` when it is complete and on disk. A group that is there is
/// replaced at that moment or not at all. If the closure fails, nothing is left behind.
///
/// # Errors
///
/// Those of the closure; [`Error::NotReplaceable`] when something else is at `path`; [`Error::Io`].
pub fn write_group<T, E: From<Error>>(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut GroupWriter) -> Result<T, E>,
) -> Result<T, E> {
    let path = path.as_ref();
    check_replaceable(path)?;
    let (directory, value) = filled(path, write)?;
    // Something else may have come there meanwhile.
    check_replaceable(path)?;
    directory.commit().map_err(Error::io("write", path))?;
    Ok(value)
}

/// As [`write_group`], unless there is something at `path`, which then stays as it is. Of several
/// processes that write the same group, one does. Returns whether it was this one.
///
/// # Errors
///
/// Those of the closure; [`Error::Io`].
pub fn write_new_group<E: From<Error>>(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut GroupWriter) -> Result<(), E>,
) -> Result<bool, E> {
    let path = path.as_ref();
    let (directory, ()) = filled(path, write)?;
    Ok(directory.commit_new().map_err(Error::io("write", path))?)
}

/// Writes the arrays and the document of a group again that is damaged, has lost them or is out of
/// date. What else is in it stays: members that came one after the other, as for [`consolidate`].
/// Several processes that mend a group write the same.
///
/// # Errors
///
/// Those of the closure; [`Error::Io`].
pub fn mend_group<E: From<Error>>(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut GroupWriter) -> Result<(), E>,
) -> Result<(), E> {
    let path = path.as_ref();
    let (directory, ()) = filled(path, write)?;
    let names = member_names(directory.path())?;
    // The new document does not have what else was in the group.
    let earlier = earlier_members(path);
    let mend = || {
        directory.sync()?;
        for name in names {
            let there = path.join(&name);
            if let Err(error) = fs::remove_dir_all(&there)
                && error.kind() != io::ErrorKind::NotFound
            {
                return Err(error);
            }
            match fs::rename(directory.path().join(&name), &there) {
                // Another process was quicker.
                Err(error) if there.is_dir() => drop(error),
                renamed => renamed?,
            }
        }
        fs::rename(document::path_in(directory.path()), document::path_in(path))?;
        sync_directory(path)
    };
    mend().map_err(Error::io("mend", path))?;
    Ok(consolidate_after(path, earlier)?)
}

fn filled<T, E: From<Error>>(
    path: &Path,
    write: impl FnOnce(&mut GroupWriter) -> Result<T, E>,
) -> Result<(AtomicDirectory, T), E> {
    let directory = AtomicDirectory::create(path).map_err(Error::io("create", path))?;
    let mut writer = GroupWriter {
        directory: directory.path().to_owned(),
        attributes: Map::new(),
        members: Map::new(),
    };
    let value = write(&mut writer)?;
    writer.finish()?;
    Ok((directory, value))
}

/// A group that is being written.
#[derive(Debug)]
pub struct GroupWriter {
    directory: PathBuf,
    attributes: Map<String, Value>,
    /// The documents of the members so far.
    members: Map<String, Value>,
}

impl GroupWriter {
    /// What is said about the group as a whole. `serde_json` is re-exported by this crate.
    pub fn attributes(&mut self, attributes: Map<String, Value>) {
        self.attributes = attributes;
    }

    /// Adds an array. Each dimension has a name and a length.
    ///
    /// # Errors
    ///
    /// [`Error::Name`], [`Error::Count`] when the values are not as many as the dimensions say,
    /// [`Error::Io`].
    pub fn array(
        &mut self,
        name: &str,
        dimensions: &[(&str, usize)],
        values: &Values,
    ) -> Result<(), Error> {
        self.described_array(name, dimensions, values, Map::new())
    }

    /// As [`GroupWriter::array`], with attributes of the array.
    ///
    /// # Errors
    ///
    /// As [`GroupWriter::array`].
    pub fn described_array(
        &mut self,
        name: &str,
        dimensions: &[(&str, usize)],
        values: &Values,
        attributes: Map<String, Value>,
    ) -> Result<(), Error> {
        let (names, shape): (Vec<&str>, Vec<usize>) = dimensions.iter().copied().unzip();
        let count = shape.iter().try_fold(1, |count: usize, &length| count.checked_mul(length));
        let expected = count.unwrap_or(usize::MAX);
        if expected != values.len() {
            return Err(Error::Count { what: "values of an array", expected, got: values.len() });
        }
        let directory = self.member(name)?;
        if let Some(bytes) = values.to_chunk() {
            let path = directory.join(chunk_name(shape.len()));
            let write = || {
                let mut file = File::create_new(&path)?;
                file.write_all(&bytes)?;
                file.sync_all()
            };
            write().map_err(Error::io("write", &path))?;
        }
        let attributes = document::attributes(attributes);
        let document = values.document(&shape, &names, attributes).to_value();
        self.describe(name, &directory, document)
    }

    /// Adds a matrix of this shape. `fill` puts all rows, in order, and answers with the identity of
    /// what they are, which the file carries: a reader can tell whether it has the matrix that
    /// another document describes.
    ///
    /// # Errors
    ///
    /// Those of `fill`; [`Error::Name`], [`Error::TooLarge`], [`Error::Count`] for too few rows,
    /// [`Error::Io`].
    pub fn matrix<E: From<Error>>(
        &mut self,
        name: &str,
        dimensions: [&str; 2],
        shape: [usize; 2],
        options: &MatrixOptions,
        fill: impl FnOnce(&mut MatrixRows) -> Result<Sha256, E>,
    ) -> Result<Sha256, E> {
        let layout = Layout::new(shape, options.chunk_rows)?;
        let directory = self.member(name)?;
        let path = directory.join(chunk_name(dimensions.len()));
        let file = File::create_new(&path).map_err(Error::io("create", &path))?;
        // By this, others see that the matrix is being written; see `remove_abandoned`.
        let _ = file.try_lock();
        let identity = write_matrix(&file, &path, layout, fill)?;
        let document = layout.document(dimensions, document::attributes(Map::new())).to_value();
        self.describe(name, &directory, document)?;
        Ok(identity)
    }

    /// The directory of a new member.
    fn member(&self, name: &str) -> Result<PathBuf, Error> {
        if !is_member_name(name) || self.members.contains_key(name) {
            return Err(Error::Name { got: name.to_owned() });
        }
        let directory = self.directory.join(name);
        fs::create_dir(&directory).map_err(Error::io("create", &directory))?;
        Ok(directory)
    }

    fn describe(&mut self, name: &str, directory: &Path, mut document: Value) -> Result<(), Error> {
        let text = document::sealed(&mut document);
        document::write(directory, &text)?;
        self.members.insert(name.to_owned(), document);
        Ok(())
    }

    fn finish(self) -> Result<(), Error> {
        let mut document = zarr::group(document::attributes(self.attributes), self.members);
        document::write(&self.directory, &document::sealed(&mut document))
    }
}

/// Writes the document of a group again, from the documents of the arrays and groups that are in it
/// now. What it repeated of a member that is damaged since, or of an array that is gone, stays, so
/// that [`Group::verify`](crate::Group::verify) names it. The attributes stay.
///
/// Members of a group may come one after the other, each complete when it appears, from several
/// processes. Whoever adds or removes one calls this. The document of a sound group depends only on
/// the members, so the last of several callers leaves the right one.
///
/// # Errors
///
/// [`Error::Io`]; those of [`Group::open`](crate::Group::open) for the document that is there.
pub fn consolidate(path: impl AsRef<Path>) -> Result<(), Error> {
    let path = path.as_ref();
    consolidate_after(path, earlier_members(path))
}

/// As [`consolidate`], with what the document repeated of the members earlier.
fn consolidate_after(path: &Path, mut earlier: Map<String, Value>) -> Result<(), Error> {
    loop {
        let text = consolidated(path, &earlier)?;
        let there = fs::read(document::path_in(path)).is_ok_and(|there| there == text.as_bytes());
        if there {
            return Ok(());
        }
        // Members that come from now on are found by the next round.
        document::write(path, &text)?;
        earlier = earlier_members(path);
    }
}

/// What the document of a group repeats of its members; nothing if it is damaged.
fn earlier_members(path: &Path) -> Map<String, Value> {
    let document = document::read(path).ok();
    document.and_then(|mut document| zarr::take_members(&mut document)).unwrap_or_default()
}

fn consolidated(path: &Path, earlier: &Map<String, Value>) -> Result<String, Error> {
    let attributes = match document::read(path)?["attributes"].take() {
        Value::Object(attributes) => document::attributes(attributes),
        _ => return Err(Error::document(path, "it has no attributes")),
    };
    // A group that is gone was removed. Nobody removes an array alone.
    let arrays = earlier.iter().filter(|(_, document)| document["node_type"] == "array");
    let arrays = arrays.map(|(name, _)| name.clone()).filter(|name| is_member_name(name));
    let names: BTreeSet<String> = member_names(path)?.into_iter().chain(arrays).collect();
    let mut members = Map::new();
    for name in names {
        let mut document = match document::read(&path.join(&name)) {
            Ok(document) => document,
            Err(error) if error.is_damage() => {
                let below = format!("{name}/");
                let is_of = |other: &str| other == name || other.starts_with(&below);
                let kept = earlier.iter().filter(|(other, _)| is_of(other));
                members.extend(kept.map(|(other, document)| (other.clone(), document.clone())));
                continue;
            }
            Err(error) => return Err(error),
        };
        let below = zarr::take_members(&mut document);
        if let Some(group) = document.as_object_mut().filter(|_| below.is_some()) {
            group.shift_remove("consolidated_metadata");
        }
        members.insert(name.clone(), document);
        for (member, document) in below.into_iter().flatten() {
            members.insert(format!("{name}/{member}"), document);
        }
    }
    Ok(document::sealed(&mut zarr::group(attributes, members)))
}

/// The directories in a group that may be members, sorted.
pub(super) fn member_names(path: &Path) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(Error::io("list", path))? {
        let entry = entry.map_err(Error::io("list", path))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if is_member_name(&name) && !is_temporary(&name) && entry.path().is_dir() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Nothing but a group, or an empty directory, is replaced.
fn check_replaceable(path: &Path) -> Result<(), Error> {
    let is_empty = || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() && (path.join(DOCUMENT).is_file() || is_empty()) => Ok(()),
        Ok(_) => Err(Error::NotReplaceable { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(Error::io("look at", path)(source)),
    }
}
