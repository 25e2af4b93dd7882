//! Downloads from the fixture server: filters, pins, held-out sessions, and what a second run does.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use fixtures::{Bucket, Fault, Proxy, Server};
use laion_fmri::s3_mirror::{Action, Outcome, Plan, Report, Stop, Withheld};
use laion_fmri::stimuli::{EmbeddingModel, files};
use laion_fmri::{
    Cancel, ConnectOptions, Dataset, DownloadRequest, Error, ErrorKind, FilterField, MaskSource,
    Subjects,
};

use crate::Served;

impl Served {
    fn dataset(&self) -> Dataset {
        Dataset::open(self.mirror.path()).unwrap().with_location(self.location())
    }

    fn download(&self, request: &DownloadRequest) -> Report {
        let dataset = self.dataset();
        let license = dataset.accept_license().unwrap();
        dataset.download(request, &license, &(), &Cancel::default()).unwrap()
    }

    fn plan(&self, request: &DownloadRequest) -> Result<Plan, Error> {
        Ok(self.dataset().plan_download(request)?.plan().clone())
    }
}

fn fetched(report: &Report) -> BTreeSet<String> {
    let fetched = |outcome: &Outcome| matches!(outcome, Outcome::Fetched { .. });
    let outcomes = report.outcomes.iter().filter(|(_, outcome)| fetched(outcome));
    outcomes.map(|(key, _)| key.as_str().to_owned()).collect()
}

fn subject(id: &str) -> DownloadRequest {
    DownloadRequest::subject(id).unwrap()
}

