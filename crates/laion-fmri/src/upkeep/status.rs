//! What is on disk against what the bucket has: [`Dataset::status`].

use std::collections::{BTreeMap, BTreeSet};

use bids_names::{SessionId, SubjectId};
use s3_mirror::RelativePath;

use super::tree::local_of;
use crate::config::STATE_DIR;
use crate::remote::Remote;
use crate::store::StoreInfo;
use crate::{Dataset, Discovery, Error, Result, RoiInfo, Subject, layout, policy};

/// Directories deeper than this are not looked into; keys have about eight parts.
const MOST_DEPTH: usize = 32;

/// What the mirror is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Against {
    /// Nothing: only what is on disk is counted, without the network.
    Disk,
    /// The listing of the bucket.
    #[default]
    Bucket,
}

/// A number of files and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Amount {
    /// How many files there are.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Amount {
    /// The amount of files of these sizes.
    pub(super) fn of(sizes: impl Iterator<Item = u64>) -> Self {
        sizes.fold(Self::default(), |sum, size| Self {
            files: sum.files + 1,
            bytes: sum.bytes + size,
        })
    }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), |sum, one| Self {
            files: sum.files + one.files,
            bytes: sum.bytes + one.bytes,
        })
    }
}

/// What is there of some subjects.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Status {
    /// What the mirror was compared with. After [`Against::Disk`] every amount of the bucket is `None`.
    pub against: Against,
    /// The subjects, sorted.
    pub subjects: Vec<SubjectStatus>,
}

/// What is there of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SubjectStatus {
    /// The subject.
    pub subject: SubjectId,
    /// The sessions of the betas tree, on disk or in the bucket, sorted.
    pub sessions: Vec<SessionStatus>,
    /// The trees that hold anything of the subject, on disk or in the bucket.
    pub trees: Vec<TreeStatus>,
    /// The ROIs, on disk or in the bucket, by category and name.
    pub rois: Vec<RoiStatus>,
    /// The [stores](crate::store) of its betas.
    pub stores: Vec<StoreInfo>,
}

/// What is there of one session in the betas tree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SessionStatus {
    /// The session.
    pub session: SessionId,
    /// Whether the session is released; the files of others cannot be downloaded.
    pub is_released: bool,
    /// Whether its betas are on disk.
    pub has_betas: bool,
    /// The number of its trials; `None` without a readable trial table on disk.
    pub trials: Option<usize>,
    /// What is on disk.
    pub disk: Amount,
    /// What the bucket lists.
    pub bucket: Option<Amount>,
}

/// What is there of a subject in one tree of the bucket's layout.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TreeStatus {
    /// The prefix of its keys, such as `derivatives/rois/sub-03/`.
    pub prefix: String,
    /// What is on disk.
    pub disk: Amount,
    /// What the bucket lists, without sessions that are not released.
    pub bucket: Option<Amount>,
}

/// One ROI of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct RoiStatus {
    /// The ROI, its category and its size.
    pub roi: RoiInfo,
    /// Whether its volume is on disk.
    pub is_on_disk: bool,
}

impl Status {
    /// What is on disk of all subjects together.
    #[must_use]
    pub fn disk(&self) -> Amount {
        self.subjects.iter().map(SubjectStatus::disk).sum()
    }

    /// What the bucket lists of all subjects together, as far as it is released.
    #[must_use]
    pub fn bucket(&self) -> Option<Amount> {
        self.subjects.iter().map(SubjectStatus::bucket).sum()
    }
}

impl SubjectStatus {
    /// What is on disk, of all trees.
    #[must_use]
    pub fn disk(&self) -> Amount {
        self.trees.iter().map(|tree| tree.disk).sum()
    }

    /// What the bucket lists, of all trees, as far as it is released.
    #[must_use]
    pub fn bucket(&self) -> Option<Amount> {
        self.trees.iter().map(|tree| tree.bucket).sum()
    }

    /// The trials of the sessions whose betas are on disk.
    #[must_use]
    pub fn trials(&self) -> usize {
        let sessions = self.sessions.iter().filter(|session| session.has_betas);
        sessions.filter_map(|session| session.trials).sum()
    }
}

/// The files of a subject by local path, with their sizes.
type Sizes = BTreeMap<String, u64>;

