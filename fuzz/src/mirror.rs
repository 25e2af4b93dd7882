//! What must hold for the records of a mirror, whatever their bytes are.

use std::collections::BTreeSet;
use std::fs;
use std::sync::OnceLock;

use s3_mirror::Inventory;

/// A segment of an inventory is read, without the lines that are none, and the same again.
pub fn inventory(bytes: &[u8]) {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a temporary directory"));
    let segments = folder.path().join("inventory");
    fs::create_dir_all(&segments).expect("a directory");
    let segment = segments.join("fuzzed.jsonl");
    fs::write(&segment, bytes).expect("a file");
    let inventory = Inventory::read(&segments).expect("every content is an inventory");
    let paths: BTreeSet<String> = inventory.paths().iter().map(ToString::to_string).collect();
    let metadata = fs::metadata(&segment).expect("a file");
    for path in inventory.paths() {
        let record = inventory.find(&path, &metadata).expect("a path of it");
        assert_eq!(record.path, path);
    }
    let again = Inventory::read(&segments).expect("as before");
    let same: BTreeSet<String> = again.paths().iter().map(ToString::to_string).collect();
    assert_eq!(paths, same);
}
