//! Comma- and TAB-separated text.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::error::Error;
use crate::table::{Column, Table};

/// How BIDS writes that there is no value.
const NOT_AVAILABLE: &str = "n/a";

pub(super) fn write_csv(table: &Table, writer: impl Write) -> io::Result<()> {
    if table.columns().len() == 0 {
        return Ok(());
    }
    let mut writer = csv::Writer::from_writer(writer);
    writer.write_record(table.columns().map(|(name, _)| name))?;
    for row in 0..table.n_rows() {
        for (_, column) in table.columns() {
            writer.write_field(column.field(row).unwrap_or_default().as_bytes())?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    writer.flush()
}

/// Finds what cannot be written without quotes.
pub(super) fn check_tsv(table: &Table) -> Result<(), Error> {
    let single = table.columns().len() == 1;
    let check = |name: &str, row, text: &str| {
        let reason = if text.contains('\t') {
            "a TAB"
        } else if text.contains(['\n', '\r']) {
            "a line break"
        } else if single && text.is_empty() {
            "no character, and the line no other field"
        } else {
            return Ok(());
        };
        Err(Error::Field { column: name.to_owned(), row, reason })
    };
    for (name, column) in table.columns() {
        check(name, None, name)?;
        if let Column::Text(cells) = column {
            for (row, cell) in cells.iter().enumerate() {
                cell.as_deref().map_or(Ok(()), |text| check(name, Some(row), text))?;
            }
        }
    }
    Ok(())
}

pub(super) fn write_tsv(table: &Table, mut writer: impl Write) -> io::Result<()> {
    if table.columns().len() == 0 {
        return Ok(());
    }
    write_line(&mut writer, table.columns().map(|(name, _)| Cow::Borrowed(name)))?;
    for row in 0..table.n_rows() {
        let fields = table.columns().map(|(_, column)| column.field(row));
        write_line(&mut writer, fields.map(|field| field.unwrap_or(NOT_AVAILABLE.into())))?;
    }
    Ok(())
}

fn write_line<'a>(
    writer: &mut impl Write,
    fields: impl Iterator<Item = Cow<'a, str>>,
) -> io::Result<()> {
    for (position, field) in fields.enumerate() {
        if position > 0 {
            writer.write_all(b"\t")?;
        }
        writer.write_all(field.as_bytes())?;
    }
    writer.write_all(b"\n")
}
