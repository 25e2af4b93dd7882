//! Verifies the bytes of an object while they pass: [`Digests`], and the hook [`Inspection`].

use std::fmt;

use laion_fmri_base::{Sha256, Sha256Hasher};

use crate::error::Source;
use crate::{Check, Content, RelativePath};

mod etag;
mod hasher;
mod pieces;
mod proof;

pub(crate) use etag::ETagDigest;
pub use etag::ETagHasher;
pub use hasher::ChecksumHasher;
pub(crate) use hasher::Crc;
pub(crate) use pieces::Pieces;
pub(crate) use proof::Claims;
use proof::{Proof, Verdict};

/// Looks at the content of objects while their bytes pass, for example at checksums that a file
/// format carries inside. This crate knows no formats, so the caller brings them.
pub trait Inspection: fmt::Debug + Send + Sync {
    /// Something that looks at one file; `None` if there is nothing to look at.
    fn inspect(&self, path: &RelativePath) -> Option<Box<dyn Inspector>>;
}

/// Looks at one file. Called with all its bytes, in order, in chunks of any length, and then once
/// for the verdict. Bytes that are found damaged are not published, unless they are known to be
/// those of the object: then the object itself is at fault ([`Content::fault`]). It is called on a
/// thread that may block.
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
    /// The bytes do not have the checksum or entity tag of their object.
    Checksum {
        check: Check,
        expected: String,
        got: String,
        sha256: Option<Sha256>,
    },
    Sha256 {
        expected: Sha256,
        got: Sha256,
    },
    Damaged {
        source: Source,
        sha256: Sha256,
    },
}

impl Mismatch {
    /// The SHA-256 of the bytes that came, if it was computed.
    pub(crate) fn sha256(&self) -> Option<Sha256> {
        match self {
            Self::Checksum { sha256, .. } => *sha256,
            Self::Damaged { sha256, .. } => Some(*sha256),
            Self::Sha256 { got, .. } => Some(*got),
        }
    }
}

/// Everything that is computed in one pass over the bytes.
pub(crate) struct Digests {
    sha256: Hash,
    /// The best first.
    proofs: Vec<Proof>,
    expected: Option<Sha256>,
    /// What came before, and was found damaged.
    before: Option<Sha256>,
    inspector: Option<Box<dyn Inspector>>,
    damage: Option<Source>,
}

/// The SHA-256 of the bytes.
enum Hash {
    Made(Sha256Hasher),
    /// It was made before, of the same version of the object.
    Known(Sha256),
}

impl Digests {
    pub(crate) fn new(claims: &Claims<'_>, inspector: Option<Box<dyn Inspector>>) -> Self {
        let (sha256, proofs) = (Hash::Made(Sha256Hasher::new()), Proof::of(claims));
        Self { sha256, proofs, expected: None, before: None, inspector, damage: None }
    }

    /// The same for bytes whose SHA-256 is known beforehand, if it is.
    pub(crate) fn expecting(mut self, sha256: Option<Sha256>) -> Self {
        self.expected = sha256;
        self
    }

    /// The same for a version of an object whose SHA-256 was made before: it is not made again if
    /// what the store says is sure to prove that the bytes are those of that version.
    pub(crate) fn knowing(mut self, sha256: Option<Sha256>) -> Self {
        if let Some(sha256) = sha256
            && self.proofs.first().is_some_and(Proof::is_sure)
        {
            self.sha256 = Hash::Known(sha256);
        }
        self
    }

    /// The same when an earlier attempt brought bytes with this digest, which were found damaged:
    /// the same bytes again are those of the object.
    pub(crate) fn after(mut self, before: Option<Sha256>) -> Self {
        self.before = before;
        self
    }

    /// The tag turns out to be no digest, whatever it looks like.
    pub(crate) fn distrust_tag(&mut self) {
        self.proofs.retain(|proof| !proof.is_of_tag());
    }

    /// The same by pieces, if nothing is to be computed but a checksum that can be put together
    /// from those of pieces.
    pub(crate) fn in_pieces(&self) -> Option<Pieces> {
        Pieces::of(self.only_proof()?.checksum()?.clone())
    }

    /// The same by the tag, if nothing else is to be compared and it is the MD5 of the whole. The
    /// tag of an upload in parts proves nothing without the size of the parts, which no record
    /// keeps: bytes that have such a tag get their SHA-256 at once.
    pub(crate) fn by_tag(&self) -> Option<ETagDigest> {
        Some(ETagDigest::new(self.only_proof()?.md5_of_tag()?.to_owned()))
    }

