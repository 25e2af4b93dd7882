//! From the parts of all tasks to one output, row by row. Nothing but the parts is opened.

use std::ops::Range;

use array_export::{ArrayWriter, RowWriter, f16};
use ndarray::{ArrayView1, ArrayView2};

use super::conventions::{Conventions, NanColumns};
use super::images;
use super::part::{PartColumns, PartReader};
use super::recipe::SplitRows;
use super::rows::{OutputRows, SessionRows};
use crate::error::{ExtractError, Restriction};
use crate::{Error, Result};

/// The dimension of rows and that of columns, as the field's benchmarks name them.
const ROW: &str = "presentation";
const COLUMN: &str = "neuroid";
const FEATURE: &str = "feature";
const SUBJECT: &str = "subject_axis";

/// What the numbers of an output were found to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Values that were NaN before they were kept, dropped or replaced.
    pub(super) nan_values: u64,
    /// Columns with NaN in any row.
    pub(super) nan_columns: usize,
    /// Columns that were left out for it.
    pub(super) dropped_columns: usize,
    /// How the rows are divided, when there is a split.
    pub(super) split: Option<SplitRows>,
}

/// The parts of a plan, ready to be merged.
pub(super) struct Merge<'a> {
    conventions: &'a Conventions,
    parts: Vec<PartReader>,
    /// Where each subject's columns lie among all.
    columns: Vec<Range<usize>>,
    /// The first task of each subject, whose columns stand for all of its tasks.
    first_tasks: Vec<usize>,
}

impl<'a> Merge<'a> {
    pub(super) fn new(conventions: &'a Conventions) -> Self {
        Self { conventions, parts: Vec::new(), columns: Vec::new(), first_tasks: Vec::new() }
    }

    /// Adds the part of the next task, and compares its columns with those of its subject, which are
    /// kept once.
    pub(super) fn add(&mut self, mut part: PartReader) -> Result<()> {
        let first = self.first_tasks.last().map(|first| &self.parts[*first]);
        match first.filter(|first| first.description.subject == part.description.subject) {
            Some(first) if !same_columns(first, &part) => {
                let (path, first) = (part.path().to_owned(), first.path().to_owned());
                return Err(ExtractError::OtherVoxels { path, first }.into());
            }
            Some(_) => part.columns = PartColumns::default(),
            None => {
                let start = self.n_columns();
                self.columns.push(start..start + part.description.n_columns);
                self.first_tasks.push(self.parts.len());
            }
        }
        self.parts.push(part);
        Ok(())
    }

    /// What the tasks have read.
    pub(super) fn parts(&self) -> &[PartReader] {
        &self.parts
    }

