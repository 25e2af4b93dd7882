//! The first pass with two threads: one inflates, checks and picks out the chosen voxels; the other
//! puts them in order and hands over the rows.
//!
//! Only the chosen voxels go from thread to thread. The inflated bytes stay in the cache of the
//! core that made them.

use std::fs::File;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::Builder;

use crate::error::Error;
use crate::rows::RowSelection;
use crate::selection::VoxelSelection;
use crate::target::{Target, Wanted, permute};
use crate::volumes::{Progress, VolumeReader};

/// Volumes on their way from thread to thread.
const VOLUMES: usize = 4;
/// Bytes that they may take, unless two volumes take more.
const BYTES: usize = 16 << 20;

/// What the thread that inflates tells of a volume.
struct Passed {
    progress: Progress,
    /// The chosen voxels in the order of the file, unless the volume is not wanted.
    values: Option<Vec<f32>>,
}

/// Reads the whole stream; `None` when no second thread can be started.
pub(crate) fn read_rows(
    reader: &mut VolumeReader<File>,
    selection: &VoxelSelection,
    rows: &RowSelection,
    target: &mut Target<'_>,
    observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Option<Result<(), Error>> {
    let row_bytes = 4 * selection.len();
    let volumes = (BYTES / row_bytes.max(1)).clamp(2, VOLUMES);
    std::thread::scope(|scope| {
        let (full, passed) = sync_channel(volumes);
        let (empty, empty_receiver) = channel();
        for _ in 0..volumes {
            // The receiver is alive, here in this function.
            let _ = empty.send(Vec::new());
        }
        let mut now = reader.progress();
        let inflate = move || pass(reader, selection, rows, &full, &empty_receiver);
        let thread = Builder::new().name("inflate".to_owned()).spawn_scoped(scope, inflate).ok()?;
        let mut wanted = Wanted::new(rows);
        let mut put = || {
            while now.volumes < now.n_volumes {
                if observe(now).is_break() {
                    return Err(Error::Cancelled { volume: now.volumes });
                }
                // A thread that sends no more has failed, and says how when it is joined.
                let Ok(Passed { progress, values }) = passed.recv() else { return Ok(()) };
                if let (Some(values), Some(rank)) = (values, wanted.rank(now.volumes)) {
                    target.put(rank, now.volumes, &mut |row| {
                        permute(selection.plan(), &values, row);
                        Ok(())
                    })?;
                    // A thread that has ended needs no more of them.
                    let _ = empty.send(values);
                }
                now = progress;
            }
            Ok(())
        };
        let put = put();
        drop((passed, empty));
        let passed = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Some(put.and(passed).map(|()| {
            // The pass is complete: an observer that breaks now has nothing left to stop.
            let _ = observe(now);
        }))
    })
}

/// What the thread does that inflates: the whole stream, up to its verified end.
fn pass(
    reader: &mut VolumeReader<File>,
    selection: &VoxelSelection,
    rows: &RowSelection,
    full: &SyncSender<Passed>,
    empty: &Receiver<Vec<f32>>,
) -> Result<(), Error> {
    let mut wanted = Wanted::new(rows);
    while reader.position() < reader.n_volumes() {
        let values = if wanted.rank(reader.position()).is_some() {
            // Nobody waits any more: the other thread knows why.
            let Ok(mut values) = empty.recv() else { return Ok(()) };
            values.resize(selection.len(), 0.0);
            reader.pack_row(selection, &mut values)?;
            Some(values)
        } else {
            reader.skip_volume()?;
            None
        };
        if full.send(Passed { progress: reader.progress(), values }).is_err() {
            return Ok(());
        }
    }
    reader.check_end()
}
