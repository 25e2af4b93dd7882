//! Values that a user made: a `.npy` file of one value for each chosen voxel, or of rows of them.

use std::path::{Path, PathBuf};

use laion_fmri::export::{Element, NpyFile, f16};
use laion_fmri::{Error, Subject, Voxels};

use crate::args::VoxelArgs;
use crate::exit::CommandError;
use crate::hint;

/// The file of values and the voxels; the last value of `--roi` is the file, if it stands behind
/// them.
///
/// `command` is what the user typed before them, for the hint.
pub(super) fn file_and_voxels(
    command: &str,
    values: Option<&PathBuf>,
    voxels: &VoxelArgs,
    output: &Path,
) -> anyhow::Result<(PathBuf, VoxelArgs)> {
    let mut voxels = voxels.clone();
    let values = match values {
        Some(values) => values.clone(),
        None => {
            let is_file = |name: &String| name.ends_with(".npy") || name.ends_with(".npz");
            let Some(last) = voxels.roi.pop_if(|name| is_file(name)) else {
                let error = CommandError::usage("no file of values is named");
                let rois: Vec<String> = voxels.roi.iter().map(|it| hint::word(it)).collect();
                let output = hint::word(&output.to_string_lossy());
                let hint =
                    format!("laion-fmri {command} VALUES.npy --roi {} -o {output}", rois.join(" "));
                return Err(error.hint(hint).into());
            };
            PathBuf::from(last)
        }
    };
    if values.extension().is_some_and(|it| it == "npz") {
        let message = format!(
            "{} is an archive of arrays (expected a .npy file of one value per voxel, or of rows of them)",
            values.display()
        );
        let name = values.display();
        let hint = format!("in Python: numpy.save(\"one.npy\", numpy.load(\"{name}\")[\"betas\"])");
        return Err(CommandError::usage(message).hint(hint).into());
    }
    Ok((values, voxels))
}

/// The values of a file: one row, or several.
pub(super) struct ValueRows<'a> {
    path: &'a Path,
    /// Without a number, the file has one axis.
    pub(super) n_rows: Option<usize>,
    pub(super) n_columns: usize,
    kind: Kind,
}

/// What the values are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// All of them are float32 values.
    Single,
    Double,
    Integer,
}

impl<'a> ValueRows<'a> {
    pub(super) fn open(path: &'a Path) -> anyhow::Result<Self> {
        let file = NpyFile::open(path).map_err(Error::from)?;
        let (n_rows, n_columns) = match file.shape() {
            [columns] => (None, *columns),
            [rows, columns] if *rows > 0 => (Some(*rows), *columns),
            shape => {
                let message = format!(
                    "{} has the shape {shape:?} (expected one value for each voxel, or rows of them)",
                    path.display()
                );
                return Err(CommandError::usage(message).into());
            }
        };
        let kind = match file.descriptor().trim_start_matches(['<', '>', '|', '=']) {
            "f4" | "f2" | "b1" | "u1" | "i1" | "u2" | "i2" => Kind::Single,
            "f8" => Kind::Double,
            _ => Kind::Integer,
        };
        Ok(Self { path, n_rows, n_columns, kind })
    }

    /// The chosen voxels, of which there have to be as many as a row has values.
    pub(super) fn fitting(&self, chosen: &Voxels, subject: &Subject) -> anyhow::Result<Voxels> {
        let voxels = chosen.resolve(subject)?;
        let (expected, got) = (voxels.n_voxels(), self.n_columns);
        if got != expected {
            return Err(Error::ValuesLength { expected, got }.into());
        }
        Ok(Voxels::mask(voxels))
    }

    /// Whether single precision would make something else of a value: 0 or infinity of a number
    /// that is neither, or another integer.
    pub(super) fn needs_double(&self) -> anyhow::Result<bool> {
        let mut needs = false;
        let kind = self.kind;
        if kind != Kind::Single {
            self.for_each(|row| {
                needs |= row.iter().any(|value| {
                    let single = f64::from(*value as f32);
                    match kind {
                        Kind::Integer => single != *value,
                        _ => {
                            value.is_finite() && !single.is_finite()
                                || *value != 0.0 && single == 0.0
                        }
                    }
                });
                Ok(())
            })?;
        }
        Ok(needs)
    }

    /// Hands over the rows, whatever type they have.
    pub(super) fn for_each(
        &self,
        mut take: impl FnMut(&[f64]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let file = NpyFile::open(self.path).map_err(Error::from)?;
        let columns = self.n_columns;
        match file.descriptor().trim_start_matches(['<', '>', '|', '=']) {
            "f4" => rows(file, columns, take, |value: f32| f64::from(value)),
            "f8" => rows(file, columns, take, |value: f64| value),
            "f2" => rows(file, columns, take, |value: f16| f64::from(value)),
            "b1" => rows(file, columns, take, |value: bool| f64::from(u8::from(value))),
            "u1" => rows(file, columns, take, |value: u8| f64::from(value)),
            "i1" => rows(file, columns, take, |value: i8| f64::from(value)),
            "u2" => rows(file, columns, take, |value: u16| f64::from(value)),
            "i2" => rows(file, columns, take, |value: i16| f64::from(value)),
            "u4" => rows(file, columns, take, |value: u32| f64::from(value)),
            "i4" => rows(file, columns, take, |value: i32| f64::from(value)),
            "i8" => rows(file, columns, take, |value: i64| value as f64),
            "u8" => rows(file, columns, take, |value: u64| value as f64),
            // The error names the type.
            _ => rows(file, columns, &mut take, |value: f32| f64::from(value)),
        }
    }
}

/// The rows of a file of one type. The elements of a file with one axis are one row.
fn rows<T: Element>(
    file: NpyFile,
    columns: usize,
    mut take: impl FnMut(&[f64]) -> anyhow::Result<()>,
    number: impl Fn(T) -> f64,
) -> anyhow::Result<()> {
    let mut row = Vec::with_capacity(columns);
    let result = file.for_each_row(|values: &[T]| {
        row.extend(values.iter().map(|value| number(*value)));
        if row.len() < columns {
            return Ok(());
        }
        let taken = take(&row);
        row.clear();
        taken.map_err(Failed::Taken)
    });
    result.map_err(anyhow::Error::from)
}

/// Why rows do not arrive: the one that takes them failed, or the file.
pub(super) enum Failed {
    Taken(anyhow::Error),
    File(laion_fmri::export::Error),
}

impl From<laion_fmri::export::Error> for Failed {
    fn from(error: laion_fmri::export::Error) -> Self {
        Self::File(error)
    }
}

impl From<Failed> for anyhow::Error {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Taken(error) => error,
            Failed::File(error) => Error::from(error).into(),
        }
    }
}
