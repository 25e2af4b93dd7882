//! Looking at files that are on disk already: [`check_file`] and [`take_over`].

use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::path::Path;

use laion_fmri_base::Sha256;

use crate::digest::{Claims, Digests, Mismatch};
use crate::error::Source;
use crate::transfer::{Destination, Root};
use crate::{Cancel, Check, Checksum, Content, Inspector, Record, RelativePath, TransferError};

const BUFFER: usize = 256 << 10;

/// What a file has to be, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Expected<'a> {
    /// Its bytes.
    pub size: Option<u64>,
    /// The entity tag of its object. It is recomputed if that is possible.
    pub etag: Option<&'a str>,
    /// The checksums that the store keeps of its object. One of the whole content goes before the tag.
    pub checksums: &'a [Checksum],
    /// Its SHA-256.
    pub sha256: Option<Sha256>,
}

impl<'a> Expected<'a> {
    /// Nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What a record says: the SHA-256, or where there is none, the checksum or entity tag that the bytes
    /// had.
    #[must_use]
    pub fn of_record(record: &'a Record) -> Self {
        let new = Self::new().size(record.size);
        match record.sha256 {
            Some(sha256) => new.sha256(sha256),
            None => {
                let etag = record.etag.as_deref().filter(|_| record.etag_verified);
                new.checksums(record.checksum.as_slice()).etag(etag)
            }
        }
    }

    /// The same with a size.
    #[must_use]
    pub fn size(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// The same with an entity tag.
    #[must_use]
    pub fn etag(mut self, etag: Option<&'a str>) -> Self {
        self.etag = etag;
        self
    }

    /// The same with checksums of its object.
    #[must_use]
    pub fn checksums(mut self, checksums: &'a [Checksum]) -> Self {
        self.checksums = checksums;
        self
    }

    /// The same with a SHA-256.
    #[must_use]
    pub fn sha256(mut self, sha256: Sha256) -> Self {
        self.sha256 = Some(sha256);
        self
    }
}

impl<'a> From<&'a Record> for Expected<'a> {
    fn from(record: &'a Record) -> Self {
        Self::of_record(record)
    }
}

/// What a file on disk is found to be.
#[derive(Debug)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Condition {
    /// Everything that is known about it holds. With a [`Content::fault`] it is what its object is,
    /// and the object itself is at fault.
    Sound(Content),
    /// It has the size that is known, and was not read. [`check_file`] reads every file.
    Unread,
    /// There is no such file.
    Missing,
    /// It has another size.
    Size {
        /// Bytes that it should have.
        expected: u64,
        /// Bytes that it has.
        got: u64,
    },
    /// It has another SHA-256 than when it was recorded.
    Sha256 {
        /// The recorded digest.
        expected: Sha256,
        /// That of the file.
        got: Sha256,
    },
    /// It does not have the entity tag of its object.
    ETag {
        /// The tag of the object.
        expected: String,
        /// The tag recomputed from the file.
        got: String,
    },
    /// It does not have the checksum that the store keeps of its object.
    Checksum {
        /// Which checksum.
        check: Check,
        /// That of the object.
        expected: String,
        /// That of the file.
        got: String,
    },
    /// The file is damaged, as the inspection of its format says.
    Damaged {
        /// What is wrong with it.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serialize::message"))]
        source: Source,
    },
}

impl Condition {
    /// Whether everything that was checked about the file holds.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        matches!(self, Self::Sound(_) | Self::Unread)
    }

    /// What is wrong with a file that is what its object is: a fault of the object itself.
    #[must_use]
    pub fn fault(&self) -> Option<&str> {
        match self {
            Self::Sound(content) => content.fault.as_deref(),
            _ => None,
        }
    }
}

/// Reads a file once and compares it with what it has to be. What a [`Record`] says is
/// `Expected::from(&record)`. Blocks; memory is 256 KiB.
///
/// # Errors
///
/// Any failure to read, and [`io::ErrorKind::Interrupted`] when `cancel` was set.
pub fn check_file(
    path: &Path,
    expected: &Expected<'_>,
    inspector: Option<Box<dyn Inspector>>,
    cancel: &Cancel,
) -> io::Result<Condition> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Condition::Missing),
        Err(error) => return Err(error),
    };
    let got = file.metadata()?.len();
    if let Some(expected) = expected.size.filter(|expected| *expected != got) {
        return Ok(Condition::Size { expected, got });
    }
    let Expected { etag, checksums, sha256, .. } = *expected;
    let claims = Claims { etag, checksums, size: got, ..Claims::default() };
    let mut digests = Digests::new(&claims, inspector).expecting(sha256);
    let mut buffer = vec![0; BUFFER];
    loop {
        if cancel.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => digests.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(match digests.finish() {
        Ok(content) => Condition::Sound(content),
        Err(Mismatch::Sha256 { expected, got }) => Condition::Sha256 { expected, got },
        Err(Mismatch::Checksum { check: Check::ETag, expected, got, .. }) => {
            Condition::ETag { expected, got }
        }
        Err(Mismatch::Checksum { check, expected, got, .. }) => {
            Condition::Checksum { check, expected, got }
        }
        Err(Mismatch::Damaged { source, .. }) => Condition::Damaged { source },
    })
}

/// How a file comes into a mirror from elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum TakeOver {
    /// By hard link where that is possible (both names then share the bytes, and no space is
    /// needed), otherwise by copy.
    #[default]
    Link,
    /// By copy.
    Copy,
    /// By rename where that is possible, otherwise by copy and removal.
    Move,
}

