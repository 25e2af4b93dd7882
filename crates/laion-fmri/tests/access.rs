//! The calls of the access service: what is sent, what is asked, and every refusal with its fields.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use fixtures::AccessServer;
use fixtures::access::{Call, CallFault, TERMS_VERSION};
use laion_fmri::access::{
    AccessError, AccessForm, AccessOptions, AccessService, FormError, Grant, RequestId,
    StimulusReport,
};
use laion_fmri::s3_mirror::{Event as TransferEvent, Outcome};
use laion_fmri::{
    Cancel, Dataset, DownloadRequest, Error, ErrorKind, Event, Location, Observer, stimuli,
};
use serde_json::json;

/// A service, an empty bucket and an empty mirror.
pub(crate) struct Fixture {
    pub(crate) server: AccessServer,
    pub(crate) bucket: tempfile::TempDir,
    pub(crate) mirror: tempfile::TempDir,
    pub(crate) cancel: Cancel,
}

pub(crate) const IMAGES: &str = AccessServer::IMAGES;
pub(crate) const METADATA: &str = AccessServer::METADATA;

impl Fixture {
    pub(crate) fn new() -> Self {
        let directory = || tempfile::tempdir().unwrap();
        let server = AccessServer::start().unwrap();
        server.grant("lfm_known");
        Self { server, bucket: directory(), mirror: directory(), cancel: Cancel::new() }
    }

    pub(crate) fn dataset(&self) -> Dataset {
        let location = Location::directory(self.bucket.path()).unwrap();
        Dataset::open(self.mirror.path()).unwrap().with_location(location)
    }

    /// The service with the patience of a test on a busy machine.
    pub(crate) fn service(&self) -> AccessService {
        self.service_with(Duration::from_secs(30))
    }

    fn service_with(&self, call_timeout: Duration) -> AccessService {
        let mut options = AccessOptions::default();
        options.call_timeout = call_timeout;
        options.read_timeout = Duration::from_secs(2);
        options.first_pause = Duration::from_millis(1);
        options.idle_attempts = 3;
        AccessService::with_options(&self.server.url(), options).unwrap()
    }

    pub(crate) fn id() -> RequestId {
        RequestId::new("lfm_known").unwrap()
    }

    pub(crate) fn download(&self) -> Result<StimulusReport, Error> {
        self.download_watched(&())
    }

    pub(crate) fn download_watched(
        &self,
        observer: &dyn Observer,
    ) -> Result<StimulusReport, Error> {
        self.dataset().download_stimuli(&self.service(), &Self::id(), observer, &self.cancel)
    }

    /// The names below `stimuli/`, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.mirror.path().join("stimuli")) else {
            return Vec::new();
        };
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.mirror.path().join("stimuli").join(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::create_dir_all(self.mirror.path().join("stimuli")).unwrap();
        std::fs::write(self.mirror.path().join("stimuli").join(name), bytes).unwrap();
    }

    /// Both files are there, right, and nothing else is.
    pub(crate) fn assert_complete(&self) {
        assert_eq!(self.names(), [METADATA, IMAGES]);
        for name in [METADATA, IMAGES] {
            assert!(self.read(name) == self.server.content(name), "{name} differs");
        }
    }

    /// GETs of a file so far, without those of its first byte, which tell its tag.
    pub(crate) fn gets(&self, name: &str) -> usize {
        let line = format!("GET /files/{name}");
        let received = self.server.received().into_iter().filter(|request| request.line == line);
        received
            .filter(|it| it.headers.get("range").is_none_or(|range| range != "bytes=0-0"))
            .count()
    }
}

fn form() -> AccessForm {
    AccessForm::new("Ada L", "ada@uni.edu", "A University", "Encoding models of natural images")
}

fn accepted() -> AccessForm {
    form().accept_terms(TERMS_VERSION).acknowledge_privacy()
}

/// What an access error must not hold.
fn assert_no_secrets(error: &Error) {
    for shown in [format!("{error:?}"), format!("{error}")] {
        assert!(!shown.contains("lfm_known") && !shown.contains("X-Amz"), "{shown}");
    }
}

