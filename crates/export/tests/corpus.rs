//! What fuzzing starts from and what it found, replayed.

#[path = "../../../fuzz/src/arrays.rs"]
#[expect(unreachable_pub, reason = "public in the crate of the fuzz targets")]
mod checks;

#[path = "../../../fuzz/src/replay.rs"]
mod replay;

use self::replay::replay;

#[test]
fn the_arrays_corpus_holds() {
    replay("arrays", checks::arrays);
}
