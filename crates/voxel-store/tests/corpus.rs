//! What fuzzing starts from and what it found, replayed.

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/src/store.rs"]
#[expect(unreachable_pub, reason = "public in the crate of the fuzz targets")]
mod checks;

#[test]
fn the_store_corpus_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/store");
    let inputs: Vec<_> = fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()).collect();
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    for input in inputs {
        println!("{}", input.display());
        checks::store(&fs::read(input).unwrap());
    }
}
