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

    /// Fills `out`, a whole chunk, from the bytes that are stored.
    pub(super) fn decode(
        &mut self,
        stored: &[u8],
        mask: u32,
        out: &mut [u8],
    ) -> Result<(), Failure> {
        let active = self.filters.iter().enumerate();
        let active =
            active.filter(|(index, _)| mask.checked_shr(*index as u32).unwrap_or(0) & 1 == 0);
        let mut ids = Vec::with_capacity(self.filters.len());
        for (_, filter) in active {
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
