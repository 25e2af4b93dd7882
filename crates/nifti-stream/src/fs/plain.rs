//! Chosen voxels of an uncompressed file: only the spans that hold them are read.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::Path;

use ndarray::{ArrayView1, ArrayViewMut2};

use crate::decode::Codec;
use crate::error::Error;
use crate::gz::Volumes;
use crate::rows::RowSelection;
use crate::selection::{Gather, VoxelSelection};
use crate::volumes::{Progress, Scatter};

/// Spans that are closer than this are read as one.
const GAP_BYTES: usize = 16 * 1024;
/// No span is longer.
const SPAN_BYTES: usize = 256 * 1024;

/// Voxels of a volume that are read together.
struct Span<'a> {
    first: usize,
    end: usize,
    plan: &'a [Gather],
}

/// Reads the rows into `out`, whose shape was checked. The file has to hold every volume, as the
/// header says; no byte of others or of other voxels is needed.
pub(crate) fn read_rows(
    path: &Path,
    volumes: Volumes,
    codec: Codec,
    selection: &VoxelSelection,
    rows: &RowSelection,
    mut out: ArrayViewMut2<'_, f32>,
    observe: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(), Error> {
    let mut file = File::open(path).map_err(|source| Error::Open { source })?;
    let length = file.metadata().map_err(|source| Error::Open { source })?.len();
    let (expected, end) = (volumes.bytes * volumes.count, volumes.start(volumes.count));
    if length < end {
        let got = length.saturating_sub(volumes.first);
        let volume = usize::try_from(got / volumes.bytes.max(1)).unwrap_or(usize::MAX);
        let n_volumes = usize::try_from(volumes.count).unwrap_or(usize::MAX);
        let error =
            Error::Truncated { inflated_offset: length, compressed_offset: length, expected, got };
        return Err(error.in_volume(volume, n_volumes));
    }
    if length > end {
        tracing::warn!(extra_bytes = length - end, "ignored bytes after the image data");
    }
    let voxel = codec.datatype.size();
    let spans = spans(selection.plan(), voxel);
    let mut bytes = Vec::new();
    let mut scratch = vec![0.0; selection.len()];
    let n_rows = out.nrows();
    for (rank, mut row) in out.rows_mut().into_iter().enumerate() {
        let volume = rows.volume(rank).unwrap_or(rank);
        let start = volumes.start(volume as u64);
        let progress = Progress { volumes: rank, n_volumes: n_rows, compressed_bytes: start };
        if observe(progress).is_break() {
            return Err(Error::Cancelled { volume });
        }
        for span in &spans {
            let offset = start + (span.first * voxel) as u64;
            bytes.resize((span.end - span.first) * voxel, 0);
            file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut bytes)).map_err(
                |source| {
                    let n_volumes = usize::try_from(volumes.count).unwrap_or(usize::MAX);
                    Error::Read { compressed_offset: offset, source }.in_volume(volume, n_volumes)
                },
            )?;
            let (bytes, first, plan) = (&bytes[..], span.first, span.plan);
            match row.as_slice_mut() {
                Some(row) => codec.run(Scatter { bytes, first, plan, row }),
                None => codec.run(Scatter { bytes, first, plan, row: &mut scratch }),
            }
        }
        if row.as_slice_mut().is_none() {
            row.assign(&ArrayView1::from(&scratch));
        }
    }
    let _ = observe(Progress { volumes: n_rows, n_volumes: n_rows, compressed_bytes: end });
    Ok(())
}

/// Cuts the voxels in file order where a gap is worth a seek.
fn spans(mut plan: &[Gather], voxel: usize) -> Vec<Span<'_>> {
    let mut spans = Vec::new();
    while let Some(start) = plan.first() {
        let first = start.file as usize;
        let mut end = first + 1;
        let mut n = 1;
        for step in &plan[1..] {
            let at = step.file as usize;
            if (at - end) * voxel > GAP_BYTES || (at + 1 - first) * voxel > SPAN_BYTES {
                break;
            }
            end = at + 1;
            n += 1;
        }
        let (here, rest) = plan.split_at(n);
        spans.push(Span { first, end, plan: here });
        plan = rest;
    }
    spans
}
