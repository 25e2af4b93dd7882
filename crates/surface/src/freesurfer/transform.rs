//! Linear transforms between two volumes: `.lta` and `.xfm`.

use std::io::BufRead;

use laion_fmri_base::{AffineRows, compose_affines, invert_affine};

use super::error::FreeSurferError;
use super::text::{Lines, value_of};
use super::volume::VolumeGeometry;

/// A linear map from the scanner coordinates of one volume to those of another, in mm.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct LinearTransform {
    matrix: AffineRows,
    source: Option<VolumeGeometry>,
    destination: Option<VolumeGeometry>,
}

impl LinearTransform {
    /// From the scanner coordinates of the source to those of the destination, in mm.
    #[must_use]
    pub fn matrix(&self) -> &AffineRows {
        &self.matrix
    }

    /// The volume that it maps from, if the file says where it lies.
    #[must_use]
    pub fn source(&self) -> Option<&VolumeGeometry> {
        self.source.as_ref()
    }

    /// The volume that it maps to, if the file says where it lies.
    #[must_use]
    pub fn destination(&self) -> Option<&VolumeGeometry> {
        self.destination.as_ref()
    }
}

/// Reads a linear transform of FreeSurfer's own format (`talairach.lta`).
///
/// Types 0 (voxels to voxels) and 1 (RAS to RAS) are read. That between voxels becomes one between
/// scanner coordinates by the volumes that the file describes. One transform is expected.
///
/// # Errors
///
/// [`FreeSurferError`] for other types, lines that do not say what they should, a matrix that cannot be
/// inverted, and a transform between voxels of volumes whose place is not known.
pub fn read_lta<R: BufRead>(reader: R) -> Result<LinearTransform, FreeSurferError> {
    let mut lines = Lines::new(reader, '#');
    let number = |lines: &mut Lines<R>, key| -> Result<i64, FreeSurferError> {
        let value = lines.value(key)?;
        value.parse().map_err(|_| lines.unexpected(key, &value))
    };
    let kind = number(&mut lines, "type")?;
    if !(0..=1).contains(&kind) {
        return Err(FreeSurferError::TransformType { got: kind });
    }
    let count = number(&mut lines, "nxforms")?;
    if count != 1 {
        let (what, expected) = ("transforms", "1");
        return Err(FreeSurferError::Count { what, expected, got: count });
    }
    lines.values::<3>("mean")?;
    lines.values::<1>("sigma")?;
    let shape = lines.numbers::<3>("1 4 4")?;
    if shape != [1.0, 4.0, 4.0] {
        return Err(lines.unexpected("1 4 4", &format!("{shape:?}")));
    }
    let mut matrix = [[0.0; 4]; 3];
    for row in &mut matrix {
        *row = lines.numbers("four numbers")?;
    }
    let last = lines.numbers::<4>("0 0 0 1")?;
    if last != [0.0, 0.0, 0.0, 1.0] {
        return Err(lines.unexpected("0 0 0 1", &format!("{last:?}")));
    }
    let (mut source, mut destination) = (None, None);
    while let Some(line) = lines.next()? {
        match line.as_str() {
            "src volume info" => source = VolumeGeometry::read_lines(&mut lines)?,
            "dst volume info" => destination = VolumeGeometry::read_lines(&mut lines)?,
            // The name of the subject and a scale follow.
            _ => {}
        }
    }
    if kind == 0 {
        let source = source.as_ref().ok_or(FreeSurferError::NoGeometry { what: "the source" })?;
        let destination = destination.as_ref();
        let destination =
            destination.ok_or(FreeSurferError::NoGeometry { what: "the destination" })?;
        let back = invert_affine(&source.affine());
        let back = back.ok_or(FreeSurferError::Singular { what: "the place of the source" })?;
        matrix = compose_affines(&destination.affine(), &compose_affines(&matrix, &back));
    }
    check(LinearTransform { matrix, source, destination })
}

/// Reads a linear transform of the MNI format (`talairach.xfm`): from the scanner coordinates of the
/// subject to those of the template.
///
/// # Errors
///
/// As [`read_lta`].
pub fn read_xfm<R: BufRead>(reader: R) -> Result<LinearTransform, FreeSurferError> {
    const FIRST: &str = "MNI Transform File";
    let mut lines = Lines::new(reader, '%');
    let first = lines.required(FIRST)?;
    if first != FIRST {
        return Err(lines.unexpected(FIRST, &first));
    }
    loop {
        let line = lines.required("Linear_Transform =")?;
        if value_of(&line, "Transform_Type").is_some_and(|kind| kind != "Linear;") {
            return Err(lines.unexpected("Transform_Type = Linear;", &line));
        }
        if value_of(&line, "Linear_Transform").is_some_and(str::is_empty) {
            break;
        }
    }
    let mut matrix = [[0.0; 4]; 3];
    for (index, row) in matrix.iter_mut().enumerate() {
        let line = lines.required("four numbers")?;
        let text = match index {
            2 => line.strip_suffix(';').unwrap_or(&line),
            _ => &line,
        };
        let expected = "four numbers";
        *row = super::text::numbers(text).ok_or_else(|| lines.unexpected(expected, &line))?;
    }
    check(LinearTransform { matrix, source: None, destination: None })
}

fn check(transform: LinearTransform) -> Result<LinearTransform, FreeSurferError> {
    match invert_affine(&transform.matrix) {
        Some(_) => Ok(transform),
        None => Err(FreeSurferError::Singular { what: "the transform" }),
    }
}

#[cfg(test)]
mod tests {
    use laion_fmri_base::apply_affine;

    use super::*;

