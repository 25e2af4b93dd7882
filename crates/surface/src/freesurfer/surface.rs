//! Surfaces of triangles (`white`, `pial`, `inflated`, `sphere.reg`).

use std::io::{self, BufRead, Write};

use super::bytes::{Bytes, POSITIVE, length};
use super::error::FreeSurferError;
use super::volume::VolumeGeometry;
use crate::mesh::{SurfaceMesh, check_triangles, check_vertices};

const KIND: &str = "a FreeSurfer surface of triangles";

/// What stands before the place of the volume: its tag, and before that a tag and whether the
/// coordinates are those of the scanner.
const TAG_GEOMETRY: i32 = 20;
const TAG_SCANNER_COORDINATES: i32 = 2;

/// Reads a FreeSurfer surface (`lh.white`, `lh.pial`, `lh.inflated`, `lh.sphere.reg`).
///
/// The triangle format is read: `ff ff fe`, a line that says who made it, the numbers of vertices and
/// of triangles, big-endian float32 coordinates and int32 corners, then, if it is there, the place of
/// the volume. The quad formats are refused by name. Memory grows with the bytes that arrive, never with
/// the numbers that the file claims.
///
/// # Errors
///
/// [`FreeSurferError`] for another format, counts that cannot be, coordinates that are not finite,
/// triangles with vertices that do not exist, and files that end early.
///
/// ```
/// use gifti_surface::{SurfaceMesh, read_mesh, write_mesh};
///
/// let corners = vec![[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];
/// let mesh = SurfaceMesh::new(corners, vec![[0, 1, 2]], None)?;
/// let mut file = Vec::new();
/// write_mesh(&mut file, &mesh)?;
/// assert_eq!(read_mesh(&file[..])?, mesh);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_mesh<R: BufRead>(reader: R) -> Result<SurfaceMesh, FreeSurferError> {
    read_sized(reader, None)
}

/// As [`read_mesh`]; the length of the file is compared with its counts before anything is read.
pub(crate) fn read_sized<R: BufRead>(
    reader: R,
    size: Option<u64>,
) -> Result<SurfaceMesh, FreeSurferError> {
    let mut bytes = Bytes::new(reader, size);
    let magic = bytes.take("the first three bytes")?;
    let got = match magic {
        [0xff, 0xff, 0xfe] => None,
        [0xff, 0xff, 0xff] => Some("a quad surface or a curvature file".to_owned()),
        [0xff, 0xff, 0xfd] => Some("a quad surface of the new format".to_owned()),
        [a, b, c] => Some(format!("one that begins with {a:02x} {b:02x} {c:02x}")),
    };
    if let Some(got) = got {
        return Err(FreeSurferError::Kind { expected: KIND, got });
    }
    let stamp = "the line that says who made it";
    if bytes.line(stamp)?.is_none() {
        return Err(FreeSurferError::EndsEarly { offset: 3, what: stamp });
    }
    // An empty line follows, in all but old files.
    if bytes.peek()? == Some(b'\n') {
        bytes.line(stamp)?;
    }
    let n_vertices = length(bytes.i32("the counts")?, "vertices", POSITIVE)?;
    let n_triangles = length(bytes.i32("the counts")?, "triangles", POSITIVE)?;
    bytes.check_room(12 * (n_vertices as u64 + n_triangles as u64), || {
        format!("{n_vertices} vertices and {n_triangles} triangles")
    })?;
    let vertices: Vec<[f32; 3]> =
        bytes.values(n_vertices, "the coordinates", |three: [u8; 12]| {
            std::array::from_fn(|axis| f32::from_bits(word(&three, axis)))
        })?;
    check_vertices(&vertices)?;
    let triangles: Vec<[u32; 3]> = bytes.values(n_triangles, "the triangles", |three| {
        std::array::from_fn(|corner| word(&three, corner))
    })?;
    check_triangles(&triangles, n_vertices)?;
    let (volume, is_scanner) = footer(&mut bytes)?;
    Ok(SurfaceMesh { vertices, triangles, volume, is_scanner })
}

