//! Fuzz target: `store::store`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| laion_fmri_fuzz::store::store(bytes));
