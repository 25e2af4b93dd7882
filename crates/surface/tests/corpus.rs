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
    replay("gifti", checks::gifti_mesh);
}

#[test]
fn the_label_corpus_holds() {
    replay("label", checks::label);
}

#[test]
fn the_mesh_corpus_holds() {
    replay("mesh", checks::mesh);
}

#[test]
fn the_curvature_corpus_holds() {
    replay("curvature", checks::curvature);
}

#[test]
fn the_transform_corpus_holds() {
    replay("transform", checks::transform);
}

#[test]
fn the_mgh_corpus_holds() {
    replay("mgh", checks::mgh);
}
