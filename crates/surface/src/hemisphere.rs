//! Left and right, as BIDS and FreeSurfer write them.

use laion_fmri_base::named_enum;

named_enum! {
    /// A hemisphere of the brain, shown and read as BIDS writes it: `L` or `R`.
    #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
    pub enum Hemisphere: "hemisphere" {
        /// The left hemisphere, `L` or `lh`.
        Left = "L",
        /// The right hemisphere, `R` or `rh`.
        Right = "R",
    }
}

impl Hemisphere {
    /// The beginning of FreeSurfer's file names: `lh` or `rh`.
    pub fn freesurfer(self) -> &'static str {
        match self {
            Self::Left => "lh",
            Self::Right => "rh",
        }
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
            assert_eq!((error.got.as_str(), error.expected), (got, ["L", "R"].as_slice()));
        }
        let error = "lh".parse::<Hemisphere>().unwrap_err();
        assert_eq!(error.to_string(), "unknown hemisphere \"lh\" (expected one of L, R)");
    }
}
