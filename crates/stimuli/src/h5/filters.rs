//! From stored chunks to their elements: inflated and unshuffled, never beyond the size of a chunk.

use hdf5_reader::error::Error;
use hdf5_reader::filters::{
    self, FILTER_DEFLATE, FILTER_FLETCHER32, FILTER_NBIT, FILTER_SCALEOFFSET, FILTER_SHUFFLE,
    FILTER_SZIP, FilterRegistry,
};
use hdf5_reader::messages::filter_pipeline::FilterDescription;
use zlib_rs::{Inflate, InflateFlush, Status};

use super::{Failure, lzf};

const WINDOW_BITS: u8 = 15;

/// The filter that h5py calls `lzf`.
const FILTER_LZF: u16 = 32_000;

/// What can be decoded.
const KNOWN: &[u16] = &[
    FILTER_DEFLATE,
    FILTER_SHUFFLE,
    FILTER_FLETCHER32,
    FILTER_SZIP,
    FILTER_NBIT,
    FILTER_SCALEOFFSET,
    FILTER_LZF,
];

/// The filters of a dataset with the scratch of one thread.
pub(super) struct Decoder<'a> {
    filters: &'a [FilterDescription],
    element_bytes: usize,
    inflate: Option<Inflate>,
    shuffled: Vec<u8>,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(filters: &'a [FilterDescription], element_bytes: usize) -> Self {
        Self { filters, element_bytes, inflate: None, shuffled: Vec::new() }
    }

    /// As [`decode`](Self::decode), but may leave the bytes shuffled, and says whether it did: a
    /// row of a chunk takes few elements, which [`unshuffle_part`] finds. All that is stored is
    /// inflated and checked.
    pub(super) fn decode_shuffled(
        &mut self,
        stored: &[u8],
        mask: u32,
        out: &mut [u8],
    ) -> Result<bool, Failure> {
        let ids: Vec<u16> = self.active(mask).map(|filter| filter.id).collect();
        match (ids.as_slice(), self.element_bytes) {
            (_, 0 | 1) => {}
            ([FILTER_SHUFFLE, FILTER_DEFLATE], _) => {
                return inflate(&mut self.inflate, stored, out).map(|()| true);
            }
            ([FILTER_SHUFFLE, FILTER_LZF], _) => return expand(stored, out).map(|()| true),
            _ => {}
        }
        self.decode(stored, mask, out).map(|()| false)
    }

    /// The filters that were not left out of a chunk.
    fn active(&self, mask: u32) -> impl Iterator<Item = &'a FilterDescription> + use<'a> {
        let filters = self.filters.iter().enumerate();
        let active = move |index: usize| mask.checked_shr(index as u32).unwrap_or(0) & 1 == 0;
        filters.filter(move |(index, _)| active(*index)).map(|(_, filter)| filter)
    }

    /// Fills `out`, a whole chunk, from the bytes that are stored.
    pub(super) fn decode(
        &mut self,
        stored: &[u8],
        mask: u32,
        out: &mut [u8],
    ) -> Result<(), Failure> {
        let mut ids = Vec::with_capacity(self.filters.len());
        for filter in self.active(mask) {
            if !KNOWN.contains(&filter.id) {
                return Err(Failure::unsupported(named(filter)));
            }
            ids.push(filter.id);
        }
        let verified;
        let (stored, mut ids) = if let [before @ .., FILTER_FLETCHER32] = ids.as_slice() {
            verified = filters::fletcher32::verify_and_strip(stored)
                .map_err(|error| Failure::Damaged(Box::new(error)))?;
            (verified.as_slice(), before)
        } else {
            (stored, ids.as_slice())
        };
        // A byte more or less is nothing to shuffle.
        if let ([FILTER_SHUFFLE, rest @ ..], 1) = (ids, self.element_bytes) {
            ids = rest;
        }
        match ids {
            [] => copy(stored, out),
            [FILTER_DEFLATE] => inflate(&mut self.inflate, stored, out),
            [FILTER_SHUFFLE] => unshuffle(stored, self.element_bytes, out),
            [FILTER_LZF] => expand(stored, out),
            [FILTER_SHUFFLE, FILTER_LZF] => {
                self.shuffled.resize(out.len(), 0);
                expand(stored, &mut self.shuffled)?;
                unshuffle(&self.shuffled, self.element_bytes, out)
            }
            [FILTER_SHUFFLE, FILTER_DEFLATE] => {
                self.shuffled.resize(out.len(), 0);
                inflate(&mut self.inflate, stored, &mut self.shuffled)?;
                unshuffle(&self.shuffled, self.element_bytes, out)
            }
            _ => self.decode_otherwise(stored, mask, out),
        }
    }

    fn decode_otherwise(&self, stored: &[u8], mask: u32, out: &mut [u8]) -> Result<(), Failure> {
        let limit = Some(out.len());
        let mut registry = FilterRegistry::new();
        // What another filter made of a chunk may be a little longer than the chunk.
        let longest = out.len() + out.len() / 8 + 64;
        let decode = move |bytes: &[u8]| {
            let mut decoded = vec![0; longest];
            let length = lzf::decode(bytes, &mut decoded);
            decoded
                .truncate(length.map_err(|_| Error::FilterError("invalid lzf data".to_owned()))?);
            Ok(decoded)
        };
        registry.register(FILTER_LZF, Box::new(move |_, bytes, _| decode(bytes)));
        let (filters, size) = (self.filters, self.element_bytes);
        // A checksum that was the last filter has been taken off.
        let checked = filters.len()
            - usize::from(
                filters.last().is_some_and(|last| last.id == FILTER_FLETCHER32)
                    && mask >> (filters.len() - 1) & 1 == 0,
            );
        let bytes = filters::apply_pipeline_with_limit(
            stored,
            &filters[..checked],
            mask,
            size,
            Some(&registry),
            limit,
        )
        .map_err(|error| Failure::Damaged(Box::new(error)))?;
        copy(&bytes, out)
    }
}