/// Every file of the mirror outside its state directory, with its bytes.
fn files(root: &Path) -> BTreeSet<String> {
    fn walk(directory: &Path, root: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(root, root, &mut found);
    found.retain(|file| !file.starts_with(".laion_fmri/"));
    found
}

#[test]
fn one_session_is_enough_for_the_default_loader() {
    let fixture = Served::new();
    let report = fixture.download(&subject("sub-03").ses(["ses-01"]));
    assert!(report.is_complete());
    let keys = fetched(&report);
    assert!(keys.contains("derivatives/glmsingle-tedana/sub-03/sub-03_task-images_space-T1w_stat-rsquare_desc-R2mean_statmap.nii.gz"));
    assert!(keys.contains("derivatives/anatomical/sub-03/ses-PrismaAnat/anat/sub-03_ses-PrismaAnat_space-T1w_res-1pt8_desc-brain_mask.nii.gz"));
    assert!(keys.contains("README"));
    assert!(!keys.iter().any(|key| key.contains("ses-02")));
    assert!(!keys.iter().any(|key| key.contains("desc-Noiseceiling4rep")));

    let here = fixture.dataset().subject("sub-03").unwrap();
    let there = Dataset::open(fixture.bucket.root()).unwrap().subject("sub-03").unwrap();
    for source in [MaskSource::Anatomical, MaskSource::Rsquare] {
        let load = |subject: &laion_fmri::Subject| {
            subject.betas().session("ses-01").roi("FFA1").mask_source(source).load().unwrap()
        };
        let (here, there) = (load(&here), load(&there));
        crate::assert_same(here.as_slice().unwrap(), there.as_slice().unwrap(), "FFA1");
    }
}

#[test]
fn brain_masks_come_with_betas_whatever_the_filters() {
    let fixture = Served::new();
    let mut masks = laion_fmri::policy::pinned(&"sub-03".parse().unwrap()).to_vec();
    masks.retain(|mask| fixture.bucket.path(mask).exists());
    assert!(masks.iter().filter(|mask| mask.ends_with(".nii.gz")).count() == 2, "{masks:?}");
    let prefix = "derivatives/glmsingle-tedana/sub-03/ses-01/func/";
    let betas = || subject("sub-03").filter(FilterField::Desc, ["SingletrialBetas"]);
    for (request, expected) in [
        (subject("sub-03"), true),
        (betas(), true),
        (betas().filter(FilterField::Suffix, ["statmap"]), true),
        (betas().filter(FilterField::Suffix, ["trials"]), false),
        (DownloadRequest::of_prefix(prefix), true),
        (subject("sub-03").filter(FilterField::Desc, ["Noiseceiling12rep"]), false),
    ] {
        let plan = fixture.plan(&request).unwrap();
        let has = |mask: &String| plan.items.iter().any(|item| item.key.as_str() == mask);
        assert_eq!(
            masks.iter().filter(|mask| has(mask)).count(),
            if expected { masks.len() } else { 0 },
            "{request:?}"
        );
    }
    let request = DownloadRequest::brain_mask(Subjects::These(vec!["sub-03".parse().unwrap()]));
    let mut keys = fetched(&fixture.download(&request));
    keys.retain(|key| key.contains('/'));
    assert_eq!(keys, BTreeSet::from_iter(masks));
    let unknown = DownloadRequest::brain_mask(Subjects::These(vec!["sub-02".parse().unwrap()]));
    assert!(matches!(fixture.plan(&unknown), Err(Error::SubjectNotFound { .. })));
}

#[test]
fn local_labels_have_no_hyphens_and_bytes_are_those_of_the_bucket() {
    let fixture = Served::new();
    let report = fixture.download(&subject("sub-01").ses(["01"]));
    for (key, outcome) in &report.outcomes {
        if !matches!(outcome, Outcome::Fetched { .. }) {
            continue;
        }
        let local = laion_fmri::bids::dehyphenate_labels(key.as_str());
        assert_eq!(
            std::fs::read(fixture.mirror.path().join(&*local)).unwrap(),
            std::fs::read(fixture.bucket.path(key.as_str())).unwrap(),
            "{key}"
        );
    }
    let names = files(fixture.mirror.path());
    assert!(
        names.contains(
            "derivatives/rois/sub-01/face/sub-01_space-T1w_res-1pt8_label-FFA1_mask.nii.gz"
        )
    );
    assert!(!names.iter().any(|name| name.contains("label-FFA-1")));
    assert!(!names.iter().any(|name| name.ends_with(".part")));
}

#[test]
fn a_second_run_fetches_nothing_and_a_deleted_file_again() {
    let fixture = Served::new();
    let request = subject("sub-03").ses(["ses-01"]);
    let first = fixture.download(&request);
    let second = fixture.download(&request);
    assert!(fetched(&second).is_empty());
    assert_eq!(second.totals().kept, first.totals().fetched);
    std::fs::remove_file(fixture.mirror.path().join("README")).unwrap();
    std::fs::write(fixture.mirror.path().join("participants.tsv"), "cut").unwrap();
    let third = fixture.download(&request);
    let expected = ["README", "participants.tsv"].map(str::to_owned);
    assert_eq!(fetched(&third), BTreeSet::from(expected));
}

#[test]
fn filters_choose_and_rois_ignore_the_session() {
    let fixture = Served::new();
    let request = subject("sub-01")
        .ses(["ses-01"])
        .filter(FilterField::Suffix, ["trials", "mask"])
        .filter(FilterField::Extension, ["tsv", "nii.gz"]);
    let keys = fetched(&fixture.download(&request));
    assert!(keys.contains("derivatives/glmsingle-tedana/sub-01/ses-01/func/sub-01_ses-01_task-images_desc-SingletrialBetas_trials.tsv"));
    assert!(keys.contains("derivatives/glmsingle-tedana/sub-01/ses-01/func/sub-01_ses-01_task-images_desc-SingletrialBetas_trials.json"), "the sidecar comes along");
    assert!(keys.contains(
        "derivatives/rois/sub-01/face/sub-01_space-T1w_res-1pt8_label-FFA-1_mask.nii.gz"
    ));
    assert!(!keys.iter().any(|key| key.ends_with("SingletrialBetas_statmap.nii.gz")));
    assert!(!keys.iter().any(|key| key.ends_with(".func.gii") || key.ends_with(".label")));
}

#[test]
fn averages_stand_for_the_subject_level_files() {
    let fixture = Served::new();
    let keys = fetched(&fixture.download(&subject("sub-01").ses(["averages"])));
    assert!(keys.iter().any(|key| key.contains("desc-Noiseceiling12rep")));
    assert!(
        !keys
            .iter()
            .any(|key| key.starts_with("derivatives/glmsingle-tedana/") && key.contains("/ses-"))
    );
    assert!(
        !keys.iter().any(|key| key.starts_with("derivatives/anatomical/")),
        "nothing is pinned"
    );
}

#[test]
fn the_anatomical_tree_comes_whole_when_asked() {
    let fixture = Served::new();
    let request = subject("sub-05").include_anatomical();
    let keys = fetched(&fixture.download(&request));
    let anatomical = keys.iter().filter(|key| key.starts_with("derivatives/anatomical/sub-05/"));
    assert!(anatomical.filter(|key| key.ends_with(".nii.gz")).count() == 6, "{keys:?}");
}

#[test]
fn held_out_sessions_are_withheld_without_being_asked_for() {
    let fixture = Served::new();
    let report = fixture.download(&subject("sub-01"));
    assert!(report.is_complete());
    let totals = report.totals();
    assert!(totals.withheld > 0);
    assert!(report.outcomes.iter().all(|(key, outcome)| {
        key.as_str().contains("/ses-31/")
            || key.as_str().contains("/ses-32/")
            || !matches!(outcome, Outcome::Withheld { .. })
    }));
    assert!(
        !fixture
            .server
            .requests()
            .iter()
            .any(|line| line.starts_with("GET") && line.contains("/ses-31/"))
    );
}

#[test]
fn a_subject_that_is_denied_is_not_complete() {
    let fixture = Served::new();
    let proxy = Proxy::start(fixture.server.address(), |request| {
        let denied = request.is_object() && request.target.contains("/sub-03/");
        if denied { Fault::Status(403, None) } else { Fault::Pass }
    })
    .unwrap();
    let dataset = fixture.dataset().with_location(proxy.url("laion-fmri").parse().unwrap());
    let license = dataset.accept_license().unwrap();
    let request = subject("sub-03").ses(["ses-01"]);
    let report = dataset.download(&request, &license, &(), &Cancel::default()).unwrap();
    // The files that describe the dataset came along, but nothing that was asked for.
    let totals = report.totals();
    assert_eq!((totals.fetched, totals.failed), (4, 0));
    assert!(totals.withheld > 10 && !report.is_complete());
    let error = Error::from(report.into_result().unwrap_err());
    assert_eq!(error.kind(), ErrorKind::NotThere);
    let Error::Incomplete(incomplete) = error else { panic!("{error:?}") };
    assert!(incomplete.is_withheld());
    assert_eq!(incomplete.totals, totals);
    let first = &incomplete.first.unwrap().0;
    assert!(first.as_str().contains("/sub-03/"), "{first}");
}

#[test]
fn a_bucket_that_stays_busy_is_given_up_as_early_as_the_options_say() {
    let fixture = Served::new();
    let proxy = Proxy::start(fixture.server.address(), |request| {
        if request.is_object() { Fault::Status(503, None) } else { Fault::Pass }
    })
    .unwrap();
    let bound = Duration::from_millis(300);
    let options = ConnectOptions::default()
        .with_max_retries(1000)
        .with_retry_timeout(bound)
        .with_first_pause(Duration::from_millis(5));
    let dataset = fixture.dataset().with_location(proxy.url("laion-fmri").parse().unwrap());
    let dataset = dataset.with_connect_options(options).unwrap();
    let license = dataset.accept_license().unwrap();
    let request = subject("sub-03").jobs(1);
    let start = Instant::now();
    let report = dataset.download(&request, &license, &(), &Cancel::default()).unwrap();
    // Not a bound for each file.
    let files = report.outcomes.len() as u32;
    assert!(files > 20 && start.elapsed() < bound * files / 2, "{:?}", start.elapsed());
    let error = Error::from(report.into_result().unwrap_err());
    let Error::Incomplete(incomplete) = &error else { panic!("{error:?}") };
    assert_eq!(incomplete.stop, Some(Stop::Unavailable));
    assert_eq!((incomplete.totals.fetched, error.kind()), (0, ErrorKind::Other));
}

#[test]
fn a_denied_key_is_withheld_and_the_rest_arrives() {
    let fixture = Served::new();
    let report = fixture.download(&subject("sub-03").ses(["ses-02"]));
    let withheld: Vec<&str> = report
        .outcomes
        .iter()
        .filter(|(_, outcome)| matches!(outcome, Outcome::Withheld { .. }))
        .map(|(key, _)| key.as_str())
        .collect();
    assert_eq!(withheld.len(), 1);
    assert!(withheld[0].contains("desc-Fracridge_statmap.nii.gz"), "{withheld:?}");
    assert!(report.is_complete());
    assert!(report.totals().fetched > 10);
}

#[test]
fn a_session_that_nobody_has_fetches_nothing() {
    let fixture = Served::new();
    let error = fixture.plan(&subject("sub-01").ses(["ses-01", "ses-1"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotThere);
    let text = error.to_string();
    let Error::NoMatchingData { subject, filters, prefixes, missing } = error else {
        panic!("{error:?}");
    };
    assert_eq!(subject, "sub-01");
    assert_eq!(filters, "ses=[01, 1]");
    assert!(prefixes[0].ends_with("/laion-fmri/derivatives/glmsingle-tedana/sub-01/"));
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0].nearest(), Some("01"));
    assert!(text.contains("sub-01 has no session 1 in the bucket (did you mean 01?)"), "{text}");
    assert!(files(fixture.mirror.path()).is_empty());
}

#[test]
fn a_filter_that_nothing_passes_suggests_what_exists() {
    let fixture = Served::new();
    let request = subject("sub-01").filter(FilterField::Suffix, ["statmaps"]);
    let Error::NoMatchingData { missing, .. } = fixture.plan(&request).unwrap_err() else {
        panic!("expected NoMatchingData");
    };
    assert_eq!(missing[0].nearest(), Some("statmap"), "{missing:?}");
}

#[test]
fn an_unknown_subject_says_who_exists() {
    let fixture = Served::new();
    let error = fixture.plan(&subject("sub-02")).unwrap_err();
    assert!(
        matches!(&error, Error::SubjectNotFound { got, available }
        if got == "sub-02" && available == &["sub-01", "sub-03", "sub-05"]),
        "{error:?}"
    );
}

#[test]
fn all_subjects_leave_out_those_without_a_match() {
    let fixture = Served::new();
    let request = DownloadRequest::new(Subjects::All).ses(["ses-01"]);
    let download = fixture.dataset().plan_download(&request).unwrap();
    let skipped: Vec<&str> =
        download.skipped_subjects().iter().map(laion_fmri::SubjectId::as_str).collect();
    assert_eq!(skipped, ["sub-05"]);
    for id in ["sub-01", "sub-03"] {
        assert!(download.plan().fetches().any(|item| item.key.as_str().contains(id)));
    }
}

#[test]
fn any_other_tree_can_be_mirrored() {
    let fixture = Served::new();
    let prefix = "derivatives/freesurfer/sub-01/";
    let request = DownloadRequest::new(Subjects::These(Vec::new())).prefix(prefix);
    let keys = fetched(&fixture.download(&request));
    assert!(keys.iter().any(|key| key.ends_with("mri/aparc+aseg.mgz")), "{keys:?}");
    assert!(keys.iter().all(|key| key.starts_with(prefix) || !key.contains('/')));
    let request = DownloadRequest::new(Subjects::These(Vec::new())).prefix("derivatives/nothing/");
    assert!(matches!(fixture.plan(&request), Err(Error::NoMatchingData { .. })));
}

#[test]
fn keys_that_lead_out_of_the_mirror_are_refused() {
    let bucket = Bucket::temporary().unwrap();
    let evil = "derivatives/rois/sub-01/../../../../evil";
    let server = Server::start(bucket.options().extra_listed([(evil, 4)])).unwrap();
    let fixture = Served { bucket, server, mirror: tempfile::tempdir().unwrap() };
    let plan = fixture.plan(&subject("sub-01").ses(["ses-01"])).unwrap();
    assert_eq!(plan.refused.len(), 1);
    assert!(plan.items.iter().all(|item| !matches!(item.action, Action::Refused(_))));
    assert!(plan.totals().fetch.count > 0);
}

#[test]
fn offline_opens_no_socket() {
    let fixture = Served::new();
    let dataset = fixture.dataset().with_offline(true);
    let error = dataset.plan_download(&subject("sub-01")).unwrap_err();
    assert!(matches!(error, Error::Offline { .. }));
    assert!(matches!(dataset.discovery(), Err(Error::Offline { .. })));
    assert!(fixture.server.requests().is_empty());
}

fn below<'a>(keys: &'a BTreeSet<String>, prefix: &str) -> Vec<&'a str> {
    keys.iter().map(String::as_str).filter(|key| key.starts_with(prefix)).collect()
}

