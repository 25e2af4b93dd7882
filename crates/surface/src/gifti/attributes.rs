//! What the attributes of a `DataArray` say about its data.

use quick_xml::events::BytesStart;

use super::error::GiftiError;
use super::values::DataType;

/// How the values of an array are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Encoding {
    Ascii,
    Base64,
    /// A zlib stream in base64.
    Zlib,
}

/// The description of an array, checked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    /// The position of the array in the file, from 0.
    pub(super) array: usize,
    pub(super) intent: String,
    pub(super) shape: Vec<usize>,
    /// The product of the shape; with the size of the type it fits the address space.
    pub(super) count: u64,
    pub(super) data_type: DataType,
    pub(super) encoding: Encoding,
    pub(super) big_endian: bool,
    pub(super) column_major: bool,
}

const AXES: &[&str] = &["Dim0", "Dim1", "Dim2", "Dim3", "Dim4", "Dim5"];

impl Header {
    pub(super) fn parse(
        array: usize,
        element: &BytesStart<'_>,
        offset: u64,
    ) -> Result<Self, GiftiError> {
        let attributes = Attributes { array, element, offset };
        let encoding = attributes.encoding()?;
        let data_type = attributes.data_type()?;
        let (shape, count) = attributes.shape(data_type)?;
        let order = attributes.optional("ArrayIndexingOrder")?;
        let column_major = match order.as_deref() {
            None | Some("RowMajorOrder") => false,
            Some("ColumnMajorOrder") => true,
            Some(got) => {
                let expected = "RowMajorOrder or ColumnMajorOrder";
                return Err(attributes.invalid("ArrayIndexingOrder", expected, got));
            }
        };
        let big_endian = match attributes.optional("Endian")?.as_deref() {
            Some("BigEndian" | "GIFTI_ENDIAN_BIG" | "big") => true,
            Some("LittleEndian" | "GIFTI_ENDIAN_LITTLE" | "little") => false,
            // The byte order of text does not matter.
            _ if encoding == Encoding::Ascii => false,
            Some(got) => {
                return Err(attributes.invalid("Endian", "LittleEndian or BigEndian", got));
            }
            // The byte order of nearly every machine, which is what other readers take then.
            None => false,
        };
        let intent = attributes.optional("Intent")?.unwrap_or_default();
        Ok(Self { array, intent, shape, count, data_type, encoding, big_endian, column_major })
    }

    /// The number of bytes of the values.
    pub(super) fn bytes(&self) -> u64 {
        self.count * self.data_type.size() as u64
    }
}

/// The attributes of one element.
struct Attributes<'a> {
    array: usize,
    element: &'a BytesStart<'a>,
    offset: u64,
}

