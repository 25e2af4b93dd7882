//! What a transfer has done so far, as rows and lines of text: [`Counts`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use laion_fmri::s3_mirror::{Key, Outcome, Plan, PlanItem, Wait};
use laion_fmri_base::{agreeing, counted, readable_bytes as bytes};
use serde_json::{Value, json};

use super::in_words;
use super::text::{Row, percent};
use super::waits::Waits;

/// The time over which a rate is taken.
const WINDOW: Duration = Duration::from_secs(15);

/// Columns that the name of a file gets before its sizes do.
const NAME: usize = 28;

/// The state of a transfer.
#[derive(Default)]
pub(super) struct Counts {
    files: u64,
    total_files: u64,
    /// What is there of the files to fetch.
    bytes: u64,
    total_bytes: u64,
    rate: Rate,
    /// The files on their way, in the order in which they were begun.
    under_way: Vec<UnderWay>,
    waits: Waits,
    started: Option<Instant>,
}

struct UnderWay {
    key: Key,
    /// What is there of it.
    there: u64,
    /// What of that was compared with the checksums.
    checked: u64,
    size: u64,
}

impl UnderWay {
    /// Whether all of it is there, and only its check is left.
    fn is_checked(&self) -> bool {
        self.size > 0 && self.there >= self.size
    }
}

/// Bytes per second, over the last seconds.
#[derive(Default)]
struct Rate {
    /// What came in this run.
    fetched: u64,
    /// Moments, and what had come by then.
    samples: VecDeque<(Instant, u64)>,
}

impl Rate {
    fn at(&mut self, now: Instant) -> u64 {
        let sampled = self.samples.back().is_some_and(|(last, _)| now - *last < WINDOW / 30);
        if !sampled {
            self.samples.push_back((now, self.fetched));
        }
        while self.samples.len() > 2 && now - self.samples[1].0 >= WINDOW {
            self.samples.pop_front();
        }
        let Some((since, before)) = self.samples.front() else { return 0 };
        let milliseconds = (now - *since).as_millis();
        let rate = u128::from(self.fetched - before) * 1000;
        rate.checked_div(milliseconds).and_then(|rate| rate.try_into().ok()).unwrap_or(0)
    }
}

impl Counts {
    pub(super) fn planned(&mut self, plan: &Plan, now: Instant) {
        let fetch = plan.totals().fetch;
        (self.total_files, self.total_bytes) = (fetch.count, fetch.bytes);
        self.started = Some(now);
        self.rate.at(now);
    }

    pub(super) fn has_started(&self) -> bool {
        self.started.is_some()
    }

    pub(super) fn totals(&self) -> (u64, u64) {
        (self.total_files, self.total_bytes)
    }

    pub(super) fn started(&mut self, item: &PlanItem) {
        let (key, size) = (item.key.clone(), item.size);
        self.under_way.push(UnderWay { key, there: 0, checked: 0, size });
    }

    /// More of a file has come.
    pub(super) fn advanced(&mut self, item: &PlanItem, bytes: u64) {
        self.rate.fetched += bytes;
        self.resumed(item, bytes);
    }

    /// More of a file is there.
    pub(super) fn resumed(&mut self, item: &PlanItem, bytes: u64) {
        self.bytes += bytes;
        self.waits.remove(item);
        if let Some(file) = self.file(item) {
            file.there += bytes;
        }
    }

    pub(super) fn discarded(&mut self, item: &PlanItem, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
        if let Some(file) = self.file(item) {
            file.there = file.there.saturating_sub(bytes);
            file.checked = 0;
        }
    }

    /// More of a file was compared with the checksums.
    pub(super) fn checked(&mut self, item: &PlanItem, bytes: u64) {
        if let Some(file) = self.file(item) {
            file.checked += bytes;
        }
    }

    pub(super) fn waiting(&mut self, item: &PlanItem, wait: Wait<'_>, now: Instant) {
        self.waits.add(item, wait, now);
    }

    pub(super) fn finished(&mut self, item: &PlanItem, outcome: &Outcome) {
        self.waits.remove(item);
        let place = self.under_way.iter().position(|file| file.key == item.key);
        let there = place.map_or(0, |place| self.under_way.remove(place).there);
        if let Outcome::Fetched { .. } = outcome {
            self.files += 1;
        } else {
            // What a failed attempt received does not count.
            self.bytes = self.bytes.saturating_sub(there);
        }
    }

    fn file(&mut self, item: &PlanItem) -> Option<&mut UnderWay> {
        self.under_way.iter_mut().find(|file| file.key == item.key)
    }

    /// The time that the rest takes; `None` while nothing comes.
    fn left(&mut self, now: Instant) -> Option<Duration> {
        let rate = self.rate.at(now);
        if self.waits.sentence(now).is_some()
            && self.under_way.iter().all(|file| self.waits.word(&file.key).is_some())
        {
            return None;
        }
        self.total_bytes.saturating_sub(self.bytes).checked_div(rate).map(Duration::from_secs)
    }