/// The keys of the bucket below a prefix.
fn listed(fixture: &Served, prefix: &str) -> Vec<String> {
    let keys = fixture.bucket.keys().iter().map(|(key, _)| key.clone());
    keys.filter(|key| key.starts_with(prefix)).collect()
}

#[test]
fn localizers_and_freesurfer_come_whole_whatever_the_filters_say() {
    let fixture = Served::new();
    let request = subject("sub-03")
        .filter(FilterField::Suffix, ["trials"])
        .include_localizers()
        .include_freesurfer();
    let report = fixture.download(&request);
    assert!(report.is_complete());
    let keys = fetched(&report);
    for prefix in ["derivatives/localizers/sub-03/", "derivatives/freesurfer/sub-03/"] {
        assert_eq!(below(&keys, prefix), listed(&fixture, prefix));
    }
    let oloc = below(&keys, "derivatives/localizers/sub-03/ses-31/");
    assert!(!oloc.is_empty(), "maps of the object localizer are public");
    assert!(!keys.iter().any(|key| key.starts_with("sub-03/") || key.contains("sub-01")));
    let subject = fixture.dataset().subject("sub-03").unwrap();
    assert!(subject.has_freesurfer());
}

#[test]
fn hints_of_missing_files_fetch_those_trees_alone() {
    let fixture = Served::new();
    for request in [
        subject("sub-03")
            .filter(FilterField::Task, ["oloc"])
            .filter(FilterField::Suffix, ["statmap"])
            .include_localizers(),
        subject("sub-03").filter(FilterField::Extension, ["mgz"]).include_freesurfer(),
    ] {
        let plan = fixture.plan(&request).unwrap();
        for item in plan.fetches().filter(|item| item.key.as_str().contains('/')) {
            let key = item.key.as_str();
            let whole = ["derivatives/localizers/", "derivatives/freesurfer/"];
            assert!(whole.iter().any(|prefix| key.starts_with(prefix)), "{key}");
        }
    }
}

