//! Subjects that are read straight from the bucket: the numbers of a mirror, and nothing stored.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fixtures::{Bucket, Fault, Proxy, Server, TracingLog};
use laion_fmri::localizer::{LocalizerResolution, LocalizerSpace, LocalizerTask};
use laion_fmri::noise_ceiling::NoiseCeilingOptions;
use laion_fmri::s3_mirror::ObjectError;
use laion_fmri::stimuli::EmbeddingModel;
use laion_fmri::{
    Cancel, ConnectOptions, Dataset, DownloadRequest, Error, ErrorKind, FilterField, GlobalTrial,
    Hemi, Hemisphere, InputError, Location, MaskSource, NoiseCeiling, Part, Resolution, RoiFormat,
    Roots, SessionId, StimulusSet, Subject, Subjects, Voxels, layout,
};

use crate::{Served, assert_same};

impl Served {
    fn remote(&self) -> Dataset {
        Dataset::from_bucket(&self.location()).unwrap()
    }

    /// Everything that is public, downloaded.
    pub(crate) fn mirrored(&self) -> Dataset {
        let dataset = Dataset::open(self.mirror.path()).unwrap().with_location(self.location());
        let license = dataset.accept_license().unwrap();
        let request = DownloadRequest::new(Subjects::All)
            .include_anatomical()
            .prefix("stimuli/task-images_metadata.csv");
        let report = dataset.download(&request, &license, &(), &Cancel::default()).unwrap();
        report.into_result().unwrap();
        dataset
    }

    fn path(&self, key: &str) -> PathBuf {
        format!("{}/{key}", self.server.url("laion-fmri")).into()
    }
}

fn sessions(subject: &Subject) -> Vec<String> {
    subject.sessions().unwrap().iter().map(ToString::to_string).collect()
}

fn betas_key(subject: &str, session: &str) -> String {
    layout::betas(&subject.parse().unwrap(), &session.parse().unwrap())
}

#[test]
fn a_dataset_that_reads_a_bucket_stays_with_it_and_says_so() {
    let fixture = Served::new();
    let other: Location = "s3://another".parse().unwrap();
    let log = TracingLog::default();
    let dataset = tracing::subscriber::with_default(log.clone(), || {
        fixture.remote().with_location(fixture.location()).with_location(other.clone())
    });
    assert_eq!(*dataset.location(), fixture.location());
    let said = log.text().lines().filter(|line| line.contains("the bucket that is read")).count();
    assert_eq!(said, 1, "{}", log.text());
    assert_eq!(*fixture.mirrored().with_location(other.clone()).location(), other);
}

#[test]
fn a_bucket_is_read_as_patiently_as_the_options_say() {
    let fixture = Served::new();
    let proxy = Proxy::start(fixture.server.address(), |request| {
        if request.is_object() { Fault::Status(503, None) } else { Fault::Pass }
    })
    .unwrap();
    let location: Location = proxy.url("laion-fmri").parse().unwrap();
    let options = ConnectOptions::default().with_max_retries(0);
    let dataset = Dataset::from_bucket(&location).unwrap().with_connect_options(options).unwrap();
    assert_eq!(dataset.connect_options().max_retries, 0);
    let subject = dataset.subject("sub-03").unwrap();
    subject.brain_mask(MaskSource::Anatomical, Resolution::default()).unwrap_err();
    assert_eq!(proxy.faults(), 1);
}

#[test]
fn every_accessor_gives_what_a_mirror_gives() {
    let fixture = Served::new();
    let (there, here) = (fixture.remote(), fixture.mirrored());
    assert!(there.reads_bucket() && !here.reads_bucket());
    assert_eq!(there.subjects().unwrap(), here.subjects().unwrap());
    for id in ["sub-01", "03"] {
        let (there, here) = (there.subject(id).unwrap(), here.subject(id).unwrap());
        compare_masks(&there, &here);
        compare_tables(&there, &here);
        compare_betas(&there, &here);
        assert_eq!(there.inputs_read(), here.inputs_read());
        assert!(there.inputs_read().len() > 10);
    }
}

