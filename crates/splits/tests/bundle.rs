//! The bundle: its digest, its size limit, and the errors for damage.

use laion_fmri_base::Sha256;
use laion_fmri_splits::{Bundle, BundleError, Pool};
use proptest::prelude::*;

/// Where the payload's length and digest, the provenance and its length are in the header.
const LENGTH: usize = 24;
const PROVENANCE_LENGTH: usize = 28;
const DIGEST: usize = 32;
const PROVENANCE: usize = 64;

fn decode(bytes: &[u8]) -> BundleError {
    Bundle::decode(bytes).expect_err("the bytes are damaged")
}

/// The bundle with some bytes replaced.
fn with(position: usize, bytes: &[u8]) -> Vec<u8> {
    let mut bundle = Bundle::embedded_bytes().to_vec();
    bundle[position..position + bytes.len()].copy_from_slice(bytes);
    bundle
}

fn provenance_length() -> usize {
    let bytes = &Bundle::embedded_bytes()[PROVENANCE_LENGTH..PROVENANCE];
    u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize
}

fn payload() -> Vec<u8> {
    inflated(Bundle::embedded_bytes())
}

fn inflated(bytes: &[u8]) -> Vec<u8> {
    let length = u32::from_le_bytes(bytes[LENGTH..LENGTH + 4].try_into().unwrap()) as usize;
    let mut payload = vec![0; length];
    let compressed = &bytes[PROVENANCE + provenance_length()..];
    let config = zlib_rs::InflateConfig::default();
    let (_, code) = zlib_rs::decompress_slice(&mut payload, compressed, config);
    assert_eq!(code, zlib_rs::ReturnCode::Ok);
    payload
}

