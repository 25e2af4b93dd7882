//! Where every chunk of a matrix lies: [`Layout`].

use laion_fmri_base::zarr::{ArrayDocument, DataType};
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::shard::{CHECKSUM_BYTES, HEADER_BYTES, INDEX_ENTRY_BYTES};

/// Values that a chunk holds, more or less. A column of a few rows is rarely read alone, and each
/// chunk costs 20 bytes.
const CHUNK_VALUES: usize = 696;

/// The fewest columns of a chunk: neighbours are often wanted together.
const LEAST_COLUMNS: usize = 4;

/// The most values of a chunk, so that a document cannot ask for any amount of memory.
const MOST_CHUNK_VALUES: usize = 1 << 22;

/// The most bytes of a matrix.
const MOST_BYTES: u64 = i64::MAX as u64;

/// How a float32 matrix is divided into chunks of some rows by a few columns, and where they lie.
///
/// All chunks have one shape; those at the end are filled with zeros. In a chunk, the values of a
/// column lie together. The chunks of the same columns lie next to each other: all rows of the
/// first columns, all rows of the next. So all rows of neighbouring columns are read in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    rows: usize,
    columns: usize,
    chunk_rows: usize,
    chunk_columns: usize,
}

impl Layout {
    /// Divides a matrix, with at most `most_rows` rows in a chunk.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`].
    pub fn new([rows, columns]: [usize; 2], most_rows: usize) -> Result<Self, Error> {
        let most_rows = most_rows.clamp(1, MOST_CHUNK_VALUES / LEAST_COLUMNS);
        // Parts of about equal size, so that little is filled.
        let chunk_rows = rows.div_ceil(rows.div_ceil(most_rows).max(1)).max(1);
        let fitting = CHUNK_VALUES / chunk_rows / LEAST_COLUMNS * LEAST_COLUMNS;
        let chunk_columns = fitting.max(LEAST_COLUMNS).min(columns.max(1));
        Self::checked(rows, columns, chunk_rows, chunk_columns)
            .ok_or(Error::TooLarge { rows, columns })
    }

    /// A layout whose offsets can all be counted.
    fn checked(
        rows: usize,
        columns: usize,
        chunk_rows: usize,
        chunk_columns: usize,
    ) -> Option<Self> {
        let values = chunk_rows.checked_mul(chunk_columns)?;
        if !(1..=MOST_CHUNK_VALUES).contains(&values) {
            return None;
        }
        let layout = Self { rows, columns, chunk_rows, chunk_columns };
        let [row_chunks, column_chunks] = layout.grid();
        let chunks = (row_chunks as u64).checked_mul(column_chunks as u64)?;
        let chunk = (values as u64).checked_mul(4)?.checked_add(CHECKSUM_BYTES)?;
        let bytes = chunks.checked_mul(chunk.checked_add(INDEX_ENTRY_BYTES)?)?;
        let bytes = bytes.checked_add(HEADER_BYTES + CHECKSUM_BYTES)?;
        let fits = bytes <= MOST_BYTES
            && rows.checked_next_multiple_of(chunk_rows).is_some()
            && columns.checked_next_multiple_of(chunk_columns).is_some();
        fits.then_some(layout)
    }

    /// Rows and columns of the matrix.
    #[must_use]
    pub fn shape(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    /// Rows and columns of every chunk.
    #[must_use]
    pub fn chunk_shape(&self) -> [usize; 2] {
        [self.chunk_rows, self.chunk_columns]
    }

    /// The number of chunks along the rows and along the columns.
    #[must_use]
    pub fn grid(&self) -> [usize; 2] {
        [self.rows.div_ceil(self.chunk_rows), self.columns.div_ceil(self.chunk_columns)]
    }

    /// The bytes of the file that holds the matrix.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.index_offset() + self.n_chunks() * INDEX_ENTRY_BYTES + CHECKSUM_BYTES
    }

    pub(crate) fn n_chunks(&self) -> u64 {
        let [row_chunks, column_chunks] = self.grid();
        row_chunks as u64 * column_chunks as u64
    }

    /// Values of a chunk, and one more of four bytes that holds its checksum.
    pub(crate) fn chunk_words(&self) -> usize {
        self.chunk_rows * self.chunk_columns + 1
    }

    pub(crate) fn chunk_bytes(&self) -> u64 {
        self.chunk_words() as u64 * 4
    }

    /// Where a chunk starts.
    pub(crate) fn offset(&self, row_chunk: usize, column_chunk: usize) -> u64 {
        let [row_chunks, _] = self.grid();
        let before = column_chunk as u64 * row_chunks as u64 + row_chunk as u64;
        HEADER_BYTES + before * self.chunk_bytes()
    }

    /// The row and the column of the chunk before which so many lie; there has to be one.
    pub(crate) fn chunk_at(&self, before: u64) -> [usize; 2] {
        let row_chunks = self.grid()[0] as u64;
        // Both are below the lengths of the grid.
        [(before % row_chunks) as usize, (before / row_chunks) as usize]
    }

    pub(crate) fn index_offset(&self) -> u64 {
        HEADER_BYTES + self.n_chunks() * self.chunk_bytes()
    }

    /// The rows of a chunk that the matrix has.
    pub(crate) fn rows_of(&self, row_chunk: usize) -> std::ops::Range<usize> {
        let start = row_chunk * self.chunk_rows;
        start..self.rows.min(start + self.chunk_rows)
    }

    /// The columns of a chunk that the matrix has.
    pub(crate) fn columns_of(&self, column_chunk: usize) -> std::ops::Range<usize> {
        let start = column_chunk * self.chunk_columns;
        start..self.columns.min(start + self.chunk_columns)
    }

