//! The command on a terminal: what stands on the screen, of any width and also when that changes.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use avt::Vt;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::User;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal that wraps lines again when its width changes, and a command on it.
struct Terminal {
    child: Child,
    controller: File,
    screen: Arc<Mutex<Screen>>,
    reader: JoinHandle<()>,
}

struct Screen {
    vt: Vt,
    /// Everything that was printed.
    printed: Vec<u8>,
    /// How often anything was, and when last.
    times: usize,
    last: Instant,
}

impl Terminal {
    /// Starts a command on a terminal of so many columns.
    fn start(mut command: Command, columns: u16) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let controller = openpt(flags).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = rustix::fs::open(name, flags, Mode::empty()).unwrap();
        resize(&controller, columns);
        let stdio = || terminal.try_clone().unwrap();
        let child = command.stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().unwrap();
        let vt = Vt::new(columns.into(), ROWS.into());
        let screen = Arc::new(Mutex::new(Screen {
            vt,
            printed: Vec::new(),
            times: 0,
            last: Instant::now(),
        }));
        let controller = File::from(controller);
        let (mut output, shared) = (controller.try_clone().unwrap(), Arc::clone(&screen));
        let reader = std::thread::spawn(move || {
            let (mut buffer, mut rest) = ([0; 4096], Vec::new());
            // Reading fails when no process has the terminal any more.
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                rest.extend_from_slice(&buffer[..length]);
                let whole = match std::str::from_utf8(&rest) {
                    Err(error) if error.error_len().is_none() => error.valid_up_to(),
                    _ => rest.len(),
                };
                let text: Vec<u8> = rest.drain(..whole).collect();
                let mut screen = shared.lock().unwrap();
                screen.vt.feed_str(&String::from_utf8_lossy(&text));
                screen.printed.extend(text);
                screen.times += 1;
                screen.last = Instant::now();
            }
        });
        Self { child, controller, screen, reader }
    }

    /// Makes the terminal as wide as that, between two frames, and waits for the next.
    fn resize(&self, columns: u16) {
        self.wait_for_frame();
        let mut screen = self.screen.lock().unwrap();
        screen.vt.resize(columns.into(), ROWS.into());
        resize(&self.controller, columns);
        drop(screen);
        self.wait_for_frame();
    }

    /// Waits until a frame has been printed as a whole.
    fn wait_for_frame(&self) {
        let before = self.screen.lock().unwrap().times;
        let pause = Duration::from_millis(40);
        self.wait("frame", |screen| screen.times > before && screen.last.elapsed() > pause);
    }

    fn wait(&self, what: &str, is_there: impl Fn(&Screen) -> bool) {
        let start = Instant::now();
        loop {
            let screen = self.screen.lock().unwrap();
            if is_there(&screen) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "no {what}:\n{}", screen.lines().join("\n"));
            drop(screen);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for a text, and gives an answer.
    fn answer(&mut self, question: &str, answer: &str) {
        self.wait(question, |screen| screen.lines().concat().contains(question));
        self.controller.write_all(answer.as_bytes()).unwrap();
    }

    /// The exit status, what stands on the screen, and all that was printed.
    fn end(mut self) -> (Option<i32>, Vec<String>, String) {
        let start = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            if start.elapsed() > PATIENCE {
                self.child.kill().unwrap();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let code = self.child.wait().unwrap().code();
        self.reader.join().unwrap();
        let screen = self.screen.lock().unwrap();
        (code, screen.lines(), String::from_utf8_lossy(&screen.printed).into_owned())
    }
}

const ROWS: u16 = 40;

fn resize(controller: &impl std::os::fd::AsFd, columns: u16) {
    let size = Winsize { ws_row: ROWS, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(controller, size).unwrap();
}

impl Screen {
    /// The lines without empty ones at the end.
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for line in self.vt.view() {
            lines.push(line.text().trim_end().to_owned());
        }
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }
}

impl User {
    /// Starts a command line on a terminal, with the mirror as its data directory.
    fn on_terminal(&self, line: &str, columns: u16) -> Terminal {
        let mut command = self.command(&line.split(' ').collect::<Vec<_>>());
        command.env("LAION_FMRI_DATA", self.mirror()).env("TERM", "xterm-256color");
        Terminal::start(command, columns)
    }
}

#[test]
fn binary_data_are_not_written_to_a_terminal() {
    let user = User::with_session();
    let of = "--subject 03 --session 01";
    for line in [
        format!("betas {of} --roi FFA1 -o -"),
        format!("noise-ceiling {of} -o -"),
        format!("trials {of} --format parquet -o -"),
        format!("image {of} --trial 0 -o -"),
        format!("embedding --model CLIP {of} -o -"),
        format!("splits masks tau --pool sub-03 {of} -o -"),
        "mask --subject 03 -o -".to_owned(),
        "roi --subject 03 FFA1 -o -".to_owned(),
        "coordinates --subject 03 -o -".to_owned(),
    ] {
        let (code, lines, printed) = user.on_terminal(&line, 100).end();
        assert_eq!(code, Some(2), "{line}: {printed}");
        let error = "error: the output is binary, and standard output is a terminal";
        let hint = "hint: -o FILE writes a file; a pipe or > FILE takes it as well";
        assert_eq!(lines, [error, hint], "{line}");
        assert!(printed.is_ascii() && !printed.contains('\0'), "{line}");
    }
    // Text may go there.
    let (code, lines, _) = user.on_terminal(&format!("trials {of}"), 200).end();
    assert_eq!(code, Some(0));
    assert!(lines.len() > 20, "{lines:?}");
}

#[test]
fn the_size_of_a_download_is_shown_before_the_licence_is_asked_for() {
    let user = User::new();
    let line = "download --subject sub-03 --ses ses-01 --progress none";
    let planned = user.ok("download --subject sub-03 --ses ses-01 --dry-run").out;
    let total = planned.lines().find(|line| line.starts_with("total")).unwrap();
    let words: Vec<&str> = total.split_whitespace().collect();
    let size = format!("to download: {} files, {} {}, into ", words[2], words[3], words[4]);
    let mut terminal = user.on_terminal(line, 100);
    terminal.answer("Type \"I AGREE\" to accept:", "\n");
    let (code, lines, printed) = terminal.end();
    assert_eq!(code, Some(5), "{printed}");
    assert!(lines[0].starts_with(&size), "{size}: {lines:?}");
    assert!(!user.mirror().join("derivatives").exists());
    let mut terminal = user.on_terminal(line, 100);
    terminal.answer("Type \"I AGREE\" to accept:", "i agree\n");
    let (code, _, printed) = terminal.end();
    assert_eq!(code, Some(0), "{printed}");
    // It is asked for once, and where nobody can answer nothing is listed.
    let (code, lines, _) = user.on_terminal(line, 100).end();
    assert_eq!((code, lines.len()), (Some(0), 1), "{lines:?}");
    let fresh = User::new();
    let requests = fresh.server.requests().len();
    fresh.fails("download --subject sub-03 --ses ses-01", 5);
    assert_eq!(fresh.server.requests().len(), requests);
}

#[test]
fn progress_leaves_nothing_behind_when_the_terminal_changes() {
    let user = User::new();
    user.ok("license --accept");
    let line = "download --subject sub-03 --ses ses-01 --limit-rate 2k";
    let mut terminal = user.on_terminal(line, 120);
    terminal.wait("progress", |screen| screen.lines().concat().contains("/s"));
    for columns in [60, 40, 57, 120, 41, 90] {
        terminal.resize(columns);
        let lines = terminal.screen.lock().unwrap().lines();
        let totals = lines.iter().filter(|line| line.contains(" files")).count();
        assert_eq!(totals, 1, "{columns}: {lines:#?}");
        assert!(lines[0].contains(" files"), "{columns}: {lines:#?}");
        let files = lines[1..].iter().filter(|line| line.starts_with("  ")).count();
        assert_eq!(files, lines.len() - 1, "{columns}: {lines:#?}");
    }
    // What a key echoes is on the last line, which is drawn again.
    terminal.wait_for_frame();
    terminal.controller.write_all(b"\x03").unwrap();
    terminal.wait_for_frame();
    let interrupt = ["-INT".to_owned(), terminal.child.id().to_string()];
    assert!(Command::new("kill").args(interrupt).status().unwrap().success());
    let (code, lines, printed) = terminal.end();
    assert_eq!(code, Some(130), "{printed}");
    assert!(printed.contains("^C") && printed.contains('░'), "{printed}");
    assert!(lines[0].starts_with("downloaded "), "{lines:#?}");
    assert_eq!(lines.last().unwrap(), "stopped; run the same command again to continue");
    let left = |line: &String| line.contains("^C") || line.contains("/s") || line.contains('░');
    assert!(!lines.iter().any(left), "{lines:#?}");
}

#[test]
fn messages_are_wrapped_at_words_and_commands_are_not() {
    let user = User::with_session();
    let line = "betas --subject 03 --session 02 --roi FFA1 -o x.npy";
    let whole = user.fails(line, 3);
    let (code, lines, printed) = user.on_terminal(line, 40).end();
    assert_eq!(code, Some(3));
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let printed = user.neutral(&printed);
    assert_eq!(words(&console::strip_ansi_codes(&printed)), words(&whole));
    let hint = whole.lines().find(|line| line.starts_with("hint: ")).unwrap();
    assert!(hint.len() > 60 && printed.contains(&hint[6..]), "{printed}");
    // A line that is not full ends with a word; a word or a command that is longer fills its lines.
    assert!(lines.len() > whole.lines().count(), "{lines:#?}");
    assert!(lines[0].starts_with("error: not on disk: the betas of sub-03"), "{lines:#?}");
    assert!(lines[1].starts_with("  "), "{lines:#?}");
}
