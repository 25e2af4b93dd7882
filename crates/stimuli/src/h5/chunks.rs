//! A dataset in chunks: which of them hold the wanted rows, where they are, and how their elements
//! get into the rows.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use hdf5_reader::chunk_index::{self, ChunkEntry};
use hdf5_reader::extensible_array::collect_extensible_array_chunk_entries_storage;
use hdf5_reader::fixed_array::collect_fixed_array_chunk_entries_storage;
use hdf5_reader::messages::filter_pipeline::FilterDescription;
use hdf5_reader::messages::layout::ChunkIndexing;
use laion_fmri_base::{lock, parallel_map_with};

use super::fill::Fill;
use super::filters::{Decoder, unshuffle_part};
use super::native::Disk;
use super::tree::{Stored, Tree};
use super::{Failure, MAX_PIECE};

/// Decoded chunks that hold other rows too are kept, in case those are wanted next.
const CACHE_BYTES: usize = 4 << 20;

/// What a chunk takes in memory beside its bytes, at most. A file can have chunks of one byte.
const AROUND: usize = 256;

/// A dataset in chunks.
pub(super) struct Chunks {
    shape: Vec<u64>,
    chunk: Vec<u64>,
    element_bytes: usize,
    chunk_bytes: usize,
    row_bytes: usize,
    filters: Vec<FilterDescription>,
    fill: Fill,
    index: Index,
    cache: Mutex<ChunkCache>,
}

enum Index {
    Tree(Tree),
    /// The kinds of newer files, which `hdf5-reader` reads whole, at the first use.
    Other {
        address: u64,
        kind: ChunkIndexing,
        max_shape: Option<Vec<u64>>,
        entries: OnceLock<HashMap<Vec<u64>, Stored>>,
    },
}

/// The chunks decoded last, by their offsets.
#[derive(Default)]
struct ChunkCache {
    chunks: HashMap<Vec<u64>, Arc<DecodedChunk>>,
    /// Oldest first.
    order: VecDeque<Vec<u64>>,
    bytes: usize,
}

/// The elements of a chunk, of which a few will be wanted.
struct DecodedChunk {
    bytes: Vec<u8>,
    /// Whether the first bytes of all elements come before the second ones.
    is_shuffled: bool,
}

impl Chunks {
    pub(super) fn new(
        shape: &[u64],
        chunk: &[u32],
        element_bytes: usize,
        (address, kind, max_shape): (u64, Option<&ChunkIndexing>, Option<&[u64]>),
        (filters, fill): (Vec<FilterDescription>, Fill),
        disk: &Disk,
    ) -> Result<Self, Failure> {
        let chunk: Vec<u64> = chunk.iter().take(shape.len()).map(|n| u64::from(*n)).collect();
        if chunk.len() != shape.len() || chunk.contains(&0) {
            return Err(Failure::damaged(format!("chunks of {chunk:?} in a shape of {shape:?}")));
        }
        let limited = |bytes: Option<u64>| match bytes {
            Some(bytes) if bytes <= MAX_PIECE => Ok(bytes as usize),
            got => Err(Failure::TooLarge { expected: MAX_PIECE, got: got.unwrap_or(u64::MAX) }),
        };
        let product = |axes: &[u64]| {
            axes.iter().try_fold(element_bytes as u64, |bytes, n| bytes.checked_mul(*n))
        };
        let chunk_bytes = limited(product(&chunk))?;
        let row_bytes = limited(product(&shape[1..]))?;
        // Every chunk that was written takes a byte at least.
        let count = shape
            .iter()
            .zip(&chunk)
            .try_fold(1, |count: u64, (n, chunk)| count.checked_mul(n.div_ceil(*chunk)));
        if count.is_none_or(|count| count > disk.length()) {
            return Err(Failure::damaged("more chunks than the file has bytes"));
        }
        let index = match kind {
            None => Index::Tree(Tree::new(address, shape.len())),
            Some(kind) => Index::Other {
                address,
                kind: kind.clone(),
                max_shape: max_shape.map(<[u64]>::to_vec),
                entries: OnceLock::new(),
            },
        };
        let (shape, cache) = (shape.to_vec(), Mutex::default());
        Ok(Self {
            shape,
            chunk,
            element_bytes,
            chunk_bytes,
            row_bytes,
            filters,
            fill,
            index,
            cache,
        })
    }

