//! Regions of interest in every form they are shipped in: volume, surface mask, vertex list.

use std::collections::{HashMap, HashSet};
use std::io::BufReader;
use std::path::Path;

use bids_names::{SubjectId, dehyphenate_name};
use gifti_surface::fs::{ReadGiftiError, ReadLabelError};
use gifti_surface::{GiftiError, Hemisphere};
use indexmap::IndexMap;

use super::query::{Expression, Operator};
use super::{RES, RoiIndex, RoiQuery, Rois};
use crate::files::Located;
use crate::mask::{MaskSource, Resolution, VoxelMask};
use crate::{Contradiction, DownloadRequest, Error, FilterField, Input, Result, Subject};

laion_fmri_base::named_enum! {
    /// Which forms of an ROI are wanted.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub enum RoiFormat: "ROI format" {
        /// Whatever is on disk.
        #[default]
        All = "all",
        /// The volume on the functional grid (`volume` or `nii.gz`).
        Volume = "volume" | "nii.gz",
        /// Both surface forms.
        Gii = "gii",
        /// The mask per vertex.
        FuncGii = "func.gii",
        /// The vertex list of FreeSurfer.
        Label = "label",
    }
}

impl RoiFormat {
    fn has_volume(self) -> bool {
        matches!(self, Self::All | Self::Volume)
    }

    fn has_mask(self) -> bool {
        matches!(self, Self::All | Self::Gii | Self::FuncGii)
    }

    fn has_vertices(self) -> bool {
        matches!(self, Self::All | Self::Gii | Self::Label)
    }
}

laion_fmri_base::named_enum! {
    /// Which hemispheres are wanted.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub enum Hemi: "hemisphere" {
        /// Left and right (`all`).
        #[default]
        Both = "all",
        /// `L`
        Left = "L",
        /// `R`
        Right = "R",
    }
}

impl Hemi {
    /// The hemispheres, left first.
    #[must_use]
    pub fn hemispheres(self) -> &'static [Hemisphere] {
        match self {
            Self::Both => Hemisphere::ALL,
            Self::Left => &[Hemisphere::Left],
            Self::Right => &[Hemisphere::Right],
        }
    }
}

/// One ROI in the forms that were asked for.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RoiData {
    /// Over the voxel axis of a brain mask.
    pub volume: Option<VoxelMask>,
    /// On the left hemisphere.
    pub left: Option<RoiSurface>,
    /// On the right hemisphere.
    pub right: Option<RoiSurface>,
}

impl RoiData {
    /// The ROI on one hemisphere.
    #[must_use]
    pub fn surface(&self, hemisphere: Hemisphere) -> Option<&RoiSurface> {
        match hemisphere {
            Hemisphere::Left => self.left.as_ref(),
            Hemisphere::Right => self.right.as_ref(),
        }
    }
}

/// One ROI on the subject's own surface (`fsnative`) of one hemisphere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoiSurface {
    /// One flag for each vertex, shape `(n_vertices,)`: neither zero nor NaN in the file.
    pub mask: Option<Vec<bool>>,
    /// The 0-based vertices of the ROI, in the order of the file.
    pub vertices: Option<Vec<u32>>,
}