#[test]
fn raw_data_are_chosen_by_the_filters_and_held_out_sessions_withheld() {
    let fixture = Served::new();
    let all = DownloadRequest::raw(Subjects::These(vec!["sub-01".parse().unwrap()]));
    let plan = fixture.plan(&all).unwrap();
    let raw: Vec<&str> = plan.items.iter().map(|item| item.key.as_str()).collect();
    assert!(raw.iter().all(|key| key.starts_with("sub-01/") || !key.contains('/')), "{raw:?}");
    for item in &plan.items {
        let held_out = item.key.as_str().contains("/ses-31/");
        assert_eq!(matches!(item.action, Action::Withheld(_)), held_out, "{}", item.key);
    }
    assert!(raw.iter().any(|key| key.contains("/ses-31/")));

    let some = all
        .clone()
        .ses(["ses-01"])
        .filter(FilterField::Run, ["01"])
        .filter(FilterField::Part, ["mag"])
        .filter(FilterField::Suffix, ["bold", "events"]);
    let keys = fetched(&fixture.download(&some));
    let stem = "sub-01/ses-01/func/sub-01_ses-01_task-images_run-01";
    assert_eq!(
        below(&keys, "sub-01/"),
        [
            format!("{stem}_echo-1_part-mag_bold.json"),
            format!("{stem}_echo-1_part-mag_bold.nii.gz"),
            format!("{stem}_events.tsv")
        ]
    );
    assert!(keys.iter().all(|key| !key.starts_with("derivatives/")), "nothing is pinned");

    let error = fixture.plan(&all.clone().filter(FilterField::Suffix, ["bolt"])).unwrap_err();
    let Error::NoMatchingData { subject, prefixes, missing, .. } = error else {
        panic!("expected NoMatchingData")
    };
    assert_eq!((subject.as_str(), prefixes.len()), ("sub-01", 1));
    assert!(prefixes[0].ends_with("/laion-fmri/sub-01/"), "{prefixes:?}");
    assert_eq!(missing[0].nearest(), Some("bold"));
    let error = fixture.plan(&all.ses(["ses-09"])).unwrap_err();
    assert!(
        matches!(&error, Error::NoMatchingData { missing, .. } if missing[0].to_string().contains("session 09")),
        "{error:?}"
    );
    let without_raw = DownloadRequest::raw(Subjects::These(vec!["sub-03".parse().unwrap()]));
    let error = fixture.plan(&without_raw).unwrap_err();
    assert!(matches!(&error, Error::NoMatchingData { .. }), "{error:?}");
    let unknown = DownloadRequest::raw(Subjects::These(vec!["sub-02".parse().unwrap()]));
    assert!(matches!(fixture.plan(&unknown), Err(Error::SubjectNotFound { .. })));
}

