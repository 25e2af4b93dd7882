//! Taking over a tree that another tool made: [`Dataset::adopt`].

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use s3_mirror::{Cancel, Condition, Inventory, Listed, Record, RelativePath, TakeOver, take_over};

use super::in_parallel;
use super::listed::check_listed;
use super::tree::{self, Found};
use crate::remote::Remote;
use crate::{Dataset, Error, Event, Observer, Result, SubjectId, layout, policy};

/// What became of each file of a tree.
#[derive(Debug)]
pub struct Adoption {
    /// The files by path, as they are named in the tree.
    pub files: Vec<(RelativePath, AdoptionOutcome)>,
}

/// What became of one file.
#[derive(Debug)]
#[non_exhaustive]
pub enum AdoptionOutcome {
    /// It is part of the mirror now, at this path.
    Adopted {
        /// Relative to the root of the mirror.
        local: RelativePath,
        /// Its bytes.
        bytes: u64,
        /// Whether its bytes have the entity tag, or a checksum, of the object. Where nothing of the kind
        /// can be recomputed, the size was compared, and the checksums inside gzipped files.
        verified: bool,
    },
    /// The mirror has it already.
    Kept,
    /// The bucket has no such object.
    Unknown,
    /// It is not what the object is now.
    Differs(Condition),
    /// Its session is not released yet; see [`policy::is_held_out`].
    NotReleased,
}

impl Adoption {
    /// How many files were adopted, and their bytes.
    #[must_use]
    pub fn adopted(&self) -> (u64, u64) {
        self.files.iter().fold((0, 0), |(files, sum), (_, outcome)| match outcome {
            AdoptionOutcome::Adopted { bytes, .. } => (files + 1, sum + bytes),
            _ => (files, sum),
        })
    }
}

impl Dataset {
    /// Takes over the files below `tree`, for example one made by `aws s3 sync` or by the Python
    /// package, without fetching them: each is compared with the listing of the bucket, put where the
    /// mirror has it (labels without hyphens), and recorded.
    ///
    /// `how` says whether files are linked (the default), copied or moved. If `tree` is the root of
    /// the mirror itself, files are renamed where their names have hyphens, and recorded. Files
    /// that the mirror already has are kept, even if those of the tree differ.
    ///
    /// # Errors
    ///
    /// [`Error::NothingToAdopt`] when no file lies where the bucket has one, which a folder one level
    /// off does; [`Error::Offline`], [`Error::Mirror`] when the bucket cannot be listed, [`Error::Io`] when
    /// the tree cannot be read or the mirror cannot be written, [`Error::Cancelled`].
    pub fn adopt(
        &self,
        tree: &Path,
        how: TakeOver,
        jobs: usize,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<Adoption> {
        self.check_online("adopting against the listing of")?;
        let root = self.roots().writable()?.to_owned();
        let canonical = |path: &Path| std::fs::canonicalize(path).map_err(Error::io("open", path));
        let in_place = canonical(tree)? == canonical(&root)?;
        let how = if in_place { TakeOver::Move } else { how };
        let remote = self.open_bucket()?.with_cancel(cancel);
        let inventory = crate::roots::inventory::of_writable(&root)?;
        let found = tree::files(tree)?;
        let is_known = |found: &Found| {
            let path = found.path.as_str();
            path.split_once('/').is_some_and(|(top, _)| is_top_level(top))
                || layout::DATASET_KEYS.contains(&path)
        };
        if !in_place && !found.iter().any(is_known) {
            let (tree, files) = (tree.to_owned(), found.len());
            let instead = meant(&canonical(&tree)?);
            return Err(Error::NothingToAdopt { tree, files, instead });
        }
        let listed = tree::listed(&remote, found.iter().map(|found| &found.path))?;
        let linked = self.linked_directories(listed.keys());
        let bytes = found.iter().map(|found| found.size).sum();
        observer.event(Event::Checking { files: found.len(), bytes });
        let outcomes = in_parallel(&found, jobs, |found| {
            let local = tree::local_of(found.path.as_str()).ok();
            let outcome = match local.and_then(|local| Some((listed.get(&local)?, local))) {
                Some((listed, _)) if policy::is_held_out(listed.key.as_str()) => {
                    Ok(AdoptionOutcome::NotReleased)
                }
                None => Ok(AdoptionOutcome::Unknown),
                Some((listed, local)) => {
                    let here = self.roots().find(local.as_str()).filter(|_| !in_place);
                    let same = |file: &Path| {
                        std::fs::metadata(file).is_ok_and(|found| found.len() == listed.size)
                    };
                    if here.is_some_and(|here| same(&here)) {
                        Ok(AdoptionOutcome::Kept)
                    } else {
                        let place =
                            Place { root: &root, how, inventory: &inventory, linked: &linked };
                        adopt_one(found, listed, local, &place, &remote, cancel)
                    }
                }
            };
            observer.event(Event::Checked { path: found.path.as_str(), bytes: found.size });
            outcome
        });
        let mut files = Vec::with_capacity(found.len());
        for (found, outcome) in found.into_iter().zip(outcomes) {
            files.push((found.path, outcome?));
        }
        inventory.sync().map_err(Error::io("write the inventory", &root))?;
        Ok(Adoption { files })
    }
}

/// Where files are taken over to, and how.
struct Place<'a> {
    root: &'a Path,
    how: TakeOver,
    inventory: &'a Inventory,
    /// Directories that may be links to other disks.
    linked: &'a BTreeSet<String>,
}

