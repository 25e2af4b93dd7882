//! Which rows of chunks are read together: [`Stack`].

use std::ops::Range;

use ndarray::{ArrayViewMut2, Axis};

use crate::columns::{GAP_BYTES, MOST_BYTES};
use crate::error::Error;
use crate::layout::Layout;

/// The wanted rows of one row of chunks, and where they go.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    pub(crate) row_chunk: usize,
    /// Counted from the first row of the matrix, ascending.
    pub(crate) rows: &'a [usize],
    pub(crate) out: ArrayViewMut2<'a, f32>,
}

/// Rows of chunks that lie next to each other in the file, and are read in one piece.
#[derive(Debug)]
pub(crate) struct Stack<'a> {
    /// In their order; there is at least one.
    pub(crate) parts: Vec<Part<'a>>,
    /// From the first to the last of the parts.
    pub(crate) row_chunks: Range<usize>,
}

/// Bytes of the file that are read in one piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) offset: u64,
    /// Where they go in the memory for the chunks, in words of four bytes.
    pub(crate) words: Range<usize>,
}

impl<'a> Stack<'a> {
    /// Divides ascending rows, and the rows of an output, into stacks; about as many as threads,
    /// and more where rows lie apart or chunks do not fit into memory.
    pub(crate) fn all(
        layout: &Layout,
        rows: &'a [usize],
        out: ArrayViewMut2<'a, f32>,
        threads: usize,
    ) -> Result<Vec<Self>, Error> {
        let parts = parts(layout, rows, out)?;
        let most_parts = parts.len().div_ceil(threads.max(1));
        let most_chunks = (MOST_BYTES / layout.chunk_bytes()).max(1) as usize;
        let gap = (GAP_BYTES / layout.chunk_bytes()) as usize;
        let mut stacks: Vec<Self> = Vec::new();
        for part in parts {
            let next = part.row_chunk;
            match stacks.last_mut() {
                Some(stack)
                    if stack.parts.len() < most_parts
                        && next - stack.row_chunks.start < most_chunks
                        && next - stack.row_chunks.end <= gap =>
                {
                    stack.row_chunks.end = next + 1;
                    stack.parts.push(part);
                }
                _ => stacks.push(Self { parts: vec![part], row_chunks: next..next + 1 }),
            }
        }
        Ok(stacks)
    }

    /// How many rows are wanted.
    pub(crate) fn n_rows(&self) -> usize {
        self.parts.iter().map(|part| part.rows.len()).sum()
    }
}

/// The pieces in which columns of chunks next to each other are read. `height` is the number of
/// chunks of each column that memory is there for.
pub(crate) fn pieces(
    layout: &Layout,
    row_chunks: &Range<usize>,
    height: usize,
    chunks: Range<usize>,
) -> impl Iterator<Item = Piece> {
    let words = layout.chunk_words();
    // `step_by` takes no 0.
    let at_once = if is_in_one(layout, row_chunks.len()) { chunks.len().max(1) } else { 1 };
    let piece_words = at_once * row_chunks.len() * words;
    let (layout, first) = (*layout, row_chunks.start);
    chunks.step_by(at_once).enumerate().map(move |(number, chunk)| {
        let start = number * height * words;
        Piece { offset: layout.offset(first, chunk), words: start..start + piece_words }
    })
}

/// Whether so many rows of chunks of neighbouring columns lie next to each other: all of them do.
pub(crate) fn is_in_one(layout: &Layout, row_chunks: usize) -> bool {
    row_chunks == layout.grid()[0]
}

