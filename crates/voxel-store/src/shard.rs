//! The file of a matrix around its chunks: a start that says which matrix it is, and the index at
//! the end by which other readers find the chunks.
//!
//! ```text
//! "VXSTORE1", identity (32 bytes), CRC-32C of these 40 bytes
//! chunks: values, CRC-32C
//! for each chunk: offset, length (both 64 bits)
//! CRC-32C of the index
//! ```
//!
//! All numbers are little-endian. The chunks and the index are those of Zarr's `sharding_indexed`,
//! whose readers never look at what no entry of the index points to. This crate computes where a
//! chunk lies, so it reads the index only when all is verified.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use laion_fmri_base::{Sha256, read_exact_at};

use crate::checksum::{Crc32c, crc32c};
use crate::error::Error;
use crate::layout::Layout;

/// Bytes before the first chunk.
pub(crate) const HEADER_BYTES: u64 = HEADER as u64;
/// Bytes of a checksum.
pub(crate) const CHECKSUM_BYTES: u64 = 4;
/// Bytes of the index for each chunk.
pub(crate) const INDEX_ENTRY_BYTES: u64 = 16;

/// What every file of a matrix starts with.
const MAGIC: [u8; 8] = *b"VXSTORE1";
const HEADER: usize = MAGIC.len() + 32 + 4;
const BUFFER_BYTES: usize = 1 << 16;

fn header(identity: Sha256) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&MAGIC);
    header[8..40].copy_from_slice(&identity.0);
    let checksum = crc32c(&header[..40]);
    header[40..].copy_from_slice(&checksum.to_le_bytes());
    header
}

/// Puts zeros where the header will be, so that an unfinished file is none.
pub(crate) fn skip_header(mut file: &File) -> io::Result<()> {
    file.write_all(&[0; HEADER])
}

/// Puts the header at the start of a file that is otherwise complete.
pub(crate) fn write_header(mut file: &File, identity: Sha256) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&header(identity))
}

/// The identity in the header of a file that has the length of its layout.
pub(crate) fn read_header(file: &File, path: &Path, layout: &Layout) -> Result<Sha256, Error> {
    let got = file.metadata().map_err(Error::io("look at", path))?.len();
    let expected = layout.bytes();
    if got != expected {
        return Err(Error::Length { path: path.to_owned(), expected, got });
    }
    let mut bytes = [0; HEADER];
    read_exact_at(file, &mut bytes, 0).map_err(Error::io("read", path))?;
    let mut identity = [0; 32];
    identity.copy_from_slice(&bytes[8..40]);
    let identity = Sha256(identity);
    if bytes == header(identity) {
        Ok(identity)
    } else {
        Err(Error::Start { path: path.to_owned() })
    }
}

/// Appends the index.
pub(crate) fn write_index(file: &File, layout: &Layout) -> io::Result<()> {
    let mut writer = BufWriter::with_capacity(BUFFER_BYTES, file);
    let mut checksum = Crc32c::new();
    for entry in entries(layout) {
        checksum.update(&entry);
        writer.write_all(&entry)?;
    }
    writer.write_all(&checksum.finish().to_le_bytes())?;
    writer.flush()
}

/// Compares the index with the layout.
pub(crate) fn check_index(mut file: &File, path: &Path, layout: &Layout) -> Result<(), Error> {
    let read = Error::io("read", path);
    let mut read_all = || -> io::Result<bool> {
        file.seek(SeekFrom::Start(layout.index_offset()))?;
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, file);
        let (mut entry, mut checksum, mut same) = ([0; 16], Crc32c::new(), true);
        for expected in entries(layout) {
            reader.read_exact(&mut entry)?;
            checksum.update(&entry);
            same &= entry == expected;
        }
        let mut stored = [0; 4];
        reader.read_exact(&mut stored)?;
        Ok(same && stored == checksum.finish().to_le_bytes())
    };
    if read_all().map_err(read)? {
        Ok(())
    } else {
        Err(Error::array(path, "the index is not that of its chunks"))
    }
}

/// The entries of the index: chunks in C order, which is the order in which they lie.
fn entries(layout: &Layout) -> impl Iterator<Item = [u8; 16]> {
    let bytes = layout.chunk_bytes();
    (0..layout.n_chunks()).map(move |chunk| {
        let mut entry = [0; 16];
        entry[..8].copy_from_slice(&(HEADER_BYTES + chunk * bytes).to_le_bytes());
        entry[8..].copy_from_slice(&bytes.to_le_bytes());
        entry
    })
}
