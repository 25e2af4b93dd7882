//! What the bucket holds, asked without downloading anything.

use std::collections::BTreeSet;
use std::fmt;

use bids_names::{SessionId, SubjectId, dehyphenate_labels, roi_label};
use s3_mirror::{Cancel, ConnectOptions, Location};

use crate::remote::Remote;
use crate::{Error, Result, RoiInfo, Subjects, layout, policy};

/// The public bucket: anonymous, in us-west-2.
#[must_use]
pub fn public_bucket() -> Location {
    // INVARIANT: a constant that fulfils the rules for bucket names.
    Location::s3("laion-fmri").expect("a valid bucket name")
}

/// A bucket that can be asked what it holds. Every method lists it again, and blocks until the answer is
/// there, inside a tokio runtime too.
#[derive(Clone, Debug)]
pub struct Discovery {
    remote: Remote,
    location: Location,
}

impl Discovery {
    /// Opens a bucket; no request is made yet.
    ///
    /// # Errors
    ///
    /// [`Error::Mirror`] when the location cannot be used.
    pub fn open(location: &Location) -> Result<Self> {
        Self::open_with(location, &ConnectOptions::default())
    }

    /// The same with another patience.
    ///
    /// # Errors
    ///
    /// As [`Discovery::open`].
    pub fn open_with(location: &Location, options: &ConnectOptions) -> Result<Self> {
        Ok(Self::of(Remote::open(location, options)?, location))
    }

    /// The same over connections that are open.
    pub(crate) fn of(remote: Remote, location: &Location) -> Self {
        Self { remote, location: location.clone() }
    }

    /// The same, with a [`Cancel`]. When it is set, the current call and every later one ends with
    /// [`Error::Cancelled`].
    #[must_use]
    pub fn with_cancel(mut self, cancel: &Cancel) -> Self {
        self.remote = self.remote.with_cancel(cancel);
        self
    }

    /// The subjects of the bucket: those of which it has betas, ROIs, the anatomy, FreeSurfer files,
    /// localizers or raw data, sorted.
    ///
    /// # Errors
    ///
    /// [`Error::NotTheDataset`] for a bucket that holds something else; [`Error::Mirror`] when it cannot
    /// be listed.
    #[doc(alias = "get_subjects")]
    pub fn subjects(&self) -> Result<Vec<SubjectId>> {
        self.remote.subjects()
    }

    /// The sessions of a subject that are listed below its betas tree, sorted, held-out ones
    /// included.
    ///
    /// # Errors
    ///
    /// [`Error::SubjectNotFound`] when the id is malformed; [`Error::Mirror`] when the bucket cannot
    /// be listed.
    pub fn sessions(&self, subject: impl AsRef<str>) -> Result<Vec<SessionId>> {
        let subject = subject.as_ref().parse()?;
        let names = self.remote.directories(&layout::glmsingle(&subject))?;
        let sessions = names.iter().filter(|name| name.starts_with("ses-"));
        Ok(sessions.filter_map(|name| name.parse().ok()).collect())
    }

    /// The sessions of a subject with raw data, sorted.
    ///
    /// # Errors
    ///
    /// As [`Discovery::sessions`].
    pub fn raw_sessions(&self, subject: impl AsRef<str>) -> Result<Vec<SessionId>> {
        let subject = subject.as_ref().parse()?;
        let names = self.remote.directories(&layout::raw(&subject))?;
        let sessions = names.iter().filter(|name| name.starts_with("ses-"));
        Ok(sessions.filter_map(|name| name.parse().ok()).collect())
    }

    /// The sessions of several subjects together, with betas or raw data, sorted, held-out ones
    /// included: those that the filter of a download can name.
    ///
    /// # Errors
    ///
    /// [`Error::NotTheDataset`] when all subjects are asked for and the bucket holds something else;
    /// [`Error::Mirror`] when it cannot be listed.
    pub fn sessions_of(&self, subjects: &Subjects) -> Result<Vec<SessionId>> {
        let subjects = match subjects {
            Subjects::These(subjects) => subjects.clone(),
            Subjects::All => self.subjects()?,
        };
        let mut found = BTreeSet::new();
        for subject in subjects {
            found.extend(self.sessions(&subject)?);
            found.extend(self.raw_sessions(&subject)?);
        }
        Ok(found.into_iter().collect())
    }

