//! The checks of other writers and readers: this crate holds them, and what does not is found.

use std::fs;
use std::path::Path;

use array_export::conformance::{
    Nonconformance, SampleArray, Values, check_failing_writer, check_reader, check_writer, sample,
};
use array_export::{ArrayFormat, Error, read_arrays, write_arrays};
use tempfile::tempdir;

const FORMATS: [ArrayFormat; 2] = [ArrayFormat::Npz, ArrayFormat::Zarr];

fn put(path: &Path, format: ArrayFormat, arrays: &[SampleArray]) -> Result<(), Error> {
    write_arrays(path, format, |file| arrays.iter().try_for_each(|array| array.put(file)))
}

fn read(path: &Path, name: &str) -> Result<Values, Error> {
    Values::read(&mut read_arrays(path)?, name)
}

#[test]
fn this_crate_holds_what_it_asks_of_others() -> Result<(), Nonconformance> {
    for format in FORMATS {
        let folders = [tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap()];
        check_writer(&folders[0], format, |path, arrays| put(path, format, arrays))?;
        check_failing_writer(&folders[1], format, |path, arrays| {
            write_arrays(path, format, |file| {
                arrays.iter().try_for_each(|array| array.put(file))?;
                Err(Error::SameMember { name: "stop".to_owned() })
            })
        })?;
        check_reader(&folders[2], format, read)?;
    }
    Ok(())
}

/// Checks a writer of `.npz` files that has to be found.
fn wrong_writer(write: impl FnMut(&Path, &[SampleArray]) -> Result<(), Error>) -> Nonconformance {
    check_writer(tempdir().unwrap(), ArrayFormat::Npz, write).unwrap_err()
}

#[test]
fn what_a_writer_does_wrong_is_found() {
    let npz = ArrayFormat::Npz;
    let error = wrong_writer(|_, _| Err(Error::SameMember { name: "x".to_owned() }));
    assert!(matches!(error, Nonconformance::Writer { .. }), "{error}");
    let error = wrong_writer(|path, _| array_export::write_text(path, b"PK"));
    assert!(matches!(error, Nonconformance::Unreadable { .. }), "{error}");
    let error = wrong_writer(|path, arrays| put(path, npz, &arrays[1..]));
    assert_eq!(error.to_string(), "other arrays come back: image_name");
    let error = wrong_writer(|path, arrays| {
        let mut arrays = arrays.to_vec();
        arrays[1].values = arrays[2].values.clone();
        put(path, npz, &arrays)
    });
    assert!(matches!(&error, Nonconformance::Arrays { differences }
        if differences.len() == 1 && differences[0].name == "betas"));
    let mut runs = 0;
    let error = wrong_writer(|path, arrays| {
        runs += 1;
        write_arrays(path, npz, |file| {
            file.attribute("run", runs);
            arrays.iter().try_for_each(|array| array.put(file))
        })
    });
    assert!(matches!(error, Nonconformance::Bytes { .. }), "{error}");
    let error = wrong_writer(|path, arrays| {
        fs::write(path.with_extension("tmp"), "").unwrap();
        put(path, npz, arrays)
    });
    assert!(matches!(error, Nonconformance::Left { names }
        if names == ["first.tmp", "second.tmp"]));
}

#[test]
fn a_writer_that_fails_and_leaves_something_is_found() {
    let check = |write: &dyn Fn(&Path) -> Result<(), ()>| {
        let folder = tempdir().unwrap();
        check_failing_writer(&folder, ArrayFormat::Npz, |path, _| write(path)).unwrap_err()
    };
    assert!(matches!(check(&|_| Ok(())), Nonconformance::Succeeded));
    let half = |path: &Path| fs::write(path, "half").map_err(drop);
    let error = check(&|path| half(path).and(Err(())));
    assert!(matches!(error, Nonconformance::Left { names } if names == ["output.npz"]));
    let error = check(&|path| if path.exists() { half(path).and(Err(())) } else { Err(()) });
    assert!(matches!(error, Nonconformance::Replaced));
}

#[test]
fn what_a_reader_does_wrong_is_found() {
    let check = |read: &dyn Fn(&Path, &str) -> Result<Values, Error>| {
        check_reader(tempdir().unwrap(), ArrayFormat::Npz, read).unwrap_err()
    };
    let error = check(&|_, name| Err(Error::SameMember { name: name.to_owned() }));
    assert!(matches!(error, Nonconformance::Reader { name, .. } if name == "image_name"));
    let error = check(&|path, _| read(path, "betas"));
    assert!(matches!(error, Nonconformance::Arrays { .. }), "{error}");
    let error = check(&|path, name| match read(path, name) {
        Err(Error::NoMember { .. }) => Ok(Vec::new().into()),
        other => other,
    });
    assert!(matches!(error, Nonconformance::Absent { .. }), "{error}");
    // Zeros in the place of an error.
    let error = check(&|path, name| match read(path, name) {
        Err(error @ Error::NoMember { .. }) => Err(error),
        Err(_) => Ok(Vec::new().into()),
        values => values,
    });
    assert!(matches!(error, Nonconformance::Damage { .. }), "{error}");
}

#[test]
fn the_sample_has_every_type() {
    let mut types: Vec<String> =
        sample().iter().filter_map(|array| Some(array.values.digest()?.dtype)).collect();
    types.sort();
    types.dedup();
    assert_eq!(types.len(), 13, "{types:?}");
}