/// A bundle with another payload.
fn repacked(change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut payload = payload();
    change(&mut payload);
    let mut bytes = Bundle::embedded_bytes()[..PROVENANCE + provenance_length()].to_vec();
    bytes[DIGEST..PROVENANCE].copy_from_slice(&Sha256::of(&payload).0);
    bytes[LENGTH..LENGTH + 4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    let mut room = vec![0; zlib_rs::compress_bound(payload.len())];
    let config = zlib_rs::DeflateConfig::default();
    let (compressed, code) = zlib_rs::compress_slice(&mut room, &payload, config);
    assert_eq!(code, zlib_rs::ReturnCode::Ok);
    bytes.extend_from_slice(compressed);
    bytes
}

#[test]
fn the_payload_has_the_digest_of_the_header() {
    let got = Sha256::of(payload());
    assert_eq!(got, Bundle::embedded().sha256());
    let error = BundleError::Digest { expected: Sha256([0xab; 32]), got };
    assert_eq!(decode(&with(DIGEST, &[0xab; 32])), error);
}

/// With bit 3 of this byte flipped, the zlib stream gives another payload that has its checksum.
#[test]
fn a_flipped_bit_that_the_checksum_of_zlib_misses_is_seen() {
    let position = 17_672;
    let changed = with(position, &[Bundle::embedded_bytes()[position] ^ (1 << 3)]);
    assert_ne!(inflated(&changed), payload());
    assert!(matches!(decode(&changed), BundleError::Digest { .. }));
}

#[test]
fn the_header_says_what_there_is() {
    let bundle = Bundle::embedded();
    assert!(Bundle::embedded_bytes().len() <= 400_000);
    assert_eq!(bundle.names().len(), 25_052);
    assert!(bundle.names().is_sorted_by(|a, b| a < b));
    for part in ["2026-05", "2026-09-28", "laion_fmri"] {
        assert!(bundle.provenance().contains(part), "{part}");
    }
    let groups = Pool::ALL.iter().map(|pool| bundle.duplicate_groups(*pool).len());
    assert_eq!(groups.collect::<Vec<_>>(), [0, 16, 20, 10, 11, 17]);
    for pool in Pool::ALL {
        let members: Vec<&str> = bundle.members(*pool).collect();
        for group in bundle.duplicate_groups(*pool) {
            assert!(group.len() > 1 && group.iter().all(|name| members.contains(name)));
        }
    }
}

#[test]
fn a_damaged_header_is_named() {
    let expected = *b"LFSPLITS";
    let magic = |got: &[u8]| BundleError::Magic { expected, got: got.to_vec() };
    assert_eq!(decode(b""), magic(b""));
    assert_eq!(decode(b"LFSP"), magic(b"LFSP"));
    assert_eq!(decode(&with(0, b"PK")), magic(b"PKSPLITS"));
    assert_eq!(decode(&with(8, &[2])), BundleError::Version { expected: 1, got: 2 });
    let count = |field, expected, got| BundleError::Count { field, expected, got };
    assert_eq!(decode(&with(16, &[7])), count("number of pools", 6, 7));
    assert_eq!(decode(&with(20, &[17])), count("number of columns", 16, 17));
    let huge = u32::MAX as usize;
    assert_eq!(decode(&with(12, &[0xff; 4])), count("number of names", 1 << 20, huge));
    assert_eq!(decode(&with(24, &[0xff; 4])), count("length of the payload", 64 << 20, huge));
    assert_eq!(decode(&with(28, &[0xff; 4])), count("length of the provenance", 64 << 20, huge));
    let error = decode(&Bundle::embedded_bytes()[..40]);
    assert_eq!(error, BundleError::Length { section: "the header", expected: 32, got: 8 });
    assert_eq!(error.to_string(), "the header of the bundle (expected 32 bytes, got 8)");
    let text = decode(&with(PROVENANCE, &[0xff]));
    assert_eq!(text, BundleError::Text { section: "the provenance" });
}

#[test]
fn a_damaged_payload_is_named() {
    let bytes = Bundle::embedded_bytes();
    let damaged = BundleError::Damaged { reason: "not a whole zlib stream" };
    assert_eq!(decode(&bytes[..bytes.len() - 10]), damaged);
    let last = bytes.len() - 1;
    assert_eq!(decode(&with(last, &[!bytes[last]])), damaged);
    let expected = payload().len();
    let length = |expected, got| BundleError::Length { section: "the payload", expected, got };
    let longer = (expected as u32 + 1).to_le_bytes();
    assert_eq!(decode(&with(LENGTH, &longer)), length(expected + 1, expected));
    let more = repacked(|payload| payload.push(0));
    assert_eq!(decode(&more), length(expected, expected + 1));
    let section = "the parameters of tau";
    let less = repacked(|payload| payload.truncate(payload.len() - 1));
    assert_eq!(decode(&less), BundleError::Length { section, expected: 8, got: 7 });
}

#[test]
fn damaged_sections_are_named() {
    let n = 25_052;
    // The second name shares bytes with the first; here it claims more than that has.
    let prefix = decode(&repacked(|payload| payload[1] = 255));
    let first = Bundle::embedded().names().next().unwrap().len();
    assert_eq!(prefix, BundleError::Prefix { position: 1, expected: first, got: 255 });
    // All shared images begin with the bytes of the first name; the first unique one is behind them.
    let order = decode(&repacked(|payload| payload[2 * n] = b'~'));
    assert_eq!(order, BundleError::Order { position: 1121 + 371 });
    assert_eq!(order.to_string(), "name 1492 of the bundle is not in order");

    let suffixes: usize = payload()[n..2 * n].iter().map(|&added| usize::from(added)).sum();
    let text = decode(&repacked(|payload| payload[2 * n + suffixes - 1] = 0xff));
    assert_eq!(text, BundleError::Text { section: "the names" });

    let column = n.div_ceil(8);
    let ood = 2 * n + suffixes + Pool::ALL.len() * column;
    let name = Bundle::embedded().names().next().unwrap().to_owned();
    let kind = decode(&repacked(|payload| payload[ood] |= 1));
    assert_eq!(kind, BundleError::OodType { name });
    let stray = decode(&repacked(|payload| payload[ood + column - 1] |= 0x80));
    assert_eq!(stray, BundleError::StrayBits { section: "the out-of-distribution images" });

    // The groups of the last pool end before the parameters of tau, 4 numbers for each pool.
    let last = payload().len() - 4 * 8 * Pool::ALL.len() - 4;
    let position = decode(&repacked(|payload| payload[last..last + 4].copy_from_slice(&[0xff; 4])));
    let section = "the duplicates of a pool";
    assert_eq!(position, BundleError::Position { section, expected: n, got: u32::MAX as usize });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_flipped_bit_goes_unseen_or_panics(position in 0..Bundle::embedded_bytes().len(), bit in 0..8_u32) {
        let changed = with(position, &[Bundle::embedded_bytes()[position] ^ (1 << bit)]);
        // The text of the header is the part that decoding does not judge.
        let judged = !(PROVENANCE..PROVENANCE + provenance_length()).contains(&position);
        if judged && Bundle::decode(&changed).is_ok() {
            // A distance in the stream that copies the same bytes from elsewhere harms nothing.
            prop_assert_eq!(inflated(&changed), payload(), "byte {}", position);
        }
    }
}
