//! Enums whose variants have names: [`named_enum!`](crate::named_enum).

use std::error::Error;
use std::fmt;

/// A text that is not a name of the kind it was read as. Names are compared exactly.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct NameError {
    /// What the text should have named, such as `pool`.
    pub what: &'static str,
    /// The text as given.
    pub got: String,
    /// All names.
    pub expected: &'static [&'static str],
}

impl NameError {
    /// A text that is not one of the names.
    #[must_use]
    pub fn new(what: &'static str, got: &str, expected: &'static [&'static str]) -> Self {
        Self { what, got: got.to_owned(), expected }
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, got, expected } = self;
        write!(f, "unknown {what} {got:?} (expected one of {})", expected.join(", "))
    }
}

impl Error for NameError {}

/// Defines an enum whose variants have names.
///
/// The text after the name of the enum says what a variant is, for messages. After each variant
/// comes its name, and further names that are read but not written. The enum is `Copy`, so it
/// derives `Clone` and `Copy` at least. It gets `ALL`, `as_str`, `AsRef<str>`,
/// [`Display`](fmt::Display), and [`FromStr`](std::str::FromStr) and `TryFrom<&str>` with
/// [`NameError`]. With the feature `serde` it is written and read by its names.
///
/// ```
/// laion_fmri_base::named_enum! {
///     /// A form in which a region is stored.
///     #[derive(Clone, Copy, Debug, Default, PartialEq)]
///     pub enum Form: "form" {
///         /// On the functional grid.
///         #[default]
///         Volume = "volume" | "nii.gz",
///         /// Of the surface.
///         Label = "label",
///     }
/// }
///
/// assert_eq!(Form::ALL, [Form::Volume, Form::Label]);
/// assert_eq!("nii.gz".parse::<Form>()?.to_string(), "volume");
/// assert_eq!(
///     "gii".parse::<Form>().unwrap_err().to_string(),
///     "unknown form \"gii\" (expected one of volume, nii.gz, label)"
/// );
/// # Ok::<(), laion_fmri_base::NameError>(())
/// ```
#[macro_export]
macro_rules! named_enum {
    (
        $(#[$meta:meta])*
        $visibility:vis enum $Enum:ident: $what:literal {
            $($(#[$variant_meta:meta])* $Variant:ident = $name:literal $(| $other:literal)*),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        $visibility enum $Enum {
            $($(#[$variant_meta])* $Variant),+
        }

        impl $Enum {
            #[doc = ::std::concat!("Every ", $what, ", in the order of the definition.")]
            $visibility const ALL: &'static [Self] = &[$(Self::$Variant),+];

            #[doc = ::std::concat!("The name of the ", $what, ".")]
            #[must_use]
            $visibility const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$Variant => $name),+
                }
            }
        }

        impl ::std::fmt::Display for $Enum {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::std::str::FromStr for $Enum {
            type Err = $crate::NameError;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                match text {
                    $($name $(| $other)* => ::std::result::Result::Ok(Self::$Variant),)+
                    _ => ::std::result::Result::Err($crate::NameError::new(
                        $what,
                        text,
                        &[$($name $(, $other)*),+],
                    )),
                }
            }
        }

        impl ::std::convert::AsRef<str> for $Enum {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl ::std::convert::TryFrom<&str> for $Enum {
            type Error = $crate::NameError;

            fn try_from(text: &str) -> ::std::result::Result<Self, Self::Error> {
                text.parse()
            }
        }

        $crate::serde_as_text!($Enum);
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    named_enum! {
        /// A direction.
        #[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
        enum Way: "way" {
            /// Up.
            Up = "up",
            /// Down.
            #[default]
            Down = "down" | "dn",
        }
    }

    #[test]
    fn names_and_variants_undo_each_other() {
        for way in Way::ALL {
            assert_eq!(way.to_string().parse(), Ok(*way));
            assert_eq!(Way::try_from(way.as_str()), Ok(*way));
        }
        assert_eq!("dn".parse(), Ok(Way::Down));
        assert_eq!(Way::default(), Way::Down);
        assert!(Way::Up < Way::Down);
        assert_eq!(format!("{:>5}|{:<5}|", Way::Up, Way::Down), "   up|down |");
    }

    #[test]
    fn another_text_lists_every_name() {
        for got in ["Up", "", "up ", "downs"] {
            let error = got.parse::<Way>().unwrap_err();
            let expected = ["up", "down", "dn"].as_slice();
            assert_eq!(error, NameError { what: "way", got: got.to_owned(), expected });
        }
        assert_eq!(
            "left".parse::<Way>().unwrap_err().to_string(),
            "unknown way \"left\" (expected one of up, down, dn)"
        );
    }
}
