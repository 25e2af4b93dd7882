//! Fuzz target: `checks::header`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nifti_stream_fuzz::checks::header(bytes));
