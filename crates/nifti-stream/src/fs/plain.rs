//! Chosen voxels of an uncompressed file: only the spans that hold them are read.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::Path;

use crate::decode::Codec;
use crate::error::Error;
use crate::gz::Volumes;
use crate::rows::RowSelection;
use crate::selection::{Gather, VoxelSelection};
use crate::target::Target;
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

/// Reads the rows; the request was checked. The file has to hold every volume, as the
/// header says; no byte of others or of other voxels is needed.
pub(crate) fn read_rows(
    path: &Path,
    volumes: Volumes,
    codec: Codec,
    selection: &VoxelSelection,
    rows: &RowSelection,
    target: &mut Target<'_>,
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
    let n_volumes = usize::try_from(volumes.count).unwrap_or(usize::MAX);
    let n_rows = rows.count(n_volumes);
    for rank in 0..n_rows {
        let volume = rows.volume(rank).unwrap_or(rank);
        let start = volumes.start(volume as u64);
        let progress = Progress { volumes: rank, n_volumes: n_rows, compressed_bytes: start };
        if observe(progress).is_break() {
            return Err(Error::Cancelled { volume });
        }
        target.put(rank, volume, &mut |row| {
            for span in &spans {
                let offset = start + (span.first * voxel) as u64;
                bytes.resize((span.end - span.first) * voxel, 0);
                let read =
                    file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut bytes));
                read.map_err(|source| {
                    Error::Read { compressed_offset: offset, source }.in_volume(volume, n_volumes)
                })?;
                codec.run(Scatter { bytes: &bytes, first: span.first, plan: span.plan, row });
            }
            Ok(())
        })?;
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
