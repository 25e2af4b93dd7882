//! `.npz` files: members, names, what is refused, and what is left when writing fails.

use std::fs;
use std::io::{self, Cursor, Seek, SeekFrom, Write};
use std::path::Path;

use array_export::{Error, NpzWriter, f16, read_npy, read_npz, write_npy, write_npz, write_npz_to};
use ndarray::{Array2, ArrayD, IxDyn, arr0, array};
use proptest::prelude::*;

use crate::outputs::{TestResult, names};

fn few(npz: &mut NpzWriter<'_>) -> Result<(), Error> {
    npz.array("hemi-L/func.gii", array![[1.5f32, f32::NAN], [-0.0, 4.0]].view())?;
    npz.array("train", array![true, false].view())?;
    npz.text("labels", &["a", "\u{1d11e}bc", ""])
}

#[test]
fn members_come_back_in_order() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("few.npz");
    write_npz(&path, |npz| {
        few(npz)?;
        npz.array("half", array![f16::from_f32(0.5), f16::INFINITY].view())?;
        npz.array("n", arr0(i32::MIN).view())?;
        npz.array("fortran", array![[1i64, 2, 3], [4, 5, 6]].t())?;
        npz.text("none", &[""; 0])
    })
    .map_err(|error: Error| error)?;
    let mut npz = read_npz(&path)?;
    assert_eq!(
        npz.names()?,
        ["hemi-L/func.gii", "train", "labels", "half", "n", "fortran", "none"]
    );
    let floats = npz.array::<f32>("hemi-L/func.gii")?;
    assert_eq!(floats.shape(), [2, 2]);
    let bits: Vec<u32> = floats.iter().map(|value| value.to_bits()).collect();
    assert_eq!(bits, [1.5f32, f32::NAN, -0.0, 4.0].map(f32::to_bits));
    assert_eq!(npz.array::<bool>("train")?, array![true, false].into_dyn());
    assert_eq!(npz.text("labels")?, ["a", "\u{1d11e}bc", ""]);
    let half = array![f16::from_f32(0.5), f16::INFINITY].into_dyn();
    assert_eq!(npz.array::<f16>("half")?, half);
    assert_eq!(npz.array::<i32>("n")?, arr0(i32::MIN).into_dyn());
    assert_eq!(npz.array::<i64>("fortran")?, array![[1, 4], [2, 5], [3, 6]].into_dyn());
    assert!(npz.text("none")?.is_empty());
    assert_eq!(names(directory.path()), ["few.npz"]);
    Ok(())
}

#[test]
fn the_text_type_is_as_wide_as_the_longest_text() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("texts.npz");
    write_npz(&path, |npz| {
        npz.text("wide", &["a", "\u{1d11e}b"])?;
        npz.text("empty", &[""])
    })
    .map_err(|error: Error| error)?;
    let bytes = fs::read(&path)?;
    let found = |text: &[u8]| bytes.windows(text.len()).filter(|window| *window == text).count();
    assert_eq!(found(b"'descr': '<U2'"), 1);
    assert_eq!(found(b"'descr': '<U1'"), 1);
    assert_eq!(found(b"a\0\0\0\0\0\0\0\x1e\xd1\x01\0b\0\0\0"), 1);
    Ok(())
}

#[test]
fn the_same_members_are_the_same_bytes() -> TestResult {
    let directory = tempfile::tempdir()?;
    let bytes = |name: &str| -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        let path = directory.path().join(name);
        write_npz(&path, few)?;
        Ok(fs::read(path)?)
    };
    let first = bytes("first.npz")?;
    std::thread::sleep(std::time::Duration::from_millis(5));
    assert_eq!(first, bytes("second.npz")?);
    // Local header of the first member: stored, on the first second that a zip archive knows, with
    // its size known before its data.
    assert_eq!(first[..4], *b"PK\x03\x04");
    assert_eq!(first[6..14], [0, 0, 0, 0, 0, 0, 33, 0]);
    let size = u32::from_le_bytes([first[22], first[23], first[24], first[25]]);
    assert_eq!(size, 128 + 16);
    Ok(())
}

#[test]
fn a_stream_holds_what_a_file_holds() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("stream.npz");
    let mut bytes = Vec::new();
    write_npz_to(&mut bytes, few)?;
    fs::write(&path, bytes)?;
    let mut npz = read_npz(&path)?;
    assert_eq!(npz.names()?, ["hemi-L/func.gii", "train", "labels"]);
    assert_eq!(npz.array::<f32>("hemi-L/func.gii")?.len(), 4);
    assert_eq!(npz.text("labels")?, ["a", "\u{1d11e}bc", ""]);
    Ok(())
}

