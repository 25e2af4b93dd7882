//! `/api/subjects/S/trials`: every trial of the sessions on disk, as columns.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use laion_fmri::StimulusSet;
use laion_fmri::stimuli::{Captions, Metadata, NounFilter, SegmentationTable, Stimulus};
use serde_json::{Value, json};

use crate::answer::{self, Answer, Refusal};
use crate::parameters::Named;
use crate::state::{Looked, Shared};
use crate::trials::Trials;

pub(crate) async fn table(
    State(state): State<Arc<Shared>>,
    Named(subject): Named<String>,
) -> Result<Answer, Refusal> {
    let columns = state.about(&subject, |looked| {
        let make = || Ok(Bytes::from(columns(looked, &*looked.trials()?).to_string()));
        looked.kept().tables.get(&looked.seen.key("trials"), make)
    });
    Ok(answer::bytes("application/json", Bytes::clone(&*columns.await?)))
}

impl Looked {
    /// The trials of the subject.
    pub(crate) fn trials(&self) -> Result<Arc<Trials>, Refusal> {
        self.seen.trials.get(|| Trials::read(&self.subject))
    }
}

/// Texts that come again and again, each once.
#[derive(Default)]
struct Words<'a> {
    texts: Vec<&'a str>,
    places: HashMap<&'a str, usize>,
}

impl<'a> Words<'a> {
    fn place(&mut self, text: &'a str) -> usize {
        *self.places.entry(text).or_insert_with(|| {
            self.texts.push(text);
            self.texts.len() - 1
        })
    }
}

fn columns(looked: &Looked, trials: &Trials) -> Value {
    let stimuli = looked.subject.stimuli();
    // What is not on disk leaves its columns empty; `/api/subjects/S` says how to get it.
    let metadata = stimuli.metadata().ok();
    let captions = stimuli.captions().ok();
    let masks = stimuli.segmentation_table().ok();
    let images: Vec<&str> = trials.images.iter().map(String::as_str).collect();
    let (dataset, datasets) = datasets(&images, metadata.as_deref());
    let (nouns_of, nouns) = nouns(&images, masks.as_deref());
    let texts: Vec<Option<String>> =
        images.iter().map(|image| caption(image, captions.as_deref())).collect();
    let shared: Vec<bool> =
        images.iter().map(|image| is_shared(image, metadata.as_deref())).collect();
    let rows = &trials.rows;
    let of_row = |row: &crate::trials::Row| row.image as usize;
    let first_noun = |row| nouns_of[of_row(row)].first().map_or(-1, |noun| *noun as i64);
    json!({
        "rows": rows.len(),
        "session": rows.iter().map(|row| row.session).collect::<Vec<_>>(),
        "sessions": trials.sessions.iter().map(|session| session.id.as_str()).collect::<Vec<_>>(),
        "trial": rows.iter().map(|row| row.trial).collect::<Vec<_>>(),
        "run": rows.iter().map(|row| row.run).collect::<Vec<_>>(),
        "repetition": rows.iter().map(|row| row.repetition).collect::<Vec<_>>(),
        "image": rows.iter().map(|row| row.image).collect::<Vec<_>>(),
        "images": images,
        "shared": rows.iter().map(|row| shared[of_row(row)]).collect::<Vec<_>>(),
        "dataset": rows.iter().map(|row| dataset[of_row(row)]).collect::<Vec<_>>(),
        "datasets": datasets,
        "noun": rows.iter().map(first_noun).collect::<Vec<_>>(),
        "nouns": nouns,
        "image_nouns": nouns_of,
        "captions": texts,
    })
}

/// Whether all subjects see an image: as the table of images says, or else its name.
pub(crate) fn is_shared(image: &str, metadata: Option<&Metadata>) -> bool {
    let listed = metadata.and_then(|metadata| metadata.get(image)).and_then(Stimulus::set);
    listed.unwrap_or_else(|| StimulusSet::of_label(image)) == StimulusSet::Shared
}

/// The dataset that each image comes from, and the names of the datasets; an image that is not listed
/// comes from "".
fn datasets<'a>(images: &[&str], metadata: Option<&'a Metadata>) -> (Vec<usize>, Vec<&'a str>) {
    let mut words = Words::default();
    let of = |image: &&str| metadata.and_then(|metadata| metadata.get(image));
    let names = images.iter().map(|image| of(image).map_or("", |found| &found.dataset));
    let places = names.map(|name| words.place(name)).collect();
    (places, words.texts)
}

/// The objects that were found in each image, and their names.
fn nouns<'a>(
    images: &[&str],
    masks: Option<&'a SegmentationTable>,
) -> (Vec<Vec<usize>>, Vec<&'a str>) {
    let mut words = Words::default();
    let of = |image: &&str| -> Vec<&'a str> {
        masks.map_or_else(Vec::new, |masks| masks.nouns(image, NounFilter::Localized))
    };
    let places = images
        .iter()
        .map(|image| of(image).into_iter().map(|noun| words.place(noun)).collect())
        .collect();
    (places, words.texts)
}

/// The captions of an image, a line each: those of people, or else the one of a model.
fn caption(image: &str, captions: Option<&Captions>) -> Option<String> {
    let captions = captions?;
    let human = captions.human(image, None);
    match human.as_slice() {
        [] => captions.ai(image).map(str::to_owned),
        lines => Some(lines.join("\n")),
    }
}
