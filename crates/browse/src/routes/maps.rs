//! `/api/subjects/S/anatomy` and `/maps`: one number per voxel over all trials, and the image below
//! it.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue};
use laion_fmri::nifti_stream::gz::MAGIC;
use laion_fmri::nifti_stream::{VoxelSelection, fs};
use laion_fmri::{Error, MaskSource, NoiseCeiling, Resolution, Subject, VoxelMask, Voxels};

use crate::answer::{Answer, Refusal};
use crate::names;
use crate::parameters::Named;
use crate::sending::{Content, send};
use crate::state::{Looked, Shared};

/// The name of the map of R².
const R2: &str = "R2mean";
/// The brain mask in the place of an anatomy.
const MASK: &str = "mask";

/// A map of a subject on disk.
pub(crate) struct Map {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) which: Which,
}

pub(crate) enum Which {
    NoiseCeiling(NoiseCeiling),
    R2,
}

impl Map {
    /// Whether the map is about all sessions together.
    pub(crate) fn is_over_sessions(&self) -> bool {
        !matches!(self.which, Which::NoiseCeiling(NoiseCeiling::Session(_)))
    }
}

/// An image that maps are shown on.
pub(crate) struct Anatomy {
    pub(crate) id: &'static str,
    pub(crate) label: &'static str,
    /// None for the brain mask.
    path: Option<PathBuf>,
}

/// The maps on disk: first the noise ceiling that is meant when none is named, so that the page
/// opens with the map of a figure; then the others over all sessions.
pub(crate) fn maps(subject: &Subject) -> Vec<Map> {
    let ceilings = subject.available_noise_ceilings().unwrap_or_default();
    let (sessions, mut over_all): (Vec<_>, Vec<_>) =
        ceilings.into_iter().partition(|which| matches!(which, NoiseCeiling::Session(_)));
    let usual = subject.usual_noise_ceiling();
    // The sort keeps the order of the others.
    over_all.sort_by_key(|which| *which != usual);
    let mut maps: Vec<Map> = over_all.into_iter().map(ceiling).collect();
    if subject.has_mean_r2() {
        let label = "R², mean over sessions".to_owned();
        maps.push(Map { id: R2.to_owned(), label, which: Which::R2 });
    }
    maps.extend(sessions.into_iter().map(ceiling));
    maps
}

fn ceiling(which: NoiseCeiling) -> Map {
    let id = which.to_string();
    let what = match id.strip_prefix("Noiseceiling") {
        Some("Allrep") => "all repetitions".to_owned(),
        Some(rest) => match rest.strip_suffix("rep") {
            Some(times) => format!("images shown {times} times"),
            None => id.clone(),
        },
        None => id.clone(),
    };
    Map { id, label: format!("noise ceiling, {what}"), which: Which::NoiseCeiling(which) }
}

/// The images on disk, that on the grid of the betas first: it is small and quick to draw.
pub(crate) fn anatomies(subject: &Subject) -> Vec<Anatomy> {
    let image = |id, label, path: Result<PathBuf, Error>| {
        path.ok().map(|path| Anatomy { id, label, path: Some(path) })
    };
    let (func, full) = (Resolution::Func1pt8, Resolution::Full);
    let images = [
        image("T1w", "T1w, grid of the betas", subject.t1w(func)),
        image("T1w-full", "T1w, full resolution", subject.t1w(full)),
        image("T2w", "T2w, grid of the betas", subject.t2w(func)),
        image("T2w-full", "T2w, full resolution", subject.t2w(full)),
    ];
    let mut images: Vec<Anatomy> = images.into_iter().flatten().collect();
    if subject.anatomical_brain_mask(func).is_ok() {
        images.push(Anatomy { id: MASK, label: "brain mask", path: None });
    }
    images
}

pub(crate) async fn map(
    State(state): State<Arc<Shared>>,
    Named((subject, file)): Named<(String, String)>,
) -> Result<Answer, Refusal> {
    let id = names::stem(&file, ".nii")?.to_owned();
    let content = state.about(&subject, move |looked| {
        let values = looked.map(&id)?;
        Ok(Content::Values { mask: looked.brain()?, values: values.to_vec() })
    });
    Ok(send(&state, content.await?))
}

impl Looked {
    /// The values of a map at the voxels of the brain.
    pub(crate) fn map(&self, id: &str) -> Result<Arc<Vec<f32>>, Refusal> {
        let map = maps(&self.subject).into_iter().find(|map| map.id == id);
        let none = || Refusal::NotFound(format!("{} has no map {id:?}", self.subject.id()));
        let map = map.ok_or_else(none)?;
        self.kept().maps.get(&self.seen.key(id), || {
            let values = match &map.which {
                Which::NoiseCeiling(which) => self.subject.noise_ceiling(which, &Voxels::all())?,
                Which::R2 => self.subject.mean_r2(&Voxels::all())?,
            };
            Ok(values.to_vec())
        })
    }
}

pub(crate) async fn anatomy(
    State(state): State<Arc<Shared>>,
    Named((subject, file)): Named<(String, String)>,
) -> Result<Answer, Refusal> {
    let id = names::stem(&file, ".nii")?.to_owned();
    let found = state.about(&subject, move |looked| {
        let subject = &looked.subject;
        let image = anatomies(subject).into_iter().find(|image| image.id == id);
        let none = || Refusal::NotFound(format!("{} has no image {id:?}", subject.id()));
        match image.ok_or_else(none)?.path {
            Some(path) => opened(&path),
            None => {
                let brain = subject.brain_mask(MaskSource::Anatomical, Resolution::Func1pt8)?;
                Ok((Content::Mask(VoxelMask::all(brain)), None))
            }
        }
    });
    let (content, file) = found.await?;
    let mut response = send(&state, content);
    if let Some(FileBytes { length, is_gzip }) = file {
        let headers = response.headers_mut();
        headers.insert(CONTENT_LENGTH, length.into());
        if is_gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
    }
    Ok(response)
}

/// What the bytes of a file are.
struct FileBytes {
    length: u64,
    is_gzip: bool,
}

/// A NIfTI file as it is stored, after it was read to its end: damage is a sentence then, and not
/// half a picture.
fn opened(path: &Path) -> Result<(Content, Option<FileBytes>), Refusal> {
    let failed = |source| Error::Io { action: "open", path: path.to_owned(), source };
    let header = fs::read_header(path).map_err(Error::from)?;
    let shape = header.grid().map_err(Error::from)?.shape();
    let first = VoxelSelection::new(shape, vec![0]).map_err(Error::from)?;
    fs::read_voxels(path, &first).map_err(Error::from)?;
    let mut file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let mut start = [0; MAGIC.len()];
    let is_gzip = file.read_exact(&mut start).is_ok() && start == MAGIC;
    file.rewind().map_err(failed)?;
    Ok((Content::File(file), Some(FileBytes { length, is_gzip })))
}
