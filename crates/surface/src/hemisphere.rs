//! Left and right, as BIDS and FreeSurfer write them.

use std::fmt;
use std::str::FromStr;

/// A hemisphere of the brain, shown and read as BIDS writes it: `L` or `R`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Hemisphere {
    /// The left hemisphere, `L` or `lh`.
    Left,
    /// The right hemisphere, `R` or `rh`.
    Right,
}

impl Hemisphere {
    /// Both hemispheres.
    pub const ALL: &'static [Self] = &[Self::Left, Self::Right];

    /// The value of the BIDS entity `hemi`: `L` or `R`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Left => "L",
            Self::Right => "R",
        }
    }

    /// The beginning of FreeSurfer's file names: `lh` or `rh`.
    pub fn freesurfer(self) -> &'static str {
        match self {
            Self::Left => "lh",
            Self::Right => "rh",
        }
    }
}

/// A text that is not exactly `L` or `R`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("unknown hemisphere {got:?} (expected L or R)")]
pub struct UnknownHemisphere {
    /// The text as given.
    pub got: String,
}

impl FromStr for Hemisphere {
    type Err = UnknownHemisphere;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "L" => Ok(Self::Left),
            "R" => Ok(Self::Right),
            _ => Err(UnknownHemisphere { got: text.to_owned() }),
        }
    }
}

impl fmt::Display for Hemisphere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_hemispheres_undo_each_other() {
        for hemisphere in Hemisphere::ALL {
            assert_eq!(hemisphere.to_string().parse(), Ok(*hemisphere));
        }
        assert_eq!(
            Hemisphere::ALL.iter().map(|h| h.freesurfer()).collect::<Vec<_>>(),
            ["lh", "rh"]
        );
    }

    #[test]
    fn other_texts_are_refused() {
        for got in ["l", "lh", "left", "", "LR"] {
            let error = got.parse::<Hemisphere>().unwrap_err();
            assert_eq!(error, UnknownHemisphere { got: got.to_owned() });
        }
        let error = UnknownHemisphere { got: "lh".to_owned() };
        assert_eq!(error.to_string(), "unknown hemisphere \"lh\" (expected L or R)");
    }
}
