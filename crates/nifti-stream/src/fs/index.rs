//! The index of a gzipped 4-D file: places to resume from and a checksum of each volume.
//!
//! Little-endian, in this order: 8 bytes magic; the packed histories of the points; the table; its
//! length (u64), its CRC-32 (u32), 8 bytes magic. The table: version (u32); length of the indexed
//! file (u64), CRC-32 of its first 4 KiB (u32), its last 8 bytes (the trailer of the last member
//! unless there is padding); offset, size and number of the volumes (3 x u64); CRC-32 of what comes
//! before them (u32); number of points (u64); the points; CRC-32 of each volume (u32 each).

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use laion_fmri_base::AtomicFile;

use crate::gz::{BlockStart, Point, Points, Volumes, unpack};

const MAGIC: &[u8; 8] = b"nsindex1";
const VERSION: u32 = 1;
/// Length and CRC-32 of the table, magic.
const FOOTER: usize = 20;
/// The table before its points.
const FIXED: usize = 4 + 8 + 4 + 8 + 24 + 4 + 8;
/// A point in the table.
const POINT: usize = 32;
/// Stored bytes at the start of a file that an index is bound to.
pub(super) const HEAD: u64 = 4096;

/// What tells one file from another without reading it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    bytes: u64,
    head_crc: u32,
    tail: [u8; 8],
}

impl Identity {
    /// Reads the first and the last bytes.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut head = Vec::new();
        Read::by_ref(&mut file).take(HEAD).read_to_end(&mut head)?;
        let bytes = file.seek(SeekFrom::End(0))?;
        let mut tail = [0; 8];
        file.seek(SeekFrom::Start(bytes.saturating_sub(8)))?;
        let n = usize::try_from(bytes.min(8)).unwrap_or(8);
        file.read_exact(&mut tail[..n])?;
        Ok(Self::new(bytes, &head, &tail[..n]))
    }

    /// From the length of a file, its first [`HEAD`] bytes and its last 8.
    pub(super) fn new(bytes: u64, head: &[u8], last: &[u8]) -> Self {
        let mut tail = [0; 8];
        tail[..last.len()].copy_from_slice(last);
        Self { bytes, head_crc: crc32fast::hash(head), tail }
    }
}

/// An index that was read and found right, but for the histories, which stay in the file.
#[derive(Debug)]
pub(crate) struct Index {
    identity: Identity,
    volumes: Volumes,
    header_crc: u32,
    points: Vec<Point>,
    volume_crcs: Vec<u32>,
}

impl Index {
    /// Opens the index of a file. `None` when it is damaged, or belongs to another file or layout.
    pub(crate) fn open(path: &Path, identity: &Identity, volumes: &Volumes) -> Option<Self> {
        let mut file = File::open(path).ok()?;
        let (table, table_offset) = read_table(&mut file).ok().flatten()?;
        let index = Self::parse(&table, table_offset)?;
        (index.identity == *identity && index.volumes == *volumes).then_some(index)
    }

    /// The last point at or before an inflated offset.
    pub(crate) fn before(&self, inflated: u64) -> Option<&Point> {
        let after = self.points.partition_point(|point| point.start.inflated <= inflated);
        self.points.get(after.checked_sub(1)?)
    }

    pub(crate) fn volume_crc(&self, volume: usize) -> Option<u32> {
        self.volume_crcs.get(volume).copied()
    }

    /// CRC-32 of the inflated bytes before the image data.
    pub(crate) fn header_crc(&self) -> u32 {
        self.header_crc
    }

    fn parse(table: &[u8], table_offset: u64) -> Option<Self> {
        let mut fields = Fields(table);
        if fields.u32()? != VERSION {
            return None;
        }
        let identity =
            Identity { bytes: fields.u64()?, head_crc: fields.u32()?, tail: fields.take()? };
        let volumes = Volumes { first: fields.u64()?, bytes: fields.u64()?, count: fields.u64()? };
        let header_crc = fields.u32()?;
        let n_points = usize::try_from(fields.u64()?).ok()?;
        let n_volumes = usize::try_from(volumes.count).ok()?;
        // What is left of the table has to be exactly the two lists.
        let lists = n_points.checked_mul(POINT)?.checked_add(n_volumes.checked_mul(4)?)?;
        if fields.0.len() != lists {
            return None;
        }
        let mut points: Vec<Point> = Vec::with_capacity(n_points);
        for _ in 0..n_points {
            let start = BlockStart { bit: fields.u64()?, inflated: fields.u64()? };
            let point = Point {
                start,
                history_offset: fields.u64()?,
                history_bytes: fields.u32()?,
                history_crc: fields.u32()?,
            };
            let is_after = points.last().is_none_or(|last| {
                last.start.bit < start.bit && last.start.inflated < start.inflated
            });
            let end = point.history_offset.checked_add(u64::from(point.history_bytes))?;
            if !is_after || start.bit / 8 >= identity.bytes || end > table_offset {
                return None;
            }
            points.push(point);
        }
        let volume_crcs = (0..n_volumes).map(|_| fields.u32()).collect::<Option<_>>()?;
        Some(Self { identity, volumes, header_crc, points, volume_crcs })
    }
}

