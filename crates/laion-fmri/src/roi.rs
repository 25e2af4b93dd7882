//! Regions of interest: which exist on disk, and which voxels a query selects.

mod data;
mod files;
mod gone;
mod query;
#[cfg(feature = "serde")]
mod serialize;
mod suggestion;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use bids_names::{SubjectId, dehyphenate_labels, dehyphenate_name, roi_label};
use indexmap::IndexMap;
use nifti_stream::SetVoxels;

pub(crate) use self::data::vertex_values;
pub use gifti_surface::Hemisphere;

pub use self::data::{Hemi, RoiData, RoiFormat, RoiSurface};
pub(crate) use self::files::RoiFiles;
use self::gone::GoneVolume;
pub use self::query::RoiQuery;
pub(crate) use self::query::around;
use self::query::{Expression, Operator};
use crate::files::{Files, Located};
use crate::mask::{BrainMask, MaskSource, Resolution, VoxelMask};
use crate::{DownloadRequest, Error, Result, Subject, layout};

/// The resolution whose volumes decide which ROIs exist.
pub(crate) const RES: &str = "1pt8";

/// The category that `visual` stands for when the subject has no ROI or category of that name.
const VISUAL: &str = "laion";

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

    /// The ROIs on disk by category and name, with their sizes.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a directory cannot be read. A file that cannot be read is an ROI without
    /// size.
    ///
    /// ```
    /// use laion_fmri::Dataset;
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// let table = subject.roi_table()?;
    /// let ffa1 = table.iter().find(|roi| roi.name == "FFA1").unwrap();
    /// assert_eq!((ffa1.category.as_str(), ffa1.voxels.is_some()), ("face", true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn roi_table(&self) -> Result<Vec<RoiInfo>> {
        let index = self.roi_index()?;
        let files: Vec<&Located> = index.entries.iter().map(|entry| &entry.file).collect();
        let brain = self.brain_mask(MaskSource::default(), Resolution::Func1pt8).ok();
        // All at once is quicker; one by one finds those that can be read.
        let read: Vec<Option<_>> = match (&brain, self.roi_voxels(&files)) {
            (None, _) => vec![None; files.len()],
            (Some(_), Ok(read)) => read.into_iter().map(Some).collect(),
            (Some(_), Err(_)) => {
                files.iter().map(|file| self.roi_voxels(&[file]).ok()?.pop()).collect()
            }
        };
        let size = |brain: &BrainMask, file: &Located, voxels: &SetVoxels| {
            brain.check_grid(file.path(), voxels.grid()).ok()?;
            let voxels = voxels.indices().iter();
            Some(voxels.filter(|voxel| brain.indices().binary_search(voxel).is_ok()).count())
        };
        let entries = index.entries.iter().zip(read).map(|(entry, read)| RoiInfo {
            category: entry.category.clone(),
            name: entry.name.clone(),
            voxels: brain
                .as_ref()
                .zip(read)
                .and_then(|(brain, voxels)| size(brain, &entry.file, &voxels)),
        });
        Ok(entries.collect())
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

    /// The items of a query that are the name of an ROI in several categories, each with these
    /// categories, sorted: such a name stands for the union of its volumes. What is in an
    /// expression is not looked at.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a directory cannot be read.
    ///
    /// ```
    /// use laion_fmri::Dataset;
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-03")?;
    /// let shared = subject.rois_of_several_categories(["OFA", "FFA1", "face & OFA"])?;
    /// assert_eq!(shared, [("OFA".to_owned(), vec!["face".to_owned(), "object".to_owned()])]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rois_of_several_categories(
        &self,
        query: impl Into<RoiQuery>,
    ) -> Result<Vec<(String, Vec<String>)>> {
        let index = self.roi_index()?;
        let query = query.into();
        let mut found = Vec::new();
        for item in query.items() {
            let name = dehyphenate_name(item.trim());
            let entries = index.entries.iter().filter(|entry| entry.name == name);
            let categories: BTreeSet<&String> = entries.map(|entry| &entry.category).collect();
            // The name of a category comes before that of an ROI.
            let is_category = index.entries.iter().any(|entry| entry.category == item.trim());
            if categories.len() > 1 && !is_category {
                found.push((name.to_string(), categories.into_iter().cloned().collect()));
            }
        }
        Ok(found)
    }

    /// The voxels that a query selects, over the voxel axis of a brain mask; see [`RoiQuery`] for
    /// the grammar.
    ///
    /// ROI voxels outside the brain mask are dropped; an empty query selects nothing. Each file is
    /// read once per handle.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRoi`], which lists what exists; [`Error::RoiSyntax`] for an expression
    /// that cannot be read; [`Error::DataNotDownloaded`] when the subject has no ROI on disk at
    /// all; [`Error::GridMismatch`] when an ROI is not on the brain mask's grid.
    ///
    /// ```
    /// use laion_fmri::{Dataset, MaskSource};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// let ffa1 = subject.roi_mask("FFA1", MaskSource::Anatomical)?;
    /// let face = subject.roi_mask("face", MaskSource::Anatomical)?;
    /// assert!(0 < ffa1.n_voxels() && ffa1.n_voxels() <= face.n_voxels());
    /// assert_eq!(ffa1.as_slice().len(), subject.n_voxels(MaskSource::Anatomical)?);
    /// let rest = subject.roi_mask("face - FFA1", MaskSource::Anatomical)?;
    /// assert_eq!(rest.or(&ffa1)?, face);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "get_roi_mask")]
    pub fn roi_mask(&self, query: impl Into<RoiQuery>, source: MaskSource) -> Result<VoxelMask> {
        let brain = self.brain_mask(source, Resolution::Func1pt8)?;
        let query = query.into();
        let expressions = query.expressions()?;
        Ok(Rois::read(self, &self.roi_index()?, brain, &expressions)?.union(&expressions))
    }

    /// One mask for each item of a query, under the item as it was given.
    ///
    /// # Errors
    ///
    /// As [`Subject::roi_mask`].
    #[doc(alias = "get_roi_masks")]
    pub fn roi_masks(
        &self,
        query: impl Into<RoiQuery>,
        source: MaskSource,
    ) -> Result<IndexMap<String, VoxelMask>> {
        let brain = self.brain_mask(source, Resolution::Func1pt8)?;
        let query = query.into();
        let expressions = query.expressions()?;
        let rois = Rois::read(self, &self.roi_index()?, brain, &expressions)?;
        let items = query.items().iter().zip(expressions.chunks(1));
        Ok(items.map(|(item, expression)| (item.clone(), rois.union(expression))).collect())
    }
}

