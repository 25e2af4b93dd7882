//! Commands on buckets written by nibabel; numpy and nibabel read their outputs afterwards.
//!
//! The directory named by `LAION_FMRI_INTEROP` holds `buckets/<name>/cases.json`, which is described
//! at the head of `interop/make_buckets.py`.
#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use assert_cmd::cargo::CommandCargoExt;
use serde_json::Value;

fn bucket(name: &str) -> PathBuf {
    let out = std::env::var_os("LAION_FMRI_INTEROP").expect("LAION_FMRI_INTEROP is set");
    PathBuf::from(out).join("buckets").join(name)
}

/// A command in a folder, with nothing of this process's settings.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("laion-fmri").unwrap();
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder.join("written"))
        .stdin(Stdio::null());
    command
}

/// Runs a command in the folder of a bucket.
fn run(bucket: &Path, arguments: &[&str]) {
    let output = command(bucket, &["--offline", "--progress", "none", "--data-dir", "."])
        .args(arguments)
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "laion-fmri {arguments:?}: {message}");
}

#[test]
#[ignore = "reads buckets written by nibabel: run by cargo xtask interop"]
fn commands_write_what_numpy_reads() {
    for name in ["float32", "int16"] {
        let bucket = bucket(name);
        fs::create_dir_all(bucket.join("written/cli")).unwrap();
        let manifest = fs::read(bucket.join("cases.json")).unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        let cases = manifest["cases"].as_array().unwrap();
        let commands: Vec<_> = cases.iter().filter(|case| case["call"] == "command").collect();
        assert!(!commands.is_empty());
        for case in commands {
            let arguments = case["arguments"].as_array().unwrap();
            let arguments: Vec<&str> =
                arguments.iter().map(|argument| argument.as_str().unwrap()).collect();
            run(&bucket, &arguments);
        }
    }
}

/// What is extracted from the fixture bucket; `interop/check_extract.py` computes each of them again.
const EXTRACTIONS: &[&str] = &[
    "--subject 01 --session 01 02 --roi face -o trials.npz",
    "--subject 01 --session 01 02 --roi face -o trials.parquet",
    "--subject sub-01 --roi FFA1 V1v --zscore session -o session.npz",
    "--subject 01 --roi face --zscore session --ddof 1 --average image -o mean.zarr",
    "--subject 01 --roi face --average image -o mean.npz",
    "--subject 01 --roi face --average image --split tau --pool shared -o mean.parquet",
    "--subject 01 --zscore run -o run.npz",
    "--subject 03 --zscore run --ddof 1 --mask-source rsquare -o rsquare.npz",
    "--subject 03 --roi face --zscore session --zscore-fit train --split tau --pool shared -o train.npz",
    "--subject 03 --roi face --split random_2 --pool sub-03 --revision r2 --features DINOv2 -o r2.npz",
    "--subject 01 --roi face --split ood --pool shared --features CLIP -o ood.zarr",
    "--subject 01 --exact-reps --average image -o exact.npz",
    "--subject 01 --exact-reps --exclude-ood --stimuli shared -o exact-trials.npz",
    "--subject 01 --roi face --exclude-ood -o no-ood.npz",
    "--subject 01 --roi face --stimuli unique --zscore run -o unique.npz",
    "--subject 01 --nc-threshold 30 --nc-desc Noiseceiling12rep -o threshold.npz",
    "--subject 01 --session ses-01 --nc-threshold 30 -o own-threshold.npz",
    "--subject 01 --nan keep --average image -o keep.npz",
    "--subject 01 --nan drop -o drop.npz",
    "--subject 01 --nan zero --zscore session -o zero.npz",
    "--subject 03 01 --nan drop --average image --features CLIP -o both.zarr",
    "--subject 01 --roi face --zscore session --features CLIP --average image -o mean.h5",
    "--subject 01 03 --roi face --zscore session --average image --split tau --pool shared -o both.npz",
];

#[test]
#[ignore = "writes extractions for numpy: run by cargo xtask interop"]
fn extractions_for_numpy() {
    let out = std::env::var_os("LAION_FMRI_INTEROP").expect("LAION_FMRI_INTEROP is set");
    let folder = PathBuf::from(out).join("extract");
    let bucket = folder.join("bucket");
    fs::create_dir_all(folder.join("written")).unwrap();
    // What the real bucket lists and refuses cannot be in a mirror.
    for key in fixtures::bucket::write(&bucket).unwrap().denied_keys() {
        fs::remove_file(bucket.join(key)).unwrap();
    }
    let mut cases = Vec::new();
    for line in EXTRACTIONS {
        let arguments: Vec<&str> = line.split(' ').collect();
        let output = command(&folder, &["--offline", "--progress", "none", "extract"])
            .arg("--data-dir")
            .arg(&bucket)
            .args(&arguments)
            .output()
            .unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "laion-fmri extract {line}: {message}");
        cases.push(serde_json::json!({ "arguments": arguments }));
    }
    fs::write(folder.join("cases.json"), Value::from(cases).to_string()).unwrap();
}