fn compare_masks(there: &Subject, here: &Subject) {
    assert_eq!(there.sessions().unwrap(), here.sessions().unwrap());
    for source in [MaskSource::Anatomical, MaskSource::Rsquare] {
        let is_full_too = source == MaskSource::Anatomical;
        for resolution in
            [Resolution::Func1pt8].into_iter().chain(is_full_too.then_some(Resolution::Full))
        {
            let [a, b] = [there, here].map(|s| s.brain_mask(source, resolution).unwrap());
            assert_eq!((a.grid(), a.indices()), (b.grid(), b.indices()));
        }
        let queries = ["all", "face", "FFA-1", "laion - retinotopy", "FFA1 | (face & visual)"];
        let [a, b] = [there, here].map(|s| s.roi_masks(queries, source).unwrap());
        for query in queries {
            assert_eq!(a[query].as_slice(), b[query].as_slice(), "{query}");
        }
        let [a, b] = [there, here].map(|s| {
            let coordinates = s.voxel_coordinates(&Voxels::roi("face").mask_source(source));
            coordinates.unwrap()
        });
        assert_eq!(a, b);
    }
    assert_eq!(there.rois(None).unwrap(), here.rois(None).unwrap());
    assert_eq!(there.rois(Some("face")).unwrap(), here.rois(Some("face")).unwrap());
    assert_eq!(there.roi_categories().unwrap(), here.roi_categories().unwrap());
    let [a, b] = [there, here].map(|s| s.roi_data("face", RoiFormat::Gii, Hemi::Both).unwrap());
    assert_eq!(a, b);
    let maps = [
        NoiseCeiling::session("ses-01").unwrap(),
        NoiseCeiling::desc("Noiseceiling12rep").unwrap(),
    ];
    let [a, b] = [there, here].map(|s| s.noise_ceilings(&maps, &Voxels::all()).unwrap());
    for map in &maps {
        assert_same(a[map].as_slice().unwrap(), b[map].as_slice().unwrap(), "noise ceiling");
    }
}

fn compare_tables(there: &Subject, here: &Subject) {
    let tables = |subject: &Subject| -> Vec<(SessionId, Vec<String>, Vec<Vec<String>>)> {
        let tables = subject.trials_of(&[] as &[&str]).unwrap().into_iter();
        let rows = |(session, table): (SessionId, laion_fmri::SessionTrials)| {
            (session, table.columns().to_vec(), table.rows().map(<[String]>::to_vec).collect())
        };
        tables.map(rows).collect()
    };
    assert_eq!(tables(there), tables(here));
    assert_eq!(there.subject_trials().unwrap(), here.subject_trials().unwrap());
    assert_eq!(there.trial_columns(&["ses-01"]).unwrap(), here.trial_columns(&["ses-01"]).unwrap());
    assert!(there.trial_columns(&["ses-01"]).unwrap().derived);
    let [a, b] = [there, here].map(|s| s.stimulus_metadata().unwrap());
    assert_eq!(a.stimuli(), b.stimuli());
}

fn compare_betas(there: &Subject, here: &Subject) {
    let sessions = sessions(here);
    let whole = |subject: &Subject| subject.betas().session(&sessions[0]).load().unwrap();
    assert_same(
        whole(there).as_slice().unwrap(),
        whole(here).as_slice().unwrap(),
        "the whole brain",
    );
    let some = |subject: &Subject| {
        let request = subject.betas().session(&sessions[0]).roi("face").nc_threshold(20.0);
        request.stimuli(StimulusSet::Shared).trials([7, 0, 3, 4, 5, 6, 3]).load_with_rows().unwrap()
    };
    let (a, b) = (some(there), some(here));
    assert_eq!((&a.trials, a.voxels.indices()), (&b.trials, b.voxels.indices()));
    assert_same(a.betas.as_slice().unwrap(), b.betas.as_slice().unwrap(), "filtered");

    let rows = |subject: &Subject| -> Vec<_> {
        subject
            .betas()
            .session(&sessions[0])
            .roi("FFA1")
            .volumes()
            .unwrap()
            .map(Result::unwrap)
            .collect()
    };
    for ((trial, row), (expected, other)) in rows(there).iter().zip(rows(here)) {
        assert_eq!(*trial, expected);
        assert_same(row, &other, "a row");
    }
    let joined =
        |subject: &Subject| subject.betas().roi("FFA1").sessions(&sessions).concat().unwrap();
    let (a, b) = (joined(there), joined(here));
    assert_eq!((&a.sessions, &a.trials), (&b.sessions, &b.trials));
    assert_same(a.betas.as_slice().unwrap(), b.betas.as_slice().unwrap(), "joined");
    let each = |subject: &Subject| {
        let mut all = Vec::new();
        let request = subject.betas().sessions(&sessions).roi("FFA1");
        let taken = request.for_each_session(|session, loaded| {
            all.push((session, loaded.trials, loaded.betas.into_raw_vec_and_offset().0));
            Ok::<(), Error>(())
        });
        taken.unwrap();
        all
    };
    for (a, b) in each(there).iter().zip(each(here)) {
        assert_eq!((&a.0, &a.1), (&b.0, &b.1));
        assert_same(&a.2, &b.2, "each session");
    }
}

