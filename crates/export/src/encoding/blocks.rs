//! Arrays read piece by piece: rows of a matrix, and bytes that nobody needs to understand.

use std::io::{self, Read};

use ndarray::ArrayView2;

use super::BLOCK;
use super::read::{Head, Unreadable, checked_count, other, read_blocks, split_descriptor};
use crate::element::Element;

impl Head {
    /// Reads the data of a matrix a few rows at a time.
    pub(crate) fn rows<T: Element>(
        &self,
        reader: impl Read,
        rows_per_block: usize,
        mut block: impl FnMut(usize, ArrayView2<'_, T>) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        let little = self.little_endian::<T>()?;
        let count = checked_count(&self.shape, T::SIZE, self.n_bytes)?;
        let &[n_rows, n_columns] = &self.shape[..] else {
            return Err(other(format!("the shape is {:?}", self.shape)));
        };
        self.check_c_order()?;
        let rows_per_block = rows_per_block.clamp(1, n_rows.max(1));
        let mut values: Vec<T> = Vec::new();
        let mut row = 0;
        let mut hand_over = |values: &mut Vec<T>, least: usize| {
            if n_columns == 0 || values.len() < least.saturating_mul(n_columns) {
                return Ok(());
            }
            let shape = (values.len() / n_columns, n_columns);
            let view = ArrayView2::from_shape(shape, values)
                .map_err(|error| Unreadable::Other(error.into()))?;
            block(row, view)?;
            row += shape.0;
            values.clear();
            Ok(())
        };
        let mut failed = None;
        let result = read_blocks(reader, T::SIZE, count, |bytes| {
            if !little {
                bytes.reverse();
            }
            values.push(T::get(bytes)?);
            if values.len() == rows_per_block.saturating_mul(n_columns) {
                failed = hand_over(&mut values, rows_per_block).err();
            }
            failed.is_none().then_some(())
        });
        failed.map_or(result, Err)?;
        if values.is_empty() { Ok(()) } else { hand_over(&mut values, 1) }
    }

    /// Hands out all bytes of the data, in C order and little-endian, without understanding them.
    pub(crate) fn bytes(
        &self,
        mut reader: impl Read,
        mut block: impl FnMut(&[u8]),
    ) -> Result<(), Unreadable> {
        let size = split_descriptor(&self.descriptor)
            .filter(|&(order, _)| order != '>')
            .and_then(|(_, kind)| element_size(kind))
            .ok_or_else(|| other(format!("the type is {:?}", self.descriptor)))?;
        self.check_c_order()?;
        checked_count(&self.shape, size, self.n_bytes)?;
        let mut buffer = vec![0; BLOCK];
        let mut left = self.n_bytes;
        loop {
            // Also at the end: a zip member compares its checksum when there is no more.
            let got = reader.read(&mut buffer)?;
            match left.checked_sub(got as u64) {
                Some(0) if got == 0 => return Ok(()),
                None => return Err(other("more data than announced".to_owned())),
                Some(_) if got == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(rest) => left = rest,
            }
            block(&buffer[..got]);
        }
    }

    fn check_c_order(&self) -> Result<(), Unreadable> {
        match self.fortran && self.shape.len() > 1 {
            true => Err(other("it is in Fortran order".to_owned())),
            false => Ok(()),
        }
    }
}

/// Bytes of one element of a kind that this crate writes.
fn element_size(kind: &str) -> Option<usize> {
    let letter = kind.get(..1)?;
    let number: usize = kind.get(1..)?.parse().ok()?;
    match letter {
        "U" => number.checked_mul(4),
        "f" | "i" | "u" | "b" => Some(number),
        _ => None,
    }
    .filter(|&size| size > 0)
}
