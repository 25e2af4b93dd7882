//! Groups appear complete, and describe what is in them.

use std::fs;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Barrier;

use laion_fmri_base::Sha256;
use serde_json::{Map, Value, json};
use voxel_store::{
    Error, Group, MatrixOptions, Values, consolidate, mend_group, write_group, write_new_group,
};

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn attributes(text: &str) -> Map<String, Value> {
    Map::from_iter([("text".to_owned(), json!(text))])
}

fn session(path: &Path, n_rows: usize) {
    write_group(path, |group| -> Result<(), Error> {
        group.attributes(attributes("a session"));
        let labels = (0..n_rows).map(|row| format!("image {row}"));
        group.array("label", &[("row", n_rows)], &Values::texts(labels))?;
        group.matrix("m", ["row", "column"], [n_rows, 3], &MatrixOptions::default(), |rows| {
            (0..n_rows).try_for_each(|row| rows.put(&[row as f32; 3]))?;
            Ok::<_, Error>(Sha256([n_rows as u8; 32]))
        })?;
        Ok(())
    })
    .unwrap();
}

fn root(path: &Path) -> bool {
    write_new_group(path, |group| -> Result<(), Error> {
        group.attributes(attributes("a subject"));
        group.array("column", &[("column", 3)], &Values::Uint32(vec![4, 5, 9]))?;
        let ijk = Values::Uint32((0..9).collect());
        group.described_array("ijk", &[("column", 3), ("axis", 3)], &ijk, attributes("mm"))
    })
    .unwrap()
}

fn verify(path: &Path) -> Result<usize, Error> {
    let threads = NonZeroUsize::new(2).unwrap();
    let group = Group::open(path)?;
    Ok(group.verify(threads, || ControlFlow::Continue(()))?.arrays)
}

#[test]
fn arrays_and_attributes_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    assert!(root(&path));
    let group = Group::open(&path).unwrap();
    assert_eq!(group.attributes(), &attributes("a subject"));
    assert_eq!(group.array("column").unwrap(), Values::Uint32(vec![4, 5, 9]));
    assert_eq!(group.array("ijk").unwrap(), Values::Uint32((0..9).collect()));
    assert_eq!(group.shape("ijk"), Some(vec![3, 3]));
    assert_eq!(verify(&path).unwrap(), 2);
    for name in ["other", "", "../s", "column/.."] {
        let error = group.array(name).unwrap_err();
        assert!(
            matches!(&error, Error::Missing { kind: "array", name: n, .. } if n == name),
            "{error}"
        );
    }
    assert!(matches!(group.matrix("column"), Err(Error::Missing { kind: "matrix", .. })));
}

#[test]
fn names_that_lead_out_and_counts_that_do_not_fit_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    for name in ["", "..", "a/b", ".hidden", "with space", "Größe", "twice"] {
        let error = write_group(&path, |group| -> Result<(), Error> {
            group.array("twice", &[("row", 1)], &Values::Uint8(vec![1]))?;
            group.array(name, &[("row", 1)], &Values::Uint8(vec![1]))
        });
        let error = error.unwrap_err();
        assert!(matches!(&error, Error::Name { got } if got == name), "{name}: {error}");
    }
    let error = write_group(&path, |group| {
        group.array("a", &[("row", 2), ("column", 2)], &Values::Uint8(vec![1; 3]))
    });
    assert!(matches!(error, Err(Error::Count { expected: 4, got: 3, .. })), "{error:?}");
    assert!(names(directory.path()).is_empty());
}

#[test]
fn members_come_one_after_the_other() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    assert!(root(&path) && !root(&path));
    let alone = fs::read(path.join("zarr.json")).unwrap();
    for (name, n_rows) in [("ses-02", 5), ("ses-01", 4)] {
        session(&path.join(name), n_rows);
        consolidate(&path).unwrap();
        assert_eq!(verify(&path.join(name)).unwrap(), 2);
        assert_eq!(verify(&path).unwrap(), 2);
    }
    assert_eq!(Group::open(&path).unwrap().groups().unwrap(), ["ses-01", "ses-02"]);
    let document: Value =
        serde_json::from_slice(&fs::read(path.join("zarr.json")).unwrap()).unwrap();
    let members = document["consolidated_metadata"]["metadata"].as_object().unwrap();
    let paths: Vec<&str> = members.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "column",
            "ijk",
            "ses-01",
            "ses-01/label",
            "ses-01/m",
            "ses-02",
            "ses-02/label",
            "ses-02/m"
        ]
    );
    // One that is written again, and one that goes.
    session(&path.join("ses-02"), 6);
    assert!(matches!(verify(&path), Err(Error::Document { .. })));
    consolidate(&path).unwrap();
    assert_eq!(verify(&path).unwrap(), 2);
    let matrix = Group::open(path.join("ses-02")).unwrap().matrix("m").unwrap();
    assert_eq!((matrix.shape(), matrix.identity()), ([6, 3], Sha256([6; 32])));
    for name in ["ses-01", "ses-02"] {
        fs::remove_dir_all(path.join(name)).unwrap();
    }
    consolidate(&path).unwrap();
    assert_eq!(fs::read(path.join("zarr.json")).unwrap(), alone);
    assert_eq!(names(&path), ["column", "ijk", "zarr.json"]);
}

