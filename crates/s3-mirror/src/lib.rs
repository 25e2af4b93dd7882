//! Make a folder equal to a chosen set of object-store keys.
//!
//! Three steps, each usable alone: [`list`] what a bucket holds, [`plan`] what is missing (a pure
//! function), [`transfer`] it in bounded memory. [`ObjectReader`] reads an object, stores nothing.
//! [`Location`] opens a public S3 bucket, a path-style endpoint or a plain folder. Objects behind
//! links, and any `object_store::ObjectStore`, become a [`Store`]. No runtime is created.
//!
//! ```
//! use std::sync::Arc;
//! use object_store::{ObjectStoreExt, memory::InMemory};
//! use s3_mirror::{Cancel, Candidate, Folder, Inventory, Store, TransferOptions, list, plan, transfer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let memory = InMemory::new();
//! memory.put(&"sub-01/trials.tsv".into(), "session\trun\n".into()).await?;
//! let store = Store::new(Arc::new(memory), "memory");
//! # let folder = tempfile::tempdir()?; std::env::set_current_dir(&folder)?; std::fs::create_dir("mirror")?;
//! let inventory = Arc::new(Inventory::open("mirror/.inventory")?); // without it only sizes are compared
//! let folder = Folder::new("mirror")?.with_inventory(Arc::clone(&inventory));
//! let plan = plan(list(&store, "sub-01/").await?.into_iter().map(Candidate::exact), &folder)?;
//! assert_eq!(plan.totals().fetch.count, 1);
//! let options = TransferOptions::default().with_inventory(inventory);
//! let report = transfer(&store, &plan, "mirror".as_ref(), &options, &(), &Cancel::new()).await;
//! report.into_result()?; // an error with the first failure, if anything is missing
//! assert_eq!(std::fs::read("mirror/sub-01/trials.tsv")?, b"session\trun\n");
//! # Ok(()) }
//! ```
//!
//! Modules, all private, re-exported here:
//! * `location`, `store`, `listing`: where a bucket lives, what it holds
//! * `get`, `object`: requests, one object read like a file; `plan`, `transfer`: what is fetched
//! * `key`, `content`, `checksum`, `inventory`: names, records of files; all without `network`
//! * `digest`, `check`, `machine`: checks of bytes and files; `observer`, `cancel`, `error`
#![cfg_attr(docsrs, feature(doc_cfg))]
mod cancel;
#[cfg(feature = "network")]
mod check;
mod checksum;
mod content;
#[cfg(feature = "network")]
mod digest;
#[cfg(feature = "network")]
mod error;
#[cfg(all(any(test, fuzzing), feature = "network"))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "network")]
mod get;
mod inventory;
mod key;
#[cfg(feature = "network")]
mod listing;
#[cfg(feature = "network")]
mod location;
mod machine;
#[cfg(feature = "network")]
mod object;
#[cfg(feature = "network")]
mod observer;
#[cfg(feature = "network")]
mod plan;
mod serialize;
#[cfg(feature = "network")]
mod store;
#[cfg(feature = "network")]
mod transfer;

#[cfg(feature = "network")]
pub use check::{Condition, Expected, TakeOver, check_file, take_over};
pub use checksum::{Checksum, ChecksumAlgorithm, InvalidChecksum};
#[cfg(feature = "network")]
pub use digest::{ChecksumHasher, ETagHasher, Inspection, Inspector};
#[cfg(feature = "network")]
pub use get::{HttpClient, Links, Patience, is_transient_status, retry_after};
pub use inventory::{Inventory, Record};
pub use key::{InvalidKey, Key, KeyProblem, MAX_KEY_BYTES, MAX_PART_BYTES, RelativePath};
#[cfg(feature = "network")]
pub use listing::{
    Integrity, Listed, Listing, head, integrity, list, list_directory, list_many, list_pages,
};
#[cfg(feature = "network")]
pub use location::{DEFAULT_REGION, Location, LocationError};
#[cfg(feature = "network")]
pub use object::{ObjectContent, ObjectError, ObjectOptions, ObjectReader, PendingObject};
#[cfg(feature = "network")]
pub use observer::{Event, Observer, Wait};
#[cfg(feature = "network")]
pub use plan::{
    Action, Candidate, FetchReason, Folder, LocalEntry, LocalView, Plan, PlanError, PlanItem,
    PlanTotals, Refusal, Rule, Tally, plan,
};
#[cfg(feature = "network")]
pub use transfer::{
    Incomplete, Outcome, Report, ReportTotals, Stop, TransferError, TransferOptions, Withheld,
    transfer, unfinished_bytes,
};
pub use {cancel::Cancel, content::Check, content::Content, laion_fmri_base::Sha256};
#[cfg(feature = "network")]
pub use {error::Error, error::Source, object_store, store::ConnectOptions, store::Store};

#[cfg(all(doctest, feature = "network"))]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