    fn files_of(&self) -> String {
        let files = agreeing(self.total_files, "file", "files");
        format!("{}/{} {files}", self.files, self.total_files)
    }

    fn sizes(&self) -> String {
        format!("{} of {}", bytes(self.bytes), bytes(self.total_bytes))
    }

    /// The files of which only the check is left, and how far that is; none while others are fetched.
    fn checking(&self) -> Option<String> {
        if self.under_way.is_empty() || !self.under_way.iter().all(UnderWay::is_checked) {
            return None;
        }
        let sum = |of: fn(&UnderWay) -> u64| bytes(self.under_way.iter().map(of).sum());
        let files = counted(self.under_way.len(), "file");
        let (checked, size) = (sum(|file| file.checked), sum(|file| file.size));
        Some(format!("checking {files}, {checked} of {size}"))
    }

    /// Rate and remaining time, or that there are none.
    fn pace(&mut self, now: Instant) -> String {
        if let Some(checking) = self.checking() {
            return checking;
        }
        let left = self.left(now).map(|left| format!(", {} left", in_words(left)));
        format!("{}/s{}", bytes(self.rate.at(now)), left.unwrap_or_default())
    }

    /// One line that says everything, for a log.
    pub(super) fn line(&mut self, now: Instant) -> String {
        let (files, sizes, pace) = (self.files_of(), self.sizes(), self.pace(now));
        let waits = self.waits.sentence(now).map(|waits| format!("; {waits}"));
        format!("{files}, {sizes}, {pace}{}", waits.unwrap_or_default())
    }

    /// The rows for a terminal of so many columns and lines.
    pub(super) fn rows(&mut self, columns: usize, lines: usize, now: Instant) -> Vec<Row> {
        if !self.has_started() {
            return Vec::new();
        }
        let (sizes, pace) = (self.sizes(), self.pace(now));
        let share = percent(self.bytes, self.total_bytes);
        let tails = [format!("{sizes}, {pace}"), format!("{share}, {pace}"), pace.clone(), share];
        let done = (self.bytes, self.total_bytes);
        let mut rows = vec![Row::new(&self.files_of(), columns, &tails, done, columns)];
        rows.extend(self.waits.sentence(now).map(|waits| Row::text(&waits, columns)));
        let room = lines.saturating_sub(rows.len() + 1).max(1);
        let hidden = self.under_way.len().saturating_sub(room);
        for file in self.under_way.iter().take(room) {
            let share = percent(file.there, file.size);
            let tails = match self.waits.word(&file.key) {
                Some(word) => [format!("{share}, {word}"), share],
                None if file.is_checked() => {
                    let checked = bytes(file.checked);
                    [format!("{checked} of {} checked", bytes(file.size)), "checking".to_owned()]
                }
                None => [format!("{} of {}", bytes(file.there), bytes(file.size)), share],
            };
            let name = format!("  {}", file.key.file_name());
            rows.push(Row::new(&name, NAME, &tails, (file.there, file.size), columns));
        }
        if hidden > 0 {
            rows.push(Row::text(&format!("  and {hidden} more"), columns));
        }
        rows
    }

    pub(super) fn fields(&mut self, now: Instant) -> [(&'static str, Value); 8] {
        let checking = self.checking();
        let left = self.left(now).filter(|_| checking.is_none()).map(|left| left.as_secs());
        [
            ("files", json!(self.files)),
            ("total_files", json!(self.total_files)),
            ("bytes", json!(self.bytes)),
            ("total_bytes", json!(self.total_bytes)),
            ("bytes_per_second", json!(self.rate.at(now))),
            ("seconds_left", json!(left)),
            ("checking", json!(checking)),
            ("waiting", json!(self.waits.sentence(now))),
        ]
    }
}

#[cfg(test)]
mod tests {
    use console::measure_text_width;
    use laion_fmri::s3_mirror::{Action, Error, FetchReason};

    use super::super::bars::tests::drawn;
    use super::*;

    const BETAS: &str =
        "sub-01_ses-01_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz";

    fn plan() -> Plan {
        let mut plan = Plan::default();
        for (key, size) in [("README", 1_000), (BETAS, 1_149_000_000)] {
            let key: Key = key.parse().unwrap();
            let (local, action) = ((&key).into(), Action::Fetch(FetchReason::Missing));
            plan.items.push(PlanItem { key, local, size, etag: None, sha256: None, action });
        }
        plan
    }

