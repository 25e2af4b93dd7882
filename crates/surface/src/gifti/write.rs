//! GIFTI files out: values per vertex, and meshes.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use quick_xml::escape::escape;
use zlib_rs::{Deflate, DeflateFlush, Status};

use crate::{Hemisphere, SurfaceMesh};

/// Compressed bytes that are encoded at a time; a multiple of 3, so that digits join without padding.
const PIECE: usize = 48 * 1024;

/// Values that are compressed at a time.
const VALUES: usize = 8 * 1024;

/// As zlib's own default.
const LEVEL: i32 = 6;

const WINDOW_BITS: u8 = 15;

/// What a GIFTI file says about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GiftiMetadata {
    /// The hemisphere, written as `AnatomicalStructurePrimary`: `CortexLeft` or `CortexRight`.
    pub hemisphere: Option<Hemisphere>,
    /// The space of the vertices, such as `fsaverage`, written as `Space`.
    pub space: Option<String>,
    /// Further names and values.
    pub entries: Vec<(String, String)>,
}

impl GiftiMetadata {
    /// A hemisphere of a space.
    #[must_use]
    pub fn new(hemisphere: Hemisphere, space: impl Into<String>) -> Self {
        Self { hemisphere: Some(hemisphere), space: Some(space.into()), entries: Vec::new() }
    }

    fn pairs(&self) -> Vec<(&str, &str)> {
        let structure = self.hemisphere.map(|hemisphere| match hemisphere {
            Hemisphere::Left => "CortexLeft",
            Hemisphere::Right => "CortexRight",
        });
        let structure = structure.map(|it| ("AnatomicalStructurePrimary", it));
        let space = self.space.as_deref().map(|it| ("Space", it));
        let entries = self.entries.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        structure.into_iter().chain(space).chain(entries).collect()
    }
}

/// Writes a GIFTI file, array by array: little-endian, compressed (`GZipBase64Binary`), values in
/// float32. No more than one piece of an array is held besides the caller's.
///
/// ```
/// use gifti_surface::{GiftiMetadata, GiftiWriter, Hemisphere, read_gifti};
///
/// let about = GiftiMetadata::new(Hemisphere::Left, "fsaverage");
/// let mut gifti = GiftiWriter::new(Vec::new(), &about, 2)?;
/// gifti.per_vertex("first", &[0.5, -1.0])?;
/// gifti.per_vertex("second", &[2.0, f32::NAN])?;
/// let file = gifti.finish()?;
/// assert_eq!(read_gifti(&file[..])?.arrays()[0].to_f32(), [0.5, -1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct GiftiWriter<W: Write> {
    writer: W,
    hemisphere: Option<Hemisphere>,
    expected: usize,
    got: usize,
}

