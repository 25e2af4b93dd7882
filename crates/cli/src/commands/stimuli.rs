//! `image`, `embedding`, `segmentation`, `captions`, `stimuli`: the stimulus side by image and
//! trial.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use laion_fmri::bids::suggest;
use laion_fmri::export;
use laion_fmri::ndarray::{Array2, ArrayView3, Axis, Ix3, concatenate};
use laion_fmri::stimuli::{NounFilter, SegmentationTable, Stimulus, f16};
use laion_fmri::{Error, SessionId, Stimuli as Named, Subject};
use laion_fmri_base::counted;
use serde_json::{Value, json};

use super::sessions;
use super::voxels::{ArrayFormat, array_format, write_array, write_npy};
use crate::args::sessions::SessionName;
use crate::args::stimuli::{Captions, Embedding, Image, List, Segmentation, Stimuli};
use crate::context::Context;
use crate::exit::{CommandError, Status};
use crate::hint;
use crate::output;

pub(super) fn image(context: &Context, args: &Image) -> anyhow::Result<()> {
    let format = if args.encoded { None } else { Some(image_format(&args.output)?) };
    output::check_binary_destination(&args.output)?;
    let dataset = context.dataset()?;
    let images = dataset.stimuli().images()?;
    let name = match (&args.name, &args.subject, args.trial) {
        (Some(name), ..) => known_name(&dataset.stimuli(), name)?.unwrap_or_else(|| name.clone()),
        (None, Some(subject), Some(trial)) => {
            let subject = dataset.subject(subject)?;
            image_of_trial(context, &subject, args.session.as_ref(), trial)?
        }
        // The argument parser lets nothing else pass.
        _ => return Err(usage("name an image with NAME, or with --subject and --trial")),
    };
    let Some(format) = format else {
        let bytes = images.encoded(&name).map_err(Error::from)?;
        output::note_replaced(context, [args.output.as_path()]);
        write_bytes(&args.output, &bytes)?;
        let size = json!(bytes.len());
        return output::wrote(context, &args.output, &name, [("size", size)]);
    };
    let image = if args.original {
        images.original(&name).map_err(Error::from)?.pixels
    } else {
        images.decode(&name).map_err(Error::from)?
    };
    output::note_replaced(context, [args.output.as_path()]);
    write_image(&args.output, format, image.view())?;
    let (height, width, channels) = image.dim();
    let text = format!("{name}: {width} x {height}, {}", counted(channels, "channel"));
    let fields = [("image_name", json!(name)), ("shape", json!([height, width, channels]))];
    output::wrote(context, &args.output, &text, fields)
}

/// The image of a trial of a session; of the only session on disk when none is named.
fn image_of_trial(
    context: &Context,
    subject: &Subject,
    session: Option<&SessionName>,
    trial: usize,
) -> anyhow::Result<String> {
    let named = match session {
        Some(named) => {
            let named = std::slice::from_ref(named);
            sessions::of_subject(context, subject, named, laion_fmri::layout::trials)?
        }
        None => subject.sessions()?.iter().map(ToString::to_string).collect(),
    };
    let [session] = named.as_slice() else {
        let message = match named.len() {
            0 => format!("no session of {} is on disk", subject.id()),
            n => format!("--trial {trial} may be of {n} sessions: {}", named.join(", ")),
        };
        return Err(CommandError::usage(message).hint("--session V names the session").into());
    };
    let table = subject.trials(session)?;
    let mut labels = table.labels()?;
    let n_trials = labels.len();
    labels.nth(trial).map(str::to_owned).ok_or_else(|| match session.parse::<SessionId>() {
        Ok(session) => Error::TrialOutOfRange { session, trials: n_trials, got: trial }.into(),
        Err(error) => Error::from(error).into(),
    })
}

