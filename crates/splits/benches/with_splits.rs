//! A program that uses the crate. It is larger than `without_splits` by the size of the crate.
#![expect(clippy::print_stdout, reason = "what is not shown would not be linked")]

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let masks =
        laion_fmri_splits::split_masks(&arguments, "tau", "sub-03").map(|masks| masks.n_neither);
    let ids = laion_fmri_splits::train_test_ids("tau", "sub-03")
        .map(|ids| ids.train.len() + ids.test.len());
    println!("{} {masks:?} {ids:?}", arguments.len());
}
