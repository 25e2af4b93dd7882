//! The embeddings of all images by one model.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use half::f16;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use half::vec::HalfBitsVecExt;
use laion_fmri_base::parallel_map;
use ndarray::{Array1, Array2};

use crate::embedding_model::EmbeddingModel;
use crate::error::Error;
use crate::h5::{Dataset, Element, H5File, threads_for};
use crate::lazy::Lazy;
use crate::nearest::nearest;
use crate::source::ReadAt;

/// Rows that are read at a time on their way into the output.
const ROWS_OF_A_PIECE: usize = 256;

/// The embedding file of a model: a row of half-precision features for each image.
///
/// The order of the rows is that of [`image_ids`](Self::image_ids), which need not be that of the
/// table of images. Opening reads the structure of the file; rows are read when they are asked for,
/// names and marks of validity at their first use. All methods can run in several threads at once;
/// calls for many rows of a compressed file use all cores themselves.
///
/// A row that is marked as not valid is refused with [`Error::InvalidEmbedding`] by every call but
/// [`matrix`](Self::matrix) and [`matrix_f32`](Self::matrix_f32), which give the file as it is;
/// [`is_valid`](Self::is_valid) asks.
#[derive(Clone, Debug)]
pub struct Embeddings {
    path: PathBuf,
    model: EmbeddingModel,
    embedding: Dataset,
    image_ids: Dataset,
    valid: Dataset,
    big_endian: bool,
    names: Lazy<Names>,
    marks: Lazy<Vec<bool>>,
}

#[derive(Clone, Debug)]
struct Names {
    ids: Vec<String>,
    rows: HashMap<String, usize>,
}

impl Embeddings {
    /// Opens the file of a model, read-only and without locking it.
    ///
    /// # Errors
    ///
    /// [`Error::Open`], [`Error::NotHdf5`], [`Error::MissingDataset`], [`Error::WrongRank`],
    /// [`Error::WrongType`], [`Error::WrongLength`], [`Error::TooLarge`], [`Error::Damaged`].
    pub fn open(path: impl AsRef<Path>, model: EmbeddingModel) -> Result<Self, Error> {
        Self::new(H5File::open(path.as_ref())?, model)
    }

    /// As [`open`](Self::open), by the C library of HDF5, for files that the default reader does
    /// not know. That library works for one thread at a time.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    #[cfg(feature = "hdf5-c")]
    pub fn open_with_c_library(
        path: impl AsRef<Path>,
        model: EmbeddingModel,
    ) -> Result<Self, Error> {
        Self::new(H5File::open_with_c_library(path.as_ref())?, model)
    }

