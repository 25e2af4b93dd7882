//! The header fields that place an image in space.

use super::Version;
use crate::affine::Affine;
use crate::error::Error;

/// Voxel sizes, units and the two transforms of a NIfTI header, in double precision whatever the
/// file's version.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Spatial {
    /// `pixdim[1..=7]`: step along each axis, in the units of [`xyzt_units`](Self::xyzt_units).
    pub pixdim: [f64; 7],
    /// `pixdim[0]`: 1 or -1, the handedness of the qform.
    pub qfac: f64,
    /// Space units in bits 0-2 (2 = mm), time units in bits 3-5 (8 = s).
    pub xyzt_units: i32,
    /// Meaning of the qform, 0 = not set.
    pub qform_code: i32,
    /// `quatern_b`, `quatern_c`, `quatern_d`: the rotation of the qform.
    pub quatern: [f64; 3],
    /// `qoffset_x`, `qoffset_y`, `qoffset_z` in mm.
    pub qoffset: [f64; 3],
    /// Meaning of the sform, 0 = not set.
    pub sform_code: i32,
    /// `srow_x`, `srow_y`, `srow_z`: the rows of the sform.
    pub srow: [[f64; 4]; 3],
}

impl Spatial {
    /// The fields for a new image with this affine: sform code 2 ("aligned"), no qform, voxel
    /// sizes from the affine, units mm and s.
    #[must_use]
    pub fn from_affine(affine: &Affine) -> Self {
        let [x, y, z] = affine.voxel_sizes();
        Self {
            pixdim: [x, y, z, 1.0, 1.0, 1.0, 1.0],
            qfac: 1.0,
            xyzt_units: 2 | 8,
            qform_code: 0,
            quatern: [0.0; 3],
            qoffset: [0.0; 3],
            sform_code: 2,
            srow: affine.rows(),
        }
    }

    /// The affine as nibabel's `get_best_affine` chooses it.
    ///
    /// The sform when its code is not 0; else the qform when its code is not 0; else the base
    /// affine: voxel sizes on the diagonal, x pointing left (negative), and the centre of the
    /// first three axes of `shape` at the origin.
    ///
    /// # Errors
    ///
    /// [`Error::HeaderField`] when the qform is chosen and its quaternion is longer than 1.
    pub fn affine(&self, shape: &[u64], version: Version) -> Result<Affine, Error> {
        if self.sform_code != 0 {
            Ok(Affine::from_rows(self.srow))
        } else if self.qform_code != 0 {
            self.qform(version)
        } else {
            Ok(self.base_affine(shape))
        }
    }

    /// Applies the repairs that nibabel makes on load.
    pub(crate) fn repaired(mut self) -> Self {
        if self.qfac != 1.0 && self.qfac != -1.0 {
            self.qfac = 1.0;
        }
        for step in &mut self.pixdim[..3] {
            *step = if *step == 0.0 { 1.0 } else { step.abs() };
        }
        for code in [&mut self.qform_code, &mut self.sform_code] {
            if !(0..=5).contains(code) {
                *code = 0;
            }
        }
        self
    }

    /// Whether NIfTI-1, which stores single precision, holds every number unchanged.
    pub(crate) fn is_single_precision(&self) -> bool {
        let numbers = [&[self.qfac][..], &self.pixdim, &self.quatern, &self.qoffset];
        let numbers = numbers.into_iter().chain(self.srow.iter().map(<[f64; 4]>::as_slice));
        numbers.flatten().all(|&number| f64::from(number as f32) == number || number.is_nan())
    }

    fn qform(&self, version: Version) -> Result<Affine, Error> {
        // Below this square the scalar part is taken as 0, as rounding of the stored parts allows.
        let threshold = 3.0
            * match version {
                Version::One => f64::from(f32::EPSILON),
                Version::Two => f64::EPSILON,
            };
        let [b, c, d] = self.quatern;
        let squared = 1.0 - (b * b + c * c + d * d);
        let a = if squared.abs() < threshold {
            0.0
        } else if squared > 0.0 {
            squared.sqrt()
        } else {
            return Err(Error::HeaderField {
                field: "quatern_b, quatern_c, quatern_d",
                expected: "at most length 1",
                got: format!("{:?}", self.quatern),
            });
        };
        // With a = 0 the length is only nearly 1, so the rotation is normalised.
        let s = 2.0 / (a * a + b * b + c * c + d * d);
        let rotation = [
            [1.0 - s * (c * c + d * d), s * (b * c - a * d), s * (b * d + a * c)],
            [s * (b * c + a * d), 1.0 - s * (b * b + d * d), s * (c * d - a * b)],
            [s * (b * d - a * c), s * (c * d + a * b), 1.0 - s * (b * b + c * c)],
        ];
        let [x, y, z, ..] = self.pixdim;
        let steps = [x, y, z * self.qfac];
        let mut rows = [[0.0; 4]; 3];
        for ((row, rotation), offset) in rows.iter_mut().zip(rotation).zip(self.qoffset) {
            let [i, j, k] = [0, 1, 2].map(|axis| rotation[axis] * steps[axis]);
            *row = [i, j, k, offset];
        }
        Ok(Affine::from_rows(rows))
    }

