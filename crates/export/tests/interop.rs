//! Files written for numpy, pandas and pyarrow to read.
//!
//! The directory named by `LAION_FMRI_INTEROP` gets a folder `export`. What is in its files follows
//! from the position alone, by the formulas below; `interop/check_export.py` computes them again.
#![cfg(test)]

use std::fs::{self, File};
use std::path::PathBuf;

use array_export::{
    ArrayFormat, ArrayWriter, Element, Error, NpzWriter, Table, f16, write_arrays, write_npy,
    write_npz, write_npz_to,
};
use ndarray::{Array, Array1, Array2, Array3, ArrayView, Axis, Dimension, Slice, arr0};

/// More than a row group of Parquet, and not a multiple of one.
const ROWS: usize = 140_000;

/// The same values for every type that `check_export.py` knows.
trait Formula: Element {
    fn at(position: usize) -> Self;
}

impl Formula for f64 {
    fn at(position: usize) -> Self {
        match position {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => -0.0,
            _ => ((position * position % 1009) as f64 - 500.0) / 3.0,
        }
    }
}

impl Formula for f32 {
    fn at(position: usize) -> Self {
        f64::at(position) as f32
    }
}

impl Formula for f16 {
    fn at(position: usize) -> Self {
        f16::from_f64(f64::at(position))
    }
}

impl Formula for i64 {
    fn at(position: usize) -> Self {
        (position as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).cast_signed()
    }
}

