//! Verifies the bytes of an object while they pass: [`Digests`], and the hook [`Inspection`].

use std::fmt;

use laion_fmri_base::{Hex, Sha256, Sha256Hasher};
use md5::{Digest, Md5};

use crate::error::Source;
use crate::{Check, Content, RelativePath};

/// Looks at the content of objects while their bytes pass, for example at checksums that a file
/// format carries inside. This crate knows no formats, so the caller brings them.
pub trait Inspection: fmt::Debug + Send + Sync {
    /// Something that looks at one file; `None` if there is nothing to look at.
    fn inspect(&self, path: &RelativePath) -> Option<Box<dyn Inspector>>;
}

/// Looks at one file. Called with all its bytes, in order, in chunks of any length, and then once
/// for the verdict. Bytes that are found damaged are not published, unless they are known to be those
/// of the object: then the object itself is at fault ([`Content::fault`]).
pub trait Inspector: Send {
    /// The next bytes.
    ///
    /// # Errors
    ///
    /// What is wrong with them; nothing more is asked then.
    fn update(&mut self, bytes: &[u8]) -> Result<(), Source>;

    /// The verdict after the last byte.
    ///
    /// # Errors
    ///
    /// What is wrong with the file.
    fn finish(self: Box<Self>) -> Result<(), Source>;
}

/// Why content is not what it has to be.
#[derive(Debug)]
pub(crate) enum Mismatch {
    ETag { expected: String, got: String, sha256: Sha256 },
    Sha256 { expected: Sha256, got: Sha256 },
    Damaged { source: Source, sha256: Sha256 },
}

impl Mismatch {
    /// The SHA-256 of the bytes that came.
    pub(crate) fn sha256(&self) -> Sha256 {
        match self {
            Self::ETag { sha256, .. } | Self::Damaged { sha256, .. } => *sha256,
            Self::Sha256 { got, .. } => *got,
        }
    }
}

/// Part sizes of the tools in use, in MiB; each is tried only where it gives the number of parts
/// that the tag names.
const PART_MIB: &[u64] = &[8, 16, 5, 64, 50, 10, 15, 25, 32, 100, 128, 256, 512, 1024];

/// The most hashes with different part sizes that run at the same time.
const CANDIDATES: usize = 3;

/// Everything that is computed in one pass over the bytes.
pub(crate) struct Digests {
    sha256: Sha256Hasher,
    tag: Tag,
    expected: Option<Sha256>,
    /// What came before, and was found damaged.
    before: Option<Sha256>,
    inspector: Option<Box<dyn Inspector>>,
    damage: Option<Source>,
}

/// What the entity tag lets us recompute.
enum Tag {
    /// It proves nothing.
    Opaque,
    /// The MD5 of the whole content.
    Whole { expected: String, md5: Md5 },
    /// The MD5 of the MD5s of the parts. `sure` says that the part size is known, not guessed.
    Parts { expected: String, candidates: Vec<Parts>, sure: bool },
}

struct Parts {
    size: u64,
    left: u64,
    part: Md5,
    digests: Md5,
    count: u64,
}

impl Digests {
    /// `part_size` is that of the upload, if the server tells.
    pub(crate) fn new(
        etag: Option<&str>,
        size: u64,
        part_size: Option<u64>,
        inspector: Option<Box<dyn Inspector>>,
    ) -> Self {
        let tag = etag.map_or(Tag::Opaque, |etag| Tag::new(etag, size, part_size));
        let sha256 = Sha256Hasher::new();
        Self { sha256, tag, expected: None, before: None, inspector, damage: None }
    }

    /// The same for bytes whose SHA-256 is known beforehand, if it is.
    pub(crate) fn expecting(mut self, sha256: Option<Sha256>) -> Self {
        self.expected = sha256;
        self
    }

    /// The same when an earlier attempt brought bytes with this digest, which were found damaged: the
    /// same bytes again are those of the object.
    pub(crate) fn after(mut self, before: Option<Sha256>) -> Self {
        self.before = before;
        self
    }

    /// The tag turns out to be no digest, whatever it looks like.
    pub(crate) fn distrust_tag(&mut self) {
        self.tag = Tag::Opaque;
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        match &mut self.tag {
            Tag::Opaque => {}
            Tag::Whole { md5, .. } => md5.update(bytes),
            Tag::Parts { candidates, .. } => {
                candidates.iter_mut().for_each(|parts| parts.update(bytes));
            }
        }
        if let Some(inspector) = &mut self.inspector
            && let Err(damage) = inspector.update(bytes)
        {
            self.damage = Some(damage);
            self.inspector = None;
        }
    }

