//! The subjects and sessions that the bucket listed when a download was last planned, kept for
//! messages.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use bids_names::{SessionId, SubjectId};
use serde::{Deserialize, Serialize};

use crate::config::STATE_DIR;

const SCHEMA: &str = "laion-fmri.listed-sessions/1";

/// The largest file that is read; every session of the release takes a few kB.
const MOST: u64 = 1 << 20;

/// What a bucket has, as far as it was listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    /// All subjects, where a download of all of them was planned.
    pub(crate) subjects: Option<BTreeSet<SubjectId>>,
    /// The released sessions with betas, by subject.
    pub(crate) sessions: BTreeMap<SubjectId, BTreeSet<SessionId>>,
}

#[derive(Deserialize, Serialize)]
struct Document {
    schema: String,
    bucket: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subjects: Option<Vec<String>>,
    sessions: BTreeMap<String, Vec<String>>,
}

fn file(root: &Path) -> PathBuf {
    root.join(STATE_DIR).join("listed_sessions.json")
}

/// What is kept in a root. A file that cannot be read says nothing, and a name that no subject or
/// session can have is passed over: messages do without.
pub(crate) fn read(root: &Path) -> Listed {
    document(root).map(|document| listed(&document)).unwrap_or_default()
}

fn document(root: &Path) -> Option<Document> {
    let path = file(root);
    if fs::metadata(&path).ok()?.len() > MOST {
        return None;
    }
    let document: Document = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    (document.schema == SCHEMA).then_some(document)
}

fn listed(document: &Document) -> Listed {
    let subjects = document.subjects.as_ref();
    let sessions = document.sessions.iter().filter_map(|(subject, sessions)| {
        let sessions = sessions.iter().filter_map(|session| session.parse().ok()).collect();
        Some((subject.parse().ok()?, sessions))
    });
    Listed {
        subjects: subjects.map(|ids| ids.iter().filter_map(|id| id.parse().ok()).collect()),
        sessions: sessions.collect(),
    }
}

/// Keeps what was listed of some subjects, and what is known of others of the same bucket.
#[cfg(feature = "download")]
pub(crate) fn keep(root: &Path, bucket: &str, new: &Listed) -> std::io::Result<()> {
    use std::io::Write;

    let before = document(root).filter(|document| document.bucket == bucket);
    let before = before.map(|document| listed(&document)).unwrap_or_default();
    let mut all = before.clone();
    all.subjects = new.subjects.clone().or(all.subjects);
    let sessions = new.sessions.iter();
    all.sessions.extend(sessions.map(|(subject, it)| (subject.clone(), it.clone())));
    if all == before {
        return Ok(());
    }
    let subjects = all.subjects.map(|ids| ids.iter().map(ToString::to_string).collect());
    let names = |sessions: &BTreeSet<SessionId>| sessions.iter().map(ToString::to_string).collect();
    let document = Document {
        schema: SCHEMA.to_owned(),
        bucket: bucket.to_owned(),
        subjects,
        sessions: all
            .sessions
            .iter()
            .map(|(subject, it)| (subject.to_string(), names(it)))
            .collect(),
    };
    let path = file(root);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut out = laion_fmri_base::AtomicFile::create(&path)?;
    out.write_all(&serde_json::to_vec(&document)?)?;
    out.commit()
}

#[cfg(test)]
#[cfg(feature = "download")]
mod tests {
    use super::*;

    fn sessions(of: &[(&str, &[&str])]) -> Listed {
        let parsed = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
        let sessions = of.iter().map(|(id, names)| (id.parse().unwrap(), parsed(names)));
        Listed { subjects: None, sessions: sessions.collect() }
    }

    #[test]
    fn what_was_listed_is_kept_by_subject_and_bucket() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(read(root.path()), Listed::default());
        let one = sessions(&[("sub-01", &["ses-01", "ses-02"])]);
        keep(root.path(), "s3://a", &one).unwrap();
        assert_eq!(read(root.path()), one);
        let two = sessions(&[("sub-03", &["ses-01"])]);
        keep(root.path(), "s3://a", &two).unwrap();
        assert_eq!(read(root.path()).sessions.len(), 2);
        // A listing takes the place of the last one, and what another bucket has says nothing.
        let fewer = sessions(&[("sub-01", &["ses-02"])]);
        keep(root.path(), "s3://a", &fewer).unwrap();
        let sub_01: SubjectId = "sub-01".parse().unwrap();
        assert_eq!(read(root.path()).sessions[&sub_01].len(), 1);
        // The list of all subjects stays when a download names some.
        let subjects = Some(BTreeSet::from([sub_01]));
        let everyone = Listed { subjects: subjects.clone(), ..Listed::default() };
        keep(root.path(), "s3://a", &everyone).unwrap();
        keep(root.path(), "s3://a", &one).unwrap();
        let kept = read(root.path());
        assert_eq!((&kept.subjects, kept.sessions.len()), (&subjects, 2));
        keep(root.path(), "s3://b", &two).unwrap();
        assert_eq!(read(root.path()), two);
    }

    #[test]
    fn a_file_that_cannot_be_read_says_nothing() {
        let root = tempfile::tempdir().unwrap();
        keep(root.path(), "s3://a", &sessions(&[("sub-01", &["ses-01"])])).unwrap();
        let whole = fs::read_to_string(file(root.path())).unwrap();
        let large = format!("{whole}{}", " ".repeat(1 << 20));
        for text in ["", "{", &whole.replace("sessions/1", "sessions/2"), &large] {
            fs::write(file(root.path()), text).unwrap();
            assert_eq!(read(root.path()), Listed::default(), "{}", text.len());
        }
        let names = whole.replace("ses-01", "../x").replace("sub-01", "sub-03");
        fs::write(file(root.path()), names).unwrap();
        assert_eq!(read(root.path()), sessions(&[("sub-03", &[])]));
    }
}
