//! Images, embeddings, object masks and captions: by trial, by question, and as items for training.

use crate::fetch;
use laion_fmri::DownloadRequest;
use laion_fmri::stimuli::Error as StimuliError;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use fixtures::{Bucket, bucket};
use laion_fmri::ndarray::{Array3, Axis};
use laion_fmri::stimuli::{CaptionSource, EmbeddingModel, NounFilter, files};
use laion_fmri::{
    Dataset, Error, ErrorKind, GlobalTrial, NoiseCeiling, SessionTrial, StimulusSet, Subject,
};

use crate::{assert_same, opened};

/// A bucket with the images that the public one does not give away.
fn complete() -> Bucket {
    let bucket = Bucket::temporary().unwrap();
    bucket::write_gated(bucket.root()).unwrap();
    bucket
}

/// The label of every trial, and its session, in session order.
fn shown(subject: &str) -> Vec<(&'static str, &'static str)> {
    let sessions = bucket::SESSIONS.into_iter().filter(|session| session.subject == subject);
    sessions
        .flat_map(|session| {
            let labels = bucket::labels(subject, session.session);
            labels.into_iter().map(move |label| (session.session, label))
        })
        .collect()
}

fn assert_displayed(image: &Array3<u8>, name: &str) {
    assert_eq!(image.dim(), (bucket::IMAGE_HEIGHT, bucket::IMAGE_WIDTH, 3), "{name}");
    let tolerance = if name.ends_with(".png") { 1 } else { bucket::JPEG_TOLERANCE };
    for ((y, x, channel), level) in image.indexed_iter() {
        let expected = bucket::displayed_pixel(name, y, x)[channel];
        let difference = level.abs_diff(expected);
        assert!(difference <= tolerance, "{name} at {y}, {x}: {level}, expected {expected}");
    }
}

fn assert_features(features: &[f32], model: EmbeddingModel, name: &str) {
    assert_same(features, &bucket::embedding(model.as_str(), name), name);
}

#[test]
fn embeddings_line_up_with_the_betas() {
    let bucket = Bucket::temporary().unwrap();
    for id in ["sub-01", "sub-03"] {
        let subject = opened(&bucket, id);
        let embeddings = subject.embeddings().unwrap();
        assert_eq!(embeddings.models(), EmbeddingModel::ALL);
        let shown = shown(id);
        assert_eq!(embeddings.len(), shown.len());
        for &model in EmbeddingModel::ALL {
            let all = embeddings.all_f32(model, None).unwrap();
            assert_eq!(all.nrows(), shown.len());
            for (row, (_, name)) in all.rows().into_iter().zip(&shown) {
                assert_features(&row.to_vec(), model, name);
            }
            let one = embeddings.get(model, GlobalTrial(3)).unwrap();
            assert_features(&one.mapv(f32::from).to_vec(), model, shown[3].1);
            let first = shown[0].0;
            let session = embeddings.all(model, Some(first)).unwrap();
            let rows = shown.iter().filter(|(session, _)| *session == first).count();
            assert_eq!(session.nrows(), rows);
            assert_eq!(session.mapv(f32::from), all.slice_axis(Axis(0), (0..rows).into()));
            assert_eq!(rows, subject.betas().session(first).roi("FFA1").load().unwrap().nrows());
        }
    }
}

#[test]
fn images_come_as_displayed_in_trial_order() {
    let bucket = complete();
    let subject = opened(&bucket, "sub-03");
    let images = subject.images().unwrap();
    let shown = shown("sub-03");
    assert_eq!((images.len(), images.is_empty()), (shown.len(), false));
    let first = shown[0].0;
    let array = images.array(Some(first)).unwrap();
    let names: Vec<&str> =
        shown.iter().filter(|(session, _)| *session == first).map(|(_, name)| *name).collect();
    assert_eq!(array.dim().0, names.len());
    assert!(names.iter().collect::<BTreeSet<_>>().len() < names.len(), "images repeat");
    let mut one_by_one = images.all(Some(first)).unwrap();
    assert_eq!(one_by_one.len(), names.len());
    for (trial, (image, name)) in array.axis_iter(Axis(0)).zip(&names).enumerate() {
        assert_displayed(&image.to_owned(), name);
        assert_eq!(one_by_one.next().unwrap().unwrap(), image);
        let trial = GlobalTrial(trial);
        assert_eq!(images.get(trial).unwrap(), image);
        assert_eq!(images.name(trial).unwrap(), *name);
        assert_eq!(images.encoded(trial).unwrap(), bucket::encoded_image(name).unwrap());
        let channels = if name.ends_with(".png") { 4 } else { 3 };
        assert_eq!(images.original(trial).unwrap().pixels.dim().2, channels);
    }
    assert_eq!(images.array(None).unwrap().dim().0, shown.len());
}

