//! The page "Stimulus Derivatives" of the Python package and the stimulus half of "Load" in Rust,
//! block by block: embeddings, object masks, captions, and the same by trial. Run it with the folder
//! of a mirror that has the images too; the tests run it on a small one.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use laion_fmri::ndarray::Axis;
use laion_fmri::stimuli::{Captions, EmbeddingModel, Embeddings, NounFilter, Segmentations, files};
use laion_fmri::{Dataset, GlobalTrial, ZscoreOptions, zscore};

fn main() -> Result<(), Box<dyn Error>> {
    let root = std::env::args_os().nth(1).map(PathBuf::from);
    let root = root.ok_or("usage: stimulus_derivatives DIR")?;
    run(&root, &std::env::temp_dir(), &mut io::stdout())
}

pub(crate) fn run(root: &Path, scratch: &Path, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let name = "shared_12rep_LAION_cluster_2677_i5.jpg";
    let folder = root.join(files::DIRECTORY);

    // Standalone readers need their own files and nothing else: load_embeddings("CLIP").
    let model = EmbeddingModel::Clip;
    let emb = Embeddings::open(folder.join(model.file_name()), model)?;
    emb.row(0)?; // (n_features,), float16
    writeln!(out, "{model}: {} x {}", emb.len(), emb.get(name)?.len())?;

    // Segmentations(): nouns of an image, one mask.
    let seg = Segmentations::open(
        folder.join(files::SEGMENTATIONS),
        folder.join(files::SEGMENTATIONS_METADATA),
    )?;
    let nouns = seg.nouns(name, NounFilter::Localized);
    let mask = seg.get(name, nouns[0], 0)?; // (height, width), uint8
    writeln!(
        out,
        "{}: {:?}; {} pixels of {}",
        name,
        nouns,
        mask.sum_axis(Axis(0)).len(),
        nouns[0]
    )?;

    // Captions(): people's in rank order, the language model's, all rows.
    let caps = Captions::open(folder.join(files::CAPTIONS))?;
    writeln!(out, "{} human captions, ai: {:?}", caps.human(name, None).len(), caps.ai(name))?;
    for row in caps.get(name) {
        writeln!(out, "{} {} {:?}", row.caption_idx, row.source, row.text)?;
    }

    // load_stimuli(): the same and the images, by name, each file opened when it is needed.
    let dataset = Dataset::open(root)?; // laion_fmri::config::open() for the configured one
    let stim = dataset.load_stimuli()?;
    let images = stim.images()?;
    let image = images.decode(name)?; // (height, width, 3), uint8, as displayed
    let jpeg = images.encoded(name)?;
    writeln!(out, "{} images; {:?}, {} bytes", images.len(), image.dim(), jpeg.len())?;
    for entry in images.iter().take(3) {
        let (name, bytes) = entry?;
        writeln!(out, "{name}: {}", bytes.len())?;
    }
    let models = stim.embedding_models();
    stim.embedding_set(&models)?; // refuses files that list their images differently
    writeln!(out, "{:?}: {:?}", models, stim.embeddings(model)?.matrix()?.dim())?;
    writeln!(out, "{:?}", stim.segmentations()?.nouns(name, NounFilter::All))?;
    writeln!(out, "{:?}", stim.captions()?.human(name, Some(1)))?;
    let dogs = stim.query().noun("dog").dataset("NSD").image_names()?;
    writeln!(out, "NSD images with a dog: {dogs:?}")?;

    // By trial: sub.metadata and the views whose rows line up with the betas.
    let sub = dataset.subject("sub-03")?;
    let table = sub.subject_trials()?;
    let trial = GlobalTrial(5);
    writeln!(out, "trial 5: {} in {}", table[trial].image_name, table[trial].session)?;
    let embeddings = sub.embeddings()?;
    embeddings.get(model, trial)?;
    let x_all = embeddings.all(model, None)?; // (n_trials, n_features), float16
    let x_session = embeddings.all_f32(model, Some("ses-01"))?;
    writeln!(out, "features {:?}, of ses-01 {:?}", x_all.dim(), x_session.dim())?;
    let objects = sub.segmentations()?;
    for trial in (0..objects.len()).map(GlobalTrial) {
        // No image without masks is an error: the list is empty.
        if objects.nouns(trial, NounFilter::Localized)?.contains(&"dog") {
            objects.get(trial, "dog", 0)?;
        }
    }
    let captions = sub.captions()?;
    captions.human(trial, None)?;
    captions.ai(trial)?;
    let pictures = sub.images()?;
    pictures.get(trial)?;
    writeln!(out, "pictures {:?}", pictures.array(Some("ses-01"))?.dim())?;

    // CLIP features against z-scored betas, row by row.
    let mut y = sub.betas().session("ses-01").roi("visual").load()?;
    let session = vec!["ses-01"; y.nrows()];
    zscore(&mut y, &session, &ZscoreOptions::default())?;
    writeln!(out, "X {:?}, y {:?}", x_session.dim(), y.dim())?;

    // to_torch_dataset(session=..., roi=...): items and batches, read lazily.
    let trials = sub.trial_dataset().session("ses-01").roi("visual").open(scratch)?;
    let item = trials.item(0)?;
    writeln!(out, "item: {} betas, image {:?}", item.betas.len(), item.image.dim())?;
    let shown: usize = trials
        .shuffled_batches(16, 42)
        .map(|batch| batch.map(|batch| batch.betas.nrows()))
        .sum::<Result<_, _>>()?;
    writeln!(out, "{shown} trials in shuffled batches")?;
    Ok(())
}