    /// The proof that decides, if nothing else is to be looked at.
    fn only_proof(&self) -> Option<&Proof> {
        let [proof] = &*self.proofs else { return None };
        let alone = self.expected.is_none() && self.before.is_none() && self.inspector.is_none();
        alone.then_some(proof)
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if let Hash::Made(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
        self.proofs.iter_mut().for_each(|proof| proof.update(bytes));
        if let Some(inspector) = &mut self.inspector
            && let Err(damage) = inspector.update(bytes)
        {
            self.damage = Some(damage);
            self.inspector = None;
        }
    }

    pub(crate) fn finish(self) -> Result<Content, Mismatch> {
        self.finish_hashed().map(|(content, _)| content)
    }

    /// As [`finish`](Self::finish), and the SHA-256.
    pub(crate) fn finish_hashed(self) -> Result<(Content, Sha256), Mismatch> {
        let (sha256, made) = match self.sha256 {
            Hash::Made(hasher) => {
                let sha256 = hasher.finish();
                (sha256, Some(sha256))
            }
            Hash::Known(sha256) => (sha256, None),
        };
        let (mut proof, mut checksum, mut mismatch) = (None, None, None);
        for verdict in self.proofs.into_iter().map(Proof::finish) {
            match verdict {
                Verdict::Holds(check, of_store) => {
                    (proof, checksum) = (Some(check), of_store);
                    break;
                }
                Verdict::Differs { check, expected, got } => {
                    let differs = Mismatch::Checksum { check, expected, got, sha256: made };
                    mismatch.get_or_insert(differs);
                }
                Verdict::Unread => {}
            }
        }
        match (proof, mismatch) {
            (None, Some(mismatch)) => return Err(mismatch),
            // Another digest of the object fits, so that the better one is not of this object.
            (Some(_), Some(wrong)) => tracing::warn!(?wrong, "the store names a wrong checksum"),
            _ => {}
        }
        let etag_verified = proof == Some(Check::ETag);
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
            None => proof.or((self.before == Some(sha256)).then_some(Check::Repetition)),
        };
        match (proof, damage) {
            (None, Some(source)) => Err(Mismatch::Damaged { source, sha256 }),
            (proof, damage) => {
                let weakest = if inspected { Check::Inspection } else { Check::Size };
                let (check, fault) = (proof.unwrap_or(weakest), damage.as_deref().map(in_words));
                let content =
                    Content { sha256: Some(sha256), etag_verified, check, checksum, fault };
                Ok((content, sha256))
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

/// Whether an entity tag has the form of a digest, so that it can prove something about the bytes.
pub(crate) fn is_digest(etag: &str) -> bool {
    is_md5(etag.trim_matches('"')) || is_multipart(etag)
}

/// Whether an entity tag stands for an upload in several parts.
pub(crate) fn is_multipart(etag: &str) -> bool {
    multipart(etag).is_some()
}

/// The digest and the number of parts in the entity tag of an upload in several parts.
fn multipart(etag: &str) -> Option<(&str, u64)> {
    let (digest, count) = etag.trim_matches('"').split_once('-')?;
    let is_count = count.bytes().all(|byte| byte.is_ascii_digit());
    Some((digest, count.parse().ok()?)).filter(|_| is_md5(digest) && is_count)
}

fn is_md5(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use laion_fmri_base::Hex;
    use md5::{Digest, Md5};

    use super::*;
    use crate::{Checksum, ChecksumAlgorithm};

    fn hex(md5: Md5) -> String {
        Hex(&md5.finalize()).to_string()
    }

    fn run(etag: &str, content: &[u8], part_size: Option<u64>) -> Result<Content, Mismatch> {
        run_with(Claims { etag: Some(etag), part_size, ..Claims::default() }, content)
    }

    fn run_with(claims: Claims<'_>, content: &[u8]) -> Result<Content, Mismatch> {
        let claims = Claims { size: content.len() as u64, ..claims };
        let mut digests = Digests::new(&claims, None);
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
            content.sha256.unwrap().to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let content = run("\"af5da9f45af7a300e3aded972f8ff687-1\"", b"abc", None).unwrap();
        assert!(content.etag_verified);
        assert!(!run("\"anything\"", b"abc", None).unwrap().etag_verified);
        assert!(!run("\"17-5f-a\"", b"abc", None).unwrap().etag_verified);
        assert!(matches!(
            run("\"900150983cd24fb0d6963f7d28e17f72\"", b"abd", None),
            Err(Mismatch::Checksum { check: Check::ETag, expected, got, .. })
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

    fn checksum(text: &str) -> Checksum {
        text.parse().unwrap()
    }

    #[test]
    fn a_known_sha256_is_not_made_again_where_the_bytes_are_proved() {
        let known = Sha256::of("another");
        let finish = |claims: Claims<'_>, content: &[u8]| {
            let claims = Claims { size: content.len() as u64, ..claims };
            let mut digests = Digests::new(&claims, None).knowing(Some(known));
            digests.update(content);
            digests.finish_hashed().map(|(content, sha256)| (content.check, sha256))
        };
        let crc = [checksum(OF_ABC[0])];
        let by_checksum = Claims { checksums: &crc, ..Claims::default() };
        let by_tag =
            Claims { etag: Some("\"900150983cd24fb0d6963f7d28e17f72\""), ..Claims::default() };
        let (check, sha256) = finish(by_checksum, b"abc").unwrap();
        assert_eq!((check, sha256), (Check::Checksum(ChecksumAlgorithm::Crc64Nvme), known));
        assert_eq!(finish(by_tag, b"abc").unwrap(), (Check::ETag, known));
        // Other bytes are found all the same, and nothing is said about their SHA-256.
        for claims in [by_checksum, by_tag] {
            assert_eq!(finish(claims, b"abd").unwrap_err().sha256(), None);
        }
        // What proves nothing, or only if the size of the parts was guessed well, takes a SHA-256.
        let zeros = vec![0; 9 << 20];
        let parts = Some("\"900150983cd24fb0d6963f7d28e17f72-2\"");
        for etag in [None, Some("\"anything\""), parts] {
            let (check, sha256) = finish(Claims { etag, ..Claims::default() }, &zeros).unwrap();
            assert_eq!((check, sha256), (Check::Size, Sha256::of(&zeros)));
        }
    }

    /// Of "abc", by other implementations.
    const OF_ABC: [&str; 5] = [
        "crc64nvme:BeXKuz/B+us=",
        "sha256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
        "sha1:qZk+NkcGgWq6PiVxeFDCbJzQ2J0=",
        "crc32c:Nks/tw==",
        "crc32:NSRBwg==",
    ];

    #[test]
    fn a_checksum_of_the_whole_content_is_the_best_proof() {
        let wrong_tag = "\"900150983cd24fb0d6963f7d28e17f73\"";
        for text in OF_ABC {
            let checksums = [checksum(text)];
            let algorithm = checksums[0].algorithm();
            let claims =
                Claims { etag: Some(wrong_tag), checksums: &checksums, ..Claims::default() };
            // The tag is not even looked at.
            let content = run_with(claims, b"abc").unwrap();
            assert_eq!(content.check, Check::Checksum(algorithm));
            assert_eq!(
                (content.etag_verified, content.checksum.as_ref()),
                (false, checksums.first())
            );
            assert!(matches!(
                run_with(claims, b"abd").unwrap_err(),
                Mismatch::Checksum { check, expected, got, .. }
                    if check == Check::Checksum(algorithm) && expected == checksums[0].text()
                        && got != expected && Checksum::new(algorithm, &got).is_ok()
            ));
        }
        let all = OF_ABC.map(checksum);
        let content = run_with(Claims { checksums: &all, ..Claims::default() }, b"abc").unwrap();
        assert_eq!(content.check, Check::Checksum(ChecksumAlgorithm::Crc64Nvme));
    }

    #[test]
    fn a_wrong_checksum_gives_way_to_the_tag_when_it_is_doubted() {
        let checksums = [checksum("crc64nvme:AAAAAAAAAAA=")];
        let right = Some("\"900150983cd24fb0d6963f7d28e17f72\"");
        let claims = Claims { etag: right, checksums: &checksums, ..Claims::default() };
        assert!(matches!(run_with(claims, b"abc"), Err(Mismatch::Checksum { .. })));
        let doubted = Claims { doubted: true, ..claims };
        let content = run_with(doubted, b"abc").unwrap();
        assert_eq!((content.check, content.etag_verified), (Check::ETag, true));
        assert_eq!(content.checksum, None);
        // When the tag does not fit either, the better one is named.
        assert!(matches!(
            run_with(doubted, b"abd"),
            Err(Mismatch::Checksum { check: Check::Checksum(_), expected, .. })
                if expected == "AAAAAAAAAAA="
        ));
        // Without another digest there is nothing that says that it is wrong.
        let alone = Claims { etag: None, ..doubted };
        assert!(matches!(run_with(alone, b"abc"), Err(Mismatch::Checksum { .. })));
    }

    #[test]
    fn checksums_of_parts() {
        let content: Vec<u8> = (0..(11 << 20)).map(|i: u32| (i % 251) as u8).collect();
        for algorithm in [ChecksumAlgorithm::Crc32c, ChecksumAlgorithm::Sha1] {
            let proved = Check::PartChecksums(algorithm);
            let of = |part: usize, count: usize| {
                let mut parts = hasher::Hasher::of(algorithm);
                for chunk in content.chunks(part) {
                    let mut one = hasher::Hasher::of(algorithm);
                    one.update(chunk);
                    parts.update(&one.take().0);
                }
                [Checksum::new(algorithm, &format!("{}-{count}", parts.take().base64())).unwrap()]
            };
            let run = |checksums: &[Checksum], etag, part_size, content: &[u8]| {
                run_with(Claims { etag, checksums, part_size, ..Claims::default() }, content)
            };
            // Guessed, and told.
            assert_eq!(run(&of(8 << 20, 2), None, None, &content).unwrap().check, proved);
            let (odd, size) = (of(7_000_000, 2), Some(7_000_000));
            assert_eq!(run(&odd, None, None, &content).unwrap().check, Check::Size);
            assert_eq!(run(&odd, None, size, &content).unwrap().check, proved);
            assert!(matches!(
                run(&odd, None, size, &content[1..]),
                Err(Mismatch::Checksum { check, got, .. }) if check == proved && got.ends_with("-2")
            ));
            // One of another number of parts than the tag, or than there can be, is none.
            let tag = Some("\"900150983cd24fb0d6963f7d28e17f72-3\"");
            assert_eq!(run(&odd, tag, size, &content).unwrap().check, Check::Size);
            assert_eq!(run(&of(7_000_000, 5), None, size, &content).unwrap().check, Check::Size);
        }
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
            let claims = Claims { etag, size: 3, ..Claims::default() };
            let mut digests = Digests::new(&claims, Some(Box::new(NoZeros(false))))
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
            assert_eq!(error.sha256(), Some(own));
            assert!(matches!(error, Mismatch::Damaged { .. }), "{error:?}");
        }
    }

    #[test]
    fn a_tag_that_is_no_digest_is_not_compared() {
        let md5 = "\"900150983cd24fb0d6963f7d28e17f72\"";
        let claims = Claims { etag: Some(md5), size: 3, ..Claims::default() };
        let mut digests = Digests::new(&claims, None);
        digests.update(b"abd");
        digests.distrust_tag();
        let content = digests.finish().unwrap();
        assert_eq!((content.etag_verified, content.check), (false, Check::Size));
        let inspected = Digests::new(&Claims::default(), Some(Box::new(NoZeros(false))));
        assert_eq!(inspected.finish().unwrap().check, Check::Inspection);
        assert!(is_digest(md5) && is_digest("af5da9f45af7a300e3aded972f8ff687-1"));
        for other in ["", "\"tag\"", "W/\"900150983cd24fb0d6963f7d28e17f72\"", "1f-2-3", "17-a"] {
            assert!(!is_digest(other), "{other}");
        }
    }

    #[test]
    fn the_tag_alone_is_enough_where_it_is_the_md5_of_the_whole() {
        let md5 = "\"900150983CD24FB0D6963F7D28E17F72\"";
        let whole = Claims { etag: Some(md5), size: 3, ..Claims::default() };
        let mut by_tag = Digests::new(&whole, None).by_tag().unwrap();
        by_tag.update(b"abc");
        assert_eq!(by_tag.finish().unwrap().check, Check::ETag);
        let (own, crc) = (Sha256::of("abc"), [checksum(OF_ABC[0])]);
        for others in [
            Digests::new(&whole, Some(Box::new(NoZeros(false)))),
            Digests::new(&whole, None).expecting(Some(own)),
            Digests::new(&whole, None).after(Some(own)),
            Digests::new(&Claims { checksums: &crc, ..whole }, None),
            Digests::new(&Claims { checksums: &crc, doubted: true, ..whole }, None),
            Digests::new(&Claims { etag: Some("\"tag\""), ..whole }, None),
            Digests::new(&Claims::default(), None),
        ] {
            assert!(others.by_tag().is_none());
        }
        // Not that of an upload in parts, whether the size of the parts is known or not.
        let tag = Some("\"900150983cd24fb0d6963f7d28e17f72-2\"");
        for part_size in [None, Some(5 << 20)] {
            let parts = Claims { etag: tag, size: 9 << 20, part_size, ..Claims::default() };
            assert!(Digests::new(&parts, None).by_tag().is_none());
        }
    }

    #[test]
    fn an_inspector_has_the_last_word() {
        let check = |content: &[u8], short| {
            let mut digests = Digests::new(&Claims::default(), Some(Box::new(NoZeros(short))));
            digests.update(content);
            digests.finish().map_err(|mismatch| match mismatch {
                Mismatch::Damaged { source, .. } => source.to_string(),
                Mismatch::Checksum { .. } | Mismatch::Sha256 { .. } => "another".to_owned(),
            })
        };
        assert!(check(b"abc", false).is_ok());
        assert_eq!(check(b"a\0c", false), Err("a zero".to_owned()));
        assert_eq!(check(b"abc", true), Err("too short".to_owned()));
    }
}