/// Whether a folder of this name lies at the top of the bucket.
fn is_top_level(name: &str) -> bool {
    layout::TOP_LEVEL.contains(&name)
        || name.parse::<SubjectId>().is_ok_and(|id| id.as_str() == name)
}

/// The folder that was meant where another was named: one above it, or the only one below it, that has
/// the top of the bucket in it.
fn meant(tree: &Path) -> Option<PathBuf> {
    // The outermost wins: below `derivatives` there are folders of subjects too.
    let parts: Vec<_> = tree.ancestors().collect();
    let above = parts.windows(2).rev().find_map(|pair| {
        let name = pair[0].file_name()?.to_str()?;
        is_top_level(name).then(|| pair[1].to_owned())
    });
    above.or_else(|| {
        let below = std::fs::read_dir(tree).ok()?.flatten().map(|entry| entry.path());
        let mut below =
            below.filter(|path| layout::TOP_LEVEL.iter().any(|name| path.join(name).is_dir()));
        below.next().filter(|_| below.next().is_none())
    })
}

fn adopt_one(
    found: &Found,
    listed: &Listed,
    local: RelativePath,
    place: &Place<'_>,
    remote: &Remote,
    cancel: &Cancel,
) -> Result<AdoptionOutcome> {
    let Place { root, how, inventory, linked } = *place;
    let content = match check_listed(&found.file, &local, listed, remote, cancel) {
        Ok(Condition::Sound(content)) => content,
        Ok(other) => return Ok(AdoptionOutcome::Differs(other)),
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
            return Err(Error::Cancelled);
        }
        Err(error) => return Err(Error::io("read", &found.file)(error)),
    };
    let in_its_place = how == TakeOver::Move && found.file == local.below(root);
    let metadata = if in_its_place {
        std::fs::metadata(&found.file).map_err(Error::io("look at", &found.file))?
    } else {
        take_over(&found.file, root, &local, how, linked).map_err(|source| Error::Io {
            action: "take over",
            path: found.file.clone(),
            source: std::io::Error::other(source),
        })?
    };
    let verified = content.check.is_proof();
    let (key, etag) = (listed.key.clone(), listed.etag.clone());
    inventory
        .add(Record::new(local.clone(), key, etag, content, &metadata))
        .map_err(Error::io("write the inventory", root))?;
    Ok(AdoptionOutcome::Adopted { local, bytes: listed.size, verified })
}
