//! From the voxel axis back to space: values as a volume, and where the voxels lie.

use std::io::Write;
use std::path::Path;

use ndarray::{Array2, ArrayView1};
use nifti_stream::{Compression, Sample, VolumeWriter};

use crate::{Error, Result, Subject, VoxelMask, Voxels};

/// The error of a caller on its way through the writer.
pub(crate) struct Carried<E>(pub(crate) E);

impl<E: From<Error>> From<nifti_stream::Error> for Carried<E> {
    fn from(error: nifti_stream::Error) -> Self {
        Self(Error::from(error).into())
    }
}

impl Subject {
    /// Writes one value for each chosen voxel as a 3-D float32 NIfTI file, zero elsewhere, gzipped
    /// when the name ends in `.gz`. The values are a slice, an array or a row of one (`&values`,
    /// `betas.row(0)`).
    ///
    /// The spatial header is that of the brain mask's file: both transforms with their codes, voxel
    /// sizes and units. The file appears when it is complete.
    ///
    /// # Errors
    ///
    /// [`Error::ValuesLength`] when there is not one value for each voxel; [`Error::Nifti`] when
    /// the file cannot be written; as [`Voxels::resolve`].
    ///
    /// ```
    /// use laion_fmri::{Dataset, NoiseCeiling, Voxels};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// let face = Voxels::roi("face");
    /// let ceiling = subject.noise_ceiling(&NoiseCeiling::session("ses-01")?, &face)?;
    /// subject.to_nifti(&ceiling, "face.nii.gz", &face)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_nifti<'v>(
        &self,
        values: impl Into<ArrayView1<'v, f32>>,
        path: impl AsRef<Path>,
        voxels: &Voxels,
    ) -> Result<()> {
        let mask = voxels.resolve(self)?;
        let volume = mask.volume(values.into(), 0.0)?;
        let brain = mask.brain();
        let shape = brain.grid().shape();
        Ok(nifti_stream::fs::write_volume(path, brain.spatial(), shape, &volume)?)
    }

    /// As [`Subject::to_nifti`] for several rows of one value for each chosen voxel: a 4-D file with one
    /// volume for each row. One volume is in memory at a time. `fill` is given a function that takes the
    /// next row, of float32 or float64, and calls it `n_rows` times; without a number, the file is 3-D and
    /// has one row.
    ///
    /// # Errors
    ///
    /// As [`Subject::to_nifti`]; what `fill` answers.
    ///
    /// ```
    /// use laion_fmri::{Dataset, Voxels};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// let face = Voxels::roi("face");
    /// let betas = subject.betas().session("ses-01").voxels(face.clone()).trials(0..3).load()?;
    /// subject.rows_to_nifti("three.nii.gz", &face, Some(3), |put| {
    ///     betas.rows().into_iter().try_for_each(|row| put(&row.to_vec()))
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn rows_to_nifti<T: Sample + Default, E: From<Error>>(
        &self,
        path: impl AsRef<Path>,
        voxels: &Voxels,
        n_rows: Option<usize>,
        fill: impl FnOnce(&mut dyn FnMut(&[T]) -> Result<()>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mask = voxels.resolve(self)?;
        let indices = mask.indices();
        let brain = mask.brain();
        let mut volume = vec![T::default(); brain.grid().n_voxels()];
        let shape = brain.grid().shape();
        let written = nifti_stream::fs::write_volumes(
            path,
            brain.spatial(),
            shape,
            n_rows,
            |put: &mut dyn FnMut(&[T]) -> Result<(), nifti_stream::Error>| {
                fill(&mut |row| {
                    if row.len() != indices.len() {
                        let (expected, got) = (indices.len(), row.len());
                        return Err(Error::ValuesLength { expected, got });
                    }
                    for (index, value) in indices.iter().zip(row) {
                        volume[*index] = *value;
                    }
                    Ok(put(&volume)?)
                })
                .map_err(Carried)
            },
        );
        written.map_err(|Carried(error)| error)
    }

    /// Where the chosen voxels lie: float64, shape `(n_voxels, 3)`, in mm of the subject's T1w
    /// space, in the order of the voxel axis.
    ///
    /// # Errors
    ///
    /// As [`Voxels::resolve`].
    #[doc(alias = "get_voxel_coordinates")]
    pub fn voxel_coordinates(&self, voxels: &Voxels) -> Result<Array2<f64>> {
        let mask = voxels.resolve(self)?;
        let grid = mask.brain().grid();
        let indices = mask.indices();
        let mut coordinates = Array2::zeros((indices.len(), 3));
        for (mut row, index) in coordinates.rows_mut().into_iter().zip(indices) {
            // INVARIANT: a mask only holds indices of its own grid.
            let voxel = grid.voxel(*index).expect("a voxel of the grid");
            let point = grid.affine().apply(voxel.map(|position| position as f64));
            row.iter_mut().zip(point).for_each(|(coordinate, value)| *coordinate = value);
        }
        Ok(coordinates)
    }
}

