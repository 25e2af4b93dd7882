//! Who wrote a caption.

use laion_fmri_base::named_enum;

named_enum! {
    /// Who wrote a caption.
    #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
    pub enum CaptionSource: "caption source" {
        /// A person; every image has several such captions, ranked from 1, the best.
        Human = "human",
        /// A language model; shared images that are not out-of-distribution have one, of rank 0.
        Ai = "ai",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_source_lists_the_known_ones() {
        let error = "AI".parse::<CaptionSource>().unwrap_err();
        assert_eq!((error.got.as_str(), error.expected), ("AI", ["human", "ai"].as_slice()));
        assert_eq!(error.to_string(), "unknown caption source \"AI\" (expected one of human, ai)");
    }
}