impl Subject {
    /// ROIs in the forms they are shipped in, by their names, in the order of the query.
    ///
    /// The query is that of [`Subject::roi_mask`] without intersections and differences. With [`RoiFormat::Volume`] it means the ROIs
    /// with a volume; otherwise also those that are shipped as surfaces alone. Volumes are over the
    /// voxel axis of the default brain mask; [`Subject::roi_data_on`] takes another.
    ///
    /// [`RoiFormat::All`] returns what is on disk. Any other format has to be there for an ROI that
    /// the query names; of a category, or `all`, the ROIs that have it are returned. An ROI in two
    /// categories is the union of the two.
    ///
    /// # Errors
    ///
    /// As [`Subject::roi_mask`]; [`Error::DataNotDownloaded`] when a file that was asked for is not
    /// in the mirror; [`Error::Gifti`] and [`Error::Label`] when one is damaged;
    /// [`Error::VertexMismatch`] when two files of a hemisphere do not fit.
    ///
    /// ```
    /// use laion_fmri::{Dataset, Hemi, RoiFormat};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// let data = subject.roi_data("FFA1", RoiFormat::All, Hemi::Both)?;
    /// let ffa1 = &data["FFA1"];
    /// assert!(ffa1.volume.is_some());
    /// let left = ffa1.left.as_ref().unwrap();
    /// let in_mask = left.mask.iter().flatten().filter(|vertex| **vertex).count();
    /// assert_eq!(in_mask, left.vertices.iter().flatten().count());
    ///
    /// let faces = subject.roi_data("face", RoiFormat::FuncGii, Hemi::Left)?;
    /// assert!(faces.values().all(|roi| roi.volume.is_none() && roi.right.is_none()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "get_roi_data")]
    pub fn roi_data(
        &self,
        query: impl Into<RoiQuery>,
        format: RoiFormat,
        hemi: Hemi,
    ) -> Result<IndexMap<String, RoiData>> {
        self.roi_data_on(query, format, hemi, MaskSource::default())
    }

    /// As [`Subject::roi_data`], with volumes over the voxel axis of this brain mask.
    ///
    /// # Errors
    ///
    /// As [`Subject::roi_data`].
    pub fn roi_data_on(
        &self,
        query: impl Into<RoiQuery>,
        format: RoiFormat,
        hemi: Hemi,
        source: MaskSource,
    ) -> Result<IndexMap<String, RoiData>> {
        let names = united(&query.into())?;
        let files = self.roi_files(&names, format)?;
        let volumes = self.roi_volumes(&files, format, source)?;
        let mut found = IndexMap::new();
        for (name, files) in &files {
            let named = names.iter().any(|item| dehyphenate_name(item) == *name);
            let volume = volumes.get(name);
            let reader = RoiReader { subject: self, name, files, volume, format, hemi };
            if named || format == RoiFormat::All || reader.has_any() {
                found.insert(name.clone(), reader.read()?);
            }
        }
        if found.is_empty() && !names.is_empty() {
            let (id, what) = (self.id(), format!("any ROI of {} as {format}", self.id()));
            let fetch = || fetch(id, format);
            return Err(self.files().missing(what, &crate::layout::rois(id), fetch));
        }
        Ok(found)
    }

    /// The volumes of ROIs over a voxel axis, as far as they are wanted and there.
    fn roi_volumes(
        &self,
        files: &IndexMap<String, FilesByForm>,
        format: RoiFormat,
        source: MaskSource,
    ) -> Result<HashMap<String, VoxelMask>> {
        let has_volume =
            |files: &FilesByForm| format.has_volume() && files.contains_key(&Form::Volume);
        let found = files.iter().filter(|(_, files)| has_volume(files));
        let rois: Vec<Expression> = found.map(|(name, _)| Expression::Name(name.clone())).collect();
        if rois.is_empty() {
            return Ok(HashMap::new());
        }
        let brain = self.brain_mask(source, Resolution::Func1pt8)?;
        let read = Rois::read(self, &self.roi_index()?, brain, &rois)?;
        let named = rois.iter().flat_map(Expression::names).zip(rois.chunks(1));
        Ok(named.map(|(name, roi)| (name.to_owned(), read.union(roi))).collect())
    }

