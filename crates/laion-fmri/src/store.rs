//! Stores: the betas of a subject kept by voxel, so that any ROI of all sessions is read in
//! milliseconds.
//!
//! A session inflates to 12 GB before one voxel of it is known. [`Subject::build_store`] does that
//! once, and writes what is inside the brain mask so that the trials of a voxel lie together. From
//! then on, everything that reads betas finds the store by itself: [`Betas`](crate::Betas),
//! extractions, noise ceilings, [trial datasets](crate::Subject::trial_dataset).
//!
//! ```
//! use laion_fmri::store::StoreRequest;
//! use laion_fmri::{Cancel, Dataset};
//!
//! # let bucket = fixtures::Bucket::example()?;
//! let dataset = Dataset::open("laion-fmri")?;
//! let subject = dataset.subject("sub-03")?;
//! let from_file = subject.betas().session("ses-01").roi("face").load()?;
//! subject.build_store(&StoreRequest::new(), &(), &Cancel::new())?;
//! let from_store = subject.betas().session("ses-01").roi("face").load()?;
//! let bits = |betas: &laion_fmri::ndarray::Array2<f32>| betas.mapv(f32::to_bits);
//! assert_eq!(bits(&from_store), bits(&from_file));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # When a store is used
//!
//! Stores lie in the folder `stores` of the data directories, and in those of
//! [`Dataset::with_stores`](crate::Dataset::with_stores), which may be shared and read-only. A store
//! is used for a session if it has all voxels that are asked for, was built with the brain mask that
//! is on disk, and is *in step*: the file of the betas has the size and the time of modification that
//! it had then, or the same SHA-256 by the records of the mirror, or is not there at all. Otherwise the file is read. Of several
//! stores the smallest is used. [`Dataset::without_stores`](crate::Dataset::without_stores) reads
//! files.
//!
//! Values are the same, bit for bit, and so are recipes: they name the file that the betas came from.
//! Every chunk that is read is compared with its checksum. A damaged store is left for the file, with
//! a note; without the file it is an error ([`StoreError::Damaged`](crate::StoreError::Damaged)).
//! [`StoreRequest::verify`] checks every byte and builds what is damaged.
//!
//! [`Subject::store_tasks`] divides the building among machines: a task for each session.
//! [`Download::with_store`](crate::Download::with_store) builds sessions while their files are
//! downloaded, so that nothing is read and inflated twice.
//! [`OpenStore`] reads any trials of any voxels of one store, without the dataset.
//!
//! # Open it with xarray
//!
//! A store is a group in Zarr format 3, which zarr-python, xarray and dask open as it is:
//!
//! ```text
//! sub-03_desc-anatomical.zarr/
//!   zarr.json         the documents of everything below (consolidated metadata)
//!   voxel_index       flat C-order index of each voxel, uint32 (neuroid)
//!   voxel_ijk         its coordinates on the grid, uint32 (neuroid, axis)
//!   nc_4rep ...       noise ceilings in percent, float32 (neuroid)
//!   roi_name, in_roi  ROIs, and which voxels lie in each, bool (roi, neuroid)
//!   ses-01/
//!     betas           float32 (presentation, neuroid)
//!     image_name      the image of each trial (presentation)
//!     run, beta_index, session_repetition
//!   ses-02/ ...
//! ```
//!
//! ```text
//! import xarray as xr
//!
//! path = "stores/sub-03_desc-anatomical.zarr"
//! voxels = xr.open_zarr(path, chunks=None)
//! session = xr.open_zarr(path, group="ses-01", chunks=None)   # reads nothing yet
//! face = voxels["in_roi"].values[list(voxels["roi_name"].values).index("FFA1")]
//! responses = session["betas"][:, face].values                # the chunks of these voxels
//!
//! # All sessions below each other, by dask, in blocks that fit into memory.
//! tree = xr.open_datatree(path, engine="zarr", chunks=None)
//! sessions = [tree[name]["betas"].reset_coords(drop=True) for name in sorted(tree.children)]
//! blocks = {"presentation": -1, "neuroid": 4096}
//! everything = xr.concat([betas.chunk(blocks) for betas in sessions], dim="presentation")
//! means = everything.mean("presentation").compute()
//! ```
//!
//! Where `open_zarr` chooses the blocks of dask itself, each is a session, which is 1.1 GB. The Python
//! module of this project has `open_store`, which gives all sessions as one dataset and reads
//! chosen voxels by its own code, several times faster than zarr-python.
//!
//! The layout of the matrices, and the checksums, are described by [`voxel_store`]: all trials of
//! neighbouring voxels lie in one piece.

#[cfg(feature = "download")]
mod arriving;
mod build;
mod contents;
mod described;
mod find;
mod opened;
mod responses;
mod session;
#[cfg(feature = "extract")]
mod tasks;
mod turn;
mod upkeep;

#[doc(inline)]
pub use voxel_store;

#[cfg(feature = "download")]
pub(crate) use self::arriving::{ArrivingSessions, StoredArriving};
pub use self::build::{StoreBuilt, StorePlan, StoreRequest};
#[cfg(feature = "download")]
pub(crate) use self::find::FOLDER;
pub(crate) use self::find::{OpenedStores, StoresOfVoxels};
pub use self::opened::{OpenStore, SessionRows};
pub(crate) use self::session::StoredSession;
#[cfg(feature = "extract")]
pub use self::tasks::StoreTasks;
pub use self::upkeep::{StoreCheck, StoreInfo, StoreState, StoredSessionInfo};
#[cfg(doc)]
use crate::Subject;

/// The matrix of a session.
const BETAS: &str = "betas";
/// The voxels of a store, as flat indices.
const VOXEL_INDEX: &str = "voxel_index";
/// The dimension of trials; that of the arrays of extractions.
const TRIALS: &str = "presentation";
/// The dimension of voxels.
const VOXELS: &str = "neuroid";
