//! What fuzzing starts from and what it found, replayed.

#[path = "../../../fuzz/src/mirror.rs"]
#[expect(unreachable_pub, reason = "public in the crate of the fuzz targets")]
mod checks;

#[path = "../../../fuzz/src/replay.rs"]
mod replay;

use self::replay::replay;

#[test]
fn the_inventory_corpus_holds() {
    replay("inventory", checks::inventory);
}
