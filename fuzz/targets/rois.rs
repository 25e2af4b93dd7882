//! Fuzz target: `dataset::rois`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| laion_fmri_fuzz::dataset::rois(bytes));