#[test]
fn objects_and_captions_follow_the_trials() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let (objects, captions) = (subject.segmentations().unwrap(), subject.captions().unwrap());
    let mut seen = 0;
    for (trial, (_, name)) in shown("sub-01").into_iter().enumerate() {
        let trial = GlobalTrial(trial);
        let rows: Vec<_> = bucket::MASKS.iter().filter(|row| row.image_name == name).collect();
        assert_eq!(objects.has_image(trial).unwrap(), !rows.is_empty());
        assert_eq!(objects.for_image(trial).unwrap().len(), rows.len());
        let mut nouns: Vec<&str> = Vec::new();
        for row in &rows {
            if row.localized && !nouns.contains(&row.noun) {
                nouns.push(row.noun);
            }
            let mask = objects.get(trial, row.noun, row.instance_id).unwrap();
            for ((y, x), pixel) in mask.indexed_iter() {
                assert_eq!(*pixel, bucket::mask_pixel(row.mask_row, y, x));
            }
            seen += 1;
        }
        assert_eq!(objects.nouns(trial, NounFilter::Localized).unwrap(), nouns);

        let mut rows: Vec<_> =
            bucket::CAPTIONS.iter().filter(|row| row.image_name == name).collect();
        rows.sort_by_key(|row| row.caption_idx);
        let texts: Vec<&str> = rows.iter().map(|row| row.caption).collect();
        assert_eq!(captions.list(trial, None).unwrap(), texts);
        assert_eq!(captions.for_image(trial).unwrap().len(), texts.len());
        let ai = rows.iter().find(|row| row.caption_idx == 0).map(|row| row.caption);
        assert_eq!(captions.ai(trial).unwrap(), ai);
        let human: Vec<&str> = texts.iter().skip(usize::from(ai.is_some())).copied().collect();
        assert_eq!(captions.human(trial, None).unwrap(), human);
        assert_eq!(captions.human(trial, Some(1)).unwrap(), human[..human.len().min(1)]);
        assert_eq!(captions.list(trial, Some(CaptionSource::Human)).unwrap(), human);
    }
    assert!(seen > 0, "trials with masks");
}

