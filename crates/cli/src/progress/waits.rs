//! What the files of a transfer wait for, in one sentence: [`Waits`].

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use laion_fmri::s3_mirror::{Error, Key, PlanItem, Wait};
use laion_fmri_base::{agreeing, counted};

use super::in_words;

/// A shorter pause is over before anybody has read about it, unless it is one of many.
const NOTED: Duration = Duration::from_secs(1);
const NOTED_IN_A_ROW: u32 = 4;

/// The files that wait.
#[derive(Default)]
pub(super) struct Waits {
    for_server: HashMap<Key, Pause>,
    for_process: HashMap<Key, PathBuf>,
}

struct Pause {
    reason: String,
    until: Instant,
    asked: Option<Duration>,
    noted: bool,
    /// Pauses without a byte in between.
    in_a_row: u32,
}

impl Waits {
    pub(super) fn add(&mut self, item: &PlanItem, wait: Wait<'_>, now: Instant) {
        match wait {
            Wait::Server { error, pause, asked } => {
                let before = self.for_server.get(&item.key).map_or(0, |pause| pause.in_a_row);
                let in_a_row = before + 1;
                let noted = pause >= NOTED || in_a_row >= NOTED_IN_A_ROW;
                let asked = asked.filter(|asked| *asked > pause);
                let (reason, until) = (reason(error), now + pause);
                let pause = Pause { reason, until, asked, noted, in_a_row };
                self.for_server.insert(item.key.clone(), pause);
            }
            Wait::Process { claim } => {
                self.for_process.insert(item.key.clone(), claim.to_owned());
            }
            _ => {}
        }
    }

    /// A file goes on, or has ended.
    pub(super) fn remove(&mut self, item: &PlanItem) {
        self.for_server.remove(&item.key);
        self.for_process.remove(&item.key);
    }

    /// What is waited for; `None` when nothing is, or not for long.
    pub(super) fn sentence(&self, now: Instant) -> Option<String> {
        self.server(now).or_else(|| self.process())
    }

    /// What a file waits for, in a word or two.
    pub(super) fn word(&self, key: &Key) -> Option<&'static str> {
        if self.for_process.contains_key(key) {
            return Some("another process has it");
        }
        self.for_server.get(key).filter(|pause| pause.noted).map(|_| "waits")
    }

    fn server(&self, now: Instant) -> Option<String> {
        let noted = || self.for_server.values().filter(|pause| pause.noted);
        let next = noted().min_by_key(|pause| pause.until)?;
        let count = noted().count() as u64;
        let files = format!("{} {}", counted(count, "file"), agreeing(count, "waits", "wait"));
        let again = match next.until.saturating_duration_since(now) {
            left if left < Duration::from_secs(1) => "asking again".to_owned(),
            left => format!("asking again in {}", in_words(left)),
        };
        let wish = next.asked.map(|asked| format!(" and asks to wait {}", in_words(asked)));
        Some(format!("{}{}: {files}, {again}", next.reason, wish.unwrap_or_default()))
    }

    fn process(&self) -> Option<String> {
        let (_, claim) = self.for_process.iter().min_by_key(|(key, _)| key.as_str())?;
        let more = match self.for_process.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        Some(format!("waiting for another process, which has claimed {}{more}", claim.display()))
    }
}

/// Why a request failed, without the address, which is the same for all.
fn reason(error: &Error) -> String {
    match error {
        Error::ObjectStatus { status, code, .. } | Error::Status { status, code, .. } => {
            match code.as_str() {
                "no code" => format!("the server answers {status}"),
                code => format!("the server answers {status} ({code})"),
            }
        }
        Error::Unreachable { .. } => "the server cannot be reached".to_owned(),
        Error::WrongAnswer { .. } => "the server sends something else than the file".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use laion_fmri::s3_mirror::{Action, FetchReason};

    use super::*;

    fn item(key: &str) -> PlanItem {
        let key: Key = key.parse().unwrap();
        let (local, action) = ((&key).into(), Action::Fetch(FetchReason::Missing));
        PlanItem { key, local, size: 9, etag: None, sha256: None, action }
    }

    fn busy() -> Error {
        let (location, key) = ("s3://b".to_owned(), "k".to_owned());
        Error::ObjectStatus { location, key, status: 503, code: "SlowDown".to_owned() }
    }

    #[test]
    fn a_pause_is_told_with_its_reason_and_its_end() {
        let (mut waits, now, error) = (Waits::default(), Instant::now(), busy());
        let second = Duration::from_secs(1);
        let server = |pause, asked| Wait::Server { error: &error, pause, asked };
        // One short pause is none that anybody could read about; a row of them is.
        for _ in 0..NOTED_IN_A_ROW {
            assert_eq!(waits.sentence(now), None);
            waits.add(&item("a"), server(second / 2, None), now);
        }
        let told = waits.sentence(now).unwrap();
        assert_eq!(told, "the server answers 503 (SlowDown): 1 file waits, asking again");
        waits.remove(&item("a"));
        assert_eq!(waits.sentence(now), None);
        let day = Some(86_400 * second);
        waits.add(&item("a"), server(120 * second, day), now);
        waits.add(&item("b"), server(300 * second, day), now);
        assert_eq!(
            waits.sentence(now + 30 * second).unwrap(),
            "the server answers 503 (SlowDown) and asks to wait 24 h: 2 files wait, asking again in 2 min"
        );
        assert_eq!(waits.word(&item("a").key), Some("waits"));
    }

    #[test]
    fn the_claim_of_another_process_is_named() {
        let (mut waits, now) = (Waits::default(), Instant::now());
        let claim = std::path::Path::new("/mirror/a/.x.nii.gz.part.lock");
        waits.add(&item("a/x.nii.gz"), Wait::Process { claim }, now);
        let told = waits.sentence(now).unwrap();
        assert!(told.ends_with("claimed /mirror/a/.x.nii.gz.part.lock"), "{told}");
        waits.remove(&item("a/x.nii.gz"));
        assert_eq!(waits.sentence(now), None);
    }
}