pub(super) fn embedding(context: &Context, args: &Embedding) -> anyhow::Result<()> {
    array_format(&args.output, &[ArrayFormat::Npy, ArrayFormat::Csv])?;
    output::check_binary_destination(&args.output)?;
    let features = features(context, args)?;
    output::note_replaced(context, [args.output.as_path()]);
    let (rows, n_features) = features.dim();
    let columns = (0..n_features).map(|feature| format!("f{feature}"));
    if args.float32 {
        write_array(&args.output, features.mapv(f32::from).view(), columns)?;
    } else {
        write_array(&args.output, features.view(), columns)?;
    }
    let text = format!("{}: {}, {n_features} features", args.model, counted(rows, "row"));
    let fields = [("model", json!(args.model.as_str())), ("shape", json!([rows, n_features]))];
    output::wrote(context, &args.output, &text, fields)
}

fn features(context: &Context, args: &Embedding) -> anyhow::Result<Array2<f16>> {
    let dataset = context.dataset()?;
    if let Some(subject) = &args.subject {
        let subject = dataset.subject(subject)?;
        let sessions = {
            let file = laion_fmri::layout::trials;
            sessions::of_subject(context, &subject, &args.session, file)?
        };
        let embeddings = subject.embeddings()?;
        if sessions.is_empty() {
            return Ok(embeddings.all(args.model, None)?);
        }
        let sessions = sessions.iter().map(|session| embeddings.all(args.model, session));
        let sessions: Vec<Array2<f16>> = sessions.collect::<Result<_, _>>()?;
        let views: Vec<_> = sessions.iter().map(|features| features.view()).collect();
        return Ok(concatenate(Axis(0), &views)?);
    }
    let embeddings = dataset.stimuli().embeddings(args.model)?;
    if args.names.is_empty() {
        return Ok(embeddings.matrix().map_err(Error::from)?);
    }
    let ids = embeddings.image_ids().map_err(Error::from)?;
    let known = |name: &String| match embeddings.contains(name) {
        Ok(false) => Ok(completed(name, ids.iter()).unwrap_or_else(|| name.clone())),
        there => there.map(|_| name.clone()),
    };
    let names: Result<Vec<String>, _> = args.names.iter().map(known).collect();
    let features = names.and_then(|names| embeddings.get_many(&names));
    Ok(features.map_err(Error::from)?)
}

pub(super) fn segmentation(context: &Context, args: &Segmentation) -> anyhow::Result<()> {
    let stimuli = context.dataset()?.stimuli();
    let (Some(noun), Some(output)) = (&args.noun, &args.output) else {
        let table = stimuli.segmentation_table()?;
        let filter = if args.all { NounFilter::All } else { NounFilter::Localized };
        let name = masked_image(&stimuli, &table, &args.name)?;
        if !table.has_image(&name) {
            context.note(&format!("note: {name} has no masks; only shared images have them"));
        }
        let nouns = table.nouns(&name, filter);
        let nouns = nouns.into_iter().map(str::to_owned);
        return output::print_names(context.global.json, "noun", "noun", nouns);
    };
    let format = if output::is_stdout(output) { ImageFormat::Npy } else { image_format(output)? };
    output::check_binary_destination(output)?;
    let segmentations = stimuli.segmentations()?;
    let name = masked_image(&stimuli, segmentations.table(), &args.name)?;
    let mask = segmentations.get(&name, noun, args.instance).map_err(Error::from)?;
    output::note_replaced(context, [output.as_path()]);
    let pixels = mask.iter().filter(|pixel| **pixel != 0).count();
    match format {
        ImageFormat::Npy => write_npy(output, mask.view())?,
        ImageFormat::Png => {
            let levels = mask.mapv(|pixel| if pixel == 0 { 0 } else { u8::MAX });
            write_image(output, format, levels.view().insert_axis(Axis(2)))?;
        }
    }
    let text = format!("{noun} {}: {}", args.instance, counted(pixels, "pixel"));
    output::wrote(context, output, &text, [("noun", json!(noun)), ("pixels", json!(pixels))])
}

