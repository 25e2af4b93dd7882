//! Places to resume from, chosen while a stream is read: one shortly before each volume.

use std::io::{self, Write};

use super::members::BlockStart;
use crate::inflate::WINDOW;

/// Stored, of each point: where its block starts and what lies before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) start: BlockStart,
    /// Where the packed history lies in the file of the index.
    pub(crate) history_offset: u64,
    pub(crate) history_bytes: u32,
    /// CRC-32 of the packed history.
    pub(crate) history_crc: u32,
}

/// Where volumes lie in the inflated stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Volumes {
    pub(crate) first: u64,
    pub(crate) bytes: u64,
    pub(crate) count: u64,
}

impl Volumes {
    /// Inflated bytes before a volume; the end of the last for their number.
    pub(crate) fn start(&self, volume: u64) -> u64 {
        self.first.saturating_add(volume.saturating_mul(self.bytes))
    }
}

/// Points are at least this many inflated bytes apart, or a sixteenth of a small file.
const LEAST_DISTANCE: u64 = 4 << 20;

/// Collects points: the last block boundary before each volume, or the first after it when there
/// is none in the second half of the volume before.
pub(crate) struct Points {
    volumes: Volumes,
    /// The volume that the next point is for.
    next: u64,
    candidate: Option<Candidate>,
    points: Vec<Point>,
    output: Box<dyn Write + Send>,
    written: u64,
    packed: Vec<u8>,
    failure: Option<io::Error>,
}

struct Candidate {
    start: BlockStart,
    history: Vec<u8>,
}

impl Points {
    /// Packed histories are written to `output`, which stands at byte `written` of the index.
    pub(crate) fn new(volumes: Volumes, output: Box<dyn Write + Send>, written: u64) -> Self {
        Self {
            volumes,
            next: 1,
            candidate: None,
            points: Vec::new(),
            output,
            written,
            packed: Vec::new(),
            failure: None,
        }
    }

    /// A block starts here, after this history.
    pub(crate) fn offer(&mut self, start: BlockStart, history: &[u8]) {
        if self.next >= self.volumes.count || self.failure.is_some() {
            return;
        }
        let target = self.volumes.start(self.next);
        if start.inflated > target {
            match self.candidate.take() {
                Some(candidate) => self.record(candidate.start, &candidate.history),
                None => self.record(start, history),
            }
            if self.next >= self.volumes.count {
                return;
            }
        }
        if start.inflated + self.volumes.bytes / 2 >= self.volumes.start(self.next) {
            let candidate = self
                .candidate
                .get_or_insert_with(|| Candidate { start, history: Vec::with_capacity(WINDOW) });
            candidate.start = start;
            candidate.history.clear();
            candidate.history.extend_from_slice(history);
        }
    }

    /// The points and how far the index is written; what made writing fail otherwise.
    pub(crate) fn finish(mut self) -> io::Result<(Vec<Point>, u64)> {
        if let Some(candidate) = self.candidate.take() {
            self.record(candidate.start, &candidate.history);
        }
        match self.failure {
            Some(failure) => Err(failure),
            None => self.output.flush().map(|()| (self.points, self.written)),
        }
    }

    fn record(&mut self, start: BlockStart, history: &[u8]) {
        self.packed.clear();
        pack(history, &mut self.packed);
        if let Err(failure) = self.output.write_all(&self.packed) {
            self.failure = Some(failure);
            return;
        }
        self.points.push(Point {
            start,
            history_offset: self.written,
            history_bytes: self.packed.len() as u32,
            history_crc: crc32fast::hash(&self.packed),
        });
        self.written += self.packed.len() as u64;
        // The first volume that is far enough from this point and still to come.
        let total = self.volumes.bytes.saturating_mul(self.volumes.count);
        let distance = LEAST_DISTANCE.min(total / 16);
        let wanted = (start.inflated + distance).saturating_sub(self.volumes.first);
        self.next = wanted.div_ceil(self.volumes.bytes.max(1)).max(self.next + 1);
    }
}

/// Packs a history as runs: the number of zeros, the number of other bytes, these bytes.
///
/// Outside a brain everything is zero, and inside nothing else can be made smaller.
pub(crate) fn pack(history: &[u8], packed: &mut Vec<u8>) {
    let mut rest = history;
    while !rest.is_empty() {
        let zeros = rest.iter().take_while(|&&byte| byte == 0).count();
        rest = &rest[zeros..];
        // A run of fewer zeros than its own description is not worth an end.
        let others = rest.windows(8).position(|next| next == [0; 8]).unwrap_or(rest.len());
        packed.extend((zeros as u16).to_le_bytes());
        packed.extend((others as u16).to_le_bytes());
        packed.extend(&rest[..others]);
        rest = &rest[others..];
    }
}

/// The history, unless the packed bytes are none.
pub(crate) fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut history = Vec::new();
    let mut rest = packed;
    while !rest.is_empty() {
        let ([z0, z1, o0, o1], after) = rest.split_first_chunk::<4>()?;
        let zeros = usize::from(u16::from_le_bytes([*z0, *z1]));
        let others = usize::from(u16::from_le_bytes([*o0, *o1]));
        if history.len() + zeros + others > WINDOW || zeros + others == 0 {
            return None;
        }
        let (bytes, after) = after.split_at_checked(others)?;
        history.resize(history.len() + zeros, 0);
        history.extend(bytes);
        rest = after;
    }
    Some(history)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_histories_come_back() {
        let mut mixed = vec![0; WINDOW];
        for (offset, byte) in mixed.iter_mut().enumerate() {
            *byte = if offset % 700 < 90 { (offset * 31 % 251) as u8 } else { 0 };
        }
        for history in [&[][..], &[0; 5], &[7; 9], &[0; WINDOW], &[1; WINDOW], &mixed] {
            let mut packed = Vec::new();
            pack(history, &mut packed);
            assert_eq!(unpack(&packed).as_deref(), Some(history));
        }
    }

    #[test]
    fn what_is_no_history_is_refused() {
        let check = |packed: &[u8]| assert_eq!(unpack(packed), None, "{packed:?}");
        check(&[1, 0, 0]);
        check(&[0, 0, 0, 0]);
        check(&[0, 0, 2, 0, 9]);
        check(&[1, 0x80, 0, 0]);
        check(&[[0xff, 0x7f, 0, 0], [2, 0, 0, 0]].concat());
    }
}
