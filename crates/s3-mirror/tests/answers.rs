//! Objects whose answers leave something out, whose tags are no digests, and that are at fault
//! themselves; and what is told while a transfer waits.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fixtures::server::Options;
use fixtures::{Fault, ProxiedRequest, Proxy, Server, noise};
use s3_mirror::{
    Cancel, Candidate, Check, Error, Event, Folder, Inspection, Inspector, Inventory, Location,
    ObjectError, ObjectOptions, ObjectReader, Outcome, Plan, PlanItem, RelativePath, Report,
    Source, Store, TransferError, TransferOptions, Wait, integrity, list, plan, transfer,
};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::util::{impatient, key, read_all};

pub(crate) const SHORT: &str = "a/short.gz";
pub(crate) const LONG: &str = "a/long.gz";
pub(crate) const LONG_SIZE: u64 = 6_500_001;

pub(crate) struct Scene {
    pub(crate) bucket: tempfile::TempDir,
    pub(crate) mirror: tempfile::TempDir,
    pub(crate) proxy: Proxy,
    _server: Server,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(|options| options)
    }

    pub(crate) fn with(options: impl FnOnce(Options) -> Options) -> Self {
        let bucket = tempfile::tempdir().unwrap();
        std::fs::create_dir(bucket.path().join("a")).unwrap();
        std::fs::write(bucket.path().join(SHORT), noise(1, 20_000)).unwrap();
        std::fs::write(bucket.path().join(LONG), noise(2, LONG_SIZE as usize)).unwrap();
        let server = Server::start(options(Options::new(bucket.path()))).unwrap();
        let proxy = Proxy::start(server.address(), |_| Fault::Pass).unwrap();
        Self { bucket, mirror: tempfile::tempdir().unwrap(), proxy, _server: server }
    }

    /// Every request for an object meets this.
    pub(crate) fn always(self, fault: Fault) -> Self {
        self.proxy.decide(move |request| match request.is_object() {
            true => fault.clone(),
            false => Fault::Pass,
        });
        self
    }

    pub(crate) fn store(&self) -> Store {
        let location: Location = self.proxy.url("laion-fmri").parse().unwrap();
        location.open_with(&impatient().with_max_retries(6)).unwrap()
    }

    pub(crate) fn options(&self) -> TransferOptions {
        let inventory = Inventory::open(self.mirror.path().join("inventory")).unwrap();
        TransferOptions::default().with_inventory(Arc::new(inventory))
    }

    pub(crate) async fn plan(&self) -> Plan {
        let listing = list(&self.store(), "").await.unwrap();
        plan(listing.into_iter().map(Candidate::exact), &Folder::new(self.root()).unwrap()).unwrap()
    }

    pub(crate) fn root(&self) -> std::path::PathBuf {
        self.mirror.path().join("root")
    }

    pub(crate) async fn run(&self, options: &TransferOptions) -> Report {
        let (store, plan) = (self.store(), self.plan().await);
        transfer(&store, &plan, &self.root(), options, &(), &Cancel::new()).await
    }

    pub(crate) fn is_mirrored(&self) -> bool {
        read_all(&self.root()) == read_all(self.bucket.path())
    }
}

/// Finds every file damaged.
#[derive(Debug)]
pub(crate) struct Never;

impl Inspection for Never {
    fn inspect(&self, _: &RelativePath) -> Option<Box<dyn Inspector>> {
        Some(Box::new(Never))
    }
}

impl Inspector for Never {
    fn update(&mut self, _: &[u8]) -> Result<(), Source> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Source> {
        Err("not gzip".into())
    }
}

/// Says that it is asked for its verdict, and gives it when it is told to.
#[derive(Clone, Debug)]
struct Slow {
    asked: UnboundedSender<()>,
    told: Arc<Mutex<Receiver<()>>>,
}

impl Inspection for Slow {
    fn inspect(&self, _: &RelativePath) -> Option<Box<dyn Inspector>> {
        Some(Box::new(self.clone()))
    }
}

impl Inspector for Slow {
    fn update(&mut self, _: &[u8]) -> Result<(), Source> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Source> {
        self.asked.send(())?;
        let told = self.told.lock().unwrap();
        told.recv_timeout(Duration::from_secs(5)).map_err(Source::from)
    }
}

