//! What fuzzing starts from and what it found, replayed.

#[path = "../../../fuzz/src/surface.rs"]
#[expect(unreachable_pub, reason = "public in the crate of the fuzz targets")]
mod checks;

#[path = "../../../fuzz/src/replay.rs"]
mod replay;

use self::replay::replay;

#[test]
fn the_gifti_corpus_holds() {
    replay("gifti", checks::gifti);
}

#[test]
fn the_label_corpus_holds() {
    replay("label", checks::label);
}
