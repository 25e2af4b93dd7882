//! What can be recomputed to compare bytes with what a store says about them: [`Claims`],
//! [`Proof`].

use super::hasher::{Hasher, Value};
use super::{is_md5, multipart};
use crate::{Check, Checksum};

/// Part sizes of the tools in use, in MiB; each is tried only where it gives the number of parts
/// that is named.
const PART_MIB: &[u64] = &[8, 16, 5, 64, 50, 10, 15, 25, 32, 100, 128, 256, 512, 1024];

/// The most hashes with different part sizes that run at the same time.
const CANDIDATES: usize = 3;

/// What a store says about the content of an object.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Claims<'a> {
    /// The entity tag, unless it is known to be no digest.
    pub(crate) etag: Option<&'a str>,
    /// The checksums that it keeps.
    pub(crate) checksums: &'a [Checksum],
    /// Bytes in the object.
    pub(crate) size: u64,
    /// Bytes in a part of the upload.
    pub(crate) part_size: Option<u64>,
    /// Whether the best claim has not held before: then all are looked at, since that one may be
    /// wrong.
    pub(crate) doubted: bool,
}

impl Claims<'_> {
    /// Whether it is useful to know the size of the parts.
    pub(crate) fn need_part_size(&self) -> bool {
        let whole = self.checksums.iter().any(|checksum| checksum.parts().is_none());
        let of_tag = self.etag.and_then(multipart).map(|(_, parts)| parts);
        let of_checksums = self.checksums.iter().filter_map(Checksum::parts);
        of_tag.into_iter().chain(of_checksums).any(|parts| parts > 1) && (!whole || self.doubted)
    }
}

/// One claim, and what is computed to compare it with the bytes.
pub(super) struct Proof {
    check: Check,
    expected: String,
    checksum: Option<Checksum>,
    ways: Vec<Way>,
    /// Whether the part size, if there is one, is known and not guessed.
    sure: bool,
}

/// What came of a [`Proof`].
pub(super) enum Verdict {
    Holds(Check, Option<Checksum>),
    Differs {
        check: Check,
        expected: String,
        got: String,
    },
    /// With another part size than the guessed ones it may hold.
    Unread,
}

enum Way {
    Whole(Box<Hasher>),
    Parts(Box<Parts>),
}

impl Proof {
    /// The best proof that the claims allow, or, where they are doubted, all of them, the best
    /// first: a checksum of the whole content, an entity tag that is its MD5, a checksum of
    /// checksums of parts, an entity tag of parts.
    pub(super) fn of(claims: &Claims<'_>) -> Vec<Self> {
        let etag = claims.etag.map(|etag| etag.trim_matches('"').to_ascii_lowercase());
        let tag = etag.as_deref();
        let best = |parts: bool| {
            let checksums = claims.checksums.iter();
            let of_kind = checksums.filter(|checksum| checksum.parts().is_some() == parts);
            of_kind.min_by_key(|checksum| checksum.algorithm())
        };
        let whole = best(false).map(Self::whole);
        let md5 = tag.filter(|tag| is_md5(tag)).map(Self::md5);
        let parts_of_tag = tag.and_then(multipart).map(|(_, parts)| parts);
        // A checksum of another number of parts is one of another upload.
        let of_same_upload = |parts: &u64| parts_of_tag.is_none_or(|of_tag| of_tag == *parts);
        let part_checksums = best(true).and_then(|checksum| {
            let parts = checksum.parts().filter(of_same_upload)?;
            Self::part_checksums(claims, checksum, parts)
        });
        let md5_of_parts = parts_of_tag.and_then(|parts| Self::md5_of_parts(claims, tag?, parts));
        let all = [whole, md5, part_checksums, md5_of_parts].into_iter().flatten();
        all.take(if claims.doubted { usize::MAX } else { 1 }).collect()
    }

    fn whole(checksum: &Checksum) -> Self {
        let way = Way::Whole(Box::new(Hasher::of(checksum.algorithm())));
        Self {
            check: Check::Checksum(checksum.algorithm()),
            expected: checksum.text(),
            checksum: Some(checksum.clone()),
            ways: vec![way],
            sure: true,
        }
    }

