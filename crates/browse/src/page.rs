//! The built page, which is part of the program when it was there at the build.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{Response, StatusCode};

use crate::answer::{self, Answer};

/// The files of the page by their paths.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// Collected by the build of the page.
const LICENCES: &str = "licences.txt";

const WITHOUT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <title>LAION-fMRI</title><h1>Built without the page</h1>\
    <p>This program was built without the page: run <code>cargo xtask web</code>, then build again. \
    The interface for programs is there, for example <a href=\"/api/subjects\">/api/subjects</a>.</p>\
    </html>";

/// Whether the page is part of this program.
#[must_use]
pub fn has_page() -> bool {
    file("index.html").is_some()
}

/// The licences of what the page is made of.
pub(crate) fn licences() -> &'static str {
    file(LICENCES).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
}

/// The page itself.
pub(crate) fn index() -> Answer {
    match file("index.html") {
        Some(bytes) => of("index.html", bytes),
        None => answer::bytes("text/html; charset=utf-8", WITHOUT),
    }
}

/// A file of the page.
pub(crate) fn asset(path: &str) -> Answer {
    match file(path) {
        Some(bytes) => of(path, bytes),
        None => answer::refused(StatusCode::NOT_FOUND, "the page has no such file", None),
    }
}

fn file(path: &str) -> Option<&'static [u8]> {
    FILES.iter().find(|(known, _)| *known == path).map(|(_, bytes)| *bytes)
}

fn of(path: &str, bytes: &'static [u8]) -> Answer {
    let mut response = Response::new(Body::from(bytes));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind(path)));
    response
}

fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("wasm") => "application/wasm",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