#[test]
fn raw_data_come_along_with_a_session() {
    let fixture = Served::new();
    let keys = fetched(&fixture.download(&subject("sub-01").ses(["ses-01"]).include_raw()));
    assert!(!below(&keys, "sub-01/ses-01/").is_empty());
    assert!(!below(&keys, "derivatives/glmsingle-tedana/sub-01/ses-01/").is_empty());
    let subject = fixture.dataset().subject("sub-01").unwrap();
    assert_eq!(subject.events("ses-01", None).unwrap().column("run").unwrap()[0], "run-01");
}

#[test]
fn nothing_matches_only_when_no_searched_tree_has_anything() {
    let fixture = Served::new();
    let nothing = subject("sub-05").filter(FilterField::Suffix, ["nothing"]);
    // sub-05 has ROIs and anatomical images alone: trees that are asked for and empty do not count.
    let trees = nothing.clone().include_localizers().include_freesurfer().include_raw();
    let Error::NoMatchingData { prefixes, .. } = fixture.plan(&trees).unwrap_err() else {
        panic!("expected NoMatchingData")
    };
    let tails: Vec<&str> =
        prefixes.iter().map(|prefix| prefix.split_once("/laion-fmri/").unwrap().1).collect();
    assert_eq!(
        tails,
        [
            "derivatives/glmsingle-tedana/sub-05/",
            "derivatives/localizers/sub-05/",
            "sub-05/",
            "derivatives/freesurfer/sub-05/",
            "derivatives/rois/sub-05/"
        ]
    );
    let plan = fixture.plan(&nothing.include_anatomical().allow_missing()).unwrap();
    assert!(plan.totals().fetch.count > 0);
}

