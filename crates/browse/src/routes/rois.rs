//! `/api/subjects/S/roi.nii` and `/rois`: the voxels of an ROI expression, and the sizes of all
//! ROIs.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderName;
use laion_fmri::{MaskSource, RoiQuery, VoxelMask};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{self, Answer, Refusal};
use crate::parameters::{Asked, Named};
use crate::sending::{Content, send};
use crate::state::{Looked, Shared};

#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    q: String,
}

pub(crate) async fn mask(
    State(state): State<Arc<Shared>>,
    Named(subject): Named<String>,
    Asked(Wanted { q }): Asked<Wanted>,
) -> Result<Answer, Refusal> {
    let mask = state.about(&subject, move |looked| looked.roi(&q));
    let mask = mask.await?;
    let voxels = mask.n_voxels();
    let mut response = send(&state, Content::Mask(mask));
    response.headers_mut().insert(HeaderName::from_static("x-voxels"), voxels.into());
    Ok(response)
}

impl Looked {
    /// The voxels of an expression, or of several between commas as the options of commands take
    /// them.
    pub(crate) fn roi(&self, asked: &str) -> Result<VoxelMask, Refusal> {
        let items: Vec<&str> = asked.split(',').map(str::trim).collect();
        Ok(self.subject.roi_mask(RoiQuery::from(items), MaskSource::Anatomical)?)
    }
}

pub(crate) async fn sizes(
    State(state): State<Arc<Shared>>,
    Named(subject): Named<String>,
) -> Result<Answer, Refusal> {
    let table = state.about(&subject, |looked| {
        let rois =
            looked.subject.roi_table()?.into_iter().map(
                |roi| json!({ "name": roi.name, "category": roi.category, "voxels": roi.voxels }),
            );
        Ok(Value::Array(rois.collect()))
    });
    Ok(answer::json(&table.await?))
}
