//! Fuzz target: `surface::mesh`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| laion_fmri_fuzz::surface::mesh(bytes));