#[test]
fn indexes_come_with_the_betas_when_asked() {
    let fixture = Served::new();
    let (passed, made) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dataset = fixture.dataset().with_cache_dir(passed.path());
    let license = dataset.accept_license().unwrap();
    let download = dataset.plan_download(&subject("sub-03").ses(["ses-01"])).unwrap();
    let report = download.with_indexes().run(&license, 2, &(), &Cancel::default());
    assert!(report.is_complete());
    let indexes: Vec<_> = std::fs::read_dir(passed.path().join("indexes")).unwrap().collect();
    assert_eq!(indexes.len(), 1);
    let passed = indexes[0].as_ref().unwrap().path();
    let dataset = fixture.dataset().with_cache_dir(made.path());
    let made = dataset
        .subject("sub-03")
        .unwrap()
        .index_betas("ses-01", &(), &Cancel::new())
        .unwrap()
        .unwrap();
    assert_eq!(passed.file_name(), made.file_name());
    assert!(std::fs::read(passed).unwrap() == std::fs::read(made).unwrap());
}

#[test]
fn betas_that_are_damaged_in_the_bucket_are_told_and_have_no_index() {
    let fixture = Served::new();
    let cache = tempfile::tempdir().unwrap();
    let key = laion_fmri::layout::betas(&"sub-03".parse().unwrap(), &"ses-01".parse().unwrap());
    let stored = fixture.bucket.path(&key);
    let mut bytes = std::fs::read(&stored).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(&stored, bytes).unwrap();
    let dataset = fixture.dataset().with_cache_dir(cache.path());
    let license = dataset.accept_license().unwrap();
    let download = dataset.plan_download(&subject("sub-03").ses(["ses-01"])).unwrap();
    let report = download.with_indexes().run(&license, 2, &(), &Cancel::default());
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.faults().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), [&*key]);
    assert!(report.contents.values().all(|content| content.etag_verified));
    assert_eq!(std::fs::read_dir(cache.path().join("indexes")).unwrap().count(), 0);
}

