//! Headers of FreeSurfer's volumes (`.mgh`, `.mgz`): shape and place.

use std::io::{BufRead, Read};

use zlib_rs::{Inflate, InflateFlush, Status};

use super::bytes::{Bytes, POSITIVE, length};
use super::error::FreeSurferError;
use super::volume::VolumeGeometry;

/// The bytes of the header that say something.
const HEADER: usize = 90;

/// A gzip stream with a window of 32 KiB.
const GZIP_WINDOW: u8 = 16 + 15;

/// The longest axis that is believed.
const MOST_VOXELS: usize = 1 << 20;

/// What the header of a volume says.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct MghHeader {
    geometry: VolumeGeometry,
    n_frames: usize,
}

impl MghHeader {
    /// Shape and place.
    #[must_use]
    pub fn geometry(&self) -> &VolumeGeometry {
        &self.geometry
    }

    /// The number of volumes.
    #[must_use]
    pub fn n_frames(&self) -> usize {
        self.n_frames
    }
}

/// Reads the header of a volume, gzipped (`.mgz`) or not (`.mgh`). The values are not read.
///
/// A header without a valid place means what FreeSurfer and nibabel make of it: voxels of 1 mm, axes
/// to the left, down and front, and the centre at 0.
///
/// # Errors
///
/// [`FreeSurferError`] for another kind of file, shapes that cannot be, damaged gzip data, and files
/// that end early.
pub fn read_mgh_header<R: BufRead>(mut reader: R) -> Result<MghHeader, FreeSurferError> {
    let mut bytes = Bytes::new(&mut reader, None);
    if bytes.peek()? != Some(0x1f) {
        return header(bytes);
    }
    let inflated = inflate_start(&mut reader)?;
    header(Bytes::new(&inflated[..], None))
}

fn header<R: BufRead>(mut bytes: Bytes<R>) -> Result<MghHeader, FreeSurferError> {
    const WHAT: &str = "the header";
    let version = bytes.i32(WHAT)?;
    if version != 1 {
        let got = format!("one that begins with {version}");
        return Err(FreeSurferError::Kind { expected: "a volume of version 1", got });
    }
    let mut lengths = [0; 4];
    for n in &mut lengths {
        *n = length(bytes.i32(WHAT)?, "voxels along an axis", POSITIVE)?;
        if *n > MOST_VOXELS {
            let (what, expected) = ("voxels along an axis", "at most 1048576");
            return Err(FreeSurferError::Count { what, expected, got: *n as i64 });
        }
    }
    let [x, y, z, n_frames] = lengths;
    // Datatype and degrees of freedom.
    bytes.take::<8>(WHAT)?;
    let is_placed = i16::from_be_bytes(bytes.take(WHAT)?) != 0;
    let numbers: Vec<f32> = bytes.values(15, WHAT, f32::from_be_bytes)?;
    let mut geometry = VolumeGeometry {
        shape: [x, y, z],
        voxel_size: [1.0; 3],
        directions: [[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]],
        center: [0.0; 3],
        file: String::new(),
    };
    if is_placed {
        let three = |at: usize| std::array::from_fn(|axis| f64::from(numbers[at + axis]));
        geometry.voxel_size = three(0);
        geometry.directions = [three(3), three(6), three(9)];
        geometry.center = three(12);
        if laion_fmri_base::invert_affine(&geometry.affine()).is_none() {
            return Err(FreeSurferError::Singular { what: "the place of the volume" });
        }
    }
    Ok(MghHeader { geometry, n_frames })
}

