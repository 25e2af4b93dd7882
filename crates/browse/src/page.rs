//! The built page, which is part of the program when it was there at the build.

use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use axum::http::{Response, StatusCode};

use crate::answer::{self, Answer};

/// The files of the page by their paths. A large one is compressed, and has [`GZ`] behind its path.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// What stands behind the path of a compressed file.
const GZ: &str = ".gz";

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
    if let Some(bytes) = file(path) {
        return of(path, bytes);
    }
    match file(&format!("{path}{GZ}")) {
        Some(bytes) => {
            let mut response = of(path, bytes);
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressed_file_is_sent_under_its_own_name() {
        for (path, bytes) in FILES {
            let is_gz = bytes.starts_with(b"\x1f\x8b");
            assert_eq!(is_gz, path.ends_with(GZ), "{path}");
            let asked = path.strip_suffix(GZ).unwrap_or(path);
            let response = asset(asked);
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            let headers = response.headers();
            assert_eq!(headers.contains_key(CONTENT_ENCODING), is_gz, "{path}");
            assert_eq!(headers[CONTENT_TYPE], kind(asked), "{path}");
        }
        // The script is most of the page.
        assert!(!has_page() || file("page.js.gz").is_some_and(|bytes| bytes.len() < 1_000_000));
        assert_eq!(asset("nothing.js").status(), StatusCode::NOT_FOUND);
    }
}
