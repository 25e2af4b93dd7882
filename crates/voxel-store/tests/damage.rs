//! A damaged store gives an error or the same bits, never a wrong number.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use laion_fmri_base::Sha256;
use ndarray::Array2;
use voxel_store::{Error, Group, MatrixOptions, Values, write_group};

const IDENTITY: Sha256 = Sha256([3; 32]);
const SHAPE: [usize; 2] = [5, 9];

fn value(row: usize, column: usize) -> f32 {
    if row == 2 { f32::NAN } else { (row * 100 + column) as f32 }
}

fn store(path: &Path) {
    write_group(path, |group| -> Result<(), Error> {
        group.array("label", &[("row", 2)], &Values::texts(["a", "b"]))?;
        group.array("flag", &[("row", 2)], &Values::Bool(vec![true, false]))?;
        let mut options = MatrixOptions::default();
        options.chunk_rows = 2;
        group.matrix("m", ["row", "column"], SHAPE, &options, |rows| {
            for row in 0..SHAPE[0] {
                let values: Vec<f32> = (0..SHAPE[1]).map(|column| value(row, column)).collect();
                rows.put(&values)?;
            }
            Ok::<_, Error>(IDENTITY)
        })?;
        Ok(())
    })
    .unwrap();
}

/// Reads everything. The matrix is compared with what was written.
fn read(path: &Path) -> Result<(), Error> {
    let group = Group::open(path)?;
    let label = group.array("label")?;
    let flag = group.array("flag")?;
    let matrix = group.matrix("m")?;
    matrix.check_identity(IDENTITY)?;
    let columns: Vec<usize> = (0..SHAPE[1]).collect();
    let rows: Vec<usize> = (0..SHAPE[0]).collect();
    let mut out = Array2::zeros(SHAPE);
    matrix.read(&columns, &rows, out.view_mut())?;
    let expected = Array2::from_shape_fn(SHAPE, |(row, column)| value(row, column));
    let same = out.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits());
    assert!(same && label == Values::texts(["a", "b"]), "a wrong number");
    assert_eq!(flag, Values::Bool(vec![true, false]), "a wrong flag");
    Ok(())
}

fn verify(path: &Path) -> Result<(), Error> {
    let threads = NonZeroUsize::new(2).unwrap();
    Group::open(path)?.verify(threads, || ControlFlow::Continue(())).map(drop)
}

/// Every file below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// Changes one byte in its place, which file systems do much faster than a file that is written again.
fn overwrite(file: &Path, position: usize, byte: u8) {
    let mut file = fs::File::options().write(true).open(file).unwrap();
    file.seek(SeekFrom::Start(position as u64)).unwrap();
    file.write_all(&[byte]).unwrap();
}

#[test]
fn every_flipped_byte_is_an_error_or_makes_no_difference() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    store(&path);
    read(&path).unwrap();
    verify(&path).unwrap();
    let mut unread = 0;
    for file in files(&path) {
        let sound = fs::read(&file).unwrap();
        for (position, byte) in sound.iter().enumerate() {
            overwrite(&file, position, byte ^ 1 << (position % 8));
            match read(&path) {
                Ok(()) => unread += 1,
                Err(error) => assert!(error.is_damage(), "{} {position}: {error}", file.display()),
            }
            // Nothing is overlooked when all is verified.
            let error = verify(&path).unwrap_err();
            assert!(error.is_damage(), "{} {position}: {error}", file.display());
            overwrite(&file, position, *byte);
        }
    }
    verify(&path).unwrap();
    // The index and the documents of the members are for other readers.
    assert!(unread > 0);
}

#[test]
fn every_cut_file_and_every_missing_one_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    store(&path);
    for file in files(&path) {
        let sound = fs::read(&file).unwrap();
        for length in [0, 1, sound.len() / 2, sound.len() - 1] {
            fs::write(&file, &sound[..length]).unwrap();
            let error = verify(&path).unwrap_err();
            assert!(error.is_damage(), "{} {length}: {error}", file.display());
            if let Err(error) = read(&path) {
                assert!(error.is_damage(), "{} {length}: {error}", file.display());
            }
        }
        fs::write(&file, [&sound[..], b"\n"].concat()).unwrap();
        assert!(verify(&path).unwrap_err().is_damage(), "{}", file.display());
        fs::remove_file(&file).unwrap();
        assert!(verify(&path).unwrap_err().is_damage(), "{}", file.display());
        fs::write(&file, &sound).unwrap();
    }
    verify(&path).unwrap();
}

