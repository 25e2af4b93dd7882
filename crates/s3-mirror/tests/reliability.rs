//! Faults to survive: after each, another run ends with a tree whose every byte is right.
//!
//! In the ordinary test run each kind of fault is tried a few times. `cargo xtask reliability` sets
//! a variable to the name of a directory: then each is tried as often as `RELIABILITY.md` says, and
//! what was counted is written there.

mod connections;
mod contents;
mod processes;
mod resume;
mod storage;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fixtures::server::{ChecksumKind, Options};
use fixtures::{Fault, ProxiedRequest, Proxy, Server, noise};
use s3_mirror::{
    Cancel, Candidate, ConnectOptions, Folder, Inspection, Inspector, Inventory, Location,
    Observer, RelativePath, Report, Store, TransferOptions, list, plan, transfer,
};

use crate::answers::Never;

const VARIABLE: &str = "LAION_FMRI_RELIABILITY";

/// Where what is counted goes, when it is to be published.
#[expect(clippy::disallowed_methods, reason = "the variable comes from `cargo xtask reliability`")]
fn published() -> Option<PathBuf> {
    std::env::var_os(VARIABLE).map(PathBuf::from)
}

/// How often a fault is tried: rarely, or as often as the published counts say.
fn times(quick: usize, full: usize) -> usize {
    if published().is_some() { full } else { quick }
}

/// What one kind of fault has counted.
struct Tally {
    name: &'static str,
    runs: usize,
    faults: usize,
    bytes: u64,
}

impl Tally {
    fn new(name: &'static str) -> Self {
        Self { name, runs: 0, faults: 0, bytes: 0 }
    }

    /// A wrong byte has failed the test before, so that losses are never more than none.
    fn write(self) {
        let Some(directory) = published() else { return };
        let Self { name, runs, faults, bytes } = self;
        let line = format!("{name}\t{runs}\t{faults}\t{bytes}\t0\n");
        let file = name.replace(|character: char| !character.is_ascii_alphanumeric(), "-");
        std::fs::write(directory.join(format!("mirror-{file}.tsv")), line).unwrap();
    }
}

/// A served folder behind a proxy, and a mirror.
struct Scene {
    bucket: tempfile::TempDir,
    mirror: tempfile::TempDir,
    server: Server,
    proxy: Proxy,
    patience: ConnectOptions,
    /// Whether some objects are found damaged although they arrive as they are.
    has_faults: bool,
}

/// Finds the files of one folder damaged, whatever they hold.
#[derive(Debug)]
struct Faulty;

impl Inspection for Faulty {
    fn inspect(&self, path: &RelativePath) -> Option<Box<dyn Inspector>> {
        path.as_str().starts_with("derivatives/a/").then(|| Box::new(Never) as Box<dyn Inspector>)
    }
}

/// Longer than one buffer, than one piece in ranges, and short ones.
const SIZES: [(&str, usize); 5] = [
    ("derivatives/a/long.bin", 6_500_001),
    ("derivatives/a/middle.bin", 700_003),
    ("derivatives/b/small.tsv", 20_000),
    ("derivatives/b/empty", 0),
    ("long-2.bin", 5_000_000),
];

impl Scene {
    fn new() -> Self {
        Self::with(Self::objects())
    }

    /// The same, where entity tags only look like digests.
    fn encrypted() -> Self {
        Self::served(Self::objects(), |options| options.encryption("aws:kms"))
    }

    /// The same, where nothing but a checksum that the server keeps tells what the bytes are: one
    /// of the whole, or of parts.
    fn checked(kind: ChecksumKind, composite: bool) -> Self {
        Self::served(Self::objects(), |options| {
            let options = options.encryption("aws:kms").checksum(kind).composite(composite);
            options.part_size(1 << 20)
        })
    }