#[test]
fn threads_change_nothing() {
    let fixture = Served::new();
    let read = |jobs| {
        let dataset = fixture.remote().with_jobs(jobs);
        let subject = dataset.subject("sub-01").unwrap();
        let sessions = sessions(&subject);
        let joined = subject.betas().roi("face").sessions(&sessions).concat().unwrap();
        joined.betas.iter().map(|beta| beta.to_bits()).collect::<Vec<_>>()
    };
    let one = read(1);
    assert!(read(2) == one && read(5) == one);
}

#[test]
fn a_folder_of_keys_is_a_bucket_too() {
    let bucket = Bucket::temporary().unwrap();
    let location = Location::directory(bucket.root()).unwrap();
    // A folder opens no socket.
    let subject =
        Dataset::from_bucket(&location).unwrap().with_offline(true).subject("sub-03").unwrap();
    let mirror = Dataset::open(bucket.root()).unwrap().subject("sub-03").unwrap();
    let [a, b] =
        [&subject, &mirror].map(|s| s.betas().session("ses-01").roi("FFA1").load().unwrap());
    assert_same(a.as_slice().unwrap(), b.as_slice().unwrap(), "FFA1");
    assert!(subject.subject_trials().unwrap().len() > a.nrows());
    let key = layout::r2mean(subject.id());
    assert_eq!(subject.open_input(&key).unwrap().path(), bucket.path(&key));
}

#[test]
fn a_noise_ceiling_without_sessions_is_that_of_all_sessions() {
    let fixture = Served::new();
    let computed = |dataset: Dataset| {
        let mut options = NoiseCeilingOptions::default();
        options.voxels = Voxels::roi("FFA1");
        let subject = dataset.subject("sub-03").unwrap();
        subject.compute_noise_ceiling(&[] as &[&str], &options, &(), &Cancel::new()).unwrap()
    };
    let (there, here) = (computed(fixture.remote()), computed(fixture.mirrored()));
    assert_eq!(there.plan.sessions, here.plan.sessions);
    assert!(there.plan.sessions.len() > 1);
    assert_same(there.values.as_slice().unwrap(), here.values.as_slice().unwrap(), "computed");
}

#[test]
fn requests_are_counted() {
    let fixture = Served::new();
    let dataset = fixture.remote();
    assert_eq!(fixture.server.counters().lists, 0);
    let subject = dataset.subject("sub-03").unwrap();
    let counters = fixture.server.counters();
    assert_eq!((counters.lists, counters.gets, counters.heads), (3, 0, 0));
    // One mask, one ROI, the table, the betas: each is asked for once.
    subject.betas().session("ses-01").roi("FFA1").load().unwrap();
    assert_eq!(fixture.server.counters().gets, 4);
    // Small files are kept, betas pass by again.
    subject.betas().session("ses-01").roi("FFA1").load().unwrap();
    subject.trials("ses-01").unwrap();
    subject.roi_mask("FFA1", MaskSource::Anatomical).unwrap();
    let counters = fixture.server.counters();
    assert_eq!((counters.lists, counters.gets, counters.heads), (3, 5, 0));
    let ceiling = NoiseCeiling::session("ses-01").unwrap();
    for _ in 0..3 {
        subject.noise_ceiling(&ceiling, &Voxels::roi("FFA1")).unwrap();
        subject.stimulus_metadata().unwrap();
    }
    let counters = fixture.server.counters();
    assert_eq!((counters.lists, counters.gets, counters.heads), (3, 7, 1));
}