    pub(crate) fn finish(self) -> Result<Content, Mismatch> {
        let sha256 = self.sha256.finish();
        let etag_verified = match self.tag.finish() {
            Ok(verified) => verified,
            Err((expected, got)) => return Err(Mismatch::ETag { expected, got, sha256 }),
        };
        let inspected = self.inspector.is_some();
        let verdict = self.inspector.map_or(Ok(()), Inspector::finish);
        let damage = self.damage.or(verdict.err());
        let proof = match self.expected {
            Some(expected) if expected != sha256 => {
                return Err(match damage {
                    Some(source) => Mismatch::Damaged { source, sha256 },
                    None => Mismatch::Sha256 { expected, got: sha256 },
                });
            }
            Some(_) => Some(Check::Sha256),
            None if etag_verified => Some(Check::ETag),
            None => (self.before == Some(sha256)).then_some(Check::Repetition),
        };
        match (proof, damage) {
            (None, Some(source)) => Err(Mismatch::Damaged { source, sha256 }),
            (proof, damage) => {
                let weakest = if inspected { Check::Inspection } else { Check::Size };
                let (check, fault) = (proof.unwrap_or(weakest), damage.as_deref().map(in_words));
                Ok(Content { sha256, etag_verified, check, fault })
            }
        }
    }
}

/// An error with everything below it.
fn in_words(error: &(dyn std::error::Error + Send + Sync + 'static)) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(source) = below {
        text.push_str(&format!(": {source}"));
        below = source.source();
    }
    text
}

impl Tag {
    fn new(etag: &str, size: u64, part_size: Option<u64>) -> Self {
        let etag = etag.trim_matches('"').to_ascii_lowercase();
        match etag.split_once('-') {
            None if is_md5(&etag) => Self::Whole { expected: etag, md5: Md5::new() },
            Some((digest, count)) if is_md5(digest) => {
                let Ok(count) = count.parse::<u64>() else { return Self::Opaque };
                let fits = |part: &u64| *part > 0 && size.div_ceil(*part).max(1) == count;
                let known = part_size.filter(fits);
                let sizes: Vec<u64> = match known {
                    Some(part) => vec![part],
                    None if count == 1 => vec![size.max(1)],
                    None => {
                        PART_MIB.iter().map(|mib| mib << 20).filter(fits).take(CANDIDATES).collect()
                    }
                };
                let sure = known.is_some() || count == 1;
                let candidates: Vec<Parts> = sizes.into_iter().map(Parts::new).collect();
                if candidates.is_empty() {
                    return Self::Opaque;
                }
                Self::Parts { expected: etag, candidates, sure }
            }
            _ => Self::Opaque,
        }
    }

    /// Whether the tag was recomputed; the tag and what was computed when they differ.
    fn finish(self) -> Result<bool, (String, String)> {
        match self {
            Self::Opaque => Ok(false),
            Self::Whole { expected, md5 } => {
                let got = hex(md5);
                if got == expected { Ok(true) } else { Err((expected, got)) }
            }
            Self::Parts { expected, candidates, sure } => {
                let got: Vec<String> = candidates.into_iter().map(Parts::finish).collect();
                match got.first() {
                    _ if got.contains(&expected) => Ok(true),
                    Some(got) if sure => Err((expected, got.clone())),
                    // Another part size than the guessed ones: the tag stays unread.
                    _ => Ok(false),
                }
            }
        }
    }
}

impl Parts {
    fn new(size: u64) -> Self {
        Self { size, left: size, part: Md5::new(), digests: Md5::new(), count: 0 }
    }

    fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let take = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
            let (now, later) = bytes.split_at(take);
            self.part.update(now);
            self.left -= now.len() as u64;
            bytes = later;
            if self.left == 0 {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        self.digests.update(self.part.finalize_reset());
        self.count += 1;
        self.left = self.size;
    }

    fn finish(mut self) -> String {
        if self.left != self.size || self.count == 0 {
            self.close();
        }
        format!("{}-{}", hex(self.digests), self.count)
    }
}

/// Whether an entity tag has the form of a digest, so that it can prove something about the bytes.
pub(crate) fn is_digest(etag: &str) -> bool {
    is_md5(etag.trim_matches('"')) || is_multipart(etag)
}

