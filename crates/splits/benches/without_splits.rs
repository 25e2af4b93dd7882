//! The program `with_splits` without the crate.
#![expect(clippy::print_stdout, reason = "what is not shown would not be linked")]

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    println!("{}", arguments.len());
}
