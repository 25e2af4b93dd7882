//! What must hold for answers and states of any content. They are private, so the fuzz targets of the
//! workspace find these functions here; they exist with `--cfg fuzzing` and in tests alone.

pub use crate::listing::check_page as listing;
pub use crate::transfer::check_state as state;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    fn replay(target: &str, check: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
        let inputs: Vec<_> = fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()).collect();
        assert!(!inputs.is_empty(), "{} is empty", folder.display());
        inputs.into_iter().for_each(|input| check(&fs::read(input).unwrap()));
    }

    #[test]
    fn the_listing_corpus_holds() {
        replay("listing", super::listing);
    }

    #[test]
    fn the_state_corpus_holds() {
        replay("state", super::state);
    }
}
