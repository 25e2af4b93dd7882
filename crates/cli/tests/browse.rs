//! `browse`: the address on standard output, answers, and the end by Ctrl-C.
#![cfg(feature = "browse")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use laion_fmri::layout;
use serde_json::Value;

use crate::User;

/// A running command and the address that it printed.
struct Page {
    child: Child,
    address: String,
}

impl Page {
    fn open(user: &User, arguments: &[&str]) -> Self {
        let mut command = user.command(&[&["browse", "--no-open"], arguments].concat());
        command.env("LAION_FMRI_DATA", user.mirror()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.trim_end().to_owned() }
    }

    /// The answer to a path, with the token of the address.
    fn get(&self, path: &str) -> String {
        let rest = self.address.strip_prefix("http://").unwrap();
        let (host, token) = rest.split_once("/?token=").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let joint = if path.contains('?') { '&' } else { '?' };
        let request = format!(
            "GET {path}{joint}token={token} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Ends the command as Ctrl-C does, and gives its messages.
    fn end(self) -> String {
        self.end_by("-INT")
    }

    /// Ends the command by a signal, and gives its messages.
    fn end_by(mut self, signal: &str) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let start = Instant::now();
        let mut err = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{err}");
        assert!(start.elapsed() < Duration::from_secs(5));
        err
    }
}

#[test]
fn the_page_is_served_until_ctrl_c() {
    let user = User::with_session();
    let page = Page::open(&user, &["--port", "0"]);
    let address = page.address.clone();
    let (port, token) = address.split_once("/?token=").unwrap();
    let port = port.strip_prefix("http://127.0.0.1:").unwrap();
    assert!(token.len() == 32 && port.parse::<u16>().is_ok(), "{}", page.address);
    assert!(page.get("/").starts_with("HTTP/1.1 303"));
    assert!(page.get("/api/subjects").contains("\"sub-03\""));
    // What is missing comes with the command that brings it.
    let answer = page.get("/api/images/a.jpg/pixels");
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert!(answer.contains("\"hint\":\"laion-fmri download-stimuli\""), "{answer}");
    let answer = page.get("/api/subjects/sub-03/voxel/responses?i=6&j=8&k=6");
    assert!(answer.contains("\"hint\":\"laion-fmri store build --subject sub-03\""), "{answer}");
    let answer = page.get(
        "/api/subjects/sub-03/command?roi=face%20-%20FFA1&sessions=ses-01&shared=true&split=tau",
    );
    let expected = "laion-fmri extract --subject sub-03 --session 01 --roi 'face - FFA1' \
                    --stimuli shared --split tau --pool sub-03 -o sub-03.npz";
    assert!(answer.contains(expected), "{answer}");
    let err = page.end();
    assert!(err.contains(&format!("ssh -L {port}:127.0.0.1:{port} ")), "{err}");
    // Whether the program under test has the page depends on its build.
    let without = "note: built without the page: run cargo xtask web, then build again; \
                   the archive and the wheel have the page\n";
    assert_eq!(err.contains("without the page"), err.contains(without), "{err}");
    assert!(err.ends_with("Ctrl-C ends it\n"), "{err}");
}

#[test]
fn a_picture_that_would_take_long_comes_with_the_command_of_its_indexes() {
    let user = User::with_session();
    let page = Page::open(&user, &[]);
    let answer = page.get("/api/subjects/sub-03/trials");
    let columns: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let image = columns["images"][0].as_str().unwrap().replace(' ', "%20");
    let betas = layout::betas(&"sub-03".parse().unwrap(), &"ses-01".parse().unwrap());
    let file = std::fs::OpenOptions::new().write(true).open(user.mirror().join(betas)).unwrap();
    file.set_len(9 << 20).unwrap();
    let answer = page.get(&format!("/api/subjects/sub-03/figure/{image}.png"));
    let expected = "\"hint\":\"laion-fmri index --subject sub-03 --session 01\"";
    assert!(answer.contains(expected), "{answer}");
    page.end();
}

#[test]
fn whoever_stops_it_politely_gets_the_status_of_ctrl_c() {
    let user = User::with_session();
    let page = Page::open(&user, &[]);
    assert!(page.get("/api/about").starts_with("HTTP/1.1 200"));
    let err = page.end_by("-TERM");
    assert!(err.ends_with("Ctrl-C ends it\n"), "{err}");
}

#[test]
fn the_command_of_a_selection_is_one_that_runs() {
    let user = User::with_session();
    let page = Page::open(&user, &[]);
    let target =
        "/api/subjects/sub-03/command?roi=FFA1&zscore=true&average=true&split=tau&pool=shared";
    let answer = page.get(target);
    let body = answer.split("\r\n\r\n").nth(1).unwrap();
    let value: Value = serde_json::from_str(body).unwrap();
    let line = value["command"].as_str().unwrap().strip_prefix("laion-fmri ").unwrap().to_owned();
    page.end();
    user.ok(&line);
    assert!(user.path("sub-03.npz").is_file());
}

#[test]
fn the_address_is_an_object_for_programs() {
    let user = User::with_session();
    let page = Page::open(&user, &["--json", "--subject", "03", "--quiet"]);
    let line: Value = serde_json::from_str(&page.address).unwrap();
    assert_eq!(line["schema"], "laion-fmri.browse/1");
    let address = line["address"].as_str().unwrap().to_owned();
    let page = Page { address, ..page };
    assert!(page.get("/api/about").starts_with("HTTP/1.1 200"));
    assert_eq!(page.end(), "");
}

#[test]
fn what_cannot_be_served_is_an_error_with_a_hint() {
    let user = User::with_session();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let err = user.fails(&format!("browse --no-open --port {port}"), 1);
    let expected = format!(
        "error: port {port} of 127.0.0.1 is in use\nhint: leave out --port, which takes a free one\n"
    );
    assert_eq!(err, expected);
    let err = user.fails("browse --no-open --subject sub-99", 3);
    assert!(err.contains("sub-99"), "{err}");
    let empty = User::new();
    let err = empty.fails("browse --no-open", 3);
    assert!(
        err.contains("nothing of any subject") && err.contains("hint: laion-fmri download"),
        "{err}"
    );
}