    const GEOMETRIES: &str = "src volume info
valid = 1  # volume info valid
filename = /data/sub-01/mri/orig_nu.mgz
volume = 20 22 24
voxelsize = 0.8 0.8 0.8
xras   = -1 0 0
yras   = 0 0 -1
zras   = 0 1 0
cras   = 2 -3 5
dst volume info
valid = 1  # volume info valid
filename = mni305.cor.mgz
volume = 256 256 256
voxelsize = 1 1 1
xras   = -1 0 0
yras   = 0 0 -1
zras   = 0 1 0
cras   = 0 0 0
subject fsaverage
fscale 0.150000
";

    fn lta(kind: i32, matrix: &str, geometries: &str) -> String {
        format!(
            "# transform file talairach.lta\n# created by somebody\n\ntype      = {kind}\n\
             nxforms   = 1\nmean      = 129.0000 157.0000 132.0000\nsigma     = 10000.0000\n\
             1 4 4\n{matrix}0 0 0 1\n{geometries}"
        )
    }

    const MATRIX: &str = "1.05 0.01 0 -2.5\n-0.02 1.1 0.2 4\n0.0e0 -0.2 1.2 1e1\n";
    const ROWS: AffineRows =
        [[1.05, 0.01, 0.0, -2.5], [-0.02, 1.1, 0.2, 4.0], [0.0, -0.2, 1.2, 10.0]];

    #[test]
    fn transforms_between_coordinates_are_taken_as_they_are() {
        let transform = read_lta(lta(1, MATRIX, GEOMETRIES).as_bytes()).unwrap();
        assert_eq!(transform.matrix(), &ROWS);
        assert_eq!(transform.source().unwrap().center, [2.0, -3.0, 5.0]);
        assert_eq!(transform.destination().unwrap().shape, [256; 3]);
        // Without geometries too.
        let transform = read_lta(lta(1, MATRIX, "").as_bytes()).unwrap();
        assert_eq!((transform.source(), transform.destination()), (None, None));
    }

    #[test]
    fn transforms_between_voxels_are_converted_by_the_geometries() {
        let transform = read_lta(lta(0, MATRIX, GEOMETRIES).as_bytes()).unwrap();
        let (source, destination) = (transform.source().unwrap(), transform.destination().unwrap());
        for voxel in [[0.0, 0.0, 0.0], [3.0, 20.0, 7.5]] {
            let by_voxels = apply_affine(&destination.affine(), apply_affine(&ROWS, voxel));
            let there = apply_affine(transform.matrix(), apply_affine(&source.affine(), voxel));
            for axis in 0..3 {
                assert!((by_voxels[axis] - there[axis]).abs() < 1e-9);
            }
        }
        let error = read_lta(lta(0, MATRIX, "").as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "the file does not say where the source lies");
        let invalid =
            GEOMETRIES.replace("dst volume info\nvalid = 1", "dst volume info\nvalid = 0");
        let error = read_lta(lta(0, MATRIX, &invalid).as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "the file does not say where the destination lies");
    }

    #[test]
    fn other_types_and_matrices_are_refused() {
        let flat = "1 0 0 0\n0 1 0 0\n1 1 0 0\n";
        for (text, message) in [
            (
                lta(2, MATRIX, GEOMETRIES),
                "transform of type 2 (expected 0, voxels to voxels, or 1, RAS to RAS)",
            ),
            (lta(1, flat, GEOMETRIES), "the transform cannot be inverted"),
            (
                lta(1, MATRIX, GEOMETRIES).replace("nxforms   = 1", "nxforms   = 2"),
                "2 transforms (expected 1)",
            ),
            (lta(1, "1 0 0\n0 1 0 0\n0 0 1 0\n", ""), "line 9: \"1 0 0\" (expected four numbers)"),
            (
                lta(1, "1 0 0 nan\n0 1 0 0\n0 0 1 0\n", ""),
                "line 9: \"1 0 0 nan\" (expected four numbers)",
            ),
            (
                lta(1, MATRIX, GEOMETRIES).replace("cras   = 2 -3 5", "cras   = 2 -3"),
                "line 21: \"2 -3\" (expected cras)",
            ),
            (String::new(), "line 1: \"the end of the file\" (expected type)"),
            ("type = x\n".to_owned(), "line 1: \"x\" (expected type)"),
        ] {
            assert_eq!(read_lta(text.as_bytes()).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn mni_transforms_are_read() {
        let text = "MNI Transform File\n% avi2talxfm\n\nTransform_Type = Linear;\n\
                    Linear_Transform = \n1.05 0.01 0 -2.5\n-0.02 1.1 0.2 4\n0 -0.2 1.2 10;\n";
        assert_eq!(read_xfm(text.as_bytes()).unwrap().matrix(), &ROWS);
        for (from, to, message) in [
            ("MNI Tr", "Tr", "line 1: \"Transform File\" (expected MNI Transform File)"),
            (
                "= Linear;",
                "= Thin_Plate;",
                "line 4: \"Transform_Type = Thin_Plate;\" (expected Transform_Type = Linear;)",
            ),
            ("4\n", "four\n", "line 7: \"-0.02 1.1 0.2 four\" (expected four numbers)"),
            ("10;", "x;", "line 8: \"0 -0.2 1.2 x;\" (expected four numbers)"),
        ] {
            let error = read_xfm(text.replace(from, to).as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        for end in 0..text.len() - 12 {
            assert!(read_xfm(&text.as_bytes()[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn a_text_without_end_is_not_collected() {
        let endless = std::io::BufReader::new(std::io::repeat(b'x'));
        assert!(matches!(read_lta(endless), Err(FreeSurferError::Line { line: 1, .. })));
        let endless = std::io::BufReader::new(std::io::repeat(b'\n'));
        assert!(matches!(read_xfm(endless), Err(FreeSurferError::Line { line: 10_001, .. })));
    }
}
