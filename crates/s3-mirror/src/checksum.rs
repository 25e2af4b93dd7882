//! Checksums that a store keeps of its objects, beside their entity tags: [`Checksum`].

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use laion_fmri_base::named_enum;

named_enum! {
    /// How a [`Checksum`] is computed. The names are those of S3.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[non_exhaustive]
    pub enum ChecksumAlgorithm: "checksum algorithm" {
        /// CRC-64/NVME, which S3 computes of every object that comes without another checksum.
        Crc64Nvme = "crc64nvme",
        /// SHA-256.
        Sha256 = "sha256",
        /// SHA-1.
        Sha1 = "sha1",
        /// CRC-32C, also known as CRC-32/ISCSI.
        Crc32c = "crc32c",
        /// CRC-32, as in gzip.
        Crc32 = "crc32",
    }
}

impl ChecksumAlgorithm {
    /// The name as sentences have it, such as `CRC-64/NVME`.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Crc64Nvme => "CRC-64/NVME",
            Self::Sha256 => "SHA-256",
            Self::Sha1 => "SHA-1",
            Self::Crc32c => "CRC-32C",
            Self::Crc32 => "CRC-32",
        }
    }

    /// Bytes in a value.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Crc64Nvme => 8,
            Self::Sha256 => 32,
            Self::Sha1 => 20,
            Self::Crc32c | Self::Crc32 => 4,
        }
    }
}

/// A checksum that a store keeps of an object: of the whole content, or, for an upload in parts, of the
/// checksums of the parts.
///
/// As text, and back, it is the name of the algorithm and the value as S3 sends it:
/// `crc64nvme:rosUhgp5mIg=`, or with the number of parts `crc32c:4waSgw==-3`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Checksum {
    algorithm: ChecksumAlgorithm,
    /// Base64 with padding.
    value: String,
    parts: Option<u64>,
}

impl Checksum {
    /// A value as S3 sends it: base64, for a checksum of checksums with `-` and the number of parts.
    ///
    /// # Errors
    ///
    /// [`InvalidChecksum`] for any other text, such as base64 of another length.
    pub fn new(algorithm: ChecksumAlgorithm, text: &str) -> Result<Self, InvalidChecksum> {
        let invalid = || InvalidChecksum { algorithm: Some(algorithm), got: text.to_owned() };
        let (value, parts) = match text.split_once('-') {
            None => (text, None),
            Some((value, parts)) => {
                let is_number = parts.bytes().all(|byte| byte.is_ascii_digit());
                let parts = parts.parse().ok().filter(|parts| is_number && *parts > 0);
                (value, Some(parts.ok_or_else(invalid)?))
            }
        };
        if !is_base64(value, algorithm.bytes()) {
            return Err(invalid());
        }
        Ok(Self { algorithm, value: value.to_owned(), parts })
    }

    /// Of the whole content, as it was just computed.
    #[cfg(feature = "network")]
    pub(crate) fn of(algorithm: ChecksumAlgorithm, value: String) -> Self {
        Self { algorithm, value, parts: None }
    }

    /// How it is computed.
    #[must_use]
    pub fn algorithm(&self) -> ChecksumAlgorithm {
        self.algorithm
    }

    /// The parts of the upload, if it is a checksum of their checksums.
    #[must_use]
    pub fn parts(&self) -> Option<u64> {
        self.parts
    }

    /// The value as S3 sends it.
    #[must_use]
    pub fn text(&self) -> String {
        match self.parts {
            Some(parts) => format!("{}-{parts}", self.value),
            None => self.value.clone(),
        }
    }
}

/// Whether a text is the one way in which base64 with padding writes so many bytes.
fn is_base64(text: &str, bytes: usize) -> bool {
    let digits = (8 * bytes).div_ceil(6);
    let (Some(value), Some(padding)) = (text.get(..digits), text.get(digits..)) else {
        return false;
    };
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    // Bits of the last digit that stand for nothing are zero.
    let unused = (1_u8 << (6 * digits - 8 * bytes)) - 1;
    let ends_well = value.bytes().last().and_then(digit).is_some_and(|last| last & unused == 0);
    let padded = padding.len() == digits.next_multiple_of(4) - digits;
    value.bytes().all(|byte| digit(byte).is_some())
        && ends_well
        && padded
        && padding.bytes().all(|byte| byte == b'=')
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.text())
    }
}

