//! What the service sends, checked before anything is done with it.

use std::fmt;

use laion_fmri_stimuli::files;
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use super::error::tame;
use super::{AccessError, RequestId, Sha256};

/// The files that a release has to have; whatever else is listed is not for this version.
pub(crate) const EXPECTED: [&str; 2] = [files::METADATA, files::IMAGES];

/// What links are asked for when the manifest names no version of the dataset.
const DATASET_VERSION: &str = "v1";

/// Longer than any file name that a disk takes.
const MAX_NAME_BYTES: usize = 255;

/// Longer than any signed link.
const MAX_URL_BYTES: usize = 8192;

/// A file that the service has: a plain name, its size and its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatedFile {
    /// File name, without directories.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the content.
    pub sha256: Sha256,
}

/// What the service has, which anybody may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    terms_version: String,
    dataset_version: String,
    files: Vec<GatedFile>,
}

/// Granted access: the request id, and links that live for about an hour.
///
/// `Debug` shows neither the id nor the links.
#[derive(Clone, Debug)]
pub struct Grant {
    request_id: RequestId,
    expires_at: Option<String>,
    links: Vec<Link>,
}

/// One signed link.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) file: GatedFile,
    pub(super) url: Url,
}

#[derive(Deserialize)]
struct RawManifest {
    current_terms_version: Value,
    dataset_version: Option<Value>,
    files: Vec<RawFile>,
}

#[derive(Deserialize)]
struct RawGrant {
    request_id: Option<String>,
    expires_at: Option<Value>,
    files: Vec<RawFile>,
}

#[derive(Deserialize)]
struct RawFile {
    name: String,
    size: u64,
    sha256: String,
    url: Option<String>,
}

impl Manifest {
    /// Reads the answer of `url`.
    pub(super) fn parse(body: &[u8], url: &str) -> Result<Self, AccessError> {
        let raw: RawManifest = parse(body, url)?;
        let missing = || malformed(url, "current_terms_version is not a version");
        let mut known: Vec<GatedFile> = Vec::new();
        for file in &raw.files {
            let file = checked(file, url)?;
            match known.iter().find(|other| other.name == file.name) {
                Some(other) if *other != file => {
                    return Err(malformed(url, &format!("{} is listed twice", file.name)));
                }
                Some(_) => {}
                None => known.push(file),
            }
        }
        let mut files = Vec::new();
        for name in EXPECTED {
            let position = known.iter().position(|file| file.name == name);
            let position = position.ok_or_else(|| AccessError::NotInManifest {
                url: url.to_owned(),
                name: name.to_owned(),
            })?;
            files.push(known.swap_remove(position));
        }
        Ok(Self {
            terms_version: version(&raw.current_terms_version).ok_or_else(missing)?,
            dataset_version: raw
                .dataset_version
                .as_ref()
                .and_then(version)
                .unwrap_or_else(|| DATASET_VERSION.to_owned()),
            files,
        })
    }

    /// The version of the terms of use in force.
    #[must_use]
    pub fn terms_version(&self) -> &str {
        &self.terms_version
    }

    /// The version of the dataset that the links are for.
    #[must_use]
    pub fn dataset_version(&self) -> &str {
        &self.dataset_version
    }

    /// The table of images and the images, in this order.
    #[must_use]
    pub fn files(&self) -> &[GatedFile] {
        &self.files
    }
}

impl Grant {
    /// Reads the answer of `url`: to a request, which names the id, or to a refresh of `request_id`.
    ///
    /// Links lead to `https`, or with `loopback` to a loopback address.
    pub(super) fn parse(
        body: &[u8],
        url: &str,
        request_id: Option<&RequestId>,
        loopback: bool,
    ) -> Result<Self, AccessError> {
        let raw: RawGrant = parse(body, url)?;
        let request_id = match (request_id, &raw.request_id) {
            (Some(id), _) => id.clone(),
            (None, Some(id)) => {
                RequestId::new(id).map_err(|_| malformed(url, "request_id is not an id"))?
            }
            (None, None) => return Err(malformed(url, "request_id is missing")),
        };
        let mut links = Vec::new();
        for raw in &raw.files {
            let file = checked(raw, url)?;
            if EXPECTED.contains(&file.name.as_str()) {
                let link = raw.url.as_deref().and_then(|text| checked_link(text, loopback));
                let bad = || malformed(url, &format!("the link to {} cannot be used", file.name));
                links.push(Link { url: link.ok_or_else(bad)?, file });
            }
        }
        let expires_at = raw.expires_at.as_ref().and_then(version);
        Ok(Self { request_id, expires_at, links })
    }

