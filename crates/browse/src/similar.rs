//! Which images are nearest to another by an embedding: the cosine of the angle between the vectors.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use laion_fmri::stimuli::Embeddings;
use laion_fmri::{Cancel, Error};

use crate::answer::Refusal;

/// How many vectors are read at once.
const BLOCK: usize = 512;
/// The most bytes of vectors that are kept in memory; more are read anew for every question.
const KEPT_BYTES: usize = 32 << 20;

/// Images with their vectors scaled to length 1.
#[derive(Debug)]
pub(crate) struct Normed {
    /// Rows of the file, ascending, of images that have a valid vector.
    rows: Vec<usize>,
    /// The images, by name.
    names: Vec<String>,
    n_features: usize,
    /// The vectors, if they are few enough to be kept.
    vectors: Option<Vec<f32>>,
}

/// How near an image is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Near {
    pub(crate) name: String,
    pub(crate) similarity: f32,
}

/// A similarity as an order: NaN is the least.
#[derive(PartialEq)]
struct Ordered(f32);

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Normed {
    /// Those of these images that have a valid vector.
    pub(crate) fn read(
        embeddings: &Embeddings,
        images: &[String],
        cancel: &Cancel,
    ) -> Result<Self, Refusal> {
        let valid = embeddings.valid()?;
        let mut found = Vec::new();
        for name in images {
            if embeddings.contains(name)? {
                let row = embeddings.row_of(name)?;
                if valid[row] {
                    found.push((row, name.clone()));
                }
            }
        }
        found.sort_unstable();
        let (rows, names): (Vec<usize>, Vec<String>) = found.into_iter().unzip();
        let n_features = embeddings.n_features();
        let mut normed = Self { rows, names, n_features, vectors: None };
        let bytes = normed.rows.len().saturating_mul(n_features).saturating_mul(size_of::<f32>());
        if bytes <= KEPT_BYTES {
            let mut vectors = Vec::with_capacity(normed.rows.len() * n_features);
            normed.for_each(embeddings, cancel, |_, vector| vectors.extend_from_slice(vector))?;
            normed.vectors = Some(vectors);
        }
        Ok(normed)
    }

    /// The nearest images, best first, without the image itself.
    pub(crate) fn nearest(
        &self,
        embeddings: &Embeddings,
        image_name: &str,
        count: usize,
        cancel: &Cancel,
    ) -> Result<Vec<Near>, Refusal> {
        let mut wanted = embeddings.get_f32(image_name)?.to_vec();
        scale(&mut wanted);
        let mut best: BinaryHeap<Reverse<(Ordered, Reverse<usize>)>> = BinaryHeap::new();
        self.for_each(embeddings, cancel, |place, vector| {
            if self.names[place] == image_name {
                return;
            }
            let similarity: f32 = wanted.iter().zip(vector).map(|(a, b)| a * b).sum();
            best.push(Reverse((Ordered(similarity), Reverse(place))));
            if best.len() > count {
                best.pop();
            }
        })?;
        let near = |Reverse((similarity, Reverse(place))): Reverse<(Ordered, Reverse<usize>)>| {
            Near { name: self.names[place].clone(), similarity: similarity.0 }
        };
        Ok(best.into_sorted_vec().into_iter().map(near).collect())
    }

    /// Hands over every vector with the place of its image.
    fn for_each(
        &self,
        embeddings: &Embeddings,
        cancel: &Cancel,
        mut take: impl FnMut(usize, &[f32]),
    ) -> Result<(), Refusal> {
        if let Some(vectors) = &self.vectors {
            let vectors = vectors.chunks_exact(self.n_features.max(1)).enumerate();
            vectors.for_each(|(place, vector)| take(place, vector));
            return Ok(());
        }
        for (block, rows) in self.rows.chunks(BLOCK).enumerate() {
            if cancel.is_cancelled() {
                return Err(Error::Cancelled.into());
            }
            let mut vectors = embeddings.rows_f32(rows)?;
            for (place, mut vector) in vectors.rows_mut().into_iter().enumerate() {
                // Rows of an array that was just made lie together.
                if let Some(vector) = vector.as_slice_mut() {
                    scale(vector);
                    take(block * BLOCK + place, vector);
                }
            }
        }
        Ok(())
    }
}

/// Scales a vector to length 1.
fn scale(vector: &mut [f32]) {
    let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
    }
}

#[cfg(test)]
mod tests {
    use laion_fmri::Dataset;
    use laion_fmri::stimuli::EmbeddingModel;

    use super::*;

    #[test]
    fn vectors_that_are_not_kept_give_the_same_neighbours() {
        let bucket = fixtures::Bucket::temporary().unwrap();
        let stimuli = Dataset::open(bucket.root()).unwrap().stimuli();
        let embeddings = stimuli.embeddings(EmbeddingModel::Clip).unwrap();
        let mut images: Vec<String> = embeddings.image_ids().unwrap().to_vec();
        images.push("no image".to_owned());
        let cancel = Cancel::new();
        let mut normed = Normed::read(&embeddings, &images, &cancel).unwrap();
        assert_eq!(normed.names.len(), embeddings.len() - 1, "one is not valid");
        let asked = normed.names[7].clone();
        let kept = normed.nearest(&embeddings, &asked, 9, &cancel).unwrap();
        normed.vectors = None;
        assert_eq!(normed.nearest(&embeddings, &asked, 9, &cancel).unwrap(), kept);
        assert!(kept.len() == 9 && kept.is_sorted_by(|a, b| a.similarity >= b.similarity));
        assert!(kept.iter().all(|near| near.name != asked));
        let all = normed.nearest(&embeddings, &asked, 1000, &cancel).unwrap();
        assert_eq!((all.len(), &all[..9]), (normed.names.len() - 1, kept.as_slice()));
        cancel.cancel();
        assert!(normed.nearest(&embeddings, &asked, 9, &cancel).is_err());
    }
}
