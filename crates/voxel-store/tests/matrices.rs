//! Matrices come back with their bits, whatever is read of them.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use laion_fmri_base::Sha256;
use ndarray::{Array2, Axis};
use proptest::prelude::*;
use voxel_store::{Error, Group, Matrix, MatrixOptions, write_group};

const IDENTITY: Sha256 = Sha256([9; 32]);

/// Any bits: NaN with a payload, infinities, subnormal numbers.
fn bits(row: usize, column: usize) -> f32 {
    f32::from_bits(
        (row as u32).wrapping_mul(0x9e37_79b9) ^ (column as u32).wrapping_mul(0x85eb_ca6b),
    )
}

fn matrix(shape: [usize; 2]) -> Array2<f32> {
    Array2::from_shape_fn(shape, |(row, column)| bits(row, column))
}

fn options(chunk_rows: usize) -> MatrixOptions {
    let mut options = MatrixOptions::default();
    options.chunk_rows = chunk_rows;
    options
}

fn written(path: &Path, values: &Array2<f32>, chunk_rows: usize) -> Matrix {
    let shape = [values.nrows(), values.ncols()];
    write_group(path, |group| {
        group.matrix("m", ["row", "column"], shape, &options(chunk_rows), |rows| {
            for row in values.rows() {
                rows.put(row.as_slice().unwrap())?;
            }
            Ok::<_, Error>(IDENTITY)
        })
    })
    .unwrap();
    Group::open(path).unwrap().matrix("m").unwrap()
}

fn same(got: &Array2<f32>, expected: &Array2<f32>) -> bool {
    got.dim() == expected.dim() && got.iter().zip(expected).all(|(a, b)| a.to_bits() == b.to_bits())
}

#[test]
fn whole_matrices_of_every_shape_come_back() {
    let directory = tempfile::tempdir().unwrap();
    for (shape, chunk_rows) in [
        ([1, 1], 174),
        ([0, 3], 174),
        ([3, 0], 174),
        ([0, 0], 174),
        ([5, 7], 1),
        ([5, 7], 2),
        ([24, 635], 174),
        ([175, 401], 174),
        ([40, 3001], 8),
        ([348, 4], 174),
    ] {
        let values = matrix(shape);
        let matrix = written(&directory.path().join("g"), &values, chunk_rows);
        assert_eq!((matrix.shape(), matrix.identity()), (shape, IDENTITY));
        assert_eq!(matrix.layout().bytes(), matrix.path().metadata().unwrap().len());
        let (rows, columns): (Vec<_>, Vec<_>) = ((0..shape[0]).collect(), (0..shape[1]).collect());
        for threads in [1, 2, 5] {
            let mut out = Array2::zeros(shape);
            let threads = NonZeroUsize::new(threads).unwrap();
            let observe = |_| ControlFlow::Continue(());
            matrix.read_with(&columns, &rows, out.view_mut(), threads, observe).unwrap();
            assert!(same(&out, &values), "{shape:?} {chunk_rows}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_rows_of_any_columns_come_back(
        shape in [1_usize..60, 1_usize..700],
        chunk_rows in 1_usize..70,
        columns in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        kept in prop::collection::vec(any::<bool>(), 60),
        threads in 1_usize..4,
        transposed: bool,
    ) {
        let directory = tempfile::tempdir().unwrap();
        let values = matrix(shape);
        let matrix = written(&directory.path().join("g"), &values, chunk_rows);
        let columns: Vec<usize> = columns.iter().map(|index| index.index(shape[1])).collect();
        let rows: Vec<usize> = (0..shape[0]).filter(|row| kept[*row]).collect();
        let expected = values.select(Axis(0), &rows).select(Axis(1), &columns);
        let mut out = Array2::zeros((rows.len(), columns.len()));
        if transposed {
            // An output whose rows are not contiguous.
            let mut other = Array2::zeros((columns.len(), rows.len()));
            matrix.read(&columns, &rows, other.view_mut().reversed_axes()).unwrap();
            out.assign(&other.t());
        } else {
            let threads = NonZeroUsize::new(threads).unwrap();
            let observe = |_| ControlFlow::Continue(());
            matrix.read_with(&columns, &rows, out.view_mut(), threads, observe).unwrap();
        }
        prop_assert!(same(&out, &expected));
    }
}

#[test]
fn rows_that_lie_apart_are_read_without_those_between_them() {
    let directory = tempfile::tempdir().unwrap();
    let values = matrix([348, 40]);
    // Six chunks for each column: some are wanted, in pieces of one, two and three.
    let matrix = written(&directory.path().join("g"), &values, 58);
    let columns = [39, 3, 12, 13, 14, 0];
    for rows in [&[0, 57, 60, 347][..], &[58, 200], &[57, 58, 174, 175, 232, 290], &[300], &[]] {
        for threads in [1, 2, 3, 7] {
            let expected = values.select(Axis(0), rows).select(Axis(1), &columns);
            let mut out = Array2::zeros(expected.dim());
            let threads = NonZeroUsize::new(threads).unwrap();
            let observe = |_| ControlFlow::Continue(());
            matrix.read_with(&columns, rows, out.view_mut(), threads, observe).unwrap();
            assert!(same(&out, &expected), "{rows:?} {threads}");
        }
    }
}

#[test]
fn requests_that_do_not_fit_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let matrix = written(&directory.path().join("g"), &matrix([5, 7]), 2);
    let mut out = Array2::zeros((2, 2));
    let mut check =
        |columns: &[usize], rows: &[usize]| matrix.read(columns, rows, out.view_mut()).unwrap_err();
    for (columns, rows, what, len, got) in [
        (&[0, 7][..], &[0, 1][..], "column", 7, 7),
        (&[0, 1], &[0, 5], "row", 5, 5),
        (&[0, 1], &[1, 0], "row", 5, 0),
        (&[0, 1], &[1, 1], "row", 5, 1),
        (&[0, 1], &[4, 0], "row", 5, 0),
    ] {
        let error = check(columns, rows);
        assert!(
            matches!(error, Error::OutOfRange { what: w, len: l, got: g } if (w, l, g) == (what, len, got)),
            "{columns:?} {rows:?}: {error}"
        );
    }
    let error = check(&[0, 1], &[4, 0]).to_string();
    assert_eq!(error, "row 0 does not follow a smaller one (expected ascending rows)");
    assert_eq!(check(&[0, 1], &[0, 5]).to_string(), "no row 5 (expected fewer than 5)");
    let error = check(&[0, 1, 2], &[0, 1]);
    assert!(
        matches!(error, Error::Count { what: "columns of the output", expected: 3, got: 2 }),
        "{error}"
    );
    let error = check(&[0, 1], &[0]);
    assert!(
        matches!(error, Error::Count { what: "rows of the output", expected: 1, got: 2 }),
        "{error}"
    );
    let error = matrix.check_identity(Sha256([1; 32])).unwrap_err();
    assert!(
        matches!(error, Error::Identity { expected: Sha256([1, ..]), got: IDENTITY, .. }),
        "{error}"
    );
    matrix.check_identity(IDENTITY).unwrap();
}

#[test]
fn a_read_hears_of_its_rows_and_can_be_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let values = matrix([10, 7]);
    let matrix = written(&directory.path().join("g"), &values, 4);
    let rows: Vec<usize> = (0..10).collect();
    let most = AtomicUsize::new(0);
    let mut out = Array2::zeros((10, 1));
    let observe = |done| {
        most.fetch_max(done, Ordering::Relaxed);
        ControlFlow::Continue(())
    };
    let threads = NonZeroUsize::new(2).unwrap();
    matrix.read_with(&[3], &rows, out.view_mut(), threads, observe).unwrap();
    assert_eq!(most.into_inner(), 10);
    let stop = |done| if done < 4 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
    let error = matrix.read_with(&[3], &rows, out.view_mut(), threads, stop).unwrap_err();
    assert!(matches!(error, Error::Stopped), "{error}");
}

