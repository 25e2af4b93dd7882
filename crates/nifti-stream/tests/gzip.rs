//! gzip as Python's module reads it, and damage of every kind.

use std::io::{self, Read, Write};

use flate2::write::DeflateEncoder;
use nifti_stream::gz::GzDecoder;
use nifti_stream::{Error, GzipPart};

use crate::support::{Dribble, gzip};

fn inflate(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut decoder = GzDecoder::new(bytes);
    let mut inflated = Vec::new();
    let mut chunk = [0; 1000];
    loop {
        let n = decoder.read_chunk(&mut chunk)?;
        inflated.extend(&chunk[..n]);
        if n < chunk.len() {
            assert_eq!(decoder.compressed_offset(), bytes.len() as u64);
            assert_eq!(decoder.inflated_offset(), inflated.len() as u64);
            return Ok(inflated);
        }
    }
}

fn data() -> Vec<u8> {
    (0..5000u32).map(|i| (i.wrapping_mul(i) >> 5) as u8).collect()
}

/// A member with hand-made header fields, and a checksum over the header if asked for.
fn member(flags: u8, fields: &[u8], with_checksum: bool, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 0, 3];
    bytes.extend(fields);
    if with_checksum {
        bytes.extend(&crc32fast::hash(&bytes).to_le_bytes()[..2]);
    }
    let mut encoder = DeflateEncoder::new(bytes, flate2::Compression::best());
    encoder.write_all(data).unwrap();
    let mut bytes = encoder.finish().unwrap();
    bytes.extend(crc32fast::hash(data).to_le_bytes());
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes
}

#[test]
fn every_optional_header_field_is_skipped() {
    let data = data();
    let fields = |flags: u8| {
        let mut fields = Vec::new();
        if flags & 4 != 0 {
            fields.extend([3, 0, b'a', 0, b'c']);
        }
        if flags & 8 != 0 {
            fields.extend(b"name.nii\0");
        }
        if flags & 16 != 0 {
            fields.extend(b"comment\0");
        }
        fields
    };
    for flags in 0..32 {
        let bytes = member(flags, &fields(flags), flags & 2 != 0, &data);
        assert_eq!(inflate(&bytes).unwrap(), data, "flags {flags}");
    }
}

#[test]
fn members_follow_each_other_with_padding() {
    let data = data();
    let parts = data.chunks(1700).map(gzip);
    assert_eq!(inflate(&parts.clone().collect::<Vec<_>>().concat()).unwrap(), data);
    for padding in [1, 511, 200_000] {
        let padded: Vec<u8> =
            parts.clone().flat_map(|part| [part, vec![0; padding]].concat()).collect();
        assert_eq!(inflate(&padded).unwrap(), data);
    }
    // Members without data, as block gzip ends.
    assert_eq!(inflate(&[gzip(&data), gzip(b""), gzip(b"x")].concat()).unwrap().len(), 5001);
}

#[test]
fn readers_and_chunks_of_any_size_give_the_same() {
    let data = data();
    let bytes = [gzip(&data[..1234]), vec![0; 5], gzip(&data[1234..])].concat();
    for step in [1, 2, 7, 100_000] {
        for size in [1, 3, 1024, 100_000] {
            let mut decoder = GzDecoder::new(Dribble { bytes: &bytes, step });
            let mut inflated: Vec<u8> = Vec::new();
            let mut chunk = vec![0; size];
            loop {
                let n = decoder.read_chunk(&mut chunk).unwrap();
                inflated.extend(&chunk[..n]);
                if n < size {
                    break;
                }
            }
            assert_eq!(inflated, data, "step {step}, chunk {size}");
        }
    }
}

#[test]
fn truncation_anywhere_is_an_error_with_its_place() {
    let data = data();
    let first = member(0b1_1110, b"\x02\0ab name\0comment\0", true, &data[..300]);
    let second = gzip(&data[300..700]);
    let bytes = [first.clone(), second].concat();
    assert_eq!(inflate(&bytes).unwrap(), data[..700]);
    for length in 0..bytes.len() {
        if length == first.len() {
            continue; // A whole member.
        }
        let error = inflate(&bytes[..length]).unwrap_err();
        let Error::GzipTruncated { member, compressed_offset, inflated_offset, part } = error
        else {
            panic!("{length}: {error:?}");
        };
        assert_eq!(compressed_offset, length as u64);
        assert_eq!(member, u64::from(length > first.len()));
        let (start, end) = if member == 0 { (0, first.len()) } else { (first.len(), bytes.len()) };
        let header = if member == 0 { 10 + 4 + 6 + 8 + 2 } else { 10 };
        assert!(inflated_offset <= 300 + 400 * member);
        match part {
            GzipPart::Header => assert!(length < start + header),
            GzipPart::Data => assert!(length >= start + header && length <= end - 8),
            GzipPart::Trailer => assert!(length >= end - 8),
        }
    }
}

