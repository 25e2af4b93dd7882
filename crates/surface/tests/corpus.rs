//! What fuzzing starts from and what it found, replayed.

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/src/surface.rs"]
#[expect(unreachable_pub, reason = "public in the crate of the fuzz targets")]
mod checks;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let inputs: Vec<_> = fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()).collect();
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    for input in inputs {
        println!("{}", input.display());
        check(&fs::read(input).unwrap());
    }
}

#[test]
fn the_gifti_corpus_holds() {
    replay("gifti", checks::gifti);
}

#[test]
fn the_label_corpus_holds() {
    replay("label", checks::label);
}