/// Puts the file `source` at `local` below `root`, under the rules of a transfer: under a temporary
/// name first, then by rename, and never behind a symbolic link that leaves the root, unless it is
/// one of the `linked` directories
/// ([`TransferOptions::linked_directories`](crate::TransferOptions::linked_directories)).
///
/// # Errors
///
/// [`TransferError::Write`] or [`TransferError::OutsideRoot`].
pub fn take_over(
    source: &Path,
    root: &Path,
    local: &RelativePath,
    how: TakeOver,
    linked: &BTreeSet<String>,
) -> Result<Metadata, TransferError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| TransferError::Write { path, source }
    };
    std::fs::create_dir_all(root).map_err(failed(root))?;
    let canonical = std::fs::canonicalize(root).map_err(failed(root))?;
    let root = Root::new(canonical).with_linked_directories(linked.clone());
    let destination = root.destination(local)?;
    if how == TakeOver::Move && root.publish(source, &destination).is_ok() {
        root.sync();
        return std::fs::metadata(destination.target()).map_err(failed(&destination.target()));
    }
    let metadata = match how {
        TakeOver::Link => match link(source, &root, &destination) {
            Some(metadata) => metadata,
            None => copy(source, &root, &destination)?,
        },
        _ => copy(source, &root, &destination)?,
    };
    if how == TakeOver::Move {
        std::fs::remove_file(source).map_err(failed(source))?;
    }
    root.sync();
    Ok(metadata)
}

fn link(source: &Path, root: &Root, destination: &Destination) -> Option<Metadata> {
    let name = destination.free_name();
    std::fs::hard_link(source, &name).ok()?;
    let published = root.publish(&name, destination).ok();
    // When both names were links to one file already, the rename does nothing and leaves both.
    let _ = std::fs::remove_file(&name);
    published
}

fn copy(source: &Path, root: &Root, destination: &Destination) -> Result<Metadata, TransferError> {
    let temporary = destination.temporary()?;
    let failed = |source| temporary.failed(source);
    let mut from = File::open(source).map_err(failed)?;
    io::copy(&mut from, &mut &temporary.file).map_err(failed)?;
    (&temporary.file).flush().map_err(failed)?;
    temporary.file.sync_data().map_err(failed)?;
    temporary.publish(root, destination)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn abc() -> Sha256 {
        Sha256::of("abc")
    }

    #[test]
    fn every_condition() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let check =
            |expected: Expected<'_>| check_file(&path, &expected, None, &Cancel::new()).unwrap();
        assert!(matches!(check(Expected::new()), Condition::Missing));
        std::fs::write(&path, b"abc").unwrap();
        let md5 = Some("\"900150983cd24fb0d6963f7d28e17f72\"");
        let sound = check(Expected::new().size(3).etag(md5).sha256(abc()));
        assert!(matches!(sound, Condition::Sound(Content { etag_verified: true, .. })));
        assert!(matches!(check(Expected::new().size(4)), Condition::Size { expected: 4, got: 3 }));
        std::fs::write(&path, b"abd").unwrap();
        assert!(matches!(
            check(Expected::new().sha256(abc())),
            Condition::Sha256 { expected, got } if expected == abc() && got != abc()
        ));
        assert!(matches!(check(Expected::new().etag(md5)), Condition::ETag { .. }));
        let checksums = ["crc32c:Nks/tw==".parse().unwrap()];
        assert!(matches!(
            check(Expected::new().etag(md5).checksums(&checksums)),
            Condition::Checksum { check: Check::Checksum(_), expected, .. } if expected == "Nks/tw=="
        ));
        std::fs::write(&path, b"abc").unwrap();
        let sound = check(Expected::new().checksums(&checksums));
        assert!(matches!(sound, Condition::Sound(content) if content.check.is_proof()));
        let cancel = Cancel::new();
        cancel.cancel();
        let error = check_file(&path, &Expected::new(), None, &cancel).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
    }

    #[test]
    fn a_file_is_compared_with_its_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, b"abc").unwrap();
        let Condition::Sound(content) =
            check_file(&path, &Expected::new(), None, &Cancel::new()).unwrap()
        else {
            panic!("the file is not sound");
        };
        let metadata = std::fs::metadata(&path).unwrap();
        let (local, key) = ("x".parse().unwrap(), "x".parse().unwrap());
        let record = Record::new(local, key, None, content, &metadata);
        let check = || check_file(&path, &Expected::from(&record), None, &Cancel::new()).unwrap();
        assert!(check().is_sound());
        std::fs::write(&path, b"abd").unwrap();
        assert!(matches!(check(), Condition::Sha256 { expected, .. } if expected == abc()));
    }

    #[test]
    fn files_are_linked_copied_or_moved() {
        let none = BTreeSet::new();
        for how in [TakeOver::Link, TakeOver::Copy, TakeOver::Move] {
            let folder = tempfile::tempdir().unwrap();
            let (source, root) = (folder.path().join("from"), folder.path().join("root"));
            std::fs::write(&source, b"abc").unwrap();
            let local = "a/b".parse().unwrap();
            let metadata = take_over(&source, &root, &local, how, &none).unwrap();
            assert_eq!(metadata.len(), 3);
            // Again over itself.
            if how != TakeOver::Move {
                take_over(&source, &root, &local, how, &none).unwrap();
            }
            assert_eq!(std::fs::read(root.join("a/b")).unwrap(), b"abc");
            assert_eq!(std::fs::read_dir(root.join("a")).unwrap().count(), 1);
            assert_eq!(source.exists(), how != TakeOver::Move);
        }
    }
}
