//! Times of the first and of later look-ups: a line `NAME TAB MILLISECONDS` for each.
#![expect(clippy::print_stdout, reason = "the lines are what `cargo xtask bench splits` reads")]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use laion_fmri_splits::{Pool, load_split, split_masks, train_test_ids};

/// Trials of one subject in the whole dataset.
const TRIALS: usize = 31_856;
const REPEATS: usize = 51;

fn main() -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    black_box(train_test_ids("tau", "sub-03")?);
    report("train_test_ids cold", milliseconds(start));
    report("train_test_ids warm", median(|| train_test_ids("tau", "sub-03").map(drop))?);

    let members = load_split("ood", Pool::Sub03)?.train_test_ids();
    let images = members.train.iter().chain(&members.test);
    let labels: Vec<String> =
        images.cycle().step_by(7).take(TRIALS).map(|name| (*name).to_owned()).collect();
    let start = Instant::now();
    black_box(split_masks(&labels, "tau", "sub-03")?);
    report("split_masks first", milliseconds(start));
    report("split_masks warm", median(|| split_masks(&labels, "tau", "sub-03").map(drop))?);
    Ok(())
}

fn report(name: &str, milliseconds: f64) {
    println!("{name}\t{milliseconds:.3}");
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

/// The median of several runs, in milliseconds.
fn median(
    run: impl Fn() -> Result<(), laion_fmri_splits::Error>,
) -> Result<f64, laion_fmri_splits::Error> {
    let mut times = Vec::with_capacity(REPEATS);
    for _ in 0..REPEATS {
        let start = Instant::now();
        run()?;
        times.push(milliseconds(start));
    }
    times.sort_by(f64::total_cmp);
    Ok(times[REPEATS / 2])
}
