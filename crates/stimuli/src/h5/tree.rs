//! The index of chunks that HDF5 writes by default, a version 1 B-tree. It is searched from the
//! root, and every node that was needed once is kept, so that a look-up reads only what is missing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use laion_fmri_base::lock;

use super::{Failure, native::Disk};

/// Deeper trees are damaged: a node has up to 64 children.
const MAX_DEPTH: usize = 16;

/// Where a chunk is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) address: u64,
    pub(super) size: u64,
    /// A bit for each filter that was left out.
    pub(super) filter_mask: u32,
}

/// A tree in a file.
#[derive(Debug)]
pub(super) struct Tree {
    root: u64,
    rank: usize,
    nodes: Mutex<HashMap<u64, Arc<Node>>>,
}

#[derive(Debug)]
struct Node {
    level: u8,
    rank: usize,
    /// The first offsets of every child, one after the other.
    offsets: Vec<u64>,
    children: Vec<Stored>,
}

impl Tree {
    pub(super) fn new(root: u64, rank: usize) -> Self {
        Self { root, rank, nodes: Mutex::default() }
    }

    /// The chunk that starts at `offsets`, if it was ever written.
    pub(super) fn find(&self, disk: &Disk, offsets: &[u64]) -> Result<Option<Stored>, Failure> {
        let mut address = self.root;
        let mut level = None;
        for _ in 0..MAX_DEPTH {
            if disk.is_undefined(address) {
                return Ok(None);
            }
            let node = self.node(disk, address)?;
            // Levels descend by one, so that a node can never lead back to itself.
            if level.is_some_and(|above: u8| above.checked_sub(1) != Some(node.level)) {
                return Err(Failure::damaged("the levels of the chunk index do not descend"));
            }
            level = Some(node.level);
            let Some(child) = node.last_at_or_before(offsets) else { return Ok(None) };
            let stored = node.children[child];
            if node.level == 0 {
                return Ok((node.offsets_of(child) == offsets).then_some(stored));
            }
            address = stored.address;
        }
        Err(Failure::damaged("the chunk index is too deep"))
    }

    fn node(&self, disk: &Disk, address: u64) -> Result<Arc<Node>, Failure> {
        let nodes = || lock(&self.nodes);
        if let Some(node) = nodes().get(&address) {
            return Ok(Arc::clone(node));
        }
        let node = Arc::new(Node::read(disk, address, self.rank)?);
        nodes().insert(address, Arc::clone(&node));
        Ok(node)
    }
}

impl Node {
    fn read(disk: &Disk, address: u64, rank: usize) -> Result<Self, Failure> {
        let width = disk.offset_size();
        let mut start = [0; 24];
        let start = &mut start[..8 + 2 * width];
        disk.read_exact(start, address)?;
        let [b'T', b'R', b'E', b'E', 1, level, low, high, ..] = *start else {
            return Err(Failure::damaged("a node of the chunk index does not start as one"));
        };
        let count = usize::from(u16::from_le_bytes([low, high]));
        // Size, mask, an offset for each axis and one within the element; then the address.
        let entry = 8 + 8 * (rank + 1) + width;
        let mut entries = vec![0; count * entry];
        disk.read_exact(&mut entries, address.saturating_add(start.len() as u64))?;
        let mut node = Self {
            level,
            rank,
            offsets: Vec::with_capacity(count * rank),
            children: Vec::with_capacity(count),
        };
        for entry in entries.chunks_exact(entry) {
            let (key, child) = entry.split_at(entry.len() - width);
            let word = |offset: usize| little(&key[offset..offset + 4]);
            node.offsets.extend((0..rank).map(|axis| little(&key[8 + 8 * axis..16 + 8 * axis])));
            node.children.push(Stored {
                address: little(child),
                size: word(0),
                filter_mask: word(4) as u32,
            });
        }
        Ok(node)
    }

    fn offsets_of(&self, child: usize) -> &[u64] {
        &self.offsets[child * self.rank..(child + 1) * self.rank]
    }

    fn last_at_or_before(&self, offsets: &[u64]) -> Option<usize> {
        let (mut low, mut high) = (0, self.children.len());
        while low < high {
            let middle = (low + high) / 2;
            if self.offsets_of(middle) <= offsets {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low.checked_sub(1)
    }
}

/// An unsigned number of up to eight bytes, least significant first.
pub(super) fn little(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
