//! Stores change nothing but the time, and what is wrong with one never becomes a wrong number.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use fixtures::Bucket;
use fixtures::bucket::public_sessions;
use laion_fmri::extract::{Average, Conventions, ExtractRequest};
use laion_fmri::ndarray::Array2;
use laion_fmri::noise_ceiling::NoiseCeilingOptions;
use laion_fmri::store::{StoreBuilt, StoreRequest};
use laion_fmri::{
    Cancel, Dataset, Error, ErrorKind, Event, MaskSource, NoiseCeiling, SessionId, StimulusSet,
    StoreError, Subject, Voxels, layout,
};

use crate::Served;

/// Every accessor that reads betas, by a name, as bits.
type Answers = BTreeMap<String, Vec<u32>>;

fn bits<'a>(values: impl IntoIterator<Item = &'a f32>) -> Vec<u32> {
    values.into_iter().map(|value| value.to_bits()).collect()
}

fn build(subject: &Subject, request: &StoreRequest) -> StoreBuilt {
    subject.build_store(request, &(), &Cancel::new()).unwrap()
}

fn session(name: &str) -> SessionId {
    name.parse().unwrap()
}

fn key(subject: &str, session: &str) -> String {
    layout::betas(&subject.parse().unwrap(), &session.parse().unwrap())
}

/// Every answer about a subject, with the voxels of one mask source.
fn answers(dataset: &Dataset, id: &str, source: MaskSource, scratch: &Path) -> Answers {
    let subject = dataset.subject(id).unwrap();
    let mut answers = Answers::new();
    // Those of held-out sessions have no map of their own.
    let base = subject.betas().mask_source(source).sessions(public_sessions(id));
    let face = base.clone().roi("face");
    let shuffled = [7, 3, 3, 40, 0, 22];
    let mask = subject.roi_mask("face | V1", source);
    let mask = mask.or_else(|_| subject.roi_mask("face", source)).unwrap();
    let threshold = NoiseCeiling::desc("Noiseceiling12rep").unwrap();
    let requests = [
        ("brain", base.clone()),
        ("face", face.clone()),
        ("mask", subject.betas().sessions(public_sessions(id)).mask(mask)),
        ("threshold", base.clone().nc_threshold(20.0)),
        ("common threshold", face.clone().nc_threshold_on(threshold, 10.0)),
        ("shared", face.clone().stimuli(StimulusSet::Shared)),
        ("trials", base.clone().trials([2, 9, 30])),
        ("shuffled", face.clone().trials(shuffled)),
        ("none", face.clone().trials([])),
    ];
    for (name, request) in requests {
        for (session, betas) in request.load_sessions().unwrap() {
            answers.insert(format!("{name} {session}"), bits(&betas));
            let rows = request.clone().session(&session).volumes().unwrap();
            let rows: Vec<(usize, Vec<f32>)> =
                rows.map(|row| row.map(|(trial, row)| (trial.0, row)).unwrap()).collect();
            let trials: Vec<u32> = rows.iter().map(|(trial, _)| *trial as u32).collect();
            answers.insert(format!("{name} {session} trials"), trials);
            let rows = bits(rows.iter().flat_map(|(_, row)| row));
            assert_eq!(rows, answers[&format!("{name} {session}")], "{name} {session}");
        }
    }
    let joined = subject.betas().mask_source(source).roi("face").concat().unwrap();
    answers.insert("concat".to_owned(), bits(&joined.betas));
    let path = |session: &SessionId| scratch.join(format!("{session}.npy"));
    face.write_npy(path, |session, written| {
        let bytes = fs::read(written.path).unwrap();
        answers.insert(format!("npy {session}"), bytes.into_iter().map(u32::from).collect());
        Ok::<_, Error>(())
    })
    .unwrap();
    let sessions: Vec<String> = joined.sessions.iter().map(ToString::to_string).collect();
    let sessions: Vec<&str> = sessions.iter().map(String::as_str).collect();
    let options = NoiseCeilingOptions::default().voxels(Voxels::all().mask_source(source));
    let computed = subject.compute_noise_ceiling(&sessions[..1], &options, &(), &Cancel::new());
    answers.insert("computed".to_owned(), bits(&computed.unwrap().values));
    for (name, average) in [("average", Average::Image), ("rows", Average::None)] {
        let mut conventions = Conventions::default();
        conventions.rois = vec!["face".to_owned()];
        conventions.mask_source = source;
        conventions.average = average;
        let output = scratch.join(format!("{name}.npz"));
        let request = ExtractRequest::new(&output).subjects([id]).conventions(conventions);
        let plan = dataset.extract_plan(&request).unwrap();
        plan.run(dataset, 0..plan.len(), &(), &Cancel::new()).unwrap();
        plan.merge(&(), &Cancel::new()).unwrap();
        for file in [output.clone(), output.with_extension("npz.recipe.toml")] {
            let bytes = fs::read(&file).unwrap();
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            answers.insert(name, bytes.into_iter().map(u32::from).collect());
        }
    }
    answers
}

