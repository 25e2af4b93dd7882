//! What may be in the way of a mirror, looked at from all sides: [`Dataset::examine`].

use std::path::Path;
use std::time::{Duration, Instant};

use super::tree;
use crate::{Dataset, layout};

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
pub struct Finding {
    /// What was looked at, in one or two words.
    pub subject: &'static str,
    /// How it is.
    pub health: Health,
    /// What was found.
    pub detail: String,
    /// What would help, when that is known.
    pub hint: Option<String>,
}

/// Less free space than this is worth a note: one session of betas is about 1 GB.
const LITTLE_SPACE: u64 = 5_000_000_000;

impl Finding {
    fn good(subject: &'static str, detail: String) -> Self {
        Self { subject, health: Health::Good, detail, hint: None }
    }

    fn note(subject: &'static str, detail: String, hint: &str) -> Self {
        Self { subject, health: Health::Note, detail, hint: Some(hint.to_owned()) }
    }

    fn bad(subject: &'static str, detail: String, hint: &str) -> Self {
        Self { subject, health: Health::Bad, detail, hint: Some(hint.to_owned()) }
    }
}

impl Dataset {
    /// Looks at the roots, the disk, the licence, the records and the bucket. Writes nothing but a
    /// file that it removes at once; sends two requests unless the dataset is offline.
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
                "downloads need a root of your own: LAION_FMRI_DATA=SHARED:OWN",
            )),
        }
        findings.push(match self.license() {
            Ok(accepted) => {
                Finding::good("licence", format!("accepted, {}", accepted.marker().display()))
            }
            Err(_) => Finding::note(
                "licence",
                "not accepted yet; downloads ask for it".to_owned(),
                "laion-fmri license --accept",
            ),
        });
        for root in self.roots().directories() {
            findings.extend(consistency(root));
        }
        findings.push(self.bucket());
        findings
    }

    fn bucket(&self) -> Finding {
        let name = self.location().to_string();
        if self.check_online("asking").is_err() {
            return Finding::good("bucket", format!("{name}, not asked: offline"));
        }
        let start = Instant::now();
        let asked = crate::remote::Remote::open(self.location())
            .and_then(|remote| remote.list_directory(layout::GLMSINGLE));
        match asked {
            Ok(listing) => {
                let subjects = listing.prefixes.len();
                let time = in_words(start.elapsed());
                Finding::good("bucket", format!("{name} answers in {time}, {subjects} subjects"))
            }
            Err(error) => {
                let mut detail = error.to_string();
                let mut cause: Option<&(dyn std::error::Error + 'static)> =
                    std::error::Error::source(&error);
                while let Some(source) = cause {
                    detail.push_str(&format!(": {source}"));
                    cause = source.source();
                }
                Finding::bad(
                    "bucket",
                    detail,
                    "check the network and the variables HTTPS_PROXY and NO_PROXY; --offline works \
                     with what is on disk",
                )
            }
        }
    }
}

fn permissions(root: &Path) -> Finding {
    let shown = root.display();
    if std::fs::read_dir(root).is_err() {
        return Finding::bad("root", format!("{shown} cannot be read"), "check its permissions");
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
            "laion-fmri download --dry-run says how much a download takes",
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
            "do not work here; a killed download is taken over after 90 s instead of at once"
                .to_owned(),
            "nothing needs to be done",
        )
    }
}

fn consistency(root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let inventory = match crate::inventory::of_shared(root) {
        Ok(inventory) => inventory,
        Err(error) => {
            let hint = "the records are made anew by laion-fmri verify";
            return vec![Finding::bad("records", error.to_string(), hint)];
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
            format!("{wrong} files of {shown} have another size than when they were fetched"),
            "laion-fmri verify --repair",
        ));
    }
    if missing > 0 {
        findings.push(Finding::note(
            "mirror",
            format!("{missing} recorded files are not in {shown} any more"),
            "the download that brought them brings them again",
        ));
    }
    findings.push(Finding::good("mirror", format!("{shown}: {sound} recorded files")));
    let unfinished = tree::unfinished(root);
    if !unfinished.is_empty() {
        findings.push(Finding::note(
            "mirror",
            format!("{} unfinished files in {shown}", unfinished.len()),
            "the download that began them goes on with them",
        ));
    }
    findings
}

fn in_words(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
