//! The stimulus access service: who may have the images, and the links they come through.
//!
//! The images are not in the public bucket. The service has a public [`Manifest`] of the files. It
//! gives access to anyone who fills in the [`AccessForm`], and then hands out links that are valid
//! for an hour. [`Dataset::plan_stimuli`](crate::Dataset::plan_stimuli) puts the parts together.
//!
//! ```
//! use laion_fmri::access::{AccessForm, AccessService};
//! use laion_fmri::{Cancel, Dataset};
//!
//! # let server = fixtures::AccessServer::start()?;
//! # let root = tempfile::tempdir()?;
//! # std::env::set_current_dir(&root)?;
//! # std::fs::create_dir("laion-fmri")?;
//! let service = AccessService::public()?;
//! # let service = AccessService::new(&server.url())?;
//! let cancel = Cancel::new();
//! let stimuli = Dataset::open("laion-fmri")?
//! #   .with_location(laion_fmri::Location::directory(root.path())?)
//!     .plan_stimuli(&service, &cancel)?; // nothing is sent about anybody
//! if stimuli.needs_access() {
//!     let terms = stimuli.manifest().terms_version(); // shown to a person, who accepts it
//!     let form = AccessForm::new("Ada L", "ada@uni.example", "A University", "Voxelwise encoding models")
//!         .accept_terms(terms)
//!         .acknowledge_privacy();
//!     let grant = service.request(&form, stimuli.manifest(), &cancel)?;
//!     stimuli.run(Some(&grant), &(), &cancel)?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Request ids and links are secrets: they are never part of an error, a log line or `Debug` output.

mod auth;
mod client;
mod error;
mod form;
mod http;
mod links;
mod protocol;
mod record;
mod request_id;

pub use self::auth::{AuthFile, SavedAccess};
pub use self::client::{AccessService, PUBLIC_URL, Page};
pub use self::error::AccessError;
pub use self::form::{AccessForm, FormError, FormField, MIN_PURPOSE_CHARS};
pub use self::http::AccessOptions;
pub(crate) use self::links::GatedStore;
pub use self::protocol::{GatedFile, Grant, Manifest};
pub(crate) use self::record::HashRecord;
pub use self::request_id::RequestId;
pub use crate::download::{StimulusDownload, StimulusFile, StimulusReport};
pub use laion_fmri_base::Sha256;