    fn md5(tag: &str) -> Self {
        let (expected, ways) = (tag.to_owned(), vec![Way::Whole(Box::new(Hasher::md5()))]);
        Self { check: Check::ETag, expected, checksum: None, ways, sure: true }
    }

    fn part_checksums(claims: &Claims<'_>, checksum: &Checksum, parts: u64) -> Option<Self> {
        let algorithm = checksum.algorithm();
        let (ways, sure) = in_parts(claims, parts, &Hasher::of(algorithm))?;
        Some(Self {
            check: Check::PartChecksums(algorithm),
            expected: checksum.text(),
            checksum: Some(checksum.clone()),
            ways,
            sure,
        })
    }

    fn md5_of_parts(claims: &Claims<'_>, tag: &str, parts: u64) -> Option<Self> {
        let (ways, sure) = in_parts(claims, parts, &Hasher::md5())?;
        Some(Self { check: Check::ETag, expected: tag.to_owned(), checksum: None, ways, sure })
    }

    /// The checksum of the store that it compares with, if it is one.
    pub(super) fn checksum(&self) -> Option<&Checksum> {
        self.checksum.as_ref()
    }

    /// Whether it holds or differs, whatever the bytes are.
    pub(super) fn is_sure(&self) -> bool {
        self.sure
    }

    /// The tag that it compares with, if that is the MD5 of the whole content.
    pub(super) fn md5_of_tag(&self) -> Option<&str> {
        (self.is_of_tag() && is_md5(&self.expected)).then_some(&*self.expected)
    }

    pub(super) fn is_of_tag(&self) -> bool {
        self.check == Check::ETag
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        for way in &mut self.ways {
            match way {
                Way::Whole(hasher) => hasher.update(bytes),
                Way::Parts(parts) => parts.update(bytes),
            }
        }
    }

    pub(super) fn finish(self) -> Verdict {
        let Self { check, expected, checksum, ways, sure } = self;
        let shown = |value: &Value| match check {
            Check::ETag => value.hex(),
            _ => value.base64(),
        };
        let got = ways.into_iter().map(|way| match way {
            Way::Whole(mut hasher) => shown(&hasher.take()),
            Way::Parts(parts) => {
                let (value, count) = parts.finish();
                format!("{}-{count}", shown(&value))
            }
        });
        let mut got: Vec<String> = got.collect();
        if got.contains(&expected) {
            return Verdict::Holds(check, checksum);
        }
        match got.pop() {
            Some(got) if sure => Verdict::Differs { check, expected, got },
            _ => Verdict::Unread,
        }
    }
}

/// Hashes in parts of every size that may be the one of the upload, and whether that is known.
fn in_parts(claims: &Claims<'_>, count: u64, hasher: &Hasher) -> Option<(Vec<Way>, bool)> {
    let fits = |part: &u64| *part > 0 && claims.size.div_ceil(*part).max(1) == count;
    let known = claims.part_size.filter(fits);
    let known = known.or_else(|| (count == 1).then_some(claims.size.max(1)));
    let sizes: Vec<u64> = match known {
        Some(part) => vec![part],
        None => PART_MIB.iter().map(|mib| mib << 20).filter(fits).take(CANDIDATES).collect(),
    };
    let way = |size| Way::Parts(Box::new(Parts::new(size, hasher.clone())));
    let ways: Vec<Way> = sizes.into_iter().map(way).collect();
    (!ways.is_empty()).then_some((ways, known.is_some()))
}

/// The digest of the digests of parts of one size.
struct Parts {
    size: u64,
    left: u64,
    part: Hasher,
    digests: Hasher,
    count: u64,
}

impl Parts {
    fn new(size: u64, hasher: Hasher) -> Self {
        Self { size, left: size, part: hasher.clone(), digests: hasher, count: 0 }
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
        self.digests.update(&self.part.take().0);
        self.count += 1;
        self.left = self.size;
    }

    fn finish(mut self) -> (Value, u64) {
        if self.left != self.size || self.count == 0 {
            self.close();
        }
        (self.digests.take(), self.count)
    }
}