/// A text that is not a [`Checksum`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidChecksum {
    /// The algorithm that it should be of, if it names a known one.
    pub algorithm: Option<ChecksumAlgorithm>,
    /// The text as given.
    pub got: String,
}

impl fmt::Display for InvalidChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { algorithm, got } = self;
        match algorithm {
            Some(algorithm) => {
                let (title, bytes) = (algorithm.title(), algorithm.bytes());
                write!(f, "not a {title} checksum (expected {bytes} bytes in base64, got {got:?})")
            }
            None => {
                let names: Vec<&str> =
                    ChecksumAlgorithm::ALL.iter().map(|it| it.as_str()).collect();
                let names = names.join(", ");
                write!(
                    f,
                    "not a checksum (expected one of {names}, a colon and base64, got {got:?})"
                )
            }
        }
    }
}

impl Error for InvalidChecksum {}

impl FromStr for Checksum {
    type Err = InvalidChecksum;

    fn from_str(text: &str) -> Result<Self, InvalidChecksum> {
        let named = text.split_once(':').and_then(|(name, value)| {
            let algorithm: ChecksumAlgorithm = name.parse().ok()?;
            Some(Self::new(algorithm, value))
        });
        named.unwrap_or_else(|| Err(InvalidChecksum { algorithm: None, got: text.to_owned() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_as_s3_sends_them() {
        for (algorithm, text, parts) in [
            (ChecksumAlgorithm::Crc64Nvme, "rosUhgp5mIg=", None),
            (ChecksumAlgorithm::Crc32c, "4waSgw==", None),
            (ChecksumAlgorithm::Crc32, "y/Q5Jg==-10000", Some(10_000)),
            (ChecksumAlgorithm::Sha1, "98O8HYCOBHMq32eZZczDTKeuNEE=-2", Some(2)),
            (ChecksumAlgorithm::Sha256, "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=", None),
        ] {
            let checksum = Checksum::new(algorithm, text).unwrap();
            assert_eq!((checksum.algorithm(), checksum.parts()), (algorithm, parts));
            assert_eq!(checksum.text(), text);
            assert_eq!(checksum.to_string(), format!("{algorithm}:{text}"));
            assert_eq!(checksum.to_string().parse(), Ok(checksum));
        }
    }

    #[test]
    fn what_is_no_value() {
        for text in [
            "",
            "=",
            "4waSgw=",
            "4waSgw",
            "4waSgw===",
            "4waSgx==",
            "4wa gw==",
            "4waSgw==-",
            "4waSgw==-0",
            "4waSgw==-x",
            "4waSgw==-+3",
            "4waSgw==-1-2",
            "rosUhgp5mIg=",
            "4waSg\u{e9}==",
            "4waSgw=x",
        ] {
            let error = Checksum::new(ChecksumAlgorithm::Crc32c, text).unwrap_err();
            assert!(error.to_string().contains("CRC-32C"), "{text}: {error}");
            assert!(format!("crc32c:{text}").parse::<Checksum>().is_err(), "{text}");
        }
        for text in ["", ":", "crc32c", "4waSgw==", "md5:4waSgw==", "CRC32C:4waSgw=="] {
            let error = text.parse::<Checksum>().unwrap_err();
            assert!(error.to_string().contains("crc64nvme"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written(text in "[a-z0-9]{0,9}:[A-Za-z0-9+/=-]{0,16}") {
            if let Ok(checksum) = text.parse::<Checksum>() {
                let again: Checksum = checksum.to_string().parse().unwrap();
                prop_assert_eq!(again, checksum);
            }
        }
    }
}
