//! What fuzzing starts from and what it found, replayed.

#[path = "../../../fuzz/src/dataset.rs"]
#[expect(unreachable_pub, reason = "public in the crate of the fuzz targets")]
mod checks;

#[path = "../../../fuzz/src/replay.rs"]
mod replay;

use self::replay::replay;

#[test]
fn the_rois_corpus_holds() {
    replay("rois", checks::rois);
}

#[test]
fn the_recipe_corpus_holds() {
    replay("recipe", checks::recipe);
}

#[test]
fn the_plans_corpus_holds() {
    replay("plans", checks::plans);
}

#[test]
fn the_trials_corpus_holds() {
    replay("trials", checks::trials);
}
