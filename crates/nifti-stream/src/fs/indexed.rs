//! Reads chosen volumes of a gzipped file that has an index, each from the nearest point to resume
//! from, with any number of threads.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::Builder;

use laion_fmri_base::lock;
use ndarray::{ArrayView1, ArrayViewMut1, ArrayViewMut2, Axis};

use super::index::{Histories, Index};
use crate::decode::Codec;
use crate::error::Error;
use crate::gz::{Point, Volumes};
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
    /// Points to resume from, and the CRC-32 of each volume.
    pub(crate) index: &'a Index,
    pub(crate) index_path: &'a Path,
    pub(crate) volumes: Volumes,
    pub(crate) codec: Codec,
    pub(crate) n_voxels: usize,
    pub(crate) selection: &'a VoxelSelection,
    pub(crate) rows: &'a RowSelection,
    pub(crate) threads: usize,
}

/// Why an indexed read did not come to its end.
#[derive(Debug)]
enum IndexedError {
    /// The observer wanted to stop before this volume.
    Cancelled(usize),
    /// The file and its index do not belong together, or one of them is damaged.
    Rejected(Option<Error>),
}

/// Reads the rows; the request was checked. Returns `false` when the index does not lead to the end:
/// a read of the whole file tells then whether the file or its index is wrong.
pub(crate) fn read_rows(
    request: Request<'_>,
    target: &mut Target<'_>,
    observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<bool, Error> {
    let read = match target {
        Target::Array(array) => into_array(request, array.out.view_mut(), observe),
        Target::Taker(taker) => in_order(request, taker, observe),
    };
    match read {
        Ok(()) => Ok(true),
        Err(IndexedError::Cancelled(volume)) => Err(Error::Cancelled { volume }),
        Err(IndexedError::Rejected(problem)) => {
            tracing::debug!(?problem, path = %request.path.display(), "index rejected");
            Ok(false)
        }
    }
}

/// Reads the rows into an array, each thread into its part.
fn into_array(
    request: Request<'_>,
    mut out: ArrayViewMut2<'_, f32>,
    observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(), IndexedError> {
    let n_rows = out.nrows();
    let threads = request.threads.max(1);
    // Several turns for each thread, so that none waits long for the last.
    let at_once = n_rows.div_ceil(4 * threads).clamp(1, ROWS_AT_ONCE);
    let tasks = Mutex::new(out.axis_chunks_iter_mut(Axis(0), at_once).enumerate());
    let stop = AtomicBool::new(false);
    let (sender, done) = channel();
    std::thread::scope(|scope| {
        for _ in 0..threads.min(n_rows.div_ceil(at_once)) {
            let sender: Sender<Result<usize, IndexedError>> = sender.clone();
            let (tasks, stop) = (&tasks, &stop);
            let started = Builder::new().spawn_scoped(scope, move || {
                let mut worker = Worker::new(request);
                loop {
                    let task = lock(tasks).next();
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
            // A system that refuses a thread leaves the work to the others. Without any, the file is
            // read without its index.
            if started.is_err() {
                break;
            }
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
            let rank = done.recv().unwrap_or(Err(IndexedError::Rejected(None)))?;
            progress.volumes += 1;
            progress.compressed_bytes = progress.compressed_bytes.max(request.compressed(rank));
        }
    })
}

/// Reads the rows and hands them over in order.
fn in_order(
    request: Request<'_>,
    taker: &mut Taker<'_>,
    observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(), IndexedError> {
    let n_rows = request.rows.count(usize::try_from(request.volumes.count).unwrap_or(usize::MAX));
    let row_bytes = 4 * taker.n_voxels.max(1);
    // Neighbours share what is inflated between two points; one turn more than there are threads may wait.
    let at_once = (TURN_BYTES / row_bytes).clamp(1, ROWS_AT_ONCE);
    let threads = request.threads.clamp(1, n_rows.div_ceil(at_once).max(1));
    let queue: Queue<Vec<f32>, IndexedError> = Queue::new(n_rows, at_once, at_once * (threads + 1));
    std::thread::scope(|scope| {
        let work = || {
            let _stop = StopAtEnd { queue: &queue, only_in_panic: true };
            let mut worker = Worker::new(request);
            while let Some(turn) = queue.turn() {
                for rank in turn {
                    let Some(mut row) = queue.begin(rank) else { return };
                    row.resize(request.selection.len(), 0.0);
                    let result = worker.read_row(rank, &mut row);
                    queue.done(rank, result.map(|()| row));
                }
            }
        };
        let start = |_| Builder::new().spawn_scoped(scope, work).ok();
        if (0..threads).map_while(start).count() == 0 {
            return Err(IndexedError::Rejected(None));
        }
        let _stop = StopAtEnd { queue: &queue, only_in_panic: false };
        let mut progress = Progress { volumes: 0, n_volumes: n_rows, compressed_bytes: 0 };
        for rank in 0..n_rows {
            if observe(progress).is_break() {
                return Err(request.cancelled(rank));
            }
            let row = queue
                .next(rank)
                .map_err(|failure| failure.unwrap_or(IndexedError::Rejected(None)))?;
            let volume = request.rows.volume(rank).unwrap_or(rank);
            let taken = taker.take(rank, volume, &row);
            taken.map_err(|_| IndexedError::Cancelled(volume))?;
            queue.spare(row);
            progress.volumes += 1;
            progress.compressed_bytes = request.compressed(rank);
        }
        let _ = observe(progress);
        Ok(())
    })
}

impl Request<'_> {
    fn cancelled(&self, rank: usize) -> IndexedError {
        IndexedError::Cancelled(self.rows.volume(rank).unwrap_or(rank))
    }

    /// Roughly where a row lies among the stored bytes, for progress.
    fn compressed(&self, rank: usize) -> u64 {
        let volume = self.rows.volume(rank).unwrap_or(rank) as u64;
        self.index.before(self.volumes.start(volume)).map_or(0, |point| point.start.bit / 8)
    }
}

struct Worker<'a> {
    request: Request<'a>,
    source: Option<Source<File>>,
    histories: Option<Histories>,
}

impl<'a> Worker<'a> {
    fn new(request: Request<'a>) -> Self {
        Self { request, source: None, histories: None }
    }

    /// As [`read_row`](Self::read_row), into a row of any strides.
    fn read_view(
        &mut self,
        rank: usize,
        mut row: ArrayViewMut1<'_, f32>,
    ) -> Result<(), IndexedError> {
        if let Some(row) = row.as_slice_mut() {
            return self.read_row(rank, row);
        }
        let mut scratch = vec![0.0; row.len()];
        self.read_row(rank, &mut scratch)?;
        row.assign(&ArrayView1::from(&scratch));
        Ok(())
    }

    fn read_row(&mut self, rank: usize, row: &mut [f32]) -> Result<(), IndexedError> {
        let Request { index, volumes, codec, n_voxels, selection, rows, .. } = self.request;
        let Some(volume) = rows.volume(rank) else { return Err(IndexedError::Rejected(None)) };
        let mut source = self.stand_before(volumes.start(volume as u64))?;
        source.cut();
        let plan = selection.plan();
        let complete = gather(&mut source, codec, n_voxels, plan, row, Order::Selection);
        if !complete.map_err(rejected)? {
            return Err(IndexedError::Rejected(None));
        }
        if index.volume_crc(volume) != source.cut() {
            return Err(IndexedError::Rejected(None));
        }
        self.source = Some(source);
        Ok(())
    }

    /// A source that stands at an inflated offset: the one at hand unless a point of the index is closer.
    fn stand_before(&mut self, offset: u64) -> Result<Source<File>, IndexedError> {
        let at_hand = self.source.take().filter(|source| source.inflated_offset() <= offset);
        let here = at_hand.as_ref().map(Source::inflated_offset);
        let mut source = match self.resume(offset, here)? {
            Some(source) => source,
            None => match at_hand {
                Some(source) => source,
                None => Source::open(self.open()?).map_err(rejected)?,
            },
        };
        let distance = offset - source.inflated_offset();
        if source.skip(distance).map_err(rejected)? < distance {
            return Err(IndexedError::Rejected(None));
        }
        Ok(source)
    }

    /// A source at the last point before an offset, if that is after `here`.
    fn resume(
        &mut self,
        offset: u64,
        here: Option<u64>,
    ) -> Result<Option<Source<File>>, IndexedError> {
        let Request { index, index_path, .. } = self.request;
        let is_closer = |point: &&Point| here.is_none_or(|here| here < point.start.inflated);
        let Some(point) = index.before(offset).filter(is_closer) else { return Ok(None) };
        let histories = match &mut self.histories {
            Some(histories) => histories,
            missing => missing
                .insert(Histories::open(index_path).map_err(|_| IndexedError::Rejected(None))?),
        };
        let history = histories.read(point).ok_or(IndexedError::Rejected(None))?;
        let mut file = self.open()?;
        seek(&mut file, point.start.bit / 8)?;
        Source::resume(file, point.start, &history).map(Some).map_err(rejected)
    }

    fn open(&self) -> Result<File, IndexedError> {
        File::open(self.request.path).map_err(|source| rejected(Error::Open { source }))
    }
}

fn seek(file: &mut File, offset: u64) -> Result<(), IndexedError> {
    let found = file.seek(SeekFrom::Start(offset));
    found.map(drop).map_err(|source| rejected(Error::Read { compressed_offset: offset, source }))
}

fn rejected(error: Error) -> IndexedError {
    IndexedError::Rejected(Some(error))
}
