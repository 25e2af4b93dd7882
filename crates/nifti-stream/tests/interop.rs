//! Files exchanged with nibabel: its files read here, ours written for it to read.
fn main() {}
