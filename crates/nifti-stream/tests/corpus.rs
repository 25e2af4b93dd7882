//! What fuzzing started from and what it found, replayed.

#[path = "../../../fuzz/src/checks.rs"]
#[expect(unreachable_pub, reason = "public in the crate of the fuzz targets")]
mod checks;

#[path = "../../../fuzz/src/replay.rs"]
mod replay;

use self::replay::replay;

#[test]
fn the_header_corpus_holds() {
    replay("header", checks::header);
}

#[test]
fn the_gz_corpus_holds() {
    replay("gz", checks::gz);
}

#[test]
fn the_index_corpus_holds() {
    replay("index", checks::index);
}

#[test]
fn the_reader_corpus_holds() {
    replay("reader", checks::reader);
}