fn copy(bytes: &[u8], out: &mut [u8]) -> Result<(), Failure> {
    if bytes.len() != out.len() {
        let (expected, got) = (out.len(), bytes.len());
        return Err(Failure::damaged(format!("a chunk: expected {expected} bytes, got {got}")));
    }
    out.copy_from_slice(bytes);
    Ok(())
}

/// A filter by its number and, where the file has one, its name.
fn named(filter: &FilterDescription) -> String {
    match &filter.name {
        Some(name) => format!("filter {} ({name})", filter.id),
        None => format!("filter {}", filter.id),
    }
}

/// Decodes `lzf` data that are exactly as long as `out`.
fn expand(stored: &[u8], out: &mut [u8]) -> Result<(), Failure> {
    let got = lzf::decode(stored, out)?;
    if got != out.len() {
        let expected = out.len();
        return Err(Failure::damaged(format!("a chunk: expected {expected} bytes, got {got}")));
    }
    Ok(())
}

fn inflate(state: &mut Option<Inflate>, stored: &[u8], out: &mut [u8]) -> Result<(), Failure> {
    let inflate = match state {
        Some(inflate) => {
            inflate.reset(true);
            inflate
        }
        None => state.insert(Inflate::new(true, WINDOW_BITS)),
    };
    let status = inflate.decompress(stored, out, InflateFlush::Finish);
    let got = inflate.total_out();
    match status {
        Ok(Status::StreamEnd) if got == out.len() as u64 => Ok(()),
        Ok(_) => Err(Failure::damaged(format!(
            "a chunk: expected {} inflated bytes, got {}{got}",
            out.len(),
            if got == out.len() as u64 { "more than " } else { "" }
        ))),
        Err(_) => Err(Failure::damaged(inflate.error_message().unwrap_or("invalid deflate data"))),
    }
}

/// Puts the first bytes of all elements, then the second ones, back together.
fn unshuffle(shuffled: &[u8], size: usize, out: &mut [u8]) -> Result<(), Failure> {
    if size == 2 && shuffled.len() == out.len() && out.len().is_multiple_of(2) {
        let (low, high) = shuffled.split_at(out.len() / 2);
        for ((pair, low), high) in out.chunks_exact_mut(2).zip(low).zip(high) {
            pair[0] = *low;
            pair[1] = *high;
        }
        return Ok(());
    }
    copy(&filters::shuffle::unshuffle(shuffled, size), out)
}

/// Elements of a chunk that was left shuffled, from `first` on: the first bytes of all elements are
/// there before the second ones.
pub(super) fn unshuffle_part(shuffled: &[u8], first: usize, size: usize, out: &mut [u8]) {
    for (place, plane) in shuffled.chunks_exact(shuffled.len() / size).enumerate() {
        for (element, byte) in out.chunks_exact_mut(size).zip(&plane[first..]) {
            element[place] = *byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    fn filter(id: u16) -> FilterDescription {
        FilterDescription { id, name: None, client_data: Vec::new() }
    }

    fn deflated(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn elements_are_found_in_a_chunk_that_was_left_shuffled() {
        let count = 30;
        for size in [2, 4, 10] {
            let elements: Vec<u8> = (0..count * size).map(|byte| byte as u8).collect();
            let plane = |place: usize| elements.iter().skip(place).step_by(size).copied();
            let shuffled: Vec<u8> = (0..size).flat_map(plane).collect();
            let stored = deflated(&shuffled);
            let filters = [filter(FILTER_SHUFFLE), filter(FILTER_DEFLATE)];
            let mut decoder = Decoder::new(&filters, size);
            let mut out = vec![0; elements.len()];
            decoder.decode(&stored, 0, &mut out).unwrap();
            assert!(out == elements);
            assert!(decoder.decode_shuffled(&stored, 0, &mut out).unwrap());
            for (first, length) in [(0, count), (0, 1), (7, 5), (count - 1, 1)] {
                let mut part = vec![0; length * size];
                unshuffle_part(&out, first, size, &mut part);
                assert_eq!(part, elements[first * size..][..part.len()], "{size} {first}");
            }
            // A chunk without the first filter has its elements one after the other.
            let stored = deflated(&elements);
            assert!(!decoder.decode_shuffled(&stored, 1, &mut out).unwrap());
            assert!(out == elements);
            // All of it is checked, not only what is wanted.
            let mut damaged = stored.clone();
            *damaged.last_mut().unwrap() ^= 1;
            assert!(decoder.decode_shuffled(&damaged, 0, &mut out).is_err());
        }
    }

    #[test]
    fn bytes_are_never_left_shuffled() {
        let filters = [filter(FILTER_SHUFFLE), filter(FILTER_DEFLATE)];
        let mut out = [0; 5];
        let mut decoder = Decoder::new(&filters, 1);
        assert!(!decoder.decode_shuffled(&deflated(b"abcde"), 0, &mut out).unwrap());
        assert_eq!(&out, b"abcde");
    }
}
