//! Which volumes to keep.

use std::ops::Range;

use crate::error::Error;

/// The volumes (rows, trials) of a 4-D file to keep.
///
/// ```
/// use nifti_stream::RowSelection;
///
/// assert_eq!(RowSelection::from(2..5), RowSelection::Rows(vec![2, 3, 4]));
/// assert_eq!(RowSelection::from(vec![0, 7]), RowSelection::Rows(vec![0, 7]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum RowSelection {
    /// Every volume.
    #[default]
    All,
    /// These volumes, ascending and distinct, counted from 0.
    Rows(Vec<usize>),
}

impl RowSelection {
    /// Number of volumes kept of a file with `n_volumes`.
    #[must_use]
    pub fn count(&self, n_volumes: usize) -> usize {
        match self {
            Self::All => n_volumes,
            Self::Rows(rows) => rows.len(),
        }
    }

    /// Checks the list against a file with `n_volumes`.
    ///
    /// # Errors
    ///
    /// [`Error::RowOutOfRange`] and [`Error::RowsNotAscending`].
    pub fn validate(&self, n_volumes: usize) -> Result<(), Error> {
        let Self::Rows(rows) = self else { return Ok(()) };
        for (position, &row) in rows.iter().enumerate() {
            if row >= n_volumes {
                return Err(Error::RowOutOfRange { row, n_volumes });
            }
            if position > 0 && rows[position - 1] >= row {
                return Err(Error::RowsNotAscending {
                    position,
                    previous: rows[position - 1],
                    row,
                });
            }
        }
        Ok(())
    }

    /// The volume that becomes output row `rank`.
    pub(crate) fn volume(&self, rank: usize) -> Option<usize> {
        match self {
            Self::All => Some(rank),
            Self::Rows(rows) => rows.get(rank).copied(),
        }
    }
}

impl From<Range<usize>> for RowSelection {
    fn from(rows: Range<usize>) -> Self {
        Self::Rows(rows.collect())
    }
}

impl From<Vec<usize>> for RowSelection {
    fn from(rows: Vec<usize>) -> Self {
        Self::Rows(rows)
    }
}

impl From<&[usize]> for RowSelection {
    fn from(rows: &[usize]) -> Self {
        Self::Rows(rows.to_vec())
    }
}

impl FromIterator<usize> for RowSelection {
    fn from_iter<I: IntoIterator<Item = usize>>(rows: I) -> Self {
        Self::Rows(rows.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_lists_are_rows() {
        let expected = RowSelection::Rows(vec![1, 2]);
        assert_eq!(RowSelection::from(1..3), expected);
        assert_eq!(RowSelection::from(vec![1, 2]), expected);
        assert_eq!(RowSelection::from(&[1, 2][..]), expected);
        assert_eq!((1..3).collect::<RowSelection>(), expected);
    }

    #[test]
    fn lists_are_checked_against_the_file() {
        assert!(RowSelection::All.validate(0).is_ok());
        assert!(RowSelection::Rows(vec![]).validate(3).is_ok());
        assert!(RowSelection::Rows(vec![0, 2]).validate(3).is_ok());
        assert_eq!(RowSelection::Rows(vec![0, 2]).count(3), 2);
        assert_eq!(RowSelection::All.count(3), 3);
        assert!(matches!(
            RowSelection::Rows(vec![0, 3]).validate(3),
            Err(Error::RowOutOfRange { row: 3, n_volumes: 3 })
        ));
        assert!(matches!(
            RowSelection::Rows(vec![0, 2, 2]).validate(3),
            Err(Error::RowsNotAscending { position: 2, previous: 2, row: 2 })
        ));
    }
}
