//! Trials as a dataset of the `burn` framework.

use burn_dataset::{Dataset, DatasetError};

use super::{TrialDataset, TrialItem};

/// Past the end `get` answers with an error, where the trait would allow a panic.
impl Dataset<TrialItem> for TrialDataset {
    fn get(&self, index: usize) -> Result<TrialItem, DatasetError> {
        self.item(index).map_err(DatasetError::new)
    }

    fn len(&self) -> usize {
        self.len()
    }
}
