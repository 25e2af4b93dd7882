//! Voxel types, byte orders and the stored scaling.

use crate::error::Error;

/// The voxel types that are read: the real numbers of the standard up to 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Datatype {
    /// Unsigned 8-bit integer, code 2.
    U8,
    /// Signed 8-bit integer, code 256.
    I8,
    /// Unsigned 16-bit integer, code 512.
    U16,
    /// Signed 16-bit integer, code 4.
    I16,
    /// Unsigned 32-bit integer, code 768.
    U32,
    /// Signed 32-bit integer, code 8.
    I32,
    /// Unsigned 64-bit integer, code 1280.
    U64,
    /// Signed 64-bit integer, code 1024.
    I64,
    /// IEEE single precision, code 16.
    F32,
    /// IEEE double precision, code 64.
    F64,
}

impl Datatype {
    /// Every supported type.
    pub const ALL: [Self; 10] = [
        Self::U8,
        Self::I8,
        Self::U16,
        Self::I16,
        Self::U32,
        Self::I32,
        Self::U64,
        Self::I64,
        Self::F32,
        Self::F64,
    ];

    /// The type with this `datatype` code of the NIfTI header.
    ///
    /// # Errors
    ///
    /// [`Error::UnsupportedDatatype`] for complex, colour, wider and unknown codes.
    pub fn from_code(code: i16) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|datatype| datatype.code() == code)
            .ok_or(Error::UnsupportedDatatype { code })
    }

    /// The `datatype` code of the NIfTI header.
    #[must_use]
    pub fn code(self) -> i16 {
        match self {
            Self::U8 => 2,
            Self::I16 => 4,
            Self::I32 => 8,
            Self::F32 => 16,
            Self::F64 => 64,
            Self::I8 => 256,
            Self::U16 => 512,
            Self::U32 => 768,
            Self::I64 => 1024,
            Self::U64 => 1280,
        }
    }

    /// Bytes per voxel.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }
}

/// Byte order of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Endianness {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// The linear map from stored to real values, `value * slope + inter`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Scaling {
    /// `scl_slope`, finite and not 0.
    pub slope: f64,
    /// `scl_inter`, finite.
    pub inter: f64,
}

impl Scaling {
    /// The scaling that these header fields ask for, `None` when values are to be taken as stored.
    ///
    /// A slope of 0 or one that is not finite means "not scaled", whatever the intercept is, as in
    /// nibabel. Slope 1 with intercept 0 changes nothing and gives `None`.
    ///
    /// # Errors
    ///
    /// [`Error::HeaderField`] when the slope scales but the intercept is NaN or infinite.
    pub fn from_fields(slope: f64, inter: f64) -> Result<Option<Self>, Error> {
        let scales = slope != 0.0 && slope.is_finite();
        if scales && !inter.is_finite() {
            return Err(Error::HeaderField {
                field: "scl_inter",
                expected: "a finite number, because scl_slope scales",
                got: format!("{inter} with scl_slope {slope}"),
            });
        }
        let identity = slope == 1.0 && inter == 0.0;
        Ok((scales && !identity).then_some(Self { slope, inter }))
    }

    /// The real value, computed in double precision and rounded once to single.
    #[must_use]
    pub fn apply(self, stored: f64) -> f32 {
        self.unrounded(stored) as f32
    }

    /// The real value in double precision.
    pub(crate) fn unrounded(self, stored: f64) -> f64 {
        // A factor of 1 and a summand of 0 are left out, as numpy's users see it in nibabel:
        // adding 0.0 would turn -0.0 into 0.0.
        let scaled = if self.slope == 1.0 { stored } else { stored * self.slope };
        if self.inter == 0.0 { scaled } else { scaled + self.inter }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_undone_by_from_code() {
        for datatype in Datatype::ALL {
            assert_eq!(Datatype::from_code(datatype.code()).unwrap(), datatype);
        }
        for code in [0, 1, 32, 128, 1281, 1536, 1792, 2048, 2304, -1] {
            assert!(matches!(
                Datatype::from_code(code),
                Err(Error::UnsupportedDatatype { code: got }) if got == code
            ));
        }
    }

    #[test]
    fn slopes_without_meaning_do_not_scale() {
        for slope in [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for inter in [2.0, f64::NAN, f64::INFINITY] {
                assert_eq!(Scaling::from_fields(slope, inter).unwrap(), None);
            }
        }
        assert_eq!(Scaling::from_fields(1.0, 0.0).unwrap(), None);
        let shifted = Scaling { slope: 1.0, inter: 3.0 };
        assert_eq!(Scaling::from_fields(1.0, 3.0).unwrap(), Some(shifted));
    }

    #[test]
    fn a_slope_that_scales_needs_an_intercept() {
        for slope in [1.0, -0.01, f64::MIN_POSITIVE] {
            for inter in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                assert!(matches!(
                    Scaling::from_fields(slope, inter),
                    Err(Error::HeaderField { field: "scl_inter", got, .. })
                        if got == format!("{inter} with scl_slope {slope}")
                ));
            }
        }
    }

    #[test]
    fn scaling_rounds_once() {
        let scaling = Scaling { slope: 0.1, inter: 0.0 };
        assert_eq!(scaling.apply(-0.0).to_bits(), (-0.0f32).to_bits());
        assert_eq!(Scaling { slope: 0.25, inter: 10.0 }.apply(6.0), 11.5);
        let fine = Scaling { slope: 1.0, inter: 1e-9 };
        assert_eq!(fine.apply(16_777_217.0), (16_777_217.0 + 1e-9) as f32);
    }
}
