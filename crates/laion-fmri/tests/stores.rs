//! Stores change nothing but the time, and what is wrong with one never becomes a wrong number.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use fixtures::bucket::public_sessions;
use fixtures::{Bucket, TracingLog};
use laion_fmri::extract::{Average, Conventions, ExtractRequest};
use laion_fmri::noise_ceiling::NoiseCeilingOptions;
use laion_fmri::store::voxel_store::{Group, Values};
use laion_fmri::store::{OpenStore, SessionRows, StoreBuilt, StoreInfo, StoreRequest};
use laion_fmri::{
    Cancel, ColumnStatistics, Dataset, Error, ErrorKind, Event, MaskSource, NoiseCeiling,
    SessionId, StimulusSet, StoreError, Subject, VoxelMask, Voxels, layout,
};

/// Every accessor that reads betas, by a name, as bits.
pub(crate) type Answers = BTreeMap<String, Vec<u32>>;

pub(crate) fn bits<'a>(values: impl IntoIterator<Item = &'a f32>) -> Vec<u32> {
    values.into_iter().map(|value| value.to_bits()).collect()
}

pub(crate) fn build(subject: &Subject, request: &StoreRequest) -> StoreBuilt {
    subject.build_store(request, &(), &Cancel::new()).unwrap()
}

pub(crate) fn session(name: &str) -> SessionId {
    name.parse().unwrap()
}

pub(crate) fn key(subject: &str, session: &str) -> String {
    layout::betas(&subject.parse().unwrap(), &session.parse().unwrap())
}

