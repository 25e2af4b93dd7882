//! Writes gzip: one member without name or time, so that equal input gives equal bytes.

use std::fmt;
use std::io::{self, Write};

use crc32fast::Hasher;
use zlib_rs::{Deflate, DeflateFlush, Status};

/// Deflated bytes handed to the writer at a time.
const OUTPUT_BYTES: usize = 64 * 1024;
const LEVEL: i32 = 6;

/// A writer that compresses into one gzip member (level 6) with neither file name nor time.
///
/// Dropping it leaves the member incomplete; [`finish`](Self::finish) writes the trailer.
pub(crate) struct GzEncoder<W> {
    writer: W,
    deflate: Deflate,
    buffer: Box<[u8]>,
    crc: Hasher,
    length: u64,
}

impl<W: Write> GzEncoder<W> {
    /// Writes the member's header.
    ///
    /// # Errors
    ///
    /// From the writer.
    pub(crate) fn new(mut writer: W) -> io::Result<Self> {
        // Magic, deflate, no flags, no time, no extra flags, unknown system.
        writer.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])?;
        Ok(Self {
            writer,
            deflate: Deflate::new(LEVEL, false, 15),
            buffer: vec![0; OUTPUT_BYTES].into_boxed_slice(),
            crc: Hasher::new(),
            length: 0,
        })
    }

    /// Writes what is left and the trailer, and gives the writer back (not flushed).
    ///
    /// # Errors
    ///
    /// From the writer.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        while self.step(&[], DeflateFlush::Finish)?.1 != Status::StreamEnd {}
        self.writer.write_all(&self.crc.finalize().to_le_bytes())?;
        // The trailer holds the length modulo 2^32: the cast is the modulo.
        self.writer.write_all(&(self.length as u32).to_le_bytes())?;
        Ok(self.writer)
    }

    /// One step of the deflater: the bytes consumed and its status.
    fn step(&mut self, input: &[u8], flush: DeflateFlush) -> io::Result<(usize, Status)> {
        let (in_before, out_before) = (self.deflate.total_in(), self.deflate.total_out());
        let status = self
            .deflate
            .compress(input, &mut self.buffer, flush)
            .map_err(|error| io::Error::other(error.as_str()))?;
        // Both differences are bounded by the slices above.
        let consumed = (self.deflate.total_in() - in_before) as usize;
        let produced = (self.deflate.total_out() - out_before) as usize;
        self.writer.write_all(&self.buffer[..produced])?;
        Ok((consumed, status))
    }
}

impl<W: Write> Write for GzEncoder<W> {
    fn write(&mut self, input: &[u8]) -> io::Result<usize> {
        if input.is_empty() {
            return Ok(0);
        }
        let (consumed, _) = self.step(input, DeflateFlush::NoFlush)?;
        self.crc.update(&input[..consumed]);
        self.length += consumed as u64;
        Ok(consumed)
    }

    /// Flushes the writer below; bytes inside the compressor stay there until
    /// [`finish`](Self::finish).
    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl<W> fmt::Debug for GzEncoder<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GzEncoder").field("length", &self.length).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn another_decoder_reads_it_back() -> io::Result<()> {
        for length in [0, 1, 1000, 300_000] {
            let data: Vec<u8> = (0..length).map(|i: u32| (i.wrapping_mul(i) >> 7) as u8).collect();
            let mut encoder = GzEncoder::new(Vec::new())?;
            for part in data.chunks(70_001) {
                encoder.write_all(part)?;
            }
            let bytes = encoder.finish()?;
            assert_eq!(bytes[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
            let mut inflated = Vec::new();
            flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut inflated)?;
            assert_eq!(inflated, data);
        }
        Ok(())
    }

    #[test]
    fn a_failing_writer_is_reported() {
        let mut short = [0u8; 12];
        let mut encoder = GzEncoder::new(&mut short[..]).unwrap();
        encoder.write_all(&[7; 100]).unwrap();
        assert_eq!(encoder.finish().unwrap_err().kind(), io::ErrorKind::WriteZero);
        assert!(GzEncoder::new(&mut short[..5]).is_err());
    }
}