    /// The files of the ROIs that names stand for, by ROI.
    fn roi_files(
        &self,
        names: &[String],
        format: RoiFormat,
    ) -> Result<IndexMap<String, FilesByForm>> {
        let index = if format == RoiFormat::Volume {
            self.roi_index()?
        } else {
            RoiIndex::scan_files(self.files(), self.id(), |file| {
                Form::of(file, self.id()).map(|(name, _)| name.to_owned())
            })?
        };
        let mut by_roi: IndexMap<String, FilesByForm> = IndexMap::new();
        for name in names {
            let found = index.resolve_files(self, name).map_err(|error| match error {
                Error::DataNotDownloaded { what, path, .. } => {
                    let fetch = Box::new(fetch(self.id(), format));
                    Error::DataNotDownloaded { what, path, fetch }
                }
                other => other,
            })?;
            for (roi, located) in found {
                let (_, file) = located.relative().rsplit_once('/').unwrap_or_default();
                let Some((_, form)) = Form::of(file, self.id()) else { continue };
                let files = by_roi.entry(roi.to_owned()).or_default().entry(form).or_default();
                if !files.iter().any(|file| file.path() == located.path()) {
                    files.push(located.clone());
                }
            }
        }
        Ok(by_roi)
    }
}

/// Whether a subject has an ROI on the surface. A folder that cannot be listed has none.
pub(super) fn is_on_surface(subject: &Subject, roi: &str) -> bool {
    let index = RoiIndex::scan_files(subject.files(), subject.id(), |file| {
        let found = Form::of(file, subject.id());
        found.filter(|(_, form)| *form != Form::Volume).map(|(name, _)| name.to_owned())
    });
    index.is_ok_and(|index| index.entries.iter().any(|entry| entry.name == roi))
}

/// The names that a query unites. Set algebra but for unions has no meaning ROI by ROI.
fn united(query: &RoiQuery) -> Result<Vec<String>> {
    let is_union = |(operator, _): &(Operator, Expression)| *operator == Operator::Union;
    let mut names = Vec::new();
    for (item, expression) in query.items().iter().zip(query.expressions()?) {
        let mut open = vec![expression];
        while let Some(expression) = open.pop() {
            match expression {
                Expression::Name(name) => names.push(name),
                Expression::Chain(first, rest) if rest.iter().all(is_union) => {
                    open.extend(rest.into_iter().rev().map(|(_, operand)| operand));
                    open.push(*first);
                }
                Expression::Chain(..) => {
                    return Err(Contradiction::NotAUnion { query: item.clone() }.into());
                }
            }
        }
    }
    Ok(names)
}

/// The files of one ROI; an ROI in two categories has two of each form.
type FilesByForm = HashMap<Form, Vec<Located>>;

/// What a file of an ROI holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Form {
    Volume,
    Mask(Hemisphere),
    Vertices(Hemisphere),
}

impl Form {
    /// The ROI and the form of a file, by its name without hyphens in the label.
    fn of<'a>(file: &'a str, subject: &SubjectId) -> Option<(&'a str, Self)> {
        if let Some(name) = bids_names::roi_label(file, subject, RES) {
            return Some((name, Self::Volume));
        }
        let rest = file.strip_prefix(subject.as_str())?.strip_prefix("_hemi-")?;
        let hemisphere: Hemisphere = rest.get(..1)?.parse().ok()?;
        let rest = rest[1..].strip_prefix("_space-fsnative_label-")?;
        let (name, form) = match rest.strip_suffix("_mask.func.gii") {
            Some(name) => (name, Self::Mask(hemisphere)),
            None => (rest.strip_suffix("_mask.label")?, Self::Vertices(hemisphere)),
        };
        (!name.is_empty()).then_some((name, form))
    }
}

/// The values of a file with one value per vertex.
pub(crate) fn vertex_values(input: &mut Input) -> Result<gifti_surface::DataArray> {
    let path = input.path().to_owned();
    let first = gifti_surface::read_gifti(BufReader::new(input))
        .and_then(|gifti| gifti.per_vertex().cloned());
    first.map_err(|source: GiftiError| Error::Gifti(ReadGiftiError::Read { path, source }))
}

fn vertex_list(input: &mut Input) -> Result<Vec<u32>> {
    let path = input.path().to_owned();
    gifti_surface::read_label(BufReader::new(input))
        .map_err(|source| Error::Label(ReadLabelError::Read { path, source }))
}