/// Compares answer by answer: the whole would fill the screen.
fn assert_equal(got: &Answers, expected: &Answers, what: &str) {
    assert_eq!(got.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{what}");
    for (name, expected) in expected {
        assert!(got[name] == *expected, "{what}: {name}");
    }
}

/// The stores that a read told of, by session; the empty path for the file.
fn sources(subject: &Subject, roi: &str) -> BTreeMap<String, PathBuf> {
    let told = Mutex::new(BTreeMap::new());
    let observer = |event: Event<'_>| {
        if let Event::Reading { session, store, .. } = event {
            let store = store.map(Path::to_owned).unwrap_or_default();
            told.lock().unwrap().insert(session.to_string(), store);
        }
    };
    subject.betas().roi(roi).observer(&observer).load_sessions().unwrap();
    told.into_inner().unwrap()
}

/// Whether every session of a read came from this store.
fn is_read_from(subject: &Subject, store: &Path) -> bool {
    let sources = sources(subject, "face");
    assert!(!sources.is_empty());
    sources.values().all(|source| source == store)
}

fn is_read_from_files(subject: &Subject) -> bool {
    is_read_from(subject, Path::new(""))
}

#[test]
fn every_accessor_gives_the_same_bits_from_a_store() {
    let scratch = tempfile::tempdir().unwrap();
    for (id, source) in [
        ("sub-01", MaskSource::Anatomical),
        ("sub-01", MaskSource::Rsquare),
        // One of its sessions holds scaled integers.
        ("sub-03", MaskSource::Anatomical),
    ] {
        let bucket = Bucket::temporary().unwrap();
        let open = || Dataset::open(bucket.root()).unwrap();
        let expected = answers(&open(), id, source, scratch.path());
        let request = StoreRequest::new().voxels(Voxels::all().mask_source(source));
        let built = build(&open().subject(id).unwrap(), &request);
        assert!(built.built.len() > 1 && built.kept.is_empty());
        for jobs in [1, 3] {
            let dataset = open().with_jobs(jobs);
            let what = format!("{id} {source} {jobs}");
            assert_equal(&answers(&dataset, id, source, scratch.path()), &expected, &what);
            let without = dataset.without_stores();
            assert_equal(&answers(&without, id, source, scratch.path()), &expected, &what);
        }
        if source == MaskSource::Anatomical {
            assert!(is_read_from(&open().subject(id).unwrap(), &built.path));
            assert!(is_read_from_files(&open().without_stores().subject(id).unwrap()));
        }
        // The store and the small files are enough.
        for session in &built.built {
            fs::remove_file(bucket.path(&key(id, session.as_str()))).unwrap();
        }
        let alone = answers(&open(), id, source, scratch.path());
        assert_equal(&alone, &expected, &format!("{id} {source} without files"));
        let error = open().without_stores().subject(id).unwrap().betas().load_sessions();
        assert!(matches!(error, Err(Error::DataNotDownloaded { .. })));
    }
}

