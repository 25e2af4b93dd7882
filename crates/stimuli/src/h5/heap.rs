//! The global heap, where sequences of a length of their own are stored: one object is found and
//! read alone, never the collection around it.

use super::native::Disk;
use super::tree::little;
use super::{Failure, MAX_PIECE};

/// Headers are read in pieces of this size; small objects come along.
const PIECE: usize = 4096;

/// The bytes of the sequence that a stored reference stands for.
pub(super) fn read(disk: &Disk, reference: &[u8]) -> Result<Vec<u8>, Failure> {
    let width = disk.offset_size();
    let length = little(&reference[..4]);
    let address = little(&reference[4..4 + width]);
    let index = little(&reference[4 + width..8 + width]);
    if disk.is_undefined(address) || address == 0 || index == 0 {
        return Ok(Vec::new());
    }
    if length > MAX_PIECE {
        return Err(Failure::TooLarge { expected: MAX_PIECE, got: length });
    }
    let mut start = [0; 16];
    let start = &mut start[..8 + disk.length_size()];
    disk.read_exact(start, address)?;
    if start[..5] != *b"GCOL\x01" {
        return Err(Failure::damaged("a heap collection does not start as one"));
    }
    let end = address.checked_add(little(&start[8..])).filter(|end| *end <= disk.length());
    let end = end.ok_or_else(|| Failure::damaged("a heap collection ends beyond the file"))?;
    let mut collection = Collection { disk, end, piece: Vec::new(), from: 0 };
    find(&mut collection, address + start.len() as u64, index, length)
}

fn find(
    collection: &mut Collection<'_>,
    mut position: u64,
    wanted: u64,
    length: u64,
) -> Result<Vec<u8>, Failure> {
    let header = 8 + collection.disk.length_size();
    while position + header as u64 <= collection.end {
        let bytes = collection.bytes(position, header)?;
        let (index, size) = (little(&bytes[..2]), little(&bytes[8..]));
        let data = position + header as u64;
        // Index 0 is the free space at the end.
        if index == 0 {
            break;
        }
        let next = size.checked_next_multiple_of(8).and_then(|size| data.checked_add(size));
        let next = next.filter(|next| *next <= collection.end);
        let next = next.ok_or_else(|| Failure::damaged("a heap object leaves its collection"))?;
        if index == wanted {
            if size < length {
                return Err(Failure::damaged("a heap object is shorter than its reference says"));
            }
            let mut sequence = vec![0; length as usize];
            collection.disk.read_exact(&mut sequence, data)?;
            return Ok(sequence);
        }
        position = next;
    }
    Err(Failure::damaged("a heap object is missing"))
}

/// Part of a collection, read ahead.
struct Collection<'a> {
    disk: &'a Disk,
    end: u64,
    piece: Vec<u8>,
    from: u64,
}

impl Collection<'_> {
    fn bytes(&mut self, position: u64, count: usize) -> Result<&[u8], Failure> {
        let held = self.from + self.piece.len() as u64;
        if position < self.from || position + count as u64 > held {
            let length = (self.end - position).min(PIECE as u64) as usize;
            self.piece.resize(length, 0);
            self.disk.read_exact(&mut self.piece, position)?;
            self.from = position;
        }
        let start = (position - self.from) as usize;
        Ok(&self.piece[start..start + count])
    }
}