    #[test]
    fn every_width_has_its_lines() {
        let (plan, start) = (plan(), Instant::now());
        let [readme, betas] = plan.items.as_slice() else { panic!("{plan:?}") };
        let mut counts = Counts::default();
        assert!(counts.rows(80, 24, start).is_empty());
        counts.planned(&plan, start);
        counts.started(readme);
        counts.started(betas);
        counts.advanced(readme, 1_000);
        counts.finished(readme, &Outcome::Fetched { bytes: 1_000 });
        counts.resumed(betas, 128_000_000);
        counts.advanced(betas, 100_000_000);
        let now = start + Duration::from_secs(10);
        for columns in 1..150 {
            for line in drawn(&counts.rows(columns, 24, now), columns) {
                assert!(measure_text_width(&line) <= columns, "{columns}: {line}");
            }
        }
        let mut at = |columns| drawn(&counts.rows(columns, 24, now), columns).join("\n");
        assert!(
            at(117).contains("1/2 files") && at(117).contains("of 1.15 GB, 10 MB/s, 2 min left"),
            "{}",
            at(117)
        );
        assert!(at(77).contains("228 MB of 1.15 GB"), "{}", at(77));
        assert!(at(57).contains("228 MB of 1.15 GB, 10 MB/s, 2 min left\n"), "{}", at(57));
        let narrow = "1/2 files 19 %, 10 MB/s, 2 min left\n  sub-01_ses-01…s_statmap.nii.gz 19 %";
        assert_eq!(at(37), narrow);
        // More files than rows.
        for _ in 0..30 {
            counts.started(betas);
        }
        let lines = drawn(&counts.rows(80, 10, now), 80);
        assert_eq!((lines.len(), lines[9].as_str()), (10, "  and 23 more"));
    }

    #[test]
    fn what_waits_has_no_time_left() {
        let (plan, start) = (plan(), Instant::now());
        let mut counts = Counts::default();
        counts.planned(&plan, start);
        counts.started(&plan.items[1]);
        counts.advanced(&plan.items[1], 1_148_000_000);
        let now = start + Duration::from_secs(2);
        assert!(counts.line(now).ends_with("574 MB/s, 0 s left"), "{}", counts.line(now));
        let (location, key, code) = ("x".to_owned(), "y".to_owned(), "no code".to_owned());
        let error = Error::ObjectStatus { location, key, status: 503, code };
        let pause = Duration::from_secs(9);
        let wait = Wait::Server { error: &error, pause, asked: None };
        counts.waiting(&plan.items[1], wait, now);
        let line = counts.line(now);
        assert!(
            line.ends_with("MB/s; the server answers 503: 1 file waits, asking again in 9 s"),
            "{line}"
        );
        assert_eq!(counts.fields(now)[5], ("seconds_left", json!(null)));
        let lines = drawn(&counts.rows(80, 24, now), 80);
        assert!(lines[1].starts_with("the server answers 503"), "{lines:?}");
        assert!(lines[2].ends_with("99 %, waits"), "{lines:?}");
        counts.advanced(&plan.items[1], 1);
        assert!(counts.line(now).ends_with(" left"));
    }

    #[test]
    fn what_is_there_and_not_checked_is_said_to_be_checked() {
        let (plan, start) = (plan(), Instant::now());
        let [readme, betas] = plan.items.as_slice() else { panic!("{plan:?}") };
        let mut counts = Counts::default();
        counts.planned(&plan, start);
        counts.started(readme);
        counts.started(betas);
        counts.advanced(betas, 1_149_000_000);
        counts.checked(betas, 400_000_000);
        let now = start + Duration::from_secs(2);
        // Another file is still on its way.
        assert!(counts.line(now).contains("MB/s"), "{}", counts.line(now));
        counts.advanced(readme, 1_000);
        counts.finished(readme, &Outcome::Fetched { bytes: 1_000 });
        counts.checked(betas, 30_000_000);
        let line = counts.line(now);
        assert!(line.ends_with(", checking 1 file, 430 MB of 1.15 GB"), "{line}");
        assert_eq!(counts.fields(now)[5], ("seconds_left", json!(null)));
        let rows = drawn(&counts.rows(110, 24, now), 110).join("\n");
        assert!(rows.contains("checking 1 file, 430 MB of 1.15 GB"), "{rows}");
        assert!(rows.contains("430 MB of 1.15 GB checked"), "{rows}");
        counts.discarded(betas, 1_149_000_000);
        assert!(counts.line(now).contains("/s"), "{}", counts.line(now));
    }

    #[test]
    fn a_rate_is_that_of_the_last_seconds() {
        let (mut rate, start) = (Rate::default(), Instant::now());
        for second in 0..100 {
            assert_eq!(
                rate.at(start + Duration::from_secs(second)),
                if second == 0 { 0 } else { 1_000 }
            );
            rate.fetched += 1_000;
        }
        let silent = start + Duration::from_secs(200);
        rate.at(silent - WINDOW);
        rate.at(silent - Duration::from_secs(1));
        assert!(rate.at(silent) < 100, "{}", rate.at(silent));
    }
}
