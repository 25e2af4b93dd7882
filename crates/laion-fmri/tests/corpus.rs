//! What fuzzing starts from and what it found, replayed.

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/src/dataset.rs"]
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
