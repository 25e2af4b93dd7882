//! The file of a matrix around its chunks: a start that says which matrix it is, and the index at
//! the end by which other readers find the chunks.
//!
//! ```text
//! "VXSTORE2", identity (32 bytes), CRC-32C of these 40 bytes
//! chunks: values, CRC-32C
//! for each chunk: offset, length (both 64 bits)
//! CRC-32C of the index
//! ```
//!
//! All numbers are little-endian. The chunks and the index are those of Zarr's `sharding_indexed`,
//! whose readers never look at what no entry of the index points to. This crate computes where a
//! chunk lies, so it reads the index only when all is verified. A file that starts in another way
//! may have its chunks elsewhere, and is refused.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use laion_fmri_base::{Sha256, read_exact_at, write_all_at};

use crate::checksum::{Crc32c, crc32c};
use crate::error::Error;
use crate::layout::Layout;

/// Bytes before the first chunk.
pub(crate) const HEADER_BYTES: u64 = HEADER as u64;
/// Bytes of a checksum.
pub(crate) const CHECKSUM_BYTES: u64 = 4;
/// Bytes of the index for each chunk.
pub(crate) const INDEX_ENTRY_BYTES: u64 = 16;

/// What every file of a matrix starts with. Its number stands for the places of the chunks.
const MAGIC: [u8; 8] = *b"VXSTORE2";
const HEADER: usize = MAGIC.len() + 32 + 4;
const BUFFER_BYTES: usize = 1 << 16;

fn header(magic: [u8; 8], identity: Sha256) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&magic);
    header[8..40].copy_from_slice(&identity.0);
    let checksum = crc32c(&header[..40]);
    header[40..].copy_from_slice(&checksum.to_le_bytes());
    header
}

/// Puts the header at the start of a file that is otherwise complete. Until then there are zeros,
/// so an unfinished file is none.
pub(crate) fn write_header(file: &File, identity: Sha256) -> io::Result<()> {
    write_all_at(file, &header(MAGIC, identity), 0)
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
    if bytes == header(MAGIC, identity) {
        Ok(identity)
    } else {
        Err(Error::Start { path: path.to_owned() })
    }
}

/// Puts the index behind the chunks.
pub(crate) fn write_index(mut file: &File, layout: &Layout) -> io::Result<()> {
    file.seek(SeekFrom::Start(layout.index_offset()))?;
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

/// The entries of the index: chunks in C order, which is not the order in which they lie.
fn entries(layout: &Layout) -> impl Iterator<Item = [u8; 16]> {
    let (layout, bytes) = (*layout, layout.chunk_bytes());
    let column_chunks = layout.grid()[1] as u64;
    (0..layout.n_chunks()).map(move |number| {
        // Both are below the lengths of the grid.
        let [row_chunk, column_chunk] = [number / column_chunks, number % column_chunks];
        let offset = layout.offset(row_chunk as usize, column_chunk as usize);
        let mut entry = [0; 16];
        entry[..8].copy_from_slice(&offset.to_le_bytes());
        entry[8..].copy_from_slice(&bytes.to_le_bytes());
        entry
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_gives_the_place_of_each_chunk_in_c_order() {
        let layout = Layout::new([5, 350], 2).unwrap();
        assert_eq!(layout.grid(), [3, 2]);
        let bytes = layout.chunk_bytes();
        let (offsets, lengths): (Vec<_>, Vec<_>) =
            entries(&layout).map(|entry| (bytes_of(&entry[..8]), bytes_of(&entry[8..]))).unzip();
        assert!(lengths.iter().all(|length| *length == bytes));
        let places: Vec<u64> =
            offsets.iter().map(|offset| (offset - HEADER_BYTES) / bytes).collect();
        assert_eq!(places, [0, 3, 1, 4, 2, 5]);
    }

    fn bytes_of(entry: &[u8]) -> u64 {
        u64::from_le_bytes(entry.try_into().unwrap())
    }

    #[test]
    fn a_file_with_another_header_is_refused() {
        let layout = Layout::new([5, 9], 2).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m");
        let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        file.set_len(layout.bytes()).unwrap();
        let read = || read_header(&file, &path, &layout);
        // An unfinished file.
        assert!(matches!(read(), Err(Error::Start { .. })));
        write_header(&file, Sha256([7; 32])).unwrap();
        assert_eq!(read().unwrap(), Sha256([7; 32]));
        assert!(std::fs::read(&path).unwrap().starts_with(b"VXSTORE2"));
        // Chunks in other places, with a checksum that is right.
        for magic in [*b"VXSTORE1", *b"VXSTORE3"] {
            write_all_at(&file, &header(magic, Sha256([7; 32])), 0).unwrap();
            let error = read().unwrap_err();
            assert!(matches!(&error, Error::Start { path: at } if *at == path), "{error}");
        }
    }
}