    pub(super) fn rows_together(&self) -> usize {
        self.chunk[0] as usize
    }

    /// Strictly ascending rows into `out`; every chunk is decoded once.
    pub(super) fn read(&self, disk: &Disk, rows: &[usize], out: &mut [u8]) -> Result<(), Failure> {
        if out.is_empty() {
            return Ok(());
        }
        let mut decoder = Decoder::new(&self.filters, self.element_bytes);
        let (mut stored, mut decoded) = (Vec::new(), Vec::new());
        let together = self.rows_together();
        let mut rest = out;
        for group in rows.chunk_by(|row, next| row / together == next / together) {
            let (part, others) = rest.split_at_mut(group.len() * self.row_bytes);
            rest = others;
            let mut offsets = vec![0; self.shape.len()];
            offsets[0] = (group[0] / together * together) as u64;
            if rows.len() == 1 {
                self.decode_ahead(disk, &offsets)?;
            }
            loop {
                let entry = self.find(disk, &offsets)?;
                // A chunk that is a row is decoded straight into the output.
                if part.len() == self.chunk_bytes && self.is_rows() && group.len() == together {
                    self.load(disk, entry, &mut decoder, &mut stored, part)?;
                } else if rows.len() == 1
                    && self.chunk_bytes <= CACHE_BYTES
                    && !(self.is_rows() && together == 1)
                {
                    let chunk = self.cached(&offsets, || {
                        self.load_shuffled(disk, entry, &mut decoder, &mut stored)
                    })?;
                    self.scatter(&chunk.bytes, chunk.is_shuffled, &offsets, group, part);
                } else {
                    decoded.resize(self.chunk_bytes, 0);
                    self.load(disk, entry, &mut decoder, &mut stored, &mut decoded)?;
                    self.scatter(&decoded, false, &offsets, group, part);
                }
                if !self.next(&mut offsets) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Decodes the chunks of one row on all cores, if there are several that can all be kept.
    fn decode_ahead(&self, disk: &Disk, first: &[u64]) -> Result<(), Failure> {
        let mut chunks = vec![first.to_vec()];
        let mut offsets = first.to_vec();
        let fit = CACHE_BYTES / (self.chunk_bytes + AROUND);
        while chunks.len() <= fit && self.next(&mut offsets) {
            chunks.push(offsets.clone());
        }
        let fits = chunks.len() <= fit;
        // Asking the system for its cores takes longer than decoding one small chunk.
        if !fits || chunks.len() < 2 || self.filters.is_empty() {
            return Ok(());
        }
        let threads = thread::available_parallelism().map_or(1, usize::from).min(chunks.len());
        if threads < 2 {
            return Ok(());
        }
        let state = || (Decoder::new(&self.filters, self.element_bytes), Vec::new());
        let decode = |(decoder, stored): &mut (Decoder<'_>, Vec<u8>), offsets: &Vec<u64>| {
            let chunk = self.cached(offsets, || {
                let entry = self.find(disk, offsets)?;
                self.load_shuffled(disk, entry, decoder, stored)
            });
            chunk.map(drop)
        };
        parallel_map_with(threads, &chunks, state, decode).map(drop)
    }

    /// Whether a chunk holds whole rows.
    fn is_rows(&self) -> bool {
        self.chunk[1..] == self.shape[1..]
    }

    /// The next chunk of the same rows.
    fn next(&self, offsets: &mut [u64]) -> bool {
        for axis in (1..offsets.len()).rev() {
            offsets[axis] += self.chunk[axis];
            if offsets[axis] < self.shape[axis] {
                return true;
            }
            offsets[axis] = 0;
        }
        false
    }

    fn find(&self, disk: &Disk, offsets: &[u64]) -> Result<Option<Stored>, Failure> {
        match &self.index {
            Index::Tree(tree) => tree.find(disk, offsets),
            Index::Other { address, kind, max_shape, entries } => {
                if let Some(entries) = entries.get() {
                    return Ok(entries.get(offsets).copied());
                }
                let read = self.read_index(disk, *address, kind, max_shape.as_deref())?;
                Ok(entries.get_or_init(|| read).get(offsets).copied())
            }
        }
    }

    fn read_index(
        &self,
        disk: &Disk,
        address: u64,
        kind: &ChunkIndexing,
        max_shape: Option<&[u64]>,
    ) -> Result<HashMap<Vec<u64>, Stored>, Failure> {
        let storage = disk.storage();
        let [width, length] = [disk.offset_size() as u8, disk.length_size() as u8];
        let chunk: Vec<u32> = self.chunk.iter().map(|n| *n as u32).collect();
        let (shape, rank) = (&self.shape, self.shape.len());
        let entries = match kind {
            ChunkIndexing::SingleChunk { filtered_size, filters } => {
                Ok(vec![chunk_index::single_chunk_entry(address, *filtered_size, *filters, rank)])
            }
            ChunkIndexing::Implicit => chunk_index::collect_implicit_chunk_entries(
                address,
                shape,
                &chunk,
                self.element_bytes,
                None,
                storage.len(),
            ),
            ChunkIndexing::FixedArray { .. } => collect_fixed_array_chunk_entries_storage(
                storage, address, width, length, shape, &chunk, None,
            ),
            ChunkIndexing::ExtensibleArray { .. } => {
                collect_extensible_array_chunk_entries_storage(
                    storage, address, width, length, shape, max_shape, &chunk, None,
                )
            }
            ChunkIndexing::BTreeV2 => chunk_index::collect_v2_chunk_entries_storage(
                storage,
                address,
                width,
                length,
                rank as u32,
                &chunk,
                None,
            ),
        };
        let entries = entries.map_err(|error| Failure::Damaged(Box::new(error)))?;
        Ok(entries.into_iter().map(|entry| self.stored(entry)).collect())
    }

    fn stored(&self, entry: ChunkEntry) -> (Vec<u64>, Stored) {
        let ChunkEntry { address, size, filter_mask, offsets } = entry;
        // Indices of chunks without filters leave the size out.
        let size = if size == 0 { self.chunk_bytes as u64 } else { size };
        (offsets, Stored { address, size, filter_mask })
    }

    /// Decodes a chunk into `out`, which is filled if the chunk was never written.
    fn load(
        &self,
        disk: &Disk,
        entry: Option<Stored>,
        decoder: &mut Decoder<'_>,
        stored: &mut Vec<u8>,
        out: &mut [u8],
    ) -> Result<(), Failure> {
        match self.read_stored(disk, entry, stored, out)? {
            Some(mask) => decoder.decode(stored, mask, out),
            None => Ok(()),
        }
    }

    /// Decodes a chunk of which a few elements are wanted.
    fn load_shuffled(
        &self,
        disk: &Disk,
        entry: Option<Stored>,
        decoder: &mut Decoder<'_>,
        stored: &mut Vec<u8>,
    ) -> Result<DecodedChunk, Failure> {
        let mut bytes = vec![0; self.chunk_bytes];
        let is_shuffled = match self.read_stored(disk, entry, stored, &mut bytes)? {
            Some(mask) => decoder.decode_shuffled(stored, mask, &mut bytes)?,
            None => false,
        };
        Ok(DecodedChunk { bytes, is_shuffled })
    }

    /// Reads what is stored of a chunk, and says which filters were left out of it; `None` when
    /// there is nothing to decode, and `out` is filled already.
    fn read_stored(
        &self,
        disk: &Disk,
        entry: Option<Stored>,
        stored: &mut Vec<u8>,
        out: &mut [u8],
    ) -> Result<Option<u32>, Failure> {
        let Some(entry) = entry.filter(|entry| !disk.is_undefined(entry.address)) else {
            self.fill.write(out);
            return Ok(None);
        };
        if self.filters.is_empty() && entry.size == out.len() as u64 {
            disk.read_exact(out, entry.address)?;
            return Ok(None);
        }
        if entry.size > MAX_PIECE.min(disk.length()) {
            let expected = MAX_PIECE.min(disk.length());
            return Err(Failure::TooLarge { expected, got: entry.size });
        }
        stored.resize(entry.size as usize, 0);
        disk.read_exact(stored, entry.address)?;
        Ok(Some(entry.filter_mask))
    }

    fn cached(
        &self,
        offsets: &[u64],
        decode: impl FnOnce() -> Result<DecodedChunk, Failure>,
    ) -> Result<Arc<DecodedChunk>, Failure> {
        let cache = || lock(&self.cache);
        if let Some(chunk) = cache().get(offsets) {
            return Ok(chunk);
        }
        let chunk = Arc::new(decode()?);
        cache().insert(offsets, Arc::clone(&chunk));
        Ok(chunk)
    }

    /// Copies what a chunk holds of some rows into them.
    fn scatter(
        &self,
        chunk: &[u8],
        is_shuffled: bool,
        offsets: &[u64],
        rows: &[usize],
        out: &mut [u8],
    ) {
        let rank = self.shape.len();
        let size = self.element_bytes;
        // How much of the chunk lies within the shape, along every axis but the first.
        let inside: Vec<usize> = (1..rank)
            .map(|axis| self.chunk[axis].min(self.shape[axis] - offsets[axis]) as usize)
            .collect();
        let run = inside.last().map_or(1, |n| *n);
        let runs: usize = inside.iter().rev().skip(1).product();
        let chunk_row = self.chunk[1..].iter().product::<u64>() as usize;
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(self.row_bytes)) {
            let from = (row - offsets[0] as usize) * chunk_row;
            let mut at = vec![0; inside.len()];
            for _ in 0..runs {
                let (mut source, mut target) = (0, 0);
                for (axis, index) in at.iter().enumerate() {
                    source = source * self.chunk[axis + 1] as usize + index;
                    target =
                        target * self.shape[axis + 1] as usize + index + offsets[axis + 1] as usize;
                }
                let source = from + source;
                let out = &mut out[target * size..(target + run) * size];
                if is_shuffled {
                    unshuffle_part(chunk, source, size, out);
                } else {
                    out.copy_from_slice(&chunk[source * size..(source + run) * size]);
                }
                advance(&mut at, &inside);
            }
        }
    }
}

/// The next index along every axis but the last.
fn advance(at: &mut [usize], inside: &[usize]) {
    for axis in (0..at.len().saturating_sub(1)).rev() {
        at[axis] += 1;
        if at[axis] < inside[axis] {
            return;
        }
        at[axis] = 0;
    }
}

impl ChunkCache {
    fn get(&self, offsets: &[u64]) -> Option<Arc<DecodedChunk>> {
        self.chunks.get(offsets).map(Arc::clone)
    }

    fn insert(&mut self, offsets: &[u64], chunk: Arc<DecodedChunk>) {
        if self.chunks.contains_key(offsets) {
            return;
        }
        self.bytes += chunk.bytes.len() + AROUND;
        self.order.push_back(offsets.to_vec());
        self.chunks.insert(offsets.to_vec(), chunk);
        while self.bytes > CACHE_BYTES {
            let oldest = self.order.pop_front().and_then(|oldest| self.chunks.remove(&oldest));
            let Some(oldest) = oldest else { return };
            self.bytes -= oldest.bytes.len() + AROUND;
        }
    }
}

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").field("chunk", &self.chunk).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_of_one_byte_do_not_fill_the_memory() {
        let mut cache = ChunkCache::default();
        let most = (CACHE_BYTES / AROUND) as u64;
        for offset in 0..2 * most {
            let chunk = DecodedChunk { bytes: vec![offset as u8], is_shuffled: false };
            cache.insert(&[offset, 0], Arc::new(chunk));
        }
        assert!(cache.bytes <= CACHE_BYTES);
        assert!(cache.chunks.len() as u64 <= most, "{}", cache.chunks.len());
        assert_eq!(cache.chunks.len(), cache.order.len());
        assert!(cache.get(&[0, 0]).is_none(), "the oldest are given up");
        let last = cache.get(&[2 * most - 1, 0]).unwrap();
        assert_eq!(last.bytes, [(2 * most - 1) as u8]);
    }
}
