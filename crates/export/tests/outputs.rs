//! Outputs: their bytes, and what is on disk when they fail.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use array_export::{Error, atomic_file, read_npy, write_npy, write_npy_to, write_text};
use ndarray::{Array2, Axis, ShapeBuilder, Slice, arr0, array};
use proptest::prelude::*;

pub(crate) type TestResult = Result<(), Box<dyn std::error::Error>>;

pub(crate) fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The parts of a `.npy` file, taken apart as the format's description says.
fn npy_parts(bytes: &[u8]) -> (String, &[u8]) {
    assert_eq!(&bytes[..6], b"\x93NUMPY");
    assert_eq!(bytes[6..8], [1, 0], "version 1.0");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!((10 + length) % 64, 0, "data aligned to 64 bytes");
    let header = std::str::from_utf8(&bytes[10..10 + length]).unwrap();
    let header = header.strip_suffix('\n').unwrap();
    (header.trim_end_matches(' ').to_owned(), &bytes[10 + length..])
}

/// The header's dictionary without spaces, so that only its contents are compared.
fn dictionary(header: &str) -> String {
    header.replace(' ', "").replace(",}", "}")
}

#[test]
fn a_matrix_of_float32() -> TestResult {
    let mut bytes = Vec::new();
    write_npy_to(&mut bytes, array![[1.0f32, 2.0, 3.0], [4.0, 5.0, f32::NAN]].view())?;
    let (header, data) = npy_parts(&bytes);
    assert_eq!(dictionary(&header), "{'descr':'<f4','fortran_order':False,'shape':(2,3)}");
    let expected: Vec<u8> =
        [1.0f32, 2.0, 3.0, 4.0, 5.0, f32::NAN].iter().flat_map(|v| v.to_le_bytes()).collect();
    assert_eq!(data, expected);
    Ok(())
}

#[test]
fn a_list_of_bool() -> TestResult {
    let mut bytes = Vec::new();
    write_npy_to(&mut bytes, array![true, false, true].view())?;
    let (header, data) = npy_parts(&bytes);
    assert!(header.ends_with("(3,), }") || header.ends_with("(3,)}"), "{header}");
    assert_eq!(dictionary(&header), "{'descr':'|b1','fortran_order':False,'shape':(3,)}");
    assert_eq!(data, [1, 0, 1]);
    Ok(())
}

#[test]
fn strides_are_kept_or_resolved() -> TestResult {
    let fortran = Array2::from_shape_vec((2, 3).f(), vec![1u8, 4, 2, 5, 3, 6])?;
    let mut bytes = Vec::new();
    write_npy_to(&mut bytes, fortran.view())?;
    let (header, data) = npy_parts(&bytes);
    assert_eq!(dictionary(&header), "{'descr':'|u1','fortran_order':True,'shape':(2,3)}");
    assert_eq!(data, [1, 4, 2, 5, 3, 6]);

    let every_second = array![[1i64, 0, 2, 0], [3, 0, 4, 0]];
    let every_second = every_second.slice_axis(Axis(1), Slice::new(0, None, 2));
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("strided.npy");
    write_npy(&path, every_second)?;
    assert_eq!(read_npy::<i64>(&path)?, array![[1, 2], [3, 4]].into_dyn());
    let scalar = arr0(2.5f64);
    write_npy(&path, scalar.view())?;
    assert_eq!(read_npy::<f64>(&path)?, scalar.into_dyn());
    Ok(())
}

#[test]
fn nothing_is_left_when_writing_fails() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("table.csv");
    let failed = atomic_file(&path, |writer| -> io::Result<()> {
        writer.write_all(&[b'x'; 100_000])?;
        Err(io::ErrorKind::StorageFull.into())
    });
    assert!(matches!(
        &failed,
        Err(Error::Write { path: got, source })
            if *got == path && source.kind() == io::ErrorKind::StorageFull
    ));
    assert_eq!(failed.unwrap_err().path(), Some(path.as_path()));
    assert!(names(directory.path()).is_empty());
    Ok(())
}

#[test]
fn an_existing_file_is_replaced_only_when_complete() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("table.csv");
    write_text(&path, "old")?;
    let failed = atomic_file(&path, |writer| -> io::Result<()> {
        writer.write_all(b"half")?;
        writer.flush()?;
        assert_eq!(fs::read_to_string(&path)?, "old");
        Err(io::ErrorKind::Other.into())
    });
    assert!(failed.is_err());
    assert_eq!(fs::read_to_string(&path)?, "old");
    assert_eq!(atomic_file(&path, |writer| writer.write_all(b"new").map(|()| 7))?, 7);
    assert_eq!(fs::read_to_string(&path)?, "new");
    assert_eq!(names(directory.path()), ["table.csv"]);
    Ok(())
}

#[test]
fn a_missing_directory_is_named() -> TestResult {
    let directory = tempfile::tempdir()?;
    let parent = directory.path().join("missing");
    let path = parent.join("a.npy");
    let error = write_npy(&path, array![1.0f32].view()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{}: the directory {} does not exist", path.display(), parent.display())
    );
    assert!(matches!(
        error,
        Error::ParentMissing { path: got, parent: missing } if got == path && missing == parent
    ));
    assert!(names(directory.path()).is_empty());
    Ok(())
}

