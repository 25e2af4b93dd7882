//! LAION-fMRI from its public bucket to arrays: the only crate that knows this dataset.
//!
//! A [`Dataset`] is a mirror on disk and the bucket it belongs to. Downloads make the mirror;
//! a [`Subject`] reads it, in fixed memory and without Python, the AWS CLI or credentials.
//!
//! ```
//! use laion_fmri::Dataset;
//!
//! # let bucket = fixtures::Bucket::example()?;
//! let dataset = Dataset::open("laion-fmri")?; // or laion_fmri::config::open() for the configured one
//! let subject = dataset.subject("sub-03")?;
//! let betas = subject.betas().session("ses-01").roi("FFA1").load()?; // (n_trials, n_voxels), float32
//! assert_eq!(betas.nrows(), subject.trials("ses-01")?.len());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The library never prints, prompts or exits, and reads the environment in [`config`] alone.
//! Progress goes to observers, notes to `tracing`. Calls block. Names of the Python package:
//! [`python_names`].
#![cfg_attr(docsrs, feature(doc_cfg))]
#[cfg(feature = "download")]
pub mod access;
mod anatomy;
mod betas;
pub mod config;
mod dataset;
#[cfg(feature = "download")]
pub mod discovery;
#[cfg(feature = "download")]
mod download;
mod error;
#[cfg(feature = "extract")]
pub mod extract;
#[cfg(feature = "figure")]
pub mod figure;
mod files;
mod group;
pub mod layout;
pub mod license;
pub mod localizer;
mod mask;
mod memory;
pub mod noise_ceiling;
mod observer;
pub mod policy;
pub mod python_names;
mod raw;
#[cfg(feature = "download")]
mod remote;
mod request;
mod roi;
mod roots;
mod space;
pub mod stimulus;
pub mod store;
mod subject;
pub mod template;
mod trial_table;
mod trials;
#[cfg(feature = "download")]
pub mod upkeep;
mod voxels;
mod zscore;
pub use self::betas::{BetaRows, Betas, ConcatenatedBetas, SessionBetas, WrittenBetas};
pub use self::error::{Contradiction, Error, ErrorKind, ExtractError, NotEnoughSpace, Restriction};
pub use self::error::{Result, StoreError, TemplateError};
pub use self::files::{Input, InputError, InputRecord};
pub use self::group::{Group, SharedBetas, SubjectShared};
pub use self::mask::{BrainMask, MaskFile, MaskSource, Resolution, VoxelMask};
pub use self::observer::{Cancel, Event, Observer, Step};
pub use self::raw::{EventTable, EventTableError, Part};
pub use self::roi::{Hemi, Hemisphere, RoiData, RoiFormat, RoiInfo, RoiQuery, RoiSurface};
pub use self::trial_table::{GlobalTrial, SessionTrial, SubjectTrials, Trial, TrialColumns};
pub use self::trials::{SessionTrials, TableError, TrialTableError};
pub use self::zscore::{ColumnStatistics, NanPolicy, ZscoreOptions, ZscoreReport, zscore};
pub use self::{dataset::Dataset, roots::Roots, stimulus::Stimuli, voxels::Voxels};
#[cfg(feature = "download")]
pub use self::{discovery::Discovery, download::Download, download::Missing};
#[cfg(feature = "stimuli")]
pub use self::{group::SharedImages, stimulus::TrialDataset};
pub use self::{license::LicenseAccepted, noise_ceiling::NoiseCeiling, request::DownloadRequest};
pub use self::{request::Subjects, subject::SessionOrAll, subject::Subject};
pub use bids_names::{Filter, FilterField, SessionId, SubjectId};
pub use laion_fmri_stimuli::{EmbeddingModel, NameError, NounFilter, StimulusSet};
#[cfg(feature = "download")]
pub use s3_mirror::{ConnectOptions, Location};
#[doc(inline)]
pub use {
    array_export as export, bids_names as bids, gifti_surface as surface, indexmap,
    laion_fmri_splits as splits, laion_fmri_stimuli as stimuli, ndarray, nifti_stream, s3_mirror,
};
