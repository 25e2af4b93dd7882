//! The arrays that the checks write and read.

use ndarray::{ArrayD, IxDyn};

use crate::{ArrayDigest, ArrayFile, ArrayWriter, ArraysDigest, Error, f16};

/// One array of the sample.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SampleArray {
    /// Its name.
    pub name: &'static str,
    /// The names of its dimensions.
    pub dimensions: &'static [&'static str],
    /// Its values.
    pub values: Values,
}

impl SampleArray {
    /// Adds the array to a file of this crate.
    ///
    /// # Errors
    ///
    /// As [`ArrayWriter::array`] and [`ArrayWriter::text`].
    pub fn put(&self, file: &mut ArrayWriter<'_>) -> Result<(), Error> {
        self.values.put(file, self.name, self.dimensions)
    }
}

macro_rules! values {
    ($($(#[$doc:meta])* $Variant:ident($type:ty);)*) => {
        /// The values of an array in their own type, or a list of texts.
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub enum Values {
            $($(#[$doc])* $Variant(ArrayD<$type>),)*
            /// Texts.
            Text(Vec<String>),
        }

        $(impl From<ArrayD<$type>> for Values {
            fn from(array: ArrayD<$type>) -> Self {
                Self::$Variant(array)
            }
        })*

        impl Values {
            /// Reads an array of a file of this crate, whatever its type.
            ///
            /// # Errors
            ///
            /// As [`ArrayFile::array`] and [`ArrayFile::text`].
            pub fn read(file: &mut ArrayFile, name: &str) -> Result<Self, Error> {
                $(match file.array::<$type>(name) {
                    Err(Error::NotMember { .. }) => {}
                    other => return other.map(Self::$Variant),
                })*
                file.text(name).map(Self::Text)
            }

            pub(super) fn put(
                &self,
                file: &mut ArrayWriter<'_>,
                name: &str,
                dimensions: &[&str],
            ) -> Result<(), Error> {
                match self {
                    $(Self::$Variant(array) => file.array(name, dimensions, array),)*
                    Self::Text(texts) => {
                        file.text(name, dimensions.first().copied().unwrap_or_default(), texts)
                    }
                }
            }

            /// Adds the values under a name. Texts that end in NUL, which no file can hold, are left out.
            pub fn add_to(&self, digest: &mut ArraysDigest, name: &str) {
                match self {
                    $(Self::$Variant(array) => digest.array(name, array),)*
                    Self::Text(texts) => {
                        let _ = digest.text(name, texts);
                    }
                }
            }
        }
    };
}

values! {
    /// `float16`
    F16(f16);
    /// `float32`
    F32(f32);
    /// `float64`
    F64(f64);
    /// `uint8`
    U8(u8);
    /// `uint16`
    U16(u16);
    /// `uint32`
    U32(u32);
    /// `uint64`
    U64(u64);
    /// `int8`
    I8(i8);
    /// `int16`
    I16(i16);
    /// `int32`
    I32(i32);
    /// `int64`
    I64(i64);
    /// `bool`
    Bool(bool);
}

impl From<Vec<String>> for Values {
    fn from(texts: Vec<String>) -> Self {
        Self::Text(texts)
    }
}

impl Values {
    /// The type, the shape and the SHA-256 of the values; nothing for texts that end in NUL.
    #[must_use]
    pub fn digest(&self) -> Option<ArrayDigest> {
        let mut digest = ArraysDigest::default();
        self.add_to(&mut digest, "values");
        digest.arrays().next().map(|(_, digest)| digest.clone())
    }
}

/// An array of three rows and two columns, of one value for each element.
fn matrix<T: Copy>(values: [T; 6]) -> ArrayD<T> {
    ArrayD::from_shape_fn(IxDyn(&[3, 2]), |index| values[index[0] * 2 + index[1]])
}

/// The arrays of the checks: every type with its extreme values, NaN and infinities, both signs of zero,
/// an array in Fortran order, arrays of no and of one element, and texts of several alphabets. Names of
/// dimensions are shared.
#[must_use]
pub fn sample() -> Vec<SampleArray> {
    const TRIALS: &[&str] = &["trial"];
    const MATRIX: &[&str] = &["trial", "voxel"];
    let array = |name, dimensions, values| SampleArray { name, dimensions, values };
    let texts = ["shared 01.jpg ", "\u{1d11e}\u{e9}.jpg", ""].map(str::to_owned).to_vec();
    let floats = [f64::NAN, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE, f64::MAX, 0.1];
    let single = floats.map(|value| value as f32);
    let half = floats.map(f16::from_f64);
    let turned = matrix([1_i32, 2, 3, 4, 5, 6]).reversed_axes();
    vec![
        array("image_name", TRIALS, texts.into()),
        array("betas", MATRIX, matrix(single).into()),
        array("features", MATRIX, matrix(half).into()),
        array("weights", MATRIX, matrix(floats).into()),
        array("turned", &["voxel", "trial"], turned.into()),
        array("nothing", &["trial", "none"], ArrayD::<f32>::zeros(IxDyn(&[3, 0])).into()),
        array("one", &["single"], ArrayD::from_elem(IxDyn(&[1]), u64::MAX).into()),
        array("train", MATRIX, matrix([true, false, false, true, true, false]).into()),
        array("u8", MATRIX, matrix([u8::MAX, 0, 1, 2, 3, 4]).into()),
        array("u16", MATRIX, matrix([u16::MAX, 0, 1, 2, 3, 4]).into()),
        array("u32", MATRIX, matrix([u32::MAX, 0, 1, 2, 3, 4]).into()),
        array("u64", MATRIX, matrix([u64::MAX, 0, 1, 2, 3, 4]).into()),
        array("i8", MATRIX, matrix([i8::MIN, i8::MAX, -1, 0, 1, 2]).into()),
        array("i16", MATRIX, matrix([i16::MIN, i16::MAX, -1, 0, 1, 2]).into()),
        array("i32", MATRIX, matrix([i32::MIN, i32::MAX, -1, 0, 1, 2]).into()),
        array("i64", MATRIX, matrix([i64::MIN, i64::MAX, -1, 0, 1, 2]).into()),
    ]
}