#[test]
fn sessions_that_are_not_released_are_withheld() {
    let fixture = Served::new();
    let subject = fixture.remote().subject("sub-01").unwrap();
    let keys: BTreeSet<&str> = fixture.bucket.keys().iter().map(|(key, _)| key.as_str()).collect();
    let held_out = betas_key("sub-01", "ses-31");
    assert!(keys.contains(&*held_out), "the bucket lists it");
    assert!(!sessions(&subject).iter().any(|session| session.starts_with("ses-3")));
    for error in [
        subject.betas().session("ses-31").load().unwrap_err(),
        subject.trials("31").unwrap_err(),
        subject.open_input(&held_out).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotThere);
        let Error::Input(InputError::Withheld { path, reason }) = error else {
            panic!("{error:?}")
        };
        assert!(path.to_str().unwrap().contains("/sub-01/ses-31/func/"), "{}", path.display());
        assert_eq!(reason, "the session is not released yet");
    }
    assert_eq!(fixture.server.counters().gets, 0);
}

#[test]
fn what_the_bucket_refuses_is_withheld() {
    let fixture = Served::new();
    let subject = fixture.remote().subject("sub-03").unwrap();
    let denied = fixture.bucket.denied_keys();
    let key = denied.iter().find(|key| key.contains("sub-03_ses-02")).unwrap();
    let error = subject.open_input(key).unwrap_err();
    assert!(
        matches!(&error, Error::Input(InputError::Withheld { path, reason: "the bucket refuses it" })
        if *path == fixture.path(key))
    );
    assert_eq!(error.kind(), ErrorKind::NotThere);

    let options =
        fixture.bucket.options().denied(fixture.bucket.keys().iter().map(|(k, _)| k.clone()));
    let server = Server::start(options).unwrap();
    let location: Location = server.url("laion-fmri").parse().unwrap();
    let subject = Dataset::from_bucket(&location).unwrap().subject("sub-03").unwrap();
    for error in [
        subject.n_voxels(MaskSource::Anatomical).unwrap_err(),
        subject.trials("ses-01").unwrap_err(),
        subject.roi_mask("FFA1", MaskSource::Rsquare).unwrap_err(),
    ] {
        assert!(matches!(error, Error::Input(InputError::Withheld { .. })), "{error:?}");
    }
}

#[test]
fn what_is_not_there_is_named_with_bucket_and_key() {
    let fixture = Served::new();
    let dataset = fixture.remote();
    let subject = dataset.subject("sub-03").unwrap();
    let key = betas_key("sub-03", "ses-29");
    let error = subject.betas().session("ses-29").load().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotThere);
    assert!(
        matches!(&error, Error::Input(InputError::NotInBucket { path, .. }) if *path == fixture.path(&key))
    );
    assert!(error.to_string().contains(&key), "{error}");

    let ceiling = NoiseCeiling::desc("NoNoise").unwrap();
    let error = subject.noise_ceiling(&ceiling, &Voxels::all()).unwrap_err();
    assert!(matches!(error, Error::Input(InputError::NotInBucket { .. })), "{error:?}");
    for relative in ["derivatives/rois/sub-03/none.nii.gz", "stimuli/none.h5"] {
        let error = subject.open_input(relative).unwrap_err();
        assert!(
            matches!(&error, Error::Input(InputError::NotInBucket { path, .. }) if *path == fixture.path(relative))
        );
    }
    let error = subject.roi_mask("nothing", MaskSource::Anatomical).unwrap_err();
    assert!(matches!(error, Error::UnknownRoi { .. }), "{error:?}");
    let error = dataset.subject("sub-09").unwrap_err();
    assert!(matches!(error, Error::SubjectNotFound { got, available }
        if got == "sub-09" && available == ["sub-01", "sub-03", "sub-05"]));
    assert!(matches!(dataset.license().unwrap_err(), Error::DataDirNotSet));
}