    /// The sessions of the parts, for [`OutputRows::of`].
    pub(super) fn sessions(parts: &[super::part::Description]) -> Vec<SessionRows<'_>> {
        parts
            .iter()
            .map(|part| SessionRows {
                subject: &part.subject,
                session: &part.session,
                image_names: &part.image_names,
                runs: &part.runs,
                trials: &part.trials,
            })
            .collect()
    }

    /// The voxels of all subjects together.
    pub(super) fn n_columns(&self) -> usize {
        self.columns.last().map_or(0, |range| range.end)
    }

    /// Writes everything but the recipe.
    pub(super) fn write(
        &mut self,
        rows: &OutputRows<'_>,
        file: &mut ArrayWriter<'_>,
        on_row: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<Counts> {
        let (kept, mut counts) = self.kept_columns(rows)?;
        let mut has_nan = vec![false; kept.len()];
        let mut nan_values = 0;
        let zero = self.conventions.nan == NanColumns::Zero;
        file.matrix("betas", [ROW, COLUMN], [rows.len(), kept.len()], |out| {
            let mut row = RowBuffer::new(self.n_columns());
            let mut chosen = vec![0.0; kept.len()];
            for number in 0..rows.len() {
                self.fill(rows, number, &mut row)?;
                for ((value, column), has_nan) in chosen.iter_mut().zip(&kept).zip(&mut has_nan) {
                    *value = row.values[*column];
                    if value.is_nan() {
                        *has_nan = true;
                        nan_values += 1;
                        *value = if zero { 0.0 } else { *value };
                    }
                }
                push(out, &chosen)?;
                on_row(number)?;
            }
            Ok::<(), Error>(())
        })?;
        counts.nan_values += nan_values;
        counts.nan_columns += has_nan.iter().filter(|has_nan| **has_nan).count();
        write_rows(rows, file)?;
        self.write_images(rows, file)?;
        self.write_columns(&kept, file)?;
        self.write_features(rows, file)?;
        counts.split = write_split(rows, self.conventions, file)?;
        Ok(counts)
    }

    /// The columns that become columns of the output, and what was found on the way.
    fn kept_columns(&mut self, rows: &OutputRows<'_>) -> Result<(Vec<usize>, Counts)> {
        let all: Vec<usize> = (0..self.n_columns()).collect();
        if self.conventions.nan != NanColumns::Drop {
            return Ok((all, Counts::default()));
        }
        let mut nan = vec![0_u64; all.len()];
        let mut row = RowBuffer::new(all.len());
        for number in 0..rows.len() {
            self.fill(rows, number, &mut row)?;
            for (nan, value) in nan.iter_mut().zip(&row.values) {
                *nan += u64::from(value.is_nan());
            }
        }
        let kept: Vec<usize> = all.into_iter().filter(|column| nan[*column] == 0).collect();
        if kept.is_empty() {
            let whose = rows.subjects.join(", ");
            let why = vec![Restriction::NoNan];
            return Err(ExtractError::NothingLeft { what: "voxel", whose, why }.into());
        }
        let dropped_columns = nan.len() - kept.len();
        let nan_values = nan.iter().sum();
        let nan_columns = dropped_columns;
        Ok((kept, Counts { nan_values, nan_columns, dropped_columns, split: None }))
    }

    /// The values of a row: of one trial as they are, of several their mean, summed in the order of
    /// sessions and trials.
    fn fill(&mut self, rows: &OutputRows<'_>, number: usize, buffer: &mut RowBuffer) -> Result<()> {
        for (columns, sources) in self.columns.iter().zip(&rows.sources[number]) {
            let values = &mut buffer.values[columns.clone()];
            if let [(task, row)] = sources.as_slice() {
                self.parts[*task as usize].read_row(*row as usize, values)?;
                continue;
            }
            let sums = &mut buffer.sums[columns.clone()];
            let counts = &mut buffer.counts[columns.clone()];
            sums.fill(0.0);
            counts.fill(0);
            for (task, row) in sources {
                self.parts[*task as usize].read_row(*row as usize, values)?;
                for ((sum, count), value) in sums.iter_mut().zip(&mut *counts).zip(&*values) {
                    if !value.is_nan() {
                        *sum += f64::from(*value);
                        *count += 1;
                    }
                }
            }
            for ((value, sum), count) in values.iter_mut().zip(sums).zip(counts) {
                *value = (*sum / f64::from(*count)) as f32;
            }
        }
        Ok(())
    }

    fn write_columns(&self, kept: &[usize], file: &mut ArrayWriter<'_>) -> Result<()> {
        let n_columns = kept.len();
        let mut subjects = Vec::with_capacity(n_columns);
        let mut rois = Vec::with_capacity(n_columns);
        let mut indices = Vec::with_capacity(n_columns);
        let mut voxels = Vec::with_capacity(3 * n_columns);
        let names = self.parts.first().map_or(&[][..], |part| &part.description.noise_ceilings);
        let mut ceilings = vec![Vec::with_capacity(n_columns); names.len()];
        for &column in kept {
            let subject = self.columns.partition_point(|range| range.end <= column);
            let part = &self.parts[self.first_tasks[subject]];
            let position = column - self.columns[subject].start;
            subjects.push(part.description.subject.as_str());
            rois.push(part.description.rois[part.columns.roi_codes[position] as usize].as_str());
            let index = part.columns.indices[position] as usize;
            indices.push(index as i64);
            // INVARIANT: the indices of a part were compared with its grid when it was opened.
            let voxel = part.grid().voxel(index).expect("a voxel of the grid");
            voxels.extend(voxel.map(|it| it as i64));
            for (values, map) in ceilings.iter_mut().zip(&part.columns.noise_ceilings) {
                values.push(map[position]);
            }
        }
        file.text("subject", COLUMN, &subjects)?;
        file.array("voxel_index", &[COLUMN], ArrayView1::from(&indices))?;
        let voxels = ArrayView2::from_shape((n_columns, 3), &voxels);
        // INVARIANT: three numbers were pushed for each column.
        file.array("voxel_ijk", &[COLUMN, "axis"], voxels.expect("three numbers per column"))?;
        file.text("roi", COLUMN, &rois)?;
        for (name, values) in names.iter().zip(&ceilings) {
            file.array(name, &[COLUMN], ArrayView1::from(values))?;
        }
        file.coordinates(["subject", "voxel_index", "voxel_ijk", "roi"]);
        file.coordinates(names.iter().cloned());
        Ok(())
    }

    /// What the table of images says of the image of each row.
    fn write_images(&self, rows: &OutputRows<'_>, file: &mut ArrayWriter<'_>) -> Result<()> {
        let said = rows.firsts().map(|(task, row)| {
            let images = self.parts[task as usize].description.images.as_ref()?;
            Some(images.row(row as usize))
        });
        // Parts of one plan all have these columns, or none does.
        let Some(said) = said.collect::<Option<Vec<_>>>() else { return Ok(()) };
        let [dataset, set, planned] = images::COLUMNS;
        file.text(dataset, ROW, &said.iter().map(|it| it.0).collect::<Vec<_>>())?;
        file.text(set, ROW, &said.iter().map(|it| it.1).collect::<Vec<_>>())?;
        let numbers: Vec<i64> = said.iter().map(|it| it.2).collect();
        file.array(planned, &[ROW], ArrayView1::from(&numbers))?;
        file.coordinates(images::COLUMNS);
        Ok(())
    }

    fn write_features(&mut self, rows: &OutputRows<'_>, file: &mut ArrayWriter<'_>) -> Result<()> {
        let n_features = self.parts.first().map_or(0, |part| part.description.n_features);
        if n_features == 0 {
            return Ok(());
        }
        file.matrix("features", [ROW, FEATURE], [rows.len(), n_features], |out| {
            let mut features = vec![f16::ZERO; n_features];
            for (task, row) in rows.firsts() {
                self.parts[task as usize].read_features(row as usize, &mut features)?;
                push(out, &features)?;
            }
            Ok::<(), Error>(())
        })
    }
}

