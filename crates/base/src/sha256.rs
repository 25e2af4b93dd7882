//! SHA-256 digests: [`Sha256`].

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// Bytes that are shown in lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug)]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A SHA-256 digest, shown as 64 lower-case hexadecimal digits and read from 64 of either case.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Sha256(pub [u8; 32]);

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Hex(&self.0), f)
    }
}

impl fmt::LowerHex for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Hex(&self.0), f)
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

/// A text that is not a SHA-256 digest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidSha256 {
    /// The text as given.
    pub got: String,
}

impl fmt::Display for InvalidSha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a SHA-256 digest (expected 64 hexadecimal digits, got {:?})", self.got)
    }
}

impl Error for InvalidSha256 {}

impl FromStr for Sha256 {
    type Err = InvalidSha256;

    fn from_str(text: &str) -> Result<Self, InvalidSha256> {
        let invalid = || InvalidSha256 { got: text.to_owned() };
        let mut digest = [0; 32];
        if text.len() != 2 * digest.len() {
            return Err(invalid());
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).ok_or_else(invalid);
        for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
        }
        Ok(Self(digest))
    }
}

#[cfg(feature = "sha256")]
mod hasher {
    use std::fmt;
    use std::io;

    use sha2::Digest as _;

    use super::Sha256;

    impl Sha256 {
        /// The digest of bytes that are all there.
        #[must_use]
        pub fn of(bytes: impl AsRef<[u8]>) -> Self {
            Self(sha2::Sha256::digest(bytes).into())
        }
    }

    /// Computes a digest of bytes as they come. Writing to it never fails.
    #[derive(Clone, Default)]
    pub struct Sha256Hasher(sha2::Sha256);

    impl Sha256Hasher {
        /// A hasher that has seen nothing.
        #[must_use]
        pub fn new() -> Self {
            Self::default()
        }

        /// Adds bytes.
        pub fn update(&mut self, bytes: impl AsRef<[u8]>) {
            self.0.update(bytes);
        }

        /// The digest of all bytes.
        #[must_use]
        pub fn finish(self) -> Sha256 {
            Sha256(self.0.finalize().into())
        }
    }

    impl io::Write for Sha256Hasher {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.update(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl fmt::Debug for Sha256Hasher {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Sha256Hasher").finish_non_exhaustive()
        }
    }
}

#[cfg(feature = "sha256")]
pub use self::hasher::Sha256Hasher;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn other_texts_are_refused() {
        let wrong = ["", "e3", &EMPTY[1..], &format!("{EMPTY}0"), &EMPTY.replace('e', "g")];
        // 64 bytes, but not digits.
        let signs = ["+".repeat(64), "\u{e9}".repeat(32)];
        for got in wrong.into_iter().chain(signs.iter().map(String::as_str)) {
            assert_eq!(got.parse::<Sha256>(), Err(InvalidSha256 { got: got.to_owned() }));
        }
        assert_eq!(
            "e3".parse::<Sha256>().unwrap_err().to_string(),
            "not a SHA-256 digest (expected 64 hexadecimal digits, got \"e3\")"
        );
    }

    #[test]
    fn bytes_are_shown_in_order() {
        assert_eq!(Hex(&[0, 1, 0x0a, 0xff]).to_string(), "00010aff");
        let digest: Sha256 = EMPTY.parse().unwrap();
        assert_eq!(digest.0[..3], [0xe3, 0xb0, 0xc4]);
        assert_eq!(format!("{digest:x}"), EMPTY);
        assert_eq!(format!("{digest:?}"), format!("Sha256({EMPTY})"));
    }

    #[cfg(feature = "sha256")]
    #[test]
    fn digests_are_those_of_the_standard() {
        use std::io::Write;

        // FIPS 180-4, examples of one and two blocks.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let two = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
        assert_eq!(Sha256::of("").to_string(), EMPTY);
        assert_eq!(Sha256::of(b"abc").to_string(), abc);
        let mut hasher = Sha256Hasher::new();
        hasher.update("abcdbcdecdefdefgefghfghighijhijk");
        hasher.write_all(b"ijkljklmklmnlmnomnopnopq").unwrap();
        assert_eq!(hasher.finish().to_string(), two);
    }

    proptest! {
        #[test]
        fn text_and_digest_undo_each_other(bytes: [u8; 32]) {
            let digest = Sha256(bytes);
            prop_assert_eq!(digest.to_string().parse(), Ok(digest));
            prop_assert_eq!(digest.to_string().to_uppercase().parse(), Ok(digest));
        }
    }
}