impl VoxelMask {
    /// Writes one value for each voxel of the mask to a stream, as a 3-D float32 NIfTI file that is not
    /// gzipped; `outside` everywhere else, such as 0 or NaN. Header and order of the values are those
    /// of [`Subject::to_nifti`]. No volume is in memory.
    ///
    /// # Errors
    ///
    /// [`Error::ValuesLength`] when there is not one value for each voxel; [`Error::Nifti`] when the
    /// stream cannot be written to.
    ///
    /// ```
    /// use laion_fmri::nifti_stream::read_volume;
    /// use laion_fmri::{Dataset, NoiseCeiling, Voxels};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// let face = Voxels::roi("face");
    /// let ceiling = subject.noise_ceiling(&NoiseCeiling::session("ses-01")?, &face)?;
    /// let mask = face.resolve(&subject)?;
    /// let mut bytes = Vec::new();
    /// mask.write_values_to(&mut bytes, &ceiling, f32::NAN)?;
    /// let volume = read_volume(bytes.as_slice())?;
    /// let (got, expected) = (volume.data()[mask.indices()[0]], ceiling[0]);
    /// assert_eq!(got.to_bits(), expected.to_bits());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_values_to<'v>(
        &self,
        writer: impl Write,
        values: impl Into<ArrayView1<'v, f32>>,
        outside: f32,
    ) -> Result<()> {
        let values = values.into();
        if values.len() != self.n_voxels() {
            return Err(Error::ValuesLength { expected: self.n_voxels(), got: values.len() });
        }
        match values.as_slice() {
            Some(values) => self.write_selected(writer, values, outside),
            None => self.write_selected(writer, &values.to_vec(), outside),
        }
    }

    /// Writes the mask to a stream, as a 3-D uint8 NIfTI file that is not gzipped; see
    /// [`VoxelMask::write_nifti`].
    ///
    /// # Errors
    ///
    /// [`Error::Nifti`] when the stream cannot be written to.
    pub fn write_nifti_to(&self, writer: impl Write) -> Result<()> {
        self.write_selected(writer, &vec![1_u8; self.n_voxels()], 0)
    }

    fn write_selected<T: Sample>(
        &self,
        writer: impl Write,
        values: &[T],
        outside: T,
    ) -> Result<()> {
        let (spatial, shape) = (self.brain().spatial(), self.brain().grid().shape());
        let mut volumes = VolumeWriter::new(writer, spatial, shape, None, Compression::None)?;
        volumes.put_selected(&self.selection()?, values, outside)?;
        volumes.finish()?;
        Ok(())
    }

    /// One value for each voxel of the mask over the whole grid, in C order.
    pub(crate) fn volume(&self, values: ArrayView1<'_, f32>, outside: f32) -> Result<Vec<f32>> {
        let indices = self.indices();
        if values.len() != indices.len() {
            return Err(Error::ValuesLength { expected: indices.len(), got: values.len() });
        }
        let mut volume = vec![outside; self.brain().grid().n_voxels()];
        for (index, value) in indices.iter().zip(values) {
            volume[*index] = *value;
        }
        Ok(volume)
    }
}
