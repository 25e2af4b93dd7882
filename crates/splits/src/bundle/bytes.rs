//! Numbers and bits out of bytes, each length checked.

use super::error::BundleError;

/// What is left of some bytes.
pub(super) struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `count` bytes.
    pub(super) fn take(
        &mut self,
        section: &'static str,
        count: usize,
    ) -> Result<&'a [u8], BundleError> {
        let got = self.rest.len();
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(BundleError::Length {
            section,
            expected: count,
            got,
        })?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `count` bytes, or all there are.
    pub(super) fn take_up_to(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    pub(super) fn array<const N: usize>(
        &mut self,
        section: &'static str,
    ) -> Result<[u8; N], BundleError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(section, N)?);
        Ok(array)
    }

    pub(super) fn number(&mut self, section: &'static str) -> Result<u32, BundleError> {
        self.array(section).map(u32::from_le_bytes)
    }

    pub(super) fn float(&mut self, section: &'static str) -> Result<f64, BundleError> {
        self.array(section).map(f64::from_le_bytes)
    }

    /// The next column of `count` bits.
    pub(super) fn column(
        &mut self,
        section: &'static str,
        count: usize,
    ) -> Result<&'a [u8], BundleError> {
        let column = self.take(section, count.div_ceil(8))?;
        match column.last() {
            Some(last) if !count.is_multiple_of(8) && last >> (count % 8) != 0 => {
                Err(BundleError::StrayBits { section })
            }
            _ => Ok(column),
        }
    }

    pub(super) fn rest(self) -> &'a [u8] {
        self.rest
    }
}

/// Bit i of a column.
pub(super) fn bit(column: &[u8], i: usize) -> bool {
    column[i / 8] >> (i % 8) & 1 == 1
}

/// How many bits of a column are set.
pub(super) fn count_ones(column: &[u8]) -> usize {
    column.iter().map(|byte| byte.count_ones() as usize).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_count_from_the_low_end() {
        let column = [0b0000_0101, 0b1000_0000];
        let set: Vec<usize> = (0..16).filter(|i| bit(&column, *i)).collect();
        assert_eq!(set, [0, 2, 15]);
        assert_eq!(count_ones(&column), 3);
    }

    #[test]
    fn bits_behind_the_end_are_refused() {
        let stray = Err(BundleError::StrayBits { section: "x" });
        assert_eq!(Bytes::new(&[0b100]).column("x", 2), stray);
        assert_eq!(Bytes::new(&[0b011]).column("x", 2), Ok(&[0b011][..]));
        assert_eq!(Bytes::new(&[0xff]).column("x", 8), Ok(&[0xff][..]));
        assert_eq!(Bytes::new(&[]).column("x", 0), Ok(&[][..]));
    }

    #[test]
    fn a_short_end_says_how_short() {
        let error = BundleError::Length { section: "x", expected: 4, got: 3 };
        assert_eq!(Bytes::new(&[1, 2, 3]).number("x"), Err(error));
    }
}
