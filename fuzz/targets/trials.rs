//! Fuzz target: `dataset::trials`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| laion_fmri_fuzz::dataset::trials(bytes));
