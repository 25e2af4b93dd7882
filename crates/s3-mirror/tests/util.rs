//! Stores, folders and plans shared by the tests.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use object_store::memory::InMemory;
use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt};
use s3_mirror::{
    Cancel, Candidate, ConnectOptions, Folder, Key, Listed, Plan, Report, Store, TransferOptions,
    list, plan, transfer,
};

/// Key and content, in key order.
pub(crate) type Objects = BTreeMap<String, Vec<u8>>;

pub(crate) fn objects(entries: &[(&str, &[u8])]) -> Objects {
    entries.iter().map(|(key, content)| ((*key).to_owned(), content.to_vec())).collect()
}

pub(crate) async fn memory(objects: &Objects) -> Store {
    let memory = InMemory::new();
    for (key, content) in objects {
        let path = StorePath::parse(key).unwrap();
        memory.put(&path, content.clone().into()).await.unwrap();
    }
    Store::new(Arc::new(memory) as Arc<dyn ObjectStore>, "memory")
}

pub(crate) fn write_all(root: &Path, objects: &Objects) {
    for (key, content) in objects {
        let file = root.join(key);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }
}

/// Everything below `root` as files, temporary files included.
pub(crate) fn read_all(root: &Path) -> Objects {
    let mut found = Objects::new();
    let mut directories = vec![root.to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let key = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                // A stopped transfer may still be tidying up.
                match std::fs::read(path) {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    content => drop(found.insert(key, content.unwrap())),
                }
            }
        }
    }
    found
}

pub(crate) fn listed(key: &str, size: u64) -> Listed {
    Listed { key: key.parse().unwrap(), size, etag: None, last_modified: None }
}

pub(crate) fn plan_of(entries: &[(&str, u64)], root: &Path) -> Plan {
    let wanted = entries.iter().map(|(key, size)| Candidate::exact(listed(key, *size)));
    plan(wanted, &Folder::new(root).unwrap()).unwrap()
}

/// Lists, plans and transfers everything under `prefix`.
pub(crate) async fn mirror(store: &Store, prefix: &str, root: &Path) -> Report {
    let listing = list(store, prefix).await.unwrap();
    let refused = listing.refused.clone();
    let plan = plan(listing.into_iter().map(Candidate::exact), &Folder::new(root).unwrap());
    run(store, &plan.unwrap().with_refused(refused), root).await
}

pub(crate) async fn run(store: &Store, plan: &Plan, root: &Path) -> Report {
    let options = TransferOptions::default().with_jobs(3);
    transfer(store, plan, root, &options, &(), &Cancel::new()).await
}

/// Few and short attempts, so that failures are quick. A slow answer is none of them: on a busy machine
/// it would be asked for again, and requests and bytes could not be counted.
pub(crate) fn impatient() -> ConnectOptions {
    let mut options = ConnectOptions::default();
    options.read_timeout = Duration::from_secs(60);
    options.max_retries = 1;
    options.first_pause = Duration::from_millis(5);
    options
}

/// The same for servers that fall silent. It is long enough for the next answer on a busy machine.
pub(crate) fn impatient_with_silence() -> ConnectOptions {
    impatient().with_read_timeout(Duration::from_secs(2))
}

pub(crate) fn keys(found: &[Listed]) -> Vec<&str> {
    found.iter().map(|listed| listed.key.as_str()).collect()
}

pub(crate) fn key(text: &str) -> Key {
    text.parse().unwrap()
}