    /// The ROIs of a subject, in the local spelling, sorted; with a category only that category's.
    ///
    /// # Errors
    ///
    /// [`Error::SubjectNotFound`] when the id is malformed; [`Error::Mirror`] when the bucket cannot
    /// be listed.
    #[doc(alias = "get_rois")]
    pub fn rois(&self, subject: impl AsRef<str>, category: Option<&str>) -> Result<Vec<String>> {
        let rois = self.roi_table(subject)?.into_iter();
        let rois = rois.filter(|roi| category.is_none_or(|category| category == roi.category));
        Ok(rois.map(|roi| roi.name).collect::<BTreeSet<_>>().into_iter().collect())
    }

    /// The ROIs of a subject by category and name. Their sizes are not known without reading them.
    ///
    /// # Errors
    ///
    /// As [`Discovery::rois`].
    pub fn roi_table(&self, subject: impl AsRef<str>) -> Result<Vec<RoiInfo>> {
        let subject: SubjectId = subject.as_ref().parse()?;
        let prefix = layout::rois(&subject);
        let listed = self.remote.list(&prefix)?;
        let mut rois = BTreeSet::new();
        for object in listed.objects {
            let local = dehyphenate_labels(object.key.as_str());
            let Some((found, file)) = local.strip_prefix(&prefix).and_then(|p| p.split_once('/'))
            else {
                continue;
            };
            if file.contains('/') {
                continue;
            }
            let name = roi_label(file, &subject, "1pt8");
            rois.extend(name.map(|name| (found.to_owned(), name.to_owned())));
        }
        let info = |(category, name)| RoiInfo { category, name, voxels: None };
        Ok(rois.into_iter().map(info).collect())
    }

    /// A one-screen overview: the bucket, its subjects, and the first subject's ROIs.
    ///
    /// # Errors
    ///
    /// [`Error::Mirror`] when the bucket cannot be listed.
    pub fn describe(&self) -> Result<Description> {
        let subjects = self.subjects()?;
        let rois = match subjects.first() {
            Some(first) => self.rois(first, None)?,
            None => Vec::new(),
        };
        Ok(Description { bucket: self.location.to_string(), subjects, rois })
    }

    /// The same overview for one subject.
    ///
    /// # Errors
    ///
    /// [`Error::SubjectNotFound`] when the bucket has no such subject; [`Error::Mirror`] when it
    /// cannot be listed.
    pub fn describe_subject(&self, subject: impl AsRef<str>) -> Result<SubjectDescription> {
        let subject: SubjectId = subject.as_ref().parse()?;
        let by_tree = self.remote.subjects_by_tree()?;
        let has = by_tree.iter().filter(|(_, subjects)| subjects.contains(&subject));
        let trees: Vec<&str> = has.map(|(tree, _)| *tree).collect();
        if trees.is_empty() {
            // Other trees may have it.
            let available = self.subjects()?;
            if !available.contains(&subject) {
                let available = available.iter().map(ToString::to_string).collect();
                return Err(Error::SubjectNotFound { got: subject.to_string(), available });
            }
        }
        Ok(SubjectDescription {
            bucket: self.location.to_string(),
            trees,
            sessions: self.sessions(&subject)?,
            rois: self.rois(&subject, None)?,
            subject,
        })
    }

    /// The top-level prefixes of the bucket and a count for each derivative tree it has.
    ///
    /// # Errors
    ///
    /// [`Error::NotTheDataset`] for a bucket that holds something else; [`Error::Mirror`] when it cannot
    /// be listed.
    #[doc(alias = "inspect_bucket")]
    pub fn inspect(&self) -> Result<Inspection> {
        self.remote.check_dataset()?;
        let top_level: BTreeSet<String> =
            self.remote.list_directory("")?.prefixes.into_iter().collect();
        let mut trees = Vec::new();
        for prefix in layout::PROBED {
            let names = self.remote.directories(prefix)?;
            if names.is_empty() {
                continue;
            }
            let subjects = names.iter().filter(|name| name.starts_with("sub-")).count();
            trees.push(TreeCount { prefix, entries: names.len(), subjects });
        }
        Ok(Inspection {
            bucket: self.location.to_string(),
            top_level: top_level.into_iter().collect(),
            trees,
        })
    }
}

