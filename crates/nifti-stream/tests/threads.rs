//! Files inflated by several threads without an index are those inflated by one.

use std::fs;
use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use nifti_stream::fs::inflate_in_parallel;
use nifti_stream::{Error, Source};

fn some(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

/// Noise and zeros by turns, as in and around a brain, of which everything else is far away.
fn content(bytes: usize) -> Vec<u8> {
    let mut seed = 7_u64;
    let noise = |offset: usize| {
        seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(11);
        if offset % 90_000 < 40_000 && offset % 900 < 700 {
            (seed >> 40) as u8 >> (offset % 4)
        } else {
            0
        }
    };
    (0..bytes).map(noise).collect()
}

fn gzip(bytes: &[u8], level: u32, flush: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    for piece in bytes.chunks(flush) {
        encoder.write_all(piece).unwrap();
        encoder.flush().unwrap();
    }
    encoder.finish().unwrap()
}

/// What comes out, however it ends.
fn inflate(mut source: Source<impl Read>) -> (Vec<u8>, Result<(), Error>) {
    let (mut bytes, mut piece) = (Vec::new(), vec![0; 70_001]);
    loop {
        match source.read_full(&mut piece) {
            Ok(n) => {
                bytes.extend(&piece[..n]);
                if n < piece.len() {
                    return (bytes, Ok(()));
                }
            }
            Err(error) => return (bytes, Err(error)),
        }
    }
}

/// Compares with one thread; the stored bytes may be damaged.
fn check(path: &Path, stored: &[u8], what: &str) {
    fs::write(path, stored).unwrap();
    let (expected, end) = inflate(Source::open(stored).unwrap());
    for (threads, chunk) in [(1, 9_000), (2, 20_000), (3, 100_000)] {
        let (got, outcome) =
            inflate(inflate_in_parallel(path, some(threads), some(chunk)).unwrap());
        assert!(got == expected, "{what}: {threads} threads, {chunk}");
        match (&outcome, &end) {
            (Ok(()), Ok(())) => {}
            (Err(got), Err(expected)) => {
                assert_eq!(got.to_string(), expected.to_string(), "{what}");
            }
            _ => panic!("{what}: {outcome:?}, {end:?}"),
        }
    }
}

#[test]
fn files_of_every_kind_are_those_of_one_thread() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file.gz");
    let bytes = content(1_000_000);
    for level in [0, 1, 6, 9] {
        check(&path, &gzip(&bytes, level, usize::MAX), &format!("level {level}"));
    }
    check(&path, &gzip(&bytes, 1, 10_000), "flushed");
    check(&path, &gzip(&bytes, 6, 131_072), "flushed as by pigz");
    let members: Vec<u8> =
        bytes.chunks(300_000).flat_map(|part| gzip(part, 1, usize::MAX)).collect();
    check(&path, &members, "members");
    check(&path, &[&gzip(&bytes, 1, usize::MAX)[..], &[0; 3000]].concat(), "padded");
    check(&path, &gzip(&vec![0; 9_000_000], 1, usize::MAX), "zeros");
    check(&path, &gzip(&content(100), 1, usize::MAX), "small");
    check(&path, &gzip(&[], 1, usize::MAX), "empty");
    // What is copied from copies again and again, right and wrong to take for zero.
    for copied in [&[0; 300][..], &[7; 300], b"not a number"] {
        let parts = bytes.chunks(500).flat_map(|part| [part, copied].concat()).collect::<Vec<_>>();
        check(&path, &gzip(&parts, 6, usize::MAX), "copied");
    }
    let text = b"the same words again and again, ".repeat(30_000);
    check(&path, &gzip(&text, 6, usize::MAX), "matches alone");
    // A stream inside a stream: blocks that are none.
    let inner = gzip(&bytes, 1, usize::MAX);
    check(&path, &gzip(&inner, 0, usize::MAX), "stored blocks that hold others");
}

#[test]
fn damage_is_found_where_one_thread_finds_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file.gz");
    let whole = gzip(&content(400_000), 1, usize::MAX);
    for part in 1..16 {
        let at = whole.len() * part / 16;
        check(&path, &whole[..at], &format!("{part}/16"));
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (part % 8);
        check(&path, &flipped, &format!("flipped at {part}/16"));
    }
    for from_end in [1, 5] {
        let mut trailer = whole.clone();
        let at = whole.len() - from_end;
        trailer[at] ^= 1;
        check(&path, &trailer, "trailer");
    }
    check(&path, &[&whole[..], b"more"].concat(), "garbage");
}
