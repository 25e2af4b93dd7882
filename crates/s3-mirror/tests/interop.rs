//! The mirror against moto, an independent S3 server: listings, entity tags (also of multipart
//! uploads), checksums, `If-Match`, ranges and denied keys.
//!
//! `cargo xtask interop` names the interpreter that has moto in `LAION_FMRI_INTEROP_S3`.
#![cfg(test)]

use std::io::{BufRead, BufReader, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use s3_mirror::{
    Action, Cancel, Candidate, Check, ChecksumAlgorithm, ConnectOptions, Event, Folder, Inventory,
    Location, ObjectOptions, ObjectReader, Observer, Outcome, Report, Stop, TransferOptions,
    Withheld, head, list, list_directory, plan, transfer,
};

const PARTS: usize = 12_000_000;

/// Objects of every kind, and the server that has them.
struct Moto {
    folder: tempfile::TempDir,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    port: String,
}

impl Moto {
    #[expect(clippy::disallowed_methods, reason = "the runner tells the place by a variable")]
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (key, content) in objects() {
            write(&folder.path().join("bucket").join(key), &content);
        }
        let python = std::env::var_os("LAION_FMRI_INTEROP_S3").expect("LAION_FMRI_INTEROP_S3");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../interop/serve_s3.py");
        let mut child = Command::new(python)
            .args(["-E", "-s", "-B"])
            .arg(script)
            .arg(folder.path().join("bucket"))
            .arg("data")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        output.read_line(&mut port).unwrap();
        Self { folder, child, input, output, port: port.trim().to_owned() }
    }

    fn location(&self) -> Location {
        format!("http://127.0.0.1:{}/data", self.port).parse().unwrap()
    }

    fn replace(&mut self, key: &str, content: &[u8]) {
        let file = self.folder.path().join("new");
        write(&file, content);
        writeln!(self.input.as_ref().unwrap(), "{key}\t{}", file.display()).unwrap();
        let mut done = String::new();
        self.output.read_line(&mut done).unwrap();
        assert_eq!(done, "done\n");
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("mirror")
    }

    fn inventory(&self) -> Arc<Inventory> {
        Arc::new(Inventory::open(self.folder.path().join("inventory")).unwrap())
    }

    async fn mirror(&self, observer: &dyn Observer, cancel: &Cancel) -> Report {
        let store = self.location().open().unwrap();
        let listing = list(&store, "tree/").await.unwrap();
        let folder = Folder::new(self.root()).unwrap().with_inventory(self.inventory());
        let plan = plan(listing.into_iter().map(Candidate::exact), &folder).unwrap();
        let options = TransferOptions::default().with_inventory(self.inventory());
        transfer(&store, &plan, &self.root(), &options, observer, cancel).await
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        self.input = None;
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn write(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

fn content(seed: u32, length: usize) -> Vec<u8> {
    (0..length as u32)
        .map(|i| (i.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 11) as u8)
        .collect()
}

fn objects() -> Vec<(String, Vec<u8>)> {
    let mut objects = vec![
        ("tree/parts.bin".to_owned(), content(1, PARTS)),
        ("tree/a b+c/é.tsv".to_owned(), content(2, 20_000)),
        ("tree/denied.bin".to_owned(), content(3, 1_000)),
        ("tree/empty".to_owned(), Vec::new()),
    ];
    objects.extend((0..60).map(|i| (format!("many/{i:03}.txt"), content(i, 10))));
    objects
}

/// Cancels after so many bytes.
struct StopAt(u64, std::sync::atomic::AtomicU64, Cancel);

impl Observer for StopAt {
    fn event(&self, event: Event<'_>) {
        let Event::Advanced { bytes, .. } = event else { return };
        if self.1.fetch_add(bytes, std::sync::atomic::Ordering::SeqCst) + bytes >= self.0 {
            self.2.cancel();
        }
    }
}

#[tokio::test]
#[ignore = "needs moto; run by `cargo xtask interop`"]
async fn a_mirror_of_another_server() {
    let mut moto = Moto::start();

    // Pages, prefixes, one level.
    let mut options = ConnectOptions::default();
    options.page_size = NonZeroU32::new(7);
    let store = moto.location().open_with(&options).unwrap();
    let many = list(&store, "many/0").await.unwrap();
    assert_eq!(many.objects.len(), 60);
    assert!(many.objects.is_sorted_by(|a, b| a.key < b.key));
    let top = list_directory(&store, "").await.unwrap();
    assert_eq!(top.prefixes, ["many/", "tree/"]);
    let parts = head(&store, &"tree/parts.bin".parse().unwrap()).await.unwrap().unwrap();
    assert!(parts.etag.unwrap().ends_with("-3\""), "an upload in parts");

    // Stopped inside the file of three parts, and gone on with.
    let stop = StopAt(PARTS as u64 / 2, 0.into(), Cancel::new());
    let report = moto.mirror(&stop, &stop.2).await;
    assert_eq!(report.stop, Some(Stop::Cancelled), "{report:?}");
    let again = StopAt(u64::MAX, 0.into(), Cancel::new());
    let report = moto.mirror(&again, &again.2).await;
    assert!(report.is_complete(), "{report:?}");
    let came = again.1.load(std::sync::atomic::Ordering::SeqCst);
    assert!(came < PARTS as u64 * 3 / 4, "{came} bytes came again");
    for (key, outcome) in &report.outcomes {
        let withheld = matches!(outcome, Outcome::Withheld { reason: Withheld::Server });
        assert_eq!(withheld, key.as_str().contains("denied"), "{key}: {outcome:?}");
    }
    for (key, content) in objects() {
        if key.starts_with("tree/") && !key.contains("denied") {
            assert!(std::fs::read(moto.root().join(&key)).unwrap() == content, "{key}");
            let path = key.parse().unwrap();
            let file = std::fs::metadata(moto.root().join(&key)).unwrap();
            let record = moto.inventory().find(&path, &file).unwrap();
            assert!(record.fits(&file), "{record:?}");
            // The client that filled moto computes CRC-32. Of an upload in parts, `HEAD` gives the checksum
            // of those of the parts without saying so, and so it is not taken for one.
            let expected = match key.as_str() {
                "tree/parts.bin" => Check::ETag,
                _ => Check::Checksum(ChecksumAlgorithm::Crc32),
            };
            assert_eq!(record.check, Some(expected), "{record:?}");
        }
    }

    // `GET` says of what it is.
    let read = store.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let (runtime, options) =
            (tokio::runtime::Runtime::new().unwrap(), ObjectOptions::default());
        let key = "tree/parts.bin".parse().unwrap();
        ObjectReader::open(runtime.handle(), &read, &key, &options).unwrap().finish().unwrap()
    });
    let check = reading.await.unwrap().content.check;
    assert_eq!(check, Check::PartChecksums(ChecksumAlgorithm::Crc32));

    // A new version of the same size, and one of another size.
    moto.replace("tree/parts.bin", &content(9, PARTS));
    moto.replace("tree/a b+c/é.tsv", &content(9, 19_000));
    let report = moto.mirror(&(), &Cancel::new()).await;
    assert_eq!(report.totals().fetched, 2, "{report:?}");
    assert!(std::fs::read(moto.root().join("tree/parts.bin")).unwrap() == content(9, PARTS));

    // Replaced after the listing: `If-Match` says no, and the new version comes whole.
    let listing = list(&store, "tree/parts").await.unwrap();
    moto.replace("tree/parts.bin", &content(11, PARTS));
    std::fs::remove_file(moto.root().join("tree/parts.bin")).unwrap();
    let candidates = listing.into_iter().map(Candidate::exact);
    let plan = plan(candidates, &Folder::new(moto.root()).unwrap()).unwrap();
    assert!(matches!(plan.items[0].action, Action::Fetch(_)));
    let options = TransferOptions::default();
    let report = transfer(&store, &plan, &moto.root(), &options, &(), &Cancel::new()).await;
    assert!(report.is_complete(), "{report:?}");
    assert!(std::fs::read(moto.root().join("tree/parts.bin")).unwrap() == content(11, PARTS));
}
