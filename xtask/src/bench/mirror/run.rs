//! One run of one tool: wall time, processor time, memory.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// What one run cost.
#[derive(Debug)]
pub(super) struct Ran {
    /// Seconds.
    pub(super) wall: f64,
    /// Seconds of all threads.
    pub(super) processor: f64,
    /// The most memory that was resident, in MiB.
    pub(super) memory: f64,
    pub(super) succeeded: bool,
    pub(super) hung: bool,
    pub(super) errors: String,
}

/// Looks so often at the process; what it uses after the last look is missed.
const LOOK: Duration = Duration::from_millis(2);

/// Linux counts processor time in hundredths of a second.
const TICKS: f64 = 100.0;

/// Runs a command to its end, or until it has taken `limit`.
pub(super) fn once(mut command: Command, limit: Duration) -> Result<Ran> {
    // What was written before does not disturb.
    let _ = Command::new("sync").status();
    let shown = format!("{command:?}");
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| shown.clone())?;
    let errors = child.stderr.take();
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut errors) = errors {
            let _ = errors.read_to_string(&mut text);
        }
        text
    });
    let (mut processor, mut memory, mut hung) = (0.0, 0.0_f64, false);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if let Some(now) = processor_time(child.id()) {
            processor = now;
        }
        memory = memory.max(peak(child.id()).unwrap_or(0.0));
        if start.elapsed() > limit && !hung {
            hung = true;
            child.kill()?;
        }
        std::thread::sleep(LOOK);
    };
    let wall = start.elapsed().as_secs_f64();
    let errors = errors.join().unwrap_or_default();
    Ok(Ran { wall, processor, memory, succeeded: status.success(), hung, errors })
}

fn processor_time(process: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Fields 14 and 15, counted after the name in parentheses.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS)
}

fn peak(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes / 1024.0)
}