#[test]
fn a_trial_dataset_and_a_group_read_stores() {
    let bucket = Bucket::temporary().unwrap();
    fixtures::bucket::write_gated(bucket.root()).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let read = |dataset: &Dataset| {
        let subject = dataset.subject("sub-03").unwrap();
        let trials = subject.trial_dataset().roi("face").open(scratch.path()).unwrap();
        let items = trials.iter().flat_map(|item| item.unwrap().betas).collect::<Vec<f32>>();
        let group = dataset.group(&["sub-01", "sub-03"]).unwrap();
        let shared = group.shared_betas(&["ses-01"], |betas| betas.roi("face")).unwrap();
        let shared: Vec<f32> =
            shared.subjects.values().flat_map(|answers| answers.betas.iter().copied()).collect();
        (bits(&items), bits(&shared))
    };
    let dataset = Dataset::open(bucket.root()).unwrap();
    let expected = read(&dataset);
    for id in ["sub-01", "sub-03"] {
        let built = build(&dataset.subject(id).unwrap(), &StoreRequest::new());
        for session in built.built {
            fs::remove_file(bucket.path(&key(id, session.as_str()))).unwrap();
        }
    }
    assert!(read(&dataset) == expected);
}

#[test]
fn a_store_is_built_from_the_bucket_without_a_file() {
    let fixture = Served::new();
    let remote = Dataset::from_bucket(&fixture.location()).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let expected = answers(&remote, "sub-03", MaskSource::Anatomical, scratch.path());
    let directory = scratch.path().join("stores");
    let request = StoreRequest::new().directory(&directory);
    let built = build(&remote.subject("sub-03").unwrap(), &request);
    // The entity tags of the bucket say that it is in step.
    let remote = remote.with_stores([&directory]);
    assert!(is_read_from(&remote.subject("sub-03").unwrap(), &built.path));
    let again = answers(&remote, "sub-03", MaskSource::Anatomical, scratch.path());
    assert_equal(&again, &expected, "bucket");
    let again = build(&remote.subject("sub-03").unwrap(), &request);
    assert_eq!((again.built.len(), again.kept.len()), (0, 2));
    // A mirror that was downloaded knows the SHA-256 of its files, though not their time.
    let mirror = fixture.mirrored().with_stores([&directory]);
    assert!(is_read_from(&mirror.subject("sub-03").unwrap(), &built.path));
    let here = answers(&mirror, "sub-03", MaskSource::Anatomical, scratch.path());
    assert_equal(&here, &expected, "mirror");
}

#[test]
fn a_build_goes_on_where_it_stopped() {
    let bucket = Bucket::temporary().unwrap();
    let subject = Dataset::open(bucket.root()).unwrap().subject("sub-01").unwrap();
    let first = build(&subject, &StoreRequest::new().sessions(["ses-02"]));
    assert_eq!(first.built, [session("ses-02")]);
    // A session that the store does not have is read from its file.
    let sources = sources(&subject, "face");
    assert_eq!(sources["ses-02"], first.path);
    assert_eq!(sources["ses-01"], Path::new(""));
    let plan = subject.plan_store(&StoreRequest::new()).unwrap();
    // With the two sessions that are held out: here they are on disk.
    assert_eq!((plan.sessions.len(), plan.kept.len(), &plan.path), (4, 1, &first.path));
    let inode = |path: &Path| fs::metadata(path.join("ses-02/zarr.json")).unwrap().modified();
    let before = inode(&first.path).unwrap();
    let cancel = Cancel::new();
    let stop = |event: Event<'_>| {
        if matches!(event, Event::Volume { done: 20.., session, .. } if session.as_str() == "ses-03")
        {
            cancel.cancel();
        }
    };
    let stopped = subject.build_store(&StoreRequest::new(), &stop, &cancel);
    assert!(matches!(stopped, Err(Error::Cancelled)), "{stopped:?}");
    let all = build(&subject, &StoreRequest::new());
    assert_eq!(all.built.len() + all.kept.len(), 5);
    assert!(all.kept.contains(&session("ses-01")));
    assert_eq!(inode(&first.path).unwrap(), before);
    let again = build(&subject, &StoreRequest::new());
    assert_eq!((again.built.len(), again.kept.len()), (0, 5));
    assert!(is_read_from(&subject, &all.path));
    let planned: u64 = {
        let file = |session: &str| all.path.join(session).join("betas/c.0.0");
        let built = ["ses-01", "ses-03", "ses-31", "ses-32"];
        built.map(|session| fs::metadata(file(session)).unwrap().len()).iter().sum()
    };
    assert_eq!(plan.bytes, planned);
}