    fn base_affine(&self, shape: &[u64]) -> Affine {
        let mut rows = [[0.0; 4]; 3];
        for (axis, row) in rows.iter_mut().enumerate() {
            // Axes beyond the image's dimensions have length 1 and step 1.
            let (length, step) =
                shape.get(axis).map_or((1.0, 1.0), |&n| (n as f64, self.pixdim[axis]));
            let step = if axis == 0 { -step } else { step };
            row[axis] = step;
            row[3] = -(length - 1.0) / 2.0 * step;
        }
        Affine::from_rows(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spatial() -> Spatial {
        Spatial {
            pixdim: [3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0],
            qfac: 1.0,
            xyzt_units: 2,
            qform_code: 0,
            quatern: [0.0; 3],
            qoffset: [0.0; 3],
            sform_code: 0,
            srow: [[0.0; 4]; 3],
        }
    }

    #[test]
    fn the_base_affine_is_centred_and_points_left() {
        // The example in nibabel's documentation of `get_base_affine`.
        let affine = spatial().affine(&[3, 5, 7], Version::One).unwrap();
        assert_eq!(
            affine.rows(),
            [[-3.0, 0.0, 0.0, 3.0], [0.0, 2.0, 0.0, -4.0], [0.0, 0.0, 1.0, -3.0]]
        );
        let flat = spatial().affine(&[3], Version::One).unwrap();
        assert_eq!(flat.rows()[1], [0.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn the_qform_rotates_scales_and_reflects() {
        let mut spatial = spatial();
        spatial.qform_code = 1;
        spatial.qfac = -1.0;
        spatial.qoffset = [10.0, 20.0, 30.0];
        // Half a turn about z, whose scalar part is 0.
        spatial.quatern = [0.0, 0.0, 1.0];
        let affine = spatial.affine(&[3, 5, 7], Version::One).unwrap();
        assert_eq!(
            affine.rows(),
            [[-3.0, 0.0, 0.0, 10.0], [0.0, -2.0, 0.0, 20.0], [0.0, 0.0, -1.0, 30.0]]
        );
        // A quarter turn about z.
        spatial.quatern = [0.0, 0.0, std::f64::consts::FRAC_1_SQRT_2];
        let turned = spatial.affine(&[3, 5, 7], Version::Two).unwrap();
        let expected = Affine::from_rows([
            [0.0, -2.0, 0.0, 10.0],
            [3.0, 0.0, 0.0, 20.0],
            [0.0, 0.0, -1.0, 30.0],
        ]);
        assert!(turned.approx_eq(&expected, 1e-15), "{turned:?}");
    }

    #[test]
    fn a_quaternion_longer_than_one_is_refused() {
        let mut spatial = spatial();
        spatial.qform_code = 1;
        // Within the rounding of single precision, beyond that of double precision.
        spatial.quatern = [1.0 + 1e-7, 0.0, 0.0];
        assert!(spatial.affine(&[1], Version::One).is_ok());
        assert!(matches!(
            spatial.affine(&[1], Version::Two),
            Err(Error::HeaderField { field: "quatern_b, quatern_c, quatern_d", got, .. })
                if got.starts_with("[1.0000001")
        ));
        spatial.quatern = [f64::NAN; 3];
        assert!(spatial.affine(&[1], Version::One).is_err());
    }

    #[test]
    fn the_sform_comes_first() {
        let mut spatial = spatial();
        spatial.qform_code = 1;
        spatial.sform_code = 4;
        spatial.srow = [[1.0, 2.0, 3.0, 4.0]; 3];
        assert_eq!(spatial.affine(&[2], Version::One).unwrap().rows(), spatial.srow);
    }

    #[test]
    fn sloppy_fields_are_repaired() {
        let mut sloppy = spatial();
        sloppy.qfac = 0.0;
        sloppy.pixdim = [-3.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
        sloppy.qform_code = 9;
        sloppy.sform_code = -1;
        let repaired = sloppy.repaired();
        assert_eq!(repaired.qfac, 1.0);
        assert_eq!(repaired.pixdim, [3.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!((repaired.qform_code, repaired.sform_code), (0, 0));
    }

    #[test]
    fn new_fields_give_the_affine_back() {
        let affine = Affine::from_rows([
            [-1.8, 0.0, 0.0, 90.0],
            [0.0, 1.8, 0.1, -120.0],
            [0.0, 0.0, 1.8, -70.0],
        ]);
        let spatial = Spatial::from_affine(&affine);
        assert_eq!(spatial.affine(&[2, 2, 2], Version::One).unwrap(), affine);
        assert_eq!(spatial.pixdim[0], 1.8);
    }
}