pub(super) fn captions(context: &Context, args: &Captions) -> anyhow::Result<()> {
    let stimuli = context.dataset()?.stimuli();
    let captions = stimuli.captions().map_err(|error| with_table(&stimuli, error))?;
    let mut name = args.name.clone();
    if captions.get(&name).is_empty() {
        name = known_name(&stimuli, &name)?.ok_or_else(|| unknown_image(&stimuli, &name))?;
    }
    let found = captions.get(&name);
    if found.is_empty() {
        context.note(&format!("note: {name} has no captions"));
    }
    let wanted = found.iter().filter(|caption| args.source.is_none_or(|s| caption.source == s));
    output::print_lines(wanted.map(|caption| {
        if !context.global.json {
            // One caption per line, whatever is written in it.
            return caption.text.replace(['\n', '\r'], " ");
        }
        let text = |value: &str| Value::String(value.to_owned());
        let fields = [
            ("image_name", text(&name)),
            ("caption_idx", Value::from(caption.caption_idx)),
            ("source", text(caption.source.as_str())),
            ("caption", text(&caption.text)),
            ("origin_collection", text(&caption.origin_collection)),
            ("participant_id", text(&caption.participant_id)),
            ("ai_model", text(&caption.ai_model)),
        ];
        output::json_line("caption", fields.map(|(name, value)| (name.to_owned(), value)))
    }))
}

/// The name of an image as the table of images has it, with or without its extension; `None` for a
/// name that is not in it.
fn known_name(stimuli: &Named, name: &str) -> anyhow::Result<Option<String>> {
    let metadata = stimuli.metadata()?;
    if metadata.get(name).is_some() {
        return Ok(Some(name.to_owned()));
    }
    Ok(completed(name, metadata.names()))
}

/// The only one of these names that is this one and an extension.
fn completed<N: AsRef<str>>(name: &str, names: impl Iterator<Item = N>) -> Option<String> {
    let is_meant =
        |known: &N| known.as_ref().rsplit_once('.').is_some_and(|(stem, _)| stem == name);
    let mut same = names.filter(is_meant);
    match (same.next(), same.next()) {
        (Some(only), None) => Some(only.as_ref().to_owned()),
        _ => None,
    }
}

/// The image that is meant where masks are asked for. Most images have none: whether there is such
/// an image is known by the table of images, if it is on disk.
fn masked_image(stimuli: &Named, table: &SegmentationTable, name: &str) -> anyhow::Result<String> {
    if table.has_image(name) {
        return Ok(name.to_owned());
    }
    if let Some(only) = completed(name, table.images().iter()) {
        return Ok(only);
    }
    if stimuli.metadata().is_err() {
        return Ok(name.to_owned());
    }
    Ok(known_name(stimuli, name)?.ok_or_else(|| unknown_image(stimuli, name))?)
}

fn unknown_image(stimuli: &Named, name: &str) -> CommandError {
    let error = CommandError::usage(format!("no image is called {name:?}"));
    let metadata = stimuli.metadata().ok();
    let names: Vec<&str> = metadata.iter().flat_map(|table| table.names()).collect();
    match suggest(name, &names) {
        Some(nearest) => error.hint(format!("the nearest name is {nearest:?}")),
        None => error.hint("laion-fmri stimuli list"),
    }
}

pub(super) fn stimuli(context: &Context, action: &Stimuli) -> anyhow::Result<Status> {
    match action {
        Stimuli::List(args) => list(context, args),
    }
}

fn list(context: &Context, args: &List) -> anyhow::Result<Status> {
    let dataset = context.dataset()?;
    let subject = args.subject.as_ref().map(|id| dataset.subject(id)).transpose()?;
    let stimuli = dataset.stimuli();
    let mut query = stimuli.query();
    for noun in &args.noun {
        query = query.noun(noun);
    }
    for text in &args.caption {
        query = query.caption(text);
    }
    for dataset in &args.dataset {
        query = query.dataset(dataset);
    }
    if let Some(repetitions) = args.reps {
        query = query.repetitions(repetitions);
    }
    if let Some(set) = args.stimuli {
        query = query.set(set);
    }
    if let Some(subject) = &subject {
        query = query.seen_by(subject);
    }
    let names = query.image_names().map_err(|error| with_names(&stimuli, args, error))?;
    context.note(&counted(names.len(), "image"));
    if names.is_empty() {
        return Ok(Status::NotThere);
    }
    let metadata = stimuli.metadata()?;
    output::print_lines(names.iter().map(|name| match metadata.get(name) {
        Some(stimulus) if context.global.json => json(stimulus),
        _ => name.clone(),
    }))?;
    Ok(Status::Done)
}