#[test]
fn builds_side_by_side_leave_one_sound_store() {
    let bucket = Bucket::temporary().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let expected = dataset.subject("sub-01").unwrap().betas().load_sessions().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| build(&dataset.subject("sub-01").unwrap(), &StoreRequest::new()));
        }
    });
    for session in expected.keys() {
        fs::remove_file(bucket.path(&key("sub-01", session.as_str()))).unwrap();
    }
    let got = dataset.subject("sub-01").unwrap().betas().load_sessions().unwrap();
    let all = |betas: &laion_fmri::indexmap::IndexMap<SessionId, Array2<f32>>| {
        betas.values().flat_map(bits).collect::<Vec<u32>>()
    };
    assert!(all(&got) == all(&expected));
    let stores = fs::read_dir(bucket.root().join("stores")).unwrap();
    assert_eq!(stores.count(), 1);
}

#[test]
fn the_smallest_store_that_has_the_voxels_is_read() {
    let bucket = Bucket::temporary().unwrap();
    let shared = tempfile::tempdir().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let subject = dataset.subject("sub-01").unwrap();
    let whole = build(&subject, &StoreRequest::new());
    let small = StoreRequest::new().voxels(Voxels::roi("face")).directory(shared.path());
    let small = build(&subject, &small);
    let name = small.path.file_name().unwrap().to_str().unwrap().to_owned();
    assert!(name.starts_with("sub-01_desc-anatomical_voxels-") && name.ends_with(".zarr"));
    let subject = dataset.with_stores([shared.path()]).subject("sub-01").unwrap();
    let of = |roi| sources(&subject, roi).into_values().next().unwrap();
    assert_eq!(of("FFA1"), small.path);
    assert_eq!(of("all"), whole.path);
    let without = Dataset::open(bucket.root()).unwrap().without_stores();
    let without = without.subject("sub-01").unwrap();
    let one = subject.betas().roi("FFA1").session("ses-01").load().unwrap();
    let other = without.betas().roi("FFA1").session("ses-01").load().unwrap();
    assert_eq!(bits(&one), bits(&other));
}

#[test]
fn a_store_that_is_out_of_step_is_passed_over_and_built_again() {
    let bucket = Bucket::temporary().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let subject = dataset.subject("sub-01").unwrap();
    let built = build(&subject, &StoreRequest::new());
    let (one, other) =
        (bucket.path(&key("sub-01", "ses-01")), bucket.path(&key("sub-01", "ses-02")));
    // The file of another session comes with the mirror, as long as it has as many trials.
    let table = |session: &str| {
        bucket.path(&layout::trials(&"sub-01".parse().unwrap(), &session.parse().unwrap()))
    };
    fs::copy(&other, &one).unwrap();
    fs::copy(table("ses-02"), table("ses-01")).unwrap();
    let expected = dataset.clone().without_stores().subject("sub-01").unwrap();
    let expected = expected.betas().roi("face").session("ses-01").load().unwrap();
    let got = subject.betas().roi("face").session("ses-01").load().unwrap();
    assert_eq!(bits(&got), bits(&expected));
    assert_eq!(sources(&subject, "face")["ses-01"], Path::new(""));
    assert_eq!(sources(&subject, "face")["ses-02"], built.path);
    let again = build(&subject, &StoreRequest::new());
    assert_eq!(again.built, [session("ses-01")]);
    assert!(is_read_from(&subject, &built.path));
    let got = subject.betas().roi("face").session("ses-01").load().unwrap();
    assert_eq!(bits(&got), bits(&expected));
    // The same bytes at another time: nothing is recorded about them, so they are read.
    let file = fs::File::options().write(true).open(&one).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(100)).unwrap();
    assert_eq!(sources(&subject, "face")["ses-01"], Path::new(""));
}

