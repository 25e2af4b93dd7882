//! Checksums inside gzipped files, looked at while their bytes pass: [`GzipInspection`].

use crc32fast::Hasher;
use s3_mirror::{Inspection, Inspector, RelativePath, Source};
use zlib_rs::{Inflate, InflateFlush, Status};

/// Inflates every `.gz` file without keeping it, and compares length and CRC-32 of each member with
/// its trailer (RFC 1952).
#[derive(Clone, Copy, Debug)]
pub(crate) struct GzipInspection;

impl Inspection for GzipInspection {
    fn inspect(&self, path: &RelativePath) -> Option<Box<dyn Inspector>> {
        path.as_str().ends_with(".gz").then(|| Box::new(Gzip::new()) as Box<dyn Inspector>)
    }
}

/// Inflated bytes are looked at and dropped in pieces of this size.
const PIECE: usize = 64 << 10;

/// Longest header that is waited for: file name and comment are short in practice.
const LONGEST_HEADER: usize = 64 << 10;

const WINDOW_BITS: u8 = 15;
const TRAILER: usize = 8;

/// What comes next in the file.
enum Part {
    Header,
    Data,
    Trailer,
}

struct Gzip {
    part: Part,
    /// The bytes so far of a header or trailer that arrives in pieces.
    held: Vec<u8>,
    inflate: Inflate,
    piece: Vec<u8>,
    crc: Hasher,
    /// Inflated bytes of the member, modulo 2^32 as the trailer has it.
    length: u32,
    members: u64,
    /// Whether more output may come without more input.
    pending: bool,
}

/// What is wrong with a gzipped file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum GzipProblem {
    #[error("member {member} does not begin like gzip")]
    Header { member: u64 },
    #[error("member {member} cannot be inflated")]
    Data { member: u64 },
    #[error("member {member} has CRC-32 {got:08x} (expected {expected:08x})")]
    Crc { member: u64, expected: u32, got: u32 },
    #[error("member {member} inflates to {got} bytes modulo 2^32 (expected {expected})")]
    Length { member: u64, expected: u32, got: u32 },
    #[error("the file ends inside member {member}")]
    Truncated { member: u64 },
}

impl Gzip {
    fn new() -> Self {
        Self {
            part: Part::Header,
            held: Vec::new(),
            inflate: Inflate::new(false, WINDOW_BITS),
            piece: vec![0; PIECE],
            crc: Hasher::new(),
            length: 0,
            members: 0,
            pending: false,
        }
    }

    /// Takes as many bytes of a header as it has; what follows it is data.
    fn header(&mut self, bytes: &mut &[u8]) -> Result<(), GzipProblem> {
        let before = self.held.len();
        self.held.extend_from_slice(bytes);
        let member = self.members;
        match header_length(&self.held) {
            Some(Ok(length)) => {
                *bytes = &bytes[length - before..];
                self.held.clear();
                self.inflate.reset(false);
                (self.crc, self.length) = (Hasher::new(), 0);
                self.part = Part::Data;
                Ok(())
            }
            None if self.held.len() <= LONGEST_HEADER => {
                *bytes = &[];
                Ok(())
            }
            _ => Err(GzipProblem::Header { member }),
        }
    }

    fn data(&mut self, bytes: &mut &[u8]) -> Result<(), GzipProblem> {
        let nothing_new = bytes.is_empty();
        let (stored, inflated) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(bytes, &mut self.piece, InflateFlush::NoFlush);
        let taken = (self.inflate.total_in() - stored) as usize;
        let made = (self.inflate.total_out() - inflated) as usize;
        self.crc.update(&self.piece[..made]);
        self.length = self.length.wrapping_add(made as u32);
        *bytes = &bytes[taken..];
        match status {
            Ok(Status::StreamEnd) => {
                self.part = Part::Trailer;
                self.pending = false;
            }
            // A full piece may not be all that the bytes so far inflate to.
            Ok(_) if taken > 0 || made > 0 || nothing_new => self.pending = made == PIECE,
            _ => return Err(GzipProblem::Data { member: self.members }),
        }
        Ok(())
    }

