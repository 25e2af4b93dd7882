//! From the bytes of a bundle to its tables.

use std::sync::OnceLock;

use laion_fmri_base::Sha256;
use zlib_rs::{InflateConfig, ReturnCode, decompress_slice};

use super::bytes::{Bytes, bit};
use super::error::BundleError;
use super::{Bundle, COLUMNS, MAGIC, Names, PoolTable, TauFit, VERSION};
use crate::ood_type::OodType;
use crate::pool::Pool;

/// More than any bundle of this version needs; a header that asks for more is not allocated for.
const MAX_NAMES: usize = 1 << 20;
const MAX_PAYLOAD: usize = 64 << 20;

/// What the header says.
struct Header {
    names: usize,
    payload: usize,
    provenance: String,
    sha256: Sha256,
}

pub(super) fn decode(bytes: &[u8]) -> Result<Bundle, BundleError> {
    let mut bytes = Bytes::new(bytes);
    let header = header(&mut bytes)?;
    let payload = inflate(bytes.rest(), header.payload)?;
    compare_digests(header.sha256, &payload)?;
    let mut payload = Bytes::new(&payload);
    let names = names(&mut payload, header.names)?;
    let mut members = Vec::with_capacity(Pool::ALL.len());
    for _ in Pool::ALL {
        members.push(positions(payload.column("the members of a pool", header.names)?, &names));
    }
    let ood = ood(payload.column("the out-of-distribution images", header.names)?, &names)?;
    let mut pools: Vec<PoolTable> = members.into_iter().map(PoolTable::of).collect();
    for pool in &mut pools {
        for _ in 0..COLUMNS {
            let column = payload.column("the test images of a pool", pool.members.len())?;
            pool.columns.push(column.to_vec());
        }
    }
    for pool in &mut pools {
        pool.duplicates = duplicates(&mut payload, header.names)?;
    }
    for pool in &mut pools {
        pool.tau = tau_fit(&mut payload)?;
    }
    let rest = payload.rest().len();
    if rest > 0 {
        let (section, expected) = ("the payload", header.payload - rest);
        return Err(BundleError::Length { section, expected, got: header.payload });
    }
    let Header { provenance, sha256, .. } = header;
    Ok(Bundle { provenance, sha256, names, pools, ood, index: OnceLock::new() })
}

impl PoolTable {
    fn of(members: Vec<u32>) -> Self {
        let tau = TauFit { tau: 0.0, percentile: 0.0, mmd2_mean: 0.0, ratio_to_random: 0.0 };
        Self { members, columns: Vec::with_capacity(COLUMNS), duplicates: Vec::new(), tau }
    }
}

fn header(bytes: &mut Bytes<'_>) -> Result<Header, BundleError> {
    const SECTION: &str = "the header";
    let got = bytes.take_up_to(MAGIC.len());
    if got != MAGIC {
        return Err(BundleError::Magic { expected: *MAGIC, got: got.to_vec() });
    }
    let version = bytes.number(SECTION)?;
    if version != VERSION {
        return Err(BundleError::Version { expected: VERSION, got: version });
    }
    let names = at_most("number of names", bytes.number(SECTION)?, MAX_NAMES)?;
    exactly("number of pools", bytes.number(SECTION)?, Pool::ALL.len())?;
    exactly("number of columns", bytes.number(SECTION)?, COLUMNS)?;
    let payload = at_most("length of the payload", bytes.number(SECTION)?, MAX_PAYLOAD)?;
    let provenance = at_most("length of the provenance", bytes.number(SECTION)?, MAX_PAYLOAD)?;
    let sha256 = Sha256(bytes.array(SECTION)?);
    let section = "the provenance";
    let provenance = str::from_utf8(bytes.take(section, provenance)?)
        .map_err(|_| BundleError::Text { section })?
        .to_owned();
    Ok(Header { names, payload, provenance, sha256 })
}

fn at_most(field: &'static str, got: u32, expected: usize) -> Result<usize, BundleError> {
    let got = got as usize;
    if got <= expected { Ok(got) } else { Err(BundleError::Count { field, expected, got }) }
}

