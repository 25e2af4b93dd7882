//! Replays a corpus in the tests of the crate whose readers it is for.

use std::fs;
use std::path::Path;

/// Checks every input of `fuzz/corpus/TARGET`; the last name printed is the one that failed.
pub(crate) fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let inputs: Vec<_> = fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()).collect();
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    for input in inputs {
        println!("{}", input.display());
        check(&fs::read(input).unwrap());
    }
}
