//! The captions of all images, by people and by a language model.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use laion_fmri_base::integer_of_table;

use crate::caption_source::CaptionSource;
use crate::error::Error;
use crate::table::{self, Table, TableError};

const COLUMNS: &[&str] = &[
    "image_name",
    "caption_idx",
    "source",
    "caption",
    "origin_collection",
    "participant_id",
    "ai_model",
];

/// One caption. Text is kept as written: `NA` and `None` are words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Caption {
    /// The rank among the captions of people, from 1, the best; 0 for the language model.
    pub caption_idx: u32,
    /// Who wrote it.
    pub source: CaptionSource,
    /// The text.
    pub text: String,
    /// The collection it comes from.
    pub origin_collection: String,
    /// The person; empty for the language model.
    pub participant_id: String,
    /// The language model; empty for a person.
    pub ai_model: String,
}

/// Iterates over images with their captions; see [`Captions::iter`].
pub type Iter<'a> = std::iter::Map<
    std::slice::Iter<'a, (String, Vec<Caption>)>,
    fn(&'a (String, Vec<Caption>)) -> (&'a str, &'a [Caption]),
>;

/// The captions of all images. An image that the file does not know has none, and that is not an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captions {
    images: Vec<(String, Vec<Caption>)>,
    by_image: HashMap<String, usize>,
}

impl Captions {
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
        let mut captions = Self::default();
        Table::open(reader, COLUMNS)?.each(COLUMNS, |record| {
            let [text, origin_collection, participant_id, ai_model] =
                [3, 4, 5, 6].map(|column| record.text(column).to_owned());
            let caption = Caption {
                caption_idx: record.value(1, "a rank", integer_of_table)?,
                source: record.value(2, "human or ai", |text| text.parse().ok())?,
                text,
                origin_collection,
                participant_id,
                ai_model,
            };
            let image_name = record.text(0);
            if let Some(index) = captions.by_image.get(image_name) {
                captions.images[*index].1.push(caption);
            } else {
                captions.by_image.insert(image_name.to_owned(), captions.images.len());
                captions.images.push((image_name.to_owned(), vec![caption]));
            }
            Ok(())
        })?;
        for (_, captions) in &mut captions.images {
            captions
                .sort_by_key(|caption| (caption.source != CaptionSource::Ai, caption.caption_idx));
        }
        Ok(captions)
    }

    /// The number of captions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.images.iter().map(|(_, captions)| captions.len()).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// The images that have captions, in the order of their first appearance.
    pub fn images(&self) -> impl ExactSizeIterator<Item = &str> {
        self.images.iter().map(|(image_name, _)| image_name.as_str())
    }

    /// The images with their captions, in the order of their first appearance; the captions of one are
    /// those of [`get`](Self::get).
    pub fn iter(&self) -> Iter<'_> {
        self.images.iter().map(|(image_name, captions)| (image_name.as_str(), captions.as_slice()))
    }

    /// The captions of an image with all that is known of them: that of the language model first,
    /// then those of people by rank.
    #[must_use]
    #[doc(alias = "for_image")]
    pub fn get(&self, image_name: &str) -> &[Caption] {
        self.by_image.get(image_name).map_or(&[], |index| &self.images[*index].1)
    }

    /// The texts of an image by one source or by both: that of the language model first, then those
    /// of people by rank.
    #[must_use]
    pub fn list(&self, image_name: &str, source: Option<CaptionSource>) -> Vec<&str> {
        let captions = self.get(image_name).iter();
        let wanted =
            captions.filter(|caption| source.is_none_or(|source| caption.source == source));
        wanted.map(|caption| caption.text.as_str()).collect()
    }

    /// The texts by people, best first, at most `limit` of them.
    #[must_use]
    pub fn human(&self, image_name: &str, limit: Option<usize>) -> Vec<&str> {
        let mut texts = self.list(image_name, Some(CaptionSource::Human));
        texts.truncate(limit.unwrap_or(usize::MAX));
        texts
    }

    /// The text of the language model.
    #[must_use]
    pub fn ai(&self, image_name: &str) -> Option<&str> {
        let first = self.get(image_name).first()?;
        (first.source == CaptionSource::Ai).then_some(first.text.as_str())
    }

    /// The captions that contain a text, whatever the case, with their images, in the order of the
    /// images.
    pub fn search(&self, text: &str) -> impl Iterator<Item = (&str, &Caption)> {
        let wanted = text.to_lowercase();
        self.images.iter().flat_map(move |(image_name, captions)| {
            let has = |caption: &&Caption| caption.text.to_lowercase().contains(&wanted);
            let found: Vec<_> = captions.iter().filter(has).collect();
            found.into_iter().map(move |caption| (image_name.as_str(), caption))
        })
    }
}

impl<'a> IntoIterator for &'a Captions {
    type Item = (&'a str, &'a [Caption]);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