/// Divides the rows among the rows of chunks that hold them.
fn parts<'a>(
    layout: &Layout,
    rows: &'a [usize],
    mut out: ArrayViewMut2<'a, f32>,
) -> Result<Vec<Part<'a>>, Error> {
    let [len, _] = layout.shape();
    let [chunk_rows, _] = layout.chunk_shape();
    let before = std::iter::once(None).chain(rows.iter().map(Some));
    let odd = |(before, row): &(Option<&usize>, &usize)| **row >= len || before >= &Some(*row);
    if let Some((_, &got)) = before.zip(rows).find(odd) {
        return Err(Error::OutOfRange { what: "row", len, got });
    }
    let mut parts = Vec::new();
    let mut rest = rows;
    while let Some(&first) = rest.first() {
        let row_chunk = first / chunk_rows;
        let end = (row_chunk + 1) * chunk_rows;
        let (rows, later) = rest.split_at(rest.partition_point(|row| *row < end));
        let (own, others) = out.split_at(Axis(0), rows.len());
        parts.push(Part { row_chunk, rows, out: own });
        (out, rest) = (others, later);
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::columns::ColumnPlan;

    /// A session with fewer voxels.
    fn session() -> Layout {
        let layout = Layout::new([1044, 15_000], 174).unwrap();
        assert_eq!((layout.grid(), layout.chunk_bytes()), ([6, 3750], 2788));
        layout
    }

    /// The rows of chunks of each stack.
    fn stacks(layout: &Layout, rows: &[usize], threads: usize) -> Vec<Range<usize>> {
        let mut out = Array2::zeros((rows.len(), 1));
        let stacks = Stack::all(layout, rows, out.view_mut(), threads).unwrap();
        assert_eq!(stacks.iter().map(Stack::n_rows).sum::<usize>(), rows.len());
        for Stack { parts, row_chunks } in &stacks {
            assert_eq!(parts.first().map(|part| part.row_chunk), Some(row_chunks.start));
            assert_eq!(parts.last().map(|part| part.row_chunk + 1), Some(row_chunks.end));
        }
        stacks.into_iter().map(|stack| stack.row_chunks).collect()
    }

    /// Reads of some columns of all rows, and their bytes.
    fn reads(layout: &Layout, columns: &[usize], threads: usize) -> (usize, u64) {
        let rows: Vec<usize> = (0..layout.shape()[0]).collect();
        let stacks = stacks(layout, &rows, threads);
        let height = stacks.iter().map(Range::len).max().unwrap();
        let plan = ColumnPlan::new(layout, columns, height).unwrap();
        let (mut reads, mut words) = (0, 0);
        for row_chunks in &stacks {
            for run in &plan.runs {
                for piece in pieces(layout, row_chunks, height, run.chunks.clone()) {
                    (reads, words) = (reads + 1, words + piece.words.len() as u64);
                }
            }
        }
        (reads, words * 4)
    }

    #[test]
    fn a_run_of_columns_takes_one_read_for_all_rows() {
        let layout = session();
        assert_eq!(reads(&layout, &[77], 1), (1, 6 * layout.chunk_bytes()));
        // A ROI of 300 voxels in 120 runs, some of which lie in two columns of chunks.
        let columns: Vec<usize> =
            (0..300).map(|voxel| voxel * 120 / 300 * 125 + voxel % 3).collect();
        let (n_reads, bytes) = reads(&layout, &columns, 1);
        // A run that does not fit into memory with those before it takes one more.
        assert!((120..=132).contains(&n_reads), "{n_reads}");
        // Each thread has rows of its own, and nothing is read twice.
        let (n_reads, bytes_of_two) = reads(&layout, &columns, 2);
        assert!((240..=360).contains(&n_reads), "{n_reads}");
        assert_eq!(bytes_of_two, bytes);
    }

    #[test]
    fn all_columns_are_read_in_pieces_of_bounded_size() {
        let layout = session();
        let all: Vec<usize> = (0..15_000).collect();
        // Fifteen columns of chunks at a time.
        assert_eq!(reads(&layout, &all, 1), (250, layout.n_chunks() * layout.chunk_bytes()));
        // Chunks of few rows: not all of a column are in memory together.
        let low = Layout::new([1044, 500], 8).unwrap();
        let rows: Vec<usize> = (0..1044).collect();
        let heights: Vec<usize> = stacks(&low, &rows, 1).iter().map(Range::len).collect();
        assert_eq!(heights.iter().sum::<usize>(), low.grid()[0]);
        assert!(heights.len() > 1, "{heights:?}");
        assert!(heights.iter().all(|height| *height as u64 * low.chunk_bytes() <= MOST_BYTES));
    }

    #[test]
    fn rows_of_chunks_that_are_not_wanted_are_left_out() {
        let check = |rows: &[usize], threads, expected: &[(usize, usize)]| {
            let got = stacks(&session(), rows, threads);
            let got: Vec<_> = got.into_iter().map(|it| (it.start, it.end)).collect();
            assert_eq!(got, expected, "{rows:?} {threads}");
        };
        let all: Vec<usize> = (0..1044).collect();
        check(&all, 1, &[(0, 6)]);
        check(&all, 2, &[(0, 3), (3, 6)]);
        check(&all, 4, &[(0, 2), (2, 4), (4, 6)]);
        check(&[], 2, &[]);
        check(&[174, 347], 1, &[(1, 2)]);
        // One chunk is read along, two are not.
        check(&[0, 400], 1, &[(0, 3)]);
        check(&[0, 522], 1, &[(0, 1), (3, 4)]);
    }

    #[test]
    fn pieces_are_where_the_chunks_lie() {
        let layout = Layout::new([348, 40], 58).unwrap();
        assert_eq!(layout.grid(), [6, 4]);
        let words = layout.chunk_words();
        let got: Vec<Piece> = pieces(&layout, &(0..6), 6, 1..4).collect();
        assert_eq!(got, [Piece { offset: layout.offset(0, 1), words: 0..18 * words }]);
        assert_eq!(pieces(&layout, &(0..6), 6, 2..2).count(), 0);
        // Some of the rows, with place for three chunks of each column in memory.
        let got: Vec<Piece> = pieces(&layout, &(2..4), 3, 1..3).collect();
        let expected = [
            Piece { offset: layout.offset(2, 1), words: 0..2 * words },
            Piece { offset: layout.offset(2, 2), words: 3 * words..5 * words },
        ];
        assert_eq!(got, expected);
        assert_eq!(pieces(&layout, &(2..4), 3, 2..2).count(), 0);
    }
}