/// Every file below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn flip(path: &Path, position: u64) {
    let byte = fs::read(path).unwrap()[position as usize] ^ 0x40;
    let mut file = fs::File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(position)).unwrap();
    file.write_all(&[byte]).unwrap();
}

#[test]
fn damage_anywhere_leads_back_to_the_files_or_is_an_error() {
    let bucket = Bucket::temporary().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let read = || {
        let subject = dataset.subject("sub-03")?;
        let request = subject.betas().session("ses-01").roi("face");
        let rows: Result<Vec<_>, Error> = request.volumes()?.collect();
        let rows: Vec<f32> = rows?.into_iter().flat_map(|(_, row)| row).collect();
        Ok::<_, Error>((bits(&request.load()?), bits(&rows)))
    };
    let expected = read().unwrap();
    let built = build(&dataset.subject("sub-03").unwrap(), &StoreRequest::new());
    let betas = bucket.path(&key("sub-03", "ses-01"));
    let aside = betas.with_extension("aside");
    let mut errors = 0;
    for file in files(&built.path) {
        let length = fs::metadata(&file).unwrap().len();
        let steps = if file.ends_with("betas/c.0.0") { 97 } else { 3 };
        for position in (0..steps).map(|step| length * step / steps).chain([length - 1]) {
            flip(&file, position);
            let what = format!("{} {position}", file.display());
            assert!(read().unwrap() == expected, "{what}");
            fs::rename(&betas, &aside).unwrap();
            match read() {
                Ok(got) => assert!(got == expected, "{what}"),
                Err(error) => {
                    errors += 1;
                    let kind = error.kind();
                    let expected = [ErrorKind::Integrity, ErrorKind::NotThere];
                    assert!(expected.contains(&kind), "{what}: {error}");
                }
            }
            fs::rename(&aside, &betas).unwrap();
            flip(&file, position);
        }
    }
    assert!(errors > 20, "{errors}");
    assert!(is_read_from(&dataset.subject("sub-03").unwrap(), &built.path));
}

#[test]
fn a_damaged_chunk_without_a_file_is_named_by_session_and_voxel() {
    let bucket = Bucket::temporary().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let subject = dataset.subject("sub-01").unwrap();
    let built = build(&subject, &StoreRequest::new());
    let path = built.path.join("ses-02/betas/c.0.0");
    flip(&path, fs::metadata(&path).unwrap().len() / 2);
    fs::remove_file(bucket.path(&key("sub-01", "ses-02"))).unwrap();
    let error = subject.betas().session("ses-02").load().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    let Error::Store(error) = error else { panic!("{error}") };
    let StoreError::Damaged { subject: id, session, voxel, .. } = &*error else {
        panic!("{error}")
    };
    assert_eq!((id.as_str(), session.as_str()), ("sub-01", "ses-02"));
    let brain = subject.brain_mask(MaskSource::Anatomical, laion_fmri::Resolution::Func1pt8);
    assert!(brain.unwrap().indices().contains(&voxel.unwrap()));
    // Other sessions are not touched by it.
    assert!(subject.betas().session("ses-01").load().is_ok());
}

