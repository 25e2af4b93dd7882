//! What must hold for stores that are read, whatever their bytes are.

use std::fs;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use laion_fmri_base::Sha256;
use ndarray::Array2;
use voxel_store::{Error, Group, MatrixOptions, Values, consolidate, write_group};

/// What stands before the checksum of a document.
const CHECKSUM: &[u8] = b"\"crc32c\": \"";

/// The first byte says which file of a store the rest is, and whether its checksum is made right: a
/// reader must also stand what a checksum does not catch.
pub fn store(bytes: &[u8]) {
    let Some((&kind, bytes)) = bytes.split_first() else { return };
    let folder = folder();
    let (member, bytes) = match kind % 6 {
        0 => ("zarr.json", bytes.to_vec()),
        1 => ("zarr.json", sealed(bytes)),
        2 => ("label/c.0", bytes.to_vec()),
        3 => ("label/c.0", [bytes, &crc32c::crc32c(bytes).to_le_bytes()].concat()),
        4 => ("m/c.0.0", bytes.to_vec()),
        _ => ("m/zarr.json", sealed(bytes)),
    };
    let member = folder.join(member);
    let sound = fs::read(&member).expect("a member");
    fs::write(&member, bytes).expect("a member");
    read(&folder);
    fs::write(&member, sound).expect("a member");
}

fn read(folder: &Path) {
    let Ok(group) = Group::open(folder) else { return };
    for name in ["label", "m", "flag"] {
        let _ = group.array(name);
        if let Ok(matrix) = group.matrix(name) {
            let [rows, columns] = matrix.shape();
            let rows: Vec<usize> = (0..rows.min(64)).collect();
            let columns: Vec<usize> = (0..columns.min(64)).rev().collect();
            let mut out = Array2::zeros((rows.len(), columns.len()));
            let _ = matrix.read(&columns, &rows, out.view_mut());
        }
    }
    let _ = group.groups();
    let _ = group.verify(NonZeroUsize::MIN, || ControlFlow::Continue(()));
    let document = folder.join("zarr.json");
    let before = fs::read(&document).expect("a document");
    let _ = consolidate(folder);
    fs::write(document, before).expect("a document");
}

/// A document with the checksum that its bytes need, if it has a place for one.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let found = bytes.windows(CHECKSUM.len()).position(|window| window == CHECKSUM);
    if let Some(start) = found.map(|found| found + CHECKSUM.len())
        && start + 8 <= bytes.len()
    {
        bytes[start..start + 8].fill(b'0');
        let checksum = format!("{:08x}", crc32c::crc32c(&bytes));
        bytes[start..start + 8].copy_from_slice(checksum.as_bytes());
    }
    bytes
}

/// The directory of a sound store.
fn folder() -> PathBuf {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary directory");
        write_group(folder.path().join("store"), |group| -> Result<(), Error> {
            group.array("label", &[("row", 3)], &Values::texts(["a", "bc", "\u{fc}"]))?;
            group.array("flag", &[("row", 3)], &Values::Bool(vec![true, false, true]))?;
            let options = MatrixOptions::default().chunk_rows(2);
            group.matrix("m", ["row", "column"], [3, 2], &options, |rows| {
                rows.put(&[1.0, f32::NAN])?;
                rows.put(&[3.0, 4.0])?;
                rows.put(&[5.0, -0.0])?;
                Ok::<_, Error>(Sha256([5; 32]))
            })?;
            Ok(())
        })
        .expect("a store");
        folder
    });
    folder.path().join("store")
}