#[test]
fn a_directory_in_the_way_is_an_error() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("taken");
    fs::create_dir(&path)?;
    assert!(matches!(
        write_text(&path, "text"),
        Err(Error::Replace { path: got, .. }) if got == path
    ));
    assert_eq!(names(directory.path()), ["taken"]);
    Ok(())
}

#[cfg(unix)]
#[test]
fn permissions_are_the_usual_ones() -> TestResult {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir()?;
    // What any new file gets under the umask of this process.
    let usual = directory.path().join("usual");
    fs::write(&usual, "")?;
    let path = directory.path().join("a.npy");
    write_npy(&path, array![1u8].view())?;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&path), mode(&usual));
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_names_the_stream() -> TestResult {
    let full = fs::OpenOptions::new().write(true).open("/dev/full")?;
    let error = write_npy_to(full, array![1.0f32].view()).unwrap_err();
    assert!(matches!(
        &error,
        Error::Stream { source } if source.kind() == io::ErrorKind::StorageFull
    ));
    assert_eq!(error.path(), None);
    // A directory in which nobody can create files stands for the other way to fail.
    let path = Path::new("/proc/self/a.npy");
    assert!(matches!(
        write_npy(path, array![1.0f32].view()),
        Err(Error::Create { path: got, parent, .. })
            if got == path && parent == Path::new("/proc/self")
    ));
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
fn devices_are_written_to_and_not_replaced() -> TestResult {
    use std::os::unix::fs::FileTypeExt;
    let directory = tempfile::tempdir()?;
    // Through a link, so that the device itself is safe should this test ever fail.
    for device in ["null", "full"] {
        std::os::unix::fs::symlink(Path::new("/dev").join(device), directory.path().join(device))?;
    }
    write_text(directory.path().join("null"), "text")?;
    let full = directory.path().join("full");
    assert!(matches!(
        write_text(&full, "text"),
        Err(Error::Write { path, source })
            if path == full && source.kind() == io::ErrorKind::StorageFull
    ));
    assert_eq!(names(directory.path()), ["full", "null"]);
    for device in ["null", "full"] {
        assert!(fs::metadata(directory.path().join(device))?.file_type().is_char_device());
    }
    Ok(())
}

#[test]
fn damaged_npy_files_are_refused() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("a.npy");
    write_npy(&path, array![1.0f32, 2.0].view())?;
    let good = fs::read(&path)?;

    assert!(matches!(
        read_npy::<f64>(&path),
        Err(Error::NotNpy { path: got, expected: "float64", .. }) if got == path
    ));
    fs::write(&path, &good[..good.len() - 1])?;
    assert!(matches!(read_npy::<f32>(&path), Err(Error::Length { expected: 8, got: 7, .. })));
    fs::write(&path, [&good[..], &[0]].concat())?;
    assert!(matches!(read_npy::<f32>(&path), Err(Error::Length { expected: 8, got: 9, .. })));
    fs::write(&path, "text")?;
    assert!(matches!(read_npy::<f32>(&path), Err(Error::NotNpy { expected: "float32", .. })));

    // A header that claims 4 EB is not believed.
    let text = String::from_utf8_lossy(&good[10..good.len() - 8]).into_owned();
    let claim = text.replace("(2,)", "(1000000000000000000,)");
    let claim = format!("{:<width$}\n", claim.trim_end(), width = 117);
    fs::write(&path, [&good[..8], &118u16.to_le_bytes(), claim.as_bytes(), &[0; 8]].concat())?;
    assert!(matches!(
        read_npy::<f32>(&path),
        Err(Error::Length { expected: 4_000_000_000_000_000_000, got: 8, .. })
    ));

    let missing = directory.path().join("missing.npy");
    assert!(matches!(
        read_npy::<f32>(&missing),
        Err(Error::Read { path: got, source })
            if got == missing && source.kind() == io::ErrorKind::NotFound
    ));
    Ok(())
}

proptest! {
    #[test]
    fn arrays_come_back(
        (rows, columns, values) in (0usize..5, 0usize..5).prop_flat_map(|(rows, columns)| {
            (Just(rows), Just(columns), prop::collection::vec(any::<u32>(), rows * columns))
        })
    ) {
        let values = values.into_iter().map(f32::from_bits).collect();
        let array = Array2::from_shape_vec((rows, columns), values).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.npy");
        write_npy(&path, array.view()).unwrap();
        let back = read_npy::<f32>(&path).unwrap();
        prop_assert_eq!(back.shape(), array.shape());
        let bits = |value: &f32| value.to_bits();
        prop_assert!(back.iter().map(bits).eq(array.iter().map(bits)));
    }
}

/// Linux has a device on which every write finds the disk full.
#[cfg(target_os = "linux")]
#[test]
fn a_device_is_written_to_and_never_replaced() -> TestResult {
    use std::os::unix::fs::FileTypeExt;

    let full = Path::new("/dev/full");
    let error = write_npy(full, array![1.0f32].view()).unwrap_err();
    assert!(
        matches!(&error, Error::Write { path, source }
            if path == full && source.kind() == io::ErrorKind::StorageFull),
        "{error:?}"
    );
    write_text("/dev/null", "gone")?;
    for device in ["/dev/full", "/dev/null"] {
        assert!(fs::metadata(device)?.file_type().is_char_device(), "{device}");
    }
    Ok(())
}
