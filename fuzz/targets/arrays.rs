//! Fuzz target: `arrays::arrays`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| laion_fmri_fuzz::arrays::arrays(bytes));
