//! Where a volume of FreeSurfer lies, as headers, surfaces and transforms describe it.

use std::io::BufRead;

use laion_fmri_base::{AffineRows, compose_affines, invert_affine};

use super::error::FreeSurferError;
use super::text::{Lines, value_of};

/// The longest axis of a volume that is believed.
const MOST_VOXELS: f64 = 1_048_576.0;

/// Shape, voxel size, directions and centre of a volume.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct VolumeGeometry {
    /// Number of voxels along each axis.
    pub shape: [usize; 3],
    /// Edges of a voxel in mm.
    pub voxel_size: [f64; 3],
    /// The direction of each axis: unit vectors in right, anterior, superior.
    pub directions: [[f64; 3]; 3],
    /// The centre of the volume (`cras`), in mm.
    pub center: [f64; 3],
    /// The file it was taken from, as it is named; may be empty.
    pub file: String,
}

impl VolumeGeometry {
    /// From voxels to scanner coordinates in mm (right, anterior, superior): the affine that nibabel
    /// gives for the volume.
    #[must_use]
    pub fn affine(&self) -> AffineRows {
        Self::placed(self.shape, self.voxel_size, &self.directions, self.center)
    }

    /// From voxels to the coordinates of surfaces (tkRAS): the same axes for every volume, with 0 in
    /// its centre.
    #[must_use]
    pub fn surface_affine(&self) -> AffineRows {
        const DIRECTIONS: [[f64; 3]; 3] = [[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]];
        Self::placed(self.shape, self.voxel_size, &DIRECTIONS, [0.0; 3])
    }

    /// From the coordinates of surfaces (tkRAS) to scanner coordinates. For a conformed volume it
    /// adds the centre.
    ///
    /// # Errors
    ///
    /// [`FreeSurferError::Singular`] when a voxel has no size.
    pub fn surface_to_scanner(&self) -> Result<AffineRows, FreeSurferError> {
        let back = invert_affine(&self.surface_affine());
        let back = back.ok_or(FreeSurferError::Singular { what: "the place of the volume" })?;
        Ok(compose_affines(&self.affine(), &back))
    }

    fn placed(
        shape: [usize; 3],
        size: [f64; 3],
        directions: &[[f64; 3]; 3],
        center: [f64; 3],
    ) -> AffineRows {
        std::array::from_fn(|row| {
            let [x, y, z] = std::array::from_fn(|axis| directions[axis][row] * size[axis]);
            let half = [x, y, z].into_iter().zip(shape).map(|(step, n)| step * n as f64 / 2.0);
            [x, y, z, center[row] - half.sum::<f64>()]
        })
    }

    /// The lines from `valid` to `cras`; none when they say that they are not valid.
    pub(super) fn read_lines<R: BufRead>(
        lines: &mut Lines<R>,
    ) -> Result<Option<Self>, FreeSurferError> {
        let valid = lines.value("valid")?;
        // FreeSurfer puts a remark behind the number.
        let is_valid = match valid.split_ascii_whitespace().next() {
            Some("1") => true,
            Some("0") => false,
            _ => return Err(lines.unexpected("valid = 0 or 1", &valid)),
        };
        let file = lines.value("filename")?;
        let shape: [f64; 3] = lines.values("volume")?;
        let voxel_size = lines.values("voxelsize")?;
        let directions = [lines.values("xras")?, lines.values("yras")?, lines.values("zras")?];
        let center = lines.values("cras")?;
        if !is_valid {
            return Ok(None);
        }
        let shape =
            counted(shape).ok_or_else(|| lines.unexpected("volume", &format!("{shape:?}")))?;
        Ok(Some(Self { shape, voxel_size, directions, center, file }))
    }

    /// The same lines, as they stand behind the triangles of a surface.
    pub(super) fn from_footer(lines: &[String]) -> Result<Option<Self>, FreeSurferError> {
        let text = lines.join("\n");
        // A comment cannot stand there, and names of files have any character.
        Self::read_lines(&mut Lines::new(text.as_bytes(), '\0'))
    }

