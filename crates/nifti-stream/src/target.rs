//! Where rows go while they are read: an array, or a consumer that takes them one by one.

use std::ops::ControlFlow;

use ndarray::{ArrayView1, ArrayViewMut2};

use crate::error::Error;
use crate::rows::RowSelection;
use crate::selection::Gather;

/// Takes rows in ascending order.
pub(crate) enum Target<'a> {
    Array(ArrayTarget<'a>),
    Taker(Taker<'a>),
}

/// An array whose shape was checked.
pub(crate) struct ArrayTarget<'a> {
    pub(crate) out: ArrayViewMut2<'a, f32>,
    scratch: Vec<f32>,
}

/// Somebody who takes each row once, whatever happens on the way.
pub(crate) struct Taker<'a> {
    pub(crate) take: &'a mut dyn FnMut(usize, &[f32]) -> ControlFlow<()>,
    pub(crate) n_voxels: usize,
    /// Rows that were taken.
    pub(crate) taken: usize,
    row: Vec<f32>,
}

impl<'a> Target<'a> {
    pub(crate) fn array(out: ArrayViewMut2<'a, f32>) -> Self {
        Self::Array(ArrayTarget { out, scratch: Vec::new() })
    }

    pub(crate) fn taker(
        n_voxels: usize,
        take: &'a mut dyn FnMut(usize, &[f32]) -> ControlFlow<()>,
    ) -> Self {
        Self::Taker(Taker { take, n_voxels, taken: 0, row: Vec::new() })
    }

    /// Rows and voxels, when they are known beforehand.
    pub(crate) fn shape(&self) -> Option<[usize; 2]> {
        match self {
            Self::Array(array) => Some(array.out.dim().into()),
            Self::Taker(_) => None,
        }
    }

    /// Has `fill` make a row, which is volume `volume` of the file.
    pub(crate) fn put(
        &mut self,
        rank: usize,
        volume: usize,
        fill: &mut dyn FnMut(&mut [f32]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self {
            Self::Array(array) => array.put(rank, fill),
            Self::Taker(taker) => {
                let mut row = std::mem::take(&mut taker.row);
                row.resize(taker.n_voxels, 0.0);
                let filled = fill(&mut row);
                let taken = filled.and_then(|()| taker.take(rank, volume, &row));
                taker.row = row;
                taken
            }
        }
    }
}

impl ArrayTarget<'_> {
    fn put(
        &mut self,
        rank: usize,
        fill: &mut dyn FnMut(&mut [f32]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut row = self.out.row_mut(rank);
        if let Some(row) = row.as_slice_mut() {
            return fill(row);
        }
        self.scratch.resize(row.len(), 0.0);
        fill(&mut self.scratch)?;
        row.assign(&ArrayView1::from(&self.scratch));
        Ok(())
    }
}

impl Taker<'_> {
    /// Hands a row over, unless that was done before something went wrong.
    pub(crate) fn take(&mut self, rank: usize, volume: usize, row: &[f32]) -> Result<(), Error> {
        if rank < self.taken {
            return Ok(());
        }
        self.taken += 1;
        match (self.take)(volume, row) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Cancelled { volume }),
        }
    }
}

/// Puts values that come in the order of the file into that of the selection.
pub(crate) fn permute(plan: &[Gather], values: &[f32], row: &mut [f32]) {
    for (step, value) in plan.iter().zip(values) {
        row[step.rank as usize] = *value;
    }
}

/// The wanted rows of a file, in order.
pub(crate) struct Wanted<'a> {
    rows: &'a RowSelection,
    rank: usize,
}

impl<'a> Wanted<'a> {
    pub(crate) fn new(rows: &'a RowSelection) -> Self {
        Self { rows, rank: 0 }
    }

    /// The row that a volume becomes; volumes are asked for in ascending order.
    pub(crate) fn rank(&mut self, volume: usize) -> Option<usize> {
        (self.rows.volume(self.rank) == Some(volume)).then(|| {
            self.rank += 1;
            self.rank - 1
        })
    }
}
