//! The JSON documents of Zarr, format 3: what an array or a group says about itself.
//!
//! Two crates write Zarr groups, each with its own chunks: plain ones for results, and sharded ones
//! for matrices that are read by column. The documents are the same, so they are made here.

use serde_json::{Map, Value, json};

/// The file of a group or of an array.
pub const DOCUMENT: &str = "zarr.json";

/// The type of the elements of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of Zarr")]
pub enum DataType {
    Bool,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int32,
    Int64,
    Float16,
    Float32,
    Float64,
    /// Texts of at most this many bytes, as UTF-32.
    FixedLengthUtf32 {
        length_bytes: usize,
    },
    /// Texts of any length.
    String,
}

/// The types that a name alone describes, with the bytes of an element.
const NAMES: [(DataType, &str, Option<usize>); 13] = [
    (DataType::Bool, "bool", Some(1)),
    (DataType::Uint8, "uint8", Some(1)),
    (DataType::Uint16, "uint16", Some(2)),
    (DataType::Uint32, "uint32", Some(4)),
    (DataType::Uint64, "uint64", Some(8)),
    (DataType::Int8, "int8", Some(1)),
    (DataType::Int16, "int16", Some(2)),
    (DataType::Int32, "int32", Some(4)),
    (DataType::Int64, "int64", Some(8)),
    (DataType::Float16, "float16", Some(2)),
    (DataType::Float32, "float32", Some(4)),
    (DataType::Float64, "float64", Some(8)),
    (DataType::String, "string", None),
];

/// The name of the type of fixed-width texts.
const FIXED_LENGTH: &str = "fixed_length_utf32";

impl DataType {
    /// Bytes of one element; nothing for texts of any length.
    #[must_use]
    pub fn size(self) -> Option<usize> {
        match self {
            Self::FixedLengthUtf32 { length_bytes } => Some(length_bytes),
            _ => NAMES.iter().find(|(data_type, ..)| *data_type == self).and_then(|row| row.2),
        }
    }

    /// The codec that turns elements of this type into bytes, little-endian.
    #[must_use]
    pub fn bytes_codec(self) -> Value {
        match self.size() {
            None => json!({"name": "vlen-utf8"}),
            Some(1) => json!({"name": "bytes"}),
            Some(_) => json!({"name": "bytes", "configuration": {"endian": "little"}}),
        }
    }

    fn to_value(self) -> Value {
        match self {
            Self::FixedLengthUtf32 { length_bytes } => {
                json!({"name": FIXED_LENGTH, "configuration": {"length_bytes": length_bytes}})
            }
            _ => json!(NAMES.iter().find(|(data_type, ..)| *data_type == self).map(|row| row.1)),
        }
    }

    fn from_value(value: &Value) -> Option<Self> {
        let name = value.as_str().or_else(|| value["name"].as_str())?;
        if name == FIXED_LENGTH {
            let length_bytes = value["configuration"]["length_bytes"].as_u64()?;
            let length_bytes = usize::try_from(length_bytes).ok()?;
            return Some(Self::FixedLengthUtf32 { length_bytes });
        }
        NAMES.iter().find(|(_, other, _)| *other == name).map(|row| row.0)
    }

    /// What stands for an element that is not stored.
    fn fill_value(self) -> Value {
        match self {
            Self::Bool => json!(false),
            Self::Float16 | Self::Float32 | Self::Float64 => json!(0.0),
            Self::FixedLengthUtf32 { .. } | Self::String => json!(""),
            _ => json!(0),
        }
    }
}

/// The document of an array in chunks of one shape, whose files are named `c.0.0` and so on.
#[derive(Clone, Debug, PartialEq)]
pub struct ArrayDocument {
    /// The length of each dimension.
    pub shape: Vec<usize>,
    /// The type of the elements.
    pub data_type: DataType,
    /// The length of each dimension of a chunk.
    pub chunk_shape: Vec<usize>,
    /// What turns the elements of a chunk into its bytes.
    pub codecs: Vec<Value>,
    /// What is said about the array besides.
    pub attributes: Map<String, Value>,
    /// A name for each dimension; none at all for an array whose dimensions have no names.
    pub dimensions: Vec<String>,
}

impl ArrayDocument {
    /// The document as JSON.
    #[must_use]
    pub fn to_value(&self) -> Value {
        json!({
            "shape": self.shape,
            "data_type": self.data_type.to_value(),
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": self.chunk_shape}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
            "fill_value": self.data_type.fill_value(),
            "codecs": self.codecs,
            "attributes": self.attributes,
            "dimension_names": self.dimensions,
            "zarr_format": 3,
            "node_type": "array",
            "storage_transformers": [],
        })
    }

