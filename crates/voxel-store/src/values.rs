//! Arrays that say what rows and columns are: [`Values`].

use laion_fmri_base::zarr::{ArrayDocument, DataType};
use serde_json::{Map, Value, json};

use crate::checksum::crc32c;

/// The values of an array that is read as a whole, in C order.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Values {
    /// Texts.
    Text(Vec<String>),
    /// Flags.
    Bool(Vec<bool>),
    /// Small numbers without sign.
    Uint8(Vec<u8>),
    /// Numbers without sign.
    Uint32(Vec<u32>),
    /// Large numbers without sign, or bits.
    Uint64(Vec<u64>),
    /// Numbers.
    Int64(Vec<i64>),
    /// Single precision.
    Float32(Vec<f32>),
}

impl Values {
    /// Texts.
    pub fn texts<S: Into<String>>(texts: impl IntoIterator<Item = S>) -> Self {
        Self::Text(texts.into_iter().map(Into::into).collect())
    }

    /// The number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::Uint8(values) => values.len(),
            Self::Uint32(values) => values.len(),
            Self::Uint64(values) => values.len(),
            Self::Int64(values) => values.len(),
            Self::Float32(values) => values.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn data_type(&self) -> DataType {
        match self {
            Self::Text(_) => DataType::String,
            Self::Bool(_) => DataType::Bool,
            Self::Uint8(_) => DataType::Uint8,
            Self::Uint32(_) => DataType::Uint32,
            Self::Uint64(_) => DataType::Uint64,
            Self::Int64(_) => DataType::Int64,
            Self::Float32(_) => DataType::Float32,
        }
    }

    /// The document of these values as an array of this shape, in one chunk with a checksum.
    pub(crate) fn document(
        &self,
        shape: &[usize],
        dimensions: &[&str],
        attributes: Map<String, Value>,
    ) -> ArrayDocument {
        let data_type = self.data_type();
        ArrayDocument {
            shape: shape.to_vec(),
            data_type,
            chunk_shape: shape.iter().map(|&length| length.max(1)).collect(),
            codecs: vec![data_type.bytes_codec(), json!({"name": "crc32c"})],
            attributes,
            dimensions: dimensions.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    /// The bytes of the one chunk; none of an array without values, which has no chunk.
    pub(crate) fn to_chunk(&self) -> Option<Vec<u8>> {
        if self.is_empty() {
            return None;
        }
        let mut bytes = match self {
            Self::Text(texts) => {
                let mut bytes = (texts.len() as u32).to_le_bytes().to_vec();
                for text in texts {
                    bytes.extend((text.len() as u32).to_le_bytes());
                    bytes.extend(text.as_bytes());
                }
                bytes
            }
            Self::Bool(values) => values.iter().map(|&value| u8::from(value)).collect(),
            Self::Uint8(values) => values.clone(),
            Self::Uint32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::Uint64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::Int64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::Float32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        };
        bytes.extend(crc32c(&bytes).to_le_bytes());
        Some(bytes)
    }

    /// Whether a document is one that [`Values::document`] makes, and how many values it announces.
    pub(crate) fn announced(document: &ArrayDocument) -> Option<usize> {
        let whole: Vec<usize> = document.shape.iter().map(|&length| length.max(1)).collect();
        let codecs = vec![document.data_type.bytes_codec(), json!({"name": "crc32c"})];
        let count = document.shape.iter().try_fold(1, |n: usize, &length| n.checked_mul(length))?;
        (document.chunk_shape == whole && document.codecs == codecs).then_some(count)
    }

    /// The values of a chunk, whose bytes have been read. What is wrong otherwise.
    pub(crate) fn of_chunk(
        data_type: DataType,
        count: usize,
        chunk: &[u8],
    ) -> Result<Self, &'static str> {
        let (bytes, checksum) = match chunk {
            [] if count == 0 => (chunk, None),
            _ => chunk.split_last_chunk::<4>().map(|(a, b)| (a, Some(b))).ok_or("it is cut off")?,
        };
        if checksum.is_some_and(|checksum| *checksum != crc32c(bytes).to_le_bytes()) {
            return Err("it does not have its CRC-32C");
        }
        if let Some(size) = data_type.size()
            && count.checked_mul(size) != Some(bytes.len())
        {
            return Err("it does not have the length of its shape");
        }
        let values = match data_type {
            DataType::String => Self::Text(texts(count, bytes).ok_or("its texts cannot be read")?),
            DataType::Bool => {
                let flags = bytes.iter().map(|byte| (*byte < 2).then_some(*byte == 1));
                Self::Bool(flags.collect::<Option<_>>().ok_or("a flag is neither 0 nor 1")?)
            }
            DataType::Uint8 => Self::Uint8(bytes.to_vec()),
            DataType::Uint32 => Self::Uint32(each(bytes, u32::from_le_bytes)),
            DataType::Uint64 => Self::Uint64(each(bytes, u64::from_le_bytes)),
            DataType::Int64 => Self::Int64(each(bytes, i64::from_le_bytes)),
            DataType::Float32 => Self::Float32(each(bytes, f32::from_le_bytes)),
            _ => return Err("its type is not one of a store"),
        };
        Ok(values)
    }
}

/// The values of a vector, by its type.
macro_rules! from_vectors {
    ($($variant:ident($value:ty)),*) => {$(
        impl From<Vec<$value>> for Values {
            fn from(values: Vec<$value>) -> Self {
                Self::$variant(values)
            }
        }
    )*};
}

from_vectors!(
    Text(String),
    Bool(bool),
    Uint8(u8),
    Uint32(u32),
    Uint64(u64),
    Int64(i64),
    Float32(f32)
);

fn each<T, const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().map(|bytes| value(*bytes)).collect()
}

