//! Building stores: sessions that are there stay, and no build leaves half of one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fixtures::Bucket;
use laion_fmri::ndarray::Array2;
use laion_fmri::store::{StoreRequest, StoreTasks};
use laion_fmri::{
    Cancel, Dataset, Error, ErrorKind, Event, MaskSource, SessionId, StoreError, Voxels,
};

use crate::Served;
use crate::stores::{
    answers, assert_equal, bits, build, files, flip, is_read_from, is_read_from_files, key,
    session, sources,
};

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

/// Times of modification of the matrices of a store, by session.
fn matrices(store: &Path) -> BTreeMap<String, SystemTime> {
    let entries = fs::read_dir(store).unwrap().map(|entry| entry.unwrap());
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    let modified = |name: &String| {
        fs::metadata(store.join(name).join("betas/c.0.0")).unwrap().modified().unwrap()
    };
    let sessions = names.filter(|name| name.starts_with("ses-"));
    sessions.map(|name| (name.clone(), modified(&name))).collect()
}

#[test]
fn sessions_stay_when_the_document_of_the_store_is_damaged() {
    let bucket = Bucket::temporary().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let subject = || dataset.subject("sub-01").unwrap();
    let face = Voxels::roi("face");
    for voxels in [Voxels::all(), face] {
        let request = StoreRequest::new().voxels(voxels);
        let built = build(&subject(), &request);
        let (before, sound) = (matrices(&built.path), files(&built.path));
        let sound: BTreeMap<PathBuf, Vec<u8>> =
            sound.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
        let document = built.path.join("zarr.json");
        let damages: [(&str, &dyn Fn()); 4] = [
            ("flipped", &|| flip(&document, 300)),
            ("gone", &|| fs::remove_file(&document).unwrap()),
            ("cut short", &|| fs::write(&document, "{").unwrap()),
            ("without voxels", &|| {
                fs::remove_file(&document).unwrap();
                fs::remove_dir_all(built.path.join("voxel_index")).unwrap();
            }),
        ];
        for (what, damage) in damages {
            damage();
            assert!(is_read_from_files(&subject()), "{what}");
            let again = build(&subject(), &request);
            assert_eq!((again.built.len(), again.kept.len()), (0, built.built.len()), "{what}");
            assert_eq!(matrices(&built.path), before, "{what}");
            assert!(is_read_from(&subject(), &built.path), "{what}");
            let now = files(&built.path);
            assert!(now.iter().all(|path| sound.get(path) == fs::read(path).ok().as_ref()));
            assert_eq!(now.len(), sound.len(), "{what}");
        }
        // A session that is none of this store goes, the others stay.
        let other = Voxels::roi("V1d");
        let other = build(&subject(), &StoreRequest::new().voxels(other).sessions(["ses-01"]));
        fs::remove_dir_all(built.path.join("ses-02")).unwrap();
        fs::rename(other.path.join("ses-01"), built.path.join("ses-02")).unwrap();
        flip(&document, 300);
        let again = build(&subject(), &request);
        assert_eq!(again.built, [session("ses-02")]);
        assert!(is_read_from(&subject(), &built.path));
        fs::remove_dir_all(bucket.root().join("stores")).unwrap();
    }
}

#[test]
fn every_byte_is_checked_when_that_is_asked_for() {
    let bucket = Bucket::temporary().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let subject = || dataset.subject("sub-01").unwrap();
    let expected = bits(&subject().betas().roi("face").session("ses-02").load().unwrap());
    let built = build(&subject(), &StoreRequest::new());
    let verify = StoreRequest::new().verify();
    let shard = built.path.join("ses-02/betas/c.0.0");
    flip(&shard, fs::metadata(&shard).unwrap().len() / 2);
    assert!(build(&subject(), &StoreRequest::new()).built.is_empty());
    assert_eq!(build(&subject(), &verify).built, [session("ses-02")]);
    // The index is for other readers.
    flip(&shard, fs::metadata(&shard).unwrap().len() - 9);
    assert_eq!(subject().plan_store(&verify).unwrap().sessions, [session("ses-02")]);
    assert_eq!(build(&subject(), &verify).built, [session("ses-02")]);
    let before = matrices(&built.path);
    flip(&built.path.join("voxel_ijk/c.0.0"), 40);
    assert_eq!(build(&subject(), &verify).kept.len(), built.built.len());
    assert_eq!(matrices(&built.path), before);
    for store in dataset.stores().unwrap() {
        let check = store.verify(std::num::NonZeroUsize::MIN, &Cancel::new()).unwrap();
        assert!(check.damaged.is_empty(), "{:?}", check.damaged);
    }
    let got = bits(&subject().betas().roi("face").session("ses-02").load().unwrap());
    assert_eq!(got, expected);
    let cancel = Cancel::new();
    cancel.cancel();
    let stopped = subject().build_store(&verify, &(), &cancel);
    assert!(matches!(stopped, Err(Error::Cancelled)), "{stopped:?}");
}

#[test]
fn a_store_is_built_by_independent_tasks() {
    let bucket = Bucket::temporary().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let subject = dataset.subject("sub-01").unwrap();
    for voxels in [Voxels::all(), Voxels::roi("face")] {
        let request = StoreRequest::new().voxels(voxels);
        let tasks = subject.store_tasks(&request).unwrap();
        let names: Vec<&str> = tasks.sessions().iter().map(SessionId::as_str).collect();
        assert_eq!(names, ["ses-01", "ses-02", "ses-03", "ses-31", "ses-32"]);
        assert!(tasks.peak_memory() > 0 && !tasks.is_from_bucket());
        let text = tasks.lines().collect::<Vec<_>>().join("\n");
        let tasks = StoreTasks::read(&text, "plan").unwrap();
        // Each by another process, in any order, some twice.
        let run = |task: usize| {
            let dataset = Dataset::open(bucket.root()).unwrap();
            tasks.run(&dataset, [task], &(), &Cancel::new()).unwrap()
        };
        for task in [3, 0, 4] {
            assert_eq!(run(task).built, [tasks.sessions()[task].clone()]);
        }
        assert_eq!(run(3).kept, [session("ses-31")]);
        let error = tasks.finish(&dataset).unwrap_err();
        let Error::Store(error) = error else { panic!("{error}") };
        let StoreError::NotBuilt { missing, of: 5, .. } = *error else { panic!("{error}") };
        assert_eq!(missing, [session("ses-02"), session("ses-03")]);
        std::thread::scope(|scope| {
            for task in [1, 2, 2] {
                scope.spawn(move || run(task));
            }
        });
        tasks.finish(&dataset).unwrap();
        let subject = dataset.subject("sub-01").unwrap();
        assert!(is_read_from(&subject, tasks.path()));
        assert!(subject.store_tasks(&request).unwrap().is_empty());
        fs::remove_dir_all(tasks.path()).unwrap();
    }
}