/// Whether an entity tag stands for an upload in several parts.
pub(crate) fn is_multipart(etag: &str) -> bool {
    etag.trim_matches('"').split_once('-').is_some_and(|(digest, count)| {
        is_md5(digest) && count.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn is_md5(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn hex(md5: Md5) -> String {
    Hex(&md5.finalize()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(etag: &str, content: &[u8], part: Option<u64>) -> Result<Content, Mismatch> {
        let mut digests = Digests::new(Some(etag), content.len() as u64, part, None);
        // Odd chunks, so that the borders of parts fall inside them.
        content.chunks(8191).for_each(|chunk| digests.update(chunk));
        digests.finish()
    }

    #[test]
    fn whole_and_in_parts() {
        // md5sum and sha256sum of "abc"; `printf abc | md5sum | xxd -r -p | md5sum`.
        let content = run("\"900150983cd24fb0d6963f7d28e17f72\"", b"abc", None).unwrap();
        assert!(content.etag_verified);
        assert_eq!(
            content.sha256.to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let content = run("\"af5da9f45af7a300e3aded972f8ff687-1\"", b"abc", None).unwrap();
        assert!(content.etag_verified);
        assert!(!run("\"anything\"", b"abc", None).unwrap().etag_verified);
        assert!(!run("\"17-5f-a\"", b"abc", None).unwrap().etag_verified);
        assert!(matches!(
            run("\"900150983cd24fb0d6963f7d28e17f72\"", b"abd", None),
            Err(Mismatch::ETag { expected, got, .. })
                if expected.starts_with("9001") && got == "4911e516e5aa21d327512e0c8b197616"
        ));
    }

    #[test]
    fn the_part_size_is_guessed_or_told() {
        let content: Vec<u8> = (0..(11 << 20)).map(|i: u32| (i % 251) as u8).collect();
        let tag = |part: usize| {
            let mut all = Md5::new();
            content.chunks(part).for_each(|chunk| all.update(Md5::digest(chunk)));
            format!("\"{}-{}\"", hex(all), content.chunks(part).count())
        };
        assert!(run(&tag(8 << 20), &content, None).unwrap().etag_verified);
        assert!(run(&tag(5 << 20), &content, None).unwrap().etag_verified);
        // No tool's size: unproved, unless the server tells it.
        assert!(!run(&tag(7_000_000), &content, None).unwrap().etag_verified);
        assert!(run(&tag(7_000_000), &content, Some(7_000_000)).unwrap().etag_verified);
        assert!(run(&tag(7_000_000), &content[1..], Some(7_000_000)).is_err());
        assert!(is_multipart(&tag(8 << 20)) && !is_multipart("\"1-2\""));
    }

    struct NoZeros(bool);

    impl Inspector for NoZeros {
        fn update(&mut self, bytes: &[u8]) -> Result<(), Source> {
            if bytes.contains(&0) { Err("a zero".into()) } else { Ok(()) }
        }
        fn finish(self: Box<Self>) -> Result<(), Source> {
            if self.0 { Err("too short".into()) } else { Ok(()) }
        }
    }

    #[test]
    fn the_object_itself_is_at_fault_when_its_digest_fits() {
        let content = b"a\0c";
        let run = |etag: Option<&str>, sha256: Option<Sha256>, before: Option<Sha256>| {
            let mut digests = Digests::new(etag, 3, None, Some(Box::new(NoZeros(false))))
                .expecting(sha256)
                .after(before);
            digests.update(content);
            digests.finish()
        };
        let (own, other) = (Sha256::of(content), Sha256::of("abc"));
        let md5 = hex(Md5::new_with_prefix(content));
        for (etag, sha256, before, check) in [
            (Some(md5.as_str()), None, None, Check::ETag),
            (None, Some(own), None, Check::Sha256),
            (None, None, Some(own), Check::Repetition),
            (Some("inode-1"), None, Some(own), Check::Repetition),
        ] {
            let got = run(etag, sha256, before).unwrap();
            assert_eq!((got.check, got.fault.as_deref()), (check, Some("a zero")));
        }
        for (etag, sha256, before) in [
            (None, None, None),
            (Some("inode-1"), None, Some(other)),
            (None, Some(other), Some(own)),
        ] {
            let error = run(etag, sha256, before).unwrap_err();
            assert_eq!(error.sha256(), own);
            assert!(matches!(error, Mismatch::Damaged { .. }), "{error:?}");
        }
    }

    #[test]
    fn a_tag_that_is_no_digest_is_not_compared() {
        let md5 = "\"900150983cd24fb0d6963f7d28e17f72\"";
        let mut digests = Digests::new(Some(md5), 3, None, None);
        digests.update(b"abd");
        digests.distrust_tag();
        let content = digests.finish().unwrap();
        assert_eq!((content.etag_verified, content.check), (false, Check::Size));
        let inspected = Digests::new(None, 0, None, Some(Box::new(NoZeros(false))));
        assert_eq!(inspected.finish().unwrap().check, Check::Inspection);
        assert!(is_digest(md5) && is_digest("af5da9f45af7a300e3aded972f8ff687-1"));
        for other in ["", "\"tag\"", "W/\"900150983cd24fb0d6963f7d28e17f72\"", "1f-2-3", "17-a"] {
            assert!(!is_digest(other), "{other}");
        }
    }

    #[test]
    fn an_inspector_has_the_last_word() {
        let check = |content: &[u8], short| {
            let mut digests = Digests::new(None, 3, None, Some(Box::new(NoZeros(short))));
            digests.update(content);
            digests.finish().map_err(|mismatch| match mismatch {
                Mismatch::Damaged { source, .. } => source.to_string(),
                Mismatch::ETag { .. } | Mismatch::Sha256 { .. } => "another".to_owned(),
            })
        };
        assert!(check(b"abc", false).is_ok());
        assert_eq!(check(b"a\0c", false), Err("a zero".to_owned()));
        assert_eq!(check(b"abc", true), Err("too short".to_owned()));
    }
}