#[test]
fn access_is_requested_and_the_files_come() {
    let fixture = Fixture::new();
    let (service, cancel) = (fixture.service(), &fixture.cancel);
    let stimuli = fixture.dataset().plan_stimuli(&service, cancel).unwrap();
    assert!(stimuli.needs_access() && !stimuli.is_complete());
    assert_eq!(stimuli.plan().totals().fetch.count, 2);
    assert_eq!(fixture.server.requests(), [Call::Manifest.line()]);
    assert!(fixture.names().is_empty());
    let needed = stimuli.run(None, &(), cancel).unwrap_err();
    assert_eq!(needed.kind(), ErrorKind::Access);
    assert!(matches!(
        needed,
        Error::Access(AccessError::AccessNeeded { server, page })
            if server == fixture.server.url() && page == format!("{}/request", fixture.server.url())
    ));

    let grant = service.request(&accepted().supervisor("Bob"), stimuli.manifest(), cancel).unwrap();
    assert_eq!(
        fixture.server.bodies(Call::Request),
        [json!({
            "name": "Ada L", "email": "ada@uni.edu", "institution": "A University",
            "pi_or_supervisor": "Bob", "research_purpose": "Encoding models of natural images",
            "accepted_terms": true, "acknowledged_privacy": true,
            "terms_version": TERMS_VERSION, "source": "cli",
        })]
    );
    assert_eq!(grant.request_id().reveal(), "lfm_granted1");
    assert_eq!(grant.expires_at(), Some("2026-11-21T12:00:00Z"));
    let report = stimuli.run(Some(&grant), &(), cancel).unwrap();
    let names: Vec<_> = report.files.iter().map(|file| file.key.file_name()).collect();
    assert_eq!(names, [METADATA, IMAGES]);
    assert!(report.files.iter().all(|file| matches!(file.outcome, Outcome::Fetched { .. })));
    assert_eq!(report.files[1].path, fixture.mirror.path().join("stimuli").join(IMAGES));
    fixture.assert_complete();
    let headers = |call: Call| {
        let received = fixture.server.received().into_iter();
        received
            .filter(move |received| received.line == call.line())
            .map(|received| received.headers)
    };
    for call in [Call::Manifest, Call::Request] {
        assert!(headers(call).all(|headers| headers["accept"] == "application/json"));
    }
    assert!(headers(Call::Request).all(|headers| headers["content-type"] == "application/json"));
}

#[test]
fn nothing_is_asked_when_the_files_are_right() {
    let fixture = Fixture::new();
    fixture.download().unwrap();
    let before = fixture.server.requests().len();
    let report = fixture.download().unwrap();
    assert!(report.files.iter().all(|file| matches!(file.outcome, Outcome::Kept)));
    assert_eq!(fixture.server.requests()[before..], [Call::Manifest.line()]);
    // An id that nobody knows is not even sent.
    let unknown = RequestId::new("lfm_nobody").unwrap();
    let dataset = fixture.dataset();
    dataset.download_stimuli(&fixture.service(), &unknown, &(), &fixture.cancel).unwrap();
    assert!(
        fixture.server.bodies(Call::Refresh).iter().all(|body| body["request_id"] == "lfm_known")
    );
    assert_eq!(fixture.server.bodies(Call::Refresh)[0]["dataset_version"], "v1");
}

#[test]
fn a_file_of_the_right_size_is_hashed() {
    let fixture = Fixture::new();
    fixture.download().unwrap();
    let mut wrong = fixture.read(IMAGES);
    wrong[7] ^= 1;
    fixture.write(IMAGES, &wrong);
    let report = fixture.download().unwrap();
    assert!(matches!(report.files[0].outcome, Outcome::Kept));
    assert!(matches!(report.files[1].outcome, Outcome::Fetched { bytes: 300_000 }));
    fixture.assert_complete();
}

