//! The global heap, where sequences of variable length are stored. A single object is found and
//! read without the collection around it; many small ones are taken from whole collections.

use std::collections::HashMap;

use super::native::Disk;
use super::tree::little;
use super::{Failure, MAX_PIECE};

/// Headers are read in pieces of this size; small objects come along.
const PIECE: usize = 4096;

/// As many collections are kept as HDF5 fills at the same time.
const OPEN: usize = 16;

/// The bytes of the sequence that a stored reference stands for.
pub(super) fn read(disk: &Disk, reference: &[u8]) -> Result<Vec<u8>, Failure> {
    let Some(reference) = Reference::parse(disk, reference) else { return Ok(Vec::new()) };
    if reference.length > MAX_PIECE {
        return Err(Failure::TooLarge { expected: MAX_PIECE, got: reference.length });
    }
    let mut collection = Collection::open(disk, reference.address)?;
    while let Some(object) = collection.next()? {
        if object.index == reference.index {
            let mut sequence = vec![0; object.checked(reference.length)? as usize];
            disk.read_exact(&mut sequence, object.position)?;
            return Ok(sequence);
        }
    }
    Err(Failure::damaged("a heap object is missing"))
}

/// The texts that stored references stand for.
pub(super) fn read_texts<'a>(
    disk: &Disk,
    references: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<String>, Failure> {
    let mut texts = Vec::new();
    let mut open: Vec<Whole> = Vec::new();
    // Each text is stored for itself, so that all of them are not larger than the file, and each
    // collection is needed for a while and then not again.
    let (mut taken, mut loaded) = (0, 0_u64);
    for reference in references {
        let Some(reference) = Reference::parse(disk, reference) else {
            texts.push(String::new());
            continue;
        };
        let index = open.iter().position(|whole| whole.address == reference.address);
        let index = match index {
            Some(index) => index,
            None => {
                let whole = Whole::read(disk, reference.address)?;
                loaded += whole.bytes.len() as u64;
                if loaded > disk.length().saturating_mul(OPEN as u64) {
                    return Err(Failure::damaged("the heap is needed over and over"));
                }
                if open.len() == OPEN {
                    open.remove(0);
                }
                open.push(whole);
                open.len() - 1
            }
        };
        let bytes = open[index].get(&reference)?;
        taken += bytes.len() as u64;
        if taken > disk.length() {
            return Err(Failure::TooLarge { expected: disk.length(), got: taken });
        }
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        let text = std::str::from_utf8(&bytes[..end]);
        texts.push(text.map_err(|error| Failure::Damaged(Box::new(error)))?.to_owned());
    }
    Ok(texts)
}

/// Where a sequence is.
struct Reference {
    length: u64,
    address: u64,
    index: u64,
}

impl Reference {
    /// Nothing for an empty sequence.
    fn parse(disk: &Disk, bytes: &[u8]) -> Option<Self> {
        let width = disk.offset_size();
        let length = little(&bytes[..4]);
        let address = little(&bytes[4..4 + width]);
        let index = little(&bytes[4 + width..8 + width]);
        let is_empty = disk.is_undefined(address) || address == 0 || index == 0;
        (!is_empty).then_some(Self { length, address, index })
    }
}

/// An object of a collection.
struct Object {
    index: u64,
    position: u64,
    size: u64,
}

impl Object {
    /// The length, if the object has this many bytes.
    fn checked(&self, length: u64) -> Result<u64, Failure> {
        if length <= self.size {
            return Ok(length);
        }
        Err(Failure::damaged("a heap object is shorter than its reference says"))
    }
}

/// A collection in memory.
struct Whole {
    address: u64,
    bytes: Vec<u8>,
    objects: HashMap<u64, Object>,
}

impl Whole {
    fn read(disk: &Disk, address: u64) -> Result<Self, Failure> {
        let mut collection = Collection::open(disk, address)?;
        let size = collection.end - address;
        if size > MAX_PIECE {
            return Err(Failure::TooLarge { expected: MAX_PIECE, got: size });
        }
        let mut bytes = vec![0; size as usize];
        disk.read_exact(&mut bytes, address)?;
        let mut objects = HashMap::new();
        while let Some(object) = collection.next()? {
            objects.insert(object.index, object);
        }
        Ok(Self { address, bytes, objects })
    }

    fn get(&self, reference: &Reference) -> Result<&[u8], Failure> {
        let object = self.objects.get(&reference.index);
        let object = object.ok_or_else(|| Failure::damaged("a heap object is missing"))?;
        let start = (object.position - self.address) as usize;
        Ok(&self.bytes[start..start + object.checked(reference.length)? as usize])
    }
}

/// A collection that is walked through, part of it read ahead.
struct Collection<'a> {
    disk: &'a Disk,
    position: u64,
    end: u64,
    piece: Vec<u8>,
    from: u64,
}

impl<'a> Collection<'a> {
    fn open(disk: &'a Disk, address: u64) -> Result<Self, Failure> {
        let mut start = [0; 16];
        let start = &mut start[..8 + disk.length_size()];
        disk.read_exact(start, address)?;
        if start[..5] != *b"GCOL\x01" {
            return Err(Failure::damaged("a heap collection does not start as one"));
        }
        let end = address.checked_add(little(&start[8..])).filter(|end| *end <= disk.length());
        let end = end.ok_or_else(|| Failure::damaged("a heap collection ends beyond the file"))?;
        let position = address + start.len() as u64;
        if position > end {
            return Err(Failure::damaged("a heap collection is shorter than its start"));
        }
        Ok(Self { disk, position, end, piece: Vec::new(), from: 0 })
    }

    /// The next object; nothing where the free space begins.
    fn next(&mut self) -> Result<Option<Object>, Failure> {
        let header = 8 + self.disk.length_size();
        let position = self.position + header as u64;
        if position > self.end {
            return Ok(None);
        }
        let bytes = self.bytes(self.position, header)?;
        let (index, size) = (little(&bytes[..2]), little(&bytes[8..]));
        if index == 0 {
            return Ok(None);
        }
        let next = size.checked_next_multiple_of(8).and_then(|size| position.checked_add(size));
        let next = next.filter(|next| *next <= self.end);
        self.position =
            next.ok_or_else(|| Failure::damaged("a heap object leaves its collection"))?;
        Ok(Some(Object { index, position, size }))
    }

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