fn exactly(field: &'static str, got: u32, expected: usize) -> Result<(), BundleError> {
    let got = got as usize;
    if got == expected { Ok(()) } else { Err(BundleError::Count { field, expected, got }) }
}

fn inflate(compressed: &[u8], length: usize) -> Result<Vec<u8>, BundleError> {
    let mut payload = vec![0; length];
    let (inflated, code) = decompress_slice(&mut payload, compressed, InflateConfig::default());
    let got = inflated.len();
    match code {
        ReturnCode::Ok if got == length => Ok(payload),
        ReturnCode::Ok | ReturnCode::BufError => {
            Err(BundleError::Length { section: "the payload", expected: length, got })
        }
        ReturnCode::DataError => Err(BundleError::Damaged { reason: "not a whole zlib stream" }),
        _ => Err(BundleError::Damaged { reason: "the decoder gave up" }),
    }
}

/// The checksum of zlib is too weak alone: of all single flipped bits, one in about 14,000 gives
/// another payload with the same checksum.
fn compare_digests(expected: Sha256, payload: &[u8]) -> Result<(), BundleError> {
    let got = Sha256::of(payload);
    if expected == got { Ok(()) } else { Err(BundleError::Digest { expected, got }) }
}

fn names(payload: &mut Bytes<'_>, count: usize) -> Result<Names, BundleError> {
    let section = "the names";
    let shared = payload.take(section, count)?;
    let added = payload.take(section, count)?;
    let mut suffixes =
        Bytes::new(payload.take(section, added.iter().map(|&n| usize::from(n)).sum())?);
    let length = shared.iter().chain(added).map(|&n| usize::from(n)).sum();
    let mut text: Vec<u8> = Vec::with_capacity(length);
    let mut ends = Vec::with_capacity(count);
    let mut before = 0..0;
    for (position, (&shared, &added)) in shared.iter().zip(added).enumerate() {
        let (got, expected) = (usize::from(shared), before.len());
        if got > expected {
            return Err(BundleError::Prefix { position, expected, got });
        }
        let start = text.len();
        text.extend_from_within(before.start..before.start + got);
        text.extend_from_slice(suffixes.take(section, added.into())?);
        if position > 0 && text[before.clone()] >= text[start..] {
            return Err(BundleError::Order { position });
        }
        before = start..text.len();
        // Names are at most 510 bytes long, so that the sum of MAX_NAMES of them fits.
        ends.push(text.len() as u32);
    }
    let text = String::from_utf8(text).map_err(|_| BundleError::Text { section })?;
    if ends.iter().any(|&end| !text.is_char_boundary(end as usize)) {
        return Err(BundleError::Text { section });
    }
    Ok(Names { text, ends })
}

/// The positions of the bits that are set.
fn positions(column: &[u8], names: &Names) -> Vec<u32> {
    (0..names.ends.len()).filter(|&i| bit(column, i)).map(|i| i as u32).collect()
}

fn ood(column: &[u8], names: &Names) -> Result<Vec<(u32, OodType)>, BundleError> {
    positions(column, names)
        .into_iter()
        .map(|position| {
            let name = names.get(position);
            OodType::of_image_name(name)
                .map(|kind| (position, kind))
                .ok_or_else(|| BundleError::OodType { name: name.to_owned() })
        })
        .collect()
}

fn duplicates(payload: &mut Bytes<'_>, names: usize) -> Result<Vec<Vec<u32>>, BundleError> {
    let section = "the duplicates of a pool";
    let groups = payload.number(section)?;
    // Nothing is reserved by numbers that the bytes have not borne out.
    let mut found = Vec::new();
    for _ in 0..groups {
        let mut group = Vec::new();
        for _ in 0..payload.number(section)? {
            let position = payload.number(section)?;
            if position as usize >= names {
                let (expected, got) = (names, position as usize);
                return Err(BundleError::Position { section, expected, got });
            }
            group.push(position);
        }
        found.push(group);
    }
    Ok(found)
}

fn tau_fit(payload: &mut Bytes<'_>) -> Result<TauFit, BundleError> {
    let mut float = || payload.float("the parameters of tau");
    Ok(TauFit {
        tau: float()?,
        percentile: float()?,
        mmd2_mean: float()?,
        ratio_to_random: float()?,
    })
}