#[test]
fn small_files_of_other_trees_are_read_too() {
    let fixture = Served::new();
    let there = fixture.remote().subject("sub-01").unwrap();
    let here = Dataset::open(fixture.bucket.root()).unwrap().subject("sub-01").unwrap();
    assert_eq!(there.events("ses-01", Some(1)).unwrap(), here.events("ses-01", Some(1)).unwrap());
    assert_eq!(there.events("ses-01", None).unwrap(), here.events("ses-01", None).unwrap());
    let error = there.events("ses-30", None).unwrap_err();
    assert!(matches!(error, Error::Input(InputError::NotInBucket { .. })), "{error:?}");
    let error = there.events("ses-31", None).unwrap_err();
    assert!(matches!(error, Error::Input(InputError::Withheld { .. })), "{error:?}");

    let (task, left) = (LocalizerTask::Object, LocalizerSpace::Fsnative(Hemisphere::Left));
    let volume = LocalizerSpace::T1w(LocalizerResolution::Res1pt8);
    let [a, b] = [&there, &here].map(|subject| {
        let effect = subject.localizer_effect(task, "scrambled", 2, left).unwrap();
        let surface = subject.localizer_statmap(task, "objectVsScrambled", left).unwrap();
        let faces = subject.localizer_statmap(LocalizerTask::Category, "faceVsObject", volume);
        [effect.values(), surface.values(), faces.unwrap().values()].concat()
    });
    assert_same(&a, &b, "localizers");
    let error = there.localizer_statmap(task, "nothing", left).unwrap_err();
    assert!(matches!(error, Error::Input(InputError::NotInBucket { .. })), "{error:?}");

    let [a, b] = [&there, &here].map(|subject| {
        let captions = subject.captions().unwrap();
        let lists = (0..captions.len()).map(|trial| {
            let list = captions.list(GlobalTrial(trial), None).unwrap();
            list.into_iter().map(str::to_owned).collect::<Vec<_>>()
        });
        lists.collect::<Vec<_>>()
    });
    // The mirror has sessions that are not released.
    assert_eq!(a[..], b[..a.len()]);
    let [a, b] = [&there, &here].map(|s| s.stimuli().segmentation_table().unwrap().rows().len());
    assert_eq!(a, b);
}

#[test]
fn what_is_opened_by_path_needs_a_copy_on_disk() {
    let fixture = Served::new();
    let subject = fixture.remote().subject("sub-01").unwrap();
    let left = LocalizerSpace::Fsnative(Hemisphere::Left);
    let of = |id: &str| DownloadRequest::subject(id).unwrap();
    let t1w = of("sub-01").filter(FilterField::Suffix, ["T1w"]).include_anatomical();
    let statmaps = of("sub-01")
        .filter(FilterField::Task, ["floc"])
        .filter(FilterField::Suffix, ["statmap"])
        .include_localizers();
    for (error, what, expected) in [
        (subject.t1w(Resolution::Full).unwrap_err(), "the T1w image of sub-01", Some(t1w)),
        (
            subject
                .localizer_statmap_path(LocalizerTask::Category, "faceVsObject", left)
                .unwrap_err(),
            "the z-map faceVsObject of sub-01 ses-4BarScreenfLoc floc",
            Some(statmaps),
        ),
        (subject.freesurfer_dir().unwrap_err(), "the FreeSurfer directory of sub-01", None),
        (
            subject.raw_bold("ses-01", 1, 1, Part::Magnitude).map(drop).unwrap_err(),
            "the raw image of sub-01 ses-01 run 1 echo 1 mag",
            None,
        ),
        (
            subject.images().map(drop).unwrap_err(),
            "the stimulus images",
            Some(DownloadRequest::stimuli()),
        ),
        (
            subject.embeddings().unwrap().all(EmbeddingModel::Clip, None).map(drop).unwrap_err(),
            "the embeddings",
            Some(DownloadRequest::embeddings([EmbeddingModel::Clip])),
        ),
        (
            subject.segmentations().map(drop).unwrap_err(),
            "the object masks",
            Some(DownloadRequest::segmentations()),
        ),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotThere);
        let Error::LocalCopyNeeded { what: got, path, fetch } = &error else { panic!("{error:?}") };
        assert_eq!(got, what);
        assert!(path.starts_with(fixture.path("")), "{}", path.display());
        assert!(expected.is_none_or(|expected| **fetch == expected), "{fetch:?}");
    }
}