    /// As [`open`](Self::open), from anything that is read by position; `path` is what errors call
    /// it.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_source(
        source: impl ReadAt + 'static,
        path: impl AsRef<Path>,
        model: EmbeddingModel,
    ) -> Result<Self, Error> {
        Self::new(H5File::from_source(Arc::new(source), path.as_ref())?, model)
    }

    fn new(file: H5File, model: EmbeddingModel) -> Result<Self, Error> {
        let is_half = |element: &Element| matches!(element, Element::Half { .. });
        let embedding = file.dataset("embedding", 2, "float16", is_half)?;
        let image_ids = file.dataset("image_ids", 1, "text", |it| *it == Element::Text)?;
        let valid = file.dataset("valid", 1, "booleans", |it| *it == Element::Byte)?;
        image_ids.check_len(embedding.len(), "\"embedding\"")?;
        valid.check_len(embedding.len(), "\"embedding\"")?;
        let big_endian = *embedding.element() == Element::Half { big_endian: true };
        let (names, marks) = (Lazy::default(), Lazy::default());
        let path = file.path;
        Ok(Self { path, model, embedding, image_ids, valid, big_endian, names, marks })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> EmbeddingModel {
        self.model
    }

    /// The number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.embedding.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of features of an embedding.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.embedding.axis(1)
    }

    /// The names of the images, in the order of the rows.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], and [`Error::DuplicateImage`].
    pub fn image_ids(&self) -> Result<&[String], Error> {
        Ok(&self.names()?.ids)
    }

    /// Whether there is an embedding of this image.
    ///
    /// # Errors
    ///
    /// As [`image_ids`](Self::image_ids).
    pub fn contains(&self, image_name: &str) -> Result<bool, Error> {
        Ok(self.names()?.rows.contains_key(image_name))
    }

    /// The row of an image.
    ///
    /// # Errors
    ///
    /// As [`image_ids`](Self::image_ids), and [`Error::UnknownImage`] with the nearest names.
    pub fn row_of(&self, image_name: &str) -> Result<usize, Error> {
        let names = self.names()?;
        names.rows.get(image_name).copied().ok_or_else(|| Error::UnknownImage {
            path: self.path.clone(),
            image_name: image_name.to_owned(),
            nearest: nearest(image_name, names.ids.iter().map(String::as_str)),
        })
    }

    /// Whether the embedding in a row is marked as valid.
    ///
    /// # Errors
    ///
    /// [`Error::RowOutOfRange`], [`Error::Damaged`].
    pub fn is_valid(&self, row: usize) -> Result<bool, Error> {
        self.embedding.check_row(row)?;
        Ok(self.valid()?[row])
    }

    /// For every row, whether it is marked as valid.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`].
    pub fn valid(&self) -> Result<&[bool], Error> {
        let marks = self.marks.get_or_read(|| {
            let mut marks = self.valid.zeros::<u8>(self.len())?;
            self.valid.read(&(0..self.len()).collect::<Vec<_>>(), &mut marks)?;
            Ok(marks.into_iter().map(|mark| mark != 0).collect())
        })?;
        Ok(marks)
    }

    /// The embedding in a row: (features).
    ///
    /// # Errors
    ///
    /// [`Error::RowOutOfRange`], [`Error::InvalidEmbedding`], [`Error::Damaged`].
    pub fn row(&self, row: usize) -> Result<Array1<f16>, Error> {
        Ok(self.read_valid(&[row])?.into())
    }

    /// As [`row`](Self::row), widened.
    ///
    /// # Errors
    ///
    /// As [`row`](Self::row).
    pub fn row_f32(&self, row: usize) -> Result<Array1<f32>, Error> {
        Ok(self.read_valid(&[row])?.to_f32_vec().into())
    }

    /// The embedding of an image: (features).
    ///
    /// # Errors
    ///
    /// As [`row_of`](Self::row_of) and [`row`](Self::row).
    pub fn get(&self, image_name: &str) -> Result<Array1<f16>, Error> {
        self.row(self.row_of(image_name)?)
    }

    /// As [`get`](Self::get), widened.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_f32(&self, image_name: &str) -> Result<Array1<f32>, Error> {
        self.row_f32(self.row_of(image_name)?)
    }

    /// The embeddings in some rows, in any order and with repeats: (rows, features). Each distinct
    /// row is read once.
    ///
    /// # Errors
    ///
    /// As [`row`](Self::row).
    pub fn rows(&self, rows: &[usize]) -> Result<Array2<f16>, Error> {
        let values = if is_ascending(rows) {
            self.read_valid(rows)?
        } else {
            self.gather(rows, <[f16]>::copy_from_slice)?
        };
        Ok(self.matrix_of(rows.len(), values))
    }

    /// As [`rows`](Self::rows), widened.
    ///
    /// # Errors
    ///
    /// As [`row`](Self::row).
    pub fn rows_f32(&self, rows: &[usize]) -> Result<Array2<f32>, Error> {
        let values = self.gather(rows, |out: &mut [f32], row| row.convert_to_f32_slice(out))?;
        Ok(self.matrix_of(rows.len(), values))
    }

    /// The embeddings of some images, in any order and with repeats: (images, features).
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_many<S: AsRef<str>>(&self, image_names: &[S]) -> Result<Array2<f16>, Error> {
        self.rows(&self.rows_of(image_names)?)
    }

    /// As [`get_many`](Self::get_many), widened.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_many_f32<S: AsRef<str>>(&self, image_names: &[S]) -> Result<Array2<f32>, Error> {
        self.rows_f32(&self.rows_of(image_names)?)
    }

    /// The rows of some images.
    ///
    /// # Errors
    ///
    /// As [`row_of`](Self::row_of).
    pub fn rows_of<S: AsRef<str>>(&self, image_names: &[S]) -> Result<Vec<usize>, Error> {
        image_names.iter().map(|name| self.row_of(name.as_ref())).collect()
    }

    /// All embeddings as they are, rows that are not valid included: (images, features).
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`], [`Error::Damaged`].
    pub fn matrix(&self) -> Result<Array2<f16>, Error> {
        let values = self.read(&(0..self.len()).collect::<Vec<_>>())?;
        Ok(self.matrix_of(self.len(), values))
    }

    /// As [`matrix`](Self::matrix), widened.
    ///
    /// # Errors
    ///
    /// As [`matrix`](Self::matrix).
    pub fn matrix_f32(&self) -> Result<Array2<f32>, Error> {
        let values = self.read(&(0..self.len()).collect::<Vec<_>>())?.to_f32_vec();
        Ok(self.matrix_of(self.len(), values))
    }

    fn names(&self) -> Result<&Names, Error> {
        self.names.get_or_read(|| {
            let ids = self.image_ids.read_text()?;
            let mut rows = HashMap::with_capacity(ids.len());
            for (row, id) in ids.iter().enumerate() {
                if rows.insert(id.clone(), row).is_some() {
                    let (path, image_name) = (self.path.clone(), id.clone());
                    return Err(Error::DuplicateImage { path, row, image_name });
                }
            }
            Ok(Names { ids, rows })
        })
    }

    /// Rows in any order into values of some type. What has to be decoded is decoded once; what is
    /// stored plainly goes from the file into the output in pieces, without an array in between.
    fn gather<T: bytemuck::Zeroable + Send>(
        &self,
        rows: &[usize],
        copy: impl Fn(&mut [T], &[f16]) + Sync,
    ) -> Result<Vec<T>, Error> {
        self.check_valid(rows)?;
        let features = self.n_features();
        let mut values = self.embedding.zeros_of::<T>(rows.len() * features)?;
        if values.is_empty() {
            return Ok(values);
        }
        if !self.embedding.is_encoded() {
            self.gather_plain(rows, &mut values, &copy)?;
            return Ok(values);
        }
        let mut distinct = rows.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let read = self.read(&distinct)?;
        let mut read_as = vec![0; self.len()];
        for (index, row) in distinct.into_iter().enumerate() {
            read_as[row] = index;
        }
        in_shares(rows, &mut values, |rows, values| {
            for (row, out) in rows.iter().zip(values.chunks_exact_mut(features)) {
                copy(out, &read[read_as[*row] * features..][..features]);
            }
            Ok(())
        })?;
        Ok(values)
    }

    /// Rows in any order, each read once, on as many threads as are worth it.
    fn gather_plain<T: Send>(
        &self,
        rows: &[usize],
        values: &mut [T],
        copy: &(impl Fn(&mut [T], &[f16]) + Sync),
    ) -> Result<(), Error> {
        let threads = threads_for(size_of_val(values));
        let places = values.chunks_exact_mut(self.n_features());
        let mut wanted: Vec<Wanted<'_, T>> = rows.iter().copied().zip(places).collect();
        wanted.sort_unstable_by_key(|(row, _)| *row);
        let shares = shares_of_rows(&mut wanted, threads);
        parallel_map(threads, shares, |share| self.gather_share(share, copy)).map(drop)
    }

    /// Ascending rows, each read once and copied to all places of the output that want it.
    fn gather_share<T>(
        &self,
        wanted: &mut [Wanted<'_, T>],
        copy: &impl Fn(&mut [T], &[f16]),
    ) -> Result<(), Error> {
        let features = self.n_features();
        let mut bits = vec![0; ROWS_OF_A_PIECE.min(wanted.len()) * features];
        let mut distinct = Vec::with_capacity(ROWS_OF_A_PIECE);
        let mut rest = wanted;
        while !rest.is_empty() {
            distinct.clear();
            let fitting = rest.iter().take_while(|(row, _)| {
                if distinct.last() != Some(row) {
                    if distinct.len() == ROWS_OF_A_PIECE {
                        return false;
                    }
                    distinct.push(*row);
                }
                true
            });
            let count = fitting.count();
            let (piece, others) = std::mem::take(&mut rest).split_at_mut(count);
            rest = others;
            let bits = &mut bits[..distinct.len() * features];
            self.embedding.read_part(&distinct, bytemuck::cast_slice_mut(bits))?;
            self.make_native(bits);
            let read: &[f16] = bits.reinterpret_cast();
            let mut from = 0;
            for (row, place) in piece {
                from += usize::from(distinct[from] != *row);
                copy(place, &read[from * features..][..features]);
            }
        }
        Ok(())
    }

    fn check_valid(&self, rows: &[usize]) -> Result<(), Error> {
        for &row in rows {
            if !self.is_valid(row)? {
                let (path, model) = (self.path.clone(), self.model);
                return Err(Error::InvalidEmbedding { path, model, row });
            }
        }
        Ok(())
    }

    fn read_valid(&self, rows: &[usize]) -> Result<Vec<f16>, Error> {
        self.check_valid(rows)?;
        self.read(rows)
    }

    fn read(&self, rows: &[usize]) -> Result<Vec<f16>, Error> {
        let mut bits = self.embedding.zeros::<u16>(rows.len())?;
        self.embedding.read(rows, bytemuck::cast_slice_mut(&mut bits))?;
        self.make_native(&mut bits);
        Ok(bits.reinterpret_into())
    }

    /// From the byte order of the file to that of this machine.
    fn make_native(&self, bits: &mut [u16]) {
        if self.big_endian != cfg!(target_endian = "big") {
            bits.iter_mut().for_each(|bits| *bits = bits.swap_bytes());
        }
    }

    fn matrix_of<T>(&self, rows: usize, values: Vec<T>) -> Array2<T> {
        // INVARIANT: all who call it have made rows times features values.
        Array2::from_shape_vec((rows, self.n_features()), values).expect("rows of features")
    }
}

/// A row, and the place in the output that wants it.
type Wanted<'a, T> = (usize, &'a mut [T]);

/// Divides ascending rows among threads, so that each row is read by one of them, however many
/// places want it.
fn shares_of_rows<'a, 'b, T>(
    wanted: &'a mut [Wanted<'b, T>],
    threads: usize,
) -> Vec<&'a mut [Wanted<'b, T>]> {
    let size = wanted.len().div_ceil(threads);
    let mut shares = Vec::with_capacity(threads);
    let mut rest = wanted;
    while rest.len() > size {
        let last = rest[size - 1].0;
        let end = rest.partition_point(|(row, _)| *row <= last);
        let (share, others) = rest.split_at_mut(end);
        shares.push(share);
        rest = others;
    }
    shares.push(rest);
    shares
}

/// Divides rows and their values among as many threads as are worth it.
fn in_shares<T: Send>(
    rows: &[usize],
    values: &mut [T],
    work: impl Fn(&[usize], &mut [T]) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    let threads = threads_for(size_of_val(values));
    let share = rows.len().div_ceil(threads);
    let row = values.len() / rows.len();
    let shares = rows.chunks(share).zip(values.chunks_mut(share * row));
    parallel_map(threads, shares, |(rows, values)| work(rows, values)).map(drop)
}

fn is_ascending(rows: &[usize]) -> bool {
    rows.is_sorted_by(|row, next| row < next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_in_one_share() {
        let shares = |rows: &[usize], threads| {
            let mut values: Vec<usize> = (0..rows.len()).collect();
            let places = values.chunks_exact_mut(1);
            let mut wanted: Vec<Wanted<'_, usize>> = rows.iter().copied().zip(places).collect();
            let shares = shares_of_rows(&mut wanted, threads);
            let rows = |share: &mut [Wanted<'_, usize>]| -> Vec<usize> {
                share.iter().map(|(row, _)| *row).collect()
            };
            shares.into_iter().map(rows).collect::<Vec<_>>()
        };
        assert_eq!(shares(&[0, 1, 2, 3], 2), [[0, 1], [2, 3]]);
        assert_eq!(shares(&[0, 1, 1, 1, 2], 2), [vec![0, 1, 1, 1], vec![2]]);
        assert_eq!(shares(&[4, 4, 4, 4], 3), [vec![4; 4], vec![]]);
        assert_eq!(shares(&[4, 5], 1), [[4, 5]]);
    }
}