impl Formula for u64 {
    fn at(position: usize) -> Self {
        (position as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

impl Formula for i32 {
    fn at(position: usize) -> Self {
        (position as u32).wrapping_mul(0x9E37_79B9).cast_signed()
    }
}

impl Formula for u32 {
    fn at(position: usize) -> Self {
        (position as u32).wrapping_mul(0x9E37_79B9)
    }
}

/// The lowest bits of [`u64`]'s values.
macro_rules! low_bits {
    ($($type:ty),*) => {$(
        impl Formula for $type {
            fn at(position: usize) -> Self {
                u64::at(position) as $type
            }
        }
    )*};
}

low_bits!(u16, i16, i8);

impl Formula for u8 {
    fn at(position: usize) -> Self {
        (position * 37 % 256) as u8
    }
}

impl Formula for bool {
    fn at(position: usize) -> Self {
        position * position % 3 == 1
    }
}

#[expect(clippy::disallowed_methods, reason = "the runner tells the place by a variable")]
fn folder() -> PathBuf {
    let root = std::env::var_os("LAION_FMRI_INTEROP").expect("LAION_FMRI_INTEROP is set");
    let folder = PathBuf::from(root).join("export");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// What takes arrays one after another, whichever files it makes of them.
trait Sink {
    fn put<T: Element, D: Dimension>(&mut self, name: &str, array: ArrayView<'_, T, D>);
}

struct NpyFiles(PathBuf);

impl Sink for NpyFiles {
    fn put<T: Element, D: Dimension>(&mut self, name: &str, array: ArrayView<'_, T, D>) {
        write_npy(self.0.join(format!("{name}.npy")), array).unwrap();
    }
}

impl Sink for NpzWriter<'_> {
    fn put<T: Element, D: Dimension>(&mut self, name: &str, array: ArrayView<'_, T, D>) {
        self.array(format!("all/{name}"), array).unwrap();
    }
}

/// Every memory order of one type: C, Fortran, neither, one value, none.
fn put_type<T: Formula>(sink: &mut impl Sink) {
    let name = T::NUMPY_NAME;
    let matrix = Array2::from_shape_fn((19, 23), |(row, column)| T::at(row * 23 + column));
    sink.put(&format!("{name}-c"), matrix.view());
    sink.put(&format!("{name}-fortran"), matrix.t());
    sink.put(&format!("{name}-strided"), matrix.slice_axis(Axis(1), Slice::new(0, None, 2)));
    sink.put(&format!("{name}-reversed"), matrix.slice_axis(Axis(0), Slice::new(0, None, -1)));
    sink.put(&format!("{name}-scalar"), arr0(T::at(5)).view());
    sink.put(&format!("{name}-empty"), Array3::from_elem((2, 0, 3), T::at(5)).view());
    let long: Array1<T> = Array::from_shape_fn(100_003, T::at);
    sink.put(&format!("{name}-long"), long.view());
}

fn put_all(sink: &mut impl Sink) {
    put_type::<f16>(sink);
    put_type::<f32>(sink);
    put_type::<f64>(sink);
    put_type::<u8>(sink);
    put_type::<u16>(sink);
    put_type::<u32>(sink);
    put_type::<u64>(sink);
    put_type::<i8>(sink);
    put_type::<i16>(sink);
    put_type::<i32>(sink);
    put_type::<i64>(sink);
    put_type::<bool>(sink);
}

fn label(position: usize) -> String {
    let ending = [".jpg", " .jpg", "\u{e9}", "\u{1d11e}", "\"q\", NA"][position % 5];
    format!("shared_{position:04}{ending}")
}

fn fill(npz: &mut NpzWriter<'_>) -> Result<(), Error> {
    put_all(npz);
    let labels: Vec<String> = (0..1000).map(label).collect();
    npz.text("labels", &labels)?;
    npz.text("empty texts", &["", ""])?;
    npz.text("no texts", &[""; 0])?;
    npz.array("hemi-L/func.gii", arr0(true).view())?;
    npz.array("na\u{ef}ve name", arr0(1i64).view())
}

#[test]
#[ignore = "writes files for numpy to read: run by cargo xtask interop"]
fn arrays_are_written_for_numpy() {
    let folder = folder();
    let npy = folder.join("npy");
    fs::create_dir_all(&npy).unwrap();
    put_all(&mut NpyFiles(npy));
    write_npz(folder.join("file.npz"), fill).unwrap();
    write_npz_to(File::create(folder.join("stream.npz")).unwrap(), fill).unwrap();
    write_npz(folder.join("none.npz"), |_| Ok::<_, Error>(())).unwrap();
}

/// Rows and columns of the labelled matrix.
const PRESENTATIONS: usize = 103;
const NEUROIDS: usize = 37;

fn labelled(file: &mut ArrayWriter<'_>) -> Result<(), Error> {
    let betas = Array2::from_shape_fn((PRESENTATIONS, NEUROIDS), |(row, column)| {
        f32::at(row * NEUROIDS + column)
    });
    let shape = [PRESENTATIONS, NEUROIDS];
    file.attribute("title", "na\u{ef}ve \"title\"");
    file.attribute("n", 3);
    file.matrix("betas", ["presentation", "neuroid"], shape, |rows| -> Result<(), Error> {
        for start in (0..PRESENTATIONS).step_by(10) {
            let end = PRESENTATIONS.min(start + 10);
            rows.push(betas.slice_axis(Axis(0), Slice::from(start..end)))?;
        }
        Ok(())
    })?;
    let labels: Vec<String> = (0..PRESENTATIONS).map(label).collect();
    file.text("image_name", "presentation", &labels)?;
    fn row<T: Formula>(length: usize) -> Array1<T> {
        Array::from_shape_fn(length, T::at)
    }
    file.array("session", &["presentation"], row::<i32>(PRESENTATIONS).view())?;
    file.array("beta_index", &["presentation"], row::<u64>(PRESENTATIONS).view())?;
    file.array("train", &["presentation"], row::<bool>(PRESENTATIONS).view())?;
    file.array("voxel_index", &["neuroid"], row::<i64>(NEUROIDS).view())?;
    file.array("nc_4rep", &["neuroid"], row::<f64>(NEUROIDS).view())?;
    let ijk = Array2::from_shape_fn((NEUROIDS, 3), |(row, column)| u8::at(row * 3 + column));
    file.array("voxel_ijk", &["neuroid", "ijk"], ijk.view())?;
    let features =
        Array2::from_shape_fn((PRESENTATIONS, 5), |(row, column)| f16::at(row * 5 + column));
    file.array("features", &["presentation", "feature"], features.view())?;
    file.array(
        "nothing",
        &["presentation", "none"],
        Array2::<f32>::zeros((PRESENTATIONS, 0)).view(),
    )?;
    file.coordinates(["image_name", "session", "beta_index", "train"]);
    file.coordinates(["voxel_index", "nc_4rep", "voxel_ijk"]);
    let digest = file.digest().sha256();
    file.recipe(&format!("[arrays]\nsha256 = \"{digest}\" # \u{e9}\n"))
}

#[test]
#[ignore = "writes files for zarr, xarray and h5py to read: run by cargo xtask interop"]
fn labelled_arrays_are_written_for_zarr_xarray_and_h5py() {
    let folder = folder();
    for (name, format) in [
        ("labelled.npz", ArrayFormat::Npz),
        ("labelled.zarr", ArrayFormat::Zarr),
        ("labelled.h5", ArrayFormat::Hdf5),
    ] {
        write_arrays(folder.join(name), format, labelled).unwrap();
    }
}

/// The columns whose cells hold no line break.
fn table(rows: usize) -> Table {
    let mut table = Table::new();
    table.add("label", (0..rows).map(label)).unwrap();
    table.add("trial", (0..rows).map(i64::at)).unwrap();
    let run = |row: usize| (!row.is_multiple_of(5)).then_some((row % 12) as i64);
    table.add("run", (0..rows).map(run)).unwrap();
    let noise_ceiling = |row: usize| match row % 11 {
        4 => None,
        _ if row % 1000 == 17 => Some(f64::NEG_INFINITY),
        5 => Some((row as f64).exp2().recip()),
        _ => Some(row as f64 * 0.1),
    };
    table.add("noise ceiling", (0..rows).map(noise_ceiling)).unwrap();
    table.add("shared", (0..rows).map(bool::at)).unwrap();
    table
}

#[test]
#[ignore = "writes files for pandas and pyarrow to read: run by cargo xtask interop"]
fn tables_are_written_for_pandas_and_pyarrow() {
    let folder = folder();
    for (name, rows) in [("table", ROWS), ("none", 0)] {
        let mut table = table(rows);
        table.write_tsv(folder.join(format!("{name}.tsv"))).unwrap();
        let caption = |row: usize| {
            let text = ["a, \"b\"", "two\nlines", "", "  spaces ", "n/a", "r\rn\r\n"][row % 6];
            (row % 7 != 3).then_some(text)
        };
        table.add("caption", (0..rows).map(caption)).unwrap();
        table
            .add("\"odd\", name", (0..rows).map(|row| (!row.is_multiple_of(3)).then_some(f64::NAN)))
            .unwrap();
        let answer = |row: usize| (row % 4 != 1).then_some(bool::at(row));
        table.add("answer", (0..rows).map(answer)).unwrap();
        table.write_csv(folder.join(format!("{name}.csv"))).unwrap();
        table.write_json_lines(folder.join(format!("{name}.jsonl")), "laion-fmri.rows/1").unwrap();
        let texts = [("recipe", "a = 1\n# \u{e9}\n")];
        table.write_parquet_with(folder.join(format!("{name}.parquet")), &texts).unwrap();
        let stream = File::create(folder.join(format!("{name}-stream.parquet"))).unwrap();
        table.write_parquet_to(stream).unwrap();
    }
}
