//! Objects of the bucket as inputs: when they are asked for, and what is known of them already.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fixtures::server::ChecksumKind;
use fixtures::{Bucket, Fault, Options, Proxy, Server};
use laion_fmri::extract::{ExtractRequest, Recipe};
use laion_fmri::s3_mirror::Sha256;
use laion_fmri::{Cancel, Dataset, Error, Event, Observer};

const BETAS: &str = "desc-SingletrialBetas_statmap.nii.gz";

/// What waits for a request of another thread gives up after this.
const LONG: Duration = Duration::from_secs(60);

/// The sessions that are read, one after the other.
const SESSIONS: [&str; 2] = ["ses-01", "ses-02"];

/// A bucket that notes which betas are asked for.
struct Scene {
    _bucket: Bucket,
    _server: Server,
    proxy: Proxy,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Scene {
    fn new() -> Self {
        let bucket = Bucket::temporary().unwrap();
        let server = bucket.serve().unwrap();
        let proxy = Proxy::start(server.address(), |_| Fault::Pass).unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&asked);
        proxy.decide(move |request| {
            if request.is_object() && request.target.contains(BETAS) {
                seen.lock().unwrap().push(request.target.clone());
            }
            Fault::Pass
        });
        Self { _bucket: bucket, _server: server, proxy, asked }
    }

    fn dataset(&self) -> Dataset {
        let location = self.proxy.url("laion-fmri").parse().unwrap();
        Dataset::from_bucket(&location).unwrap().with_jobs(1)
    }

    /// How often each session was asked for since this was last asked.
    fn asked(&self) -> [usize; 2] {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap());
        SESSIONS.map(|session| count(&asked, session))
    }

    /// Holds the first session up until the second one was asked for so many times.
    fn holds_up(&self, times: usize) -> impl Fn(Event<'_>) + Sync + use<> {
        let asked = Arc::clone(&self.asked);
        move |event| {
            let Event::Volume { session, .. } = event else { return };
            let started = Instant::now();
            while session.as_str() == SESSIONS[0]
                && count(&asked.lock().unwrap(), SESSIONS[1]) < times
            {
                assert!(started.elapsed() < LONG, "the next session is asked for afterwards");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

fn count(asked: &[String], session: &str) -> usize {
    asked.iter().filter(|target| target.contains(session)).count()
}

fn extract(
    dataset: &Dataset,
    (subject, sessions): (&str, &[&str]),
    output: PathBuf,
    observer: &dyn Observer,
) -> Recipe {
    let mut request = ExtractRequest::default().from_bucket();
    request.subjects = vec![subject.to_owned()];
    request.sessions = sessions.iter().map(|session| (*session).to_owned()).collect();
    request.output = output;
    let plan = dataset.extract_plan(&request).unwrap();
    plan.run(dataset, 0..plan.len(), observer, &Cancel::new()).unwrap();
    plan.merge(&(), &Cancel::new()).unwrap()
}

#[test]
fn the_next_session_of_an_extraction_is_on_its_way_while_one_is_read() {
    let (scene, folder) = (Scene::new(), tempfile::tempdir().unwrap());
    let output = folder.path().join("a.npz");
    extract(&scene.dataset(), ("sub-03", &SESSIONS), output, &scene.holds_up(1));
    assert_eq!(scene.asked(), [1, 1]);
}

#[test]
fn the_next_session_of_a_call_is_on_its_way_while_one_is_read() {
    let scene = Scene::new();
    let subject = scene.dataset().subject("sub-03").unwrap();
    // Once for its header, when the sessions are planned, and once ahead.
    let holds_up = scene.holds_up(2);
    let request = || subject.betas().sessions(SESSIONS).roi("FFA1").observer(&holds_up);
    assert_eq!(request().load_sessions().unwrap().len(), 2);
    assert_eq!(scene.asked(), [2, 2]);
    request().concat().unwrap();
    assert_eq!(scene.asked(), [2, 2]);
    let taken = request().for_each_session(|_, _| Ok::<(), Error>(()));
    taken.unwrap();
    assert_eq!(scene.asked(), [2, 2]);
}

/// The only digest of an object that is kept in a cache directory.
fn kept_digest(cache: &Path) -> PathBuf {
    let entries = std::fs::read_dir(cache.join("indexes")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(paths.len(), 1, "{paths:?}");
    let path = paths.remove(0);
    assert!(path.to_string_lossy().ends_with(".object.sha256.json"), "{}", path.display());
    path
}

#[test]
fn the_digest_of_an_object_is_made_once_for_each_version() {
    let folder = tempfile::tempdir().unwrap();
    let (root, cache) = (folder.path().join("bucket"), folder.path().join("cache"));
    // Small objects are hashed every time.
    fixtures::bucket::write_large(&root, 64, 1, 48).unwrap();
    let options = Options::new(&root).checksum(ChecksumKind::Crc64Nvme);
    let server = Server::start(options).unwrap();
    let location = format!("{}/laion-fmri", server.endpoint()).parse().unwrap();
    // Every time a new handle, as another process would have.
    let sha256 = |output: &str| {
        let dataset = Dataset::from_bucket(&location).unwrap().with_cache_dir(&cache);
        let output = folder.path().join(output);
        let recipe = extract(&dataset, ("sub-01", &["ses-01"]), output, &());
        recipe.inputs.iter().find(|input| input.path.ends_with(BETAS)).unwrap().sha256
    };
    let made = sha256("a.npz");
    let kept = kept_digest(&cache);
    let text = std::fs::read_to_string(&kept).unwrap();
    assert!(text.contains(&made.to_string()), "{text}");
    // What is kept is taken: this is the digest of something else, so that it shows.
    let other = Sha256([7; 32]);
    let replaced = text.replace(&made.to_string(), &other.to_string());
    std::fs::write(&kept, &replaced).unwrap();
    assert_eq!(sha256("b.npz"), other);
    // That of another version is not, and gives way.
    let etag: serde_json::Value = serde_json::from_str(&text).unwrap();
    let etag = etag["etag"].as_str().unwrap().trim_matches('"').to_owned();
    std::fs::write(&kept, replaced.replace(&etag, "900150983cd24fb0d6963f7d28e17f72")).unwrap();
    assert_eq!(sha256("c.npz"), made);
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), text);
}
