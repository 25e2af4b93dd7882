//! Block gzip (BGZF): members of at most 64 KiB whose headers tell their size, so that their places
//! are known without inflating.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::gz::{Place, Volumes};

/// The fixed header of a member: magic, method, flags with an extra field, its length, subfield
/// `BC` of two bytes.
const HEADER: usize = 18;
/// CRC-32 and length.
const TRAILER: u64 = 8;
/// Bytes read at a time.
const BUFFER: usize = 1 << 20;

/// The members directly before each volume.
#[derive(Debug)]
pub(crate) struct Bgzf {
    places: Vec<Place>,
}

impl Bgzf {
    /// Walks from member to member; `None` when the file is anything else from start to end.
    pub(crate) fn scan(path: &Path, volumes: &Volumes) -> Option<Self> {
        let mut file = File::open(path).ok()?;
        let length = file.seek(SeekFrom::End(0)).ok()?;
        let mut window = Buffered { file, buffer: Vec::new(), start: 0 };
        let mut places: Vec<Place> = Vec::new();
        let (mut at, mut inflated, mut volume) = (0_u64, 0_u64, 0);
        let mut previous = None;
        while at < length {
            let header = window.at::<HEADER>(at)?;
            let size = member_bytes(&header)?;
            let end = at.checked_add(size).filter(|&end| end <= length)?;
            let stored_length = u32::from_le_bytes(window.at(end.checked_sub(4)?)?);
            if size < HEADER as u64 + TRAILER || stored_length > 1 << 16 {
                return None;
            }
            let place = Place { bit: at * 8, inflated };
            while volume < volumes.count
                && volumes.start(volume) < inflated + u64::from(stored_length)
            {
                volume += 1;
                if previous != Some(place) {
                    places.push(place);
                    previous = Some(place);
                }
            }
            inflated += u64::from(stored_length);
            at = end;
        }
        (inflated >= volumes.start(volumes.count)).then_some(Self { places })
    }

    /// The last of the members that start at or before an inflated offset.
    pub(crate) fn before(&self, inflated: u64) -> Option<Place> {
        let after = self.places.partition_point(|place| place.inflated <= inflated);
        self.places.get(after.checked_sub(1)?).copied()
    }
}

/// Bytes of a member by its header.
fn member_bytes(header: &[u8; HEADER]) -> Option<u64> {
    let is_bgzf = header[..4] == [0x1f, 0x8b, 8, 4] && header[10..16] == [6, 0, b'B', b'C', 2, 0];
    is_bgzf.then(|| u64::from(u16::from_le_bytes([header[16], header[17]])) + 1)
}

/// A file read in large steps, of which little is looked at.
struct Buffered {
    file: File,
    buffer: Vec<u8>,
    start: u64,
}

impl Buffered {
    fn at<const N: usize>(&mut self, offset: u64) -> Option<[u8; N]> {
        let within = offset.checked_sub(self.start).and_then(|n| usize::try_from(n).ok());
        if let Some(bytes) =
            within.and_then(|n| self.buffer.get(n..)).and_then(<[u8]>::first_chunk::<N>)
        {
            return Some(*bytes);
        }
        self.file.seek(SeekFrom::Start(offset)).ok()?;
        self.buffer.clear();
        Read::by_ref(&mut self.file).take(BUFFER as u64).read_to_end(&mut self.buffer).ok()?;
        self.start = offset;
        self.buffer.first_chunk::<N>().copied()
    }
}
