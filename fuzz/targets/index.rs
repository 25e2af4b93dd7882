//! Fuzz target: `checks::index`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| laion_fmri_fuzz::checks::index(bytes));