#[tokio::test]
async fn a_verdict_that_takes_long_holds_up_nothing_else() {
    let scene = Scene::new();
    let ((asked, mut is_asked), (teller, told)) = (unbounded_channel(), channel());
    let slow = Slow { asked, told: Arc::new(Mutex::new(told)) };
    let options = scene.options().with_inspection(Arc::new(slow));
    // On the one thread that runs the tasks.
    let tell = async {
        for _ in [SHORT, LONG] {
            is_asked.recv().await.unwrap();
            teller.send(()).unwrap();
        }
    };
    let (report, ()) = tokio::join!(scene.run(&options), tell);
    assert!(report.is_complete() && scene.is_mirrored(), "{report:?}");
    assert_eq!(report.faults().count(), 0);
}

#[tokio::test]
async fn the_listing_stands_in_for_what_an_answer_leaves_out() {
    for fault in [Fault::Chunked, Fault::UntilClose, Fault::NoTag] {
        for encryption in ["AES256", "aws:kms"] {
            let scene = Scene::with(|options| options.encryption(encryption)).always(fault.clone());
            let report = scene.run(&scene.options()).await;
            assert!(report.is_complete(), "{fault:?} {encryption}: {report:?}");
            assert!(scene.is_mirrored());
            // Where neither the answer nor the content can be bound to the tag, there are no
            // ranges.
            assert!(scene.proxy.requests() < 16, "{fault:?}: {}", scene.proxy.requests());
        }
    }
    let scene = Scene::new().always(Fault::CutUntilClose(1_500_000));
    assert!(scene.run(&scene.options()).await.is_complete());
    assert!(scene.is_mirrored());
}

#[tokio::test]
async fn a_page_without_a_tag_is_no_object() {
    let scene = Scene::new().always(Fault::Html);
    let report = scene.run(&scene.options()).await;
    for (_, outcome) in &report.outcomes {
        let Outcome::Failed { error } = outcome else { panic!("{outcome:?}") };
        assert!(matches!(&**error, TransferError::Store(Error::WrongAnswer { .. })), "{error:?}");
    }
}

