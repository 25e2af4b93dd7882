//! `/api/subjects/S/surfaces`: the subject's own cortex as meshes, and values on its vertices.

use std::io;
use std::sync::Arc;

use axum::extract::State;
use laion_fmri::surface::fs::read_mesh;
use laion_fmri::surface::{GiftiMetadata, GiftiWriter};
use laion_fmri::template::{Projection, SurfaceSpace, TemplateOptions};
use laion_fmri::{Error, Hemisphere, Subject, Voxels};
use serde::Deserialize;
use serde_json::json;

use super::betas::Kind;
use crate::answer::{self, Answer, Refusal, sentence};
use crate::names;
use crate::parameters::{Asked, Named};
use crate::state::{Looked, Shared};

/// The meshes that the page may show.
const MESHES: [&str; 3] = ["inflated", "pial", "white"];
const HEMISPHERES: [Hemisphere; 2] = [Hemisphere::Left, Hemisphere::Right];
/// What the vertices are.
const SPACE: &str = "fsnative";

/// Which values: those of a map, of a trial, or of all trials of an image; or how much of a vertex
/// lies in an ROI, from 0 to 1.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    map: Option<String>,
    session: Option<String>,
    trial: Option<usize>,
    image: Option<String>,
    roi: Option<String>,
    #[serde(default)]
    kind: Kind,
}

pub(crate) async fn surfaces(
    State(state): State<Arc<Shared>>,
    Named(subject): Named<String>,
) -> Result<Answer, Refusal> {
    let commands = Arc::clone(&state.commands);
    let about = state.about(&subject, move |looked| {
        let problem = missing(&looked.subject).err();
        Ok(json!({
            "available": problem.is_none(),
            "hemispheres": HEMISPHERES.map(Hemisphere::as_str),
            "meshes": MESHES,
            "sentence": problem.as_ref().map(|error| sentence(error)),
            "command": problem.as_ref().and_then(|error| commands.of_error(error)),
        }))
    });
    Ok(answer::json(&about.await?))
}

/// The first surface that is not on disk.
fn missing(subject: &Subject) -> Result<(), Error> {
    for hemisphere in HEMISPHERES {
        for name in MESHES {
            subject.freesurfer_surface(hemisphere, name)?;
        }
    }
    Ok(())
}

pub(crate) async fn surface(
    State(state): State<Arc<Shared>>,
    Named((subject, hemisphere, file)): Named<(String, String, String)>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Answer, Refusal> {
    let none = |_| Refusal::NotFound(format!("{hemisphere:?} is no hemisphere: L or R"));
    let hemisphere: Hemisphere = hemisphere.parse().map_err(none)?;
    let name = names::stem(&file, ".gii")?.to_owned();
    let gifti = state.about(&subject, move |looked| match name.as_str() {
        "map" => looked.on_vertices(hemisphere, &wanted),
        name => looked.mesh(hemisphere, name),
    });
    Ok(answer::bytes("application/octet-stream", gifti.await?))
}

impl Looked {
    fn mesh(&self, hemisphere: Hemisphere, name: &str) -> Result<Vec<u8>, Refusal> {
        // None of the others is a mesh, or one that is looked at.
        let name = MESHES.into_iter().find(|known| *known == name).ok_or_else(|| {
            Refusal::NotFound(format!("there is no surface {name:?}: {}", MESHES.join(", ")))
        })?;
        let path = self.subject.freesurfer_surface(hemisphere, name)?;
        let mesh = read_mesh(path).map_err(Error::from)?;
        written(hemisphere, 2, |gifti| gifti.mesh(&mesh))
    }

    fn on_vertices(&self, hemisphere: Hemisphere, wanted: &Wanted) -> Result<Vec<u8>, Refusal> {
        let Wanted { map, session, trial, image, roi, kind } = wanted;
        let values = match (map, session, *trial, image, roi) {
            (Some(map), None, None, None, None) => self.map(map)?.to_vec(),
            (None, Some(session), Some(trial), None, None) => {
                self.trial(&names::session(session)?, trial, *kind)?
            }
            (None, None, None, Some(image), None) => self.mean(image, *kind)?,
            (None, None, None, None, Some(roi)) => self.inside(roi)?,
            _ => {
                let text = "name a map, an image, an ROI, or a session and a trial";
                return Err(Refusal::Bad(text.to_owned()));
            }
        };
        let projected = self.projection(hemisphere)?.project_row(&values)?;
        written(hemisphere, 1, |gifti| gifti.per_vertex("", &projected))
    }

    /// 1 for a voxel of the brain in an ROI, and 0 for one outside of it.
    fn inside(&self, roi: &str) -> Result<Vec<f32>, Refusal> {
        let (brain, mask) = (self.brain()?, self.roi(roi)?);
        let inside = |index| mask.indices().binary_search(index).is_ok();
        Ok(brain.indices().iter().map(|index| f32::from(u8::from(inside(index)))).collect())
    }

    /// The way from the brain to the vertices, which is kept.
    fn projection(&self, hemisphere: Hemisphere) -> Result<Arc<Projection>, Refusal> {
        self.kept().projections.get(&self.seen.key(hemisphere.as_str()), || {
            let options = TemplateOptions::default();
            let space = SurfaceSpace::Fsnative;
            // By the subject without the cancel of this request, for it is used by others.
            Ok(self.seen.subject.projection(&Voxels::all(), space, hemisphere, &options)?)
        })
    }
}

/// A GIFTI file in memory: some MB, for there are a few 100,000 vertices.
fn written(
    hemisphere: Hemisphere,
    n_arrays: usize,
    write: impl FnOnce(&mut GiftiWriter<Vec<u8>>) -> io::Result<()>,
) -> Result<Vec<u8>, Refusal> {
    let failed = |error: io::Error| Refusal::Internal(format!("no GIFTI file was made: {error}"));
    let about = GiftiMetadata::new(hemisphere, SPACE);
    let mut gifti = GiftiWriter::new(Vec::new(), &about, n_arrays).map_err(failed)?;
    write(&mut gifti).map_err(failed)?;
    gifti.finish().map_err(failed)
}
