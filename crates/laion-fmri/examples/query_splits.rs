//! Asks what train/test splits there are, as the split cells of the "Querying" page do in Python
//! (`list_pools`, `list_splits`, `list_ood_types`, `load_split`, `get_train_test_ids`).

use std::error::Error;
use std::io::{self, Write};

use laion_fmri::splits::{list_ood_types, list_pools, list_splits, load_split, train_test_ids};

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut io::stdout())
}

/// Nothing is downloaded and no data directory is needed.
pub(crate) fn run(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let names = |names: Vec<String>| names.join(", ");
    writeln!(out, "Pools:     {}", names(list_pools().iter().map(ToString::to_string).collect()))?;
    let splits = list_splits(None);
    writeln!(out, "Splits:    {}", names(splits.iter().map(ToString::to_string).collect()))?;
    let types = list_ood_types();
    writeln!(out, "OOD types: {}", names(types.iter().map(ToString::to_string).collect()))?;

    let split = load_split("random_0", "shared")?;
    writeln!(out, "Split:    {}", split.name())?;
    writeln!(out, "Pool:     {}", split.pool())?;
    writeln!(out, "Family:   {}", split.family())?;
    writeln!(out, "Revision: {}", split.revision())?;
    writeln!(out, "n_train:  {}", split.n_train())?;
    writeln!(out, "n_test:   {}", split.n_test())?;
    let ids = train_test_ids("random_0", "shared")?;
    writeln!(out, "Loaded:   {} train / {} test ids", ids.train.len(), ids.test.len())?;

    let shapes = load_split("ood", "shared")?.with_ood_types(["shape"])?.train_test_ids();
    writeln!(out, "OOD shape only:  test ids = {}", shapes.test.len())?;
    Ok(())
}