impl<W: Write> GiftiWriter<W> {
    /// Begins a file of so many arrays.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn new(mut writer: W, about: &GiftiMetadata, n_arrays: usize) -> io::Result<Self> {
        write!(
            writer,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <!DOCTYPE GIFTI SYSTEM \"http://www.nitrc.org/frs/download.php/115/gifti.dtd\">\n\
             <GIFTI Version=\"1.0\" NumberOfDataArrays=\"{n_arrays}\">\n"
        )?;
        write_pairs(&mut writer, &about.pairs())?;
        writer.write_all(b"<LabelTable />\n")?;
        Ok(Self { writer, hemisphere: about.hemisphere, expected: n_arrays, got: 0 })
    }

    /// Writes one value for each vertex, with a name; an empty one is left out.
    ///
    /// # Errors
    ///
    /// Those of the writer; [`InvalidInput`](io::ErrorKind::InvalidInput) for an array too many.
    pub fn per_vertex(&mut self, name: &str, values: &[f32]) -> io::Result<()> {
        let pairs: &[(&str, &str)] = if name.is_empty() { &[] } else { &[("Name", name)] };
        self.begin("NIFTI_INTENT_NONE", "FLOAT32", &[values.len()], pairs)?;
        self.data(values.iter().map(|value| value.to_le_bytes()))
    }

    /// Writes a mesh: two arrays, its coordinates and its triangles. The coordinates are said to be
    /// those of the scanner or the template.
    ///
    /// # Errors
    ///
    /// As [`per_vertex`](Self::per_vertex); also for more vertices than the format can count.
    pub fn mesh(&mut self, mesh: &SurfaceMesh) -> io::Result<()> {
        if i32::try_from(mesh.vertices().len()).is_err() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let about = GiftiMetadata { hemisphere: self.hemisphere, ..GiftiMetadata::default() };
        let shape = [mesh.vertices().len(), 3];
        self.begin("NIFTI_INTENT_POINTSET", "FLOAT32", &shape, &about.pairs())?;
        self.writer.write_all(
            b"<CoordinateSystemTransformMatrix>\n\
              <DataSpace>NIFTI_XFORM_SCANNER_ANAT</DataSpace>\n\
              <TransformedSpace>NIFTI_XFORM_SCANNER_ANAT</TransformedSpace>\n\
              <MatrixData>1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1</MatrixData>\n\
              </CoordinateSystemTransformMatrix>\n",
        )?;
        self.data(mesh.vertices().iter().flatten().map(|coordinate| coordinate.to_le_bytes()))?;
        self.begin("NIFTI_INTENT_TRIANGLE", "INT32", &[mesh.triangles().len(), 3], &[])?;
        self.data(mesh.triangles().iter().flatten().map(|corner| corner.to_le_bytes()))
    }

    /// Ends the file and gives the writer back.
    ///
    /// # Errors
    ///
    /// Those of the writer; [`InvalidInput`](io::ErrorKind::InvalidInput) when there are fewer arrays
    /// than the file says.
    pub fn finish(mut self) -> io::Result<W> {
        if self.got != self.expected {
            return Err(self.count_error());
        }
        self.writer.write_all(b"</GIFTI>\n")?;
        self.writer.flush()?;
        Ok(self.writer)
    }

    fn begin(
        &mut self,
        intent: &str,
        data_type: &str,
        shape: &[usize],
        pairs: &[(&str, &str)],
    ) -> io::Result<()> {
        self.got += 1;
        if self.got > self.expected {
            return Err(self.count_error());
        }
        write!(
            self.writer,
            "<DataArray Intent=\"{intent}\" DataType=\"NIFTI_TYPE_{data_type}\" \
             ArrayIndexingOrder=\"RowMajorOrder\" Dimensionality=\"{}\"",
            shape.len()
        )?;
        for (axis, length) in shape.iter().enumerate() {
            write!(self.writer, " Dim{axis}=\"{length}\"")?;
        }
        self.writer.write_all(
            b" Encoding=\"GZipBase64Binary\" Endian=\"LittleEndian\" \
              ExternalFileName=\"\" ExternalFileOffset=\"\">\n",
        )?;
        write_pairs(&mut self.writer, pairs)
    }

    fn data(&mut self, values: impl Iterator<Item = [u8; 4]>) -> io::Result<()> {
        self.writer.write_all(b"<Data>")?;
        let mut digits = Digits {
            deflate: Deflate::new(LEVEL, true, WINDOW_BITS),
            compressed: vec![0; PIECE],
            filled: 0,
            text: vec![0; PIECE / 3 * 4],
        };
        let mut piece = Vec::with_capacity(4 * VALUES);
        for value in values {
            piece.extend(value);
            if piece.len() == 4 * VALUES {
                digits.push(&mut self.writer, &piece, DeflateFlush::NoFlush)?;
                piece.clear();
            }
        }
        digits.push(&mut self.writer, &piece, DeflateFlush::Finish)?;
        self.writer.write_all(b"</Data>\n</DataArray>\n")
    }

    fn count_error(&self) -> io::Error {
        let message = format!("{} data arrays (expected {})", self.got, self.expected);
        io::Error::new(io::ErrorKind::InvalidInput, message)
    }
}

/// A zlib stream on its way into base64.
struct Digits {
    deflate: Deflate,
    compressed: Vec<u8>,
    filled: usize,
    text: Vec<u8>,
}

impl Digits {
    fn push<W: Write>(
        &mut self,
        writer: &mut W,
        mut input: &[u8],
        flush: DeflateFlush,
    ) -> io::Result<()> {
        let is_last = matches!(flush, DeflateFlush::Finish);
        loop {
            let before = (self.deflate.total_in(), self.deflate.total_out());
            let room = &mut self.compressed[self.filled..];
            let status = self.deflate.compress(input, room, flush);
            let status = status.map_err(|error| io::Error::other(error.as_str()))?;
            // INVARIANT: no more is taken or given than the two slices hold.
            let taken = usize::try_from(self.deflate.total_in() - before.0).expect("a length");
            // INVARIANT: as above.
            let given = usize::try_from(self.deflate.total_out() - before.1).expect("a length");
            input = &input[taken..];
            self.filled += given;
            let has_ended = status == Status::StreamEnd;
            if self.filled == self.compressed.len() || has_ended {
                self.encode(writer)?;
            }
            if has_ended || !is_last && input.is_empty() {
                return Ok(());
            }
        }
    }

