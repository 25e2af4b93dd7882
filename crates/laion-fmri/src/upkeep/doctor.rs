//! Examines everything that a mirror needs to work: [`Dataset::examine`].

use std::path::Path;
use std::time::{Duration, Instant};

use laion_fmri_base::{agreeing, counted, readable_bytes};

use super::tree;
use crate::store::StoreState;
use crate::{Dataset, layout};

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Health {
    /// As it should be.
    Good,
    /// Worth knowing.
    Note,
    /// In the way.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Finding {
    /// What was looked at, in one or two words.
    pub subject: &'static str,
    /// How it is.
    pub health: Health,
    /// What was found.
    pub detail: String,
    /// What would help, when that is known.
    pub advice: Option<Advice>,
}

/// What would help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Advice {
    /// Downloads need a root of one's own in addition to the shared one.
    AddRoot,
    /// The licence of the dataset has to be accepted before anything is downloaded.
    AcceptLicense,
    /// The network and the variables of proxies; what is on disk can be read without either.
    CheckNetwork,
    /// The permissions of the directory.
    CheckPermissions,
    /// A download can be planned first, which says how much it takes.
    PlanFirst,
    /// Nothing has to be done.
    Nothing,
    /// A verification makes the records again.
    Verify,
    /// A verification with repair fetches the files again.
    Repair,
    /// The download that brought the files brings them again.
    DownloadAgain,
    /// The download that began the files goes on with them.
    ResumeDownload,
    /// A store is built again, or what is damaged or out of step in it.
    BuildStore,
    /// The next build of a store removes what earlier ones left behind.
    RemoveLeftBehind,
}

/// Less free space than this is worth a note: one session of betas is about 1 GB.
const LITTLE_SPACE: u64 = 5_000_000_000;

impl Finding {
    fn good(subject: &'static str, detail: String) -> Self {
        Self { subject, health: Health::Good, detail, advice: None }
    }

    fn note(subject: &'static str, detail: String, advice: Advice) -> Self {
        Self { subject, health: Health::Note, detail, advice: Some(advice) }
    }

    fn bad(subject: &'static str, detail: String, advice: Advice) -> Self {
        Self { subject, health: Health::Bad, detail, advice: Some(advice) }
    }
}

impl Dataset {
    /// Examines the roots, the disk, the licence, the records and the bucket. It writes only one
    /// file, which it removes at once, and sends two requests unless the dataset is offline.
    #[must_use]
    pub fn examine(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for root in self.roots().directories() {
            findings.push(permissions(root));
        }
        match self.roots().writable() {
            Ok(root) => {
                findings.push(space(root));
                findings.push(file_locks(root));
            }
            Err(_) => findings.push(Finding::bad(
                "data directory",
                "no root can be written to".to_owned(),
                Advice::AddRoot,
            )),
        }
        findings.push(match self.license() {
            Ok(accepted) => {
                Finding::good("licence", format!("accepted, {}", accepted.marker().display()))
            }
            Err(_) => Finding::note(
                "licence",
                "not accepted yet; downloads ask for it".to_owned(),
                Advice::AcceptLicense,
            ),
        });
        for root in self.roots().directories() {
            findings.extend(consistency(root));
        }
        findings.extend(self.found_stores());
        findings.push(self.bucket());
        findings
    }

    /// What is wrong with stores, and how many are used.
    fn found_stores(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let (mut used, mut bytes) = (0, 0);
        for store in self.stores().unwrap_or_default() {
            let damaged = store.problem.clone().map(|problem| (None, problem));
            let sessions = store.sessions.iter().filter_map(|it| match &it.state {
                StoreState::Damaged(why) | StoreState::Stale(why) => {
                    Some((Some(&it.session), why.clone()))
                }
                _ => None,
            });
            let problems: Vec<_> = damaged.into_iter().chain(sessions).collect();
            let shown = store.path.display();
            for (session, why) in &problems {
                let session = session.map(|session| format!(" {session}")).unwrap_or_default();
                let detail = format!("{shown}{session} is not used: {why}");
                findings.push(Finding::note("stores", detail, Advice::BuildStore));
            }
            if store.left_behind > 0 {
                let size = readable_bytes(store.left_behind_bytes);
                let builds = counted(store.left_behind, "build");
                let were = agreeing(store.left_behind, "was", "were");
                let detail = format!("{shown}: {builds} that {were} killed left {size} behind");
                findings.push(Finding::note("stores", detail, Advice::RemoveLeftBehind));
            }
            if store.problem.is_none() {
                (used, bytes) = (used + 1, bytes + store.bytes);
            }
        }
        if used > 0 {
            let detail = format!("{}, {}", counted(used, "store"), readable_bytes(bytes));
            findings.push(Finding::good("stores", detail));
        }
        findings
    }