/// A row while it is summed.
struct RowBuffer {
    values: Vec<f32>,
    sums: Vec<f64>,
    counts: Vec<u32>,
}

impl RowBuffer {
    fn new(n_columns: usize) -> Self {
        let (sums, counts) = (vec![0.0; n_columns], vec![0; n_columns]);
        Self { values: vec![0.0; n_columns], sums, counts }
    }
}

fn push<T: array_export::Element>(out: &mut RowWriter<'_, T>, row: &[T]) -> Result<()> {
    // INVARIANT: one row of its own length.
    let view = ArrayView2::from_shape((1, row.len()), row).expect("one row");
    Ok(out.push(view)?)
}

fn same_columns(one: &PartReader, other: &PartReader) -> bool {
    one.description.grid == other.description.grid
        && one.description.rois == other.description.rois
        && one.description.noise_ceilings == other.description.noise_ceilings
        && one.description.n_features == other.description.n_features
        && one.columns.is_same(&other.columns)
}

/// What the rows are.
fn write_rows(rows: &OutputRows<'_>, file: &mut ArrayWriter<'_>) -> Result<()> {
    file.text("image_name", ROW, &rows.image_names())?;
    if !rows.is_averaged() {
        file.text("session", ROW, &rows.session_names())?;
        file.array("run", &[ROW], ArrayView1::from(&rows.runs()))?;
        file.array("beta_index", &[ROW], ArrayView1::from(&rows.trials()))?;
        file.array("repetition", &[ROW], ArrayView1::from(&rows.repetitions()))?;
    }
    let counts = rows.sources.iter().flatten().map(|trials| trials.len() as i64);
    let counts: Vec<i64> = counts.collect();
    match rows.subjects.as_slice() {
        [_] => file.array("n_averaged", &[ROW], ArrayView1::from(&counts))?,
        subjects => {
            let counts = ArrayView2::from_shape((rows.len(), subjects.len()), &counts);
            // INVARIANT: a row has one list of trials for each subject.
            let counts = counts.expect("one count for each row and subject");
            file.array("n_averaged", &[ROW, SUBJECT], counts)?;
            file.text("subjects", SUBJECT, subjects)?;
        }
    }
    file.coordinates(["image_name", "session", "run", "beta_index", "repetition", "n_averaged"]);
    file.coordinates(["subjects"]);
    Ok(())
}

fn write_split(
    rows: &OutputRows<'_>,
    conventions: &Conventions,
    file: &mut ArrayWriter<'_>,
) -> Result<Option<SplitRows>> {
    let Some(split) = &conventions.split else { return Ok(None) };
    let masks = split.load()?.masks(rows.image_names());
    file.array("train", &[ROW], ArrayView1::from(&masks.train))?;
    file.array("test", &[ROW], ArrayView1::from(&masks.test))?;
    file.coordinates(["train", "test"]);
    let count = |set: &[bool]| set.iter().filter(|is_in| **is_in).count();
    let sets = masks.train.iter().zip(&masks.test);
    let neither = sets.filter(|(train, test)| !**train && !**test).count();
    Ok(Some(SplitRows { train: count(&masks.train), test: count(&masks.test), neither }))
}
