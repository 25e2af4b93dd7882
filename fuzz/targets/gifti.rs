//! Fuzz target: `surface::gifti` and `surface::gifti_mesh`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    laion_fmri_fuzz::surface::gifti(bytes);
    laion_fmri_fuzz::surface::gifti_mesh(bytes);
});
