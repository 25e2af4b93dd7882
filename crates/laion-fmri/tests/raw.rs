//! Raw BIDS: events, an echo and single-band references.

use crate::{download, fetch};
use fixtures::Bucket;
use fixtures::bucket::{self, RAW_GRID, RAW_VOLUMES};
use laion_fmri::FilterField;
use laion_fmri::nifti_stream::{RowSelection, VoxelSelection};
use laion_fmri::{Error, ErrorKind, EventTableError, Part, TableError, ndarray::Array2};

use crate::{assert_same, opened};

#[test]
fn events_have_all_columns_as_text_and_runs_follow_each_other() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let lines = |run| -> Vec<Vec<String>> {
        let text = bucket::raw_events("ses-01", run);
        text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    };
    let second = subject.events("01", Some(2)).unwrap();
    assert_eq!(second.columns(), lines(2)[0]);
    assert_eq!(second.columns().len(), 18);
    assert!(second.rows().zip(&lines(2)[1..]).all(|(got, expected)| got == expected));
    assert_eq!(second.len(), lines(2).len() - 1);

    let all = subject.events("ses-01", None).unwrap();
    assert_eq!(all.columns()[..18], second.columns()[..]);
    assert_eq!(all.columns()[18], "run");
    let runs = all.column("run").unwrap();
    let first = lines(1).len() - 1;
    assert_eq!(runs.len(), first + second.len());
    assert!(runs[..first].iter().all(|run| *run == "run-01"));
    assert!(runs[first..].iter().all(|run| *run == "run-02"));
    assert!(all.rows().skip(first).zip(second.rows()).all(|(a, b)| a[..18] == *b));
}

#[test]
fn events_have_types() {
    let bucket = Bucket::temporary().unwrap();
    let events = opened(&bucket, "sub-01").events("ses-01", None).unwrap();
    assert_eq!(events.onsets().unwrap()[0], 12.0493);
    assert_eq!(events.durations().unwrap()[0], 2.9998);
    assert_eq!(events.pulse_numbers().unwrap()[0], [9, 10]);
    assert_eq!(events.pulse_onsets().unwrap()[0], [15.1992, 17.0991]);
    let kinds = events.trial_types().unwrap();
    let responses = events.integers("response").unwrap();
    for ((kind, name), response) in
        kinds.iter().zip(events.stimulus_names().unwrap()).zip(responses)
    {
        assert_eq!(*kind == "blank", name.is_none());
        assert_eq!(*kind == "blank", response.is_none());
    }
    assert!(events.numbers("response_time").unwrap().contains(&Some(0.8125)));
}

#[test]
fn images_are_unmasked_and_in_scanner_space() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    assert!(subject.has_raw(None).unwrap());
    let intensities = |volume| -> Vec<f32> {
        RAW_GRID.voxels().map(|voxel| f32::from(bucket::raw_intensity(volume, voxel))).collect()
    };
    let bold = subject.raw_bold("ses-01", 1, 1, Part::Magnitude).unwrap();
    assert_eq!((bold.grid().shape(), bold.n_volumes()), (RAW_GRID.shape, RAW_VOLUMES));
    let all = VoxelSelection::all(RAW_GRID.shape).unwrap();
    let mut values = Array2::zeros((RAW_VOLUMES, all.len()));
    bold.read_rows(&all, &RowSelection::All, values.view_mut()).unwrap();
    for (volume, row) in values.rows().into_iter().enumerate() {
        assert_same(row.as_slice().unwrap(), &intensities(volume), "bold");
    }
    // The name of the second has a part, that of the first has none.
    for run in [1, 2] {
        let reference = subject.sbref("01", run, 1).unwrap();
        assert_eq!(reference.grid().shape(), RAW_GRID.shape);
        assert_same(reference.data(), &intensities(run as usize - 1), "sbref");
    }
}

#[test]
fn what_is_not_on_disk_is_named_with_the_download_that_brings_it() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    assert!(subject.has_raw(Some("01")).unwrap());
    assert!(!subject.has_raw(Some("ses-02")).unwrap());
    assert!(!opened(&bucket, "sub-03").has_raw(None).unwrap());
    let raw = |run: &'static str, suffix: &'static str, extension: &'static str| {
        let filters = [
            (FilterField::Ses, ["ses-01"]),
            (FilterField::Task, ["images"]),
            (FilterField::Run, [run]),
            (FilterField::Suffix, [suffix]),
            (FilterField::Extension, [extension]),
        ];
        let filters = filters.each_ref().map(|(field, values)| (*field, values.as_slice()));
        download("sub-01", &filters).include_raw()
    };
    for (error, what, expected) in [
        (
            subject.events("01", Some(7)).unwrap_err(),
            "the events of sub-01 ses-01 run 7",
            raw("07", "events", "tsv"),
        ),
        (
            subject.raw_bold("01", 1, 1, Part::Phase).unwrap_err(),
            "the raw image of sub-01 ses-01 run 1 echo 1 phase",
            raw("01", "bold", "nii.gz")
                .filter(FilterField::Echo, ["1"])
                .filter(FilterField::Part, ["phase"]),
        ),
        (
            subject.sbref("01", 2, 3).unwrap_err(),
            "the reference of sub-01 ses-01 run 2 echo 3",
            raw("02", "sbref", "nii.gz").filter(FilterField::Echo, ["3"]),
        ),
    ] {
        assert!(
            matches!(&error, Error::DataNotDownloaded { what: got, .. } if got == what),
            "{error:?}"
        );
        assert_eq!(fetch(&error), expected);
    }
    let error = subject.events("ses-02", None).unwrap_err();
    assert!(
        matches!(&error, Error::DataNotDownloaded { what, path, .. } if what == "any events of sub-01 ses-02" && path.ends_with("sub-01/ses-02/func")),
        "{error:?}"
    );
    for error in [
        subject.events("a/b", None).unwrap_err(),
        subject.raw_bold("a/b", 1, 1, Part::Magnitude).unwrap_err(),
        subject.sbref("a/b", 1, 1).unwrap_err(),
        subject.has_raw(Some("a/b")).unwrap_err(),
    ] {
        assert!(matches!(&error, Error::InvalidSession { got } if got == "a/b"), "{error:?}");
    }
}

#[test]
fn tables_that_do_not_fit_are_named() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let path = bucket.path("sub-01/ses-01/func/sub-01_ses-01_task-images_run-02_events.tsv");
    std::fs::write(&path, "onset\tduration\n1\t2\n").unwrap();
    let error = subject.events("ses-01", None).unwrap_err();
    assert!(
        matches!(&error, Error::EventTable { path: got, source: EventTableError::ColumnsDiffer { expected, got: columns } } if *got == path && expected.len() == 19 && columns.len() == 3),
        "{error:?}"
    );
    std::fs::write(&path, "onset\tduration\n1\n").unwrap();
    let error = subject.events("ses-01", Some(2)).unwrap_err();
    assert!(
        matches!(
            &error,
            Error::EventTable {
                source: EventTableError::Table(TableError::FieldCount { line: 2, expected: 2, got: 1 }),
                path: got,
            } if *got == path
        ),
        "{error:?}"
    );
    assert_eq!(error.kind(), ErrorKind::Integrity);
}