    fn trailer(&mut self, bytes: &mut &[u8]) -> Result<(), GzipProblem> {
        let take = (TRAILER - self.held.len()).min(bytes.len());
        self.held.extend_from_slice(&bytes[..take]);
        *bytes = &bytes[take..];
        let &[a, b, c, d, e, f, g, h] = self.held.as_slice() else { return Ok(()) };
        let (crc, length) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        let (member, got) = (self.members, std::mem::take(&mut self.crc).finalize());
        if got != crc {
            return Err(GzipProblem::Crc { member, expected: crc, got });
        }
        if self.length != length {
            return Err(GzipProblem::Length { member, expected: length, got: self.length });
        }
        self.held.clear();
        self.members += 1;
        self.part = Part::Header;
        Ok(())
    }
}

impl Inspector for Gzip {
    fn update(&mut self, mut bytes: &[u8]) -> Result<(), Source> {
        while !bytes.is_empty() || self.pending {
            match self.part {
                // Some writers pad the end with zeros.
                Part::Header if self.members > 0 && self.held.is_empty() && bytes[0] == 0 => {
                    bytes = &bytes[1..];
                }
                Part::Header => self.header(&mut bytes)?,
                Part::Data => self.data(&mut bytes)?,
                Part::Trailer => self.trailer(&mut bytes)?,
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Source> {
        match self.part {
            Part::Header if self.held.is_empty() && self.members > 0 => Ok(()),
            _ => Err(GzipProblem::Truncated { member: self.members }.into()),
        }
    }
}

/// The length of a header, `None` while more bytes are needed, an error if it is none.
fn header_length(bytes: &[u8]) -> Option<Result<usize, ()>> {
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const CHECKSUM: u8 = 2;
    let magic = [0x1f, 0x8b, 8];
    if bytes.iter().zip(magic).any(|(got, expected)| *got != expected) {
        return Some(Err(()));
    }
    let flags = *bytes.get(3)?;
    let mut length: usize = 10;
    if flags & EXTRA != 0 {
        let (low, high) = (*bytes.get(length)?, *bytes.get(length + 1)?);
        length += 2 + usize::from(u16::from_le_bytes([low, high]));
    }
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            length += 1 + bytes.get(length..)?.iter().position(|byte| *byte == 0)?;
        }
    }
    if flags & CHECKSUM != 0 {
        length += 2;
    }
    (bytes.len() >= length).then_some(Ok(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf 'hello hello hello' | gzip -n`.
    const MEMBER: &[u8] = &[
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x90,
        0, 0x80, 0x88, 0xf9, 0xe5, 0x11, 0, 0, 0,
    ];

    fn member() -> Vec<u8> {
        MEMBER.to_vec()
    }

    fn check(bytes: &[u8], chunk: usize) -> Result<(), String> {
        let mut gzip: Box<dyn Inspector> = Box::new(Gzip::new());
        bytes
            .chunks(chunk)
            .try_for_each(|chunk| gzip.update(chunk))
            .and_then(|()| gzip.finish())
            .map_err(|problem| problem.to_string())
    }

    #[test]
    fn sound_files_in_any_chunks() {
        let one = member();
        // With a name, an extra field and a checksum of the header.
        let mut named = vec![0x1f, 0x8b, 8, 2 | 4 | 8, 0, 0, 0, 0, 0, 3, 2, 0, 7, 7];
        named.extend(b"name\0ab");
        named.extend(&one[10..]);
        let padded = [&one[..], &[0; 100]].concat();
        for chunk in [1, 2, 7, 1000] {
            assert_eq!(check(&one, chunk), Ok(()));
            assert_eq!(check(&[&one[..], &named].concat(), chunk), Ok(()));
            assert_eq!(check(&padded, chunk), Ok(()));
        }
    }

    #[test]
    fn every_damage_is_named() {
        let one = member();
        let changed = |place: usize| {
            let mut bytes = one.clone();
            bytes[place] ^= 1;
            check(&bytes, 5).unwrap_err()
        };
        assert_eq!(changed(0), "member 0 does not begin like gzip");
        assert!(changed(one.len() - 8).starts_with("member 0 has CRC-32 "));
        assert!(changed(one.len() - 4).starts_with("member 0 inflates to 17 bytes"));
        for length in 0..one.len() {
            let problem = check(&one[..length], 5).unwrap_err();
            assert_eq!(problem, "the file ends inside member 0", "{length}");
        }
        assert_eq!(check(b"<html>no</html>", 4).unwrap_err(), "member 0 does not begin like gzip");
        let second = [&one[..], b"junk"].concat();
        assert_eq!(check(&second, 4).unwrap_err(), "member 1 does not begin like gzip");
    }
}
