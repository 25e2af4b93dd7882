//! Fuzz target: `s3_mirror::fuzzing::listing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| s3_mirror::fuzzing::listing(bytes));
