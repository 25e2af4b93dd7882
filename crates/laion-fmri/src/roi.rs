//! Regions of interest: which exist on disk, and which voxels a query selects.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use bids::{SubjectId, dehyphenate_labels, roi_label};

use crate::mask::{BrainMask, MaskSource, Resolution};
use crate::{Error, Result, Roots, Subject, layout};

/// The resolution whose volumes decide which ROIs exist.
const RES: &str = "1pt8";

/// The category that `visual` stands for when the subject has no ROI or category of that name.
const VISUAL: &str = "laion";

/// Which ROIs are meant: one or more items, whose union is taken.
///
/// Each item is `all`, a category (`face`) or a ROI (`FFA1`, or `FFA-1` as the bucket spells it);
/// names are case-sensitive. `visual` means the category `laion` unless the subject has a ROI or
/// category of that name. Made from a string, or from a list of strings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoiQuery(Vec<String>);

impl From<&str> for RoiQuery {
    fn from(item: &str) -> Self {
        Self(vec![item.to_owned()])
    }
}

impl From<&[String]> for RoiQuery {
    fn from(items: &[String]) -> Self {
        Self(items.to_vec())
    }
}

impl From<&[&str]> for RoiQuery {
    fn from(items: &[&str]) -> Self {
        Self(items.iter().map(|item| (*item).to_owned()).collect())
    }
}

impl<const N: usize> From<[&str; N]> for RoiQuery {
    fn from(items: [&str; N]) -> Self {
        Self::from(items.as_slice())
    }
}

/// A ROI over the voxel axis of a brain mask.
#[derive(Clone, Debug, PartialEq)]
pub struct RoiMask {
    brain: Arc<BrainMask>,
    selected: Vec<bool>,
}

impl RoiMask {
    /// The brain mask whose voxel axis this mask lies on.
    #[must_use]
    pub fn brain(&self) -> &Arc<BrainMask> {
        &self.brain
    }

    /// One flag for each brain voxel, shape `(n_brain_voxels,)`.
    #[must_use]
    pub fn as_slice(&self) -> &[bool] {
        &self.selected
    }

    /// The number of voxels in the ROI.
    #[must_use]
    pub fn n_voxels(&self) -> usize {
        self.selected.iter().filter(|selected| **selected).count()
    }

    /// The flat C-order grid indices of the ROI's voxels, ascending.
    #[must_use]
    pub fn indices(&self) -> Vec<usize> {
        let voxels = self.brain.indices().iter().zip(&self.selected);
        voxels.filter(|(_, selected)| **selected).map(|(index, _)| *index).collect()
    }

    /// Writes the ROI as a 3-D uint8 NIfTI file on the grid of the brain mask, gzipped when the
    /// name ends in `.gz`.
    ///
    /// # Errors
    ///
    /// [`Error::Nifti`] when the file cannot be written; nothing is left behind then.
    pub fn write_nifti(&self, path: &std::path::Path) -> Result<()> {
        self.brain.write_voxels(path, &self.indices())
    }
}

impl Subject {
    /// The ROIs on disk, sorted: those with a volume on the functional grid. With a category only
    /// that category's; an unknown category has none.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a directory cannot be read.
    #[doc(alias = "get_available_rois")]
    pub fn rois(&self, category: Option<&str>) -> Result<Vec<String>> {
        let index = self.roi_index()?;
        Ok(index.names(|entry| category.is_none_or(|category| entry.category == category)))
    }

    /// The categories with at least one ROI on disk, sorted.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a directory cannot be read.
    #[doc(alias = "get_available_categories")]
    pub fn roi_categories(&self) -> Result<Vec<String>> {
        Ok(self.roi_index()?.categories())
    }

    /// The union of ROIs over the voxel axis of a brain mask.
    ///
    /// ROI voxels outside the brain mask are dropped; an empty query selects nothing.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRoi`], which lists what exists; [`Error::DataNotDownloaded`] when the
    /// subject has no ROI on disk at all; [`Error::GridMismatch`] when a ROI is not on the brain
    /// mask's grid.
    ///
    /// ```
    /// use laion_fmri::{Dataset, MaskSource};
    ///
    /// let bucket = fixtures::Bucket::temporary()?;
    /// let subject = Dataset::open(bucket.root())?.subject("sub-01")?;
    /// let ffa1 = subject.roi_mask("FFA1", MaskSource::Anatomical)?;
    /// let face = subject.roi_mask("face", MaskSource::Anatomical)?;
    /// assert!(0 < ffa1.n_voxels() && ffa1.n_voxels() <= face.n_voxels());
    /// assert_eq!(ffa1.as_slice().len(), subject.n_voxels(MaskSource::Anatomical)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "get_roi_mask")]
    pub fn roi_mask(&self, query: impl Into<RoiQuery>, source: MaskSource) -> Result<RoiMask> {
        let brain = self.brain_mask(source, Resolution::Func1pt8)?;
        let index = self.roi_index()?;
        let mut in_roi = vec![false; brain.grid().n_voxels()];
        for path in index.resolve(self, &query.into())? {
            let volume = nifti_stream::fs::read_volume(&path)?;
            brain.grid().matches(volume.grid()).map_err(|source| Error::GridMismatch {
                path: path.clone(),
                reference: brain.path().to_owned(),
                source,
            })?;
            for (union, voxel) in in_roi.iter_mut().zip(volume.nonzero_mask()) {
                *union |= voxel;
            }
        }
        let selected = brain.indices().iter().map(|&index| in_roi[index]).collect();
        Ok(RoiMask { brain, selected })
    }
}

