//! Chosen volumes of a gzipped file, each reached from the nearest place to resume from, by any
//! number of threads.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};

use ndarray::{ArrayView1, ArrayViewMut1, ArrayViewMut2, Axis};

use super::bgzf::Bgzf;
use super::index::{Histories, Index};
use crate::decode::Codec;
use crate::error::Error;
use crate::gz::Volumes;
use crate::queue::{Queue, StopAtEnd};
use crate::rows::RowSelection;
use crate::selection::VoxelSelection;
use crate::source::Source;
use crate::target::{Taker, Target};
use crate::volumes::{Order, Progress, gather};

/// Rows that a thread takes at a time, at most.
const ROWS_AT_ONCE: usize = 16;
/// Bytes of the rows that a thread takes at a time, unless one takes more.
const TURN_BYTES: usize = 3 << 20;

/// What is read, the same for every thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) path: &'a Path,
    pub(crate) volumes: Volumes,
    pub(crate) codec: Codec,
    pub(crate) n_voxels: usize,
    pub(crate) selection: &'a VoxelSelection,
    pub(crate) rows: &'a RowSelection,
    pub(crate) threads: usize,
}

/// Where reading can start within a file, and what proves it right.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Places<'a> {
    /// An index: blocks, and the CRC-32 of each volume.
    Index(&'a Index, &'a Path),
    /// Members with their own trailers.
    Members(&'a Bgzf),
}

/// Why an indexed read did not come to its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The observer wanted to stop before this volume.
    Cancelled(usize),
    /// The file and its index do not fit, or one of them is damaged: a full read will tell.
    Unfit(Option<Error>),
}

/// Reads the rows; the request was checked.
pub(crate) fn read_rows(
    request: Request<'_>,
    places: Places<'_>,
    target: &mut Target<'_>,
    observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(), Failure> {
    match target {
        Target::Array(array) => into_array(request, places, array.out.view_mut(), observe),
        Target::Taker(taker) => in_order(request, places, taker, observe),
    }
}

/// Reads the rows into an array, each thread into its part.
fn into_array(
    request: Request<'_>,
    places: Places<'_>,
    mut out: ArrayViewMut2<'_, f32>,
    observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(), Failure> {
    let n_rows = out.nrows();
    let threads = request.threads.max(1);
    // Several turns for each thread, so that none waits long for the last.
    let at_once = n_rows.div_ceil(4 * threads).clamp(1, ROWS_AT_ONCE);
    let tasks = Mutex::new(out.axis_chunks_iter_mut(Axis(0), at_once).enumerate());
    let stop = AtomicBool::new(false);
    let (sender, done) = channel();
    std::thread::scope(|scope| {
        for _ in 0..threads.min(n_rows.div_ceil(at_once)) {
            let sender: Sender<Result<usize, Failure>> = sender.clone();
            let (tasks, stop) = (&tasks, &stop);
            scope.spawn(move || {
                let mut worker = Worker::new(request, places);
                loop {
                    let task = tasks.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((number, mut rows)) = task else { return };
                    for (within, row) in rows.rows_mut().into_iter().enumerate() {
                        if stop.load(Ordering::Relaxed) {
                            return;
                        }
                        let rank = number * at_once + within;
                        let result = worker.read_view(rank, row);
                        if result.is_err() {
                            stop.store(true, Ordering::Relaxed);
                        }
                        // A receiver that is gone has seen a failure already.
                        if sender.send(result.map(|()| rank)).is_err() {
                            return;
                        }
                    }
                }
            });
        }
        drop(sender);
        let mut progress = Progress { volumes: 0, n_volumes: n_rows, compressed_bytes: 0 };
        loop {
            if observe(progress).is_break() && progress.volumes < n_rows {
                stop.store(true, Ordering::Relaxed);
                return Err(request.cancelled(progress.volumes));
            }
            if progress.volumes == n_rows {
                return Ok(());
            }
            // Without a message, every thread is gone although rows are missing.
            let rank = done.recv().unwrap_or(Err(Failure::Unfit(None)))?;
            progress.volumes += 1;
            progress.compressed_bytes =
                progress.compressed_bytes.max(places.compressed(&request, rank));
        }
    })
}

/// Reads the rows and hands them over in order.
fn in_order(
    request: Request<'_>,
    places: Places<'_>,
    taker: &mut Taker<'_>,
    observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(), Failure> {
    let n_rows = request.rows.count(usize::try_from(request.volumes.count).unwrap_or(usize::MAX));
    let row_bytes = 4 * taker.n_voxels.max(1);
    // Neighbours share what lies between their places; one turn more than there are threads may wait.
    let at_once = (TURN_BYTES / row_bytes).clamp(1, ROWS_AT_ONCE);
    let threads = request.threads.clamp(1, n_rows.div_ceil(at_once).max(1));
    let queue: Queue<Vec<f32>, Failure> = Queue::new(n_rows, at_once, at_once * (threads + 1));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let _stop = StopAtEnd { queue: &queue, only_in_panic: true };
                let mut worker = Worker::new(request, places);
                while let Some(turn) = queue.turn() {
                    for rank in turn {
                        let Some(mut row) = queue.begin(rank) else { return };
                        row.resize(request.selection.len(), 0.0);
                        let result = worker.read_row(rank, &mut row);
                        queue.done(rank, result.map(|()| row));
                    }
                }
            });
        }
        let _stop = StopAtEnd { queue: &queue, only_in_panic: false };
        let mut progress = Progress { volumes: 0, n_volumes: n_rows, compressed_bytes: 0 };
        for rank in 0..n_rows {
            if observe(progress).is_break() {
                return Err(request.cancelled(rank));
            }
            let row =
                queue.next(rank).map_err(|failure| failure.unwrap_or(Failure::Unfit(None)))?;
            let volume = request.rows.volume(rank).unwrap_or(rank);
            let taken = taker.take(rank, volume, &row);
            taken.map_err(|_| Failure::Cancelled(volume))?;
            queue.spare(row);
            progress.volumes += 1;
            progress.compressed_bytes = places.compressed(&request, rank);
        }
        let _ = observe(progress);
        Ok(())
    })
}