/// The first bytes of what a gzip stream inflates to.
fn inflate_start<R: Read>(reader: &mut R) -> Result<Vec<u8>, FreeSurferError> {
    let damaged = |reason: &str| FreeSurferError::Kind {
        expected: "a volume of version 1",
        got: format!("damaged gzip data: {reason}"),
    };
    let mut inflate = Inflate::new(true, GZIP_WINDOW);
    let mut inflated = vec![0; HEADER];
    let (mut filled, mut offset, mut piece) = (0, 0, [0; 512]);
    while filled < HEADER {
        let read = match reader.read(&mut piece) {
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(FreeSurferError::Io { offset, source }),
        };
        if read == 0 {
            break;
        }
        let taken = inflate.total_in();
        let mut input = &piece[..read];
        while !input.is_empty() && filled < HEADER {
            let before = (inflate.total_in(), inflate.total_out());
            let step = inflate.decompress(input, &mut inflated[filled..], InflateFlush::NoFlush);
            let status = step.map_err(|error| damaged(error.as_str()))?;
            // INVARIANT: no more is taken or given than the two slices hold.
            let used = usize::try_from(inflate.total_in() - before.0).expect("a slice's length");
            // INVARIANT: as above.
            filled += usize::try_from(inflate.total_out() - before.1).expect("a slice's length");
            input = &input[used..];
            if status == Status::StreamEnd || (inflate.total_in(), inflate.total_out()) == before {
                inflated.truncate(filled);
                return Ok(inflated);
            }
        }
        offset += inflate.total_in() - taken;
    }
    inflated.truncate(filled);
    Ok(inflated)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(is_placed: bool) -> Vec<u8> {
        let mut file = Vec::new();
        for number in [1_i32, 30, 33, 22, 2, 3, 0] {
            file.extend(number.to_be_bytes());
        }
        file.extend(i16::from(is_placed).to_be_bytes());
        for number in
            [0.8_f32, 0.8, 0.8, -1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0, 2.5, -10.0, 4.0]
        {
            file.extend(number.to_be_bytes());
        }
        file.resize(284 + 100, 0);
        file
    }

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(bytes).unwrap();
        gz.finish().unwrap()
    }

    #[test]
    fn headers_say_shape_and_place() {
        let expected = [
            [-0.800_000_011_920_929, 0.0, 0.0, 14.500_000_178_813_934],
            [0.0, 0.0, 0.800_000_011_920_929, -18.800_000_131_130_22],
            [0.0, -0.800_000_011_920_929, 0.0, 17.200_000_196_695_328],
        ];
        for file in [file(true), gzipped(&file(true))] {
            let header = read_mgh_header(&file[..]).unwrap();
            assert_eq!((header.geometry().shape, header.n_frames()), ([30, 33, 22], 2));
            let affine = header.geometry().affine();
            for (got, expected) in affine.iter().flatten().zip(expected.iter().flatten()) {
                assert!((got - expected).abs() < 1e-12, "{affine:?}");
            }
        }
        let header = read_mgh_header(&file(false)[..]).unwrap();
        assert_eq!(header.geometry().affine(), header.geometry().surface_affine());
        assert_eq!(header.geometry().voxel_size, [1.0; 3]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (at, to, message) in [
            (3, 2, "the file is one that begins with 2 (expected a volume of version 1)"),
            (7, 0, "0 voxels along an axis (expected at least 1)"),
            (4, 0xff, "-16777186 voxels along an axis (expected at least 1)"),
            (4, 1, "16777246 voxels along an axis (expected at most 1048576)"),
            (30, 0x7f, "the place of the volume cannot be inverted"),
        ] {
            let mut broken = file(true);
            broken[at] = to;
            if at == 30 {
                broken[31] = 0xc0;
            }
            assert_eq!(read_mgh_header(&broken[..]).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_header_that_is_cut_or_damaged_is_refused() {
        let (plain, gz) = (file(true), gzipped(&file(true)));
        for end in 0..HEADER {
            assert!(matches!(
                read_mgh_header(&plain[..end]),
                Err(FreeSurferError::EndsEarly { .. })
            ));
        }
        for end in 0..20 {
            assert!(read_mgh_header(&gz[..end]).is_err(), "{end}");
        }
        let mut damaged = gz;
        damaged[2] = 9;
        let error = read_mgh_header(&damaged[..]).unwrap_err();
        assert!(error.to_string().contains("damaged gzip data"), "{error}");
    }
}