#[test]
fn the_value_and_the_error_of_the_closure_come_out() -> TestResult {
    #[derive(Debug)]
    enum Mine {
        Export,
        Stopped,
    }
    impl From<Error> for Mine {
        fn from(_: Error) -> Self {
            Self::Export
        }
    }
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("a.npz");
    assert!(matches!(write_npz(&path, |_| Ok::<_, Mine>(7)), Ok(7)));
    assert!(read_npz(&path)?.names()?.is_empty());
    let before = fs::read(&path)?;
    let stopped = write_npz(&path, |npz| {
        npz.array("a", array![1u8].view())?;
        Err::<(), _>(Mine::Stopped)
    });
    assert!(matches!(stopped, Err(Mine::Stopped)));
    assert_eq!(fs::read(&path)?, before);
    assert_eq!(names(directory.path()), ["a.npz"]);
    let missing = write_npz(directory.path().join("no/a.npz"), |_| Ok::<_, Mine>(()));
    assert!(matches!(missing, Err(Mine::Export)));
    Ok(())
}

#[test]
fn a_stream_that_failed_does_not_look_complete() {
    let mut bytes = Vec::new();
    let stopped = write_npz_to(&mut bytes, |npz| {
        few(npz)?;
        Err::<(), _>(Error::SameMember { name: "mine".to_owned() })
    });
    assert!(matches!(stopped, Err(Error::SameMember { name }) if name == "mine"));
    assert!(!bytes.windows(4).any(|window| window == b"PK\x05\x06"));
    assert!(!bytes.windows(4).any(|window| window == b"PK\x01\x02"));
}

#[test]
fn names_numpy_would_not_find_are_refused() {
    let long = "x".repeat(60_001);
    let wrong = [
        ("", "it is empty"),
        ("a.npy", "it ends in .npy"),
        ("/a", "it leads out of the archive"),
        ("a/../b", "it leads out of the archive"),
        ("a\\b", r"it contains \ or NUL"),
        ("a\0b", r"it contains \ or NUL"),
        (&long, "it is too long"),
    ];
    for (wrong, expected) in wrong {
        let result = write_npz_to(io::sink(), |npz| npz.array(wrong, array![1u8].view()));
        assert!(
            matches!(&result, Err(Error::MemberName { name, reason })
                if name == wrong && *reason == expected),
            "{result:?}"
        );
    }
    let result = write_npz_to(io::sink(), |npz| {
        npz.array("a..b", array![1u8].view())?;
        npz.text("a..b", &["x"])
    });
    assert!(matches!(&result, Err(Error::SameMember { name }) if name == "a..b"), "{result:?}");
    assert_eq!(result.unwrap_err().path(), None);
    let result = write_npz_to(io::sink(), |npz| npz.text("t", &["x", "y\0"]));
    assert!(matches!(result, Err(Error::TrailingNul { name, index: 1 }) if name == "t"));
}

#[test]
fn a_refused_name_does_not_spoil_the_file() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("a.npz");
    write_npz(&path, |npz| {
        npz.array("a", array![1u8].view())?;
        assert!(npz.array("a", array![2u8].view()).is_err());
        npz.array("b", array![3u8].view())
    })
    .map_err(|error: Error| error)?;
    let mut npz = read_npz(&path)?;
    assert_eq!(npz.names()?, ["a", "b"]);
    assert_eq!(npz.array::<u8>("a")?, array![1].into_dyn());
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_fails_even_if_the_closure_looks_away() -> TestResult {
    let path = Path::new("/dev/full");
    let large = Array2::<f64>::zeros((300, 300));
    let result = write_npz(path, |npz| {
        let failed = npz.array("large", large.view());
        assert!(matches!(
            failed,
            Err(Error::Write { path: got, source })
                if got == path && source.kind() == io::ErrorKind::StorageFull
        ));
        Ok::<_, Error>(())
    });
    assert!(matches!(result, Err(Error::Write { path: got, .. }) if got == path));
    let full = fs::OpenOptions::new().write(true).open(path)?;
    let result = write_npz_to(full, |npz| npz.array("large", large.view()));
    assert!(matches!(
        result,
        Err(Error::Stream { source }) if source.kind() == io::ErrorKind::StorageFull
    ));
    write_npz("/dev/null", few)?;
    Ok(())
}

#[test]
fn other_files_and_members_are_refused() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("a.npz");
    let missing = read_npz(&path).unwrap_err();
    assert!(matches!(
        &missing,
        Error::Read { path: got, source } if *got == path && source.kind() == io::ErrorKind::NotFound
    ));
    fs::write(&path, "text")?;
    assert!(matches!(read_npz(&path), Err(Error::NotNpz { path: got, .. }) if got == path));
    write_npz(&path, few)?;
    let mut npz = read_npz(&path)?;
    assert!(matches!(
        npz.array::<f32>("other"),
        Err(Error::NoMember { path: got, name }) if got == path && name == "other"
    ));
    assert!(matches!(
        npz.array::<f64>("train"),
        Err(Error::NotMember { path: got, name, expected: "float64", .. })
            if got == path && name == "train"
    ));
    assert!(matches!(npz.text("train"), Err(Error::NotMember { expected: "text", .. })));
    assert!(matches!(npz.array::<u8>("labels"), Err(Error::NotMember { expected: "uint8", .. })));
    Ok(())
}

/// Writes an archive whose only member has these bytes.
fn archive(path: &Path, member: &[u8]) -> TestResult {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file("a.npy", options)?;
    zip.write_all(member)?;
    Ok(fs::write(path, zip.finish()?.into_inner())?)
}

