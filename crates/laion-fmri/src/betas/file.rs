//! A file of betas: on disk, or an object of the bucket that passes by once.

use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

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
    pub(super) fn read_rows_with(
        self,
        threads: NonZeroUsize,
        index: Option<&Path>,
        selection: &VoxelSelection,
        rows: &RowSelection,
        out: ArrayViewMut2<'_, f32>,
        observe: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        match self {
            Self::Disk(file) => {
                let file = prepared(*file, threads, index);
                file.read_rows_with(selection, rows, out, observe).map_err(stopped)
            }
            Self::Object(object) => {
                let Passing { place, input, reader } = *object;
                let read = reader.read_rows_with(selection, rows, out, observe);
                read.map_err(|error| match stopped(error) {
                    Error::Nifti(error) => place.named(error),
                    other => other,
                })?;
                input.finish()
            }
        }
    }

    /// As [`BetasFile::read_rows_with`], handing each row over with its volume.
    pub(super) fn for_each_row(
        self,
        threads: NonZeroUsize,
        index: Option<&Path>,
        selection: &VoxelSelection,
        rows: &RowSelection,
        take: impl FnMut(usize, &[f32]) -> ControlFlow<()>,
        observe: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        match self {
            Self::Disk(file) => {
                let file = prepared(*file, threads, index);
                file.for_each_row(selection, rows, take, observe).map_err(stopped)
            }
            Self::Object(object) => object.for_each_row(selection, rows, take, observe),
        }
    }
}

impl Passing {
    /// Reads volume by volume, and then to the end.
    fn for_each_row(
        self,
        selection: &VoxelSelection,
        rows: &RowSelection,
        mut take: impl FnMut(usize, &[f32]) -> ControlFlow<()>,
        mut observe: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        let Self { place, input, mut reader } = self;
        let n_volumes = reader.n_volumes();
        let named = |error| place.named(error);
        let mut row = vec![0.0; selection.len()];
        let mut wanted = match rows {
            RowSelection::All => None,
            RowSelection::Rows(rows) => Some(rows.iter().copied().peekable()),
        };
        for volume in 0..n_volumes {
            let is_wanted =
                wanted.as_mut().is_none_or(|wanted| wanted.next_if_eq(&volume).is_some());
            if is_wanted {
                reader.read_row(selection, &mut row).map_err(named)?;
            } else {
                reader.skip_volume().map_err(named)?;
            }
            let progress = Progress { volumes: volume + 1, n_volumes, compressed_bytes: 0 };
            let stops =
                (is_wanted && take(volume, &row).is_break()) || observe(progress).is_break();
            if stops {
                return Err(Error::Cancelled);
            }
        }
        reader.finish().map_err(named)?;
        input.finish()
    }
}

/// A file with what its reads may use.
fn prepared(file: VolumeFile, threads: NonZeroUsize, index: Option<&Path>) -> VolumeFile {
    let file = file.with_threads(threads);
    match index {
        Some(index) => file.with_index(index),
        None => file,
    }
}

impl Shared {
    /// Reads what is left, and compares the whole with its entity tag.
    fn finish(&self) -> Result<()> {
        let input = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        input.map_or(Ok(()), |input| input.finish().map(drop))
    }
}

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(input) => input.read(buffer),
            None => Ok(0),
        }
    }
}