#[test]
fn trials_and_sessions_that_do_not_exist_are_named() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-03");
    let trials = shown("sub-03").len();
    let error = subject.captions().unwrap().ai(GlobalTrial(trials)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(
        matches!(&error, Error::GlobalTrialOutOfRange { subject, trials: all, got }
            if subject.as_str() == "sub-03" && (*all, *got) == (trials, trials)),
        "{error}"
    );
    let embeddings = subject.embeddings().unwrap();
    let error = embeddings.all(EmbeddingModel::Clip, Some("ses-29")).unwrap_err();
    assert!(
        matches!(&error, Error::DataNotDownloaded { what, path, .. }
            if what.contains("ses-29") && path.starts_with(bucket.root())),
        "{error:?}"
    );
    let error = embeddings.all(EmbeddingModel::Clip, Some("first one")).unwrap_err();
    assert!(matches!(&error, Error::InvalidSession { got } if got == "first one"));
    let segmentations = subject.segmentations().unwrap();
    let covered = (0..trials).map(GlobalTrial).find(|t| segmentations.has_image(*t).unwrap());
    let error = segmentations.get(covered.unwrap(), "submarine", 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(
        matches!(&error, Error::Stimuli(error)
            if matches!(&**error, StimuliError::UnknownMask { nouns, .. } if !nouns.is_empty())),
        "{error:?}"
    );
}

#[test]
fn each_modality_needs_its_own_files_alone() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-03");
    let missing = |name: &str,
                   expected: DownloadRequest,
                   open: &dyn Fn(&Subject) -> Result<(), Error>| {
        let path = bucket.path(&format!("{}/{name}", files::DIRECTORY));
        let held = fs::read(&path).ok();
        if held.is_some() {
            fs::remove_file(&path).unwrap();
        }
        let error = open(&subject).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotThere);
        assert_eq!(fetch(&error), expected);
        assert!(matches!(&error, Error::StimuliNotDownloaded { path: got, .. } if *got == path));
        // The failure is not kept: the same handle finds what was fetched meanwhile.
        if let Some(bytes) = held {
            fs::write(&path, bytes).unwrap();
            open(&subject).unwrap();
        }
    };
    missing(files::IMAGES, DownloadRequest::stimuli(), &|s| s.images().map(drop));
    missing(files::CAPTIONS, DownloadRequest::captions(), &|s| s.captions().map(drop));
    missing(files::SEGMENTATIONS, DownloadRequest::segmentations(), &|s| {
        s.segmentations().map(drop)
    });
    missing(files::SEGMENTATIONS_METADATA, DownloadRequest::segmentations(), &|_| {
        opened(&bucket, "sub-03").segmentations().map(drop)
    });
    missing(
        "task-images_desc-SigLIP2_embeddings.h5",
        DownloadRequest::embeddings([EmbeddingModel::SigLip2]),
        &|s| s.embeddings()?.all(EmbeddingModel::SigLip2, None).map(drop),
    );
    let dataset = Dataset::open(bucket.root()).unwrap();
    assert!(matches!(dataset.load_stimuli(), Err(Error::StimuliNotDownloaded { .. })));
    bucket::write_gated(bucket.root()).unwrap();
    assert!(dataset.load_stimuli().unwrap().is_complete());
    let set = dataset.stimuli().embedding_set(EmbeddingModel::ALL).unwrap();
    assert_eq!(set.image_ids().unwrap(), bucket::embedding_ids());
}