#[test]
fn the_table_comes_from_the_bucket_when_it_is_public_there() {
    let fixture = Fixture::new();
    std::fs::create_dir(fixture.bucket.path().join("stimuli")).unwrap();
    let public = b"image_name,dataset\nfrom the bucket\n";
    std::fs::write(fixture.bucket.path().join("stimuli").join(METADATA), public).unwrap();
    fixture.write(IMAGES, &fixture.server.content(IMAGES));
    // No access is needed for it.
    let plan = fixture.dataset().plan_stimuli(&fixture.service(), &fixture.cancel).unwrap();
    assert!(!plan.needs_access() && !plan.is_complete());
    let watched = Watched::default();
    let report = plan.run(None, &watched, &fixture.cancel).unwrap();
    assert_eq!(
        watched.log(),
        [
            "planned 1 of 2".to_owned(),
            format!("started {METADATA}"),
            format!("advanced {METADATA} {}", public.len()),
            format!("finished {METADATA}"),
            format!("finished {IMAGES}"),
        ]
    );
    assert!(matches!(report.files[0].outcome, Outcome::Fetched { .. }));
    assert_eq!(fixture.read(METADATA), public);
    let again = fixture.dataset().plan_stimuli(&fixture.service(), &fixture.cancel).unwrap();
    assert!(again.is_complete());
    assert_eq!(fixture.server.requests(), [Call::Manifest.line(); 2]);
}

#[test]
fn an_unreachable_bucket_leaves_the_table_to_the_service() {
    let fixture = Fixture::new();
    let bucket = fixtures::Bucket::temporary().unwrap();
    let denied = format!("stimuli/{METADATA}");
    let s3 = fixtures::Server::start(bucket.options().denied([denied])).unwrap();
    let location: Location = s3.url("laion-fmri").parse().unwrap();
    let dataset = Dataset::open(fixture.mirror.path()).unwrap().with_location(location);
    let id = Fixture::id();
    dataset.download_stimuli(&fixture.service(), &id, &(), &fixture.cancel).unwrap();
    fixture.assert_complete();
    assert_eq!(fixture.gets(METADATA), 1);
}

#[test]
fn a_form_is_checked_before_anything_is_sent() {
    let fixture = Fixture::new();
    let (service, cancel) = (fixture.service(), &fixture.cancel);
    let manifest = service.manifest(cancel).unwrap();
    let refused = |form: &AccessForm| match service.request(form, &manifest, cancel) {
        Err(error @ Error::Access(AccessError::Form(_))) => {
            let kind = error.kind();
            let Error::Access(AccessError::Form(error)) = error else { unreachable!() };
            (error, kind)
        }
        other => panic!("{other:?}"),
    };
    let missing = AccessForm::new("Ada", "ada@uni.edu", "", "");
    let field = laion_fmri::access::FormField::Institution;
    assert_eq!(refused(&missing), (FormError::Missing { field }, ErrorKind::Usage));
    let expected = TERMS_VERSION.to_owned();
    let outdated = FormError::TermsNotAccepted { expected, got: Some("2020-01".to_owned()) };
    assert_eq!(refused(&form().accept_terms("2020-01")), (outdated, ErrorKind::Access));
    let privacy = FormError::PrivacyNotAcknowledged;
    assert_eq!(refused(&form().accept_terms(TERMS_VERSION)), (privacy, ErrorKind::Access));
    assert!(fixture.server.bodies(Call::Request).is_empty());
}

/// What a faulty answer to the manifest, a request and a refresh becomes.
fn check_call(fault: &CallFault, expected: impl Fn(&AccessError, &str) -> bool) {
    check_call_within(Duration::from_secs(30), fault, expected);
}

fn check_call_within(
    call_timeout: Duration,
    fault: &CallFault,
    expected: impl Fn(&AccessError, &str) -> bool,
) {
    let fixture = Fixture::new();
    let manifest = fixture.service().manifest(&fixture.cancel).unwrap();
    let (service, cancel) = (fixture.service_with(call_timeout), &fixture.cancel);
    for call in [Call::Manifest, Call::Request, Call::Refresh] {
        for _ in 0..3 {
            fixture.server.call_fault(call, fault.clone());
        }
        let failed: Result<Grant, Error> = match call {
            Call::Manifest => service.manifest(cancel).map(|_| unreachable!()),
            Call::Request => service.request(&accepted(), &manifest, cancel),
            Call::Refresh => service.refresh(&Fixture::id(), &manifest, cancel),
        };
        let error = failed.unwrap_err();
        assert_no_secrets(&error);
        let Error::Access(error) = error else { panic!("{call:?}: {error:?}") };
        let url = format!("{}{}", fixture.server.url(), call.line().split_once(' ').unwrap().1);
        assert!(expected(&error, &url), "{call:?}: {error:?}");
    }
}