/// Reads one ROI.
struct RoiReader<'a> {
    subject: &'a Subject,
    name: &'a str,
    files: &'a FilesByForm,
    volume: Option<&'a VoxelMask>,
    format: RoiFormat,
    hemi: Hemi,
}

impl RoiReader<'_> {
    /// Whether any file of the wanted form and hemispheres is there.
    fn has_any(&self) -> bool {
        let has = |form| self.files.contains_key(&form);
        self.format.has_volume() && has(Form::Volume)
            || self.hemi.hemispheres().iter().any(|hemisphere| {
                self.format.has_mask() && has(Form::Mask(*hemisphere))
                    || self.format.has_vertices() && has(Form::Vertices(*hemisphere))
            })
    }

    fn read(&self) -> Result<RoiData> {
        let mut data = RoiData::default();
        if self.format.has_volume() && self.wanted(Form::Volume)?.is_some() {
            data.volume = self.volume.cloned();
        }
        for hemisphere in self.hemi.hemispheres() {
            let surface = self.surface(*hemisphere)?;
            match hemisphere {
                Hemisphere::Left => data.left = surface,
                Hemisphere::Right => data.right = surface,
            }
        }
        Ok(data)
    }

    fn surface(&self, hemisphere: Hemisphere) -> Result<Option<RoiSurface>> {
        let mut surface = RoiSurface::default();
        let mut reference: Option<&Path> = None;
        if self.format.has_mask()
            && let Some(files) = self.wanted(Form::Mask(hemisphere))?
        {
            for file in files {
                let path = file.path();
                let mask = self.subject.read(file, vertex_values)?.nonzero_mask();
                match (&mut surface.mask, reference) {
                    (Some(union), Some(first)) => unite(union, &mask, path, first)?,
                    _ => (surface.mask, reference) = (Some(mask), Some(path)),
                }
            }
        }
        if self.format.has_vertices()
            && let Some(files) = self.wanted(Form::Vertices(hemisphere))?
        {
            let mut union: Vec<u32> = Vec::new();
            for file in files {
                let vertices = self.subject.read(file, vertex_list)?;
                if let (Some(mask), Some(reference)) = (&surface.mask, reference) {
                    check_vertices(&vertices, mask.len(), file.path(), reference)?;
                }
                let known: HashSet<u32> = union.iter().copied().collect();
                union.extend(vertices.into_iter().filter(|vertex| !known.contains(vertex)));
            }
            surface.vertices = Some(union);
        }
        let found = surface.mask.is_some() || surface.vertices.is_some();
        Ok(found.then_some(surface))
    }

    /// The files of a form; none is only an answer when everything on disk was asked for.
    fn wanted(&self, form: Form) -> Result<Option<&[Located]>> {
        match self.files.get(&form) {
            Some(files) => Ok(Some(files)),
            None if self.format == RoiFormat::All => Ok(None),
            None => Err(self.missing(form)),
        }
    }

    fn missing(&self, form: Form) -> Error {
        let (subject, name) = (self.subject.id(), self.name);
        // An ROI that was found has another file, which tells its directory.
        let directory =
            self.files.values().flatten().find_map(|file| file.relative().rsplit_once('/'));
        let of_surface = |hemisphere: Hemisphere, extension: &str| {
            format!("{subject}_hemi-{hemisphere}_space-fsnative_label-{name}_mask.{extension}")
        };
        let (what, file) = match form {
            Form::Volume => (
                format!("the volume of {subject} {name}"),
                format!("{subject}_space-T1w_res-{RES}_label-{name}_mask.nii.gz"),
            ),
            Form::Mask(hemisphere) => (
                format!("the surface mask of {subject} {name} on hemisphere {hemisphere}"),
                of_surface(hemisphere, "func.gii"),
            ),
            Form::Vertices(hemisphere) => (
                format!("the label of {subject} {name} on hemisphere {hemisphere}"),
                of_surface(hemisphere, "label"),
            ),
        };
        let relative = match directory {
            Some((directory, _)) => format!("{directory}/{file}"),
            None => format!("{}{file}", crate::layout::rois(subject)),
        };
        self.subject.files().missing(what, &relative, || fetch(subject, self.format))
    }
}

