//! Fuzz target: `stimuli::stimulus_tables`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| laion_fmri_fuzz::stimuli::stimulus_tables(bytes));
