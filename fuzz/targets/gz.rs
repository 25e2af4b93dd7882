//! Fuzz target: `checks::gz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| laion_fmri_fuzz::checks::gz(bytes));
