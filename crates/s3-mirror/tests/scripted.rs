//! A server that answers each request as a closure says, for answers no sane server gives.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use s3_mirror::{Location, Store};

use crate::util::impatient;

/// One request: the first line and the headers, names in lower case.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query as sent.
    pub(crate) target: String,
    pub(crate) headers: HashMap<String, String>,
}

impl Request {
    /// First byte and one past the last byte of a `Range` header.
    pub(crate) fn range(&self) -> Option<(usize, usize)> {
        let (start, end) = self.headers.get("range")?.strip_prefix("bytes=")?.split_once('-')?;
        Some((start.parse().ok()?, end.parse::<usize>().ok()? + 1))
    }
}

/// What is sent back; the connection is closed afterwards.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// These bytes, status line included.
    Bytes(Vec<u8>),
    /// These bytes, and then silence on an open connection.
    Stall(Vec<u8>),
    /// Nothing at all.
    Close,
}

pub(crate) fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    with_length(status, headers, body.len(), body)
}

/// A response whose `Content-Length` need not be true.
pub(crate) fn with_length(status: &str, headers: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nETag: \"tag\"\r\n\
         Last-Modified: Mon, 28 Sep 2026 10:00:00 GMT\r\nConnection: close\r\n{headers}\r\n"
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

pub(crate) fn ok(body: &[u8]) -> Reply {
    Reply::Bytes(response("200 OK", "", body))
}

pub(crate) fn error(status: &str, code: &str) -> Reply {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>");
    Reply::Bytes(response(status, "", body.as_bytes()))
}

/// Part of an object, as a range request gets it.
pub(crate) fn partial(content: &[u8], start: usize, end: usize, sent: usize) -> Reply {
    let header = format!("Content-Range: bytes {start}-{}/{}\r\n", end - 1, content.len());
    let body = &content[start..(start + sent).min(end)];
    Reply::Bytes(with_length("206 Partial Content", &header, end - start, body))
}

/// Runs until the process ends; every test has its own port.
pub(crate) struct Scripted {
    url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Scripted {
    /// `answer` gets each request and the number of requests before it.
    pub(crate) fn start(answer: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/data", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let Ok(mut stream) = stream else { return };
                    let Some(request) = read(&mut stream) else { return };
                    let before = {
                        let mut log = log.lock().unwrap();
                        log.push(request.clone());
                        log.len() - 1
                    };
                    send(&mut stream, answer(&request, before));
                });
            }
        });
        Self { url, seen }
    }

    pub(crate) fn store(&self) -> Store {
        self.location().open_with(&impatient()).unwrap()
    }

    pub(crate) fn location(&self) -> Location {
        self.url.parse().unwrap()
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
    }
    let text = String::from_utf8(bytes).ok()?;
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    Some(Request { method, target, headers })
}

fn send(stream: &mut TcpStream, reply: Reply) {
    // The client may be gone already; then the rest is nobody's business.
    match reply {
        Reply::Bytes(bytes) => {
            let _ = stream.write_all(&bytes);
        }
        Reply::Stall(bytes) => {
            let _ = stream.write_all(&bytes);
            std::thread::sleep(Duration::from_secs(30));
        }
        Reply::Close => {}
    }
}
