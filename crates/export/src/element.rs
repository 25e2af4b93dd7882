//! The element types with a NumPy counterpart, and their bytes.

#[cfg(feature = "half")]
use half::f16;

/// An element type with a NumPy counterpart: `f16` (feature `half`), `f32`, `f64`, `u8`, `u16`, `u32`,
/// `u64`, `i8`, `i16`, `i32`, `i64` and `bool`.
pub trait Element: Copy + private::Encoding {
    /// NumPy's name of the type.
    const NUMPY_NAME: &'static str;
}

pub(crate) mod private {
    /// How an element is stored; nothing outside of this crate can add a type.
    pub trait Encoding: Sized {
        /// Kind and number of bytes, as in NumPy's type descriptor without the byte order.
        const KIND: &'static str;
        /// Number of bytes.
        const SIZE: usize;
        /// Puts the little-endian bytes into a slice of `SIZE` bytes.
        fn put(self, bytes: &mut [u8]);
        /// The value of `SIZE` bytes in little-endian order, if they are one.
        fn get(bytes: &[u8]) -> Option<Self>;
    }
}

/// The type descriptor in files that are written: little-endian where that matters.
pub(crate) fn descriptor<T: Element>() -> String {
    let order = if T::SIZE == 1 { '|' } else { '<' };
    format!("{order}{}", T::KIND)
}

macro_rules! number {
    ($type:ty, $numpy_name:literal, $kind:literal) => {
        impl Element for $type {
            const NUMPY_NAME: &'static str = $numpy_name;
        }

        impl private::Encoding for $type {
            const KIND: &'static str = $kind;
            const SIZE: usize = size_of::<$type>();

            fn put(self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self.to_le_bytes());
            }

            fn get(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(<$type>::from_le_bytes)
            }
        }
    };
}

#[cfg(feature = "half")]
number!(f16, "float16", "f2");
number!(f32, "float32", "f4");
number!(f64, "float64", "f8");
number!(u8, "uint8", "u1");
number!(u16, "uint16", "u2");
number!(u32, "uint32", "u4");
number!(u64, "uint64", "u8");
number!(i8, "int8", "i1");
number!(i16, "int16", "i2");
number!(i32, "int32", "i4");
number!(i64, "int64", "i8");

impl Element for bool {
    const NUMPY_NAME: &'static str = "bool";
}

impl private::Encoding for bool {
    const KIND: &'static str = "b1";
    const SIZE: usize = 1;

    fn put(self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&[u8::from(self)]);
    }

    fn get(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }
}