impl Subject {
    /// The ROIs that a query names, sorted: a category stands for its ROIs.
    #[cfg(feature = "extract")]
    pub(crate) fn rois_named(&self, query: &RoiQuery) -> Result<Vec<String>> {
        let index = self.roi_index()?;
        let mut names = BTreeSet::new();
        for expression in query.expressions()? {
            for name in expression.names() {
                let files = index.resolve_files(self, name)?;
                names.extend(files.into_iter().map(|(roi, _)| roi.to_owned()));
            }
        }
        Ok(names.into_iter().collect())
    }
}

/// A ROI of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(::serde::Serialize))]
pub struct RoiInfo {
    /// The category, such as `face`.
    pub category: String,
    /// The ROI, such as `FFA1`.
    pub name: String,
    /// How many voxels of the anatomical brain mask it has; `None` where the volume or the brain
    /// mask is not on disk, or cannot be read.
    pub voxels: Option<usize>,
}

/// The ROIs that queries name, on one voxel axis.
struct Rois {
    brain: Arc<BrainMask>,
    /// The columns of each name on the voxel axis, ascending. ROIs are small parts of a brain, so
    /// lists are much shorter than flags for all of it.
    columns: HashMap<String, Vec<u32>>,
}

impl Rois {
    /// Reads what the expressions need in one go, which uses all cores.
    fn read(
        subject: &Subject,
        index: &RoiIndex,
        brain: Arc<BrainMask>,
        expressions: &[Expression],
    ) -> Result<Self> {
        let mut names = BTreeMap::new();
        let mut files = Vec::new();
        for name in expressions.iter().flat_map(Expression::names) {
            if let Entry::Vacant(entry) = names.entry(name) {
                let first = files.len();
                files.append(&mut index.resolve(subject, name)?);
                entry.insert(first..files.len());
            }
        }
        let voxels = subject.roi_voxels(&files)?;
        let mut columns = HashMap::new();
        for (name, range) in names {
            let mut union = Vec::new();
            for (file, voxels) in files[range.clone()].iter().zip(&voxels[range]) {
                brain.check_grid(file.path(), voxels.grid())?;
                // ROI voxels outside the brain mask have no column on its axis. Columns fit because
                // the number of voxels of a grid does.
                let column = |voxel| brain.indices().binary_search(voxel).ok().map(|c| c as u32);
                union.extend(voxels.indices().iter().filter_map(column));
            }
            columns.insert(name.to_owned(), ascending(union));
        }
        Ok(Self { brain, columns })
    }

    fn union(&self, expressions: &[Expression]) -> VoxelMask {
        let columns = expressions.iter().flat_map(|expression| self.evaluate(expression));
        VoxelMask::from_columns(Arc::clone(&self.brain), ascending(columns.collect()))
    }

    /// The columns of the selected voxels, ascending.
    fn evaluate(&self, expression: &Expression) -> Vec<u32> {
        match expression {
            Expression::Name(name) => self.columns.get(name).cloned().unwrap_or_default(),
            Expression::Chain(first, rest) => {
                rest.iter().fold(self.evaluate(first), |mut left, (operator, right)| {
                    let mut right = self.evaluate(right);
                    let has = |column: &u32| right.binary_search(column).is_ok();
                    match operator {
                        Operator::Intersection => left.retain(has),
                        Operator::Difference => left.retain(|column| !has(column)),
                        Operator::Union => {
                            left.append(&mut right);
                            left = ascending(left);
                        }
                    }
                    left
                })
            }
        }
    }
}

