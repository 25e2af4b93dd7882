//! What must hold for arrays that are read back, whatever their bytes are.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use array_export::{ArrayFile, ArrayFormat, Error, read_arrays, read_npy, read_npz, write_arrays};

/// Where files are replaced: in a Zarr directory, these.
const MEMBERS: [&str; 5] =
    ["zarr.json", "betas/zarr.json", "betas/c.0.0", "label/zarr.json", "label/c.0"];

/// The first byte says what the rest is: a `.npy`, a `.npz`, or a file of a Zarr directory.
pub fn arrays(bytes: &[u8]) {
    let Some((&kind, bytes)) = bytes.split_first() else { return };
    let folder = folder();
    match kind % 8 {
        0 | 1 => {
            let path = folder.join("fuzzed.npy");
            fs::write(&path, bytes).expect("a file");
            npy(&path);
        }
        2 => {
            let path = folder.join("fuzzed.npz");
            fs::write(&path, bytes).expect("a file");
            if let Ok(mut file) = read_npz(&path) {
                for name in file.names().unwrap_or_default().into_iter().take(8) {
                    let _ = file.array::<f32>(&name);
                    let _ = file.text(&name);
                }
            }
            if let Ok(file) = read_arrays(&path) {
                every_array(file);
            }
        }
        kind => {
            let directory = folder.join("fuzzed.zarr");
            let member = directory.join(MEMBERS[usize::from(kind) - 3]);
            let sound = fs::read(&member).expect("a member");
            fs::write(&member, bytes).expect("a member");
            if let Ok(file) = read_arrays(&directory) {
                every_array(file);
            }
            fs::write(&member, sound).expect("a member");
        }
    }
}

fn npy(path: &Path) {
    if let Ok(array) = read_npy::<f32>(path) {
        let copy = path.with_file_name("copy.npy");
        array_export::write_npy(&copy, array.view()).expect("a file");
        let again = read_npy::<f32>(&copy).expect("what was written");
        let bits = |value: &f32| value.to_bits();
        assert_eq!(again.shape(), array.shape());
        assert!(again.iter().map(bits).eq(array.iter().map(bits)));
    }
    let _ = read_npy::<bool>(path);
    let _ = read_npy::<i64>(path);
}

fn every_array(mut file: ArrayFile) {
    for name in file.names().unwrap_or_default().into_iter().take(8) {
        let _ = file.shape(&name);
        let _ = file.array::<f32>(&name);
        let _ = file.text(&name);
    }
    let _ = file.recipe();
    let _ = file.digest();
}

/// A directory with a sound Zarr group in it.
fn folder() -> PathBuf {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = folder.path().join("fuzzed.zarr");
        write_arrays(&path, ArrayFormat::Zarr, |file| -> Result<(), Error> {
            let betas = ndarray::arr2(&[[1.0_f32, f32::NAN], [3.0, 4.0], [5.0, -0.0]]);
            file.array("betas", &["trial", "voxel"], betas.view())?;
            file.text("label", "trial", &["a", "bc", "\u{fc}"])?;
            file.recipe("recipe = 1\n")
        })
        .expect("a group");
        folder
    });
    folder.path().to_owned()
}
