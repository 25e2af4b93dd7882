//! Fuzz target: `checks::header`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| laion_fmri_fuzz::checks::header(bytes));
