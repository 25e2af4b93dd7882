//! Reading the answers of `ListObjectsV2`: pages of keys, and error documents.

use std::borrow::Cow;
use std::time::SystemTime;

use chrono::DateTime;
use percent_encoding::percent_decode_str;
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, Event};

use super::Listing;

/// One page of a listing and the token of the next page.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Page {
    pub(super) listing: Listing,
    pub(super) next: Option<String>,
}

/// An answer that is not a `ListBucketResult`.
#[derive(Debug, thiserror::Error)]
pub(super) enum XmlError {
    #[error("the document is not well-formed XML")]
    Syntax(#[source] quick_xml::Error),
    #[error("the text is not UTF-8")]
    Encoding(#[from] quick_xml::encoding::EncodingError),
    #[error("unknown entity &{0};")]
    Entity(String),
    #[error("the document is a {got:?} (expected a \"ListBucketResult\")")]
    Root { got: String },
    #[error("the document ends early")]
    Incomplete,
    #[error("object {key:?} has no usable {field} (got {got:?})")]
    Field { key: String, field: &'static str, got: String },
    #[error("the page is truncated but names no next page")]
    NoToken,
}

impl From<quick_xml::Error> for XmlError {
    fn from(error: quick_xml::Error) -> Self {
        Self::Syntax(error)
    }
}

/// The texts of one `Contents` or `CommonPrefixes` element.
#[derive(Default)]
struct Entry {
    key: String,
    size: String,
    etag: Option<String>,
    last_modified: String,
    prefix: String,
}

/// A page is read or refused, and only one of several pages names the next.
///
/// # Panics
///
/// When that does not hold.
#[cfg(any(test, fuzzing))]
pub fn check_page(bytes: &[u8]) {
    let Ok(document) = std::str::from_utf8(bytes) else { return };
    let _ = error_code(document);
    if let Ok(found) = page(document) {
        let names = found.listing.objects.iter().map(|object| object.key.as_str());
        assert!(names.clone().all(|name| !name.is_empty() && name.parse::<crate::Key>().is_ok()));
        assert_eq!(page(document).ok(), Some(found), "the same again");
    }
}

/// Parses a page. Namespaces are ignored; unknown elements are skipped.
pub(super) fn page(document: &str) -> Result<Page, XmlError> {
    let mut found = Page::default();
    let mut entries: Vec<(bool, Entry)> = Vec::new();
    let (mut encoded, mut truncated) = (false, false);
    let mut entry = Entry::default();
    walk(document, |path, text| {
        match path {
            [root] if root != "ListBucketResult" => {
                return Err(XmlError::Root { got: root.clone() });
            }
            [_, field] => match field.as_str() {
                "EncodingType" => encoded = text == "url",
                "IsTruncated" => truncated = text.trim() == "true",
                "NextContinuationToken" => found.next = Some(text),
                "Contents" => entries.push((true, std::mem::take(&mut entry))),
                "CommonPrefixes" => entries.push((false, std::mem::take(&mut entry))),
                _ => {}
            },
            [_, parent, field] if parent == "Contents" || parent == "CommonPrefixes" => {
                match field.as_str() {
                    "Key" => entry.key = text,
                    "Size" => entry.size = text,
                    "ETag" => entry.etag = Some(text),
                    "LastModified" => entry.last_modified = text,
                    "Prefix" => entry.prefix = text,
                    _ => {}
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    for (is_object, entry) in entries {
        if is_object {
            push(&mut found.listing, entry, encoded)?;
        } else {
            found.listing.prefixes.push(decode(&entry.prefix, encoded).into_owned());
        }
    }
    found.next = found.next.filter(|token| truncated && !token.is_empty());
    if truncated && found.next.is_none() {
        return Err(XmlError::NoToken);
    }
    Ok(found)
}

/// The `Code` of an S3 error document, if it is one.
pub(crate) fn error_code(document: &str) -> Option<String> {
    let mut code = None;
    let walked = walk(document, |path, text| {
        if let [root, field] = path
            && root == "Error"
            && field == "Code"
        {
            code = Some(text);
        }
        Ok(())
    });
    walked.ok().and(code)
}

fn push(listing: &mut Listing, entry: Entry, encoded: bool) -> Result<(), XmlError> {
    let key = decode(&entry.key, encoded).into_owned();
    let Ok(size) = entry.size.trim().parse() else {
        return Err(XmlError::Field { key, field: "Size", got: entry.size });
    };
    let last_modified = DateTime::parse_from_rfc3339(entry.last_modified.trim()).ok();
    listing.push(key, size, entry.etag, last_modified.map(SystemTime::from));
    Ok(())
}

/// Undoes `encoding-type=url`: `%XX`, and `+` for a space.
fn decode(text: &str, encoded: bool) -> Cow<'_, str> {
    if !encoded {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

/// Calls `close` at the end of every element with the names from the root down to it and its text.
fn walk(
    document: &str,
    mut close: impl FnMut(&[String], String) -> Result<(), XmlError>,
) -> Result<(), XmlError> {
    let mut reader = Reader::from_str(document);
    reader.config_mut().expand_empty_elements = true;
    let mut path: Vec<String> = Vec::new();
    let mut text = String::new();
    let mut seen = false;
    loop {
        match reader.read_event()? {
            Event::Start(start) => {
                path.push(String::from_utf8_lossy(start.local_name().as_ref()).into_owned());
                text.clear();
                seen = true;
            }
            Event::End(_) => {
                close(&path, std::mem::take(&mut text))?;
                path.pop();
            }
            Event::Text(part) => text.push_str(&part.xml10_content()?),
            Event::CData(part) => text.push_str(&part.xml10_content()?),
            Event::GeneralRef(reference) => resolve(&reference, &mut text)?,
            Event::Eof if seen && path.is_empty() => return Ok(()),
            Event::Eof => return Err(XmlError::Incomplete),
            _ => {}
        }
    }
}

fn resolve(reference: &BytesRef<'_>, text: &mut String) -> Result<(), XmlError> {
    if let Some(character) = reference.resolve_char_ref()? {
        text.push(character);
        return Ok(());
    }
    let name = reference.decode()?;
    let value = resolve_xml_entity(&name).ok_or_else(|| XmlError::Entity(name.to_string()))?;
    text.push_str(value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyProblem, Listed};

    fn wrap(inner: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inner}</ListBucketResult>"
        )
    }

    fn contents(key: &str) -> String {
        format!("<Contents><Key>{key}</Key><Size>3</Size></Contents>")
    }

    fn keys(document: &str) -> Vec<String> {
        page(document).unwrap().listing.objects.into_iter().map(|o| o.key.to_string()).collect()
    }

    #[test]
    fn a_full_entry() {
        let document = wrap(
            "<Name>data</Name><Prefix>sub</Prefix><IsTruncated>true</IsTruncated>\
             <NextContinuationToken>a&amp;b==</NextContinuationToken>\n  <Contents>\n  <Key>sub/a.txt</Key>\
             <LastModified>2026-09-28T10:00:00.000Z</LastModified><ETag>&quot;abc-2&quot;</ETag>\
             <Size>5368709120</Size><Owner><ID>x</ID></Owner></Contents>\
             <CommonPrefixes><Prefix>sub/b/</Prefix></CommonPrefixes>",
        );
        let page = page(&document).unwrap();
        assert_eq!(page.next.as_deref(), Some("a&b=="));
        assert_eq!(page.listing.prefixes, ["sub/b/"]);
        let seconds = 1_790_589_600;
        assert_eq!(
            page.listing.objects,
            [Listed {
                key: "sub/a.txt".parse().unwrap(),
                size: 5_368_709_120,
                etag: Some("\"abc-2\"".to_owned()),
                last_modified: Some(
                    SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds)
                ),
            }]
        );
    }

    #[test]
    fn keys_are_kept_byte_for_byte() {
        let plain = wrap(&contents("a b+c%20&amp;&#65;&#xe9;&lt;.txt"));
        assert_eq!(keys(&plain), ["a b+c%20&A\u{e9}<.txt"]);
        let encoded =
            format!("<EncodingType>url</EncodingType>{}", contents("a+b%2Bc%2520%C3%A9.txt"));
        assert_eq!(keys(&wrap(&encoded)), ["a b+c%20\u{e9}.txt"]);
        // Trailing spaces belong to the key.
        assert_eq!(keys(&wrap(&contents("x .jpg "))), ["x .jpg "]);
        // The encoding type may follow the keys it describes.
        let late = format!("{}<EncodingType>url</EncodingType>", contents("a%2Bb"));
        assert_eq!(keys(&wrap(&late)), ["a+b"]);
    }

    #[test]
    fn one_bad_key_does_not_hide_the_others() {
        let inner = ["a", "b//c", "../d", "e%0Af", "g"].map(contents).concat();
        let listing =
            page(&wrap(&format!("<EncodingType>url</EncodingType>{inner}"))).unwrap().listing;
        assert_eq!(listing.objects.len(), 2);
        let refused: Vec<_> = listing.refused.into_iter().map(|r| (r.key, r.reason)).collect();
        assert_eq!(
            refused,
            [
                ("b//c".to_owned(), KeyProblem::EmptyPart),
                ("../d".to_owned(), KeyProblem::RelativePart { part: "..".to_owned() }),
                ("e\nf".to_owned(), KeyProblem::Character { character: '\n' }),
            ]
        );
    }

    #[test]
    fn folder_markers_are_left_out_only_when_empty() {
        let marker = "<Contents><Key>a/</Key><Size>0</Size></Contents>";
        assert_eq!(page(&wrap(marker)).unwrap(), Page::default());
        let listing = page(&wrap(&contents("a/"))).unwrap().listing;
        assert_eq!(listing.refused.len(), 1);
        assert_eq!(listing.refused[0].reason, KeyProblem::TrailingSlash);
    }

    #[test]
    fn empty_pages() {
        assert_eq!(page(&wrap("")).unwrap(), Page::default());
        assert_eq!(page("<ListBucketResult/>").unwrap(), Page::default());
        let last = wrap(
            "<IsTruncated>false</IsTruncated><NextContinuationToken>x</NextContinuationToken>",
        );
        assert_eq!(page(&last).unwrap().next, None);
    }

    #[test]
    fn what_is_not_a_page() {
        assert!(matches!(page(""), Err(XmlError::Incomplete)));
        assert!(matches!(page("not xml"), Err(XmlError::Incomplete)));
        assert!(matches!(page("<ListBucketResult><Contents>"), Err(XmlError::Incomplete)));
        assert!(matches!(page("<ListBucketResult></Other>"), Err(XmlError::Syntax(_))));
        assert!(matches!(page("<html></html>"), Err(XmlError::Root { got }) if got == "html"));
        assert!(matches!(page(&wrap("&bomb;")), Err(XmlError::Entity(name)) if name == "bomb"));
        assert!(matches!(page(&wrap("<IsTruncated>true</IsTruncated>")), Err(XmlError::NoToken)));
        let sizeless = wrap("<Contents><Key>k</Key><Size>-1</Size></Contents>");
        assert!(matches!(
            page(&sizeless),
            Err(XmlError::Field { key, field: "Size", got }) if key == "k" && got == "-1"
        ));
    }

    #[test]
    fn error_codes() {
        let document = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
        assert_eq!(error_code(document).as_deref(), Some("AccessDenied"));
        assert_eq!(error_code("<html>403</html>"), None);
        assert_eq!(error_code("gateway"), None);
    }
}
