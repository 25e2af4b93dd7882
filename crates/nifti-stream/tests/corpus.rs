//! What fuzzing started from and what it found, replayed.

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/src/checks.rs"]
#[expect(unreachable_pub, reason = "public in the crate of the fuzz targets")]
mod checks;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut n = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        check(&fs::read(path).unwrap());
        n += 1;
    }
    assert!(n > 0, "{} is empty", folder.display());
}

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