#[tokio::test]
async fn tags_of_encrypted_objects_are_not_compared() {
    for part_size in [None, Some(2_000_000)] {
        let encrypted = |options: Options| {
            let options = options.encryption("aws:kms");
            part_size.map_or(options.clone(), |size| options.part_size(size))
        };
        let scene = Scene::with(encrypted);
        let options = scene.options();
        let report = scene.run(&options).await;
        assert!(report.is_complete() && scene.is_mirrored(), "{report:?}");
        assert!(report.contents.values().all(|content| content.check == Check::Size));
        let inventory = options.inventory.as_ref().unwrap();
        for path in inventory.paths() {
            let file = std::fs::metadata(path.below(&scene.root())).unwrap();
            assert!(!inventory.find(&path, &file).unwrap().etag_verified);
        }
        assert!(integrity(&scene.store(), &key(SHORT)).await.unwrap().opaque_tag);
        // Nothing is fetched again because of the tag.
        let before = scene.proxy.body_bytes();
        assert!(before < LONG_SIZE + 100_000, "{before}");
    }
    let scene = Scene::with(|options| options.encryption("AES256"));
    let report = scene.run(&scene.options()).await;
    assert!(report.contents.values().all(|content| content.check == Check::ETag));
    assert!(!integrity(&scene.store(), &key(SHORT)).await.unwrap().opaque_tag);
    assert!(matches!(integrity(&scene.store(), &key("none")).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn an_object_that_is_at_fault_itself_is_mirrored_as_it_is() {
    // With a digest one fetch is proof; without one the same bytes have to come twice.
    for (encryption, check, times) in
        [("AES256", Check::ETag, 1), ("aws:kms", Check::Repetition, 2)]
    {
        let scene = Scene::with(|options| options.encryption(encryption));
        let inspected = scene.options().with_inspection(Arc::new(Never));
        let report = scene.run(&inspected).await;
        assert!(report.is_complete() && scene.is_mirrored(), "{report:?}");
        let faults: Vec<_> = report.faults().map(|(key, fault)| (key.as_str(), fault)).collect();
        assert_eq!(faults, [(LONG, "not gzip"), (SHORT, "not gzip")]);
        assert!(report.contents.values().all(|content| content.check == check));
        let size = LONG_SIZE + 20_000;
        assert!((times * size..times * size + 100_000).contains(&scene.proxy.body_bytes()));
    }
}

#[test]
fn a_reader_takes_what_is_left_out_from_the_listing() {
    let scene = Scene::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let content = std::fs::read(scene.bucket.path().join(LONG)).unwrap();
    let etag = runtime.block_on(list(&scene.store(), LONG)).unwrap().objects[0].etag.clone();
    let etag = etag.unwrap();
    let read = |options: &ObjectOptions| -> Result<(Vec<u8>, Check), ObjectError> {
        let mut bytes = Vec::new();
        let (handle, store) = (runtime.handle(), scene.store());
        let mut reader = ObjectReader::open(handle, &store, &key(LONG), options)?;
        std::io::Read::read_to_end(&mut reader, &mut bytes).unwrap();
        Ok((bytes, reader.finish()?.content.check))
    };
    let sized = ObjectOptions::default().with_size(LONG_SIZE);
    let tagged = sized.clone().with_etag(&etag);
    for fault in [Fault::NoTag, Fault::Chunked, Fault::UntilClose] {
        let told = fault.clone();
        scene.proxy.decide(move |_| told.clone());
        let (bytes, check) = read(&tagged).unwrap();
        assert!(bytes == content, "{fault:?}");
        assert_eq!(check, Check::ETag);
        let (bytes, check) = read(&sized).unwrap();
        assert!(bytes == content, "{fault:?}");
        assert_eq!(check, if fault == Fault::NoTag { Check::Size } else { Check::ETag });
    }
    // Without a size there is nothing that tells an object from a page.
    scene.proxy.decide(|_| Fault::NoTag);
    assert!(read(&ObjectOptions::default()).is_err());
    scene.proxy.decide(|_| Fault::Html);
    assert!(read(&sized).is_err());
    let encrypted = Scene::with(|options| options.encryption("aws:kms"));
    let options = ObjectOptions::default();
    let reader =
        ObjectReader::open(runtime.handle(), &encrypted.store(), &key(LONG), &options).unwrap();
    assert_eq!(reader.finish().unwrap().content.check, Check::Size);
}

#[tokio::test]
async fn a_pause_is_told_with_its_reason() {
    let scene = Scene::new();
    let asked = AtomicUsize::new(0);
    scene.proxy.decide(move |request: &ProxiedRequest| {
        match request.is_object() && asked.fetch_add(1, Ordering::SeqCst) < 2 {
            true => Fault::Status(503, Some(1)),
            false => Fault::Pass,
        }
    });
    let waits = Mutex::new(Vec::new());
    let observer = |event: Event<'_>| {
        if let Event::Waiting { item, wait: Wait::Server { error, pause, asked } } = event {
            let Error::ObjectStatus { status, .. } = error else { panic!("{error:?}") };
            waits.lock().unwrap().push((item.key.to_string(), *status, pause, asked));
        }
    };
    let (store, plan) = (scene.store(), scene.plan().await);
    let (root, options) = (scene.root(), scene.options().with_jobs(1));
    let report = transfer(&store, &plan, &root, &options, &observer, &Cancel::new()).await;
    assert!(report.is_complete());
    let waits = waits.into_inner().unwrap();
    assert_eq!(waits.len(), 2, "{waits:?}");
    let second = Duration::from_secs(1);
    assert!(waits.iter().all(|wait| (wait.1, wait.2, wait.3) == (503, second, Some(second))));
    // A wish that is not followed to its end is told as it is.
    let scene = Scene::new().always(Fault::Status(503, Some(86_400)));
    let location: Location = scene.proxy.url("laion-fmri").parse().unwrap();
    let brief = impatient().with_retry_timeout(Duration::from_millis(200));
    let store = location.open_with(&brief).unwrap();
    let told = Mutex::new(None);
    let observer = |event: Event<'_>| {
        if let Event::Waiting { wait: Wait::Server { pause, asked, .. }, .. } = event {
            *told.lock().unwrap() = Some((pause, asked));
        }
    };
    let report = transfer(&store, &plan, &scene.root(), &options, &observer, &Cancel::new()).await;
    assert!(!report.is_complete());
    let day = Duration::from_secs(86_400);
    assert_eq!(told.into_inner().unwrap(), Some((Duration::from_millis(200), Some(day))));
}

#[tokio::test]
async fn waiting_for_another_process_is_told_with_its_claim() {
    let scene = Scene::new().always(Fault::Slow(Duration::from_millis(1)));
    let claimed = AtomicUsize::new(0);
    let observer = |event: Event<'_>| {
        if let Event::Waiting { item, wait: Wait::Process { claim } } = event {
            assert_eq!(item.key.as_str(), LONG);
            assert!(claim.ends_with("a/.long.gz.part.lock") && claim.exists(), "{claim:?}");
            claimed.fetch_add(1, Ordering::SeqCst);
        }
    };
    let (store, plan, options) = (scene.store(), scene.plan().await, scene.options());
    let (root, cancel) = (scene.root(), Cancel::new());
    let run = || transfer(&store, &plan, &root, &options, &observer, &cancel);
    let (one, other) = futures_join(run(), run()).await;
    assert!(one.is_complete() && other.is_complete());
    assert_eq!(claimed.into_inner(), 1, "told once, by the one that waits");
}

