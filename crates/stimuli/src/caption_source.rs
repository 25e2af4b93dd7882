//! Who wrote a caption.

use std::fmt;
use std::str::FromStr;

use crate::name_error::NameError;

/// Who wrote a caption.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CaptionSource {
    /// A person; every image has several such captions, ranked from 1, the best.
    Human,
    /// A language model; shared images that are not out-of-distribution have one, of rank 0.
    Ai,
}

impl CaptionSource {
    /// All sources.
    pub const ALL: &'static [Self] = &[Self::Human, Self::Ai];

    /// The name of the source, as it stands in the table of captions.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Ai => "ai",
        }
    }
}

impl FromStr for CaptionSource {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|source| source.as_str() == text).ok_or_else(|| {
            NameError::UnknownCaptionSource {
                got: text.to_owned(),
                expected: Self::ALL.iter().map(|source| source.as_str()).collect(),
            }
        })
    }
}

impl fmt::Display for CaptionSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_source_lists_the_known_ones() {
        let error = "AI".parse::<CaptionSource>().unwrap_err();
        let expected = vec!["human", "ai"];
        assert_eq!(error, NameError::UnknownCaptionSource { got: "AI".to_owned(), expected });
        assert_eq!(error.to_string(), "unknown caption source \"AI\" (expected one of human, ai)");
    }
}