#[test]
fn a_damaged_file_is_an_error_of_integrity() {
    let bucket = complete();
    let path = bucket.path(&format!("{}/{}", files::DIRECTORY, files::IMAGES));
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let subject = opened(&bucket, "sub-03");
    let error = subject.images().and_then(|images| images.array(None)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
    assert!(
        matches!(&error, Error::Stimuli(error)
            if matches!(&**error, StimuliError::Damaged { path: got, .. } | StimuliError::NotHdf5 { path: got, .. } if *got == path)),
        "{error:?}"
    );
}

#[test]
fn questions_go_across_modalities() {
    let bucket = Bucket::temporary().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let stimuli = dataset.stimuli();
    let rows = bucket::stimulus_rows();
    let in_order = |fits: &dyn Fn(&bucket::StimulusRow) -> bool| -> Vec<String> {
        rows.iter().filter(|row| fits(row)).map(|row| row.image_name.to_owned()).collect()
    };
    assert_eq!(stimuli.query().image_names().unwrap(), in_order(&|_| true));
    let dogs = |row: &bucket::StimulusRow| {
        bucket::MASKS.iter().any(|mask| mask.image_name == row.image_name && mask.noun == "dog")
    };
    let found = stimuli.query().noun("dog").image_names().unwrap();
    assert_eq!(found, in_order(&dogs));
    assert_eq!(found.len(), 2);
    let both = stimuli.query().noun("dog").noun("person").image_names().unwrap();
    assert_eq!(both.len(), 1);
    assert_eq!(
        stimuli.query().noun("dog").dataset("nsd").repetitions(4).image_names().unwrap(),
        in_order(&|row| dogs(row) && row.dataset == "NSD" && row.n_reps == "4rep")
    );
    let rolls = stimuli.query().caption("SPRING ROLL").image_names().unwrap();
    assert_eq!(rolls, [bucket::CAPTIONS[0].image_name]);
    assert_eq!(
        stimuli.query().set(StimulusSet::Unique).dataset("THINGS").image_names().unwrap(),
        in_order(&|row| row.unique_or_shared == "unique" && row.dataset == "THINGS")
    );
    let subject = dataset.subject("sub-03").unwrap();
    let seen: BTreeSet<&str> = shown("sub-03").into_iter().map(|(_, name)| name).collect();
    assert_eq!(
        stimuli.query().seen_by(&subject).image_names().unwrap(),
        in_order(&|row| seen.contains(row.image_name))
    );
    for (query, reason) in [
        (stimuli.query().noun("dogs"), "no object is called \"dogs\" (did you mean dog?)"),
        (stimuli.query().noun("grass"), "no object is called \"grass\""),
        (stimuli.query().dataset("NSDD"), "no dataset is called \"NSDD\" (did you mean NSD?)"),
    ] {
        let error = query.image_names().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert_eq!(error.to_string(), reason);
    }
}

#[test]
fn a_group_shares_images() {
    let bucket = complete();
    let group = Dataset::open(bucket.root()).unwrap().group_all().unwrap();
    let shared = group.shared_images().unwrap();
    let rows = group.shared_stimulus_metadata().unwrap();
    assert_eq!(shared.len(), rows.len());
    let array = shared.array().unwrap();
    for (index, (image, row)) in array.axis_iter(Axis(0)).zip(&rows).enumerate() {
        assert_eq!(shared.names()[index], row.image_name);
        assert_displayed(&image.to_owned(), &row.image_name);
    }
    assert_eq!(shared.get(2).unwrap(), array.index_axis(Axis(0), 2));
    let png = shared.names().iter().position(|name| name.ends_with(".png")).unwrap();
    assert_eq!(shared.original(png).unwrap().pixels.dim().2, 4);
    assert!(matches!(shared.get(rows.len()), Err(Error::OutOfRange { .. })));
}

#[test]
fn items_for_training_hold_what_the_accessors_give() {
    let bucket = complete();
    let subject = opened(&bucket, "sub-03");
    let scratch = tempfile::tempdir().unwrap();
    let sessions = subject.sessions().unwrap();
    let names: Vec<&str> = sessions.iter().map(laion_fmri::SessionId::as_str).collect();
    let trials = subject.trial_dataset().roi("face").open(scratch.path()).unwrap();
    let betas = subject.betas().roi("face").sessions(&names).concat().unwrap();
    let table = subject.subject_trials().unwrap();
    assert_eq!((trials.len(), trials.n_voxels()), betas.betas.dim());
    let mut in_session: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for (index, row) in betas.betas.rows().into_iter().enumerate() {
        let item = trials.item(index).unwrap();
        let trial = &table[GlobalTrial(index)];
        assert_same(&item.betas.to_vec(), &row.to_vec(), "betas");
        assert_eq!(item.image_name, trial.image_name);
        assert_eq!((&item.session, item.session_trial), (&trial.session, trial.session_trial));
        assert_eq!(item.repetition, trial.repetition);
        let count = in_session.entry((trial.session.as_str(), &trial.image_name)).or_default();
        assert_eq!(item.session_repetition, *count);
        *count += 1;
        assert_eq!(item.image.dim(), (3, bucket::IMAGE_HEIGHT, bucket::IMAGE_WIDTH));
        let displayed = subject.images().unwrap().get(GlobalTrial(index)).unwrap();
        for ((channel, y, x), level) in item.image.indexed_iter() {
            assert_eq!(*level, f32::from(displayed[[y, x, channel]]) / 255.0);
        }
    }
    assert!(in_session.values().any(|count| *count > 1), "images repeat within sessions");
    assert!(matches!(trials.item(trials.len()), Err(Error::OutOfRange { .. })));
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0, "the scratch file has no name");
}

