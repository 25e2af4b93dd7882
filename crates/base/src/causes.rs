//! An error with its causes, as one text.

use std::error::Error;

/// The message of an error, and those of its causes after it.
///
/// ```
/// use std::io;
///
/// use laion_fmri_base::with_causes;
///
/// let error = io::Error::other("cannot be reached");
/// assert_eq!(with_causes(&error), "cannot be reached");
/// ```
#[must_use]
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| Error::source(*error));
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Failed(Option<Box<Failed>>, &'static str);

    impl fmt::Display for Failed {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.1)
        }
    }

    impl Error for Failed {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.0.as_deref().map(|cause| cause as &(dyn Error + 'static))
        }
    }

    #[test]
    fn causes_follow_from_the_outermost_to_the_innermost() {
        let system = Failed(None, "no space left");
        let write = Failed(Some(Box::new(system)), "cannot write a");
        let whole = Failed(Some(Box::new(write)), "no copy");
        assert_eq!(with_causes(&whole), "no copy: cannot write a: no space left");
    }
}