    fn encode<W: Write>(&mut self, writer: &mut W) -> io::Result<()> {
        let encoded = STANDARD.encode_slice(&self.compressed[..self.filled], &mut self.text);
        // INVARIANT: the text has room for the digits of a whole piece.
        let length = encoded.expect("room for the digits");
        self.filled = 0;
        writer.write_all(&self.text[..length])
    }
}

fn write_pairs<W: Write>(writer: &mut W, pairs: &[(&str, &str)]) -> io::Result<()> {
    if pairs.is_empty() {
        return writer.write_all(b"<MetaData />\n");
    }
    writer.write_all(b"<MetaData>\n")?;
    for (name, value) in pairs {
        let (name, value) = (escape(*name), escape(*value));
        writeln!(writer, "<MD><Name>{name}</Name><Value>{value}</Value></MD>")?;
    }
    writer.write_all(b"</MetaData>\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::read_gifti;

    fn written(values: &[Vec<f32>]) -> Vec<u8> {
        let about = GiftiMetadata::default();
        let mut gifti = GiftiWriter::new(Vec::new(), &about, values.len()).unwrap();
        values.iter().for_each(|values| gifti.per_vertex("", values).unwrap());
        gifti.finish().unwrap()
    }

    #[test]
    fn arrays_longer_than_a_piece_come_back() {
        // Noise, so that the compressed bytes fill several pieces.
        let mut state = 1_u32;
        let noise = std::iter::repeat_with(move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32
        });
        for length in [0, 1, VALUES, VALUES + 1, 150_000] {
            let values: Vec<f32> = noise.take(length).collect();
            let gifti = read_gifti(&written(std::slice::from_ref(&values))[..]).unwrap();
            assert!(gifti.first().unwrap().to_f32() == values, "{length}");
        }
    }

    #[test]
    fn metadata_name_hemisphere_and_space() {
        let mut about = GiftiMetadata::new(Hemisphere::Right, "fsaverage");
        about.entries.push(("Description".to_owned(), "a < b & \"c\"".to_owned()));
        let mut gifti = GiftiWriter::new(Vec::new(), &about, 1).unwrap();
        gifti.per_vertex("x > 0", &[1.0]).unwrap();
        let text = String::from_utf8(gifti.finish().unwrap()).unwrap();
        for part in [
            "<MD><Name>AnatomicalStructurePrimary</Name><Value>CortexRight</Value></MD>",
            "<MD><Name>Space</Name><Value>fsaverage</Value></MD>",
            "<Name>Description</Name><Value>a &lt; b &amp; &quot;c&quot;</Value>",
            "<Name>Name</Name><Value>x &gt; 0</Value>",
            "NumberOfDataArrays=\"1\"",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(read_gifti(text.as_bytes()).unwrap().first().unwrap().to_f32(), [1.0]);
    }

    #[test]
    fn meshes_come_back() {
        let vertices = vec![[0.0, 0.0, 0.0], [1.5, 0.0, 0.0], [0.0, -2.0, 0.25]];
        let mesh = SurfaceMesh::new(vertices, vec![[0, 2, 1]], None).unwrap();
        let about = GiftiMetadata::new(Hemisphere::Left, "T1w");
        let mut gifti = GiftiWriter::new(Vec::new(), &about, 2).unwrap();
        gifti.mesh(&mesh).unwrap();
        let file = gifti.finish().unwrap();
        assert_eq!(read_gifti(&file[..]).unwrap().to_mesh().unwrap(), mesh);
    }

    #[test]
    fn the_number_of_arrays_is_kept() {
        let about = GiftiMetadata::default();
        let mut gifti = GiftiWriter::new(Vec::new(), &about, 1).unwrap();
        gifti.per_vertex("", &[1.0]).unwrap();
        let error = gifti.per_vertex("", &[1.0]).unwrap_err();
        assert_eq!(error.to_string(), "2 data arrays (expected 1)");
        let gifti = GiftiWriter::new(Vec::new(), &about, 1).unwrap();
        assert_eq!(gifti.finish().unwrap_err().to_string(), "0 data arrays (expected 1)");
    }

    proptest! {
        #[test]
        fn any_values_come_back(arrays in prop::collection::vec(
            prop::collection::vec(any::<u32>().prop_map(f32::from_bits), 0..200), 1..4,
        )) {
            let gifti = read_gifti(&written(&arrays)[..]).unwrap();
            prop_assert_eq!(gifti.arrays().len(), arrays.len());
            for (array, values) in gifti.iter().zip(&arrays) {
                let bits = |values: &[f32]| values.iter().map(|it| it.to_bits()).collect::<Vec<_>>();
                prop_assert_eq!(bits(&array.to_f32()), bits(values));
            }
        }
    }
}
