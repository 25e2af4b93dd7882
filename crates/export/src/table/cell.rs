//! The types of values that a column of a table is made of.

use crate::table::Column;

/// A value, or perhaps a value, that a column of a [`Table`](crate::Table) is made of.
///
/// | kind of column | types |
/// |---|---|
/// | text | `&str`, `String`, `&String` |
/// | integer (int64) | integers of every size, `usize` and `isize` |
/// | float (float64) | `f32` (the float64 of the same value), `f64` |
/// | boolean | `bool` |
///
/// An `Option` of each, of which `None` is a missing cell, and a reference to each, so that slices are
/// columns too.
pub trait Cell: Sized + private::Cells {}

mod private {
    use super::Column;

    /// How cells become a column; nothing outside of this crate can add a type.
    pub trait Cells: Sized {
        /// The column, or the row of a value that it cannot hold, with the value.
        fn column(cells: impl Iterator<Item = Self>) -> Result<Column, (usize, u64)>;
    }
}

macro_rules! cells {
    ($([$($lifetime:lifetime)?] $type:ty => $kind:ident, $cell:ident => $value:expr;)*) => {$(
        impl$(<$lifetime>)? Cell for $type {}

        impl$(<$lifetime>)? private::Cells for $type {
            fn column(cells: impl Iterator<Item = Self>) -> Result<Column, (usize, u64)> {
                Ok(Column::$kind(cells.map(|$cell| Some($value)).collect()))
            }
        }

        impl$(<$lifetime>)? Cell for Option<$type> {}

        impl$(<$lifetime>)? private::Cells for Option<$type> {
            fn column(cells: impl Iterator<Item = Self>) -> Result<Column, (usize, u64)> {
                let values = cells.map(|cell| cell.map(|$cell| $value));
                Ok(Column::$kind(values.collect()))
            }
        }
    )*};
}

/// The same for values that are copied, and for references to them.
macro_rules! numbers {
    ($($type:ty => $kind:ident, $cell:ident => $value:expr;)*) => {$(
        cells! { [] $type => $kind, $cell => $value; }
        by_reference!($type);
    )*};
}

macro_rules! by_reference {
    ($type:ty) => {
        impl Cell for &$type {}

        impl private::Cells for &$type {
            fn column(cells: impl Iterator<Item = Self>) -> Result<Column, (usize, u64)> {
                private::Cells::column(cells.copied())
            }
        }

        impl Cell for &Option<$type> {}

        impl private::Cells for &Option<$type> {
            fn column(cells: impl Iterator<Item = Self>) -> Result<Column, (usize, u64)> {
                private::Cells::column(cells.copied())
            }
        }
    };
}

/// Integers that int64 may not hold.
macro_rules! large_integers {
    ($($type:ty),*) => {$(
        impl Cell for $type {}

        impl private::Cells for $type {
            fn column(cells: impl Iterator<Item = Self>) -> Result<Column, (usize, u64)> {
                private::Cells::column(cells.map(Some))
            }
        }

        impl Cell for Option<$type> {}

        impl private::Cells for Option<$type> {
            fn column(cells: impl Iterator<Item = Self>) -> Result<Column, (usize, u64)> {
                let cells = cells.enumerate().map(|(row, cell)| {
                    let fits = |value| i64::try_from(value).map_err(|_| (row, value as u64));
                    cell.map(fits).transpose()
                });
                Ok(Column::Integer(cells.collect::<Result<_, _>>()?))
            }
        }

        by_reference!($type);
    )*};
}

cells! {
    [] String => Text, cell => cell;
    ['a] &'a str => Text, cell => cell.to_owned();
    ['a] &'a String => Text, cell => cell.clone();
    ['a] &'a &'a str => Text, cell => (*cell).to_owned();
}

numbers! {
    i8 => Integer, cell => i64::from(cell);
    i16 => Integer, cell => i64::from(cell);
    i32 => Integer, cell => i64::from(cell);
    i64 => Integer, cell => cell;
    u8 => Integer, cell => i64::from(cell);
    u16 => Integer, cell => i64::from(cell);
    u32 => Integer, cell => i64::from(cell);
    isize => Integer, cell => cell as i64;
    f32 => Float, cell => f64::from(cell);
    f64 => Float, cell => cell;
    bool => Boolean, cell => cell;
}

large_integers!(u64, usize);
