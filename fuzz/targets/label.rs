//! Fuzz target: `surface::label`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| laion_fmri_fuzz::surface::label(bytes));
