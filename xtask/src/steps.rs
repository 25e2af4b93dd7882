//! Runs named steps one after another and sums up their results.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::counts::Counts;

/// What a step that did not fail came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// Everything was done.
    Done,
    /// Nothing was done, for the given reason.
    Skipped(String),
}

/// The steps so far, with their durations and test results.
#[derive(Debug)]
pub(crate) struct Steps {
    keep_going: bool,
    counts: Counts,
    finished: Vec<Finished>,
}

#[derive(Debug)]
struct Finished {
    name: &'static str,
    state: State,
    duration: Duration,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Ok,
    Failed,
    Skipped,
    NotRun,
}

impl Steps {
    /// No steps yet; `keep_going` runs further steps after a failure.
    pub(crate) fn new(keep_going: bool) -> Self {
        Self { keep_going, counts: Counts::default(), finished: Vec::new() }
    }

    /// Runs one step under a heading, unless an earlier failure ended the run.
    ///
    /// A step that fails without a failing test (formatting, a compiler error) counts as one
    /// failure, so that the last line never says `0 failed` when the exit status is 1.
    pub(crate) fn step(
        &mut self,
        name: &'static str,
        body: impl FnOnce(&mut Counts) -> Result<Outcome>,
    ) {
        if self.failed() && !self.keep_going {
            self.finished.push(Finished { name, state: State::NotRun, duration: Duration::ZERO });
            return;
        }
        println!("\n== {name}");
        let started = Instant::now();
        let before = self.counts;
        let result = body(&mut self.counts);
        let duration = started.elapsed();
        let state = match result {
            Ok(Outcome::Done) => {
                println!("-- {name}: {}", seconds(duration));
                State::Ok
            }
            Ok(Outcome::Skipped(reason)) => {
                println!("SKIPPED {name}: {reason}");
                self.counts.skipped += 1;
                State::Skipped
            }
            Err(error) => {
                println!("FAILED {name}: {error:#} ({})", seconds(duration));
                if self.counts.failed == before.failed {
                    self.counts.failed += 1;
                }
                State::Failed
            }
        };
        self.finished.push(Finished { name, state, duration });
    }

    /// Whether any step failed.
    pub(crate) fn failed(&self) -> bool {
        self.finished.iter().any(|step| step.state == State::Failed)
    }

    /// A table of all steps, and the test results alone on the last line.
    pub(crate) fn summary(&self) -> String {
        let width = self.finished.iter().map(|step| step.name.len()).max().unwrap_or(0).max(5);
        let mut text = String::new();
        for step in &self.finished {
            let state = match step.state {
                State::Ok => "ok",
                State::Failed => "FAILED",
                State::Skipped => "SKIPPED",
                State::NotRun => "not run",
            };
            let duration = seconds(step.duration);
            // Writing into a String cannot fail.
            let _ = writeln!(text, "{:width$}  {state:7}  {duration:>9}", step.name);
        }
        let total = seconds(self.finished.iter().map(|step| step.duration).sum());
        let _ = writeln!(text, "{:width$}  {:7}  {total:>9}\n", "total", "");
        let _ = write!(text, "{}", self.counts);
        text
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    fn three_steps(keep_going: bool) -> Steps {
        let mut steps = Steps::new(keep_going);
        steps.step("first", |counts| {
            *counts += Counts { passed: 3, failed: 0, skipped: 1 };
            Ok(Outcome::Done)
        });
        steps.step("second", |_| bail!("`cargo fmt` failed"));
        steps.step("third", |_| Ok(Outcome::Skipped("no python3".to_owned())));
        steps
    }

    fn states(steps: &Steps) -> Vec<State> {
        steps.finished.iter().map(|step| step.state).collect()
    }

    #[test]
    fn a_failure_ends_the_run() {
        let steps = three_steps(false);
        assert!(steps.failed());
        assert_eq!(states(&steps), [State::Ok, State::Failed, State::NotRun]);
        assert_eq!(steps.summary().lines().last(), Some("3 passed, 1 failed, 1 skipped"));
    }

    #[test]
    fn keep_going_runs_the_rest_and_counts_skipped_steps() {
        let steps = three_steps(true);
        assert!(steps.failed());
        assert_eq!(states(&steps), [State::Ok, State::Failed, State::Skipped]);
        assert_eq!(steps.summary().lines().last(), Some("3 passed, 1 failed, 2 skipped"));
    }

    #[test]
    fn failing_tests_are_not_counted_twice() {
        let mut steps = Steps::new(false);
        steps.step("tests", |counts| {
            *counts += Counts { passed: 1, failed: 2, skipped: 0 };
            bail!("`cargo nextest run` failed")
        });
        assert_eq!(steps.summary().lines().last(), Some("1 passed, 2 failed, 0 skipped"));
    }
}