/// The texts of Zarr's `vlen-utf8`: their number, then each with its length before it.
fn texts(count: usize, bytes: &[u8]) -> Option<Vec<String>> {
    if count == 0 {
        return bytes.is_empty().then(Vec::new);
    }
    let (number, mut rest) = bytes.split_first_chunk::<4>()?;
    // Every text takes four bytes at least, so the number is checked before it is believed.
    if u32::from_le_bytes(*number) as usize != count || count > rest.len() / 4 {
        return None;
    }
    let mut texts = Vec::with_capacity(count);
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (text, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        texts.push(std::str::from_utf8(text).ok()?.to_owned());
        rest = after;
    }
    rest.is_empty().then_some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples() -> Vec<Values> {
        vec![
            Values::texts(["", "shared_0001.jpg", "Größe 1"]),
            Values::Bool(vec![true, false, true]),
            Values::Uint8(vec![0, 255]),
            Values::Uint32(vec![0, u32::MAX]),
            Values::Uint64(vec![1 << 63]),
            Values::Int64(vec![-1, i64::MIN]),
            Values::Float32(vec![-0.0, 1.5]),
            Values::texts([""; 0]),
            Values::Float32(vec![]),
        ]
    }

    fn back(values: &Values, chunk: &[u8]) -> Result<Values, &'static str> {
        let document = values.document(&[values.len()], &["row"], Map::new());
        let count = Values::announced(&document).unwrap();
        Values::of_chunk(document.data_type, count, chunk)
    }

    #[test]
    fn values_are_read_back() {
        for values in examples() {
            let chunk = values.to_chunk().unwrap_or_default();
            assert_eq!(back(&values, &chunk), Ok(values.clone()));
            let document = values.document(&[values.len()], &["row"], Map::new());
            assert_eq!(ArrayDocument::from_value(&document.to_value()), Some(document));
        }
    }

    #[test]
    fn vectors_are_values_of_their_type() {
        assert_eq!(Values::from(vec![-0.0_f32, 1.5]), Values::Float32(vec![-0.0, 1.5]));
        assert_eq!(Values::from(vec![-1_i64, i64::MIN]), Values::Int64(vec![-1, i64::MIN]));
        assert_eq!(Values::from(vec![String::from("a")]), Values::texts(["a"]));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        for values in examples() {
            let chunk = values.to_chunk().unwrap_or_default();
            for position in 0..chunk.len() {
                for bit in 0..8 {
                    let mut other = chunk.clone();
                    other[position] ^= 1 << bit;
                    assert!(back(&values, &other).is_err(), "{values:?} {position} {bit}");
                }
                assert!(back(&values, &chunk[..position]).is_err(), "{values:?} {position}");
            }
        }
    }

    #[test]
    fn hostile_texts_are_refused() {
        for (count, bytes) in [
            (1, &[1, 0, 0, 0, 255, 255, 255, 255, 65][..]),
            (2, &[1, 0, 0, 0, 1, 0, 0, 0, 65]),
            (usize::MAX, &[255, 255, 255, 255]),
            (1, &[1, 0, 0, 0, 1, 0, 0, 0, 0xff]),
            (1, &[1, 0, 0, 0, 0, 0, 0, 0, 65]),
            (0, &[0, 0, 0, 0]),
        ] {
            assert_eq!(texts(count, bytes), None, "{bytes:?}");
        }
        assert_eq!(texts(1, &[1, 0, 0, 0, 1, 0, 0, 0, 65]), Some(vec!["A".to_owned()]));
    }
}