#[test]
fn a_damaged_member_is_left_out_and_the_others_stay() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    root(&path);
    session(&path.join("ses-01"), 4);
    session(&path.join("ses-02"), 4);
    fs::write(path.join("ses-01/zarr.json"), "{}").unwrap();
    fs::create_dir(path.join("empty")).unwrap();
    consolidate(&path).unwrap();
    assert_eq!(verify(&path).unwrap(), 2);
    assert_eq!(verify(&path.join("ses-02")).unwrap(), 2);
    assert!(Group::open(path.join("ses-01")).unwrap_err().is_damage());
}

#[test]
fn a_member_that_was_listed_is_named_until_it_is_mended() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    root(&path);
    session(&path.join("ses-01"), 4);
    consolidate(&path).unwrap();
    let document = || fs::read(path.join("zarr.json")).unwrap();
    let sound = document();
    let column = Values::Uint32(vec![4, 5, 9]);
    let has = || {
        let group = Group::open(&path).unwrap();
        group.has_array("column", &[("column", 3)], &column, Map::new()).unwrap()
    };
    let damages: [(&str, &dyn Fn()); 3] = [
        ("its document", &|| fs::write(path.join("column/zarr.json"), "{}").unwrap()),
        ("its directory", &|| fs::remove_dir_all(path.join("column")).unwrap()),
        ("its values", &|| fs::write(path.join("column/c.0"), [0_u8; 16]).unwrap()),
    ];
    for (what, damage) in damages {
        assert!(has(), "{what}");
        damage();
        assert!(!has(), "{what}");
        consolidate(&path).unwrap();
        assert_eq!(document(), sound, "{what}");
        assert!(verify(&path).unwrap_err().is_damage(), "{what}");
        // Of the other array nothing is written: what the document says of it stays.
        mend_group(&path, |group| -> Result<(), Error> {
            group.attributes(attributes("a subject"));
            group.array("column", &[("column", 3)], &column)
        })
        .unwrap();
        assert_eq!((document(), verify(&path).unwrap()), (sound.clone(), 2), "{what}");
    }
    let group = Group::open(&path).unwrap();
    let has = |name, length, values| {
        let dimensions = [("column", length)];
        group.has_array(name, &dimensions, &Values::Uint32(values), Map::new()).unwrap()
    };
    assert!(!has("column", 3, vec![4, 5, 8]) && !has("column", 2, vec![4, 5]));
    assert!(!has("other", 3, vec![4, 5, 9]));
    // What cannot be written again is still named.
    fs::remove_dir_all(path.join("ijk")).unwrap();
    mend_group(&path, |group| -> Result<(), Error> {
        group.attributes(attributes("a subject"));
        group.array("column", &[("column", 3)], &column)
    })
    .unwrap();
    assert_eq!(document(), sound);
    assert!(verify(&path).unwrap_err().is_damage());
}

#[test]
fn writers_side_by_side_leave_one_complete_group() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let barrier = Barrier::new(6);
    std::thread::scope(|scope| {
        for number in 0..6 {
            let (path, barrier) = (&path, &barrier);
            scope.spawn(move || {
                barrier.wait();
                root(path);
                // Two of each.
                session(&path.join(format!("ses-0{}", number / 2)), 4);
                consolidate(path).unwrap();
            });
        }
    });
    assert_eq!(names(directory.path()), ["s"]);
    assert_eq!(names(&path), ["column", "ijk", "ses-00", "ses-01", "ses-02", "zarr.json"]);
    assert_eq!(verify(&path).unwrap(), 2);
    for name in ["ses-00", "ses-01", "ses-02"] {
        assert_eq!(verify(&path.join(name)).unwrap(), 2);
    }
}

#[test]
fn nothing_but_a_group_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    fs::create_dir(&path).unwrap();
    session(&path, 1);
    session(&path, 2);
    assert_eq!(Group::open(&path).unwrap().shape("m"), Some(vec![2, 3]));
    fs::remove_file(path.join("zarr.json")).unwrap();
    let write = || write_group(&path, |_| Ok::<(), Error>(()));
    let error = write().unwrap_err();
    assert!(matches!(&error, Error::NotReplaceable { path: p } if *p == path), "{error}");
    fs::remove_dir_all(&path).unwrap();
    fs::write(&path, "a file").unwrap();
    assert!(matches!(write(), Err(Error::NotReplaceable { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), "a file");
    assert_eq!(names(directory.path()), ["s"]);
    let missing = directory.path().join("missing/s");
    let error = write_group(&missing, |_| Ok::<(), Error>(())).unwrap_err();
    assert!(matches!(&error, Error::Io { action: "create", .. }), "{error}");
}

#[test]
fn the_error_of_who_puts_the_rows_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("g");
    let row = vec![1.0; 1 << 16];
    let error = write_group(&path, |group| {
        group.matrix("m", ["row", "column"], [3, 1 << 16], &MatrixOptions::default(), |rows| {
            (0..3).try_for_each(|_| rows.put(&row))?;
            Err::<Sha256, Error>(Error::Stopped)
        })
    });
    assert!(matches!(error, Err(Error::Stopped)), "{error:?}");
    assert!(names(directory.path()).is_empty());
}
