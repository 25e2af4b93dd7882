//! Big-endian numbers and lines out of a stream, in memory that grows with the bytes that arrive.

use std::io::{self, BufRead, Read};

use super::error::FreeSurferError;

/// Bytes that are read at a time.
const PIECE: usize = 48 * 1024;

/// The longest line that is read, in bytes.
const LINE_LIMIT: usize = 8192;

/// A stream, how far it was read, and how long it is, if that is known.
pub(super) struct Bytes<R> {
    reader: R,
    offset: u64,
    length: Option<u64>,
}

impl<R: BufRead> Bytes<R> {
    pub(super) fn new(reader: R, length: Option<u64>) -> Self {
        Self { reader, offset: 0, length }
    }

    /// Refuses a part that needs more bytes than the file has left; called before it is read.
    pub(super) fn check_room(
        &self,
        needed: u64,
        what: impl FnOnce() -> String,
    ) -> Result<(), FreeSurferError> {
        let Some(length) = self.length else { return Ok(()) };
        let got = length.saturating_sub(self.offset);
        if needed <= got {
            return Ok(());
        }
        Err(FreeSurferError::TooShort { what: what(), expected: needed, got })
    }

    /// The next bytes.
    pub(super) fn take<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; N], FreeSurferError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes, what)?;
        Ok(bytes)
    }

    pub(super) fn i32(&mut self, what: &'static str) -> Result<i32, FreeSurferError> {
        self.take(what).map(i32::from_be_bytes)
    }

    /// So many values of `N` bytes each.
    pub(super) fn values<T, const N: usize>(
        &mut self,
        count: usize,
        what: &'static str,
        convert: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, FreeSurferError> {
        let mut values = Vec::new();
        let mut piece = vec![0; PIECE / N * N];
        while values.len() < count {
            let arriving = (count - values.len()).min(PIECE / N);
            let bytes = &mut piece[..arriving * N];
            self.fill(bytes, what)?;
            values.extend(bytes.as_chunks::<N>().0.iter().map(|chunk| convert(*chunk)));
        }
        Ok(values)
    }

    /// The next byte, which stays in the stream; none at the end.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, FreeSurferError> {
        loop {
            match self.reader.fill_buf() {
                Ok(buffer) => return Ok(buffer.first().copied()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(FreeSurferError::Io { offset: self.offset, source }),
            }
        }
    }

    /// A line without its line feed; none at the end of the stream.
    pub(super) fn line(&mut self, what: &'static str) -> Result<Option<String>, FreeSurferError> {
        let mut line = Vec::new();
        let limit = LINE_LIMIT as u64 + 1;
        let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut line);
        let read = read.map_err(|source| FreeSurferError::Io { offset: self.offset, source })?;
        self.offset += read as u64;
        if read > LINE_LIMIT {
            let (line, got) = (1, format!("a line of more than {LINE_LIMIT} bytes"));
            return Err(FreeSurferError::Line { line, expected: what, got });
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        Ok((read > 0).then(|| String::from_utf8_lossy(&line).into_owned()))
    }

    fn fill(&mut self, bytes: &mut [u8], what: &'static str) -> Result<(), FreeSurferError> {
        let mut filled = 0;
        while filled < bytes.len() {
            match self.reader.read(&mut bytes[filled..]) {
                Ok(0) => return Err(FreeSurferError::EndsEarly { offset: self.offset, what }),
                Ok(read) => {
                    filled += read;
                    self.offset += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(FreeSurferError::Io { offset: self.offset, source }),
            }
        }
        Ok(())
    }
}

/// A count of the file as a length, if it is one.
pub(super) fn length(
    got: i32,
    what: &'static str,
    expected: &'static str,
) -> Result<usize, FreeSurferError> {
    let count = usize::try_from(got).ok().filter(|count| *count > 0 || expected != POSITIVE);
    count.ok_or(FreeSurferError::Count { what, expected, got: i64::from(got) })
}

/// What a count may be that is not zero.
pub(super) const POSITIVE: &str = "at least 1";
/// What any count may be.
pub(super) const NOT_NEGATIVE: &str = "at least 0";
