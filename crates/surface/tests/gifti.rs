//! GIFTI files from streams and from paths, whole and broken.

use std::error::Error;
use std::io::{self, BufReader, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use gifti_surface::{GiftiError, Values, fs, read_gifti};
use proptest::prelude::*;

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// A document with one array of float32.
fn document(count: u64, encoding: &str, data: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE GIFTI SYSTEM \"http://www.nitrc.org/frs/download.php/115/gifti.dtd\">\n\
         <GIFTI Version=\"1.0\" NumberOfDataArrays=\"1\">\n<MetaData><MD><Name>a</Name></MD></MetaData>\n\
         <DataArray DataType=\"NIFTI_TYPE_FLOAT32\" Dimensionality=\"1\" Dim0=\"{count}\" \
         Encoding=\"{encoding}\" Endian=\"LittleEndian\"><MetaData/><Data>{data}</Data></DataArray>\n</GIFTI>\n"
    )
}

fn read(text: &str) -> Result<Vec<f32>, GiftiError> {
    let gifti = read_gifti(text.as_bytes())?;
    // However the input is cut into buffers, the result is the same.
    let slow = read_gifti(BufReader::with_capacity(1, text.as_bytes()))?;
    assert_eq!(gifti, slow);
    Ok(gifti.first()?.to_f32())
}

fn offset_of(text: &str, part: &str) -> u64 {
    text.find(part).unwrap() as u64
}

proptest! {
    #[test]
    fn values_are_read_as_written(values in prop::collection::vec(-1e6_f32..1e6, 0..9000), split in 1_usize..200) {
        let encoded = STANDARD.encode(bytes(&values));
        let lines: Vec<&str> = encoded.as_bytes().chunks(split).map(|line| str::from_utf8(line).unwrap()).collect();
        let texts: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
        let count = values.len() as u64;
        for text in [
            document(count, "ASCII", &texts.join(" \n")),
            document(count, "Base64Binary", &lines.join("\r\n ")),
            document(count, "GZipBase64Binary", &STANDARD.encode(zlib(&bytes(&values)))),
        ] {
            let gifti = read_gifti(text.as_bytes()).unwrap();
            prop_assert_eq!(gifti.first().unwrap().to_f32(), &*values);
        }
    }

    #[test]
    fn a_document_cut_anywhere_is_refused(cut in 0_usize..500) {
        for (encoding, data) in [
            ("ASCII", "1 2 3".to_owned()),
            ("Base64Binary", STANDARD.encode(bytes(&[1.0, 2.0, 3.0]))),
            ("GZipBase64Binary", STANDARD.encode(zlib(&bytes(&[1.0, 2.0, 3.0])))),
        ] {
            let whole = document(3, encoding, &data);
            let end = whole.rfind('>').unwrap();
            prop_assert!(read_gifti(&whole.as_bytes()[..cut.min(end)]).is_err());
        }
    }

    #[test]
    fn changed_bytes_are_read_or_refused(at in 0_usize..600, byte in any::<u8>()) {
        let mut text = document(3, "GZipBase64Binary", &STANDARD.encode(zlib(&bytes(&[1.0, 2.0, 3.0])))).into_bytes();
        let at = at % text.len();
        text[at] = byte;
        if let Ok(gifti) = read_gifti(text.as_slice()) {
            prop_assert!(gifti.arrays().iter().all(|array| array.values().len() <= 12));
        }
    }
}

