//! Which chunks hold the wanted columns, and where their values go.

use std::ops::Range;

use crate::error::Error;
use crate::layout::Layout;

/// The most bytes that are read at once.
const MOST_BYTES: u64 = 256 << 10;

/// Unwanted bytes that cost less to read along than another call of the system.
const GAP_BYTES: u64 = 4 << 10;

/// One wanted column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) column: usize,
    /// Where it goes: the column of the output.
    pub(crate) position: usize,
}

/// Wanted columns whose chunks are read in one piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Column chunks next to each other.
    pub(crate) chunks: Range<usize>,
    /// The wanted columns in them.
    pub(crate) wanted: Range<usize>,
}

/// The wanted columns in the order in which they are stored, and what is read for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ColumnPlan {
    pub(crate) wanted: Vec<Wanted>,
    pub(crate) runs: Vec<Run>,
}

impl ColumnPlan {
    pub(crate) fn new(layout: &Layout, columns: &[usize]) -> Result<Self, Error> {
        let [_, len] = layout.shape();
        if let Some(&got) = columns.iter().find(|column| **column >= len) {
            return Err(Error::OutOfRange { what: "column", len, got });
        }
        let columns = columns.iter().enumerate();
        let mut wanted: Vec<Wanted> =
            columns.map(|(position, &column)| Wanted { column, position }).collect();
        if !wanted.is_sorted_by_key(|it| it.column) {
            wanted.sort_by_key(|it| it.column);
        }
        let [_, chunk_columns] = layout.chunk_shape();
        let most = (MOST_BYTES / layout.chunk_bytes()).max(1) as usize;
        let gap = (GAP_BYTES / layout.chunk_bytes()) as usize;
        let mut runs: Vec<Run> = Vec::new();
        for (index, it) in wanted.iter().enumerate() {
            let chunk = it.column / chunk_columns;
            match runs.last_mut() {
                Some(Run { chunks, wanted })
                    if chunk <= chunks.end + gap && chunk - chunks.start < most =>
                {
                    chunks.end = chunks.end.max(chunk + 1);
                    wanted.end = index + 1;
                }
                _ => runs.push(Run { chunks: chunk..chunk + 1, wanted: index..index + 1 }),
            }
        }
        Ok(Self { wanted, runs })
    }

    /// The most chunks that are read at once.
    pub(crate) fn longest_run(&self) -> usize {
        self.runs.iter().map(|run| run.chunks.len()).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(layout: &Layout, columns: &[usize]) -> Vec<(Range<usize>, Range<usize>)> {
        let plan = ColumnPlan::new(layout, columns).unwrap();
        plan.runs.into_iter().map(|run| (run.chunks, run.wanted)).collect()
    }

    #[test]
    fn neighbours_are_read_together() {
        // Chunks of 4 columns in 2,788 bytes: one may be read along.
        let layout = Layout::new([174, 1000], 174).unwrap();
        assert_eq!(runs(&layout, &[]), []);
        assert_eq!(runs(&layout, &[5]), [(1..2, 0..1)]);
        assert_eq!(runs(&layout, &[4, 5, 7, 8]), [(1..3, 0..4)]);
        assert_eq!(runs(&layout, &[0, 8, 20]), [(0..3, 0..2), (5..6, 2..3)]);
        let all: Vec<usize> = (0..1000).collect();
        assert_eq!(
            runs(&layout, &all),
            [(0..94, 0..376), (94..188, 376..752), (188..250, 752..1000)]
        );
    }

    #[test]
    fn any_order_and_any_number_of_times() {
        let layout = Layout::new([174, 1000], 174).unwrap();
        let plan = ColumnPlan::new(&layout, &[9, 2, 9]).unwrap();
        let wanted: Vec<_> = plan.wanted.iter().map(|it| (it.column, it.position)).collect();
        assert_eq!(wanted, [(2, 1), (9, 0), (9, 2)]);
        assert_eq!((plan.runs.len(), plan.longest_run()), (1, 3));
        let error = ColumnPlan::new(&layout, &[0, 1000]).unwrap_err();
        assert!(
            matches!(error, Error::OutOfRange { what: "column", len: 1000, got: 1000 }),
            "{error}"
        );
    }
}
