//! Curvature files: one value for each vertex (`curv`, `sulc`, `thickness`, `area`).

use std::io::{BufRead, Write};

use super::bytes::{Bytes, NOT_NEGATIVE, POSITIVE, length};
use super::error::FreeSurferError;

/// How a file of the new format begins.
const MAGIC: [u8; 3] = [0xff; 3];

const KIND: &str = "a curvature file of the new format";

/// Reads the values of a FreeSurfer curvature file (`lh.curv`, `lh.sulc`, `lh.thickness`), in float32,
/// one for each vertex.
///
/// The new format is read: it begins with `ff ff ff`, then come the numbers of vertices, of triangles
/// and of values for each vertex, which is 1, and big-endian float32 values. Memory grows with the
/// bytes that arrive, never with the number that the file claims. Bytes after the values are ignored,
/// as nibabel does.
///
/// # Errors
///
/// [`FreeSurferError`] for the old format, counts that cannot be, and files that end early.
///
/// ```
/// let mut file = Vec::new();
/// gifti_surface::write_curvature(&mut file, &[0.5, -1.25], 0)?;
/// assert_eq!(gifti_surface::read_curvature(&file[..])?, [0.5, -1.25]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_curvature<R: BufRead>(reader: R) -> Result<Vec<f32>, FreeSurferError> {
    read_sized(reader, None)
}

/// As [`read_curvature`]; the length of the file is compared with its counts before anything is read.
pub(crate) fn read_sized<R: BufRead>(
    reader: R,
    size: Option<u64>,
) -> Result<Vec<f32>, FreeSurferError> {
    let mut bytes = Bytes::new(reader, size);
    let magic: [u8; 3] = bytes.take("the first three bytes")?;
    if magic != MAGIC {
        let [a, b, c] = magic;
        let got = format!("one that begins with {a:02x} {b:02x} {c:02x}, such as the old format");
        return Err(FreeSurferError::Kind { expected: KIND, got });
    }
    let header = "the counts";
    let n_vertices = length(bytes.i32(header)?, "vertices", POSITIVE)?;
    length(bytes.i32(header)?, "triangles", NOT_NEGATIVE)?;
    let each = bytes.i32(header)?;
    if each != 1 {
        let (what, expected) = ("values for each vertex", "1");
        return Err(FreeSurferError::Count { what, expected, got: i64::from(each) });
    }
    bytes.check_room(4 * n_vertices as u64, || format!("{n_vertices} values"))?;
    bytes.values(n_vertices, "the values", f32::from_be_bytes)
}

/// Writes a curvature file of the new format, as nibabel and FreeSurfer read it.
///
/// # Errors
///
/// Those of the writer; [`InvalidInput`](std::io::ErrorKind::InvalidInput) for more vertices than the
/// format can count.
pub fn write_curvature<W: Write>(
    mut writer: W,
    values: &[f32],
    n_triangles: usize,
) -> std::io::Result<()> {
    let count = |count: usize| {
        let count = i32::try_from(count);
        count.map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidInput))
    };
    writer.write_all(&MAGIC)?;
    for number in [count(values.len())?, count(n_triangles)?, 1] {
        writer.write_all(&number.to_be_bytes())?;
    }
    values.iter().try_for_each(|value| writer.write_all(&value.to_be_bytes()))?;
    writer.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: [u8; 23] = [
        0xff, 0xff, 0xff, // the new format
        0, 0, 0, 2, // vertices
        0, 0, 0, 4, // triangles
        0, 0, 0, 1, // values for each vertex
        0x3f, 0x80, 0, 0, // 1
        0xbf, 0, 0, 0, // -0.5
    ];

    fn changed(at: usize, to: u8) -> Vec<u8> {
        let mut file = FILE.to_vec();
        file[at] = to;
        file
    }

    #[test]
    fn values_are_read_and_written() {
        assert_eq!(read_curvature(&FILE[..]).unwrap(), [1.0, -0.5]);
        let mut written = Vec::new();
        write_curvature(&mut written, &[1.0, -0.5], 4).unwrap();
        assert_eq!(written, FILE);
        // What follows is ignored.
        assert_eq!(read_curvature(&[&FILE[..], &[1, 2]].concat()[..]).unwrap(), [1.0, -0.5]);
    }

    #[test]
    fn the_old_format_and_impossible_counts_are_refused() {
        let error = read_curvature(&[0, 0, 2, 0, 0, 4, 0, 100][..]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the file is one that begins with 00 00 02, such as the old format (expected a curvature file of the new format)"
        );
        for (at, to, message) in [
            (3, 0xff, "-16777214 vertices (expected at least 1)"),
            (6, 0, "0 vertices (expected at least 1)"),
            (7, 0xff, "-16777212 triangles (expected at least 0)"),
            (14, 2, "2 values for each vertex (expected 1)"),
        ] {
            let error = read_curvature(&changed(at, to)[..]).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn counts_are_compared_with_the_file_before_values_are_read() {
        let file = changed(3, 0x7f);
        let error = read_sized(&file[..], Some(file.len() as u64)).unwrap_err();
        assert!(
            matches!(&error, FreeSurferError::TooShort { expected: 8_522_825_736, got: 8, what } if what == "2130706434 values"),
            "{error:?}"
        );
        // Without a length the memory grows with what is there.
        let error = read_curvature(&file[..]).unwrap_err();
        assert!(
            matches!(error, FreeSurferError::EndsEarly { offset: 23, what: "the values" }),
            "{error:?}"
        );
    }

    #[test]
    fn a_file_that_is_cut_anywhere_is_refused() {
        for end in 0..FILE.len() {
            let error = read_curvature(&FILE[..end]).unwrap_err();
            assert!(
                matches!(error, FreeSurferError::EndsEarly { offset, .. } if offset == end as u64),
                "{end}: {error:?}"
            );
        }
    }
}
