//! A file of betas: read by position on disk, or as a stream whose bytes come once.

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
use crate::files::{Files, Located};
use crate::{Error, Input, InputRecord, Result};

/// A file of betas whose header was read.
#[derive(Debug)]
pub(super) enum BetasFile {
    Disk(Box<VolumeFile>),
    Stream(Box<StreamedBetas>),
}

/// Betas that are read while their bytes come. What was read is final when the end was.
#[derive(Debug)]
pub(super) struct StreamedBetas {
    place: Located,
    input: SharedInput,
    reader: VolumeReader<SharedInput>,
}

/// An input that can still be finished after its reader has gone.
#[derive(Clone, Debug)]
struct SharedInput(Arc<Mutex<Option<Input>>>);

impl BetasFile {
    /// The file of a place. `kept` is where the SHA-256 of an object may be kept.
    pub(super) fn open(files: &Files, place: &Located, kept: Option<&Path>) -> Result<Self> {
        if place.is_on_disk() {
            return Ok(Self::Disk(Box::new(VolumeFile::open(place.path())?)));
        }
        Self::stream(files.stream_known(place, kept)?, place)
    }

    /// The bytes of an input, which is hashed while it is read.
    pub(super) fn stream(input: Input, place: &Located) -> Result<Self> {
        let input = SharedInput(Arc::new(Mutex::new(Some(input))));
        let reader = VolumeReader::new(input.clone()).map_err(|error| place.named(error))?;
        Ok(Self::Stream(Box::new(StreamedBetas { place: place.clone(), input, reader })))
    }

    pub(super) fn grid(&self) -> &Grid {
        match self {
            Self::Disk(file) => file.grid(),
            Self::Stream(stream) => stream.reader.grid(),
        }
    }

    pub(super) fn n_volumes(&self) -> usize {
        match self {
            Self::Disk(file) => file.n_volumes(),
            Self::Stream(stream) => stream.reader.n_volumes(),
        }
    }

    /// Threads and an index are only useful for a file on disk.
    pub(super) fn with(self, threads: NonZeroUsize, index: Option<&Path>) -> Self {
        match self {
            Self::Disk(file) => {
                let file = file.with_threads(threads.get());
                Self::Disk(Box::new(match index {
                    Some(index) => file.with_index(index),
                    None => file,
                }))
            }
            stream => stream,
        }
    }

    /// See [`VolumeFile::read_rows_with`]. Answers with what a stream was.
    pub(super) fn read_rows_with(
        self,
        selection: &VoxelSelection,
        rows: &RowSelection,
        out: ArrayViewMut2<'_, f32>,
        observe: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Option<InputRecord>> {
        match self {
            Self::Disk(file) => {
                file.read_rows_with(selection, rows, out, observe).map_err(stopped)?;
                Ok(None)
            }
            Self::Stream(stream) => {
                stream.read(|reader| reader.read_rows_with(selection, rows, out, observe))
            }
        }
    }

    /// See [`VolumeFile::for_each_row_with`]. Answers with what a stream was.
    pub(super) fn for_each_row(
        self,
        selection: &VoxelSelection,
        rows: &RowSelection,
        take: impl FnMut(usize, &[f32]) -> ControlFlow<()>,
        observe: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Option<InputRecord>> {
        match self {
            Self::Disk(file) => {
                file.for_each_row_with(selection, rows, take, observe).map_err(stopped)?;
                Ok(None)
            }
            Self::Stream(stream) => {
                stream.read(|reader| reader.for_each_row_with(selection, rows, take, observe))
            }
        }
    }
}

impl StreamedBetas {
    /// Reads volumes, and then whether their bytes were what they have to be.
    fn read(
        self,
        read: impl FnOnce(VolumeReader<SharedInput>) -> Result<(), nifti_stream::Error>,
    ) -> Result<Option<InputRecord>> {
        let Self { place, input, reader } = self;
        read(reader).map_err(|error| match stopped(error) {
            Error::Nifti(error) => place.named(error),
            other => other,
        })?;
        let input = lock(&input.0).take();
        input.map(Input::finish).transpose()
    }
}

impl Read for SharedInput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut *lock(&self.0) {
            Some(input) => input.read(buffer),
            None => Ok(0),
        }
    }
}