/// The ROI volumes of a subject, as one scan of the directories found them.
#[derive(Debug)]
pub(crate) struct RoiIndex {
    entries: Vec<RoiEntry>,
}

#[derive(Debug)]
struct RoiEntry {
    category: String,
    /// The local, hyphen-free spelling.
    name: String,
    path: PathBuf,
}

impl RoiIndex {
    pub(crate) fn scan(roots: &Roots, subject: &SubjectId) -> Result<Self> {
        let tree = layout::rois(subject);
        let mut entries = Vec::new();
        for category in roots.subdirectories(&tree)? {
            let directory = format!("{tree}{category}/");
            let mut seen = BTreeSet::new();
            for file in roots.files(&directory)? {
                // Mirrors made by other tools keep the bucket's hyphens.
                let local = dehyphenate_labels(&file);
                let Some(name) = roi_label(&local, subject, RES) else { continue };
                if !seen.insert(name.to_owned()) {
                    continue;
                }
                if let Some(path) = roots.find(&format!("{directory}{file}")) {
                    entries.push(RoiEntry {
                        category: category.clone(),
                        name: name.to_owned(),
                        path,
                    });
                }
            }
        }
        Ok(Self { entries })
    }

    fn names(&self, wanted: impl Fn(&RoiEntry) -> bool) -> Vec<String> {
        let names: BTreeSet<_> =
            self.entries.iter().filter(|entry| wanted(entry)).map(|entry| &entry.name).collect();
        names.into_iter().cloned().collect()
    }

    fn categories(&self) -> Vec<String> {
        let categories: BTreeSet<_> = self.entries.iter().map(|entry| &entry.category).collect();
        categories.into_iter().cloned().collect()
    }

    /// The files whose union the query means, each once, in query order.
    fn resolve(&self, subject: &Subject, query: &RoiQuery) -> Result<Vec<PathBuf>> {
        let mut files: Vec<PathBuf> = Vec::new();
        for item in &query.0 {
            for path in self.resolve_item(subject, item)? {
                if !files.contains(path) {
                    files.push(path.clone());
                }
            }
        }
        Ok(files)
    }

    fn resolve_item(&self, subject: &Subject, item: &str) -> Result<Vec<&PathBuf>> {
        let paths = |wanted: &dyn Fn(&RoiEntry) -> bool| -> Vec<&PathBuf> {
            self.entries.iter().filter(|entry| wanted(entry)).map(|entry| &entry.path).collect()
        };
        if item == "all" && !self.entries.is_empty() {
            return Ok(paths(&|_| true));
        }
        let category = paths(&|entry| entry.category == item);
        if !category.is_empty() {
            return Ok(category);
        }
        let name = item.replace('-', "");
        let named = paths(&|entry| entry.name == name);
        if !named.is_empty() {
            return Ok(named);
        }
        let visual = paths(&|entry| entry.category == VISUAL);
        if item == "visual" && !visual.is_empty() {
            return Ok(visual);
        }
        Err(self.unknown(subject, item))
    }

    fn unknown(&self, subject: &Subject, item: &str) -> Error {
        let id = subject.id();
        if self.entries.is_empty() {
            return Error::DataNotDownloaded {
                what: format!("any ROI of {id}"),
                path: subject.roots().expected(&layout::rois(id)),
                fetch: format!("--subject {id} --suffix mask --extension nii.gz"),
            };
        }
        let (rois, categories) = (self.names(|_| true), self.categories());
        let suggestion = bids::suggest(item, rois.iter().chain(&categories).map(String::as_str))
            .map(str::to_owned);
        Error::UnknownRoi {
            subject: id.to_string(),
            got: item.to_owned(),
            suggestion,
            rois,
            categories,
        }
    }
}