#[test]
fn remains_and_other_stores_are_never_read() {
    let bucket = Bucket::temporary().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let subject = dataset.subject("sub-01").unwrap();
    let expected = bits(&subject.betas().roi("face").session("ses-01").load().unwrap());
    let other = build(&dataset.subject("sub-03").unwrap(), &StoreRequest::new());
    let rsquare = Voxels::all().mask_source(MaskSource::Rsquare);
    let rsquare = build(&subject, &StoreRequest::new().voxels(rsquare));
    let stores = bucket.root().join("stores");
    let path = stores.join("sub-01_desc-anatomical.zarr");
    let check = |what: &str| {
        let subject = dataset.subject("sub-01").unwrap();
        let got = subject.betas().roi("face").session("ses-01").load().unwrap();
        assert_eq!(bits(&got), expected, "{what}");
        assert_eq!(sources(&subject, "face")["ses-01"], Path::new(""), "{what}");
        let built = build(&subject, &StoreRequest::new());
        assert!(is_read_from(&subject, &built.path), "{what}");
        let got = subject.betas().roi("face").session("ses-01").load().unwrap();
        assert_eq!(bits(&got), expected, "{what}");
    };
    fs::rename(&other.path, &path).unwrap();
    check("the store of another subject");
    fs::remove_dir_all(&path).unwrap();
    fs::rename(&rsquare.path, &path).unwrap();
    check("the store of another mask source");
    fs::remove_file(path.join("zarr.json")).unwrap();
    check("a store without its document");
    fs::remove_file(path.join("ses-01/zarr.json")).unwrap();
    check("a session without its document");
    let shard = path.join("ses-01/betas/c.0.0");
    let bytes = fs::read(&shard).unwrap();
    fs::write(&shard, &bytes[..bytes.len() / 2]).unwrap();
    check("a matrix cut short");
    fs::copy(path.join("ses-02/betas/c.0.0"), &shard).unwrap();
    check("the matrix of another session");
    fs::remove_dir_all(path.join("ses-01")).unwrap();
    fs::create_dir(path.join("ses-01")).unwrap();
    check("a session that is empty");
}

#[test]
fn a_store_that_cannot_be_built_says_why() {
    let bucket = Bucket::temporary().unwrap();
    let subject = Dataset::open(bucket.root()).unwrap().subject("sub-01").unwrap();
    let fail =
        |request: StoreRequest| subject.build_store(&request, &(), &Cancel::new()).unwrap_err();
    let error = fail(StoreRequest::new().sessions(["ses-01", "01"]));
    assert!(matches!(error, Error::NamedTwice { .. }), "{error}");
    let error = fail(StoreRequest::new().sessions(["ses-09"]));
    assert!(matches!(error, Error::DataNotDownloaded { .. }), "{error}");
    let error = fail(StoreRequest::new().max_memory(1 << 20));
    assert!(matches!(error, Error::MemoryLimit { .. }), "{error}");
    let error = fail(StoreRequest::new().voxels(Voxels::roi("face - face")));
    assert_eq!(error.kind(), ErrorKind::NotThere, "{error}");
    // Something else is where the store should be.
    let path = bucket.root().join("stores/sub-01_desc-anatomical.zarr");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "mine").unwrap();
    let error = fail(StoreRequest::new());
    let Error::Store(error) = error else { panic!("{error}") };
    let StoreError::Format(laion_fmri::store::voxel_store::Error::NotReplaceable { path: named }) =
        *error
    else {
        panic!("{error}")
    };
    assert_eq!(named, path);
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    // A damaged file is no session of a store.
    fs::remove_file(&path).unwrap();
    let betas = bucket.path(&key("sub-01", "ses-01"));
    flip(&betas, fs::metadata(&betas).unwrap().len() / 2);
    let error = fail(StoreRequest::new());
    assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
    assert!(!path.join("ses-01").exists());
    let left = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().starts_with('.')));
}