    /// The id that stands for the access.
    #[must_use]
    pub fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    /// Until when the links live, as the service says it.
    #[must_use]
    pub fn expires_at(&self) -> Option<&str> {
        self.expires_at.as_deref()
    }

    /// The link to a file of the manifest, when it leads to that very file.
    pub(super) fn link(&self, file: &GatedFile, server: &str) -> Result<&Link, AccessError> {
        let link = self.links.iter().find(|link| link.file.name == file.name);
        let link = link.ok_or_else(|| AccessError::NoLink {
            server: server.to_owned(),
            name: file.name.clone(),
        })?;
        if link.file != *file {
            return Err(AccessError::Replaced {
                name: file.name.clone(),
                expected: file.sha256,
                got: link.file.sha256,
            });
        }
        Ok(link)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("file", &self.file).finish_non_exhaustive()
    }
}

/// The position alone: what `serde_json` says repeats values, and values may be links.
fn parse<'a, T: Deserialize<'a>>(body: &'a [u8], url: &str) -> Result<T, AccessError> {
    serde_json::from_slice(body).map_err(|error| {
        let what = if error.is_data() { "not the expected fields" } else { "not JSON" };
        malformed(url, &format!("{what} at line {} column {}", error.line(), error.column()))
    })
}

fn malformed(url: &str, reason: &str) -> AccessError {
    AccessError::Malformed { url: url.to_owned(), reason: reason.to_owned() }
}

fn checked(raw: &RawFile, url: &str) -> Result<GatedFile, AccessError> {
    if !is_plain(&raw.name) {
        let shown = tame(&raw.name, 80);
        return Err(malformed(url, &format!("{shown:?} is not a plain file name")));
    }
    let sha256 = raw.sha256.parse().map_err(|_| {
        malformed(url, &format!("the sha256 of {} is not 64 hexadecimal digits", raw.name))
    })?;
    Ok(GatedFile { name: raw.name.clone(), size: raw.size, sha256 })
}

/// Whether a name stays in its directory and is not hidden there.
fn is_plain(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && !name.starts_with('.')
        && !name.chars().any(|c| c.is_control() || "/\\:".contains(c))
}

fn checked_link(text: &str, loopback: bool) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= MAX_URL_BYTES)?;
    let scheme = url.scheme() == "https" || loopback && super::client::is_loopback(&url);
    let anonymous = url.username().is_empty() && url.password().is_none();
    (scheme && anonymous && url.has_host()).then_some(url)
}

