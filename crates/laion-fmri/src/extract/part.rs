//! Part files: what one task wrote, for the merge to read row by row. A part under its name is complete.
//!
//! Layout, little-endian: the magic; the rows (float32); their features (float16); for each column the
//! flat index (u32), the noise ceilings (float32, one map after the other) and a code of its ROIs (u32);
//! a CRC-32 of each row and of each row's features (u32); the description (JSON); a CRC-32 of everything
//! after the features up to there (u32); the length of the description (u64); the magic.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use array_export::f16;
use laion_fmri_base::{AtomicFile, Sha256};
use ndarray::ArrayView2;
use nifti_stream::{Affine, Grid};
use serde::{Deserialize, Serialize};

use super::columns::Described;
use super::images::RowImages;
use super::inputs::RecipeInput;
use super::text;
use crate::error::ExtractError;
use crate::files::{Fingerprint, Step};
use crate::{Error, Result, Subject};

const MAGIC: &[u8; 8] = b"LFMRIPT1";

/// Checksum of the description, its length, the magic.
const TAIL: u64 = 4 + 8 + 8;

const NO_AFFINE: Affine =
    Affine::from_rows([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);

/// The largest description that is believed: a thousand trials take about 100 kB.
const MOST_DESCRIBED: u64 = 64 << 20;

/// What a part holds besides its numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Description {
    /// The digest of the task that it answers.
    #[serde(with = "text")]
    pub(super) task: Sha256,
    pub(super) subject: String,
    pub(super) session: String,
    /// The grid that the flat indices count on.
    pub(super) grid: [usize; 3],
    pub(super) n_columns: usize,
    pub(super) n_features: usize,
    /// One entry for each row.
    pub(super) image_names: Vec<String>,
    pub(super) runs: Vec<i64>,
    pub(super) trials: Vec<usize>,
    /// What the table of images says of the image of each row.
    pub(super) images: Option<RowImages>,
    /// The names of the noise ceilings.
    pub(super) noise_ceilings: Vec<String>,
    /// The ROIs that a code stands for.
    pub(super) rois: Vec<String>,
    /// Columns, counted in each group of the z-score, that had no variance.
    pub(super) constant: usize,
    /// Columns, counted in each group of the z-score, that had no statistics.
    pub(super) undefined: usize,
    pub(super) inputs: Vec<RecipeInput>,
    /// By what the inputs are known again, of those that were files or objects of the mirror.
    #[serde(default)]
    pub(super) fingerprints: Vec<Fingerprint>,
}

/// What the columns of a part are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PartColumns {
    /// Flat C-order indices, ascending.
    pub(super) indices: Vec<u32>,
    /// One map after the other.
    pub(super) noise_ceilings: Vec<Vec<f32>>,
    /// Which entry of the description's ROIs.
    pub(super) roi_codes: Vec<u32>,
}

impl PartColumns {
    /// Whether they are equal to the bit; NaN equals NaN.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let bits = |map: &Vec<f32>| map.iter().map(|it| it.to_bits()).collect::<Vec<_>>();
        self.indices == other.indices
            && self.roi_codes == other.roi_codes
            && self.noise_ceilings.len() == other.noise_ceilings.len()
            && self.noise_ceilings.iter().map(bits).eq(other.noise_ceilings.iter().map(bits))
    }
}

/// Writes a part, which appears when it is finished.
pub(super) struct PartWriter {
    path: PathBuf,
    file: AtomicFile,
    n_rows: usize,
    n_columns: usize,
    rows: Vec<crc32fast::Hasher>,
}

impl PartWriter {
    pub(super) fn create(path: &Path, n_rows: usize, n_columns: usize) -> Result<Self> {
        let mut file = AtomicFile::create(path).map_err(Error::io("create", path))?;
        file.write_all(MAGIC).map_err(Error::io("write", path))?;
        let rows = vec![crc32fast::Hasher::new(); n_rows];
        Ok(Self { path: path.to_owned(), file, n_rows, n_columns, rows })
    }