#[test]
fn batches_hold_every_trial_once() {
    let bucket = complete();
    let subject = opened(&bucket, "sub-01");
    let scratch = tempfile::tempdir().unwrap();
    let request =
        subject.trial_dataset().session("ses-01").roi("FFA1").stimuli(StimulusSet::Shared);
    let trials = request.open(scratch.path()).unwrap();
    let expected = subject
        .betas()
        .session("ses-01")
        .roi("FFA1")
        .stimuli(StimulusSet::Shared)
        .load_with_rows()
        .unwrap();
    let mut row = 0;
    let batches = trials.batches(5);
    assert_eq!(batches.len(), trials.len().div_ceil(5));
    for batch in batches {
        let batch = batch.unwrap();
        let n = batch.betas.nrows();
        assert_eq!(batch.images.dim().0, n);
        assert_eq!(
            [batch.image_names.len(), batch.sessions.len(), batch.repetitions.len()],
            [n; 3]
        );
        for index in 0..n {
            let item = trials.item(row).unwrap();
            assert_same(&batch.betas.row(index).to_vec(), &item.betas.to_vec(), "betas");
            assert_eq!(batch.images.index_axis(Axis(0), index), item.image);
            assert_eq!(batch.image_names[index], item.image_name);
            assert_eq!(batch.session_trials[index], expected.trials[row]);
            assert_eq!(batch.session_repetitions[index], item.session_repetition);
            row += 1;
        }
    }
    assert_eq!(row, trials.len());
    let order = |seed: u64| -> Vec<SessionTrial> {
        let batches = trials.shuffled_batches(4, seed);
        batches.flat_map(|batch| batch.unwrap().session_trials).collect()
    };
    assert_eq!(order(1), order(1));
    assert_ne!(order(1), order(2));
    let mut sorted = order(1);
    assert_ne!(sorted, expected.trials);
    sorted.sort_unstable();
    assert_eq!(sorted, expected.trials);
    assert_eq!(trials.batches(0).next().unwrap().unwrap().betas.nrows(), 1);
}

#[test]
fn images_can_be_transformed_and_voxels_chosen() {
    let bucket = complete();
    let subject = opened(&bucket, "sub-01");
    let scratch = tempfile::tempdir().unwrap();
    let mean = |image: Array3<f32>| Array3::from_elem((3, 1, 1), image.mean().unwrap());
    let trials = subject
        .trial_dataset()
        .session("ses-01")
        .nc_threshold(30.0)
        .image_transform(mean)
        .open(scratch.path())
        .unwrap();
    assert_eq!(trials.item(0).unwrap().image.dim(), (3, 1, 1));
    assert_eq!(trials.batch(&[0, 1]).unwrap().images.dim(), (2, 3, 1, 1));
    let expected = subject.betas().session("ses-01").nc_threshold(30.0).load_with_rows().unwrap();
    assert_eq!(**trials.voxels(), *expected.voxels);

    let none = trials.batch(&[]).unwrap();
    assert_eq!(none.betas.dim(), (0, trials.n_voxels()));
    assert_eq!((none.images.dim(), none.image_names.len()), ((0, 0, 0, 0), 0));

    let turn = AtomicUsize::new(0);
    let sizes = move |_| Array3::zeros((3, 1, 1 + turn.fetch_add(1, Ordering::Relaxed) % 2));
    let uneven = subject.trial_dataset().session("ses-01").roi("FFA1").image_transform(sizes);
    let uneven = uneven.open(scratch.path()).unwrap();
    let everything: Vec<usize> = (0..uneven.len()).collect();
    assert!(matches!(uneven.batch(&everything), Err(Error::DoesNotFit { .. })));

    let sessions = ["ses-01", "ses-02"];
    let own = subject.trial_dataset().sessions(sessions).nc_threshold(66.0).open(scratch.path());
    assert!(matches!(own, Err(Error::VoxelAxis { .. })));
    let map = NoiseCeiling::Desc("Noiseceiling12rep".to_owned());
    subject
        .trial_dataset()
        .sessions(sessions)
        .nc_threshold_on(map, 30.0)
        .open(scratch.path())
        .unwrap();
    let nowhere = scratch.path().join("missing");
    assert!(matches!(
        subject.trial_dataset().session("ses-01").roi("FFA1").open(nowhere),
        Err(Error::Io { .. })
    ));
}

#[cfg(feature = "burn")]
#[test]
fn burn_takes_the_items() {
    use burn_dataset::Dataset as _;

    let bucket = complete();
    let scratch = tempfile::tempdir().unwrap();
    let subject = opened(&bucket, "sub-01");
    let trials =
        subject.trial_dataset().session("ses-01").roi("FFA1").open(scratch.path()).unwrap();
    let (got, item) = (trials.get(1).unwrap(), trials.item(1).unwrap());
    assert_same(&got.betas.to_vec(), &item.betas.to_vec(), "betas");
    assert_eq!((got.image, got.image_name), (item.image, item.image_name));
    assert!(trials.get(trials.len()).is_err());
}