impl Attributes<'_> {
    fn optional(&self, name: &str) -> Result<Option<String>, GiftiError> {
        let syntax = |source| GiftiError::Syntax { offset: self.offset, source };
        let attribute = self.element.try_get_attribute(name).map_err(|e| syntax(e.into()))?;
        let Some(attribute) = attribute else { return Ok(None) };
        let text = std::str::from_utf8(&attribute.value).map_err(|e| syntax(e.into()))?;
        let text = quick_xml::escape::unescape(text).map_err(|e| syntax(e.into()))?;
        Ok(Some(text.into_owned()))
    }

    fn required(&self, name: &str) -> Result<String, GiftiError> {
        self.optional(name)?.ok_or_else(|| self.missing(name))
    }

    fn encoding(&self) -> Result<Encoding, GiftiError> {
        match self.required("Encoding")?.as_str() {
            "ASCII" | "GIFTI_ENCODING_ASCII" => Ok(Encoding::Ascii),
            "Base64Binary" | "GIFTI_ENCODING_B64BIN" | "B64BIN" => Ok(Encoding::Base64),
            "GZipBase64Binary" | "GIFTI_ENCODING_B64GZ" | "B64GZ" => Ok(Encoding::Zlib),
            "ExternalFileBinary" | "GIFTI_ENCODING_EXTBIN" | "External" => {
                let file = self.optional("ExternalFileName")?.unwrap_or_default();
                Err(GiftiError::ExternalFile { array: self.array, file })
            }
            got => {
                let expected = "ASCII, Base64Binary or GZipBase64Binary";
                Err(self.invalid("Encoding", expected, got))
            }
        }
    }

    fn data_type(&self) -> Result<DataType, GiftiError> {
        let got = self.required("DataType")?;
        let name = got.strip_prefix("NIFTI_TYPE_");
        let named = |data_type: &&DataType| match name {
            Some(name) => data_type.name() == name,
            None => data_type.name().to_lowercase() == got,
        };
        DataType::ALL.iter().find(named).copied().ok_or_else(|| {
            let expected = "NIFTI_TYPE_ and INT, UINT with 8 to 64 bits, FLOAT32 or FLOAT64";
            self.invalid("DataType", expected, &got)
        })
    }

    /// The dimensions and their product.
    fn shape(&self, data_type: DataType) -> Result<(Vec<usize>, u64), GiftiError> {
        let dimensionality = self.required("Dimensionality")?;
        let axes = match dimensionality.parse::<usize>() {
            Ok(axes) if (1..=AXES.len()).contains(&axes) => &AXES[..axes],
            _ => {
                return Err(self.invalid(
                    "Dimensionality",
                    "a number from 1 to 6",
                    &dimensionality,
                ));
            }
        };
        let mut dimensions: Vec<u64> = Vec::new();
        for axis in axes {
            let got = self.required(axis)?;
            let length = got.parse().map_err(|_| self.invalid(axis, "a length", &got))?;
            dimensions.push(length);
        }
        let size = data_type.size() as u64;
        let count = dimensions.iter().try_fold(1_u64, |count, length| count.checked_mul(*length));
        let bytes = count.and_then(|count| count.checked_mul(size));
        let fits = bytes.is_some_and(|bytes| isize::try_from(bytes).is_ok());
        let shape = dimensions.iter().map(|length| usize::try_from(*length)).collect();
        match (shape, count) {
            (Ok(shape), Some(count)) if fits => Ok((shape, count)),
            _ => Err(GiftiError::TooLarge { array: self.array, dimensions }),
        }
    }

    fn missing(&self, attribute: &str) -> GiftiError {
        GiftiError::MissingAttribute { array: self.array, attribute: attribute.to_owned() }
    }

    fn invalid(&self, attribute: &str, expected: &'static str, got: &str) -> GiftiError {
        let attribute = attribute.to_owned();
        GiftiError::InvalidAttribute { array: self.array, attribute, expected, got: got.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"DataArray Intent="NIFTI_INTENT_SHAPE" DataType="NIFTI_TYPE_FLOAT32" Dimensionality="2" Dim0="3" Dim1="2" Encoding="Base64Binary" Endian="BigEndian" ArrayIndexingOrder="ColumnMajorOrder""#;

    fn parse(element: &str) -> Result<Header, GiftiError> {
        Header::parse(4, &BytesStart::from_content(element, "DataArray".len()), 9)
    }

    #[test]
    fn a_description_is_read() {
        let header = parse(GOOD).unwrap();
        assert_eq!((header.array, header.intent.as_str()), (4, "NIFTI_INTENT_SHAPE"));
        assert_eq!((header.shape.as_slice(), header.count, header.bytes()), (&[3, 2][..], 6, 24));
        assert_eq!((header.data_type, header.encoding), (DataType::Float32, Encoding::Base64));
        assert!(header.big_endian && header.column_major);
    }

    #[test]
    fn the_names_of_the_gifticlib_are_known() {
        for (encoding, expected) in [
            ("GIFTI_ENCODING_ASCII", Encoding::Ascii),
            ("GIFTI_ENCODING_B64BIN", Encoding::Base64),
            ("GIFTI_ENCODING_B64GZ", Encoding::Zlib),
        ] {
            let text =
                GOOD.replace("Base64Binary", encoding).replace("BigEndian", "GIFTI_ENDIAN_BIG");
            let header = parse(&text).unwrap();
            assert_eq!((header.encoding, header.big_endian), (expected, true));
        }
        for data_type in DataType::ALL {
            for name in
                [format!("NIFTI_TYPE_{}", data_type.name()), data_type.name().to_lowercase()]
            {
                let header = parse(&GOOD.replace("NIFTI_TYPE_FLOAT32", &name)).unwrap();
                assert_eq!(header.data_type, *data_type);
            }
        }
    }

    #[test]
    fn missing_attributes_are_named() {
        for (name, value) in [
            ("DataType", "NIFTI_TYPE_FLOAT32"),
            ("Dimensionality", "2"),
            ("Dim1", "2"),
            ("Encoding", "Base64Binary"),
        ] {
            let error = parse(&GOOD.replace(&format!("{name}=\"{value}\""), "")).unwrap_err();
            assert!(
                matches!(&error, GiftiError::MissingAttribute { array: 4, attribute } if attribute == name),
                "{error:?}"
            );
        }
        let text = GOOD.replace("Base64Binary", "ASCII").replace(r#"Endian="BigEndian""#, "");
        assert!(!parse(&text).unwrap().big_endian, "text has no byte order");
        let text = GOOD.replace(r#"Endian="BigEndian""#, "");
        assert!(!parse(&text).unwrap().big_endian, "the order of nearly every machine");
    }

    #[test]
    fn unknown_values_are_named() {
        for (name, value, bad) in [
            ("DataType", "NIFTI_TYPE_FLOAT32", "NIFTI_TYPE_COMPLEX64"),
            ("DataType", "NIFTI_TYPE_FLOAT32", "FLOAT32"),
            ("Dimensionality", "2", "0"),
            ("Dimensionality", "2", "7"),
            ("Dimensionality", "2", "-1"),
            ("Dim0", "3", "-3"),
            ("Dim1", "2", ""),
            ("Encoding", "Base64Binary", "undef"),
            ("Endian", "BigEndian", "GIFTI_ENDIAN_UNDEF"),
            ("ArrayIndexingOrder", "ColumnMajorOrder", "C"),
        ] {
            let text = GOOD.replace(&format!("{name}=\"{value}\""), &format!("{name}=\"{bad}\""));
            let error = parse(&text).unwrap_err();
            assert!(
                matches!(&error, GiftiError::InvalidAttribute { array: 4, attribute, got, .. } if attribute == name && got == bad),
                "{error:?}"
            );
        }
    }

    #[test]
    fn external_files_are_named_and_not_opened() {
        let text = GOOD.replace("Base64Binary", "ExternalFileBinary");
        let error = parse(&format!(r#"{text} ExternalFileName="a &amp; b.dat""#)).unwrap_err();
        assert!(
            matches!(&error, GiftiError::ExternalFile { array: 4, file } if file == "a & b.dat"),
            "{error:?}"
        );
    }

    #[test]
    fn products_that_overflow_are_refused() {
        for (first, second) in
            [(u64::MAX, 2), (1 << 62, 1), (u64::MAX, 1), (1 << 40, 1 << 40), (1 << 61, 0x8)]
        {
            let text = GOOD
                .replace("Dim0=\"3\"", &format!("Dim0=\"{first}\""))
                .replace("Dim1=\"2\"", &format!("Dim1=\"{second}\""));
            let error = parse(&text).unwrap_err();
            assert!(
                matches!(&error, GiftiError::TooLarge { array: 4, dimensions } if *dimensions == [first, second]),
                "{error:?}"
            );
        }
        assert_eq!(parse(&GOOD.replace("Dim0=\"3\"", "Dim0=\"0\"")).unwrap().count, 0);
    }

    #[test]
    fn attributes_that_are_no_xml_are_refused() {
        for text in [r#"DataArray Encoding="&later;""#, r#"DataArray Encoding="#] {
            let error = parse(text).unwrap_err();
            assert!(matches!(error, GiftiError::Syntax { offset: 9, .. }), "{error:?}");
        }
    }
}