#[test]
fn refusals_are_told_apart() {
    check_call(&CallFault::TermsOutdated, |error, url| {
        let page = format!("{}/terms/accept?v=2027-01", url.split("/api").next().unwrap());
        assert_eq!(error.kind(), ErrorKind::Access);
        assert_eq!(error.page(), Some(page.as_str()));
        matches!(error, AccessError::TermsOutdated { accept_url, current_terms_version }
            if *accept_url == page && current_terms_version == "2027-01")
    });
    let bare = json!({ "detail": { "error": "terms_outdated", "accept_url": "javascript:x" } });
    check_call(&CallFault::Status(403, bare), |error, url| {
        let page = format!("{}/terms/accept", url.split("/api").next().unwrap());
        matches!(error, AccessError::TermsOutdated { accept_url, current_terms_version }
            if *accept_url == page && current_terms_version == "?")
    });
    check_call(&CallFault::Revoked, |error, url| {
        let page = format!("{}/request", url.split("/api").next().unwrap());
        error.kind() == ErrorKind::Access
            && matches!(error, AccessError::Revoked { page: got } if *got == page)
    });
    check_call(&CallFault::Status(403, json!({ "detail": "no\u{1b}[31m way" })), |error, at| {
        matches!(error, AccessError::Status { url, status: 403, detail }
            if url == at && detail == "no [31m way")
    });
    check_call(&CallFault::Status(422, json!({ "detail": [{ "msg": "x" }] })), |error, at| {
        matches!(error, AccessError::Status { url, status: 422, detail }
            if url == at && detail == r#"[{"msg":"x"}]"#)
    });
    check_call(&CallFault::Status(404, json!({ "detail": "Not Found" })), |error, at| {
        if at.ends_with("refresh") {
            error.kind() == ErrorKind::Access
                && matches!(error, AccessError::UnknownRequestId { server, page }
                    if at.starts_with(server) && *page == format!("{server}/request"))
        } else {
            matches!(error, AccessError::Status { status: 404, .. })
        }
    });
}

#[test]
fn an_unknown_id_is_said_to_be_unknown() {
    let fixture = Fixture::new();
    let id = RequestId::new("lfm_nobody").unwrap();
    let dataset = fixture.dataset();
    let error =
        dataset.download_stimuli(&fixture.service(), &id, &(), &fixture.cancel).unwrap_err();
    assert!(matches!(error, Error::Access(AccessError::UnknownRequestId { .. })), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("lfm_nobody"));
    assert!(fixture.names().is_empty());
}

#[test]
fn rate_limits_are_waited_for_or_reported() {
    check_call(&CallFault::RateLimited(Some(3600)), |error, at| {
        matches!(error, AccessError::RateLimited { url, retry_after: Some(wait) }
            if url == at && wait.as_secs() == 3600)
    });
    check_call(&CallFault::RateLimited(None), |error, _| {
        matches!(error, AccessError::RateLimited { retry_after: None, .. })
    });
    let fixture = Fixture::new();
    for call in [Call::Manifest, Call::Refresh] {
        fixture.server.call_fault(call, CallFault::RateLimited(Some(0)));
    }
    fixture.download().unwrap();
    fixture.assert_complete();
}

#[test]
fn failing_servers_are_asked_again_but_a_form_is_sent_once() {
    check_call(&CallFault::Status(500, json!({ "detail": "oops" })), |error, at| {
        matches!(error, AccessError::Status { url, status: 500, detail }
            if url == at && detail == "oops")
    });
    let fixture = Fixture::new();
    let (service, cancel) = (fixture.service(), &fixture.cancel);
    let fault = CallFault::Status(503, json!(null));
    for call in [Call::Manifest, Call::Refresh, Call::Request] {
        fixture.server.call_fault(call, fault.clone());
    }
    let manifest = service.manifest(cancel).unwrap();
    service.refresh(&Fixture::id(), &manifest, cancel).unwrap();
    assert!(service.request(&accepted(), &manifest, cancel).is_err());
    assert_eq!(fixture.server.bodies(Call::Request).len(), 1);
}

#[test]
fn answers_that_are_none_are_named() {
    check_call(&CallFault::Body("<html>Sign in</html>".to_owned()), |error, at| {
        matches!(error, AccessError::Malformed { url, reason }
            if url == at && reason == "not JSON at line 1 column 1")
    });
    check_call(&CallFault::Body("{}".to_owned()), |error, _| {
        matches!(error, AccessError::Malformed { reason, .. }
            if reason.starts_with("not the expected fields"))
    });
    check_call(
        &CallFault::Oversize(2 << 20),
        |error, at| matches!(error, AccessError::TooLarge { url, limit } if url == at && *limit == 1 << 20),
    );
    let fixture = Fixture::new();
    fixture.server.remove(METADATA);
    let error = fixture.download().unwrap_err();
    assert!(
        matches!(error, Error::Access(AccessError::NotInManifest { name, .. }) if name == METADATA)
    );
}

#[test]
fn silence_and_absence_end() {
    check_call_within(
        Duration::from_millis(300),
        &CallFault::Silence,
        |error, at| matches!(error, AccessError::Unreachable { url, attempts: 1, .. } if url == at),
    );
    let mut options = AccessOptions::default();
    options.first_pause = Duration::from_millis(1);
    let nobody = AccessService::with_options("http://127.0.0.1:1", options).unwrap();
    let error = nobody.manifest(&Cancel::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Other);
    assert!(matches!(
        error,
        Error::Access(AccessError::Unreachable { url, attempts: 3, .. })
            if url == "http://127.0.0.1:1/api/v1/manifest"
    ));
}

#[test]
fn what_is_posted_goes_to_no_other_server() {
    let other = AccessServer::start().unwrap();
    other.grant("lfm_known");
    for call in [Call::Manifest, Call::Request, Call::Refresh] {
        let path = call.line().split_once(' ').unwrap().1;
        let fixture = Fixture::new();
        let (service, cancel) = (fixture.service(), &fixture.cancel);
        let manifest = service.manifest(cancel).unwrap();
        let to = format!("{}{path}", other.url());
        fixture.server.call_fault(call, CallFault::Redirect(to));
        let failed = match call {
            Call::Manifest => service.manifest(cancel).err(),
            Call::Request => service.request(&accepted(), &manifest, cancel).err(),
            Call::Refresh => service.refresh(&Fixture::id(), &manifest, cancel).err(),
        };
        assert!(matches!(
            failed,
            Some(Error::Access(AccessError::Redirected { url, to }))
                if url.ends_with(path) && to == "127.0.0.1"
        ));
        // Within the server it is followed, with what was posted.
        let to = format!("{}{path}", fixture.server.url());
        fixture.server.call_fault(call, CallFault::Redirect(to));
        match call {
            Call::Manifest => service.manifest(cancel).map(drop).unwrap(),
            Call::Request => service.request(&accepted(), &manifest, cancel).map(drop).unwrap(),
            Call::Refresh => service.refresh(&Fixture::id(), &manifest, cancel).map(drop).unwrap(),
        }
    }
    assert!(other.requests().is_empty());
}

#[test]
fn offline_no_socket_is_opened() {
    let fixture = Fixture::new();
    let dataset = fixture.dataset().with_offline(true);
    let error = dataset.plan_stimuli(&fixture.service(), &fixture.cancel).unwrap_err();
    assert!(matches!(error, Error::Offline { what } if what.contains(&fixture.server.url())));
    assert!(fixture.server.requests().is_empty());
}

#[test]
fn a_call_can_be_stopped() {
    let fixture = Fixture::new();
    fixture.server.call_fault(Call::Manifest, CallFault::Silence);
    let service = AccessService::new(&fixture.server.url()).unwrap();
    let cancel = fixture.cancel.clone();
    let started = Instant::now();
    let stopper = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        cancel.cancel();
    });
    assert!(matches!(service.manifest(&fixture.cancel), Err(Error::Cancelled)));
    assert!(started.elapsed() < Duration::from_secs(5));
    stopper.join().unwrap();
}