    fn objects() -> BTreeMap<&'static str, Vec<u8>> {
        SIZES.map(|(key, size)| (key, noise(key.len() as u64, size))).into()
    }

    fn with(objects: BTreeMap<&str, Vec<u8>>) -> Self {
        Self::served(objects, |options| options)
    }

    fn served(objects: BTreeMap<&str, Vec<u8>>, options: impl FnOnce(Options) -> Options) -> Self {
        let bucket = tempfile::tempdir().unwrap();
        for (key, content) in objects {
            let file = bucket.path().join(key);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, content).unwrap();
        }
        let server = Server::start(options(Options::new(bucket.path()))).unwrap();
        let proxy = Proxy::start(server.address(), |_| Fault::Pass).unwrap();
        let mirror = tempfile::tempdir().unwrap();
        Self { bucket, mirror, server, proxy, patience: patient(), has_faults: false }
    }

    /// The same with objects that are faulty themselves.
    fn faulty(self) -> Self {
        Self { has_faults: true, ..self }
    }

    /// The same for counting bytes: however slow the machine is, nothing is asked for a second time
    /// because of a slow answer.
    fn unhurried(mut self) -> Self {
        self.patience = self.patience.with_read_timeout(Duration::from_secs(60));
        self
    }

    fn store(&self) -> Store {
        let location: Location = self.proxy.url("laion-fmri").parse().unwrap();
        location.open_with(&self.patience).unwrap()
    }

    fn root(&self) -> PathBuf {
        self.mirror.path().join("root")
    }

    fn options(&self) -> TransferOptions {
        let inventory = Inventory::open(self.mirror.path().join("inventory")).unwrap();
        let options = TransferOptions::default().with_jobs(6).with_inventory(Arc::new(inventory));
        if self.has_faults { options.with_inspection(Arc::new(Faulty)) } else { options }
    }

    async fn run(&self) -> Report {
        self.run_with(&(), &Cancel::new()).await
    }

    /// Lists, plans with the records, and transfers.
    async fn run_with(&self, observer: &dyn Observer, cancel: &Cancel) -> Report {
        let (store, options) = (self.store(), self.options());
        let listing = list(&store, "").await.unwrap();
        let inventory = options.inventory.clone().unwrap();
        let folder = Folder::new(self.root()).unwrap().with_inventory(inventory);
        let plan = plan(listing.into_iter().map(Candidate::exact), &folder).unwrap();
        transfer(&store, &plan, &self.root(), &options, observer, cancel).await
    }

    /// Nothing under a final name is anything but the object, now or as `also` has it.
    fn nothing_wrong(&self, also: &BTreeMap<String, Vec<u8>>) {
        let expected = crate::util::read_all(self.bucket.path());
        for (key, content) in visible(&self.root()) {
            let right = expected.get(&key) == Some(&content) || also.get(&key) == Some(&content);
            assert!(right, "{key} has wrong bytes ({} of them)", content.len());
        }
    }

    /// After another run on a good connection, everything is right.
    async fn ends_right(&self, tally: &mut Tally) {
        self.proxy.decide(|_| Fault::Pass);
        let report = self.run().await;
        assert!(report.is_complete(), "{report:?}");
        tally.bytes += self.compare();
        tally.runs += 1;
        tally.faults += self.proxy.faults();
    }

    /// The bytes that were compared.
    fn compare(&self) -> u64 {
        let (got, expected) = (visible(&self.root()), crate::util::read_all(self.bucket.path()));
        assert!(got.keys().eq(expected.keys()), "{:?}", got.keys());
        for (key, content) in &expected {
            assert!(got.get(key) == Some(content), "{key} has wrong bytes");
        }
        // Nothing unfinished is left, hidden or not.
        let all = crate::util::read_all(&self.root());
        assert_eq!(all.len(), got.len(), "{:?}", all.keys());
        expected.values().map(|content| content.len() as u64).sum()
    }
}

/// The files of a mirror without what is unfinished.
fn visible(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = if root.is_dir() { crate::util::read_all(root) } else { BTreeMap::new() };
    files.retain(|key, _| !key.rsplit('/').next().unwrap().starts_with('.'));
    files
}

/// Does not wait long, but often.
fn patient() -> ConnectOptions {
    let mut options = ConnectOptions::default();
    options.read_timeout = Duration::from_millis(1500);
    options.max_retries = 8;
    options.first_pause = Duration::from_millis(2);
    options
}

/// The same numbers in every run (splitmix64).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

fn object(request: &ProxiedRequest) -> bool {
    request.is_object()
}