async fn futures_join<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    tokio::join!(a, b)
}

#[tokio::test]
async fn what_a_stop_leaves_of_a_long_file_is_reported_and_gone_on_with() {
    let scene = Scene::new().always(Fault::Slow(Duration::from_millis(2)));
    let (cancel, came) = (Cancel::new(), AtomicU64::new(0));
    let observer = |event: Event<'_>| {
        if let Event::Advanced { item, bytes } = event
            && item.key.as_str() == LONG
            && came.fetch_add(bytes, Ordering::SeqCst) > 3_000_000
        {
            cancel.cancel();
        }
    };
    let (store, plan, root) = (scene.store(), scene.plan().await, scene.root());
    let report = transfer(&store, &plan, &root, &scene.options(), &observer, &cancel).await;
    let Outcome::Unfinished { bytes } = report.outcomes[0].1 else { panic!("{report:?}") };
    assert!((1_000_000..LONG_SIZE).contains(&bytes), "{bytes}");
    let totals = report.totals();
    assert_eq!((totals.unfinished, totals.unfinished_bytes), (1, bytes));
    assert!(report.into_result().unwrap_err().to_string().contains("unfinished 1"));
    // A plan knows it, for this version alone.
    let item = &scene.plan().await.items[0];
    assert_eq!(item.unfinished_bytes(&root), bytes);
    let other = PlanItem { etag: Some("\"other\"".to_owned()), ..item.clone() };
    assert_eq!(other.unfinished_bytes(&root), 0);
    // A run that is stopped before it begins says so too.
    let report = transfer(&store, &plan, &root, &scene.options(), &(), &cancel).await;
    assert!(matches!(report.outcomes[0].1, Outcome::Unfinished { bytes: there } if there == bytes));
    scene.proxy.decide(|_| Fault::Pass);
    // What the connections of the stopped transfer still bring is not received by anybody.
    let received = AtomicU64::new(0);
    let observer = |event: Event<'_>| {
        if let Event::Advanced { bytes, .. } = event {
            received.fetch_add(bytes, Ordering::SeqCst);
        }
    };
    let (store, plan, options) = (scene.store(), scene.plan().await, scene.options());
    let report = transfer(&store, &plan, &root, &options, &observer, &Cancel::new()).await;
    assert!(report.is_complete() && scene.is_mirrored());
    assert!(received.into_inner() <= LONG_SIZE - bytes + 20_000);
}

#[cfg(unix)]
#[tokio::test]
async fn linked_directories_are_written_behind() {
    let scene = Scene::new();
    let disk = tempfile::tempdir().unwrap();
    std::fs::create_dir(scene.root()).unwrap();
    std::os::unix::fs::symlink(disk.path(), scene.root().join("a")).unwrap();
    let report = scene.run(&scene.options()).await;
    assert_eq!(report.totals().failed, 2);
    for (_, outcome) in &report.outcomes {
        let Outcome::Failed { error } = outcome else { panic!("{outcome:?}") };
        assert!(matches!(**error, TransferError::OutsideRoot { .. }), "{error:?}");
    }
    let options = scene.options().with_linked_directories(["a".to_owned()]);
    assert!(scene.run(&options).await.is_complete());
    assert_eq!(std::fs::read_dir(disk.path()).unwrap().count(), 2);
    assert!(scene.is_mirrored());
}
