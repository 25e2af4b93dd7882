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
//! "VXSTORE1" instead says that the chunks lie in the order of earlier versions, whose readers
//! refuse a file that says "VXSTORE2". All numbers are little-endian. The chunks and the index are
//! those of Zarr's `sharding_indexed`, whose readers never look at what no entry of the index
//! points to. This crate computes where a chunk lies, so it reads the index only when all is
//! verified.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use laion_fmri_base::{Sha256, read_exact_at, write_all_at};

use crate::checksum::{Crc32c, crc32c};
use crate::error::Error;
use crate::layout::{ChunkOrder, Layout};

/// Bytes before the first chunk.
pub(crate) const HEADER_BYTES: u64 = HEADER as u64;
/// Bytes of a checksum.
pub(crate) const CHECKSUM_BYTES: u64 = 4;
/// Bytes of the index for each chunk.
pub(crate) const INDEX_ENTRY_BYTES: u64 = 16;

/// What every file of a matrix starts with; it says in which order the chunks lie.
const MAGIC: [(ChunkOrder, [u8; 8]); 2] =
    [(ChunkOrder::ByColumns, *b"VXSTORE2"), (ChunkOrder::ByRows, *b"VXSTORE1")];
const HEADER: usize = 8 + 32 + 4;
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
pub(crate) fn write_header(file: &File, layout: &Layout, identity: Sha256) -> io::Result<()> {
    let magic = MAGIC.iter().find(|(order, _)| *order == layout.order());
    let magic = magic.map(|(_, magic)| *magic).unwrap_or_default();
    write_all_at(file, &header(magic, identity), 0)
}

/// The identity in the header of a file that has the length of its layout, and the order of its
/// chunks.
pub(crate) fn read_header(
    file: &File,
    path: &Path,
    layout: &Layout,
) -> Result<(ChunkOrder, Sha256), Error> {
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
    let found = MAGIC.iter().find(|(_, magic)| bytes == header(*magic, identity));
    match found {
        Some((order, _)) => Ok((*order, identity)),
        None => Err(Error::Start { path: path.to_owned() }),
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

/// The entries of the index: chunks in C order, whatever the order in which they lie.
fn entries(layout: &Layout) -> impl Iterator<Item = [u8; 16]> {
    let (layout, bytes) = (*layout, layout.chunk_bytes());
    let in_index = layout.in_order(ChunkOrder::ByRows);
    (0..layout.n_chunks()).map(move |number| {
        let [row_chunk, column_chunk] = in_index.chunk_at(number);
        let mut entry = [0; 16];
        entry[..8].copy_from_slice(&layout.offset(row_chunk, column_chunk).to_le_bytes());
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
        let places = |layout: &Layout| -> Vec<u64> {
            let (offsets, lengths): (Vec<_>, Vec<_>) =
                entries(layout).map(|entry| (bytes_of(&entry[..8]), bytes_of(&entry[8..]))).unzip();
            assert!(lengths.iter().all(|length| *length == layout.chunk_bytes()));
            offsets.iter().map(|offset| (offset - HEADER_BYTES) / layout.chunk_bytes()).collect()
        };
        assert_eq!(places(&layout), [0, 3, 1, 4, 2, 5]);
        assert_eq!(places(&layout.in_order(ChunkOrder::ByRows)), [0, 1, 2, 3, 4, 5]);
    }

    fn bytes_of(entry: &[u8]) -> u64 {
        u64::from_le_bytes(entry.try_into().unwrap())
    }

    #[test]
    fn the_header_says_in_which_order_the_chunks_lie() {
        let layout = Layout::new([5, 9], 2).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m");
        let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        file.set_len(layout.bytes()).unwrap();
        let read = || read_header(&file, &path, &layout);
        // An unfinished file.
        assert!(matches!(read(), Err(Error::Start { .. })));
        for (order, magic) in
            [(ChunkOrder::ByColumns, "VXSTORE2"), (ChunkOrder::ByRows, "VXSTORE1")]
        {
            write_header(&file, &layout.in_order(order), Sha256([7; 32])).unwrap();
            assert_eq!(read().unwrap(), (order, Sha256([7; 32])));
            assert!(std::fs::read(&path).unwrap().starts_with(magic.as_bytes()));
        }
        // Another version, with a checksum that is right.
        let other = header(*b"VXSTORE3", Sha256([7; 32]));
        write_all_at(&file, &other, 0).unwrap();
        assert!(matches!(read(), Err(Error::Start { .. })));
    }
}