    fn bucket(&self) -> Finding {
        let name = self.location().to_string();
        if self.check_online("asking").is_err() {
            return Finding::good("bucket", format!("{name}, not asked: offline"));
        }
        let start = Instant::now();
        let asked = self.open_bucket().and_then(|remote| {
            remote.list_directory(layout::GLMSINGLE)?;
            let time = in_words(start.elapsed());
            Ok((time, remote.subjects()?.len()))
        });
        match asked {
            Ok((time, subjects)) => {
                let subjects = counted(subjects, "subject");
                Finding::good("bucket", format!("{name} responds in {time}, {subjects}"))
            }
            Err(error) => {
                let mut detail = error.to_string();
                let mut cause: Option<&(dyn std::error::Error + 'static)> =
                    std::error::Error::source(&error);
                while let Some(source) = cause {
                    detail.push_str(&format!(": {source}"));
                    cause = source.source();
                }
                Finding::bad("bucket", detail, Advice::CheckNetwork)
            }
        }
    }
}

fn permissions(root: &Path) -> Finding {
    let shown = root.display();
    if std::fs::read_dir(root).is_err() {
        return Finding::bad("root", format!("{shown} cannot be read"), Advice::CheckPermissions);
    }
    match tempfile::tempfile_in(root) {
        Ok(_) => Finding::good("root", format!("{shown}, writable")),
        Err(_) => Finding::good("root", format!("{shown}, read only")),
    }
}

fn space(root: &Path) -> Finding {
    match crate::roots::free_bytes(root) {
        Some(free) if free < LITTLE_SPACE => Finding::note(
            "disk",
            format!("{:.1} GB free below {}", free as f64 / 1e9, root.display()),
            Advice::PlanFirst,
        ),
        Some(free) => Finding::good("disk", format!("{:.1} GB free", free as f64 / 1e9)),
        None => Finding::good("disk", "free space is not known on this system".to_owned()),
    }
}

fn file_locks(root: &Path) -> Finding {
    let lockable = tempfile::tempfile_in(root).is_ok_and(|file| file.try_lock().is_ok());
    if lockable {
        Finding::good("file locks", "work".to_owned())
    } else {
        // Claims then rest on hard links and signs of life alone.
        Finding::note(
            "file locks",
            "do not work here; a killed download can only be resumed after 90 s, not at once"
                .to_owned(),
            Advice::Nothing,
        )
    }
}

fn consistency(root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let inventory = match crate::roots::inventory::of_shared(root) {
        Ok(inventory) => inventory,
        Err(error) => {
            return vec![Finding::bad("records", error.to_string(), Advice::Verify)];
        }
    };
    let (mut sound, mut missing, mut wrong) = (0_u64, 0_u64, 0_u64);
    for path in inventory.paths() {
        match std::fs::metadata(path.below(root)) {
            Err(_) => missing += 1,
            Ok(found) => match inventory.find(&path, &found) {
                Some(record) if record.size == found.len() => sound += 1,
                _ => wrong += 1,
            },
        }
    }
    let shown = root.display();
    if wrong > 0 {
        findings.push(Finding::bad(
            "mirror",
            format!("{} in {shown} changed size since download", counted(wrong, "file")),
            Advice::Repair,
        ));
    }
    if missing > 0 {
        findings.push(Finding::note(
            "mirror",
            format!(
                "{} {} no longer in {shown}",
                counted(missing, "recorded file"),
                agreeing(missing, "is", "are")
            ),
            Advice::DownloadAgain,
        ));
    }
    findings.push(Finding::good("mirror", format!("{shown}: {}", counted(sound, "recorded file"))));
    let unfinished = tree::unfinished(root);
    if !unfinished.is_empty() {
        findings.push(Finding::note(
            "mirror",
            format!("{} in {shown}", counted(unfinished.len(), "unfinished file")),
            Advice::ResumeDownload,
        ));
    }
    findings
}

fn in_words(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