fn ascending(mut columns: Vec<u32>) -> Vec<u32> {
    // Often runs that ascend, one after the other, which this sort only merges.
    columns.sort();
    columns.dedup();
    columns
}

/// The ROI volumes of a subject, as one scan of the directories found them.
#[derive(Debug)]
pub(crate) struct RoiIndex {
    entries: Vec<RoiEntry>,
    /// What `gone` finds, once for all names of a query.
    gone: OnceLock<Vec<GoneVolume>>,
}

#[derive(Debug)]
struct RoiEntry {
    category: String,
    /// The local, hyphen-free spelling.
    name: String,
    file: Located,
}

impl RoiIndex {
    pub(crate) fn scan(files: &Files, subject: &SubjectId) -> Result<Self> {
        Self::scan_files(files, subject, |file| roi_label(file, subject, RES).map(str::to_owned))
    }

    /// Every file of which `label_of` knows the ROI, by its name without hyphens in the label.
    pub(crate) fn scan_files(
        files: &Files,
        subject: &SubjectId,
        label_of: impl Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let tree = layout::rois(subject);
        let mut entries = Vec::new();
        for category in files.subdirectories(&tree)? {
            let directory = format!("{tree}{category}/");
            let mut seen = BTreeSet::new();
            for file in files.files(&directory)? {
                // Mirrors made by other tools keep the bucket's hyphens.
                let local = dehyphenate_labels(&file);
                let Some(name) = label_of(&local) else { continue };
                if !seen.insert(local.into_owned()) {
                    continue;
                }
                if let Some(file) = files.find(&format!("{directory}{file}")) {
                    entries.push(RoiEntry { category: category.clone(), name, file });
                }
            }
        }
        entries.sort_by(|a, b| (&a.category, &a.name).cmp(&(&b.category, &b.name)));
        Ok(Self { entries, gone: OnceLock::new() })
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

    /// The files whose union a name stands for.
    fn resolve(&self, subject: &Subject, name: &str) -> Result<Vec<&Located>> {
        Ok(self.resolve_files(subject, name)?.into_iter().map(|(_, file)| file).collect())
    }

    /// The ROIs that a name stands for, each with its files.
    pub(crate) fn resolve_files(
        &self,
        subject: &Subject,
        name: &str,
    ) -> Result<Vec<(&str, &Located)>> {
        let files = |wanted: &dyn Fn(&RoiEntry) -> bool| -> Vec<(&str, &Located)> {
            let entries = self.entries.iter().filter(|entry| wanted(entry));
            entries.map(|entry| (entry.name.as_str(), &entry.file)).collect()
        };
        if name == "all" && !self.entries.is_empty() {
            self.name_gone(subject, |_| true);
            return Ok(files(&|_| true));
        }
        let category = files(&|entry| entry.category == name);
        if !category.is_empty() {
            self.name_gone(subject, |volume| volume.category == name);
            return Ok(category);
        }
        let local = dehyphenate_name(name);
        let named = files(&|entry| entry.name == local);
        if !named.is_empty() {
            self.name_gone(subject, |volume| volume.name == local);
            return Ok(named);
        }
        let visual = files(&|entry| entry.category == VISUAL);
        if name == "visual" && !visual.is_empty() {
            self.name_gone(subject, |volume| volume.category == VISUAL);
            return Ok(visual);
        }
        Err(self.unknown(subject, name))
    }

    fn unknown(&self, subject: &Subject, item: &str) -> Error {
        let id = subject.id();
        if self.entries.is_empty() {
            let fetch = || DownloadRequest::of(id).form("mask", "nii.gz");
            return subject.files().missing(format!("any ROI of {id}"), &layout::rois(id), fetch);
        }
        let local = dehyphenate_name(item);
        let gone = self.gone(subject);
        let is_meant = |volume: &&GoneVolume| volume.category == item || volume.name == local;
        if let Some(volume) = gone.iter().find(is_meant) {
            let what = format!("the volume of {id} {}", volume.name);
            let fetch = || DownloadRequest::of(id).form("mask", "nii.gz");
            return subject.files().missing(what, &volume.path, fetch);
        }
        let (rois, categories) = (self.names(|_| true), self.categories());
        let is_on_surface = data::is_on_surface(subject, &local);
        let suggestion = match is_on_surface {
            true => None,
            false => suggestion::suggestion(item, &rois, &categories),
        };
        Error::UnknownRoi {
            subject: id.to_string(),
            got: item.to_owned(),
            is_on_surface,
            suggestion,
            rois,
            categories,
        }
    }
}
