//! Values of a GIFTI array in their own type.

/// The type of the values of an array.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum DataType {
    /// `NIFTI_TYPE_INT8`
    Int8,
    /// `NIFTI_TYPE_UINT8`
    UInt8,
    /// `NIFTI_TYPE_INT16`
    Int16,
    /// `NIFTI_TYPE_UINT16`
    UInt16,
    /// `NIFTI_TYPE_INT32`
    Int32,
    /// `NIFTI_TYPE_UINT32`
    UInt32,
    /// `NIFTI_TYPE_INT64`
    Int64,
    /// `NIFTI_TYPE_UINT64`
    UInt64,
    /// `NIFTI_TYPE_FLOAT32`
    Float32,
    /// `NIFTI_TYPE_FLOAT64`
    Float64,
}

/// The values of an array in their own type, in row-major (C) order.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum Values {
    /// Signed, 8 bits.
    Int8(Vec<i8>),
    /// Unsigned, 8 bits.
    UInt8(Vec<u8>),
    /// Signed, 16 bits.
    Int16(Vec<i16>),
    /// Unsigned, 16 bits.
    UInt16(Vec<u16>),
    /// Signed, 32 bits.
    Int32(Vec<i32>),
    /// Unsigned, 32 bits.
    UInt32(Vec<u32>),
    /// Signed, 64 bits.
    Int64(Vec<i64>),
    /// Unsigned, 64 bits.
    UInt64(Vec<u64>),
    /// IEEE single precision.
    Float32(Vec<f32>),
    /// IEEE double precision.
    Float64(Vec<f64>),
}

/// Evaluates an expression with the vector of whatever type.
macro_rules! with_vector {
    ($values:expr, $vector:ident => $result:expr) => {
        match $values {
            Values::Int8($vector) => $result,
            Values::UInt8($vector) => $result,
            Values::Int16($vector) => $result,
            Values::UInt16($vector) => $result,
            Values::Int32($vector) => $result,
            Values::UInt32($vector) => $result,
            Values::Int64($vector) => $result,
            Values::UInt64($vector) => $result,
            Values::Float32($vector) => $result,
            Values::Float64($vector) => $result,
        }
    };
}

impl DataType {
    /// All types.
    pub const ALL: &'static [Self] = &[
        Self::Int8,
        Self::UInt8,
        Self::Int16,
        Self::UInt16,
        Self::Int32,
        Self::UInt32,
        Self::Int64,
        Self::UInt64,
        Self::Float32,
        Self::Float64,
    ];

    /// The name without `NIFTI_TYPE_`, such as `FLOAT32`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Int8 => "INT8",
            Self::UInt8 => "UINT8",
            Self::Int16 => "INT16",
            Self::UInt16 => "UINT16",
            Self::Int32 => "INT32",
            Self::UInt32 => "UINT32",
            Self::Int64 => "INT64",
            Self::UInt64 => "UINT64",
            Self::Float32 => "FLOAT32",
            Self::Float64 => "FLOAT64",
        }
    }

    /// The number of bytes of a value.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::Int8 | Self::UInt8 => 1,
            Self::Int16 | Self::UInt16 => 2,
            Self::Int32 | Self::UInt32 | Self::Float32 => 4,
            Self::Int64 | Self::UInt64 | Self::Float64 => 8,
        }
    }
}

impl Values {
    /// No value, of a type.
    pub(super) fn empty(data_type: DataType) -> Self {
        match data_type {
            DataType::Int8 => Self::Int8(Vec::new()),
            DataType::UInt8 => Self::UInt8(Vec::new()),
            DataType::Int16 => Self::Int16(Vec::new()),
            DataType::UInt16 => Self::UInt16(Vec::new()),
            DataType::Int32 => Self::Int32(Vec::new()),
            DataType::UInt32 => Self::UInt32(Vec::new()),
            DataType::Int64 => Self::Int64(Vec::new()),
            DataType::UInt64 => Self::UInt64(Vec::new()),
            DataType::Float32 => Self::Float32(Vec::new()),
            DataType::Float64 => Self::Float64(Vec::new()),
        }
    }

