//! The JSON documents of Zarr's format 3.

use serde_json::{Map, Value, json};

use crate::arrays::{Labels, Spec};

/// The file of a group or of an array.
pub(super) const METADATA: &str = "zarr.json";

/// The types: NumPy's, Zarr's, and what is not stored.
const TYPES: [(&str, &str, Fill); 13] = [
    ("|b1", "bool", Fill::False),
    ("|u1", "uint8", Fill::Zero),
    ("<u2", "uint16", Fill::Zero),
    ("<u4", "uint32", Fill::Zero),
    ("<u8", "uint64", Fill::Zero),
    ("|i1", "int8", Fill::Zero),
    ("<i2", "int16", Fill::Zero),
    ("<i4", "int32", Fill::Zero),
    ("<i8", "int64", Fill::Zero),
    ("<f2", "float16", Fill::ZeroFloat),
    ("<f4", "float32", Fill::ZeroFloat),
    ("<f8", "float64", Fill::ZeroFloat),
    ("<U", "fixed_length_utf32", Fill::Empty),
];

#[derive(Clone, Copy)]
enum Fill {
    False,
    Zero,
    ZeroFloat,
    Empty,
}

impl Fill {
    fn value(self) -> Value {
        match self {
            Self::False => json!(false),
            Self::Zero => json!(0),
            Self::ZeroFloat => json!(0.0),
            Self::Empty => json!(""),
        }
    }
}

/// The document of an array; nothing for a type that Zarr does not have.
pub(super) fn array(spec: &Spec<'_>, chunk_shape: &[usize]) -> Option<Value> {
    let &(_, name, fill) = TYPES
        .iter()
        .find(|(numpy, _, _)| *numpy == spec.descriptor || spec.is_text && *numpy == "<U")?;
    let data_type = match fill {
        Fill::Empty => json!({"name": name, "configuration": {"length_bytes": spec.size}}),
        _ => json!(name),
    };
    let mut document = json!({
        "shape": spec.shape,
        "data_type": data_type,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunk_shape}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
        "fill_value": fill.value(),
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "attributes": {},
        "dimension_names": spec.dimensions,
        "zarr_format": 3,
        "node_type": "array",
        "storage_transformers": [],
    });
    if spec.size == 1 {
        document["codecs"] = json!([{"name": "bytes"}]);
    }
    Some(document)
}

/// The document of the group, which repeats those of its arrays.
///
/// xarray makes coordinates of the names in `coordinates`.
pub(super) fn group(labels: &Labels, arrays: Map<String, Value>) -> Value {
    let mut attributes = labels.attributes.clone();
    if let Some(coordinates) = labels.coordinates_among(|name| arrays.contains_key(name)) {
        attributes.insert("coordinates".to_owned(), coordinates.into());
    }
    json!({
        "attributes": attributes,
        "zarr_format": 3,
        "node_type": "group",
        "consolidated_metadata": {
            "kind": "inline",
            "must_understand": false,
            "metadata": arrays,
        },
    })
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
    let lengths = |value: &Value| -> Option<Vec<usize>> {
        let lengths = value.as_array()?.iter();
        lengths.map(|length| usize::try_from(length.as_u64()?).ok()).collect()
    };
    let codecs = document["codecs"].as_array()?;
    let [codec] = &codecs[..] else { return None };
    let little = codec["configuration"]["endian"].as_str().is_none_or(|order| order == "little");
    let keys = &document["chunk_key_encoding"];
    let is_known = document["node_type"] == "array"
        && document["zarr_format"] == 3
        && codec["name"] == "bytes"
        && little
        && document["chunk_grid"]["name"] == "regular"
        && keys["name"] == "default"
        && keys["configuration"]["separator"] == "."
        && document["storage_transformers"].as_array().is_none_or(Vec::is_empty);
    let data_type = &document["data_type"];
    let name = data_type.as_str().or_else(|| data_type["name"].as_str())?;
    let &(numpy, _, fill) = TYPES.iter().find(|(_, zarr, _)| *zarr == name)?;
    let descriptor = match fill {
        Fill::Empty => {
            let bytes = data_type["configuration"]["length_bytes"].as_u64()?;
            format!("{numpy}{}", (bytes % 4 == 0).then_some(bytes / 4)?)
        }
        _ => numpy.to_owned(),
    };
    let shape = lengths(&document["shape"])?;
    let chunk_shape = lengths(&document["chunk_grid"]["configuration"]["chunk_shape"])?;
    let whole = chunk_shape.len() == shape.len()
        && chunk_shape.iter().all(|&length| length > 0)
        && chunk_shape.iter().zip(&shape).skip(1).all(|(chunk, &length)| *chunk == length.max(1));
    (is_known && whole).then_some(Described { descriptor, shape, chunk_shape })
}
