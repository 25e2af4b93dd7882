//! Tables: what they hold, and the bytes of each format.

use std::fs;
use std::io;

use array_export::{Cell, Column, Error, Table, read_parquet_metadata};
use proptest::prelude::*;

use crate::outputs::{TestResult, names};

fn table() -> Table {
    let mut table = Table::new();
    table.add("label", [Some("a, \"b\""), None, Some("")]).unwrap();
    table.add("trial", [i64::MIN, 0, 7]).unwrap();
    table.add("run", [Some(1i64), None, Some(3)]).unwrap();
    table.add("nc", [Some(0.1), Some(f64::NAN), None]).unwrap();
    table.add("shared", [Some(true), Some(false), None]).unwrap();
    table
}

fn text(write: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>) -> String {
    let mut bytes = Vec::new();
    write(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn columns_are_named_once_and_equally_long() {
    let mut table = table();
    assert_eq!(table.n_rows(), 3);
    assert!(matches!(
        table.add("run", ["x", "y", "z"]),
        Err(Error::SameColumn { column }) if column == "run"
    ));
    assert!(matches!(
        table.add("short", [1.0, 2.0]),
        Err(Error::ColumnLength { column, expected: 3, got: 2 }) if column == "short"
    ));
    assert!(matches!(
        table.add("empty", [""; 0]),
        Err(Error::ColumnLength { expected: 3, got: 0, .. })
    ));
    let names: Vec<_> = table.columns().map(|(name, _)| name).collect();
    assert_eq!(names, ["label", "trial", "run", "nc", "shared"]);
    assert_eq!(table.column("run"), Some(&Column::Integer(vec![Some(1), None, Some(3)])));
    assert_eq!(table.column("other"), None);
}

/// The column that cells become.
fn column<C: Cell>(cells: impl IntoIterator<Item = C>) -> Column {
    let mut table = Table::new();
    table.add("c", cells).unwrap();
    table.column("c").unwrap().clone()
}

#[test]
fn every_source_of_cells_has_its_kind() {
    let texts = vec!["x".to_owned()];
    let expected = Column::Text(vec![Some("x".to_owned())]);
    assert_eq!(column(&texts), expected);
    assert_eq!(column(["x"].iter()), expected);
    assert_eq!(column(texts.iter().map(String::as_str)), expected);
    assert_eq!(column([Some("x")]), expected);
    assert_eq!(column(texts.clone().into_iter().map(Some)), expected);
    assert_eq!(column(texts), expected);
    let expected = Column::Integer(vec![Some(1), Some(2)]);
    assert_eq!(column([1, 2]), expected);
    assert_eq!(column(1usize..3), expected);
    assert_eq!(column([1i8, 2]), expected);
    assert_eq!(column([1i16, 2]), expected);
    assert_eq!(column([1i64, 2]), expected);
    assert_eq!(column([1u8, 2]), expected);
    assert_eq!(column([1u16, 2]), expected);
    assert_eq!(column([1u32, 2].iter()), expected);
    assert_eq!(column([1u64, 2].as_slice()), expected);
    assert_eq!(column(&ndarray::array![1isize, 2]), expected);
    assert_eq!(column([Some(7usize), None].iter()), Column::Integer(vec![Some(7), None]));
    assert_eq!(column([0.5, 1.5].as_slice()), Column::Float(vec![Some(0.5), Some(1.5)]));
    assert_eq!(
        column(vec![Some(0.1f32), None]),
        Column::Float(vec![Some(f64::from(0.1f32)), None])
    );
    assert_eq!(column([true].iter()), Column::Boolean(vec![Some(true)]));
    assert!(column([false; 0]).is_empty());
}

#[test]
fn an_integer_that_no_int64_is_is_refused() {
    let mut table = Table::new();
    table.add("fits", [i64::MAX as u64, 0]).unwrap();
    let error = table.add("n", [None, Some(u64::MAX)]).unwrap_err();
    assert!(matches!(
        &error,
        Error::CellRange { column, row: 1, got: u64::MAX } if column == "n"
    ));
    assert_eq!(
        error.to_string(),
        "the column \"n\": 18446744073709551615 in row 1 does not fit into 64 bits with a sign"
    );
    assert_eq!(table.columns().len(), 1);
}

#[test]
fn csv_quotes_what_has_to_be_quoted() {
    let expected = "label,trial,run,nc,shared\n\
                    \"a, \"\"b\"\"\",-9223372036854775808,1,0.1,true\n\
                    ,0,,NaN,false\n\
                    ,7,3,,\n";
    assert_eq!(text(|bytes| table().write_csv_to(bytes)), expected);
    let mut single = Table::new();
    single.add("one\ntwo", ["", "x\r"]).unwrap();
    assert_eq!(text(|bytes| single.write_csv_to(bytes)), "\"one\ntwo\"\n\"\"\n\"x\r\"\n");
}

#[test]
fn tsv_never_quotes() {
    let expected = "label\ttrial\trun\tnc\tshared\n\
                    a, \"b\"\t-9223372036854775808\t1\t0.1\ttrue\n\
                    n/a\t0\tn/a\tNaN\tfalse\n\
                    \t7\t3\tn/a\tn/a\n";
    assert_eq!(text(|bytes| table().write_tsv_to(bytes)), expected);
}

#[test]
fn tsv_refuses_what_would_move_the_fields() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("a.tsv");
    let check = |cells: [&str; 2], name: &str, row: Option<usize>, expected: &str, more: bool| {
        let mut table = Table::new();
        table.add(name, cells).unwrap();
        if more {
            table.add("more", [1i64, 2]).unwrap();
        }
        let error = table.write_tsv(&path).unwrap_err();
        assert!(
            matches!(&error, Error::Field { column, row: got, reason }
                if column == name && *got == row && *reason == expected),
            "{error:?}"
        );
        assert!(table.write_tsv_to(io::sink()).is_err());
        error.to_string()
    };
    let message = check(["x", "a\tb"], "c", Some(1), "a TAB", true);
    assert_eq!(message, "the column \"c\", row 1: a field has a TAB");
    check(["a\nb", "x"], "c", Some(0), "a line break", true);
    check(["a\rb", "x"], "c", Some(0), "a line break", true);
    check(["x", ""], "c", Some(1), "no character, and the line no other field", false);
    let message = check(["x", "y"], "c\td", None, "a TAB", true);
    assert_eq!(message, "the column \"c\\td\": a field has a TAB");
    assert!(names(directory.path()).is_empty());
    Ok(())
}

#[test]
fn json_lines_start_with_the_schema() {
    let mut table = table();
    let expected = concat!(
        r#"{"schema":"laion-fmri.trials/1","label":"a, \"b\"","trial":-9223372036854775808,"#,
        r#""run":1,"nc":0.1,"shared":true}"#,
        "\n",
        r#"{"schema":"laion-fmri.trials/1","label":null,"trial":0,"run":null,"nc":null,"#,
        r#""shared":false}"#,
        "\n",
        r#"{"schema":"laion-fmri.trials/1","label":"","trial":7,"run":3,"nc":null,"#,
        r#""shared":null}"#,
        "\n",
    );
    let got = text(|bytes| table.write_json_lines_to(bytes, "laion-fmri.trials/1"));
    assert_eq!(got, expected);
    table.add("schema", [1i64, 2, 3]).unwrap();
    assert!(matches!(
        table.write_json_lines_to(io::sink(), "x/1"),
        Err(Error::SameColumn { column }) if column == "schema"
    ));
    assert!(table.write_json_lines("unused.jsonl", "x/1").is_err());
}

#[test]
fn floats_take_the_fewest_digits() {
    let mut table = Table::new();
    let cells = [1.0, -0.0, 1e300, 5e-324, 0.1 + 0.2, f64::INFINITY, f64::NEG_INFINITY];
    table.add("x", cells).unwrap();
    let expected = "x\n1.0\n-0.0\n1e300\n5e-324\n0.30000000000000004\ninf\n-inf\n";
    assert_eq!(text(|bytes| table.write_csv_to(bytes)), expected);
    assert_eq!(text(|bytes| table.write_tsv_to(bytes)), expected);
}

#[test]
fn files_and_streams_are_the_same_bytes() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = |name: &str| directory.path().join(name);
    let table = table();
    table.write_csv(path("a.csv"))?;
    table.write_tsv(path("a.tsv"))?;
    table.write_json_lines(path("a.jsonl"), "a/1")?;
    table.write_parquet(path("a.parquet"))?;
    let mut streams = [const { Vec::new() }; 4];
    let [csv, tsv, json_lines, parquet] = &mut streams;
    table.write_csv_to(csv)?;
    table.write_tsv_to(tsv)?;
    table.write_json_lines_to(json_lines, "a/1")?;
    table.write_parquet_to(parquet)?;
    for (name, bytes) in ["a.csv", "a.tsv", "a.jsonl", "a.parquet"].iter().zip(&streams) {
        assert_eq!(fs::read(path(name))?, *bytes, "{name}");
    }
    assert!(streams[3].starts_with(b"PAR1") && streams[3].ends_with(b"PAR1"));
    assert_eq!(names(directory.path()), ["a.csv", "a.jsonl", "a.parquet", "a.tsv"]);
    Ok(())
}

