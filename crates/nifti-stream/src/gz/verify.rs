//! gzip files that are verified while their bytes pass by: [`GzVerifier`].

use std::io::{self, Read};

use super::{GzDecoder, Pieces};
use crate::error::Error;

/// Verifies a gzip file whose bytes are pushed into it, and keeps none of them. Every member is
/// inflated, and its CRC-32 and length are compared. It accepts what [`GzDecoder`] accepts. Less
/// than 1 MiB is held, and the bytes of a push.
///
/// ```
/// # fn verify(arriving: &[u8]) -> Result<(), nifti_stream::Error> {
/// let mut verifier = nifti_stream::gz::GzVerifier::new();
/// for piece in arriving.chunks(1000) {
///     verifier.push(piece)?;
/// }
/// verifier.finish()
/// # }
/// # assert!(verify(b"not a gzip file").is_err());
/// ```
#[derive(Debug)]
pub struct GzVerifier {
    decoder: GzDecoder<Pushed>,
}

/// The bytes that were pushed and not read yet.
struct Pushed {
    bytes: Vec<u8>,
    at: usize,
    is_end: bool,
}

impl GzVerifier {
    /// Starts with the first byte of a file.
    #[must_use]
    pub fn new() -> Self {
        Self { decoder: GzDecoder::new(Pushed { bytes: Vec::new(), at: 0, is_end: false }) }
    }

    /// The next bytes of the file, in pieces of any size.
    ///
    /// # Errors
    ///
    /// The gzip variants of [`Error`] as soon as damage is seen; [`Error::AlreadyFailed`] after that.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let pushed = self.decoder.reader_mut();
        pushed.bytes.clear();
        pushed.bytes.extend_from_slice(bytes);
        pushed.at = 0;
        self.inflate()
    }

    /// Ends the file.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push), and [`Error::GzipTruncated`] when the file ends too early.
    pub fn finish(mut self) -> Result<(), Error> {
        self.decoder.reader_mut().is_end = true;
        self.inflate()
    }

    /// Inflates everything that was pushed.
    fn inflate(&mut self) -> Result<(), Error> {
        loop {
            match self.decoder.more() {
                Ok(true) => self.decoder.consume(usize::MAX),
                Ok(false) => return Ok(()),
                Err(error) if error.is_would_block() => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

impl Default for GzVerifier {
    fn default() -> Self {
        Self::new()
    }
}

impl Read for Pushed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.bytes[self.at..];
        if rest.is_empty() && !self.is_end {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf 'hello hello hello' | gzip -n`.
    const MEMBER: &[u8] = &[
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x90,
        0, 0x80, 0x88, 0xf9, 0xe5, 0x11, 0, 0, 0,
    ];

    fn check(bytes: &[u8], chunk: usize) -> Result<(), String> {
        let mut verifier = GzVerifier::new();
        bytes
            .chunks(chunk)
            .try_for_each(|chunk| verifier.push(chunk))
            .and_then(|()| verifier.finish())
            .map_err(|problem| problem.to_string())
    }

    #[test]
    fn sound_files_in_any_chunks() {
        // With a name, an extra field and a checksum of the header.
        let mut named = vec![0x1f, 0x8b, 8, 2 | 4 | 8, 0, 0, 0, 0, 0, 3, 2, 0, 7, 7];
        named.extend(b"name\0");
        let checksum = crc32fast::hash(&named).to_le_bytes();
        named.extend(&checksum[..2]);
        named.extend(&MEMBER[10..]);
        let padded = [MEMBER, &[0; 100]].concat();
        for chunk in [1, 2, 7, 1000] {
            assert_eq!(check(MEMBER, chunk), Ok(()));
            assert_eq!(check(&[MEMBER, &named].concat(), chunk), Ok(()));
            assert_eq!(check(&[&padded[..], &named].concat(), chunk), Ok(()));
            assert_eq!(check(&padded, chunk), Ok(()));
        }
    }

    #[test]
    fn every_damage_is_named() {
        let changed = |offset: usize| {
            let mut bytes = MEMBER.to_vec();
            bytes[offset] ^= 1;
            check(&bytes, 5).unwrap_err()
        };
        let no_magic = "gzip member 0 at byte 0: expected the magic bytes 1f 8b";
        assert_eq!(changed(0), no_magic);
        let (damaged, trailer) =
            ("the gzip data are damaged: expected ", " (member 0, which ends at byte 28)");
        assert!(changed(20).starts_with(&format!("{damaged}CRC-32 ")), "{}", changed(20));
        assert!(changed(20).ends_with(trailer), "{}", changed(20));
        assert_eq!(changed(24), format!("{damaged}length 16 (modulo 2^32), got 17{trailer}"));
        for length in 0..MEMBER.len() {
            let problem = check(&MEMBER[..length], 5).unwrap_err();
            let part = match length {
                ..10 => "header",
                10..20 => "data",
                _ => "trailer",
            };
            let expected = format!(
                "the gzip data are truncated: they end at byte {length}, inside the {part} of member 0 "
            );
            assert!(problem.starts_with(&expected), "{problem}");
        }
        assert_eq!(check(b"<html>no</html>", 4).unwrap_err(), no_magic);
        assert_eq!(
            check(&[MEMBER, b"junk"].concat(), 4).unwrap_err(),
            "bytes that are neither padding nor a gzip member at byte 28"
        );
    }

    #[test]
    fn nothing_is_accepted_after_damage() {
        let mut verifier = GzVerifier::new();
        assert!(verifier.push(b"0123456789").is_err());
        assert!(matches!(verifier.push(MEMBER), Err(Error::AlreadyFailed)));
        assert!(matches!(verifier.finish(), Err(Error::AlreadyFailed)));
    }
}