/// The packed histories of an index.
#[derive(Debug)]
pub(crate) struct Histories {
    file: File,
    packed: Vec<u8>,
}

impl Histories {
    /// Opens the index once more; every thread has its own.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, packed: Vec::new() })
    }

    /// What lies before a point, if it is undamaged.
    pub(crate) fn read(&mut self, point: &Point) -> Option<Vec<u8>> {
        // A history is never packed into more than twice its size.
        if point.history_bytes > 64 * 1024 {
            return None;
        }
        self.packed.resize(point.history_bytes as usize, 0);
        self.file.seek(SeekFrom::Start(point.history_offset)).ok()?;
        self.file.read_exact(&mut self.packed).ok()?;
        if crc32fast::hash(&self.packed) != point.history_crc {
            return None;
        }
        unpack(&self.packed)
    }
}

/// An index that is being written next to its final name.
pub(crate) struct IndexWriter {
    file: AtomicFile,
    identity: Identity,
    volumes: Volumes,
}

impl IndexWriter {
    /// Starts an index, and gives what collects its points.
    pub(crate) fn create(
        path: &Path,
        identity: Identity,
        volumes: Volumes,
    ) -> io::Result<(Self, Points)> {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let file = AtomicFile::create(path)?;
        let mut output = BufWriter::new(file.file().try_clone()?);
        output.write_all(MAGIC)?;
        let points = Points::new(volumes, Box::new(output), MAGIC.len() as u64);
        Ok((Self { file, identity, volumes }, points))
    }

    /// Which file the index belongs to, when that was not known before.
    pub(super) fn identify(&mut self, identity: Identity) {
        self.identity = identity;
    }

    /// Adds the table and gives the file its name; the number of points.
    pub(crate) fn finish(mut self, points: Points, parts: &[u32]) -> io::Result<usize> {
        let (points, table_offset) = points.finish()?;
        let (&header_crc, volume_crcs) = parts.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        if volume_crcs.len() as u64 != self.volumes.count {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut table = Vec::with_capacity(FIXED + points.len() * POINT + 4 * volume_crcs.len());
        table.extend(VERSION.to_le_bytes());
        table.extend(self.identity.bytes.to_le_bytes());
        table.extend(self.identity.head_crc.to_le_bytes());
        table.extend(self.identity.tail);
        for number in [self.volumes.first, self.volumes.bytes, self.volumes.count] {
            table.extend(number.to_le_bytes());
        }
        table.extend(header_crc.to_le_bytes());
        table.extend((points.len() as u64).to_le_bytes());
        for point in &points {
            for number in [point.start.bit, point.start.inflated, point.history_offset] {
                table.extend(number.to_le_bytes());
            }
            table.extend(point.history_bytes.to_le_bytes());
            table.extend(point.history_crc.to_le_bytes());
        }
        for crc in volume_crcs {
            table.extend(crc.to_le_bytes());
        }
        let file = &mut self.file;
        file.seek(SeekFrom::Start(table_offset))?;
        file.write_all(&table)?;
        file.write_all(&(table.len() as u64).to_le_bytes())?;
        file.write_all(&crc32fast::hash(&table).to_le_bytes())?;
        file.write_all(MAGIC)?;
        // An index can be made again: it is not worth waiting for the disk.
        self.file.commit_unsynced()?;
        Ok(points.len())
    }
}

/// The table of an index and where it starts; `None` when the file is not a complete index.
fn read_table(file: &mut File) -> io::Result<Option<(Vec<u8>, u64)>> {
    let length = file.seek(SeekFrom::End(0))?;
    let least = (MAGIC.len() + FIXED + FOOTER) as u64;
    if length < least {
        return Ok(None);
    }
    let mut magic = [0; 8];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut magic)?;
    let mut footer = [0; FOOTER];
    file.seek(SeekFrom::Start(length - FOOTER as u64))?;
    file.read_exact(&mut footer)?;
    let mut fields = Fields(&footer);
    let (Some(table_bytes), Some(crc), Some(end)) = (fields.u64(), fields.u32(), fields.take())
    else {
        return Ok(None);
    };
    let room = length - (MAGIC.len() + FOOTER) as u64;
    if magic != *MAGIC || end != *MAGIC || table_bytes > room {
        return Ok(None);
    }
    let table_offset = length - FOOTER as u64 - table_bytes;
    file.seek(SeekFrom::Start(table_offset))?;
    let mut table = Vec::new();
    file.take(table_bytes).read_to_end(&mut table)?;
    let is_whole = table.len() as u64 == table_bytes && crc32fast::hash(&table) == crc;
    Ok(is_whole.then_some((table, table_offset)))
}

/// Little-endian numbers, as long as there are any.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}