impl Request<'_> {
    fn cancelled(&self, rank: usize) -> Failure {
        Failure::Cancelled(self.rows.volume(rank).unwrap_or(rank))
    }
}

impl Places<'_> {
    /// Roughly where a row lies among the stored bytes, for progress.
    fn compressed(&self, request: &Request<'_>, rank: usize) -> u64 {
        let volume = request.rows.volume(rank).unwrap_or(rank) as u64;
        let offset = request.volumes.start(volume);
        match self {
            Self::Index(index, _) => index.before(offset).map_or(0, |point| point.place.bit / 8),
            Self::Members(members) => members.before(offset).map_or(0, |place| place.bit / 8),
        }
    }
}

struct Worker<'a> {
    request: Request<'a>,
    places: Places<'a>,
    source: Option<Source<File>>,
    histories: Option<Histories>,
}

impl<'a> Worker<'a> {
    fn new(request: Request<'a>, places: Places<'a>) -> Self {
        Self { request, places, source: None, histories: None }
    }

    /// As [`read_row`](Self::read_row), into a row of any strides.
    fn read_view(&mut self, rank: usize, mut row: ArrayViewMut1<'_, f32>) -> Result<(), Failure> {
        if let Some(row) = row.as_slice_mut() {
            return self.read_row(rank, row);
        }
        let mut scratch = vec![0.0; row.len()];
        self.read_row(rank, &mut scratch)?;
        row.assign(&ArrayView1::from(&scratch));
        Ok(())
    }

    fn read_row(&mut self, rank: usize, row: &mut [f32]) -> Result<(), Failure> {
        let Request { volumes, codec, n_voxels, selection, rows, .. } = self.request;
        let Some(volume) = rows.volume(rank) else { return Err(Failure::Unfit(None)) };
        let mut source = self.stand_before(volumes.start(volume as u64))?;
        source.cut();
        let plan = selection.plan();
        let complete = gather(&mut source, codec, n_voxels, plan, row, Order::Selection);
        if !complete.map_err(unfit)? {
            return Err(Failure::Unfit(None));
        }
        match self.places {
            Places::Index(index, _) => {
                if index.volume_crc(volume) != source.cut() {
                    return Err(Failure::Unfit(None));
                }
            }
            Places::Members(_) => {
                // The trailer of the member in which the volume ends comes with what follows.
                let rest = source.available().len();
                source.consume(rest);
                source.more().map_err(unfit)?;
            }
        }
        self.source = Some(source);
        Ok(())
    }

    /// A source that stands at an inflated offset: the one at hand unless another place is closer.
    fn stand_before(&mut self, offset: u64) -> Result<Source<File>, Failure> {
        let at_hand = self.source.take().filter(|source| source.inflated_offset() <= offset);
        let here = at_hand.as_ref().map(Source::inflated_offset);
        let mut source = match self.resume(offset, here)? {
            Some(source) => source,
            None => match at_hand {
                Some(source) => source,
                None => Source::open(self.open()?).map_err(unfit)?,
            },
        };
        let distance = offset - source.inflated_offset();
        if source.skip(distance).map_err(unfit)? < distance {
            return Err(Failure::Unfit(None));
        }
        Ok(source)
    }

    /// A source at the last place before an offset, if that is behind `here`.
    fn resume(&mut self, offset: u64, here: Option<u64>) -> Result<Option<Source<File>>, Failure> {
        let is_closer = |inflated: u64| here.is_none_or(|here| here < inflated);
        match self.places {
            Places::Index(index, path) => {
                let Some(point) = index.before(offset).filter(|p| is_closer(p.place.inflated))
                else {
                    return Ok(None);
                };
                let histories = match &mut self.histories {
                    Some(histories) => histories,
                    missing => {
                        missing.insert(Histories::open(path).map_err(|_| Failure::Unfit(None))?)
                    }
                };
                let history = histories.read(point).ok_or(Failure::Unfit(None))?;
                let mut file = self.open()?;
                seek(&mut file, point.place.bit / 8)?;
                Source::resume(file, point.place, &history).map(Some).map_err(unfit)
            }
            Places::Members(members) => {
                let Some(place) = members.before(offset).filter(|p| is_closer(p.inflated)) else {
                    return Ok(None);
                };
                let mut file = self.open()?;
                seek(&mut file, place.bit / 8)?;
                Ok(Some(Source::at_member(file, place)))
            }
        }
    }

    fn open(&self) -> Result<File, Failure> {
        File::open(self.request.path).map_err(|source| unfit(Error::Open { source }))
    }
}

fn seek(file: &mut File, offset: u64) -> Result<(), Failure> {
    let found = file.seek(SeekFrom::Start(offset));
    found.map(drop).map_err(|source| unfit(Error::Read { compressed_offset: offset, source }))
}

fn unfit(error: Error) -> Failure {
    Failure::Unfit(Some(error))
}