    /// The type of the values.
    #[must_use]
    pub fn data_type(&self) -> DataType {
        match self {
            Self::Int8(_) => DataType::Int8,
            Self::UInt8(_) => DataType::UInt8,
            Self::Int16(_) => DataType::Int16,
            Self::UInt16(_) => DataType::UInt16,
            Self::Int32(_) => DataType::Int32,
            Self::UInt32(_) => DataType::UInt32,
            Self::Int64(_) => DataType::Int64,
            Self::UInt64(_) => DataType::UInt64,
            Self::Float32(_) => DataType::Float32,
            Self::Float64(_) => DataType::Float64,
        }
    }

    /// The number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        with_vector!(self, values => values.len())
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// As float32, rounded to the nearest where the type is wider.
    #[must_use]
    #[expect(clippy::unnecessary_cast, reason = "one of the types is float32 already")]
    pub fn to_f32(&self) -> Vec<f32> {
        with_vector!(self, values => values.iter().map(|value| *value as f32).collect())
    }

    /// As float64, rounded to the nearest where integers need more than 53 bits.
    #[must_use]
    #[expect(clippy::unnecessary_cast, reason = "one of the types is float64 already")]
    pub fn to_f64(&self) -> Vec<f64> {
        with_vector!(self, values => values.iter().map(|value| *value as f64).collect())
    }

    /// For each value whether it is neither zero nor NaN.
    #[must_use]
    pub fn nonzero_mask(&self) -> Vec<bool> {
        // A NaN is neither below nor above zero.
        with_vector!(self, values => {
            values.iter().map(|value| *value < Default::default() || *value > Default::default()).collect()
        })
    }

    /// Adds the values of whole elements in one byte order.
    pub(super) fn extend_from_bytes(&mut self, bytes: &[u8], big_endian: bool) {
        with_vector!(self, values => Stored::extend(values, bytes, big_endian));
    }

    /// Adds one value from its text; false if it is not one of the type.
    pub(super) fn push_text(&mut self, text: &str) -> bool {
        with_vector!(self, values => match Stored::from_text(text) {
            Some(value) => {
                values.push(value);
                true
            }
            None => false,
        })
    }

    /// Turns column-major into row-major order. The product of `shape` is the number of values.
    pub(super) fn into_row_major(self, shape: &[usize]) -> Self {
        // With at most one axis longer than 1 the two orders are the same.
        if shape.iter().filter(|length| **length != 1).count() < 2 {
            return self;
        }
        let mut values = self;
        with_vector!(&mut values, values => *values = row_major(values, shape));
        values
    }
}

/// A value as it is stored, in bytes or in text.
trait Stored: Copy {
    fn extend(values: &mut Vec<Self>, bytes: &[u8], big_endian: bool);
    fn from_text(text: &str) -> Option<Self>;
}

macro_rules! bytes_as {
    ($type:ty) => {
        fn extend(values: &mut Vec<Self>, bytes: &[u8], big_endian: bool) {
            let chunks = bytes.as_chunks::<{ size_of::<$type>() }>().0.iter();
            if big_endian {
                values.extend(chunks.map(|chunk| Self::from_be_bytes(*chunk)));
            } else {
                values.extend(chunks.map(|chunk| Self::from_le_bytes(*chunk)));
            }
        }
    };
}

macro_rules! stored_integer {
    ($($type:ty),*) => {
        $(impl Stored for $type {
            bytes_as!($type);

            fn from_text(text: &str) -> Option<Self> {
                if let Ok(value) = text.parse() {
                    return Some(value);
                }
                // Some writers put integers as 1.000000.
                let value: f64 = text.parse().ok()?;
                let converted = value as Self;
                (converted as f64 == value).then_some(converted)
            }
        })*
    };
}

stored_integer!(i8, u8, i16, u16, i32, u32, i64, u64);

impl Stored for f32 {
    bytes_as!(f32);

