//! A server on a bucket of its own, and a client that sends bytes as they are.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use fixtures::Bucket;
use laion_fmri::store::StoreRequest;
use laion_fmri::{Cancel, Dataset, Error, SessionId, SubjectId};
use laion_fmri_browse::{Commands, Options, Selection, Server};
use serde_json::Value;

/// A served bucket. Ends with the value.
pub(crate) struct Served {
    pub(crate) bucket: Bucket,
    pub(crate) dataset: Dataset,
    pub(crate) port: u16,
    pub(crate) token: String,
    cancel: Cancel,
    thread: Option<JoinHandle<Result<(), laion_fmri_browse::Error>>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// Words that tests can tell from everything else.
struct TestWords;

impl Commands for TestWords {
    fn of_error(&self, error: &Error) -> Option<String> {
        Some(format!("mend {:?}", error.kind()))
    }

    fn build_store(&self, subject: &SubjectId) -> Option<String> {
        Some(format!("build {subject}"))
    }

    fn index(&self, subject: &SubjectId, sessions: &[SessionId]) -> Option<String> {
        let sessions: Vec<&str> = sessions.iter().map(SessionId::as_str).collect();
        Some(format!("index {subject} {}", sessions.join(" ")))
    }

    fn extract(&self, selection: &Selection) -> Option<String> {
        let Selection { subject, roi, sessions, split, shared, zscore, average, .. } = selection;
        Some(format!("{subject} {roi:?} {sessions:?} {split:?} {shared:?} {zscore} {average}"))
    }
}

impl Served {
    /// A complete bucket, without the images.
    pub(crate) fn new() -> Self {
        Self::of(Bucket::temporary().unwrap(), |_| {})
    }

    /// A bucket with images, embeddings and masks.
    pub(crate) fn with_images() -> Self {
        Self::of(Bucket::temporary().unwrap(), |bucket| {
            fixtures::bucket::write_gated(bucket.root()).unwrap();
        })
    }

    /// A bucket after something was done to it.
    pub(crate) fn of(bucket: Bucket, prepare: impl FnOnce(&Bucket)) -> Self {
        prepare(&bucket);
        let dataset =
            Dataset::open(bucket.root()).unwrap().with_cache_dir(bucket.root().join("cache"));
        let mut options = Options::default();
        options.commands = Arc::new(TestWords);
        options.settled = Duration::ZERO;
        let server = Server::bind(dataset.clone(), options).unwrap();
        let address = server.address();
        let port = server.port();
        let token = address.split_once("token=").unwrap().1.to_owned();
        assert_eq!(address, format!("http://127.0.0.1:{port}/?token={token}"));
        let cancel = Cancel::new();
        let stop = cancel.clone();
        let thread = std::thread::spawn(move || server.serve(&stop));
        Self { bucket, dataset, port, token, cancel, thread: Some(thread) }
    }

    pub(crate) fn build_store(&self, subject: &str) {
        let subject = self.dataset.subject(subject).unwrap();
        subject.build_store(&StoreRequest::new(), &(), &Cancel::new()).unwrap();
    }

    /// Sends a request with these headers and nothing else.
    pub(crate) fn send(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Reply {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut request = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n");
        headers.iter().for_each(|(name, value)| request += &format!("{name}: {value}\r\n"));
        stream.write_all((request + "\r\n").as_bytes()).unwrap();
        let mut bytes = Vec::new();
        // A refused request may be answered before it was read.
        let _ = stream.read_to_end(&mut bytes);
        Reply::parse(&bytes)
    }

    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn cookie(&self) -> String {
        format!("laion-fmri-{}={}", self.port, self.token)
    }

    /// A request as the page makes it.
    pub(crate) fn get(&self, target: &str) -> Reply {
        self.send("GET", target, &[("Host", &self.host()), ("Cookie", &self.cookie())])
    }

    /// The bytes of an answer.
    pub(crate) fn bytes(&self, target: &str) -> Vec<u8> {
        let reply = self.get(target);
        assert_eq!(reply.status, 200, "{target}: {}", reply.text());
        reply.body
    }

    pub(crate) fn json(&self, target: &str) -> Value {
        serde_json::from_slice(&self.bytes(target)).unwrap()
    }

    /// A refusal: its sentence and what would help.
    pub(crate) fn refused(&self, target: &str, status: u16) -> (String, Option<String>) {
        let reply = self.get(target);
        assert_eq!(reply.status, status, "{target}: {}", reply.text());
        let value: Value = serde_json::from_slice(&reply.body).unwrap();
        let hint = value["hint"].as_str().map(str::to_owned);
        (value["error"].as_str().unwrap().to_owned(), hint)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.cancel.cancel();
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            ended.unwrap().unwrap().unwrap();
        }
    }
}

impl Reply {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: HashMap<String, String> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let rest = &bytes[end + 4..];
        let body = match headers.get("transfer-encoding").map(String::as_str) {
            Some("chunked") => joined(rest),
            _ => rest.to_vec(),
        };
        Self { status, headers, body }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body[..self.body.len().min(2000)]).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// The chunks of a body, which has to have its end.
fn joined(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").expect("the size of a chunk");
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        rest = &rest[end + 2..];
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[..size]);
        rest = &rest[size + 2..];
    }
}