#[test]
fn rows_that_do_not_fit_leave_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("g");
    let check = |rows: &[&[f32]], what: &str, expected: usize, got: usize| {
        let error = write_group(&path, |group| {
            group.matrix("m", ["row", "column"], [2, 2], &options(1), |writer| {
                rows.iter().try_for_each(|row| writer.put(row))?;
                Ok::<_, Error>(IDENTITY)
            })
        })
        .unwrap_err();
        assert!(
            matches!(error, Error::Count { what: w, expected: e, got: g } if (w, e, g) == (what, expected, got)),
            "{error}"
        );
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    };
    let row: &[f32] = &[1.0, 2.0];
    check(&[row], "rows", 2, 1);
    check(&[row, row, row], "rows", 2, 3);
    check(&[row, &[1.0]], "values of a row", 2, 1);
}

#[test]
fn blocks_of_rows_are_read_by_themselves() {
    let directory = tempfile::tempdir().unwrap();
    let values = matrix([23, 50]);
    let matrix = written(&directory.path().join("g"), &values, 5);
    let columns: Vec<usize> = (10..30).collect();
    for first in (0..23).step_by(4) {
        let rows: Vec<usize> = (first..23.min(first + 4)).collect();
        let mut out = Array2::zeros((rows.len(), 20));
        matrix.read(&columns, &rows, out.view_mut()).unwrap();
        let expected = values.select(Axis(0), &rows).select(Axis(1), &columns);
        assert!(same(&out, &expected), "{first}");
    }
}

#[test]
fn damage_is_named_by_the_place_of_its_chunk() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("g");
    let matrix = written(&path, &matrix([40, 301]), 8);
    assert_eq!((matrix.layout().grid(), matrix.layout().chunk_shape()), ([5, 4], [8, 84]));
    let sound = std::fs::read(matrix.path()).unwrap();
    let chunk_bytes = (8 * 84 + 1) * 4;
    let group = Group::open(&path).unwrap();
    let threads = NonZeroUsize::new(2).unwrap();
    for (before, its_rows, its_columns) in
        [(0, 0..8, 0..84), (1, 8..16, 0..84), (5, 0..8, 84..168), (19, 32..40, 252..301)]
    {
        let mut bytes = sound.clone();
        bytes[44 + before * chunk_bytes] ^= 1;
        std::fs::write(matrix.path(), bytes).unwrap();
        let error = group.verify(threads, || ControlFlow::Continue(())).unwrap_err();
        assert!(
            matches!(&error, Error::Chunk { rows, columns, .. }
                if *rows == its_rows && *columns == its_columns),
            "{before}: {error}"
        );
    }
}

#[test]
fn a_file_that_is_cut_while_it_is_open_is_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let matrix = written(&directory.path().join("g"), &matrix([23, 50]), 5);
    let file = std::fs::File::options().write(true).open(matrix.path()).unwrap();
    file.set_len(100).unwrap();
    let mut out = Array2::zeros((23, 1));
    let rows: Vec<usize> = (0..23).collect();
    let error = matrix.read(&[49], &rows, out.view_mut()).unwrap_err();
    assert!(error.is_damage(), "{error}");
    let expected = matrix.layout().bytes();
    assert!(matches!(error, Error::Length { got: 100, expected: e, .. } if e == expected));
}