#[test]
fn all_arrays_are_read_in_their_own_types() {
    let text = r#"<GIFTI>
      <DataArray Intent="NIFTI_INTENT_POINTSET" DataType="NIFTI_TYPE_FLOAT32" Dimensionality="2" Dim0="2" Dim1="3"
        ArrayIndexingOrder="ColumnMajorOrder" Encoding="ASCII" Endian="LittleEndian">
        <Data><!-- columns -->1 4 <![CDATA[2 5]]> 3&#10;6</Data>
      </DataArray>
      <DataArray DataType="NIFTI_TYPE_INT32" Dimensionality="1" Dim0="2" Encoding="Base64Binary" Endian="BigEndian">
        <Data>/////wAAAQA=</Data>
      </DataArray>
      <DataArray DataType="NIFTI_TYPE_UINT8" Dimensionality="1" Dim0="0" Encoding="Base64Binary" Endian="BigEndian"><Data/></DataArray>
    </GIFTI> not read any more <"#;
    let gifti = read_gifti(text.as_bytes()).unwrap();
    let [points, faces, nothing] = gifti.arrays() else { panic!("{gifti:?}") };
    assert_eq!((points.intent(), points.shape()), ("NIFTI_INTENT_POINTSET", &[2, 3][..]));
    assert_eq!(points.to_f32(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(*faces.values(), Values::Int32(vec![-1, 256]));
    assert_eq!(faces.nonzero_mask(), [true, true]);
    assert!(nothing.values().is_empty() && nothing.intent().is_empty());
    let slow = read_gifti(BufReader::with_capacity(1, text.as_bytes())).unwrap();
    assert_eq!(slow, gifti);
}

#[test]
fn files_of_the_fixture_bucket_hold_their_regions() {
    use fixtures::bucket::{Bucket, Hemisphere, rois};
    let bucket = Bucket::temporary().unwrap();
    let mut compared = 0;
    for roi in rois("sub-01").into_iter().filter(|roi| roi.has_surface) {
        for hemisphere in Hemisphere::BOTH {
            let stem = format!(
                "derivatives/rois/sub-01/{}/sub-01_hemi-{hemisphere}_space-fsnative_label-{}_mask",
                roi.category, roi.bucket_label
            );
            let mask = fs::read_gifti(bucket.path(&format!("{stem}.func.gii"))).unwrap();
            let mask = mask.first().unwrap().nonzero_mask();
            let expected: Vec<bool> = (0..hemisphere.vertices("sub-01"))
                .map(|vertex| roi.contains_vertex(hemisphere, vertex))
                .collect();
            assert_eq!(mask, expected, "{stem}");
            compared += 1;
        }
    }
    assert!(compared >= 4);
}

#[test]
fn text_that_is_no_gifti_is_refused() {
    for (text, name) in
        [("", ""), ("plain text", ""), ("<svg/>", "svg"), ("<gifti></gifti>", "gifti")]
    {
        let error = read(text).unwrap_err();
        assert!(matches!(&error, GiftiError::NotGifti { got } if got == name), "{error:?}");
    }
    for text in
        ["<GIFTI", "<GIFTI></MetaData>", "<GIFTI><a b=></GIFTI>x</b>", "<GIFTI><!-- </GIFTI>"]
    {
        let error = read(text).unwrap_err();
        let expected =
            matches!(error, GiftiError::Syntax { offset, .. } if offset <= text.len() as u64);
        assert!(expected, "{error:?}");
        assert!(error.source().is_some());
    }
    let error = read("<GIFTI><MetaData><MD>").unwrap_err();
    assert!(
        matches!(&error, GiftiError::EndsEarly { offset: 21, expected } if expected == "MD"),
        "{error:?}"
    );
    assert!(matches!(read("<GIFTI/>"), Err(GiftiError::NoDataArray)));
}

#[test]
fn one_data_element_is_needed() {
    let text = document(1, "ASCII", "1");
    let twice = text.replace("</Data>", "</Data><Data>1</Data>");
    let none = text.replace("<Data>1</Data>", "");
    for (text, found) in [(none, 0), (twice, 2)] {
        let error = read(&text).unwrap_err();
        assert!(
            matches!(error, GiftiError::DataElements { array: 0, expected: 1, got } if got == found),
            "{error:?}"
        );
    }
}

#[test]
fn data_of_another_length_are_refused() {
    let two = bytes(&[1.0, 2.0]);
    for (count, encoding, data, unit, expected, got) in [
        (3, "ASCII", "1 2".to_owned(), "values", 3, 2),
        (1, "ASCII", "1 2 3 4".to_owned(), "values", 1, 2),
        (0, "ASCII", "1".to_owned(), "values", 0, 1),
        (3, "Base64Binary", STANDARD.encode(&two), "bytes", 12, 8),
        (1, "Base64Binary", STANDARD.encode(&two), "bytes", 4, 8),
        (2, "Base64Binary", STANDARD.encode(&two[1..]), "bytes", 8, 7),
        (3, "GZipBase64Binary", STANDARD.encode(zlib(&two)), "bytes", 12, 8),
        (1, "GZipBase64Binary", STANDARD.encode(zlib(&two)), "bytes", 4, 8),
    ] {
        let error = read(&document(count, encoding, &data)).unwrap_err();
        let fields = match error {
            GiftiError::Length { array: 0, unit, expected, got } => (unit, expected, got),
            other => panic!("{other:?}"),
        };
        assert_eq!(fields, (unit, expected, got), "{encoding} {count}");
    }
}

#[test]
fn claims_reserve_no_memory_and_bombs_are_given_up() {
    let claimed = document(1 << 59, "Base64Binary", &STANDARD.encode(bytes(&[1.0])));
    assert!(matches!(
        read(&claimed),
        Err(GiftiError::Length {
            array: 0,
            unit: "bytes",
            expected: 0x2000_0000_0000_0000,
            got: 4
        })
    ));
    let bomb = document(2, "GZipBase64Binary", &STANDARD.encode(zlib(&vec![0; 64 << 20])));
    match read(&bomb) {
        Err(GiftiError::Length { expected: 8, got, .. }) => assert!(got <= 32 << 10, "{got}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn entities_of_a_document_type_are_not_expanded() {
    let laughs = r#"<!DOCTYPE GIFTI [<!ENTITY a "1 1 1 1"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/hostname">]>"#;
    let plain = document(1, "ASCII", "1");
    let (start, end) = (plain.find("<!DOCTYPE").unwrap(), plain.find("<GIFTI").unwrap());
    let with = |data: &str| {
        let text = document(1, "ASCII", data).replace("<Name>a", "<Name>&b;&f;");
        text.replace(&plain[start..end], laughs)
    };
    assert_eq!(read(&with("1")).unwrap(), [1.0], "references in metadata are skipped");
    for reference in ["&b;", "&f;"] {
        let text = with(reference);
        let error = read(&text).unwrap_err();
        let position = offset_of(&text, "<Data>") + 6;
        assert!(
            matches!(&error, GiftiError::InvalidData { array: 0, offset, got, .. } if got == reference && *offset == position),
            "{error:?}"
        );
    }
}

#[test]
fn what_is_no_value_is_named_with_its_place() {
    let text = document(3, "ASCII", "1 two 3");
    let error = read(&text).unwrap_err();
    let position = offset_of(&text, "two");
    assert!(
        matches!(&error, GiftiError::InvalidData { array: 0, offset, expected: "FLOAT32", got } if got == "two" && *offset == position),
        "{error:?}"
    );
    let text = document(1, "Base64Binary", "AAAA*AA=");
    let error = read(&text).unwrap_err();
    let position = offset_of(&text, "*");
    assert!(
        matches!(&error, GiftiError::InvalidData { array: 0, offset, expected: "base64", got } if got == "*" && *offset == position),
        "{error:?}"
    );
    for data in ["AAAAA", "AAAA=", "AAAAAA=", "AAAAAA=AAA==", "="] {
        let error = read(&document(1, "Base64Binary", data)).unwrap_err();
        assert!(matches!(error, GiftiError::InvalidData { array: 0, .. }), "{data}: {error:?}");
    }
    let error = read(&document(1, "ASCII", &"1".repeat(4000))).unwrap_err();
    assert!(matches!(&error, GiftiError::InvalidData { got, .. } if got.len() == 40), "{error:?}");
    let error = read(&document(1, "ASCII", "1<b>2</b>")).unwrap_err();
    assert!(matches!(&error, GiftiError::InvalidData { got, .. } if got == "<b>"), "{error:?}");
}

#[test]
fn damaged_streams_are_named() {
    let whole = zlib(&bytes(&[1.0, 2.0, 3.0]));
    let mut checksum = whole.clone();
    *checksum.last_mut().unwrap() ^= 1;
    let gzip = [&[0x1f, 0x8b, 8, 0][..], &whole].concat();
    for (stream, expected) in [
        (&whole[..whole.len() - 1], "it ends early"),
        (&whole[..0], "it ends early"),
        (&checksum, "data error"),
        (&gzip, "data error"),
    ] {
        let text = document(3, "GZipBase64Binary", &STANDARD.encode(stream));
        let error = read(&text).unwrap_err();
        let GiftiError::Inflate { array: 0, offset, reason } = error else { panic!("{error:?}") };
        assert!(reason.to_lowercase().contains(expected), "{reason}");
        assert!(offset <= text.len() as u64);
    }
}

#[test]
fn an_array_of_coordinates_has_no_value_for_each_vertex() {
    let with_shape = |dimensions: &str| {
        let text = document(6, "ASCII", "1 2 3 4 5 6");
        let text = text.replace("Dimensionality=\"1\" Dim0=\"6\"", dimensions);
        read_gifti(text.as_bytes()).unwrap().per_vertex().map(gifti_surface::DataArray::to_f32)
    };
    let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    for one in [
        "Dimensionality=\"1\" Dim0=\"6\"",
        "Dimensionality=\"2\" Dim0=\"6\" Dim1=\"1\"",
        "Dimensionality=\"2\" Dim0=\"1\" Dim1=\"6\"",
    ] {
        assert_eq!(with_shape(one).unwrap(), values, "{one}");
    }
    let error = with_shape("Dimensionality=\"2\" Dim0=\"2\" Dim1=\"3\"").unwrap_err();
    assert!(matches!(error, GiftiError::NotPerVertex { array: 0, got } if got == [2, 3]));
}

#[test]
fn bytes_behind_a_stream_are_ignored() {
    let whole = zlib(&bytes(&[1.0, 2.0, 3.0]));
    let expected = read(&document(3, "GZipBase64Binary", &STANDARD.encode(&whole))).unwrap();
    for more in [1, 5, 70_000] {
        let trailing = [whole.clone(), vec![7; more]].concat();
        let text = document(3, "GZipBase64Binary", &STANDARD.encode(trailing));
        assert_eq!(read(&text).unwrap(), expected, "{more}");
    }
}

#[test]
fn text_that_is_no_utf8_is_named() {
    let text = document(3, "ASCII", "1 2 3");
    let little = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let big = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    let wide = text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    let marked = format!("\u{feff}{text}");
    for (bytes, expected) in [
        (little(&text), "UTF-16"),
        (big(&text), "UTF-16"),
        (little(&marked), "UTF-16"),
        (big(&marked), "UTF-16"),
        (wide, "UTF-32"),
    ] {
        let error = read_gifti(&bytes[..]).unwrap_err();
        assert!(matches!(error, GiftiError::Encoding { got } if got == expected), "{error:?}");
    }
    assert!(read(&marked).is_ok(), "UTF-8 may have a mark too");
}

#[test]
fn markup_without_end_is_not_collected() {
    let endless = b"<GIFTI><!-- ".chain(io::repeat(b'x'));
    let error = read_gifti(BufReader::new(endless)).unwrap_err();
    assert!(
        matches!(error, GiftiError::MarkupTooLong { offset: 7, limit: 0x100_0000 }),
        "{error:?}"
    );
}

/// A reader that fails after its text.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::new(io::ErrorKind::ConnectionReset, "gone")),
            read => Ok(read),
        }
    }
}

#[test]
fn failures_of_the_input_keep_their_kind() {
    let text = document(3, "ASCII", "1 2 3");
    for end in ["<MetaData", "2 3"] {
        let cut = text.find(end).unwrap();
        let error = read_gifti(BufReader::new(Failing(&text.as_bytes()[..cut]))).unwrap_err();
        let GiftiError::Io { offset, source } = error else { panic!("{error:?}") };
        assert!(offset <= cut as u64, "{offset} {cut}");
        assert_eq!(source.kind(), io::ErrorKind::ConnectionReset);
    }
}

#[test]
fn errors_of_files_name_them() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mask.func.gii");
    let error = fs::read_gifti(&path).unwrap_err();
    assert!(
        matches!(&error, fs::ReadGiftiError::Open { path: named, source } if *named == path && source.kind() == io::ErrorKind::NotFound)
    );
    std::fs::write(&path, document(2, "ASCII", "1")).unwrap();
    let error = fs::read_gifti(&path).unwrap_err();
    assert!(error.to_string().contains("mask.func.gii"));
    assert!(matches!(
        &error,
        fs::ReadGiftiError::Read { path: named, source: GiftiError::Length { got: 1, .. } } if *named == path
    ));
    assert_eq!(error.source().unwrap().to_string(), "array 0 has 1 values (expected 2)");
}