fn unite(union: &mut [bool], mask: &[bool], path: &Path, reference: &Path) -> Result<()> {
    if union.len() != mask.len() {
        return Err(Error::VertexMismatch {
            path: path.to_owned(),
            reference: reference.to_owned(),
            expected: union.len(),
            got: mask.len(),
            at_least: false,
        });
    }
    union.iter_mut().zip(mask).for_each(|(union, vertex)| *union |= vertex);
    Ok(())
}

/// A label names vertices of the mesh that the mask covers.
fn check_vertices(vertices: &[u32], mesh: usize, path: &Path, reference: &Path) -> Result<()> {
    let needed = vertices.iter().max().map_or(0, |last| *last as usize + 1);
    if needed > mesh {
        return Err(Error::VertexMismatch {
            path: path.to_owned(),
            reference: reference.to_owned(),
            expected: mesh,
            got: needed,
            at_least: true,
        });
    }
    Ok(())
}

/// The download that brings a form.
fn fetch(subject: &SubjectId, format: RoiFormat) -> DownloadRequest {
    let extensions: &[&str] = match format {
        RoiFormat::All => &["nii.gz", "func.gii", "label"],
        RoiFormat::Volume => &["nii.gz"],
        RoiFormat::Gii => &["func.gii", "label"],
        RoiFormat::FuncGii => &["func.gii"],
        RoiFormat::Label => &["label"],
    };
    DownloadRequest::of(subject)
        .filter(FilterField::Suffix, ["mask"])
        .filter(FilterField::Extension, extensions.iter().copied())
}

#[cfg(test)]
mod tests {
    use laion_fmri_base::NameError;

    use super::*;

    #[test]
    fn names_and_values_undo_each_other() {
        use RoiFormat::{All, FuncGii, Gii, Label, Volume};
        for format in [All, Volume, Gii, FuncGii, Label] {
            assert_eq!(format.to_string().parse::<RoiFormat>().unwrap(), format);
        }
        assert_eq!("nii.gz".parse::<RoiFormat>().unwrap(), Volume);
        for hemi in [Hemi::Both, Hemi::Left, Hemi::Right] {
            assert_eq!(hemi.to_string().parse::<Hemi>().unwrap(), hemi);
        }
        assert!(
            matches!("gifti".parse::<RoiFormat>(), Err(NameError { got, .. }) if got == "gifti")
        );
        assert!(matches!("both".parse::<Hemi>(), Err(NameError { got, .. }) if got == "both"));
    }

    #[test]
    fn file_names_tell_the_form() {
        let subject: SubjectId = "sub-01".parse().unwrap();
        let left = Hemisphere::Left;
        for (file, expected) in [
            ("sub-01_space-T1w_res-1pt8_label-FFA1_mask.nii.gz", Some(("FFA1", Form::Volume))),
            ("sub-01_space-T1w_res-1pt5_label-FFA1_mask.nii.gz", None),
            (
                "sub-01_hemi-L_space-fsnative_label-V1v_mask.func.gii",
                Some(("V1v", Form::Mask(left))),
            ),
            (
                "sub-01_hemi-L_space-fsnative_label-V1v_mask.label",
                Some(("V1v", Form::Vertices(left))),
            ),
            ("sub-01_hemi-X_space-fsnative_label-V1v_mask.label", None),
            ("sub-01_hemi-é_space-fsnative_label-V1v_mask.label", None),
            ("sub-01_hemi-L_space-fsnative_label-_mask.label", None),
            ("sub-01_hemi-L_space-fsaverage_label-V1v_mask.label", None),
            ("sub-02_hemi-L_space-fsnative_label-V1v_mask.label", None),
        ] {
            assert_eq!(Form::of(file, &subject), expected, "{file}");
        }
    }
}