/// Writes down what it is told.
#[derive(Default)]
pub(crate) struct Watched(Mutex<Vec<String>>);

impl Watched {
    pub(crate) fn log(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

impl Observer for Watched {
    fn event(&self, event: Event<'_>) {
        let Event::Transfer(event) = event else { panic!("{event:?}") };
        match event {
            TransferEvent::Planned { plan } => {
                self.note(format!("planned {} of {}", plan.totals().fetch.count, plan.items.len()));
            }
            TransferEvent::Started { item } => {
                self.note(format!("started {}", item.key.file_name()));
            }
            TransferEvent::Advanced { item, bytes } => {
                self.note(format!("advanced {} {bytes}", item.key.file_name()));
            }
            TransferEvent::Finished { item, .. } => {
                self.note(format!("finished {}", item.key.file_name()));
            }
            _ => {}
        }
    }
}

#[test]
fn public_files_below_stimuli_are_taken_by_name() {
    let bucket = fixtures::Bucket::temporary().unwrap();
    let model = stimuli::EmbeddingModel::Clip;
    for name in
        [model.file_name(), stimuli::files::SEGMENTATIONS, stimuli::files::SEGMENTATIONS_METADATA]
    {
        std::fs::write(bucket.root().join("stimuli").join(name), name).unwrap();
    }
    let longer = format!("{}.old", model.file_name());
    std::fs::write(bucket.root().join("stimuli").join(longer), "").unwrap();
    let mirror = tempfile::tempdir().unwrap();
    let dataset = Dataset::open(mirror.path())
        .unwrap()
        .with_location(Location::directory(bucket.root()).unwrap());
    let license = dataset.accept_license().unwrap();
    let cancel = Cancel::new();
    let keys = |report: laion_fmri::s3_mirror::Report| -> Vec<String> {
        let fetched = report.outcomes.into_iter();
        let fetched = fetched.filter(|(_, outcome)| matches!(outcome, Outcome::Fetched { .. }));
        fetched.map(|(key, _)| key.file_name().to_owned()).collect()
    };
    let embeddings = || dataset.download_embeddings(&[model], &license, &(), &cancel).unwrap();
    assert_eq!(keys(embeddings()), [model.file_name()]);
    assert_eq!(keys(embeddings()), [""; 0]);
    let segmentations = dataset.download_segmentations(&license, &(), &cancel).unwrap();
    assert_eq!(
        keys(segmentations),
        [stimuli::files::SEGMENTATIONS, stimuli::files::SEGMENTATIONS_METADATA]
    );
    let captions = dataset.download_captions(&license, &(), &cancel).unwrap();
    assert_eq!(keys(captions), [stimuli::files::CAPTIONS]);
    std::fs::remove_file(bucket.root().join("stimuli").join(model.file_name())).unwrap();
    let error = dataset.download_embeddings(&[model], &license, &(), &cancel).unwrap_err();
    let wanted = format!("stimuli/{}", model.file_name());
    assert!(matches!(
        error,
        Error::NoMatchingData { subject, prefixes, .. }
            if subject == wanted && prefixes[0].ends_with("/stimuli/")
    ));
    let both = DownloadRequest::subject("sub-03")
        .unwrap()
        .ses(["ses-01"])
        .include_embeddings([stimuli::EmbeddingModel::DinoV2]);
    std::fs::write(
        bucket.root().join("stimuli").join(stimuli::EmbeddingModel::DinoV2.file_name()),
        "x",
    )
    .unwrap();
    let fetched = keys(dataset.download(&both, &license, &(), &cancel).unwrap());
    assert!(fetched.contains(&stimuli::EmbeddingModel::DinoV2.file_name().to_owned()));
    assert!(fetched.contains(&"README".to_owned()) && fetched.len() > 5);
}
