//! Values that lie by column, put into the rows of an output.

use std::ops::Range;

use ndarray::ArrayViewMut2;

use crate::columns::Wanted;

/// Rows that are filled together: their values of a column are two lines of the cache, each of
/// which is read once.
const ROWS: usize = 32;

/// Columns in any order whose values are put together.
const COLUMNS: usize = 16;

/// Puts the values of a batch of columns into rows. `buffer` holds the chunks of the batch, in
/// which a column has the values of `chunk_rows`, and `rows` says which of them are wanted: those
/// of `out`. Both count from the first row of the matrix.
pub(crate) fn put(
    wanted: &[Wanted],
    buffer: &[u32],
    chunk_rows: &Range<usize>,
    rows: &[usize],
    out: &mut ArrayViewMut2<'_, f32>,
) {
    let (Some(first), Some(first_row), Some(last_row)) =
        (wanted.first(), rows.first(), rows.last())
    else {
        return;
    };
    let place = |row: usize| row - chunk_rows.start;
    let n_columns = out.ncols();
    let side_by_side = (first.position..).zip(wanted).all(|(place, it)| it.position == place);
    let in_order = last_row - first_row + 1 == rows.len();
    let is_simple = side_by_side && in_order && cfg!(target_endian = "little");
    if let (Some(out), true) = (out.as_slice_mut(), is_simple) {
        for (block, start) in
            out.chunks_mut(n_columns * ROWS).zip((place(*first_row)..).step_by(ROWS))
        {
            put_block(wanted, buffer, start, block, n_columns);
        }
        return;
    }
    for wanted in wanted.chunks(COLUMNS) {
        let mut sources = [&[][..]; COLUMNS];
        for (source, it) in sources.iter_mut().zip(wanted) {
            *source = &buffer[it.start..it.start + chunk_rows.len()];
        }
        for (&row, mut out) in rows.iter().zip(out.rows_mut()) {
            for (it, source) in wanted.iter().zip(&sources) {
                out[it.position] = value(source[place(row)]);
            }
        }
    }
}

/// Puts rows next to each other of columns next to each other, four columns at a time. Values are
/// joined in registers, so that a row takes one or two stores for them in place of four.
fn put_block(
    wanted: &[Wanted],
    buffer: &[u32],
    first_row: usize,
    out: &mut [f32],
    n_columns: usize,
) {
    let n_rows = out.len() / n_columns;
    let column = |it: &Wanted| &buffer[it.start + first_row..it.start + first_row + n_rows];
    let mut fours = wanted.chunks_exact(4);
    for four in &mut fours {
        let first = four[0].position;
        let [a, b, c, d] = [0, 1, 2, 3].map(|place| column(&four[place]));
        let rows = out.chunks_exact_mut(n_columns).zip(a.iter().zip(b)).zip(c.iter().zip(d));
        for ((row, (a, b)), (c, d)) in rows {
            let values: [f32; 4] = bytemuck::cast([joined(*a, *b), joined(*c, *d)]);
            row[first..first + 4].copy_from_slice(&values);
        }
    }
    for it in fours.remainder() {
        for (row, word) in out.chunks_exact_mut(n_columns).zip(column(it)) {
            row[it.position] = value(*word);
        }
    }
}

/// Two values as they lie one after the other in memory whose lowest byte comes first.
fn joined(first: u32, second: u32) -> u64 {
    u64::from(first) | (u64::from(second) << 32)
}

fn value(word: u32) -> f32 {
    f32::from_bits(u32::from_le(word))
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    const CHUNK_ROWS: usize = 100;
    const COLUMNS_THERE: usize = 23;
    /// What stays where nothing is put.
    const UNTOUCHED: f32 = -1.0;

    /// The value of a row and a column, none of which comes twice.
    fn expected(row: usize, column: usize) -> f32 {
        (column * CHUNK_ROWS + row) as f32
    }

    /// Puts columns (their places in the output, in the order of the buffer) of rows into an array.
    fn check(positions: &[usize], rows: &[usize]) {
        let values = (0..COLUMNS_THERE * CHUNK_ROWS).map(|number| number as f32);
        let buffer: Vec<u32> = values.map(|value| value.to_bits().to_le()).collect();
        let wanted: Vec<Wanted> = positions
            .iter()
            .zip((0..).step_by(CHUNK_ROWS))
            .map(|(&position, start)| Wanted { position, start })
            .collect();
        let shape = (rows.len(), COLUMNS_THERE);
        let by_row = Array2::from_elem(shape, UNTOUCHED);
        // An output whose rows are not contiguous gives the same.
        let by_column = Array2::from_elem((shape.1, shape.0), UNTOUCHED).reversed_axes();
        let start = 3 * CHUNK_ROWS;
        let rows_there: Vec<usize> = rows.iter().map(|row| start + row).collect();
        for mut out in [by_row, by_column] {
            let chunk_rows = start..start + CHUNK_ROWS;
            put(&wanted, &buffer, &chunk_rows, &rows_there, &mut out.view_mut());
            for ((place, position), got) in out.indexed_iter() {
                let column = positions.iter().position(|it| *it == position);
                let value = column.map_or(UNTOUCHED, |column| expected(rows[place], column));
                assert_eq!(*got, value, "{positions:?} {rows:?} {place} {position}");
            }
        }
    }

    #[test]
    fn every_value_goes_to_its_row_and_column() {
        let ranges = [0..0, 0..1, 0..31, 3..35, 0..33, 7..71, 1..100, 99..100];
        for rows in ranges.map(Iterator::collect::<Vec<usize>>) {
            for columns in [0..0, 0..1, 2..5, 0..4, 1..6, 3..11, 0..23] {
                check(&columns.collect::<Vec<usize>>(), &rows);
            }
            // Not side by side, in an order of their own, and more than are put together.
            check(&[0, 1, 2, 4, 5], &rows);
            check(&[5, 2, 9], &rows);
            check(&(0..COLUMNS_THERE).rev().collect::<Vec<usize>>(), &rows);
        }
        check(&[0, 1, 2, 3], &[0, 2, 3, 50]);
        check(&[4, 5, 6, 7, 8], &[1, 2, 4]);
    }
}