#[test]
fn parquet_files_keep_texts_about_the_table() -> TestResult {
    let directory = tempfile::tempdir()?;
    let [one, other] = ["a.parquet", "b.parquet"].map(|name| directory.path().join(name));
    let texts = [("recipe", "a = 1\n# \u{e9}\n"), ("empty", "")];
    table().write_parquet_with(&one, &texts)?;
    table().write_parquet_with(&other, &texts)?;
    assert_eq!(fs::read(&one)?, fs::read(&other)?);
    let read = read_parquet_metadata(&one)?;
    assert_eq!(read, texts.map(|(key, value)| (key.to_owned(), value.to_owned())));
    table().write_parquet(&other)?;
    assert!(read_parquet_metadata(&other)?.is_empty());
    fs::write(&other, "PAR1 or not")?;
    let error = read_parquet_metadata(&other);
    assert!(matches!(error, Err(Error::Read { path, .. }) if path == other));
    Ok(())
}

#[test]
fn parquet_files_are_read_by_their_own_library() -> TestResult {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let mut bytes = Vec::new();
    table().write_parquet_to(&mut bytes)?;
    let reader = SerializedFileReader::new(bytes::Bytes::from(bytes))?;
    assert_eq!(reader.metadata().file_metadata().num_rows(), 3);
    let rows: Vec<String> = reader
        .get_row_iter(None)?
        .map(|row| row.map(|row| row.to_string()))
        .collect::<Result<_, _>>()?;
    assert_eq!(
        rows,
        [
            r#"{label: "a, "b"", trial: -9223372036854775808, run: 1, nc: 0.1, shared: true}"#,
            "{label: null, trial: 0, run: null, nc: NaN, shared: false}",
            r#"{label: "", trial: 7, run: 3, nc: null, shared: null}"#,
        ]
    );
    Ok(())
}