    // Text is taken as float64 and then rounded, as nibabel does.
    fn from_text(text: &str) -> Option<Self> {
        text.parse::<f64>().ok().map(|value| value as Self)
    }
}

impl Stored for f64 {
    bytes_as!(f64);

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

fn row_major<T: Copy>(values: &[T], shape: &[usize]) -> Vec<T> {
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = 1;
    for length in shape {
        strides.push(stride);
        stride *= length;
    }
    let mut at = vec![0; shape.len()];
    let mut ordered = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        let index: usize =
            at.iter().zip(&strides).map(|(position, stride)| position * stride).sum();
        ordered.push(values[index]);
        for axis in (0..shape.len()).rev() {
            at[axis] += 1;
            if at[axis] < shape[axis] {
                break;
            }
            at[axis] = 0;
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_and_nan_are_not_in_a_mask() {
        let floats = Values::Float32(vec![0.0, -0.0, f32::NAN, -1.0, 1e-40, f32::INFINITY]);
        assert_eq!(floats.nonzero_mask(), [false, false, false, true, true, true]);
        assert_eq!(Values::Int8(vec![0, -1, 1]).nonzero_mask(), [false, true, true]);
        assert_eq!(Values::UInt64(vec![0, u64::MAX]).nonzero_mask(), [false, true]);
        assert!(Values::empty(DataType::Float64).nonzero_mask().is_empty());
    }

    #[test]
    fn both_byte_orders_and_all_sizes() {
        for &data_type in DataType::ALL {
            let mut little = Values::empty(data_type);
            let mut big = Values::empty(data_type);
            assert_eq!(little.data_type(), data_type);
            let mut bytes: Vec<u8> = (1..=2 * data_type.size() as u8).collect();
            little.extend_from_bytes(&bytes, false);
            bytes.chunks_mut(data_type.size()).for_each(<[u8]>::reverse);
            big.extend_from_bytes(&bytes, true);
            assert_eq!((little.len(), &little), (2, &big), "{data_type:?}");
        }
        let mut values = Values::empty(DataType::Int16);
        values.extend_from_bytes(&[0xfe, 0xff, 0x02, 0x01], false);
        assert_eq!(values, Values::Int16(vec![-2, 0x0102]));
        assert_eq!(values.to_f32(), [-2.0, 258.0]);
        assert_eq!(values.to_f64(), [-2.0, 258.0]);
    }

    #[test]
    fn texts_are_values_of_the_type_or_refused() {
        let mut integers = Values::empty(DataType::UInt8);
        for (text, taken) in [
            ("0", true),
            ("255", true),
            ("1.000000", true),
            ("2e2", true),
            ("256", false),
            ("-1", false),
            ("0.5", false),
            ("nan", false),
            ("", false),
        ] {
            assert_eq!(integers.push_text(text), taken, "{text}");
        }
        assert_eq!(integers, Values::UInt8(vec![0, 255, 1, 200]));
        let mut floats = Values::empty(DataType::Float32);
        for (text, taken) in [("-1.5e-3", true), ("inf", true), ("NaN", true), ("1,5", false)] {
            assert_eq!(floats.push_text(text), taken, "{text}");
        }
        assert_eq!(floats.to_f32()[..2], [-0.0015, f32::INFINITY]);
    }

    #[test]
    fn columns_become_rows() {
        let values = Values::UInt8(vec![1, 4, 2, 5, 3, 6]);
        let rows = Values::UInt8(vec![1, 2, 3, 4, 5, 6]);
        assert_eq!(values.clone().into_row_major(&[2, 3]), rows);
        for flat in [&[6][..], &[6, 1], &[1, 6, 1]] {
            assert_eq!(values.clone().into_row_major(flat), values);
        }
        assert_eq!(Values::UInt8(vec![]).into_row_major(&[0, 3]), Values::UInt8(vec![]));
        let cube = Values::UInt8((0..8).collect()).into_row_major(&[2, 2, 2]);
        assert_eq!(cube, Values::UInt8(vec![0, 4, 2, 6, 1, 5, 3, 7]));
    }
}