    /// The document of the array: one shard with all chunks.
    pub(crate) fn document(
        &self,
        dimensions: [&str; 2],
        attributes: Map<String, Value>,
    ) -> ArrayDocument {
        let bytes = DataType::Float32.bytes_codec();
        let checksum = json!({"name": "crc32c"});
        let sharding = json!({
            "name": "sharding_indexed",
            "configuration": {
                "chunk_shape": self.chunk_shape(),
                "codecs": [
                    {"name": "transpose", "configuration": {"order": [1, 0]}}, bytes, checksum
                ],
                "index_codecs": [DataType::Uint64.bytes_codec(), checksum],
                "index_location": "end",
            },
        });
        ArrayDocument {
            shape: self.shape().to_vec(),
            data_type: DataType::Float32,
            chunk_shape: self.shard_shape().to_vec(),
            codecs: vec![sharding],
            attributes,
            dimensions: dimensions.map(str::to_owned).to_vec(),
        }
    }

    /// The layout that a document describes, if it is the document of a matrix.
    pub(crate) fn of_document(document: &ArrayDocument) -> Option<Self> {
        let &[rows, columns] = document.shape.as_slice() else { return None };
        let [codec] = document.codecs.as_slice() else { return None };
        let length = |index: usize| {
            let length = codec["configuration"]["chunk_shape"].get(index)?.as_u64()?;
            usize::try_from(length).ok().filter(|length| *length > 0)
        };
        let layout = Self::checked(rows, columns, length(0)?, length(1)?)?;
        let names: Vec<&str> = document.dimensions.iter().map(String::as_str).collect();
        let expected = layout.document(names.try_into().ok()?, Map::new());
        let same = document.data_type == expected.data_type
            && document.chunk_shape == expected.chunk_shape
            && document.codecs == expected.codecs;
        same.then_some(layout)
    }

    fn shard_shape(&self) -> [usize; 2] {
        let [row_chunks, column_chunks] = self.grid();
        [row_chunks.max(1) * self.chunk_rows, column_chunks.max(1) * self.chunk_columns]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_divided_into_equal_parts() {
        let check = |shape, chunk_shape, grid| {
            let layout = Layout::new(shape, 174).unwrap();
            assert_eq!((layout.chunk_shape(), layout.grid()), (chunk_shape, grid), "{shape:?}");
            let values = layout.grid()[0] * layout.grid()[1] * layout.chunk_words();
            assert_eq!(layout.index_offset(), HEADER_BYTES + values as u64 * 4);
            let document = layout.document(["row", "column"], Map::new());
            assert_eq!(Layout::of_document(&document), Some(layout));
        };
        check([1044, 271_985], [174, 4], [6, 67_997]);
        check([1066, 271_985], [153, 4], [7, 67_997]);
        check([24, 635], [24, 28], [1, 23]);
        check([87, 635], [87, 8], [1, 80]);
        check([24, 5], [24, 5], [1, 1]);
        check([1, 1], [1, 1], [1, 1]);
        check([0, 7], [1, 7], [0, 1]);
        check([7, 0], [7, 1], [1, 0]);
        check([0, 0], [1, 1], [0, 0]);
    }

    #[test]
    fn the_chunks_of_a_column_lie_next_to_each_other() {
        let layout = Layout::new([1044, 271_985], 174).unwrap();
        let chunk = layout.chunk_bytes();
        assert_eq!(layout.offset(0, 0), HEADER_BYTES);
        for column in [0, 1, 67_996] {
            for row in 1..6 {
                assert_eq!(layout.offset(row, column), layout.offset(row - 1, column) + chunk);
            }
        }
        assert_eq!(layout.offset(0, 1), layout.offset(5, 0) + chunk);
        assert_eq!(layout.offset(5, 67_996) + chunk, layout.index_offset());
    }

    #[test]
    fn every_chunk_has_a_place_of_its_own() {
        let layout = Layout::new([23, 350], 5).unwrap();
        assert_eq!(layout.grid(), [5, 3]);
        for before in 0..layout.n_chunks() {
            let [row, column] = layout.chunk_at(before);
            let offset = HEADER_BYTES + before * layout.chunk_bytes();
            assert_eq!(layout.offset(row, column), offset, "{before}");
            assert!(row < 5 && column < 3);
        }
    }

    #[test]
    fn little_is_added_to_the_values_of_a_whole_subject() {
        let (mut bytes, mut values) = (0, 0);
        for rows in (0..30).map(|session| if session % 2 == 0 { 1044 } else { 1066 }) {
            bytes += Layout::new([rows, 271_985], 174).unwrap().bytes();
            values += rows as u64 * 271_985 * 4;
        }
        let overhead = bytes as f64 / values as f64 - 1.0;
        assert!(overhead < 0.02, "{overhead}");
    }

    #[test]
    fn a_matrix_that_cannot_be_counted_is_refused() {
        let most = usize::MAX;
        for shape in [[most, 1], [1, most], [most, most], [1 << 40, 1 << 40]] {
            let [rows, columns] = shape;
            let error = Layout::new(shape, 174).unwrap_err();
            assert!(
                matches!(error, Error::TooLarge { rows: r, columns: c } if [r, c] == shape),
                "{rows} {columns}: {error}"
            );
        }
        assert!(Layout::checked(1 << 30, 1 << 30, 1 << 23, 4).is_none());
        assert!(Layout::checked(8, 8, 0, 1).is_none());
    }
}