/// Every answer about a subject, with the voxels of one mask source.
pub(crate) fn answers(dataset: &Dataset, id: &str, source: MaskSource, scratch: &Path) -> Answers {
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
pub(crate) fn assert_equal(got: &Answers, expected: &Answers, what: &str) {
    assert_eq!(got.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{what}");
    for (name, expected) in expected {
        assert!(got[name] == *expected, "{what}: {name}");
    }
}

/// The stores that a read told of, by session; the empty path for the file.
pub(crate) fn sources(subject: &Subject, roi: &str) -> BTreeMap<String, PathBuf> {
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
pub(crate) fn is_read_from(subject: &Subject, store: &Path) -> bool {
    let sources = sources(subject, "face");
    assert!(!sources.is_empty());
    sources.values().all(|source| source == store)
}

pub(crate) fn is_read_from_files(subject: &Subject) -> bool {
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
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

pub(crate) fn flip(path: &Path, position: u64) {
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
fn what_stores_have_of_some_voxels_is_answered_without_the_files() {
    let bucket = Bucket::temporary().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let subject = dataset.subject("sub-03").unwrap();
    let face = subject.roi_mask("face", MaskSource::Anatomical).unwrap();
    let expected = subject.betas().roi("face").load_sessions().unwrap();
    assert!(subject.stored_betas(&face).unwrap().is_empty());
    let built = build(&subject, &StoreRequest::new());
    let got = subject.stored_betas(&face).unwrap();
    assert_eq!(got.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (session, betas) in &expected {
        assert_eq!(bits(&got[session]), bits(betas), "{session}");
    }
    assert_eq!(subject.stored_sessions(&face).unwrap(), Vec::from_iter(got.keys().cloned()));
    assert!(
        dataset.without_stores().subject("sub-03").unwrap().stored_betas(&face).unwrap().is_empty()
    );

    // A session whose file has changed is left out; one whose file is gone is not.
    fs::remove_file(bucket.path(&key("sub-03", "ses-02"))).unwrap();
    let first = bucket.path(&key("sub-03", "ses-01"));
    fs::write(&first, [fs::read(&first).unwrap(), vec![0]].concat()).unwrap();
    let left = subject.stored_sessions(&face).unwrap();
    assert!(!left.contains(&session("ses-01")) && left.contains(&session("ses-02")), "{left:?}");

    let path = built.path.join("ses-02/betas/c.0.0");
    flip(&path, fs::metadata(&path).unwrap().len() / 2);
    let brain = subject.brain_mask(MaskSource::Anatomical, laion_fmri::Resolution::Func1pt8);
    let error = subject.stored_betas(&VoxelMask::all(brain.unwrap())).unwrap_err();
    let Error::Store(error) = error else { panic!("{error}") };
    let StoreError::Damaged { session: name, voxel: Some(_), .. } = &*error else {
        panic!("{error}")
    };
    assert_eq!(name.as_str(), "ses-02");
}

#[test]
fn statistics_are_the_same_from_a_store_from_the_file_and_when_the_store_is_damaged() {
    let bucket = Bucket::temporary().unwrap();
    let subject = || Dataset::open(bucket.root()).unwrap().subject("sub-01").unwrap();
    let statistics = || subject().betas().session("ses-01").statistics().unwrap();
    let check = |what: &str, got: &ColumnStatistics, expected: &ColumnStatistics| {
        let means = got.means().iter().zip(expected.means());
        for (got, expected) in means.chain(got.deviations().iter().zip(expected.deviations())) {
            let same = (got - expected).abs() < 1e-9 || got.is_nan() && expected.is_nan();
            assert!(same, "{what}: {got}, expected {expected}");
        }
        assert_eq!(got.means().len(), expected.means().len());
    };
    let from_file = statistics();
    let betas = subject().betas().session("ses-01").load().unwrap();
    let column = 400;
    let values: Vec<f64> = betas.column(column).iter().map(|it| f64::from(*it)).collect();
    let values: Vec<f64> = values.into_iter().filter(|it| !it.is_nan()).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    assert!((from_file.means()[column] - mean).abs() < 1e-9);
    let built = build(&subject(), &StoreRequest::new());
    check("store", &statistics(), &from_file);
    // Rows in an order of their own have the same statistics.
    let backwards = (0..betas.nrows()).rev();
    let turned = subject().betas().session("ses-01").trials(backwards).statistics().unwrap();
    check("order", &turned, &from_file);
    let path = built.path.join("ses-01/betas/c.0.0");
    flip(&path, fs::metadata(&path).unwrap().len() / 2);
    check("damaged", &statistics(), &from_file);
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
    let mut bytes = fs::read(&shard).unwrap();
    bytes[..8].copy_from_slice(b"VXSTORE1");
    fs::write(&shard, bytes).unwrap();
    check("a matrix with another header");
    fs::remove_dir_all(path.join("ses-01")).unwrap();
    fs::create_dir(path.join("ses-01")).unwrap();
    check("a session that is empty");
}

#[test]
fn all_stores_and_what_they_take_are_listed() {
    let bucket = Bucket::temporary().unwrap();
    let shared = tempfile::tempdir().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap().with_stores([shared.path()]);
    let before = dataset.disk_usage().unwrap();
    let [mirror] = before.as_slice() else { panic!("{before:?}") };
    assert_eq!((mirror.what, mirror.path.as_path()), ("mirror", bucket.root()));
    for id in ["sub-03", "sub-01"] {
        build(&dataset.subject(id).unwrap(), &StoreRequest::new().sessions(["ses-01"]));
    }
    let small = StoreRequest::new().voxels(Voxels::roi("face")).directory(shared.path());
    build(&dataset.subject("sub-01").unwrap(), &small);
    let stores = dataset.stores().unwrap();
    let ids: Vec<&str> = stores.iter().map(|store| store.subject.as_str()).collect();
    assert_eq!(ids, ["sub-01", "sub-01", "sub-03"]);
    let usage = dataset.disk_usage().unwrap();
    assert_eq!(usage[0], *mirror);
    let of = |whose: &[&str]| -> u64 {
        let named = stores.iter().filter(|store| whose.contains(&store.subject.as_str()));
        named.filter(|store| !store.path.starts_with(shared.path())).map(|it| it.bytes).sum()
    };
    assert_eq!(usage[1].path, shared.path());
    assert_eq!(usage[2].path, bucket.root().join("stores"));
    assert_eq!(usage[2].disk.bytes, of(&["sub-01", "sub-03"]));
    let status = dataset.status(&[], laion_fmri::upkeep::Against::Disk).unwrap();
    let sub_03 = status.subjects.iter().find(|it| it.subject.as_str() == "sub-03").unwrap();
    assert!(sub_03.stores.len() == 1 && sub_03.stores[0].sessions[0].state.is_used());
    // A store is listed when nothing else of its subject is there.
    for tree in ["glmsingle-tedana", "rois", "anatomical"] {
        let tree = bucket.root().join("derivatives").join(tree).join("sub-03");
        let _ = fs::remove_dir_all(tree);
    }
    assert_eq!(dataset.stores().unwrap().len(), 3);
}

#[test]
fn an_open_store_gives_any_trials_of_any_voxels() {
    let bucket = Bucket::temporary().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let subject = dataset.subject("sub-03").unwrap();
    let expected = subject.betas().load_sessions().unwrap();
    let none = subject.open_store(MaskSource::Anatomical).unwrap_err();
    assert_eq!(none.kind(), ErrorKind::NotThere, "{none}");
    let built = build(&subject, &StoreRequest::new());
    let by_path = OpenStore::open(&built.path).unwrap();
    let by_subject = subject.open_store(MaskSource::Anatomical).unwrap();
    let threads = std::num::NonZeroUsize::new(3).unwrap();
    for store in [&by_path, &by_subject] {
        let sessions: Vec<SessionId> = store.sessions().map(|(name, _)| name.clone()).collect();
        assert_eq!(sessions, built.built);
        assert_eq!(store.n_voxels(), expected[0].ncols());
        let rows = |session, trials: &[usize]| SessionRows { session, trials: trials.to_vec() };
        let rows = [rows(1, &[0, 3]), rows(0, &[5])];
        let columns = [9, 2, store.n_voxels() - 1];
        let read = store.read(&rows, &columns, threads, &Cancel::new()).unwrap();
        let value = |session: &str, trial: usize, column: usize| {
            expected[&self::session(session)][[trial, column]].to_bits()
        };
        for (row, (session, trial)) in
            [("ses-02", 0), ("ses-02", 3), ("ses-01", 5)].iter().enumerate()
        {
            for (place, column) in columns.iter().enumerate() {
                assert_eq!(read[[row, place]].to_bits(), value(session, *trial, *column));
            }
        }
        let fail = |rows: &[SessionRows], columns: &[usize]| {
            store.read(rows, columns, threads, &Cancel::new()).unwrap_err()
        };
        let beyond = SessionRows { session: 7, trials: vec![0] };
        for error in [fail(&[beyond], &[0]), fail(&rows, &[store.n_voxels()])] {
            let Error::Store(error) = error else { panic!("{error}") };
            assert!(
                matches!(
                    *error,
                    StoreError::Format(laion_fmri::store::voxel_store::Error::OutOfRange { .. })
                ),
                "{error}"
            );
        }
        let cancel = Cancel::new();
        cancel.cancel();
        let stopped = store.read(&rows, &[0], threads, &cancel);
        assert!(matches!(stopped, Err(Error::Cancelled)));
    }
    fs::write(built.path.join("ses-02/zarr.json"), "{").unwrap();
    assert_eq!(OpenStore::open(&built.path).unwrap_err().kind(), ErrorKind::Integrity);
    let left = dataset.subject("sub-03").unwrap().open_store(MaskSource::Anatomical).unwrap();
    assert_eq!(left.sessions().len(), built.built.len() - 1);
}

#[test]
fn a_handle_notices_what_changes_after_its_first_read() {
    let bucket = Bucket::temporary().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let subject = dataset.subject("sub-01").unwrap();
    let built = build(&subject, &StoreRequest::new());
    let load = || subject.betas().roi("face").session("ses-01").load();
    let first = bits(&load().unwrap());
    assert_eq!(bits(&load().unwrap()), first);
    // A trial table with a row less.
    let table = layout::trials(&"sub-01".parse().unwrap(), &session("ses-01"));
    let table = bucket.path(&table);
    let text = fs::read_to_string(&table).unwrap();
    let shorter = text.trim_end().rsplit_once('\n').unwrap().0;
    fs::write(&table, format!("{shorter}\n")).unwrap();
    assert!(matches!(load(), Err(Error::TrialCountMismatch { .. })));
    fs::write(&table, &text).unwrap();
    assert_eq!(bits(&load().unwrap()), first);
    // A session that is removed, and one that is built again.
    fs::remove_dir_all(built.path.join("ses-01")).unwrap();
    assert_eq!(sources(&subject, "face")["ses-01"], Path::new(""));
    assert_eq!(bits(&load().unwrap()), first);
    build(&dataset.subject("sub-01").unwrap(), &StoreRequest::new());
    assert_eq!(sources(&subject, "face")["ses-01"], built.path);
    // A matrix that is cut while it is open.
    let shard = built.path.join("ses-01/betas/c.0.0");
    fs::File::options().write(true).open(shard).unwrap().set_len(100).unwrap();
    assert_eq!(bits(&load().unwrap()), first);
}

#[test]
fn stores_are_looked_for_once_however_many_sessions_are_read() {
    let bucket = Bucket::temporary().unwrap();
    let subject = Dataset::open(bucket.root()).unwrap().subject("sub-01").unwrap();
    let built = build(&subject, &StoreRequest::new());
    assert!(built.built.len() > 1);
    let listings = |sessions: &[SessionId]| {
        let log = TracingLog::default();
        let request = subject.betas().roi("face").sessions(sessions);
        let loaded =
            tracing::subscriber::with_default(log.clone(), || request.load_sessions().unwrap());
        assert!(loaded.keys().eq(sessions));
        let is_listing = |line: &&str| line.contains("listing") && line.contains("stores");
        log.text().lines().filter(is_listing).count()
    };
    assert_eq!(listings(&built.built[..1]), 1);
    assert_eq!(listings(&built.built), 1);
    // Also those whose file is not there.
    for session in &built.built {
        fs::remove_file(bucket.path(&key("sub-01", session.as_str()))).unwrap();
    }
    assert!(listings(&built.built) <= built.built.len() + 1);
    assert_eq!(sources(&subject, "face").len(), built.built.len());
}

#[test]
fn each_file_of_a_session_is_looked_at_once_when_a_store_is_read_again() {
    let bucket = Bucket::temporary().unwrap();
    let subject = Dataset::open(bucket.root()).unwrap().subject("sub-01").unwrap();
    let built = build(&subject, &StoreRequest::new());
    let read = || subject.betas().roi("face").concat().unwrap();
    let first = read();
    let log = TracingLog::default();
    let again = tracing::subscriber::with_default(log.clone(), read);
    assert_eq!(bits(&again.betas), bits(&first.betas));
    for session in &built.built {
        for key in [layout::betas(subject.id(), session), layout::trials(subject.id(), session)] {
            let name = key.rsplit('/').next().unwrap();
            let is_look = |line: &&str| line.contains("looking at") && line.contains(name);
            assert_eq!(log.text().lines().filter(is_look).count(), 1, "{name}");
        }
    }
}

/// The problems that a check of every byte finds in the stores.
fn problems(dataset: &Dataset) -> Vec<(PathBuf, String)> {
    let check = |store: StoreInfo| store.verify(NonZeroUsize::MIN, &Cancel::new()).unwrap().damaged;
    dataset.stores().unwrap().into_iter().flat_map(check).collect()
}

#[test]
fn damaged_arrays_of_voxels_are_written_again_by_any_build() {
    let bucket = Bucket::temporary().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let again = || build(&dataset.subject("sub-01").unwrap(), &StoreRequest::new());
    let built = again();
    let contents = || -> BTreeMap<PathBuf, Vec<u8>> {
        let files = files(&built.path).into_iter();
        files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    };
    let sound = contents();
    let modified = || {
        let files = files(&built.path).into_iter();
        files.map(|path| fs::metadata(path).unwrap().modified().unwrap()).collect::<Vec<_>>()
    };
    let before = modified();
    assert_eq!(again().kept, built.built);
    assert_eq!(modified(), before, "a build with nothing to do has written");
    let in_roi = built.path.join("in_roi");
    let document = |name: &str| flip(&built.path.join(name).join("zarr.json"), 40);
    let damages: [(&str, &dyn Fn()); 5] = [
        ("a document", &|| document("in_roi")),
        ("a directory", &|| fs::remove_dir_all(&in_roi).unwrap()),
        ("values", &|| flip(&built.path.join("nc_12rep/c.0"), 9)),
        ("voxels", &|| document("voxel_index")),
        ("names", &|| fs::remove_dir_all(built.path.join("roi_name")).unwrap()),
    ];
    for (what, damage) in damages {
        damage();
        assert!(!problems(&dataset).is_empty(), "{what}");
        // Who cannot mend it does not hide it either.
        let store = dataset.stores().unwrap().remove(0);
        store.remove(&[session("ses-09")]).unwrap();
        assert!(!problems(&dataset).is_empty(), "{what}");
        let again = again();
        assert_eq!((again.built.len(), &again.kept), (0, &built.built), "{what}");
        assert!(problems(&dataset).is_empty(), "{what}");
        assert!(contents() == sound, "{what}");
    }
}

#[test]
fn a_store_says_of_its_voxels_what_the_mirror_says_now() {
    let bucket = Bucket::temporary().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let map = |what: &str| {
        let stem = "derivatives/glmsingle-tedana/sub-01/sub-01_task-images_space-T1w";
        bucket.path(&format!("{stem}_{what}_statmap.nii.gz"))
    };
    let (ceiling, other) = (map("desc-Noiseceiling4rep"), map("stat-rsquare_desc-R2mean"));
    let aside = bucket.root().join("aside");
    fs::rename(&ceiling, &aside).unwrap();
    let request = StoreRequest::new().sessions(["ses-01"]);
    let built = build(&dataset.subject("sub-01").unwrap(), &request);
    let stored = || {
        let array = Group::open(&built.path).unwrap().array("nc_4rep").ok()?;
        let Values::Float32(values) = array else { panic!("{array:?}") };
        Some(bits(&values))
    };
    assert_eq!(stored(), None);
    let mut seen = Vec::new();
    for (file, request) in [(&aside, request.clone()), (&other, request.clone().verify())] {
        fs::copy(file, &ceiling).unwrap();
        let subject = dataset.subject("sub-01").unwrap();
        let again = build(&subject, &request);
        assert_eq!((again.built.len(), &again.kept), (0, &built.built));
        let which = NoiseCeiling::desc("Noiseceiling4rep").unwrap();
        let expected = bits(&subject.noise_ceiling(&which, &Voxels::all()).unwrap());
        assert_eq!(stored(), Some(expected.clone()));
        assert!(problems(&dataset).is_empty());
        assert_eq!(sources(&subject, "face")["ses-01"], built.path);
        seen.push(expected);
    }
    assert_ne!(seen[0], seen[1]);
    // What the mirror does not have any more stays.
    fs::remove_file(&ceiling).unwrap();
    build(&dataset.subject("sub-01").unwrap(), &request);
    assert_eq!(stored().as_ref(), seen.last());
    assert!(problems(&dataset).is_empty());
}