#[test]
fn tables_that_the_bucket_lacks_are_named() {
    let bucket = Bucket::temporary().unwrap();
    let table = layout::trials(&"sub-03".parse().unwrap(), &"ses-02".parse().unwrap());
    std::fs::remove_file(bucket.path(&table)).unwrap();
    let server = bucket.serve().unwrap();
    let location: Location = server.url("laion-fmri").parse().unwrap();
    let opened = || Dataset::from_bucket(&location).unwrap().subject("sub-03").unwrap();
    let subject = opened();
    assert!(subject.betas().session("ses-02").roi("FFA1").load().unwrap().nrows() > 0);
    let none: [&str; 0] = [];
    for error in [
        subject.trials("ses-02").unwrap_err(),
        subject.subject_trials().unwrap_err(),
        subject.trials_of(&none).unwrap_err(),
    ] {
        assert!(
            matches!(&error, Error::Input(InputError::NotInBucket { path, .. }) if path.ends_with(&table)),
            "{error:?}"
        );
    }
    std::fs::remove_file(bucket.path("stimuli/task-images_metadata.csv")).unwrap();
    let subject = opened();
    let error = subject.stimulus_metadata().unwrap_err();
    assert!(matches!(error, Error::Input(InputError::NotInBucket { .. })), "{error:?}");
    assert!(!subject.trial_columns(&["ses-01"]).unwrap().derived);
}

#[test]
fn no_socket_is_opened_offline() {
    let fixture = Served::new();
    let dataset = fixture.remote().with_offline(true);
    for error in [dataset.subject("sub-01").unwrap_err(), dataset.subjects().unwrap_err()] {
        assert!(matches!(error, Error::Offline { .. }), "{error:?}");
    }
    assert!(dataset.stimuli().metadata().is_err());
    let counters = fixture.server.counters();
    assert_eq!((counters.lists, counters.gets, counters.heads), (0, 0, 0));
}

#[test]
fn files_that_are_not_read_from_the_bucket_are_those_of_the_roots() {
    let fixture = Served::new();
    let mirror = fixture.mirrored();
    let roots = Roots::new([fixture.mirror.path().to_owned()]).unwrap();
    let dataset = fixture.remote().with_roots(roots);
    let [a, b] = [&dataset, &mirror].map(|d| d.subject("sub-03").unwrap().t1w(Resolution::Full));
    assert_eq!(a.unwrap(), b.unwrap());
    assert!(dataset.license().is_ok());
    // An input is the file that the accessor of its content reads.
    let inputs = dataset.subject("sub-03").unwrap();
    let key = "derivatives/anatomical/sub-03/x";
    let there = inputs.open_input(&layout::stimulus_metadata()).unwrap();
    assert_eq!(there.path(), fixture.path(&layout::stimulus_metadata()));
    std::fs::write(fixture.mirror.path().join(key), "x").unwrap();
    let here = inputs.open_input(key).unwrap();
    assert_eq!(here.path(), fixture.mirror.path().join(key));
    assert_eq!(here.finish().unwrap().size, 1);
    // But masks come from the bucket even so.
    let brain = dataset.subject("sub-03").unwrap();
    let brain = brain.brain_mask(MaskSource::Rsquare, Resolution::Func1pt8).unwrap();
    assert_eq!(brain.path(), fixture.path(&layout::r2mean(&"sub-03".parse().unwrap())));
}

fn proxied(
    fixture: &Served,
    decide: impl Fn(&fixtures::ProxiedRequest) -> Fault + Send + Sync + 'static,
) -> (Proxy, Dataset) {
    let proxy = Proxy::start(fixture.server.address(), decide).unwrap();
    let location: Location = proxy.url("laion-fmri").parse().unwrap();
    let dataset = Dataset::from_bucket(&location).unwrap();
    (proxy, dataset)
}

#[test]
fn connections_that_break_are_continued() {
    let fixture = Served::new();
    let expected = {
        let subject = fixture.remote().subject("sub-03").unwrap();
        subject.betas().session("ses-01").roi("face").load().unwrap()
    };
    // Every second request for an object ends after some bytes of the body, at ever other places.
    let (proxy, dataset) = proxied(&fixture, |request| match request.number {
        number if request.is_object() && number % 2 == 1 => Fault::Cut(1000 + 777 * number as u64),
        _ => Fault::Pass,
    });
    let subject = dataset.subject("sub-03").unwrap();
    let betas = subject.betas().session("ses-01").roi("face").load().unwrap();
    assert_same(betas.as_slice().unwrap(), expected.as_slice().unwrap(), "face");
    assert!(proxy.faults() > 1);
    let whole = fixture.remote().subject("sub-03").unwrap();
    let [a, b] = [subject, whole].map(|subject| {
        let mut rows = subject.betas().session("ses-02").roi("face").volumes().unwrap();
        rows.by_ref().map(|row| row.unwrap().1).collect::<Vec<_>>()
    });
    assert!(a.concat().iter().zip(b.concat()).all(|(a, b)| a.to_bits() == b.to_bits()));
}

