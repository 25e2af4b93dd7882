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

/// Runs a command in the folder of a bucket, with nothing of this process's settings.
fn run(bucket: &Path, arguments: &[&str]) {
    let output = Command::cargo_bin("laion-fmri")
        .unwrap()
        .args(["--offline", "--progress", "none", "--data-dir", "."])
        .args(arguments)
        .current_dir(bucket)
        .env_clear()
        .env("HOME", bucket.join("written"))
        .stdin(Stdio::null())
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