#[test]
fn tables_without_columns_or_rows_are_files() -> TestResult {
    let nothing = Table::new();
    assert_eq!(text(|bytes| nothing.write_csv_to(bytes)), "");
    assert_eq!(text(|bytes| nothing.write_tsv_to(bytes)), "");
    assert_eq!(text(|bytes| nothing.write_json_lines_to(bytes, "a/1")), "");
    let mut bytes = Vec::new();
    nothing.write_parquet_to(&mut bytes)?;
    assert!(bytes.ends_with(b"PAR1"));
    let mut header = Table::new();
    header.add("a", [""; 0])?;
    header.add("b", [0i64; 0])?;
    assert_eq!(text(|bytes| header.write_csv_to(bytes)), "a,b\n");
    assert_eq!(text(|bytes| header.write_tsv_to(bytes)), "a\tb\n");
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_in_every_format() -> TestResult {
    let table = table();
    let storage_full = |result: Result<(), Error>| {
        matches!(
            result,
            Err(Error::Write { source, .. } | Error::Stream { source })
                if source.kind() == io::ErrorKind::StorageFull
        )
    };
    assert!(storage_full(table.write_csv("/dev/full")));
    assert!(storage_full(table.write_tsv("/dev/full")));
    assert!(storage_full(table.write_json_lines("/dev/full", "a/1")));
    assert!(storage_full(table.write_parquet("/dev/full")));
    let full = fs::OpenOptions::new().write(true).open("/dev/full")?;
    assert!(storage_full(table.write_csv_to(&full)));
    assert!(storage_full(table.write_tsv_to(&full)));
    assert!(storage_full(table.write_json_lines_to(&full, "a/1")));
    assert!(storage_full(table.write_parquet_to(&full)));
    Ok(())
}

proptest! {
    #[test]
    fn csv_cells_come_back(
        cells in prop::collection::vec(("[ a,\"\r\n\t\u{e9}]{0,6}", any::<f64>()), 1..6)
    ) {
        let mut table = Table::new();
        table.add("text", cells.iter().map(|(text, _)| text)).unwrap();
        table.add("number", cells.iter().map(|&(_, number)| number)).unwrap();
        let mut bytes = Vec::new();
        table.write_csv_to(&mut bytes).unwrap();
        let mut reader = csv::Reader::from_reader(&bytes[..]);
        let back: Vec<(String, f64)> = reader
            .records()
            .map(|record| {
                let record = record.unwrap();
                (record[0].to_owned(), record[1].parse().unwrap())
            })
            .collect();
        prop_assert_eq!(back.len(), cells.len());
        for ((text, number), (expected, value)) in back.iter().zip(&cells) {
            prop_assert_eq!(text, expected);
            prop_assert!(number.to_bits() == value.to_bits() || number.is_nan() && value.is_nan());
        }
    }
}
