//! Fuzz target: `checks::index`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nifti_stream_fuzz::checks::index(bytes));