    /// Puts columns from `first` on into their place; blocks of columns come in ascending order.
    pub(super) fn write_block(&mut self, first: usize, block: ArrayView2<'_, f32>) -> Result<()> {
        let width = block.ncols();
        let is_whole = width == self.n_columns;
        let mut bytes = vec![0; width * 4];
        let mut out = BufWriter::with_capacity(1 << 18, self.file.file());
        for ((row, values), checksum) in block.rows().into_iter().enumerate().zip(&mut self.rows) {
            for (bytes, value) in bytes.chunks_exact_mut(4).zip(values) {
                bytes.copy_from_slice(&value.to_le_bytes());
            }
            checksum.update(&bytes);
            let offset = MAGIC.len() as u64 + (row * self.n_columns + first) as u64 * 4;
            let moved = if is_whole && row > 0 { Ok(0) } else { out.seek(SeekFrom::Start(offset)) };
            moved
                .and_then(|_| out.write_all(&bytes))
                .map_err(Error::io("write", self.path.clone()))?;
        }
        out.flush().map_err(Error::io("write", self.path.clone()))
    }

    /// Writes what comes after the rows, and gives the part its name.
    pub(super) fn finish(
        self,
        description: &Description,
        columns: &PartColumns,
        features: Option<ArrayView2<'_, f16>>,
    ) -> Result<()> {
        let failed = |source| Error::Io { action: "write", path: self.path.clone(), source };
        let end = MAGIC.len() as u64 + (self.n_rows * self.n_columns) as u64 * 4;
        let mut out = BufWriter::with_capacity(1 << 18, self.file.file());
        out.seek(SeekFrom::Start(end)).map_err(failed)?;
        let mut feature_checksums = Vec::with_capacity(self.n_rows);
        for row in features.iter().flat_map(|features| features.rows()) {
            let bytes: Vec<u8> = row.iter().flat_map(|value| value.to_le_bytes()).collect();
            feature_checksums.push(crc32fast::hash(&bytes));
            out.write_all(&bytes).map_err(failed)?;
        }
        let mut rest = Vec::new();
        let ceilings = columns.noise_ceilings.iter().flatten().map(|value| value.to_bits());
        let checksums = self.rows.into_iter().map(crc32fast::Hasher::finalize);
        let words = columns.indices.iter().copied().chain(ceilings);
        let words = words.chain(columns.roi_codes.iter().copied());
        for word in words.chain(checksums).chain(feature_checksums) {
            rest.extend_from_slice(&word.to_le_bytes());
        }
        let start = rest.len();
        serde_json::to_writer(&mut rest, description).map_err(|error| failed(error.into()))?;
        let length = (rest.len() - start) as u64;
        let checksum = crc32fast::hash(&rest);
        rest.extend_from_slice(&checksum.to_le_bytes());
        rest.extend_from_slice(&length.to_le_bytes());
        rest.extend_from_slice(MAGIC);
        out.write_all(&rest).and_then(|()| out.flush()).map_err(failed)?;
        drop(out);
        self.file.commit().map_err(failed)
    }
}

/// A part that is read.
#[derive(Debug)]
pub(super) struct PartReader {
    path: PathBuf,
    file: File,
    pub(super) description: Description,
    /// Without its place in space, which a part does not say.
    grid: Grid,
    pub(super) columns: PartColumns,
    row_checksums: Vec<u32>,
    feature_checksums: Vec<u32>,
    buffer: Vec<u8>,
}

