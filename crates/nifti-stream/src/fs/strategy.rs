//! How the rows of a file are read: the strategies, one of which is chosen before the first byte of
//! image data.

/// What the choice depends on. `I` is the index of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation<I> {
    /// Whether no volume was taken from the reader yet.
    pub(super) is_fresh: bool,
    pub(super) is_gzip: bool,
    /// An index that belongs to the file and was not rejected.
    pub(super) index: Option<I>,
    /// Whether some volumes are not wanted.
    pub(super) is_partial: bool,
    /// Whether any voxel is wanted.
    pub(super) has_voxels: bool,
    /// Whether several threads could inflate one stream; known to be wrong once they did not start.
    pub(super) may_inflate_in_parallel: bool,
    pub(super) threads: usize,
}

/// A way to read the rows of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy<I> {
    /// Not gzipped: only the spans that hold chosen voxels are read.
    Spans,
    /// Each volume from the nearest point of the index on, by all threads.
    Indexed(I),
    /// One pass from the start, inflated by all threads.
    ParallelInflate { pipelined: bool },
    /// One pass: one thread inflates, another puts the voxels in order.
    Pipelined,
    /// One pass by the calling thread alone.
    SingleThread,
}

pub(super) fn choose<I: Copy>(situation: Situation<I>) -> Strategy<I> {
    let Situation { is_fresh, is_gzip, is_partial, has_voxels, threads, .. } = situation;
    // A reader in the middle of its stream can only go on from there.
    if is_fresh && !is_gzip {
        return Strategy::Spans;
    }
    // One thread that has to inflate everything gains nothing from an index.
    if let Some(index) = situation.index.filter(|_| is_fresh && (is_partial || threads > 1)) {
        return Strategy::Indexed(index);
    }
    if is_fresh && situation.may_inflate_in_parallel && threads > 1 {
        // Two threads that inflate keep two cores busy: a third one only pays on a third core.
        return Strategy::ParallelInflate { pipelined: has_voxels && threads > 2 };
    }
    // Without voxels there is nothing to put in order.
    if threads > 1 && has_voxels { Strategy::Pipelined } else { Strategy::SingleThread }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All volumes of a fresh gzipped file without an index, by one thread.
    const ONE: Situation<()> = Situation {
        is_fresh: true,
        is_gzip: true,
        index: None,
        is_partial: false,
        has_voxels: true,
        may_inflate_in_parallel: true,
        threads: 1,
    };

    #[test]
    fn the_table_of_strategies() {
        use Strategy::{Indexed, ParallelInflate, Pipelined, SingleThread, Spans};

        let index = Some(());
        let (two, three) = (Situation { threads: 2, ..ONE }, Situation { threads: 3, ..ONE });
        let late = Situation { is_fresh: false, ..two };
        let table = [
            (ONE, SingleThread),
            (two, ParallelInflate { pipelined: false }),
            (three, ParallelInflate { pipelined: true }),
            // Not gzipped: whatever else holds, unless the stream was begun.
            (Situation { is_gzip: false, ..ONE }, Spans),
            (Situation { is_gzip: false, is_partial: true, ..three }, Spans),
            (Situation { is_gzip: false, ..late }, Pipelined),
            // An index only helps for a part of the volumes, or with several threads.
            (Situation { index, ..ONE }, SingleThread),
            (Situation { index, is_partial: true, ..ONE }, Indexed(())),
            (Situation { index, ..two }, Indexed(())),
            (Situation { index, has_voxels: false, ..two }, Indexed(())),
            (Situation { index, is_partial: true, ..late }, Pipelined),
            // The file is too short to be inflated in parallel.
            (Situation { may_inflate_in_parallel: false, ..two }, Pipelined),
            (Situation { may_inflate_in_parallel: false, ..ONE }, SingleThread),
            // No voxels, as when an index is made.
            (Situation { has_voxels: false, ..three }, ParallelInflate { pipelined: false }),
            (
                Situation { has_voxels: false, may_inflate_in_parallel: false, ..three },
                SingleThread,
            ),
            (late, Pipelined),
            (Situation { threads: 1, ..late }, SingleThread),
        ];
        for (situation, expected) in table {
            assert_eq!(choose(situation), expected, "{situation:?}");
        }
    }
}
