//! Fuzz target: `checks::reader`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| laion_fmri_fuzz::checks::reader(bytes));
