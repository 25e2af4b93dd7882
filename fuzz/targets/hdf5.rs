//! Fuzz target: `stimuli::hdf5`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| laion_fmri_fuzz::stimuli::hdf5(bytes));