impl PartReader {
    /// Opens the part of a task; `None` when there is none yet, or one of another task.
    pub(super) fn open(path: &Path, task: Sha256) -> Result<Option<Self>> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(Error::Io { action: "open", path: path.to_owned(), source });
            }
        };
        let part = match Opened::read(&mut file) {
            Ok(opened) => opened,
            Err(Unusable::Io(source)) => {
                return Err(Error::Io { action: "read", path: path.to_owned(), source });
            }
            Err(Unusable::Damaged(reason)) => return Err(damaged(path, reason)),
        };
        if part.description.task != task {
            return Ok(None);
        }
        let Opened { description, grid, columns, row_checksums, feature_checksums } = part;
        let (path, buffer) = (path.to_owned(), Vec::new());
        Ok(Some(Self {
            path,
            file,
            description,
            grid,
            columns,
            row_checksums,
            feature_checksums,
            buffer,
        }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a task that ran now would write the same: it would choose the same voxels, and the
    /// files that this part was made of are what they were. A file that is gone says nothing.
    pub(super) fn is_current(&self, subject: &Subject, voxels: &Described) -> Result<bool> {
        let Description { session, grid, rois, inputs, fingerprints, .. } = &self.description;
        let is_about_them = *grid == voxels.voxels.brain().grid().shape()
            && *rois == voxels.rois
            && self.columns.is_same(&voxels.columns);
        if !is_about_them {
            return Ok(false);
        }
        // Betas that only a store has are not looked for as a file.
        if let Ok(session) = session.parse()
            && !subject.has_file_of_betas(&session)
            && subject.is_stored(&session)
        {
            return Ok(false);
        }
        for input in inputs {
            let Some(place) = subject.files().search(&input.path)? else { continue };
            let known = fingerprints.iter().find(|it| it.path == input.path);
            let Some(known) = known.filter(|it| it.sha256 == input.sha256) else {
                return Ok(false);
            };
            let kept = || subject.reading.digest(&place);
            if subject.files().step(&place, kept, known)? != Step::Same {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The grid that the flat indices count on.
    pub(super) fn grid(&self) -> &Grid {
        &self.grid
    }

    pub(super) fn n_rows(&self) -> usize {
        self.row_checksums.len()
    }

    /// Reads a row.
    pub(super) fn read_row(&mut self, row: usize, out: &mut [f32]) -> Result<()> {
        let length = self.description.n_columns * 4;
        let offset = MAGIC.len() + row * length;
        self.read_at(offset as u64, length, self.row_checksums[row])?;
        for (value, bytes) in out.iter_mut().zip(self.buffer.as_chunks::<4>().0) {
            *value = f32::from_le_bytes(*bytes);
        }
        Ok(())
    }

    /// Reads the features of a row.
    pub(super) fn read_features(&mut self, row: usize, out: &mut [f16]) -> Result<()> {
        let Description { n_columns, n_features, .. } = self.description;
        let offset = MAGIC.len() + self.n_rows() * n_columns * 4 + row * n_features * 2;
        self.read_at(offset as u64, n_features * 2, self.feature_checksums[row])?;
        for (value, bytes) in out.iter_mut().zip(self.buffer.as_chunks::<2>().0) {
            *value = f16::from_le_bytes(*bytes);
        }
        Ok(())
    }

    fn read_at(&mut self, offset: u64, length: usize, checksum: u32) -> Result<()> {
        self.buffer.resize(length, 0);
        self.file
            .seek(SeekFrom::Start(offset))
            .and_then(|_| self.file.read_exact(&mut self.buffer))
            .map_err(Error::io("read", self.path.clone()))?;
        let got = crc32fast::hash(&self.buffer);
        if got == checksum {
            return Ok(());
        }
        let reason =
            format!("checksum of the row at byte {offset}: expected {checksum:08x}, got {got:08x}");
        Err(damaged(&self.path, reason))
    }
}

fn damaged(path: &Path, reason: String) -> Error {
    ExtractError::DamagedPart { path: path.to_owned(), reason }.into()
}

enum Unusable {
    Io(io::Error),
    Damaged(String),
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged("it ends early".to_owned()),
            _ => Self::Io(error),
        }
    }
}

struct Opened {
    description: Description,
    grid: Grid,
    columns: PartColumns,
    row_checksums: Vec<u32>,
    feature_checksums: Vec<u32>,
}

impl Opened {
    fn read(file: &mut File) -> Result<Self, Unusable> {
        let damaged = |reason: &str| Unusable::Damaged(reason.to_owned());
        let length = file.metadata()?.len();
        let tail_at = length.checked_sub(TAIL).ok_or_else(|| damaged("it is too short"))?;
        file.seek(SeekFrom::Start(tail_at))?;
        let mut tail = [0; TAIL as usize];
        file.read_exact(&mut tail)?;
        let (checksum, rest) = tail.split_at(4);
        let (described, magic) = rest.split_at(8);
        if magic != MAGIC {
            return Err(damaged("it does not end as a part does"));
        }
        // INVARIANT: split_at gave slices of these lengths.
        let checksum = u32::from_le_bytes(checksum.try_into().expect("4 bytes"));
        // INVARIANT: as above.
        let described = u64::from_le_bytes(described.try_into().expect("8 bytes"));
        let described_at = tail_at
            .checked_sub(described)
            .filter(|at| described <= MOST_DESCRIBED && *at >= MAGIC.len() as u64)
            .ok_or_else(|| damaged("its description has an impossible length"))?;
        let mut text = vec![0; described as usize];
        file.seek(SeekFrom::Start(described_at))?;
        file.read_exact(&mut text)?;
        let description: Description =
            serde_json::from_slice(&text).map_err(|error| Unusable::Damaged(error.to_string()))?;
        let words_at = words_at(&description, described_at)
            .ok_or_else(|| damaged("its description does not fit its length"))?;
        let mut bytes = vec![0; (described_at - words_at) as usize];
        file.seek(SeekFrom::Start(words_at))?;
        file.read_exact(&mut bytes)?;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&bytes);
        hasher.update(&text);
        if hasher.finalize() != checksum {
            return Err(damaged("the checksum of its description does not fit"));
        }
        let grid = Grid::new(description.grid, NO_AFFINE)
            .map_err(|error| Unusable::Damaged(error.to_string()))?;
        let opened = Self::of_words(description, grid, bytes.as_chunks::<4>().0);
        let rois = opened.description.rois.len();
        if opened.columns.roi_codes.iter().any(|code| *code as usize >= rois) {
            return Err(damaged("a voxel has an ROI that is not listed"));
        }
        let grid = Some(&opened.grid).filter(|grid| grid.n_voxels() > 0);
        let grid = grid.ok_or_else(|| damaged("its grid is empty"))?;
        if opened.columns.indices.iter().any(|index| grid.voxel(*index as usize).is_none()) {
            return Err(damaged("a voxel lies outside its grid"));
        }
        Ok(opened)
    }

    /// Divides what stands between the rows and the description; the number of words was checked.
    fn of_words(description: Description, grid: Grid, words: &[[u8; 4]]) -> Self {
        let mut words = words.iter().map(|word| u32::from_le_bytes(*word));
        let mut take = |count: usize| words.by_ref().take(count).collect::<Vec<_>>();
        let (columns, rows) = (description.n_columns, description.image_names.len());
        let indices = take(columns);
        let ceilings = description.noise_ceilings.iter();
        let noise_ceilings =
            ceilings.map(|_| take(columns).into_iter().map(f32::from_bits).collect()).collect();
        let roi_codes = take(columns);
        let row_checksums = take(rows);
        let feature_checksums = take(if description.n_features > 0 { rows } else { 0 });
        let columns = PartColumns { indices, noise_ceilings, roi_codes };
        Self { description, grid, columns, row_checksums, feature_checksums }
    }
}

/// Where the words after the rows begin, when everything fits in the length up to the description.
fn words_at(description: &Description, described_at: u64) -> Option<u64> {
    let rows = u64::try_from(description.image_names.len()).ok()?;
    let columns = u64::try_from(description.n_columns).ok()?;
    let features = u64::try_from(description.n_features).ok()?;
    let maps = u64::try_from(description.noise_ceilings.len()).ok()?;
    let per_row = columns.checked_mul(4)?.checked_add(features.checked_mul(2)?)?;
    let start = (MAGIC.len() as u64).checked_add(rows.checked_mul(per_row)?)?;
    let checksums = if features > 0 { rows.checked_mul(2)? } else { rows };
    let words = columns.checked_mul(maps.checked_add(2)?)?.checked_add(checksums)?;
    let fits = start.checked_add(words.checked_mul(4)?)? == described_at
        && description.runs.len() == description.image_names.len()
        && description.trials.len() == description.image_names.len()
        && description.images.as_ref().is_none_or(|it| it.fits(description.image_names.len()));
    fits.then_some(start)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    const TASK: Sha256 = Sha256([7; 32]);

    fn description(rows: usize, columns: usize, features: usize) -> Description {
        Description {
            task: TASK,
            subject: "sub-01".to_owned(),
            session: "ses-01".to_owned(),
            grid: [4, 4, 4],
            n_columns: columns,
            n_features: features,
            image_names: (0..rows).map(|row| format!("image {row} .jpg")).collect(),
            runs: vec![1; rows],
            trials: (0..rows).collect(),
            images: None,
            noise_ceilings: vec!["nc_4rep".to_owned()],
            rois: vec!["FFA1".to_owned(), String::new()],
            constant: 1,
            undefined: 2,
            inputs: Vec::new(),
            fingerprints: Vec::new(),
        }
    }

    fn columns() -> PartColumns {
        PartColumns {
            indices: vec![3, 9, 21],
            noise_ceilings: vec![vec![1.5, f32::NAN, 99.0]],
            roi_codes: vec![0, 1, 0],
        }
    }

    fn written(directory: &Path) -> PathBuf {
        let path = directory.join("sub-01_ses-01.part");
        let mut writer = PartWriter::create(&path, 2, 3).unwrap();
        let rows: Array2<f32> = array![[1.0, f32::NAN, -3.0], [4.0, 5.0, 6.0]];
        let (left, right) = rows.view().split_at(ndarray::Axis(1), 2);
        writer.write_block(0, left).unwrap();
        writer.write_block(2, right).unwrap();
        let features = array![[f16::ONE, f16::ZERO], [f16::NEG_ONE, f16::INFINITY]];
        writer.finish(&description(2, 3, 2), &columns(), Some(features.view())).unwrap();
        path
    }

    #[test]
    fn a_part_gives_back_what_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = written(directory.path());
        let mut part = PartReader::open(&path, TASK).unwrap().unwrap();
        assert_eq!(part.description, description(2, 3, 2));
        assert_eq!(part.columns.indices, [3, 9, 21]);
        assert_eq!(part.columns.noise_ceilings[0][2], 99.0);
        assert!(part.columns.noise_ceilings[0][1].is_nan());
        let mut row = [0.0; 3];
        part.read_row(1, &mut row).unwrap();
        assert_eq!(row, [4.0, 5.0, 6.0]);
        part.read_row(0, &mut row).unwrap();
        assert!(row[0] == 1.0 && row[1].is_nan() && row[2] == -3.0);
        let mut features = [f16::ZERO; 2];
        part.read_features(1, &mut features).unwrap();
        assert_eq!(features, [f16::NEG_ONE, f16::INFINITY]);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_there_or_of_another_task_is_none() {
        let directory = tempfile::tempdir().unwrap();
        assert!(PartReader::open(&directory.path().join("x"), TASK).unwrap().is_none());
        let path = written(directory.path());
        assert!(PartReader::open(&path, Sha256([8; 32])).unwrap().is_none());
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let path = written(directory.path());
        let whole = std::fs::read(&path).unwrap();
        let fails = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let failed = |part: Option<PartReader>| -> Result<bool> {
                let Some(mut part) = part else { return Ok(true) };
                let mut row = vec![0.0; 3];
                let mut features = vec![f16::ZERO; 2];
                for number in 0..part.n_rows() {
                    part.read_row(number, &mut row)?;
                    part.read_features(number, &mut features)?;
                }
                Ok(false)
            };
            PartReader::open(&path, TASK).and_then(failed).unwrap_or(true)
        };
        assert!(!fails(&whole));
        for length in 0..whole.len() {
            assert!(fails(&whole[..length]), "cut at {length}");
        }
        // The first magic is never read.
        for offset in MAGIC.len()..whole.len() {
            let mut bytes = whole.clone();
            bytes[offset] ^= 0x10;
            assert!(fails(&bytes), "byte {offset}");
        }
    }
}
