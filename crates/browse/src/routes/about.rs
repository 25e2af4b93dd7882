//! `/api/about`: what the page is, where the data lie, and the colour maps.

use std::sync::Arc;

use axum::extract::State;
use laion_fmri::figure::ColorMap;
use laion_fmri::license;
use serde_json::{Map, Value, json};

use crate::answer::{self, Answer, Refusal};
use crate::page;
use crate::state::Shared;

pub(crate) async fn about(State(state): State<Arc<Shared>>) -> Result<Answer, Refusal> {
    let shared = Arc::clone(&state);
    let folders = state.work.run(move |_| {
        let dataset = shared.mirror.dataset();
        let roots = dataset.roots().directories().iter();
        Ok(roots.map(|root| root.display().to_string()).collect::<Vec<_>>())
    });
    let folders = folders.await?;
    Ok(answer::json(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "licences": page::licences(),
        "notice": license::NOTICE,
        "data_dir": folders.join(":"),
        "colormaps": colormaps(),
    })))
}

/// 256 colours for each map, those of the figures.
fn colormaps() -> Map<String, Value> {
    let maps = ColorMap::ALL.iter();
    maps.map(|map| (map.as_str().to_owned(), json!(map.table().as_slice()))).collect()
}