#[test]
fn a_damaged_chunk_is_named_by_its_rows_and_columns() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    store(&path);
    let matrix = Group::open(&path).unwrap().matrix("m").unwrap();
    let [chunk_rows, chunk_columns] = matrix.layout().chunk_shape();
    assert_eq!((chunk_rows, chunk_columns), (2, 9));
    // The last value of the last chunk, of which the second row is filled.
    let file = path.join("m/c.0.0");
    let mut bytes = fs::read(&file).unwrap();
    let start = 44 + 2 * (18 + 1) * 4;
    bytes[start] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let mut out = Array2::zeros((1, 1));
    matrix.read(&[0], &[0], out.view_mut()).unwrap();
    let error = matrix.read(&[8], &[4], out.view_mut()).unwrap_err();
    assert!(
        matches!(&error, Error::Chunk { path, rows, columns, expected, got }
            if *path == file && *rows == (4..5) && *columns == (0..9) && expected != got),
        "{error}"
    );
    let text = error.to_string();
    assert!(text.contains("rows 4 to 4 of columns 0 to 8"), "{text}");
}

#[test]
fn a_chunk_that_was_never_written_is_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    store(&path);
    let file = path.join("m/c.0.0");
    let sound = fs::read(&file).unwrap();
    let chunk_bytes = (2 * 9 + 1) * 4;
    for row_chunk in 0..3 {
        // What a file has in the place of bytes that nobody wrote.
        let mut bytes = sound.clone();
        bytes[44 + row_chunk * chunk_bytes..][..chunk_bytes].fill(0);
        fs::write(&file, &bytes).unwrap();
        for error in [read(&path).unwrap_err(), verify(&path).unwrap_err()] {
            assert!(
                matches!(&error, Error::Chunk { rows, expected: 0, .. }
                    if rows.start == row_chunk * 2),
                "{error}"
            );
        }
    }
    // An unfinished file has no start.
    let mut bytes = sound;
    bytes[..44].fill(0);
    fs::write(&file, &bytes).unwrap();
    let error = read(&path).unwrap_err();
    assert!(matches!(error, Error::Start { .. }) && error.is_damage(), "{error}");
}

#[test]
fn the_matrix_of_another_store_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (directory.path().join("one"), directory.path().join("other"));
    store(&one);
    write_group(&other, |group| {
        let mut options = MatrixOptions::default();
        options.chunk_rows = 2;
        group.matrix("m", ["row", "column"], SHAPE, &options, |rows| {
            (0..SHAPE[0]).try_for_each(|_| rows.put(&[0.0; SHAPE[1]]))?;
            Ok::<_, Error>(Sha256([4; 32]))
        })
    })
    .unwrap();
    fs::copy(other.join("m/c.0.0"), one.join("m/c.0.0")).unwrap();
    let error = read(&one).unwrap_err();
    assert!(
        matches!(error, Error::Identity { expected: IDENTITY, got: Sha256([4, ..]), .. }),
        "{error}"
    );
}

#[test]
fn a_matrix_that_cannot_be_counted_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let huge = usize::MAX / 8;
    for shape in [[huge, 1], [1, huge], [1 << 40, 1 << 40]] {
        let error = write_group(&path, |group| {
            group.matrix("m", ["row", "column"], shape, &MatrixOptions::default(), |_| {
                Ok::<_, Error>(IDENTITY)
            })
        })
        .unwrap_err();
        assert!(
            matches!(error, Error::TooLarge { rows, columns } if [rows, columns] == shape),
            "{error}"
        );
    }
}

#[test]
fn a_matrix_without_values_is_verified_at_once_whatever_its_shape() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    write_group(&path, |group| {
        let shape = [0, 1 << 50];
        group.matrix("m", ["row", "column"], shape, &MatrixOptions::default(), |_| {
            Ok::<_, Error>(IDENTITY)
        })
    })
    .unwrap();
    verify(&path).unwrap();
}