/// An overview of the bucket; `Display` gives the documented text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Description {
    /// The bucket, as a URL.
    pub bucket: String,
    /// Every subject.
    pub subjects: Vec<SubjectId>,
    /// The first subject's ROIs.
    pub rois: Vec<String>,
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "LAION-fMRI Dataset")?;
        writeln!(f, "  Bucket:    {}", self.bucket)?;
        let names = if self.subjects.is_empty() { "none".to_owned() } else { join(&self.subjects) };
        write!(f, "  Subjects:  {} ({names})", self.subjects.len())?;
        // Subjects differ in their ROIs.
        if let Some(first) = self.subjects.first().filter(|_| !self.rois.is_empty()) {
            write!(f, "\n  ROIs:      {} (of {first})", self.rois.join(", "))?;
        }
        Ok(())
    }
}

/// An overview of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SubjectDescription {
    /// The bucket, as a URL.
    pub bucket: String,
    /// The subject.
    pub subject: SubjectId,
    /// The derivative trees that hold something of the subject.
    pub trees: Vec<&'static str>,
    /// The sessions below the betas tree.
    pub sessions: Vec<SessionId>,
    /// The ROIs.
    pub rois: Vec<String>,
}

impl fmt::Display for SubjectDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "LAION-fMRI {}", self.subject)?;
        writeln!(f, "  Bucket:    {}", self.bucket)?;
        writeln!(f, "  Trees:     {}", self.trees.join(", "))?;
        let is_held_out =
            |session: &&SessionId| policy::HELD_OUT_SESSIONS.contains(&session.label());
        let (held_out, released): (Vec<_>, Vec<_>) = self.sessions.iter().partition(is_held_out);
        let names = if released.is_empty() { "none".to_owned() } else { join(&released) };
        write!(f, "  Sessions:  {} ({names})", released.len())?;
        if !held_out.is_empty() {
            write!(f, "; not released yet: {}", join(&held_out))?;
        }
        if !self.rois.is_empty() {
            write!(f, "\n  ROIs:      {}", self.rois.join(", "))?;
        }
        Ok(())
    }
}

/// What lies at the top of the bucket; `Display` gives the documented text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Inspection {
    /// The bucket, as a URL.
    pub bucket: String,
    /// The top-level prefixes, each with its `/`.
    pub top_level: Vec<String>,
    /// The derivative trees that the bucket has.
    pub trees: Vec<TreeCount>,
}

/// How many directories lie directly below a derivative tree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TreeCount {
    /// The tree.
    pub prefix: &'static str,
    /// Its directories.
    pub entries: usize,
    /// Those named `sub-*`.
    pub subjects: usize,
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Bucket: {}", self.bucket)?;
        write!(f, "Top-level prefixes ({}):", self.top_level.len())?;
        for prefix in &self.top_level {
            write!(f, "\n  {prefix}")?;
        }
        for tree in &self.trees {
            let TreeCount { prefix, entries, subjects } = tree;
            write!(f, "\n{prefix}: {entries} entries, {subjects} sub-* entries")?;
        }
        Ok(())
    }
}

fn join(names: &[impl ToString]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_bucket_is_described_as_such() {
        let description = Description {
            bucket: "s3://laion-fmri".to_owned(),
            subjects: Vec::new(),
            rois: Vec::new(),
        };
        assert_eq!(
            description.to_string(),
            "LAION-fMRI Dataset\n  Bucket:    s3://laion-fmri\n  Subjects:  0 (none)"
        );
    }

    #[test]
    fn texts_are_the_documented_ones() {
        let description = Description {
            bucket: "s3://laion-fmri".to_owned(),
            subjects: vec!["sub-01".parse().unwrap(), "sub-03".parse().unwrap()],
            rois: vec!["EBA".to_owned(), "FBA".to_owned()],
        };
        assert_eq!(
            description.to_string(),
            "LAION-fMRI Dataset\n  Bucket:    s3://laion-fmri\n  Subjects:  2 (sub-01, sub-03)\n  ROIs:      EBA, FBA (of sub-01)"
        );
        let inspection = Inspection {
            bucket: "s3://laion-fmri".to_owned(),
            top_level: vec!["derivatives/".to_owned()],
            trees: vec![TreeCount { prefix: layout::GLMSINGLE, entries: 5, subjects: 5 }],
        };
        assert_eq!(
            inspection.to_string(),
            "Bucket: s3://laion-fmri\nTop-level prefixes (1):\n  derivatives/\nderivatives/glmsingle-tedana/: 5 entries, 5 sub-* entries"
        );
    }
}
