//! `/api/subjects` and `/api/subjects/S`: what is on disk, and how to get what is not.

use std::sync::Arc;

use axum::extract::State;
use laion_fmri::splits::list_splits;
use laion_fmri::stimuli::{EmbeddingModel, files};
use laion_fmri::{
    Dataset, Error, MaskSource, Resolution, SessionId, Subject, SubjectId, VoxelMask, Voxels,
    policy,
};
use serde_json::{Value, json};

use super::maps::{anatomies, maps};
use super::splits::pool_of;
use crate::answer::{self, Answer, Refusal, absent};
use crate::parameters::Named;
use crate::state::{Looked, Shared};
use crate::{Commands, trials};

pub(crate) async fn list(State(state): State<Arc<Shared>>) -> Result<Answer, Refusal> {
    let (shared, first) = (Arc::clone(&state), state.first.clone());
    let list = state.work.run(move |_| {
        let dataset = shared.mirror.dataset();
        let mut ids = dataset.subjects()?;
        ids.sort_by_cached_key(|id| (first.as_ref() != Some(id), !has_picture(&dataset, id)));
        let entries = ids.iter().map(|id| {
            let subject = dataset.subject(id.as_str())?;
            Ok(json!({
                "id": id.as_str(),
                "sessions": subject.sessions()?.len(),
                "anatomy": subject.t1w(Resolution::Func1pt8).is_ok(),
            }))
        });
        Ok(Value::Array(entries.collect::<Result<_, Error>>()?))
    });
    Ok(answer::json(&list.await?))
}

/// Whether there is something to show at first: an anatomy and a map.
fn has_picture(dataset: &Dataset, id: &SubjectId) -> bool {
    dataset.subject(id.as_str()).is_ok_and(|subject| {
        subject.t1w(Resolution::Func1pt8).is_ok() && !maps(&subject).is_empty()
    })
}

pub(crate) async fn subject(
    State(state): State<Arc<Shared>>,
    Named(subject): Named<String>,
) -> Result<Answer, Refusal> {
    let commands = Arc::clone(&state.commands);
    let about = state.about(&subject, move |looked| describe(looked, &*commands));
    Ok(answer::json(&about.await?))
}

fn describe(looked: &Looked, commands: &dyn Commands) -> Result<Value, Refusal> {
    let subject = &looked.subject;
    let brain = subject.brain_mask(MaskSource::Anatomical, Resolution::Func1pt8);
    let trials = looked.trials()?;
    let with_betas = subject.sessions_with_betas()?;
    let session = |session: &trials::Session| {
        json!({
            "id": session.id.as_str(),
            "trials": session.n_trials,
            "betas": with_betas.contains(&session.id),
            "held_out": policy::HELD_OUT_SESSIONS.contains(&session.id.label()),
            "problem": session.problem.as_ref().map(|error| absent(error, commands)),
        })
    };
    let mut rois = Vec::new();
    for category in subject.roi_categories()? {
        for name in subject.rois(Some(&category))? {
            rois.push(json!({ "name": name, "category": category, "voxels": null }));
        }
    }
    let maps = maps(subject);
    let stored = match &brain {
        Ok(brain) => subject.stored_sessions(&VoxelMask::all(Arc::clone(brain)))?,
        Err(_) => Vec::new(),
    };
    let stored: Vec<&str> = stored.iter().map(SessionId::as_str).collect();
    let splits = list_splits(Some(pool_of(subject.id())));
    let splits: Vec<&str> = splits.iter().map(|split| split.as_str()).collect();
    Ok(json!({
        "id": subject.id().as_str(),
        // Another one means that the page asks for everything again.
        "state": looked.seen.key(""),
        "shape": brain.as_ref().ok().map(|brain| brain.grid().shape()),
        "voxels": brain.as_ref().ok().map(|brain| brain.n_voxels()),
        "sessions": trials.sessions.iter().map(session).collect::<Vec<_>>(),
        "absent": missing(subject, &with_betas, !maps.is_empty(), !rois.is_empty(), commands),
        "anatomies": anatomies(subject)
            .into_iter()
            .map(|it| json!({ "id": it.id, "label": it.label }))
            .collect::<Vec<_>>(),
        "maps": maps.iter().map(|map| json!({
            "id": map.id,
            "label": map.label,
            "unit": "%",
            "diverging": false,
        })).collect::<Vec<_>>(),
        "rois": rois,
        "store": { "sessions": stored, "command": commands.build_store(subject.id()) },
        "stimuli": stimuli(subject, commands),
        "splits": splits,
    }))
}

/// What is not on disk, each as a sentence with what brings it.
fn missing(
    subject: &Subject,
    with_betas: &[SessionId],
    has_maps: bool,
    has_rois: bool,
    commands: &dyn Commands,
) -> Vec<Value> {
    let mut missing = Vec::new();
    let mut add = |error: Option<Error>| missing.extend(error.map(|it| absent(&it, commands)));
    add(subject.brain_mask(MaskSource::Anatomical, Resolution::Func1pt8).err());
    add(subject.t1w(Resolution::Func1pt8).err());
    if !has_maps {
        add(subject.noise_ceiling(&subject.usual_noise_ceiling(), &Voxels::all()).err());
    }
    if !has_rois {
        add(subject.roi_mask("all", MaskSource::Anatomical).err());
    }
    if with_betas.is_empty() {
        // Without any, nothing is read before it fails.
        add(subject.betas().load_sessions().err());
    }
    missing
}

/// Which files about the images are on disk.
fn stimuli(subject: &Subject, commands: &dyn Commands) -> Value {
    let stimuli = subject.stimuli();
    let images = stimuli.require_images().err();
    // Only opened: they are read when their words are asked for.
    let captions = stimuli.open_table(files::CAPTIONS).err();
    let masks = stimuli.open_table(files::SEGMENTATIONS_METADATA).err();
    let models: Vec<&str> = stimuli.embedding_models().iter().map(|it| it.as_str()).collect();
    let embeddings = match models.as_slice() {
        [] => stimuli.embeddings(EmbeddingModel::Clip).err(),
        _ => None,
    };
    let say = |error: &Error| absent(error, commands);
    let missing = [&images, &captions, &masks, &embeddings].into_iter().flatten();
    json!({
        "images": images.is_none(),
        "captions": captions.is_none(),
        "masks": masks.is_none(),
        "embeddings": models,
        "sentence": images.as_ref().map(|error| answer::sentence(error)),
        "command": images.as_ref().and_then(|error| commands.of_error(error)),
        "embeddings_absent": embeddings.as_ref().map(say),
        "absent": missing.map(say).collect::<Vec<_>>(),
    })
}