impl Dataset {
    /// What is on disk of these subjects, or of all when none is named, and what the bucket has of
    /// them. Nothing is downloaded and no licence is needed: files are listed, and of those on disk
    /// only trial tables, ROI volumes and the brain mask are read.
    ///
    /// # Errors
    ///
    /// [`Error::SubjectNotFound`] for a subject that neither the mirror nor the bucket has, and
    /// [`Error::DataNotDownloaded`] when only the disk was asked; [`Error::Offline`] and
    /// [`Error::Mirror`] when the bucket cannot be asked; [`Error::Io`] when a directory cannot be read.
    ///
    /// ```
    /// use laion_fmri::Dataset;
    /// use laion_fmri::upkeep::Against;
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let status = Dataset::open("laion-fmri")?.status(&[], Against::Disk)?;
    /// let subject = &status.subjects[0];
    /// assert_eq!(subject.subject.as_str(), "sub-01");
    /// assert!(subject.trials() > 0 && subject.disk().bytes > 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn status(&self, subjects: &[SubjectId], against: Against) -> Result<Status> {
        let remote = match against {
            Against::Disk => None,
            Against::Bucket => Some(self.remote("asking")?),
        };
        let discovery = remote.clone().map(|remote| Discovery::of(remote, self.location()));
        let on_disk: BTreeSet<SubjectId> =
            crate::dataset::subjects_below(|tree| self.roots().subdirectories(tree))?
                .into_iter()
                .collect();
        let in_bucket: BTreeSet<SubjectId> = match &remote {
            Some(remote) => remote.subjects()?.into_iter().collect(),
            None => BTreeSet::new(),
        };
        let all: BTreeSet<SubjectId> = on_disk.union(&in_bucket).cloned().collect();
        if let Some(unknown) = subjects.iter().find(|subject| !all.contains(*subject)) {
            if remote.is_none() {
                self.subject(unknown)?;
            }
            let available = all.iter().map(ToString::to_string).collect();
            return Err(Error::SubjectNotFound { got: unknown.to_string(), available });
        }
        let mut chosen: Vec<SubjectId> =
            if subjects.is_empty() { all.into_iter().collect() } else { subjects.to_vec() };
        chosen.sort();
        chosen.dedup();
        let status = |id: &SubjectId| {
            let subject = on_disk.contains(id).then(|| self.mirrored(id));
            self.status_of(id, subject.as_ref(), remote.as_ref(), discovery.as_ref())
        };
        Ok(Status { against, subjects: chosen.iter().map(status).collect::<Result<_>>()? })
    }

    fn status_of(
        &self,
        id: &SubjectId,
        subject: Option<&Subject>,
        remote: Option<&Remote>,
        discovery: Option<&Discovery>,
    ) -> Result<SubjectStatus> {
        let mut trees = Vec::new();
        let mut sessions = BTreeMap::new();
        for tree in layout::SUBJECT_TREES {
            let prefix = format!("{tree}{id}/");
            let disk = self.sizes_on_disk(&prefix)?;
            let bucket = remote.map(|remote| sizes_in_bucket(remote, &prefix)).transpose()?;
            if tree == layout::GLMSINGLE {
                sessions = sessions_of(&prefix, &disk, bucket.as_ref());
            }
            let amount = |sizes: &Sizes| Amount::of(sizes.values().copied());
            let released = |sizes: Sizes| {
                let released = sizes.into_iter().filter(|(path, _)| !policy::is_held_out(path));
                Amount::of(released.map(|(_, size)| size))
            };
            let (disk, bucket) = (amount(&disk), bucket.map(released));
            if disk.files > 0 || bucket.is_some_and(|bucket| bucket.files > 0) {
                trees.push(TreeStatus { prefix, disk, bucket });
            }
        }
        let sessions = sessions.into_iter().map(|(session, (disk, bucket))| SessionStatus {
            is_released: !policy::HELD_OUT_SESSIONS.contains(&session.label()),
            has_betas: self.roots().find(&layout::betas(id, &session)).is_some(),
            trials: subject.and_then(|subject| Some(subject.trials(&session).ok()?.len())),
            disk,
            bucket: remote.map(|_| bucket),
            session,
        });
        let sessions = sessions.collect();
        let mut rois: Vec<RoiStatus> = match subject {
            Some(subject) => subject.roi_table()?,
            None => Vec::new(),
        }
        .into_iter()
        .map(|roi| RoiStatus { roi, is_on_disk: true })
        .collect();
        if let Some(discovery) = discovery {
            for roi in discovery.roi_table(id)? {
                let same = |known: &RoiStatus| {
                    (&known.roi.category, &known.roi.name) == (&roi.category, &roi.name)
                };
                if !rois.iter().any(same) {
                    rois.push(RoiStatus { roi, is_on_disk: false });
                }
            }
        }
        rois.sort_by(|a, b| (&a.roi.category, &a.roi.name).cmp(&(&b.roi.category, &b.roi.name)));
        let stores = self.mirrored(id).stores(None)?;
        Ok(SubjectStatus { subject: id.clone(), sessions, trees, rois, stores })
    }

    /// The files below a prefix, in the first root that has each. Links to directories are followed:
    /// shared mirrors are often stitched together with them.
    fn sizes_on_disk(&self, prefix: &str) -> Result<Sizes> {
        let mut sizes = Sizes::new();
        let mut folders = vec![(prefix.to_owned(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            for name in self.roots().files(&folder)? {
                let path = format!("{folder}{name}");
                let Some(file) = self.roots().find(&path).filter(|_| !name.starts_with('.')) else {
                    continue;
                };
                let size = std::fs::metadata(&file).map_err(Error::io("look at", &file))?.len();
                if let Ok(local) = local_of(&path) {
                    sizes.entry(local.to_string()).or_insert(size);
                }
            }
            if depth < MOST_DEPTH {
                let names = self.roots().subdirectories(&folder)?;
                let names =
                    names.iter().filter(|name| !name.starts_with('.') && *name != STATE_DIR);
                folders.extend(names.map(|name| (format!("{folder}{name}/"), depth + 1)));
            }
        }
        Ok(sizes)
    }
}

fn sizes_in_bucket(remote: &Remote, prefix: &str) -> Result<Sizes> {
    let objects = remote.list_tree(prefix, |_| true)?.objects.into_iter();
    let local = |key: &str| Some(local_of(key).ok()?).map(|path: RelativePath| path.to_string());
    Ok(objects.filter_map(|object| Some((local(object.key.as_str())?, object.size))).collect())
}

/// What each session of the betas tree has on disk and in the bucket.
fn sessions_of(
    prefix: &str,
    disk: &Sizes,
    bucket: Option<&Sizes>,
) -> BTreeMap<SessionId, (Amount, Amount)> {
    let mut sessions: BTreeMap<SessionId, (Amount, Amount)> = BTreeMap::new();
    let session = |path: &str| {
        let (folder, _) = path.strip_prefix(prefix)?.split_once('/')?;
        folder.starts_with("ses-").then(|| folder.parse::<SessionId>().ok())?
    };
    let add = |amount: &mut Amount, size: u64| {
        amount.files += 1;
        amount.bytes += size;
    };
    for (path, size) in disk {
        if let Some(session) = session(path) {
            add(&mut sessions.entry(session).or_default().0, *size);
        }
    }
    for (path, size) in bucket.into_iter().flatten() {
        if let Some(session) = session(path) {
            add(&mut sessions.entry(session).or_default().1, *size);
        }
    }
    sessions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_those_of_the_betas_tree() {
        let sizes = |paths: &[(&str, u64)]| -> Sizes {
            paths.iter().map(|(path, size)| (format!("d/sub-01/{path}"), *size)).collect()
        };
        let disk = sizes(&[("ses-01/func/a", 3), ("ses-01/func/b", 4), ("average.nii.gz", 9)]);
        let bucket = sizes(&[("ses-01/func/a", 3), ("ses-31/func/a", 5), ("other/ses-02/x", 1)]);
        let sessions = sessions_of("d/sub-01/", &disk, Some(&bucket));
        let amount = |files, bytes| Amount { files, bytes };
        let named: Vec<_> = sessions.iter().map(|(id, it)| (id.as_str(), *it)).collect();
        assert_eq!(
            named,
            [("ses-01", (amount(2, 7), amount(1, 3))), ("ses-31", (amount(0, 0), amount(1, 5)))]
        );
    }
}