/// The outcome of the images in a report.
fn outcome_of_images(report: &Report) -> Option<&Outcome> {
    let images = format!("{}/{}", files::DIRECTORY, files::IMAGES);
    let found = report.outcomes.iter().find(|(key, _)| key.as_str() == images);
    found.map(|(_, outcome)| outcome)
}

#[test]
fn images_are_marked_as_what_the_bucket_cannot_give() {
    let fixture = Served::new();
    let request = subject("sub-03").ses(["ses-01"]).filter(FilterField::Suffix, ["trials"]);
    assert!(outcome_of_images(&fixture.download(&request)).is_none());
    let request = request.include_stimuli();
    let item_of_images = |plan: Plan| {
        plan.items.into_iter().find(|item| item.key.as_str().ends_with(files::IMAGES)).unwrap()
    };
    let action = item_of_images(fixture.plan(&request).unwrap()).action;
    assert!(matches!(&action, Action::Withheld(reason) if reason.contains("access service")));
    let report = fixture.download(&request);
    assert!(fetched(&report).contains("stimuli/task-images_metadata.csv"));
    let withheld = outcome_of_images(&report).unwrap();
    assert!(
        matches!(withheld, Outcome::Withheld { reason: Withheld::Rule(reason) } if reason.contains("access service")),
        "{withheld:?}"
    );
    assert_eq!(report.into_result().unwrap().withheld, 1);

    // Nothing but the images: the table alone is not what was wanted.
    let error = fixture.download(&DownloadRequest::stimuli()).into_result().unwrap_err();
    assert!(error.is_withheld(), "{error}");
    fixtures::bucket::write_gated(fixture.mirror.path()).unwrap();
    let report = fixture.download(&DownloadRequest::stimuli());
    assert!(matches!(outcome_of_images(&report), Some(Outcome::Kept)));
    assert_eq!(report.into_result().unwrap().withheld, 0);
}

#[test]
fn every_inclusion_has_a_method() {
    let request = subject("sub-01")
        .include_brain_mask()
        .include_anatomical()
        .include_freesurfer()
        .include_localizers()
        .include_raw()
        .include_embeddings([EmbeddingModel::Clip])
        .include_segmentations()
        .include_captions()
        .include_stimuli();
    assert!(request.include_segmentations && request.include_captions && request.include_stimuli);
    let fixture = Served::new();
    let plan = fixture.plan(&request).unwrap();
    let names = plan.items.iter().filter_map(|item| item.key.as_str().strip_prefix("stimuli/"));
    let mut expected = [
        EmbeddingModel::Clip.file_name(),
        files::SEGMENTATIONS,
        files::SEGMENTATIONS_METADATA,
        files::CAPTIONS,
        files::METADATA,
        files::IMAGES,
    ];
    expected.sort_unstable();
    assert!(names.eq(expected));
}
