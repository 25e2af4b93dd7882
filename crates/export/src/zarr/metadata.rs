//! What the documents of a group say: plain chunks, and NumPy's types as Zarr's.

use laion_fmri_base::zarr::{self, ArrayDocument, DataType};
use serde_json::{Map, Value};

use crate::arrays::{Labels, Spec};

/// The types: NumPy's and Zarr's.
const TYPES: [(&str, DataType); 12] = [
    ("|b1", DataType::Bool),
    ("|u1", DataType::Uint8),
    ("<u2", DataType::Uint16),
    ("<u4", DataType::Uint32),
    ("<u8", DataType::Uint64),
    ("|i1", DataType::Int8),
    ("<i2", DataType::Int16),
    ("<i4", DataType::Int32),
    ("<i8", DataType::Int64),
    ("<f2", DataType::Float16),
    ("<f4", DataType::Float32),
    ("<f8", DataType::Float64),
];

/// The document of an array; nothing for a type that Zarr does not have.
pub(super) fn array(spec: &Spec<'_>, chunk_shape: &[usize]) -> Option<Value> {
    let data_type = match spec.is_text {
        true => DataType::FixedLengthUtf32 { length_bytes: spec.size },
        false => TYPES.iter().find(|(numpy, _)| *numpy == spec.descriptor)?.1,
    };
    let document = ArrayDocument {
        shape: spec.shape.clone(),
        data_type,
        chunk_shape: chunk_shape.to_vec(),
        codecs: vec![data_type.bytes_codec()],
        attributes: Map::new(),
        dimensions: spec.dimensions.iter().map(|&name| name.to_owned()).collect(),
    };
    Some(document.to_value())
}

/// The document of the group, which repeats those of its arrays.
///
/// xarray makes coordinates of the names in `coordinates`.
pub(super) fn group(labels: &Labels, arrays: Map<String, Value>) -> Value {
    let mut attributes = labels.attributes.clone();
    if let Some(coordinates) = labels.coordinates_among(|name| arrays.contains_key(name)) {
        attributes.insert("coordinates".to_owned(), coordinates.into());
    }
    zarr::group(attributes, arrays)
}

/// What the document of an array says, as far as it is of the kind written here.
pub(super) struct Described {
    /// NumPy's type descriptor.
    pub(super) descriptor: String,
    pub(super) shape: Vec<usize>,
    pub(super) chunk_shape: Vec<usize>,
}

/// Reads the document of an array; nothing if it is of another kind.
pub(super) fn described(document: &Value) -> Option<Described> {
    let array = ArrayDocument::from_value(document)?;
    let [codec] = &array.codecs[..] else { return None };
    let little = codec["configuration"]["endian"].as_str().is_none_or(|order| order == "little");
    let descriptor = match array.data_type {
        DataType::FixedLengthUtf32 { length_bytes } => {
            format!("<U{}", (length_bytes % 4 == 0).then_some(length_bytes / 4)?)
        }
        other => TYPES.iter().find(|(_, zarr)| *zarr == other)?.0.to_owned(),
    };
    let ArrayDocument { shape, chunk_shape, .. } = array;
    let lengths = chunk_shape.iter().zip(&shape).skip(1);
    let whole = lengths.into_iter().all(|(chunk, &length)| *chunk == length.max(1));
    (codec["name"] == "bytes" && little && whole).then_some(Described {
        descriptor,
        shape,
        chunk_shape,
    })
}
