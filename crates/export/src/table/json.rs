//! One JSON object per line.

use std::io::{self, Write};

use serde_json::Value;

use crate::error::Error;
use crate::table::{Column, Table};

/// The key that says what the other keys are.
const SCHEMA: &str = "schema";

pub(super) fn check(table: &Table) -> Result<(), Error> {
    match table.column(SCHEMA) {
        Some(_) => Err(Error::SameColumn { column: SCHEMA.to_owned() }),
        None => Ok(()),
    }
}

pub(super) fn write(table: &Table, schema: &str, mut writer: impl Write) -> io::Result<()> {
    let schema = Value::from(schema);
    for row in 0..table.n_rows() {
        write!(writer, "{{\"{SCHEMA}\":{schema}")?;
        for (name, column) in table.columns() {
            write!(writer, ",{}:{}", Value::from(name), value(column, row))?;
        }
        writer.write_all(b"}\n")?;
    }
    Ok(())
}

fn value(column: &Column, row: usize) -> Value {
    match column {
        Column::Text(cells) => cells[row].as_deref().into(),
        Column::Integer(cells) => cells[row].into(),
        Column::Float(cells) => cells[row].into(),
        Column::Boolean(cells) => cells[row].into(),
    }
}
