//! From a label to its position: a hash table over the sorted names.

/// Marks a free slot.
const FREE: u32 = u32::MAX;

/// An odd number with bits everywhere: the golden ratio in 64 bits.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Open addressing with linear probing; at most half of the slots are taken.
#[derive(Debug)]
pub(super) struct LabelIndex {
    slots: Vec<u32>,
}

impl LabelIndex {
    /// The index of names that are all different.
    pub(super) fn of<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> Self {
        let mut slots = vec![FREE; (2 * names.len()).next_power_of_two()];
        let mask = slots.len() - 1;
        for (position, name) in names.enumerate() {
            let mut slot = hash(name) as usize & mask;
            while slots[slot] != FREE {
                slot = (slot + 1) & mask;
            }
            slots[slot] = position as u32;
        }
        Self { slots }
    }

    /// The position of a label, if it is one of the names; `name` tells the name at a position.
    pub(super) fn find<'a>(&self, label: &str, name: impl Fn(u32) -> &'a str) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut slot = hash(label) as usize & mask;
        loop {
            match self.slots[slot] {
                FREE => return None,
                position if name(position) == label => return Some(position),
                _ => slot = (slot + 1) & mask,
            }
        }
    }
}

/// Multiplies and rotates eight bytes at a time. The names are fixed, so that no one can choose
/// them to collide.
fn hash(text: &str) -> u64 {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let hash = words.iter().chain([&last]).fold(text.len() as u64, |hash, word| {
        (hash.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(MULTIPLIER)
    });
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_as_spelled() {
        let names = ["", "a", "a ", "aaaaaaaa", "aaaaaaaa\0", "b.jpg"];
        let index = LabelIndex::of(names.into_iter());
        for (position, name) in names.iter().enumerate() {
            assert_eq!(index.find(name, |i| names[i as usize]), Some(position as u32));
        }
        for label in [" a", "aaaaaaa", "B.jpg", "b.jpg "] {
            assert_eq!(index.find(label, |i| names[i as usize]), None, "{label:?}");
        }
    }

    #[test]
    fn an_empty_index_finds_nothing() {
        assert_eq!(LabelIndex::of([].into_iter()).find("a", |_| ""), None);
    }
}