    /// Reads a document. `None` if it is not that of an array of this kind; the codecs may be any.
    #[must_use]
    pub fn from_value(document: &Value) -> Option<Self> {
        let lengths = |value: &Value| -> Option<Vec<usize>> {
            let lengths = value.as_array()?.iter();
            lengths.map(|length| usize::try_from(length.as_u64()?).ok()).collect()
        };
        let keys = &document["chunk_key_encoding"];
        let is_known = document["node_type"] == "array"
            && document["zarr_format"] == 3
            && document["chunk_grid"]["name"] == "regular"
            && keys["name"] == "default"
            && keys["configuration"]["separator"] == "."
            && document["storage_transformers"].as_array().is_none_or(Vec::is_empty);
        let shape = lengths(&document["shape"])?;
        let chunk_shape = lengths(&document["chunk_grid"]["configuration"]["chunk_shape"])?;
        let fits = chunk_shape.len() == shape.len() && chunk_shape.iter().all(|&length| length > 0);
        let names = document["dimension_names"].as_array().map_or(&[][..], Vec::as_slice);
        let dimensions = names.iter().map(|name| name.as_str().map(str::to_owned));
        Some(Self {
            data_type: DataType::from_value(&document["data_type"])?,
            codecs: document["codecs"].as_array().filter(|_| is_known && fits)?.clone(),
            attributes: document["attributes"].as_object().cloned().unwrap_or_default(),
            dimensions: dimensions.collect::<Option<_>>()?,
            shape,
            chunk_shape,
        })
    }
}

/// The document of a group. It repeats the documents of what is in the group, by path, so that one
/// read opens all of it.
#[must_use]
pub fn group(attributes: Map<String, Value>, members: Map<String, Value>) -> Value {
    json!({
        "attributes": attributes,
        "zarr_format": 3,
        "node_type": "group",
        "consolidated_metadata": {
            "kind": "inline",
            "must_understand": false,
            "metadata": members,
        },
    })
}

/// Takes what a group repeats of its members out of its document. `None` if it is not the document
/// of a group that does.
#[must_use]
pub fn take_members(group: &mut Value) -> Option<Map<String, Value>> {
    let is_group = group["zarr_format"] == 3;
    // Without an index: that panics when a document is a list or a text.
    let members = group.get_mut("consolidated_metadata")?.get_mut("metadata")?;
    match members.take() {
        Value::Object(members) if is_group => Some(members),
        _ => None,
    }
}

/// A document as it is written to its file.
#[must_use]
pub fn to_text(document: &Value) -> String {
    format!("{document:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(data_type: DataType) -> ArrayDocument {
        ArrayDocument {
            shape: vec![3, 0],
            data_type,
            chunk_shape: vec![2, 1],
            codecs: vec![data_type.bytes_codec(), json!({"name": "crc32c"})],
            attributes: Map::from_iter([("unit".to_owned(), json!("percent"))]),
            dimensions: vec!["trial".to_owned(), "voxel".to_owned()],
        }
    }

    #[test]
    fn documents_are_read_back() {
        let fixed = DataType::FixedLengthUtf32 { length_bytes: 12 };
        for data_type in NAMES.iter().map(|row| row.0).chain([fixed]) {
            let array = array(data_type);
            assert_eq!(ArrayDocument::from_value(&array.to_value()), Some(array));
        }
    }

    #[test]
    fn documents_of_another_kind_are_refused() {
        let good = array(DataType::Float32).to_value();
        for (pointer, other) in [
            ("/zarr_format", json!(2)),
            ("/node_type", json!("group")),
            ("/shape", json!([3])),
            ("/shape/0", json!(-1)),
            ("/shape/0", json!("3")),
            ("/data_type", json!("complex64")),
            ("/data_type", json!({"name": "fixed_length_utf32"})),
            ("/chunk_grid/name", json!("rectilinear")),
            ("/chunk_grid/configuration/chunk_shape", json!([2, 0])),
            ("/chunk_key_encoding/configuration/separator", json!("/")),
            ("/codecs", json!("bytes")),
            ("/dimension_names", json!([1, 2])),
            ("/storage_transformers", json!([{}])),
        ] {
            let mut document = good.clone();
            *document.pointer_mut(pointer).unwrap() = other.clone();
            assert_eq!(ArrayDocument::from_value(&document), None, "{pointer} {other}");
        }
    }

    #[test]
    fn a_group_repeats_its_members() {
        let members = Map::from_iter([("a/b".to_owned(), array(DataType::String).to_value())]);
        let mut document = group(Map::new(), members.clone());
        assert!(to_text(&document).starts_with("{\n  \"attributes\""));
        assert_eq!(take_members(&mut document), Some(members));
        assert_eq!(take_members(&mut document), None);
        for other in [json!([]), json!("text"), json!({"consolidated_metadata": [1]})] {
            assert_eq!(take_members(&mut other.clone()), None, "{other}");
        }
    }
}
