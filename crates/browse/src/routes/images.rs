//! `/api/images`: an image with its captions and object masks, its bytes, and who saw it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, HeaderValue};
use laion_fmri::export::write_png_to;
use laion_fmri::ndarray::Array3;
use laion_fmri::stimuli::{MaskRow, Metadata};
use laion_fmri::{Cancel, Error};
use serde_json::{Value, json};

use super::trials::is_shared;
use crate::answer::{self, Answer, Refusal};
use crate::names;
use crate::parameters::Named;
use crate::state::Shared;

/// What goes with every picture.
const NOTICE: &str = "The images of LAION-fMRI are pictures of third parties under the data use \
                      agreement of the dataset: look at them here, do not pass them on.";

pub(crate) async fn image(
    State(state): State<Arc<Shared>>,
    Named(name): Named<String>,
) -> Result<Answer, Refusal> {
    let shared = Arc::clone(&state);
    let found = state.work.run(move |cancel| describe(&shared, &name, cancel));
    Ok(answer::json(&found.await?))
}

fn describe(state: &Arc<Shared>, name: &str, cancel: &Cancel) -> Result<Value, Refusal> {
    let dataset = state.mirror.dataset();
    let stimuli = dataset.stimuli();
    let metadata = stimuli.metadata().ok();
    let mut subjects = Vec::new();
    for id in dataset.subjects()? {
        // A subject whose tables cannot be read says so where it is looked at.
        let Ok(rows) = rows_of(state, &id, name, cancel) else { continue };
        if !rows.is_empty() {
            subjects.push(json!({ "id": id.as_str(), "rows": rows }));
        }
    }
    let listed = metadata.as_deref().and_then(|metadata| metadata.get(name));
    if listed.is_none() && subjects.is_empty() {
        return Err(unknown(name, metadata.as_deref()));
    }
    let captions = stimuli.captions();
    let table = stimuli.segmentation_table();
    let masks: Vec<Value> = table.as_ref().map_or_else(
        |_| Vec::new(),
        |table| table.for_image(name).enumerate().map(mask_entry).collect(),
    );
    let mask_file = stimuli.segmentations().err().filter(|_| !masks.is_empty());
    let images = stimuli.images();
    let problem = match &images {
        Ok(images) if images.contains(name) => None,
        Ok(_) => Some(("the file of images does not have this one".to_owned(), None)),
        Err(error) => Some((answer::sentence(error), state.commands.of_error(error))),
    };
    let (sentence, command) = problem.clone().unzip();
    Ok(json!({
        "name": name,
        "dataset": listed.map(|it| it.dataset.as_str()),
        "shared": is_shared(name, metadata.as_deref()),
        "noun": masks.iter().find(|mask| mask["localized"] == json!(true)).map(|it| &it["label"]),
        "captions": captions.map_or_else(|_| Vec::new(), |it| {
            it.list(name, None).into_iter().map(str::to_owned).collect()
        }),
        "subjects": subjects,
        "masks": masks,
        "masks_absent": mask_file.map(|error| answer::absent(&error, &*state.commands)),
        "pixels": problem.is_none(),
        "sentence": sentence,
        "command": command.flatten(),
        "notice": NOTICE,
    }))
}

fn rows_of(
    state: &Arc<Shared>,
    id: &laion_fmri::SubjectId,
    name: &str,
    cancel: &Cancel,
) -> Result<Vec<usize>, Refusal> {
    Ok(state.look(id, cancel)?.trials()?.rows_of(name))
}

/// An object of an image. The mask itself is only read when it is shown.
fn mask_entry((index, mask): (usize, &MaskRow)) -> Value {
    json!({
        "index": index,
        "label": mask.noun,
        "instance": mask.instance_id,
        "localized": mask.localized,
        "score": mask.score,
        "bounds": mask.bounds,
    })
}

fn unknown(name: &str, metadata: Option<&Metadata>) -> Refusal {
    let names = metadata.into_iter().flat_map(Metadata::names);
    let nearest = laion_fmri::bids::suggest(name, names).map(Box::from);
    Error::NoSuchImage { what: "image is called", got: name.to_owned(), nearest }.into()
}

pub(crate) async fn pixels(
    State(state): State<Arc<Shared>>,
    Named(name): Named<String>,
) -> Result<Answer, Refusal> {
    let shared = Arc::clone(&state);
    let encoded =
        state.work.run(move |_| Ok(shared.mirror.dataset().stimuli().images()?.encoded(&name)?));
    let encoded = encoded.await?;
    let kind = if encoded.starts_with(b"\x89PNG") { "image/png" } else { "image/jpeg" };
    let mut response = answer::bytes(kind, encoded);
    // Opened by itself, it is shown and not saved.
    response.headers_mut().insert(CONTENT_DISPOSITION, HeaderValue::from_static("inline"));
    Ok(response)
}

pub(crate) async fn mask(
    State(state): State<Arc<Shared>>,
    Named((name, file)): Named<(String, String)>,
) -> Result<Answer, Refusal> {
    let index = names::number(names::stem(&file, ".png")?, "mask")?;
    let shared = Arc::clone(&state);
    let png = state.work.run(move |_| {
        let segmentations = shared.mirror.dataset().stimuli().segmentations()?;
        let row = segmentations
            .for_image(&name)
            .nth(index)
            .ok_or_else(|| Refusal::NotFound(format!("the image {name:?} has no mask {index}")))?;
        let mask = segmentations.mask(row.mask_row)?;
        let (height, width) = mask.dim();
        // White where the object is, and nothing elsewhere.
        let pixels = Array3::from_shape_fn((height, width, 2), |(y, x, channel)| {
            if channel == 0 || mask[[y, x]] != 0 { 255 } else { 0 }
        });
        let mut png = Vec::new();
        write_png_to(&mut png, pixels.view()).map_err(Error::from)?;
        Ok(png)
    });
    Ok(answer::bytes("image/png", png.await?))
}