/// The place of the volume and whether coordinates are those of the scanner, if the file says so.
fn footer<R: BufRead>(
    bytes: &mut Bytes<R>,
) -> Result<(Option<VolumeGeometry>, bool), FreeSurferError> {
    const WHAT: &str = "the tags behind the triangles";
    let mut is_scanner = false;
    if bytes.peek()?.is_none() {
        return Ok((None, is_scanner));
    }
    let mut tag = bytes.i32(WHAT)?;
    if tag == TAG_SCANNER_COORDINATES {
        is_scanner = bytes.i32(WHAT)? != 0;
        if bytes.peek()?.is_none() {
            return Ok((None, is_scanner));
        }
        tag = bytes.i32(WHAT)?;
    }
    if tag != TAG_GEOMETRY {
        return Ok((None, is_scanner));
    }
    let mut lines = Vec::new();
    for index in 0..VolumeGeometry::FIELDS.len() {
        let what = VolumeGeometry::FIELDS[index];
        let line = bytes.line(what)?.unwrap_or_default();
        if !VolumeGeometry::is_field(&line, index) {
            let got = line.chars().take(60).collect();
            return Err(FreeSurferError::Line { line: index as u64 + 1, expected: what, got });
        }
        lines.push(line);
    }
    Ok((VolumeGeometry::from_footer(&lines)?, is_scanner))
}

/// Writes a surface in the triangle format, as nibabel and FreeSurfer read it.
///
/// # Errors
///
/// Those of the writer; [`InvalidInput`](io::ErrorKind::InvalidInput) for a mesh without vertices or
/// triangles, or with more of them than the format can count.
pub fn write_mesh<W: Write>(mut writer: W, mesh: &SurfaceMesh) -> io::Result<()> {
    let count = |count: usize| match i32::try_from(count) {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(io::Error::from(io::ErrorKind::InvalidInput)),
    };
    let counts = [count(mesh.vertices.len())?, count(mesh.triangles.len())?];
    writer.write_all(b"\xff\xff\xfecreated by gifti-surface\n\n")?;
    counts.iter().try_for_each(|count| writer.write_all(&count.to_be_bytes()))?;
    for coordinate in mesh.vertices.iter().flatten() {
        writer.write_all(&coordinate.to_be_bytes())?;
    }
    for corner in mesh.triangles.iter().flatten() {
        writer.write_all(&corner.to_be_bytes())?;
    }
    for number in [TAG_SCANNER_COORDINATES, i32::from(mesh.is_scanner)] {
        writer.write_all(&number.to_be_bytes())?;
    }
    if let Some(volume) = &mesh.volume {
        writer.write_all(&TAG_GEOMETRY.to_be_bytes())?;
        writer.write_all(volume.to_lines().as_bytes())?;
    }
    writer.flush()
}

