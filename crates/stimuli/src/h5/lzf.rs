//! The compression that h5py calls `lzf`: runs of literal bytes, and copies of earlier output.

use super::Failure;

/// Literal runs have a first byte below this.
const COPY: u8 = 1 << 5;

/// Decodes into the front of `out`, and tells how many bytes of it were written.
pub(super) fn decode(stored: &[u8], out: &mut [u8]) -> Result<usize, Failure> {
    let damaged = || Failure::damaged("invalid lzf data");
    let (mut rest, mut written) = (stored, 0);
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        if first < COPY {
            let length = usize::from(first) + 1;
            let literals = rest.split_at_checked(length).ok_or_else(damaged)?;
            let into = out.get_mut(written..written + length).ok_or_else(damaged)?;
            into.copy_from_slice(literals.0);
            (rest, written) = (literals.1, written + length);
            continue;
        }
        let mut next = || {
            let (byte, behind) = rest.split_first()?;
            rest = behind;
            Some(usize::from(*byte))
        };
        let mut length = usize::from(first >> 5) + 2;
        if first >> 5 == 7 {
            length += next().ok_or_else(damaged)?;
        }
        let back = usize::from(first % COPY) << 8 | next().ok_or_else(damaged)?;
        let from = written.checked_sub(back + 1).ok_or_else(damaged)?;
        if length > out.len() - written {
            return Err(damaged());
        }
        // A copy may reach into what it writes itself, which repeats the bytes in between.
        for at in written..written + length {
            out[at] = out[at - (written - from)];
        }
        written += length;
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(stored: &[u8], length: usize) -> Option<Vec<u8>> {
        let mut out = vec![0; length];
        let written = decode(stored, &mut out).ok()?;
        out.truncate(written);
        Some(out)
    }

    #[test]
    fn literals_copies_and_copies_of_themselves() {
        assert_eq!(decoded(&[2, 1, 2, 3], 3).unwrap(), [1, 2, 3]);
        assert_eq!(decoded(&[2, 1, 2, 3, 1 << 5, 2], 9).unwrap(), [1, 2, 3, 1, 2, 3]);
        assert_eq!(decoded(&[0, 9, 7 << 5, 91, 0], 101).unwrap(), [9; 101]);
        let far: Vec<u8> = (0..10_u8).flat_map(|run| [&[31][..], &[run; 32]].concat()).collect();
        let end = decoded(&[&far[..], &[1 << 5 | 1, 63]].concat(), 400).unwrap();
        assert_eq!((end.len(), &end[320..]), (323, &[0; 3][..]));
        assert!(decoded(&[], 4).unwrap().is_empty());
    }

    #[test]
    fn damage_is_an_error() {
        for stored in [
            &[2, 1, 2][..],
            &[0, 9, 1 << 5],
            &[0, 9, 7 << 5],
            &[0, 9, 7 << 5, 1],
            &[0, 9, 1 << 5, 1],
            &[0, 9, 1 << 5 | 1, 0],
            &[4, 1, 2, 3, 4, 5],
            &[0, 9, 2 << 5, 0],
        ] {
            assert_eq!(decoded(stored, 4), None, "{stored:?}");
        }
    }
}
