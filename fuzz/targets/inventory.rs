//! Fuzz target: `mirror::inventory`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| laion_fmri_fuzz::mirror::inventory(bytes));