#[test]
fn damaged_members_are_refused() -> TestResult {
    let directory = tempfile::tempdir()?;
    let (npy, path) = (directory.path().join("a.npy"), directory.path().join("a.npz"));
    write_npy(&npy, array![1.0f32, 2.0].view())?;
    let good = fs::read(&npy)?;
    archive(&path, &good)?;
    assert_eq!(read_npz(&path)?.array::<f32>("a")?, array![1.0, 2.0].into_dyn());
    archive(&path, &good[..good.len() - 1])?;
    assert!(matches!(
        read_npz(&path)?.array::<f32>("a"),
        Err(Error::MemberLength { path: got, name, expected: 8, got: 7 })
            if got == path && name == "a"
    ));
    archive(&path, &good[..64])?;
    assert!(matches!(read_npz(&path)?.array::<f32>("a"), Err(Error::NotMember { .. })));

    // One bit of the data, which only the checksum of the archive notices.
    archive(&path, &good)?;
    let position = fs::read(&path)?.windows(4).position(|w| w == 2.0f32.to_le_bytes()).unwrap();
    let mut file = fs::OpenOptions::new().write(true).open(&path)?;
    file.seek(SeekFrom::Start(position as u64))?;
    file.write_all(&[1])?;
    drop(file);
    let damaged = read_npz(&path)?.array::<f32>("a");
    assert!(matches!(&damaged, Err(Error::NotMember { .. })), "{damaged:?}");
    Ok(())
}

#[test]
fn both_byte_orders_are_read_and_wrong_values_are_not() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("a.npy");
    let replaced = |descriptor: &str, wanted: &str, data: &[u8]| {
        let text = format!("{{'descr': '{descriptor}', 'fortran_order': False, 'shape': (2,)}}");
        let text = format!("{:<117}\n", text.replace(descriptor, wanted));
        let head = [&b"\x93NUMPY\x01\x00"[..], &118u16.to_le_bytes(), text.as_bytes()].concat();
        fs::write(&path, [&head[..], data].concat()).unwrap();
        path.clone()
    };
    let big = replaced("<i4", ">i4", &[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe]);
    assert_eq!(read_npy::<i32>(&big)?, array![1, -2].into_dyn());
    let plain = replaced("<u1", "u1", &[7, 8]);
    assert_eq!(read_npy::<u8>(&plain)?, array![7, 8].into_dyn());
    let neither = replaced("|b1", "|b1", &[1, 2]);
    assert!(matches!(read_npy::<bool>(&neither), Err(Error::NotNpy { expected: "bool", .. })));
    // A header of 4 GB is not believed.
    fs::write(&path, b"\x93NUMPY\x02\x00\xff\xff\xff\xffrest")?;
    assert!(matches!(read_npy::<u8>(&path), Err(Error::NotNpy { expected: "uint8", .. })));
    Ok(())
}

/// Takes some bytes, then fails: nobody waits for gigabytes.
struct Short(Vec<u8>);

impl Write for Short {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        if self.0.len() < 1 << 18 {
            Ok(bytes.len())
        } else {
            Err(io::ErrorKind::QuotaExceeded.into())
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_member_takes_the_zip64_form_from_4_gib_on() {
    let one = arr0(0u8);
    // The member is the array and 128 bytes of header.
    let from = (1usize << 32) - 1 - 128;
    for (length, version, extra) in [(from - 1, 10, 0), (from, 45, 20)] {
        let array = one.broadcast(length).unwrap();
        let mut short = Short(Vec::new());
        let failed = write_npz_to(&mut short, |npz| npz.array("a", array));
        assert!(matches!(
            failed,
            Err(Error::Stream { source }) if source.kind() == io::ErrorKind::QuotaExceeded
        ));
        let number = |at: usize| u16::from_le_bytes([short.0[at], short.0[at + 1]]);
        assert_eq!(&short.0[..4], b"PK\x03\x04");
        assert_eq!((number(4), number(28)), (version, extra), "{length}");
    }
}

#[test]
fn a_shape_with_no_element_is_no_overflow() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("a.npz");
    let empty = ArrayD::<f64>::zeros(IxDyn(&[3, 0, 1 << 40]));
    write_npz(&path, |npz| npz.array("empty", empty.view()))?;
    assert_eq!(read_npz(&path)?.array::<f64>("empty")?, empty);
    Ok(())
}

proptest! {
    #[test]
    fn texts_come_back(texts in prop::collection::vec("[^\0]{0,6}", 0..8)) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.npz");
        write_npz(&path, |npz| npz.text("texts", &texts)).unwrap();
        prop_assert_eq!(read_npz(&path).unwrap().text("texts").unwrap(), texts);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.npz");
        archive(&path, &[b"\x93NUMPY\x01\x00", &bytes[..]].concat()).unwrap();
        let refused = matches!(
            read_npz(&path).unwrap().array::<f32>("a"),
            Err(Error::NotMember { .. } | Error::MemberLength { .. })
        );
        prop_assert!(refused);
    }
}