#[test]
fn bytes_that_are_not_those_of_the_object_are_never_an_answer() {
    let fixture = Served::new();
    let is_betas = |target: &str| target.contains("SingletrialBetas_statmap.nii.gz");
    // In the header of the gzip member there are fields that no checksum covers.
    for offset in [5, 20_000] {
        let (_proxy, dataset) = proxied(&fixture, move |request| {
            if is_betas(&request.target) { Fault::Flip(offset) } else { Fault::Pass }
        });
        let subject = dataset.subject("sub-03").unwrap();
        let request = subject.betas().session("ses-01").roi("FFA1");
        let error = request.load().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity, "{offset}: {error:?}");
        let last = request.volumes().unwrap().last().unwrap();
        assert_eq!(last.unwrap_err().kind(), ErrorKind::Integrity, "{offset}");
        let key = betas_key("sub-03", "ses-01");
        let error = subject.open_input(&key).unwrap().finish().unwrap_err();
        assert!(matches!(error, Error::Object(ObjectError::Checksum { .. })), "{error:?}");
    }
    let (_proxy, dataset) =
        proxied(&fixture, |request| if request.is_object() { Fault::Flip(9) } else { Fault::Pass });
    let subject = dataset.subject("sub-03").unwrap();
    for error in [
        subject.n_voxels(MaskSource::Anatomical).unwrap_err(),
        subject.trials("ses-01").unwrap_err(),
        subject.stimulus_metadata().unwrap_err(),
    ] {
        assert!(matches!(error, Error::Object(ObjectError::Checksum { .. })), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Integrity);
    }
    assert_eq!(subject.inputs_read(), []);
}

#[test]
fn an_object_that_changes_after_the_listing_is_refused() {
    let fixture = Served::new();
    let subject = fixture.remote().subject("sub-03").unwrap();
    let key = layout::trials(subject.id(), &"ses-01".parse().unwrap());
    let table = std::fs::read_to_string(fixture.bucket.path(&key)).unwrap();
    std::fs::write(fixture.bucket.path(&key), table + "x\n").unwrap();
    let error = subject.trials("ses-01").unwrap_err();
    assert!(matches!(&error, Error::Object(ObjectError::Changed { .. })), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Integrity);
}

#[test]
fn what_is_listed_too_large_is_not_fetched() {
    let fixture = Served::new();
    let key = layout::r2mean(&"sub-03".parse().unwrap());
    let path = fixture.bucket.path(&key);
    std::fs::File::options().write(true).open(&path).unwrap().set_len((64 << 20) + 1).unwrap();
    let subject = fixture.remote().subject("sub-03").unwrap();
    let error = subject.n_voxels(MaskSource::Rsquare).unwrap_err();
    assert!(matches!(&error, Error::Input(InputError::TooLarge { path, limit, got })
        if *path == fixture.path(&key) && *limit == 64 << 20 && *got == (64 << 20) + 1));
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert_eq!(fixture.server.counters().gets, 0);
}

/// Every file below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found
}

/// Runs in a process of its own, whose home, working and temporary directories are empty.
#[test]
#[ignore = "started by `nothing_is_written`"]
fn reads_in_empty_directories() {
    let location: Location = std::fs::read_to_string("../location").unwrap().parse().unwrap();
    let dataset = Dataset::from_bucket(&location).unwrap().with_jobs(2);
    let subject = dataset.subject("sub-01").unwrap();
    let sessions = sessions(&subject);
    subject.betas().session("ses-01").roi("face").nc_threshold(10.0).load().unwrap();
    subject.betas().sessions(&sessions).concat().unwrap();
    subject.betas().session("ses-01").volumes().unwrap().for_each(|row| drop(row.unwrap()));
    subject.subject_trials().unwrap();
    subject.roi_data("all", RoiFormat::All, Hemi::Both).unwrap();
}

#[test]
fn nothing_is_written() {
    let fixture = Served::new();
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    std::fs::write(directory.path().join("location"), fixture.server.url("laion-fmri")).unwrap();
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new(program)
        .args(["--exact", "bucket::reads_in_empty_directories", "--ignored"])
        .current_dir(&empty)
        .envs(["HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"].map(|name| (name, &empty)))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert_eq!(files(&empty), Vec::<PathBuf>::new());
}
