//! What fuzzing starts from and what it found, replayed.

#[path = "../../../fuzz/src/stimuli.rs"]
#[expect(unreachable_pub, reason = "public in the crate of the fuzz targets")]
mod checks;

#[path = "../../../fuzz/src/replay.rs"]
mod replay;

use self::replay::replay;

#[test]
fn the_hdf5_corpus_holds() {
    replay("hdf5", checks::hdf5);
}

#[test]
fn the_stimulus_tables_corpus_holds() {
    replay("stimulus_tables", checks::stimulus_tables);
}