    /// The names of the lines of a footer.
    pub(super) const FIELDS: [&'static str; 8] =
        ["valid", "filename", "volume", "voxelsize", "xras", "yras", "zras", "cras"];

    /// Whether a line has one of the names.
    pub(super) fn is_field(line: &str, index: usize) -> bool {
        value_of(line, Self::FIELDS[index]).is_some()
    }

    /// The lines of a footer.
    pub(super) fn to_lines(&self) -> String {
        let three = |[a, b, c]: [f64; 3]| format!("{a:e} {b:e} {c:e}");
        let [nx, ny, nz] = self.shape;
        let [x, y, z] = self.directions.map(three);
        format!(
            "valid = 1  # volume info valid\nfilename = {}\nvolume = {nx} {ny} {nz}\n\
             voxelsize = {}\nxras   = {x}\nyras   = {y}\nzras   = {z}\ncras   = {}\n",
            self.file,
            three(self.voxel_size),
            three(self.center)
        )
    }
}

/// Numbers of voxels that are whole and not absurd.
fn counted(shape: [f64; 3]) -> Option<[usize; 3]> {
    let whole = |n: &f64| n.fract() == 0.0 && (1.0..=MOST_VOXELS).contains(n);
    shape.iter().all(whole).then(|| shape.map(|n| n as usize))
}

#[cfg(test)]
mod tests {
    use laion_fmri_base::apply_affine;

    use super::*;

    fn conformed() -> VolumeGeometry {
        VolumeGeometry {
            shape: [256, 256, 256],
            voxel_size: [1.0; 3],
            directions: [[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]],
            center: [2.5, -10.0, 4.25],
            file: "mri/orig.mgz".to_owned(),
        }
    }

    #[test]
    fn a_conformed_volume_lies_around_its_centre() {
        let volume = conformed();
        assert_eq!(
            volume.affine(),
            [[-1.0, 0.0, 0.0, 130.5], [0.0, 0.0, 1.0, -138.0], [0.0, -1.0, 0.0, 132.25]]
        );
        assert_eq!(
            volume.surface_affine(),
            [[-1.0, 0.0, 0.0, 128.0], [0.0, 0.0, 1.0, -128.0], [0.0, -1.0, 0.0, 128.0]]
        );
        let shift = volume.surface_to_scanner().unwrap();
        assert_eq!(apply_affine(&shift, [1.0, 2.0, 3.0]), [3.5, -8.0, 7.25]);
    }

    #[test]
    fn other_axes_turn_the_coordinates_of_surfaces() {
        let volume = VolumeGeometry {
            shape: [30, 33, 22],
            voxel_size: [0.8, 0.9, 1.1],
            directions: [[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            ..conformed()
        };
        let to_scanner = volume.surface_to_scanner().unwrap();
        // A voxel is at the same place by both ways.
        for voxel in [[0.0, 0.0, 0.0], [3.0, 7.5, 21.0]] {
            let direct = apply_affine(&volume.affine(), voxel);
            let there = apply_affine(&to_scanner, apply_affine(&volume.surface_affine(), voxel));
            for axis in 0..3 {
                assert!((direct[axis] - there[axis]).abs() < 1e-9);
            }
        }
        let flat = VolumeGeometry { voxel_size: [1.0, 0.0, 1.0], ..conformed() };
        assert!(matches!(flat.surface_to_scanner(), Err(FreeSurferError::Singular { .. })));
    }

    #[test]
    fn lines_and_geometry_undo_each_other() {
        let lines: Vec<String> = conformed().to_lines().lines().map(str::to_owned).collect();
        for (index, line) in lines.iter().enumerate() {
            assert!(VolumeGeometry::is_field(line, index), "{line}");
        }
        let mut lines = lines;
        assert_eq!(VolumeGeometry::from_footer(&lines).unwrap(), Some(conformed()));
        lines[0] = "valid = 0".to_owned();
        assert_eq!(VolumeGeometry::from_footer(&lines).unwrap(), None);
        for shape in ["volume = 0 1 1", "volume = 1.5 1 1", "volume = 1e9 1 1", "volume = 1 1"] {
            lines[0] = "valid = 1".to_owned();
            lines[2] = shape.to_owned();
            let error = VolumeGeometry::from_footer(&lines).unwrap_err();
            assert!(
                matches!(error, FreeSurferError::Line { line: 3 | 8, expected: "volume", .. }),
                "{error:?}"
            );
        }
    }
}
