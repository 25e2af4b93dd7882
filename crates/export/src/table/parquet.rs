//! Parquet files, by the column writers of the format alone.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaDataReader};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;

use crate::error::Error;
use crate::table::{Column, Table};

/// Rows that are encoded together, and so the most that is held in addition to the table.
const ROWS_PER_GROUP: usize = 1 << 17;

/// The texts about a whole Parquet file, in the order of the file; see [`Table::write_parquet_with`].
///
/// # Errors
///
/// [`Error::Read`], also for a file of another format.
pub fn read_parquet_metadata(path: impl AsRef<Path>) -> Result<Vec<(String, String)>, Error> {
    let path = path.as_ref();
    let read_error = |source| Error::Read { path: path.into(), source };
    let file = File::open(path).map_err(read_error)?;
    let metadata = ParquetMetaDataReader::new()
        .parse_and_finish(&file)
        .map_err(|error| read_error(io::Error::new(io::ErrorKind::InvalidData, error)))?;
    let texts = metadata.file_metadata().key_value_metadata().into_iter().flatten();
    Ok(texts.map(|text| (text.key.clone(), text.value.clone().unwrap_or_default())).collect())
}

pub(super) fn write(
    table: &Table,
    metadata: &[(&str, &str)],
    mut writer: impl Write,
) -> io::Result<()> {
    // The file writer wants to own a writer that may change threads, which not every stream may.
    let schema = schema(table).map_err(io_error)?;
    let text = |&(key, value): &(&str, &str)| KeyValue::new(key.to_owned(), value.to_owned());
    let texts: Vec<KeyValue> = metadata.iter().map(text).collect();
    let texts = (!texts.is_empty()).then_some(texts);
    let properties = WriterProperties::builder().set_key_value_metadata(texts).build();
    let properties = Arc::new(properties);
    let mut file = SerializedFileWriter::new(Vec::new(), schema, properties).map_err(io_error)?;
    for start in (0..table.n_rows()).step_by(ROWS_PER_GROUP) {
        let rows = start..table.n_rows().min(start + ROWS_PER_GROUP);
        write_group(table, &mut file, &rows).map_err(io_error)?;
        file.flush()?;
        writer.write_all(file.inner())?;
        file.inner_mut().clear();
    }
    writer.write_all(&file.into_inner().map_err(io_error)?)
}

fn write_group(
    table: &Table,
    file: &mut SerializedFileWriter<Vec<u8>>,
    rows: &Range<usize>,
) -> Result<(), ParquetError> {
    let mut group = file.next_row_group()?;
    for (_, column) in table.columns() {
        let Some(mut writer) = group.next_column()? else { break };
        let rows = rows.clone();
        match column {
            Column::Text(cells) => {
                write_cells::<ByteArrayType, _>(&mut writer, &cells[rows], |text: &String| {
                    ByteArray::from(text.as_str())
                })
            }
            Column::Integer(cells) => {
                write_cells::<Int64Type, _>(&mut writer, &cells[rows], |&value| value)
            }
            Column::Float(cells) => {
                write_cells::<DoubleType, _>(&mut writer, &cells[rows], |&value| value)
            }
            Column::Boolean(cells) => {
                write_cells::<BoolType, _>(&mut writer, &cells[rows], |&value| value)
            }
        }?;
        writer.close()?;
    }
    group.close().map(drop)
}

fn write_cells<T: DataType, C>(
    writer: &mut SerializedColumnWriter<'_>,
    cells: &[Option<C>],
    value: impl Fn(&C) -> T::T,
) -> Result<(), ParquetError> {
    let values: Vec<T::T> = cells.iter().flatten().map(value).collect();
    let present: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    writer.typed::<T>().write_batch(&values, Some(&present), None).map(drop)
}

fn schema(table: &Table) -> Result<Arc<Type>, ParquetError> {
    let field = |(name, column): (&str, &Column)| {
        let (physical, logical) = match column {
            Column::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Column::Integer(_) => (Physical::INT64, None),
            Column::Float(_) => (Physical::DOUBLE, None),
            Column::Boolean(_) => (Physical::BOOLEAN, None),
        };
        Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build()
            .map(Arc::new)
    };
    let fields = table.columns().map(field).collect::<Result<_, _>>()?;
    Type::group_type_builder("schema").with_fields(fields).build().map(Arc::new)
}

fn io_error(error: ParquetError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}
