//! Which chunks hold the wanted columns, and where their values go.

use std::ops::Range;

use crate::error::Error;
use crate::layout::Layout;
use crate::stacks::is_in_one;

/// The most bytes that are in memory at once.
pub(crate) const MOST_BYTES: u64 = 256 << 10;

/// Unwanted bytes that cost less to read along than another call of the system.
pub(crate) const GAP_BYTES: u64 = 4 << 10;

/// One wanted column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Where it goes: the column of the output.
    pub(crate) position: usize,
    /// Where its values of the first row of chunks start among those of its batch.
    pub(crate) start: usize,
}

/// Columns of chunks next to each other, which are read together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) chunks: Range<usize>,
    /// Where the first of them lies, counted in columns of chunks of its batch.
    pub(crate) place: usize,
}

/// Runs that are in memory together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) runs: Range<usize>,
    /// The wanted columns in them.
    pub(crate) wanted: Range<usize>,
    /// How many columns of chunks they are.
    pub(crate) chunks: usize,
}

/// The wanted columns in the order in which they are stored, and what is read for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ColumnPlan {
    pub(crate) wanted: Vec<Wanted>,
    pub(crate) runs: Vec<Run>,
    pub(crate) batches: Vec<Batch>,
}

impl ColumnPlan {
    /// Plans to read columns with `height` rows of chunks at a time.
    pub(crate) fn new(layout: &Layout, columns: &[usize], height: usize) -> Result<Self, Error> {
        let [_, len] = layout.shape();
        if let Some(&got) = columns.iter().find(|column| **column >= len) {
            return Err(Error::OutOfRange { what: "column", len, got });
        }
        let mut sorted: Vec<(usize, usize)> = columns.iter().copied().zip(0..).collect();
        if !sorted.is_sorted() {
            sorted.sort_unstable();
        }
        let [chunk_rows, chunk_columns] = layout.chunk_shape();
        let height = height.max(1);
        let bytes = layout.chunk_bytes() * height as u64;
        let most = (MOST_BYTES / bytes).max(1) as usize;
        // Where there is a read for each column of chunks, none is read along.
        let gap = if is_in_one(layout, height) { (GAP_BYTES / bytes) as usize } else { 0 };
        let mut plan = Self {
            wanted: Vec::with_capacity(sorted.len()),
            runs: Vec::new(),
            batches: Vec::new(),
        };
        for (column, position) in sorted {
            let place = plan.place_of(column / chunk_columns, most, gap);
            let start = place * height * layout.chunk_words() + column % chunk_columns * chunk_rows;
            plan.wanted.push(Wanted { position, start });
            if let Some(batch) = plan.batches.last_mut() {
                batch.wanted.end = plan.wanted.len();
            }
        }
        Ok(plan)
    }

    /// Where a chunk lies in the last batch, which it is added to if it fits, and otherwise in a new one.
    /// Chunks come in their order.
    fn place_of(&mut self, chunk: usize, most: usize, gap: usize) -> usize {
        let n_runs = self.runs.len();
        if let (Some(batch), Some(run)) = (self.batches.last_mut(), self.runs.last_mut()) {
            if chunk < run.chunks.end + gap + 1 {
                let more = (chunk + 1).saturating_sub(run.chunks.end);
                if batch.chunks + more <= most {
                    batch.chunks += more;
                    run.chunks.end += more;
                    return run.place + (chunk - run.chunks.start);
                }
            } else if batch.chunks < most {
                let place = batch.chunks;
                batch.chunks += 1;
                batch.runs.end += 1;
                self.runs.push(Run { chunks: chunk..chunk + 1, place });
                return place;
            }
        }
        let start = self.wanted.len();
        self.batches.push(Batch { runs: n_runs..n_runs + 1, wanted: start..start, chunks: 1 });
        self.runs.push(Run { chunks: chunk..chunk + 1, place: 0 });
        0
    }

    /// The most columns of chunks that are in memory at once.
    pub(crate) fn most_chunks(&self) -> usize {
        self.batches.iter().map(|batch| batch.chunks).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first chunk of each run of a batch, and the one behind its last.
    type Runs = Vec<(usize, usize)>;

    /// The runs of each batch, and its wanted columns.
    fn batches(layout: &Layout, columns: &[usize]) -> Vec<(Runs, Range<usize>)> {
        let plan = ColumnPlan::new(layout, columns, 1).unwrap();
        let chunks = |batch: &Batch| {
            let runs = &plan.runs[batch.runs.clone()];
            assert_eq!(batch.chunks, runs.iter().map(|run| run.chunks.len()).sum::<usize>());
            runs.iter().map(|run| (run.chunks.start, run.chunks.end)).collect()
        };
        plan.batches.iter().map(|batch| (chunks(batch), batch.wanted.clone())).collect()
    }

    #[test]
    fn neighbours_are_read_together() {
        // Chunks of 4 columns in 2,788 bytes: one may be read along.
        let layout = Layout::new([174, 1000], 174).unwrap();
        assert_eq!(batches(&layout, &[]), []);
        assert_eq!(batches(&layout, &[5]), [(vec![(1, 2)], 0..1)]);
        assert_eq!(batches(&layout, &[4, 5, 7, 8]), [(vec![(1, 3)], 0..4)]);
        assert_eq!(batches(&layout, &[0, 8, 20]), [(vec![(0, 3), (5, 6)], 0..3)]);
        let all: Vec<usize> = (0..1000).collect();
        assert_eq!(
            batches(&layout, &all),
            [(vec![(0, 94)], 0..376), (vec![(94, 188)], 376..752), (vec![(188, 250)], 752..1000)]
        );
        // Every other chunk is read along: as many as fit are in memory together.
        let apart: Vec<usize> = (0..100).map(|n| n * 10).collect();
        let apart = batches(&layout, &apart);
        assert_eq!(apart.iter().map(|(_, wanted)| wanted.len()).collect::<Vec<_>>(), [63, 37]);
    }

    #[test]
    fn any_order_and_any_number_of_times() {
        let layout = Layout::new([174, 1000], 174).unwrap();
        let plan = ColumnPlan::new(&layout, &[9, 2, 9], 1).unwrap();
        let wanted: Vec<_> = plan.wanted.iter().map(|it| (it.start, it.position)).collect();
        // The second chunk of three is read along.
        let nine = 2 * layout.chunk_words() + 174;
        assert_eq!(wanted, [(2 * 174, 1), (nine, 0), (nine, 2)]);
        assert_eq!((plan.runs.len(), plan.most_chunks()), (1, 3));
        let error = ColumnPlan::new(&layout, &[0, 1000], 1).unwrap_err();
        assert!(
            matches!(error, Error::OutOfRange { what: "column", len: 1000, got: 1000 }),
            "{error}"
        );
    }

    #[test]
    fn all_rows_of_a_column_are_in_memory_together() {
        // Six chunks of 2,788 bytes for each column of chunks.
        let layout = Layout::new([1044, 1000], 174).unwrap();
        let plan = ColumnPlan::new(&layout, &[0, 8, 9], 6).unwrap();
        let starts: Vec<usize> = plan.wanted.iter().map(|it| it.start).collect();
        let second = 6 * layout.chunk_words();
        assert_eq!(starts, [0, second, second + 174]);
        assert_eq!((plan.runs.len(), plan.most_chunks()), (2, 2));
        let all: Vec<usize> = (0..1000).collect();
        assert_eq!(ColumnPlan::new(&layout, &all, 6).unwrap().most_chunks(), 15);
    }
}
