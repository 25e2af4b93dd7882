//! Rows in the order asked, made of volumes that are read once each in the order of the file.

use std::path::{Path, PathBuf};

use nifti_stream::RowSelection;

use crate::trial_table::SessionTrial;

/// The rows that are wanted, and the volumes that are read for them.
#[derive(Debug)]
pub(super) struct WantedRows {
    /// The volumes that are read: ascending, each once.
    pub(super) volumes: RowSelection,
    /// How rows are made of them; without it each volume is a row, in the order of the file.
    pub(super) order: Option<RowOrder>,
}

/// Rows in another order than that of the file, or some of them several times.
#[derive(Debug)]
pub(super) struct RowOrder {
    /// The volume of each row.
    volumes: Vec<usize>,
    /// The rows by ascending volume.
    by_volume: Vec<usize>,
}

impl WantedRows {
    /// Every volume is a row.
    pub(super) fn all() -> Self {
        Self { volumes: RowSelection::All, order: None }
    }

    /// One row for each of these volumes, in this order.
    pub(super) fn of(volumes: Vec<usize>) -> Self {
        if volumes.is_sorted_by(|volume, next| volume < next) {
            return Self { volumes: RowSelection::Rows(volumes), order: None };
        }
        let mut by_volume: Vec<usize> = (0..volumes.len()).collect();
        by_volume.sort_by_key(|row| volumes[*row]);
        let mut read = volumes.clone();
        read.sort_unstable();
        read.dedup();
        let order = Some(RowOrder { volumes, by_volume });
        Self { volumes: RowSelection::Rows(read), order }
    }

    /// How many rows there are of a file with so many volumes.
    pub(super) fn count(&self, n_volumes: usize) -> usize {
        match &self.order {
            Some(order) => order.volumes.len(),
            None => self.volumes.count(n_volumes),
        }
    }

    /// The trial of each row.
    pub(super) fn trials(&self, n_volumes: usize) -> Vec<SessionTrial> {
        match (&self.order, &self.volumes) {
            (Some(RowOrder { volumes, .. }), _) | (None, RowSelection::Rows(volumes)) => {
                volumes.iter().copied().map(SessionTrial).collect()
            }
            (None, RowSelection::All) => (0..n_volumes).map(SessionTrial).collect(),
        }
    }
}

impl RowOrder {
    /// The rows that a volume is, ascending.
    pub(super) fn rows_of(&self, volume: usize) -> &[usize] {
        let start = self.by_volume.partition_point(|row| self.volumes[*row] < volume);
        let end = self.by_volume.partition_point(|row| self.volumes[*row] <= volume);
        &self.by_volume[start..end]
    }

    /// For each row its volume, and the position of that volume among those that are read.
    pub(super) fn positions(&self) -> impl Iterator<Item = (SessionTrial, usize)> {
        let mut positions = vec![0; self.volumes.len()];
        let (mut position, mut before) = (0, None);
        for &row in &self.by_volume {
            let volume = self.volumes[row];
            position += usize::from(before.is_some_and(|before| before != volume));
            before = Some(volume);
            positions[row] = position;
        }
        self.volumes.iter().map(|volume| SessionTrial(*volume)).zip(positions)
    }
}

/// The directory for rows that wait for those before them: that of the output, or of the system when
/// they go nowhere or into a pipe.
pub(super) fn waiting_directory(output: Option<&Path>) -> PathBuf {
    let is_file = |output: &&Path| std::fs::metadata(output).map_or(true, |there| there.is_file());
    match output.filter(is_file).and_then(Path::parent) {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => std::env::temp_dir(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascending_rows_need_no_order() {
        for (rows, is_ordered) in
            [(vec![], false), (vec![0, 3], false), (vec![3, 0], true), (vec![1, 1], true)]
        {
            let wanted = WantedRows::of(rows.clone());
            assert_eq!(wanted.order.is_some(), is_ordered, "{rows:?}");
            assert_eq!(wanted.count(9), rows.len());
            let trials: Vec<usize> = wanted.trials(9).iter().map(|trial| trial.0).collect();
            assert_eq!(trials, rows);
        }
        assert_eq!(WantedRows::all().count(9), 9);
        assert_eq!(WantedRows::all().trials(2), [SessionTrial(0), SessionTrial(1)]);
    }

    #[test]
    fn each_volume_is_read_once_and_knows_its_rows() {
        let wanted = WantedRows::of(vec![5, 0, 2, 5, 0, 5]);
        assert_eq!(wanted.volumes, RowSelection::Rows(vec![0, 2, 5]));
        let order = wanted.order.unwrap();
        assert_eq!(order.rows_of(5), [0, 3, 5]);
        assert_eq!(order.rows_of(0), [1, 4]);
        assert_eq!(order.rows_of(2), [2]);
        assert!(order.rows_of(1).is_empty());
        let positions: Vec<_> =
            order.positions().map(|(trial, position)| (trial.0, position)).collect();
        assert_eq!(positions, [(5, 2), (0, 0), (2, 1), (5, 2), (0, 0), (5, 2)]);
    }
}
