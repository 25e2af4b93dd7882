//! Which bytes of a file are there: [`Ranges`].

use std::ops::Range;

/// Sorted ranges that neither touch nor overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ranges(Vec<Range<u64>>);

impl Ranges {
    pub(super) fn add(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let Range { mut start, mut end } = range;
        self.0.retain(|known| {
            let apart = known.end < start || end < known.start;
            if !apart {
                start = start.min(known.start);
                end = end.max(known.end);
            }
            apart
        });
        let position = self.0.partition_point(|known| known.start < start);
        self.0.insert(position, start..end);
    }

    /// Bytes in all ranges.
    pub(super) fn total(&self) -> u64 {
        self.0.iter().map(|range| range.end - range.start).sum()
    }

    /// How many bytes from the start on are there without a gap.
    pub(super) fn prefix(&self) -> u64 {
        self.0.first().filter(|range| range.start == 0).map_or(0, |range| range.end)
    }

    /// What is missing of `0..size`, in pieces of at most `piece` bytes.
    pub(super) fn missing(&self, size: u64, piece: u64) -> Vec<Range<u64>> {
        let mut pieces = Vec::new();
        let mut at = 0;
        let end = size..size;
        for known in self.0.iter().chain(std::iter::once(&end)) {
            while at < known.start.min(size) {
                let next = at.saturating_add(piece.max(1)).min(known.start);
                pieces.push(at..next);
                at = next;
            }
            at = at.max(known.end);
        }
        pieces
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Range<u64>> {
        self.0.iter()
    }

    /// The last byte that is there, plus one.
    pub(super) fn end(&self) -> u64 {
        self.0.last().map_or(0, |range| range.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_join() {
        let mut ranges = Ranges::default();
        for range in [5..6, 0..2, 8..9, 2..3, 5..5] {
            ranges.add(range);
        }
        assert_eq!(ranges.0, [0..3, 5..6, 8..9]);
        assert_eq!((ranges.total(), ranges.prefix(), ranges.end()), (5, 3, 9));
        assert_eq!(ranges.missing(10, 100), [3..5, 6..8, 9..10]);
        ranges.add(1..9);
        assert_eq!((ranges.prefix(), ranges.total(), ranges.0.len()), (9, 9, 1));
        assert_eq!(Ranges::default().missing(5, 2), [0..2, 2..4, 4..5]);
        assert_eq!(ranges.missing(9, 4), []);
    }

    proptest! {
        #[test]
        fn as_a_set_of_bytes(added in prop::collection::vec((0_u64..40, 0_u64..10), 0..12)) {
            let mut ranges = Ranges::default();
            let mut bytes = std::collections::BTreeSet::new();
            for (start, length) in added {
                ranges.add(start..start + length);
                bytes.extend(start..start + length);
            }
            let covered: Vec<u64> = ranges.iter().flat_map(Clone::clone).collect();
            prop_assert_eq!(&covered, &bytes.iter().copied().collect::<Vec<_>>());
            let missing: Vec<u64> = ranges.missing(50, 7).into_iter().flatten().collect();
            let expected: Vec<u64> = (0..50).filter(|byte| !bytes.contains(byte)).collect();
            prop_assert_eq!(missing, expected);
        }
    }
}
