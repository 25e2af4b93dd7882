//! The table of images: one row for each stimulus, by name and by row.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use crate::StimulusSet;
use crate::error::Error;
use crate::table::{self, Table, TableError};

/// The columns that every metadata table has; further ones are ignored.
const COLUMNS: &[&str] = &["image_name", "dataset", "participant", "unique_or_shared", "n_reps"];

/// One image. All text is kept as written: `NA` and `None` are words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Stimulus {
    /// The file name, which is the key of every other table.
    pub image_name: String,
    /// Where the image comes from, such as `NSD` or `OOD`.
    pub dataset: String,
    /// The participant who saw a unique image, in the spelling of the file; may be empty.
    pub participant: String,
    /// `shared` or `unique`, as written.
    pub unique_or_shared: String,
    /// The planned repetitions as written, such as `12rep`.
    pub n_reps: String,
}

impl Stimulus {
    /// The number of planned repetitions, when `n_reps` is a number followed by `rep`.
    #[must_use]
    pub fn planned_repetitions(&self) -> Option<u32> {
        self.n_reps.strip_suffix("rep").unwrap_or(&self.n_reps).parse().ok()
    }

    /// The set, when `unique_or_shared` is one of its two names.
    #[must_use]
    pub fn set(&self) -> Option<StimulusSet> {
        self.unique_or_shared.parse().ok()
    }
}

/// The metadata of all images, in the order of the file: row i belongs to image i of the packed
/// images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    stimuli: Vec<Stimulus>,
    rows: HashMap<String, usize>,
}

impl Metadata {
    /// Reads the CSV table of a file.
    ///
    /// # Errors
    ///
    /// [`Error::Open`], and [`Error::Table`] with the line.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        table::open(path.as_ref(), Self::from_reader)
    }

    /// Reads the CSV table.
    ///
    /// # Errors
    ///
    /// [`TableError`] with the line.
    pub fn from_reader(reader: impl Read) -> Result<Self, TableError> {
        let mut metadata = Self::default();
        Table::open(reader, COLUMNS)?.each(COLUMNS, |record| {
            let [image_name, dataset, participant, unique_or_shared, n_reps] =
                [0, 1, 2, 3, 4].map(|column| record.text(column).to_owned());
            let row = metadata.stimuli.len();
            if metadata.rows.insert(image_name.clone(), row).is_some() {
                return Err(TableError::Duplicate { line: record.line, key: image_name });
            }
            metadata.stimuli.push(Stimulus {
                image_name,
                dataset,
                participant,
                unique_or_shared,
                n_reps,
            });
            Ok(())
        })?;
        Ok(metadata)
    }

    /// The table of these images, or the first name that occurs twice.
    #[cfg(feature = "serde")]
    pub(crate) fn of_stimuli(stimuli: Vec<Stimulus>) -> Result<Self, String> {
        let mut rows = HashMap::with_capacity(stimuli.len());
        for (row, stimulus) in stimuli.iter().enumerate() {
            if rows.insert(stimulus.image_name.clone(), row).is_some() {
                return Err(stimulus.image_name.clone());
            }
        }
        Ok(Self { stimuli, rows })
    }

    /// The number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stimuli.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stimuli.is_empty()
    }

    /// The names of all images, in the order of the file.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.stimuli.iter().map(|stimulus| stimulus.image_name.as_str())
    }

    /// The images one by one, in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, Stimulus> {
        self.stimuli.iter()
    }

    /// All images, in the order of the file.
    #[must_use]
    pub fn stimuli(&self) -> &[Stimulus] {
        &self.stimuli
    }

    /// The row of an image, by its exact name.
    #[must_use]
    #[doc(alias = "index_of")]
    pub fn row(&self, image_name: &str) -> Option<usize> {
        self.rows.get(image_name).copied()
    }

    /// An image, by its exact name.
    #[must_use]
    pub fn get(&self, image_name: &str) -> Option<&Stimulus> {
        self.row(image_name).map(|row| &self.stimuli[row])
    }
}

impl<'a> IntoIterator for &'a Metadata {
    type Item = &'a Stimulus;
    type IntoIter = std::slice::Iter<'a, Stimulus>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "image_name,dataset,participant,unique_or_shared,n_reps\n";

    #[test]
    fn rows_are_found_by_their_exact_name() {
        let text = format!("{HEADER}b .jpg,NSD,,shared,12rep\n\"a,1.jpg\",NA,sub-01,unique,4rep\n");
        let metadata = Metadata::from_reader(text.as_bytes()).unwrap();
        assert_eq!(metadata.row("b .jpg"), Some(0));
        assert_eq!(metadata.iter().len(), 2);
        assert!((&metadata).into_iter().map(|it| it.image_name.as_str()).eq(metadata.names()));
        assert_eq!(metadata.row("b.jpg"), None);
        let unique = metadata.get("a,1.jpg").unwrap();
        assert_eq!((unique.dataset.as_str(), unique.participant.as_str()), ("NA", "sub-01"));
        assert_eq!(unique.planned_repetitions(), Some(4));
        assert_eq!(unique.set(), Some(StimulusSet::Unique));
        assert_eq!(metadata.stimuli().len(), 2);
    }

    #[test]
    fn columns_may_stand_in_any_order_and_further_ones_are_ignored() {
        let text = "n_reps,extra,image_name,unique_or_shared,participant,dataset\n,x,a,,p,d\n";
        let metadata = Metadata::from_reader(text.as_bytes()).unwrap();
        let a = metadata.get("a").unwrap();
        assert_eq!((a.participant.as_str(), a.dataset.as_str()), ("p", "d"));
        assert_eq!((a.planned_repetitions(), a.set()), (None, None));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let error = Metadata::from_reader(&b"image_name,dataset\n"[..]).unwrap_err();
        assert!(matches!(error, TableError::MissingColumn { expected: "participant", got }
            if got == ["image_name", "dataset"]));
        let text = format!("{HEADER}a,,,,\nb,,,,\na,,,,\n");
        let error = Metadata::from_reader(text.as_bytes()).unwrap_err();
        assert!(matches!(error, TableError::Duplicate { line: 4, key } if key == "a"));
        let error = Metadata::from_reader(format!("{HEADER}a,b\n").as_bytes()).unwrap_err();
        assert!(matches!(error, TableError::Unreadable(_)));
    }
}