/// The big-endian word at a place among three.
fn word(bytes: &[u8; 12], index: usize) -> u32 {
    u32::from_be_bytes(std::array::from_fn(|byte| bytes[4 * index + byte]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume() -> VolumeGeometry {
        VolumeGeometry {
            shape: [30, 33, 22],
            voxel_size: [0.8, 0.8, 0.8],
            directions: [[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]],
            center: [2.5, -10.0, 0.1],
            file: "../mri/filled pretess255.mgz".to_owned(),
        }
    }

    fn tetrahedron(volume: Option<VolumeGeometry>) -> SurfaceMesh {
        let vertices = vec![[0.0, 0.0, 0.0], [1.5, 0.0, 0.0], [0.0, -2.0, 0.0], [0.0, 0.0, 3.25]];
        let triangles = vec![[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]];
        SurfaceMesh::new(vertices, triangles, volume).unwrap()
    }

    fn written(mesh: &SurfaceMesh) -> Vec<u8> {
        let mut file = Vec::new();
        write_mesh(&mut file, mesh).unwrap();
        file
    }

    /// Where the counts stand: after the magic, the stamp and the empty line.
    const COUNTS: usize = 3 + 24 + 2;

    #[test]
    fn meshes_are_read_and_written() {
        for mesh in [tetrahedron(None), tetrahedron(Some(volume()))] {
            let file = written(&mesh);
            assert_eq!(read_mesh(&file[..]).unwrap(), mesh);
            assert_eq!(read_sized(&file[..], Some(file.len() as u64)).unwrap(), mesh);
        }
    }

    #[test]
    fn what_stands_behind_the_triangles_is_optional() {
        let mesh = tetrahedron(None);
        let file = written(&mesh);
        let end = file.len() - 8;
        assert_eq!(read_mesh(&file[..end]).unwrap(), mesh);
        // Another tag.
        assert_eq!(read_mesh(&[&file[..end], &[0, 0, 0, 3, 1, 2]].concat()[..]).unwrap(), mesh);
        // Coordinates of the scanner.
        let scanner = [&file[..end], &[0, 0, 0, 2, 0, 0, 0, 1]].concat();
        let scanner = read_mesh(&scanner[..]).unwrap();
        assert!(scanner.is_scanner() && !mesh.is_scanner());
        assert_eq!(read_mesh(&written(&scanner)[..]).unwrap(), scanner);
        // An old file has no empty line.
        let old = [&file[..COUNTS - 1], &file[COUNTS..]].concat();
        assert_eq!(read_mesh(&old[..]).unwrap(), mesh);
    }

    #[test]
    fn other_formats_are_refused_by_name() {
        for (magic, got) in [
            ([0xff, 0xff, 0xff], "a quad surface or a curvature file"),
            ([0xff, 0xff, 0xfd], "a quad surface of the new format"),
            (*b"<?x", "one that begins with 3c 3f 78"),
        ] {
            let error = read_mesh(&magic[..]).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("the file is {got} (expected a FreeSurfer surface of triangles)")
            );
        }
    }

    #[test]
    fn counts_are_checked_before_anything_is_allocated() {
        let mut file = written(&tetrahedron(None));
        file[COUNTS] = 0x7f;
        let error = read_sized(&file[..], Some(file.len() as u64)).unwrap_err();
        assert!(
            matches!(error, FreeSurferError::TooShort { expected, got: 104, .. } if expected == 12 * (0x7f00_0004 + 4)),
            "{error:?}"
        );
        assert!(matches!(read_mesh(&file[..]), Err(FreeSurferError::EndsEarly { .. })));
        file[COUNTS] = 0xff;
        let error = read_mesh(&file[..]).unwrap_err();
        assert_eq!(error.to_string(), "-16777212 vertices (expected at least 1)");
    }

    #[test]
    fn vertices_and_triangles_are_checked() {
        let file = written(&tetrahedron(None));
        let mut broken = file.clone();
        broken[COUNTS + 8 + 12..COUNTS + 8 + 16].copy_from_slice(&f32::NAN.to_be_bytes());
        let error = read_mesh(&broken[..]).unwrap_err();
        assert_eq!(error.to_string(), "vertex 1 lies at [NaN, 0.0, 0.0] (expected finite numbers)");
        let corner = COUNTS + 8 + 48 + 12;
        for (bytes, got) in [([0, 0, 0, 4], 4), ([0xff; 4], -1)] {
            let mut broken = file.clone();
            broken[corner..corner + 4].copy_from_slice(&bytes);
            let error = read_mesh(&broken[..]).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("triangle 1 names vertex {got} (expected 0 to 3)")
            );
        }
    }

    #[test]
    fn a_file_that_is_cut_anywhere_before_its_tags_is_refused() {
        let file = written(&tetrahedron(Some(volume())));
        let tags = COUNTS + 8 + 12 * 8;
        for end in (0..tags).chain(tags + 1..tags + 4) {
            let error = read_mesh(&file[..end]).unwrap_err();
            assert!(matches!(error, FreeSurferError::EndsEarly { .. }), "{end}: {error:?}");
        }
        // A place that is cut is an error too, but in the last digits of its last line.
        for end in tags + 12..file.len() - 24 {
            assert!(read_mesh(&file[..end]).is_err(), "{end}");
        }
    }
}