/// A version or date as text, numbers included.
fn version(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => tame(text, 64),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const URL: &str = "https://a.example/api/v1/manifest";

    fn file(name: &str) -> Value {
        json!({ "name": name, "size": 3, "sha256": "0".repeat(64), "url": "https://s3.example/x?sig=SECRET" })
    }

    fn manifest(files: &[Value], version: Value) -> Result<Manifest, AccessError> {
        let text = json!({ "current_terms_version": version, "files": files, "more": {} });
        Manifest::parse(text.to_string().as_bytes(), URL)
    }

    fn reason<T: fmt::Debug>(parsed: Result<T, AccessError>) -> String {
        match parsed {
            Err(AccessError::Malformed { url, reason }) => {
                assert!(url.starts_with("https://a.example/"), "{url}");
                reason
            }
            other => panic!("expected a malformed answer, got {other:?}"),
        }
    }

    #[test]
    fn expected_files_are_required_and_others_ignored() {
        let all =
            [file("extra.bin"), file(files::IMAGES), file(files::METADATA), file(files::IMAGES)];
        let parsed = manifest(&all, json!(3)).unwrap();
        assert_eq!((parsed.terms_version(), parsed.dataset_version()), ("3", "v1"));
        let names: Vec<_> = parsed.files().iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, EXPECTED);
        assert!(matches!(
            manifest(&all[..2], json!("3")),
            Err(AccessError::NotInManifest { url, name }) if url == URL && name == files::METADATA
        ));
    }

    #[test]
    fn damaged_manifests_are_refused() {
        let good = [file(files::IMAGES), file(files::METADATA)];
        assert_eq!(reason(Manifest::parse(b"<html>", URL)), "not JSON at line 1 column 1");
        assert_eq!(
            reason(Manifest::parse(b"{}", URL)),
            "not the expected fields at line 1 column 2"
        );
        assert_eq!(reason(manifest(&good, json!(null))), "current_terms_version is not a version");
        for name in
            ["", ".", "..", "../x", "a/b", "a\\b", "C:x", ".hidden", "a\0b", &"x".repeat(256)]
        {
            let files = [good[0].clone(), good[1].clone(), file(name)];
            let reason = reason(manifest(&files, json!("3")));
            assert!(reason.ends_with("is not a plain file name"), "{name:?}: {reason}");
        }
        let mut other = file(files::IMAGES);
        other["size"] = json!(4);
        let twice = [good[0].clone(), good[1].clone(), other.clone()];
        assert_eq!(reason(manifest(&twice, json!("3"))), "task-images_stimuli.h5 is listed twice");
        other["sha256"] = json!("xyz");
        assert_eq!(
            reason(manifest(&[other.clone()], json!("3"))),
            "the sha256 of task-images_stimuli.h5 is not 64 hexadecimal digits"
        );
        other["size"] = json!(-1);
        assert!(reason(manifest(&[other], json!("3"))).starts_with("not the expected fields"));
    }

    #[test]
    fn damage_is_an_error_and_no_crash() {
        let files = [file(files::IMAGES), file(files::METADATA)];
        let text =
            json!({ "current_terms_version": "3", "files": files, "expires_at": 3 }).to_string();
        let id = RequestId::new("lfm_x").unwrap();
        for position in 0..text.len() {
            for byte in [0, b'"', b'}', b'9', b'/', 0xff] {
                let mut damaged = text.clone().into_bytes();
                damaged[position] = byte;
                if let Ok(manifest) = Manifest::parse(&damaged, URL) {
                    assert!(
                        manifest.files().iter().all(|file| EXPECTED.contains(&file.name.as_str()))
                    );
                }
                if let Err(error) = Grant::parse(&damaged, URL, Some(&id), false) {
                    assert!(!format!("{error:?} {error}").contains("SECRET"));
                }
            }
            assert!(Manifest::parse(&text.as_bytes()[..position], URL).is_err());
        }
    }

    fn grant(answer: &Value, id: Option<&RequestId>) -> Result<Grant, AccessError> {
        Grant::parse(answer.to_string().as_bytes(), "https://a.example/api/v1/refresh", id, false)
    }

    #[test]
    fn secrets_are_not_shown() {
        let answer = json!({ "request_id": "lfm_SECRET", "expires_at": "soon", "files": [file(files::IMAGES)] });
        let granted = grant(&answer, None).unwrap();
        assert_eq!(
            (granted.request_id().reveal(), granted.expires_at()),
            ("lfm_SECRET", Some("soon"))
        );
        assert!(!format!("{granted:?}").contains("SECRET"));
        // Nor in the complaint about an answer that holds a link at the wrong place.
        let mut answer = json!({ "files": [file(files::IMAGES)] });
        answer["files"][0]["size"] = json!("https://s3.example/x?sig=SECRET");
        assert!(!reason(grant(&answer, None)).contains("SECRET"));
    }

    #[test]
    fn links_are_checked() {
        let id = RequestId::new("lfm_x").unwrap();
        for (url, usable) in [
            (json!("https://s3.example/x?sig=1"), true),
            (json!("http://s3.example/x"), false),
            (json!("http://127.0.0.1/x"), false),
            (json!("file:///etc/passwd"), false),
            (json!("https://user:pass@s3.example/x"), false),
            (json!(format!("https://s3.example/{}", "x".repeat(9000))), false),
            (json!(null), false),
        ] {
            let mut file = file(files::IMAGES);
            file["url"] = url.clone();
            assert_eq!(grant(&json!({ "files": [file] }), Some(&id)).is_ok(), usable, "{url}");
        }
        assert_eq!(reason(grant(&json!({ "files": [] }), None)), "request_id is missing");
        let blank = json!({ "files": [], "request_id": " " });
        assert_eq!(reason(grant(&blank, None)), "request_id is not an id");
        let local = json!({ "files": [{ "name": files::IMAGES, "size": 1, "sha256": "0".repeat(64), "url": "http://127.0.0.1:5/x" }] });
        let parsed = Grant::parse(local.to_string().as_bytes(), URL, Some(&id), true).unwrap();
        let images = parsed.links[0].file.clone();
        assert!(parsed.link(&images, URL).is_ok());
        let table = GatedFile { name: files::METADATA.to_owned(), ..images.clone() };
        assert!(
            matches!(parsed.link(&table, URL), Err(AccessError::NoLink { name, .. }) if name == files::METADATA)
        );
        let newer = GatedFile { size: 2, ..images };
        assert!(
            matches!(parsed.link(&newer, URL), Err(AccessError::Replaced { name, .. }) if name == files::IMAGES)
        );
    }
}