#[test]
fn no_flipped_bit_goes_unnoticed() {
    let data = &data()[..400];
    let first = gzip(&data[..200]);
    let second = member(0b1_1110, b"\x02\0ab n\0c\0", true, &data[200..]);
    let bytes = [&first[..], &second, &[0; 3]].concat();
    let (first, header) = (first.len(), 10 + 4 + 3 + 2 + 2);
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(inflated) = inflate(&flipped) {
            // Another description of the same data is no damage. In a header without checksum
            // only the text flag, the time, extra flags and system can change; nothing can in a
            // trailer, in a header with checksum, and in the padding.
            assert_eq!(inflated, data, "bit {bit}");
            let byte = bit / 8;
            let fixed = [0..3, first - 8..first + header, bytes.len() - 11..bytes.len()];
            assert!(!fixed.iter().any(|range| range.contains(&byte)), "bit {bit}");
        }
    }
}

#[test]
fn wrong_trailers_carry_both_numbers() {
    let data = data();
    let good = gzip(&data);
    let end = good.len() as u64;
    let crc = crc32fast::hash(&data);

    let mut bytes = good.clone();
    let offset = bytes.len() - 8;
    bytes[offset] ^= 0xff;
    assert!(matches!(
        inflate(&bytes),
        Err(Error::GzipChecksum { member: 0, compressed_offset, expected, got })
            if compressed_offset == end && expected == crc ^ 0xff && got == crc
    ));

    let mut bytes = [gzip(b"before"), good].concat();
    let offset = bytes.len() - 2;
    bytes[offset] += 1;
    let end = bytes.len() as u64;
    assert!(matches!(
        inflate(&bytes),
        Err(Error::GzipLength { member: 1, compressed_offset, expected: 0x1_1388, got: 5000 })
            if compressed_offset == end
    ));
}

#[test]
fn wrong_headers_say_what_is_wrong() {
    let check = |bytes: &[u8], member: u64, offset: u64, problem: &str| {
        let error = inflate(bytes).unwrap_err();
        assert!(
            matches!(
                error,
                Error::GzipHeader { member: m, compressed_offset, problem: p }
                    if m == member && compressed_offset == offset && p.contains(problem)
            ),
            "{error:?}"
        );
    };
    let good = gzip(b"data");
    let with = |offset: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[offset] = value;
        bytes
    };
    check(&with(0, 0x1e), 0, 0, "magic");
    check(&with(2, 7), 0, 0, "method 8");
    check(&with(3, 0x20), 0, 0, "reserved");
    let second = [good.clone(), with(1, 0)].concat();
    check(&second, 1, good.len() as u64, "magic");
    let mut bytes = member(2, b"", true, b"data");
    bytes[10] ^= 1;
    check(&bytes, 0, 0, "header checksum");
}

#[test]
fn garbage_after_a_member_is_an_error() {
    let good = gzip(b"data");
    for padding in [0, 3] {
        let bytes = [&good[..], &vec![0; padding], b"garbage"].concat();
        let offset = (good.len() + padding) as u64;
        assert!(matches!(
            inflate(&bytes),
            Err(Error::GzipTrailing { compressed_offset }) if compressed_offset == offset
        ));
    }
}

#[test]
fn damaged_data_name_the_member() {
    let mut bytes = gzip(b"first");
    let second = bytes.len();
    bytes.extend(gzip(b"second"));
    // Block type 3 does not exist.
    bytes[second + 10] |= 0b110;
    let error = inflate(&bytes).unwrap_err();
    assert!(
        matches!(
            error,
            Error::GzipData { member: 1, inflated_offset: 5, problem, .. }
                if problem.contains("block type")
        ),
        "{error:?}"
    );
}

#[test]
fn a_decoder_that_failed_stays_failed() {
    let mut decoder = GzDecoder::new(&b"\x1f\x8bnonsense"[..]);
    assert!(matches!(decoder.read_chunk(&mut [0; 9]), Err(Error::GzipHeader { .. })));
    assert!(matches!(decoder.read_chunk(&mut [0; 9]), Err(Error::AlreadyFailed)));
    assert!(format!("{decoder:?}").contains("Failed"));
}

#[test]
fn the_standard_reader_keeps_the_error() {
    let data = data();
    let bytes = gzip(&data);
    let mut inflated = Vec::new();
    GzDecoder::new(&bytes[..]).read_to_end(&mut inflated).unwrap();
    assert_eq!(inflated, data);
    let error = GzDecoder::new(&bytes[..100]).read_to_end(&mut inflated).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    assert!(matches!(inner, Some(Error::GzipTruncated { compressed_offset: 100, .. })));
}