/// An error about an object or a dataset that no image has and that is near to none: with a few
/// that exist.
fn with_names(stimuli: &Named, args: &List, error: Error) -> anyhow::Error {
    const MOST: usize = 8;
    let Error::NoSuchImage { got, nearest: None, .. } = &error else {
        return with_table(stimuli, error);
    };
    let hint = if args.noun.contains(got) {
        stimuli.segmentation_table().ok().map(|table| {
            let mut nouns = table.all_nouns(NounFilter::Localized);
            nouns.sort_by_key(|count| Reverse(count.images));
            let nouns: Vec<&str> = nouns.iter().map(|count| count.noun).take(MOST).collect();
            format!("the objects of most images are {}", nouns.join(", "))
        })
    } else {
        stimuli.metadata().ok().map(|table| {
            let names = table.stimuli().iter().map(|stimulus| stimulus.dataset.as_str());
            let names: BTreeSet<&str> = names.collect();
            let names: Vec<&str> = names.into_iter().take(MOST).collect();
            format!("the datasets are {}", names.join(", "))
        })
    };
    match hint {
        Some(hint) => CommandError::from(error).hint(hint).into(),
        None => error.into(),
    }
}

/// An error about a file that is not on disk; with the table of images too, if that would be missed
/// next.
fn with_table(stimuli: &Named, error: Error) -> anyhow::Error {
    let is_missing = |error: &Error| matches!(error, Error::StimuliNotDownloaded { .. });
    let table = stimuli.metadata().err().filter(is_missing);
    let hints = [Some(&error).filter(|error| is_missing(error)), table.as_ref()];
    match hints.map(|error| error.and_then(hint::of)) {
        [Some(first), Some(then)] if first != then => {
            CommandError::from(error).hint(format!("{first} && {then}")).into()
        }
        _ => error.into(),
    }
}

fn json(stimulus: &Stimulus) -> String {
    let fields = [
        ("image_name", &stimulus.image_name),
        ("dataset", &stimulus.dataset),
        ("participant", &stimulus.participant),
        ("unique_or_shared", &stimulus.unique_or_shared),
        ("n_reps", &stimulus.n_reps),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), Value::String(value.clone())));
    output::json_line("stimulus", fields)
}

/// The formats of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ImageFormat {
    Png,
    Npy,
}

fn image_format(output: &Path) -> anyhow::Result<ImageFormat> {
    match output.extension().and_then(|extension| extension.to_str()) {
        _ if output::is_stdout(output) => Ok(ImageFormat::Png),
        Some("png") => Ok(ImageFormat::Png),
        Some("npy") => Ok(ImageFormat::Npy),
        _ => Err(output::unsupported(output, &[".png", ".npy"]).into()),
    }
}

fn write_image(
    output: &Path,
    format: ImageFormat,
    image: ArrayView3<'_, u8>,
) -> anyhow::Result<()> {
    match format {
        ImageFormat::Npy => write_npy::<u8, Ix3>(output, image)?,
        ImageFormat::Png if output::is_stdout(output) => {
            export::write_png_to(std::io::stdout().lock(), image).map_err(Error::from)?;
        }
        ImageFormat::Png => export::write_png(output, image).map_err(Error::from)?,
    }
    Ok(())
}

fn write_bytes(output: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if output::is_stdout(output) {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(bytes)?;
        stdout.flush()?;
        return Ok(());
    }
    Ok(export::write_text(output, bytes).map_err(Error::from)?)
}

fn usage(message: &str) -> anyhow::Error {
    CommandError::usage(message).into()
}
