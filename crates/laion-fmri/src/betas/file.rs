//! A file of betas: on disk, or an object of the bucket that passes by once.

use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};

use laion_fmri_base::lock;
use ndarray::ArrayViewMut2;
use nifti_stream::fs::VolumeFile;
use nifti_stream::{Grid, Progress, RowSelection, VolumeReader, VoxelSelection};

use super::sessions::stopped;
use crate::files::{Files, Place};
use crate::{Error, Input, Result};

/// A file of betas whose header was read.
#[derive(Debug)]
pub(super) enum BetasFile {
    Disk(Box<VolumeFile>),
    Object(Box<Passing>),
}

/// An object that is read while it comes. What was read is final when its end was.
#[derive(Debug)]
pub(super) struct Passing {
    place: Place,
    input: Shared,
    reader: VolumeReader<Shared>,
}

/// An input that can still be finished after its reader has gone.
#[derive(Clone, Debug)]
struct Shared(Arc<Mutex<Option<Input>>>);

impl BetasFile {
    pub(super) fn open(files: &Files, place: &Place) -> Result<Self> {
        if place.is_on_disk() {
            return Ok(Self::Disk(Box::new(VolumeFile::open(place.path())?)));
        }
        let input = Shared(Arc::new(Mutex::new(Some(files.stream(place)?))));
        let reader = VolumeReader::new(input.clone()).map_err(|error| place.named(error))?;
        Ok(Self::Object(Box::new(Passing { place: place.clone(), input, reader })))
    }

    pub(super) fn grid(&self) -> &Grid {
        match self {
            Self::Disk(file) => file.grid(),
            Self::Object(object) => object.reader.grid(),
        }
    }

    pub(super) fn n_volumes(&self) -> usize {
        match self {
            Self::Disk(file) => file.n_volumes(),
            Self::Object(object) => object.reader.n_volumes(),
        }
    }

    /// Threads and an index are of use for a file on disk alone.
    pub(super) fn with(self, threads: NonZeroUsize, index: Option<&Path>) -> Self {
        match self {
            Self::Disk(file) => {
                let file = file.with_threads(threads);
                Self::Disk(Box::new(match index {
                    Some(index) => file.with_index(index),
                    None => file,
                }))
            }
            object => object,
        }
    }

    /// See [`VolumeFile::read_rows_with`].
    pub(super) fn read_rows_with(
        self,
        selection: &VoxelSelection,
        rows: &RowSelection,
        out: ArrayViewMut2<'_, f32>,
        observe: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        match self {
            Self::Disk(file) => file.read_rows_with(selection, rows, out, observe).map_err(stopped),
            Self::Object(object) => {
                object.read(|reader| reader.read_rows_with(selection, rows, out, observe))
            }
        }
    }

    /// See [`VolumeFile::for_each_row_with`].
    pub(super) fn for_each_row(
        self,
        selection: &VoxelSelection,
        rows: &RowSelection,
        take: impl FnMut(usize, &[f32]) -> ControlFlow<()>,
        observe: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        match self {
            Self::Disk(file) => {
                file.for_each_row_with(selection, rows, take, observe).map_err(stopped)
            }
            Self::Object(object) => {
                object.read(|reader| reader.for_each_row_with(selection, rows, take, observe))
            }
        }
    }
}

impl Passing {
    /// Reads volumes, and then whether they were those of the object.
    fn read(
        self,
        read: impl FnOnce(VolumeReader<Shared>) -> Result<(), nifti_stream::Error>,
    ) -> Result<()> {
        let Self { place, input, reader } = self;
        read(reader).map_err(|error| match stopped(error) {
            Error::Nifti(error) => place.named(error),
            other => other,
        })?;
        input.finish()
    }
}

impl Shared {
    /// Reads what is left, and compares the whole with its entity tag.
    fn finish(&self) -> Result<()> {
        let input = lock(&self.0).take();
        input.map_or(Ok(()), |input| input.finish().map(drop))
    }
}

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut *lock(&self.0) {
            Some(input) => input.read(buffer),
            None => Ok(0),
        }
    }
}
