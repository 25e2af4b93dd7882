//! The facade's error: one variant for each decision a caller can take.

mod contradiction;
mod extract;
mod from;
mod kind;
mod sentences;
mod space;
mod store;
mod subjects;
mod template;

use std::io;
use std::path::PathBuf;
#[cfg(feature = "download")]
use std::sync::Arc;

use bids_names::{FileNameError, SessionId, SubjectId};
use gifti_surface::fs::{ReadGiftiError, ReadLabelError};
use laion_fmri_base::{NameError, agreeing, counted, readable_bytes, sufficient_bytes};
use thiserror::Error;

pub use self::extract::{ExtractError, Restriction};
#[cfg(feature = "download")]
use self::sentences::not_matching;
use self::sentences::{alternatives, listed, no_roi, unreadable};
pub(crate) use self::subjects::alike;
use self::subjects::{did_you_mean, of_subjects};
pub use self::{contradiction::Contradiction, kind::ErrorKind, space::NotEnoughSpace};
pub use self::{store::StoreError, template::TemplateError};
use crate::{DownloadRequest, EventTableError, InputError, MaskSource, TrialTableError};
#[cfg(feature = "download")]
use crate::{Missing, access::AccessError};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong between the bucket and an array.
///
/// `Display` says what failed and where; the fields carry what would put it right, such as the
/// [`DownloadRequest`] for what is missing or the names that exist; `source()` carries the cause.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// No data directory was given, in the environment or in the configuration file.
    #[doc(alias = "DataDirNotSetError")]
    #[error("no data directory is set")]
    DataDirNotSet,

    /// The data directory does not exist or is not a directory.
    #[error("data directory {} {reason}", path.display())]
    DataDirUnusable {
        /// The directory as it was given, made absolute.
        path: PathBuf,
        /// Why it cannot be used.
        reason: &'static str,
    },

    /// The configuration file exists but does not hold a usable setting.
    #[error("{}: not a configuration file of laion-fmri: {reason}", path.display())]
    Config {
        /// The configuration file.
        path: PathBuf,
        /// What is wrong in it.
        reason: String,
    },

    /// There is no place for the configuration file.
    #[error("cannot store the setting: neither HOME nor XDG_CONFIG_HOME is set")]
    NoConfigDir,

    /// A malformed subject id, or a subject that the bucket does not have.
    #[doc(alias = "SubjectNotFoundError")]
    #[error("no subject {got:?}{}{}", did_you_mean(got, available), listed("subjects", available))]
    SubjectNotFound {
        /// What was asked for.
        got: String,
        /// The subjects that exist, when they are known.
        available: Vec<String>,
    },

    /// A session id that is not `ses-` and letters or digits.
    #[error("not a session id: {got:?} (expected a form such as ses-01 or 01)")]
    InvalidSession {
        /// What was asked for.
        got: String,
    },

    /// A file that the call needs is not in the mirror.
    #[doc(alias = "DataNotDownloadedError")]
    #[error("not on disk: {what} (expected at {})", path.display())]
    DataNotDownloaded {
        /// What the file holds, in the terms of the field.
        what: String,
        /// Where it was looked for (in the first root).
        path: PathBuf,
        /// The download that brings it.
        fetch: Box<DownloadRequest>,
    },

    /// The bucket is read, and this call reads files on disk alone.
    #[error("{what}: only a copy on disk can be read, not {}", path.display())]
    LocalCopyNeeded {
        /// What the file holds, in the terms of the field.
        what: String,
        /// The object in the bucket.
        path: PathBuf,
        /// The download that brings it.
        fetch: Box<DownloadRequest>,
    },

    /// Nothing in the bucket fits the request, or something that it names. Nothing was fetched.
    #[cfg(feature = "download")]
    #[doc(alias = "NoMatchingDataError")]
    #[error("{}", not_matching(subject, filters, prefixes, missing))]
    NoMatchingData {
        /// The subject that was asked for, or `no subject` for bare prefixes.
        subject: String,
        /// The active filters as `name=[values]`, or `none`.
        filters: String,
        /// The prefixes that were listed, with the bucket's name.
        prefixes: Vec<String>,
        /// Every value and every tree that no key has, with the nearest that exists; empty when each
        /// is there and no key has all.
        missing: Vec<Missing>,
    },

    /// A tree that holds no file of the bucket where a mirror would have it.
    #[cfg(feature = "download")]
    #[error(
        "nothing to adopt: none of the {files} files in {} is one of the bucket (expected the folder that holds derivatives/)",
        tree.display()
    )]
    NothingToAdopt {
        /// The folder that was named.
        tree: PathBuf,
        /// How many files it holds.
        files: usize,
        /// The folder that was probably meant.
        instead: Option<PathBuf>,
    },

    /// A bucket, or a folder of keys, that is not this dataset.
    #[cfg(feature = "download")]
    #[error(
        "{location} is no bucket of LAION-fMRI: it holds none of derivatives/, stimuli/ and sub-*/"
    )]
    NotTheDataset {
        /// The bucket.
        location: String,
    },

    /// The mirror has no file that was asked to be verified, and no record of one.
    #[error(
        "nothing to verify: no downloaded file{} in {}{}",
        of_subjects(subjects, available),
        data_dir.display(),
        listed("subjects on disk", available)
    )]
    NothingToVerify {
        /// The subjects without a file; empty when there is no file at all.
        subjects: Vec<SubjectId>,
        /// The subjects with files.
        available: Vec<SubjectId>,
        /// The data directory, of several the first.
        data_dir: PathBuf,
    },

    /// The licence of the dataset has not been accepted for this data directory.
    #[doc(alias = "LicenseNotAcceptedError")]
    #[error("the licence of the dataset has not been accepted for {}", data_dir.display())]
    LicenseNotAccepted {
        /// The data directory that lacks the marker.
        data_dir: PathBuf,
    },

    /// An ROI query that is neither `all`, a category nor an ROI of the subject.
    #[error(
        "{subject} has {}; ROIs: {}; categories: {}",
        no_roi(got, *is_on_surface, suggestion.as_deref()),
        rois.join(", "),
        categories.join(", ")
    )]
    UnknownRoi {
        /// The subject whose ROIs were searched.
        subject: String,
        /// The query item.
        got: String,
        /// Whether there is such an ROI on the surface, when its volume was asked for.
        is_on_surface: bool,
        /// Every ROI on disk.
        rois: Vec<String>,
        /// Every category on disk.
        categories: Vec<String>,
        /// The nearest name that exists, or an expression of all that may be meant: `V1d | V1v`.
        suggestion: Option<Box<str>>,
    },

    /// A mask with another number of flags than the brain mask has voxels.
    #[error(
        "the mask has {}, the {source_of_axis} brain mask {}",
        counted(*got, "value"),
        counted(*expected, "voxel")
    )]
    MaskLength {
        /// The source of the brain mask.
        source_of_axis: MaskSource,
        /// Its number of voxels.
        expected: usize,
        /// The number of flags.
        got: usize,
    },

    /// A mask made on the voxel axis of one brain mask was used on that of another.
    #[error(
        "a mask over the {got} brain mask ({}) cannot be used on the {expected} one ({})",
        counted(*got_voxels, "voxel"),
        counted(*expected_voxels, "voxel")
    )]
    MaskAxis {
        /// The source of the axis it was used on.
        expected: MaskSource,
        /// The number of voxels of that axis.
        expected_voxels: usize,
        /// The source of the axis it was made on.
        got: MaskSource,
        /// The number of voxels of that axis.
        got_voxels: usize,
    },

    /// Sessions that cannot be joined because their voxel axes differ, as they do under a
    /// noise-ceiling threshold that uses each session's own map.
    #[error("{session} has other voxels than {first} ({got} and {expected})")]
    VoxelAxis {
        /// The first session.
        first: SessionId,
        /// The session that differs.
        session: SessionId,
        /// The number of voxels of the first session.
        expected: usize,
        /// The number of voxels of the session that differs.
        got: usize,
    },

    /// A trial that the session does not have.
    #[error("{session} has no trial {got}: it has {}, counted from 0", counted(*trials, "trial"))]
    TrialOutOfRange {
        /// The session.
        session: SessionId,
        /// Its number of trials.
        trials: usize,
        /// The trial that was asked for.
        got: usize,
    },

    /// A trial past the last of the subject's sessions on disk.
    #[error("{subject} has no trial {got}: it has {} on disk, counted from 0", counted(*trials, "trial"))]
    GlobalTrialOutOfRange {
        /// The subject.
        subject: SubjectId,
        /// The number of trials of all its sessions on disk.
        trials: usize,
        /// The trial that was asked for.
        got: usize,
    },

    /// Values that do not fit the chosen voxels.
    #[error(
        "there {} {}, but {} {} selected",
        agreeing(*got, "is", "are"),
        counted(*got, "value"),
        counted(*expected, "voxel"),
        agreeing(*expected, "is", "are")
    )]
    ValuesLength {
        /// The number of chosen voxels.
        expected: usize,
        /// The number of values.
        got: usize,
    },

    /// A file of the stimulus side is not in the mirror.
    #[doc(alias = "StimuliNotDownloadedError")]
    #[error("not on disk: {what} (expected at {})", path.display())]
    StimuliNotDownloaded {
        /// What the file holds.
        what: &'static str,
        /// Where it was looked for (in the first root).
        path: PathBuf,
        /// The download that brings it.
        fetch: Box<DownloadRequest>,
    },

    /// A file of the stimulus side that cannot be read, or an image or mask that it does not have.
    #[error(transparent)]
    Stimuli(Box<laion_fmri_stimuli::Error>),

    /// The table of images cannot be used.
    #[error("{}: not a usable table of images", path.display())]
    StimulusMetadata {
        /// The CSV file.
        path: PathBuf,
        /// What is wrong, with the line.
        source: laion_fmri_stimuli::TableError,
    },

    /// Options that contradict each other.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),

    /// A value of a form or a size that the option does not take.
    #[error("invalid {what} {got} (expected {expected})")]
    InvalidValue {
        /// The option, in the terms of the field.
        what: &'static str,
        /// The value as given; texts are quoted.
        got: String,
        /// What it has to be.
        expected: String,
    },

    /// A text that is not one of the names of an option.
    #[error(transparent)]
    UnknownName(#[from] NameError),

    /// A text that names no field of a filter.
    #[error(transparent)]
    UnknownField(#[from] bids_names::UnknownFilterField),

    /// A text that is not the key of an entity.
    #[error(transparent)]
    EntityKey(#[from] bids_names::InvalidEntityKey),

    /// A text that is not a location of a bucket.
    #[cfg(feature = "download")]
    #[error(transparent)]
    Location(#[from] s3_mirror::LocationError),

    /// A noun or the name of an image collection that no image has.
    #[error("no {what} {got:?}{}", nearest.as_deref().map(|name| format!(" (did you mean {name}?)")).unwrap_or_default())]
    NoSuchImage {
        /// What was looked for, to be read before the name: `object is called` or `dataset is called`.
        what: &'static str,
        /// The name as given.
        got: String,
        /// The nearest name that exists.
        nearest: Option<Box<str>>,
    },

    /// A list without an item where at least one is needed.
    #[error("no {what} is named (expected at least one)")]
    NothingNamed {
        /// What the list is of: `subject`, `session`, `output`.
        what: String,
    },

    /// An item that stands in a list more than once.
    #[error("{got} is named twice")]
    NamedTwice {
        /// The item.
        got: String,
    },

    /// An ROI expression that cannot be read.
    #[error("{}", unreadable(query, *column, problem))]
    RoiSyntax {
        /// The expression.
        query: String,
        /// Where in it, in characters counted from 1; one past the end when it ends too early.
        column: usize,
        /// What is wrong there.
        problem: String,
    },

    /// An item past the end of a list.
    #[error("there is no {what} {got}: there {} {}, counted from 0", agreeing(*len, "is", "are"), counted(*len, what))]
    OutOfRange {
        /// What the list is of.
        what: &'static str,
        /// Its number of items.
        len: usize,
        /// The item that was asked for.
        got: usize,
    },

    /// Columns, shapes or counts that do not fit those they have to fit.
    #[error("{what} do not fit (expected {expected}, got {got})")]
    DoesNotFit {
        /// What does not fit, and where.
        what: String,
        /// What it should be.
        expected: String,
        /// What it is.
        got: String,
    },

    /// A file whose name asks for a format that cannot be used there.
    #[error("unsupported {what} {}: use {}", path.display(), alternatives(supported))]
    UnsupportedFormat {
        /// What the file is: `output` or `map`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The endings that can be used.
        supported: &'static [&'static str],
    },

    /// The name of a file that cannot be put together from these parts.
    #[error(transparent)]
    FileName(#[from] FileNameError),

    /// Two files that must share a grid do not.
    #[error("{} and {} are on different grids", path.display(), reference.display())]
    GridMismatch {
        /// The file that was about to be used.
        path: PathBuf,
        /// The file whose grid it should have.
        reference: PathBuf,
        /// Which dimension or affine element differs, expected and got.
        source: nifti_stream::GridMismatch,
    },

    /// The betas file has a volume more or less than the trial table has rows.
    #[error(
        "{} has {volumes} volumes but {} has {rows} trials (expected equal numbers)",
        betas.display(),
        trials.display()
    )]
    TrialCountMismatch {
        /// The 4-D betas file.
        betas: PathBuf,
        /// Its number of volumes.
        volumes: usize,
        /// The trial table.
        trials: PathBuf,
        /// Its number of rows.
        rows: usize,
    },

    /// A file of the mirror, or an object in its place, that cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),

    /// A trial table that cannot be used.
    #[error("{}: {}", path.display(), source.title())]
    TrialTable {
        /// The TSV file.
        path: PathBuf,
        /// What is wrong, with the line.
        source: TrialTableError,
    },

    /// An events table that cannot be used.
    #[error("{}: not a usable table of events", path.display())]
    EventTable {
        /// The TSV file.
        path: PathBuf,
        /// What is wrong, with the line.
        source: EventTableError,
    },

    /// A column or a value of a table of events that cannot be used.
    #[error(transparent)]
    EventValue(#[from] EventTableError),

    /// Two surface files of one hemisphere are about different numbers of vertices.
    #[error("{} and {} do not fit: expected {expected} vertices, got {got}{}", path.display(), reference.display(), if *at_least { " or more" } else { "" })]
    VertexMismatch {
        /// The file that was about to be used.
        path: PathBuf,
        /// The file that it should fit.
        reference: PathBuf,
        /// The number of vertices of the reference.
        expected: usize,
        /// The number of vertices of the file.
        got: usize,
        /// Whether the file only names some vertices, so that there are at least `got`.
        at_least: bool,
    },

    /// A GIFTI file that cannot be read.
    #[error(transparent)]
    Gifti(#[from] ReadGiftiError),

    /// A FreeSurfer label that cannot be read.
    #[error(transparent)]
    Label(#[from] ReadLabelError),

    /// A split, pool or type of out-of-distribution images that does not exist or does not fit.
    #[error(transparent)]
    Split(#[from] laion_fmri_splits::Error),

    /// A NIfTI file that cannot be read or written.
    #[error(transparent)]
    Nifti(#[from] nifti_stream::Error),

    /// The bucket could not be listed, or a transfer could not be set up.
    #[cfg(feature = "download")]
    #[error(transparent)]
    Mirror(#[from] s3_mirror::Error),

    /// One file of the bucket, without which the call cannot go on, did not arrive.
    #[cfg(feature = "download")]
    #[error("{key} did not arrive")]
    Transfer {
        /// The key.
        key: String,
        /// What happened to it.
        source: Arc<s3_mirror::TransferError>,
    },

    /// A download did not bring everything that was wanted.
    #[cfg(feature = "download")]
    #[error(transparent)]
    Incomplete(#[from] s3_mirror::Incomplete),

    /// An object of the bucket cannot be read, or not to its end.
    #[cfg(feature = "download")]
    #[error(transparent)]
    Object(s3_mirror::ObjectError),

    /// The stimulus access service or one of its files cannot be used.
    #[cfg(feature = "download")]
    #[error(transparent)]
    Access(#[from] AccessError),

    /// The mirror could not be compared with the bucket.
    #[cfg(feature = "download")]
    #[error(transparent)]
    Plan(#[from] s3_mirror::PlanError),

    /// An output could not be written.
    #[error(transparent)]
    Export(#[from] array_export::Error),

    /// A plan, a part or a recipe of an extraction cannot be used, or nothing is left to extract.
    #[error(transparent)]
    Extract(Box<ExtractError>),

    /// A store of betas that cannot be read or built.
    #[error(transparent)]
    Store(Box<StoreError>),

    /// A surface or a template that values cannot be taken to.
    #[error(transparent)]
    Template(Box<TemplateError>),

    /// The array that was asked for does not fit into memory.
    #[error("an array of {} and {} does not fit into memory", counted(*rows, "row"), counted(*columns, "column"))]
    OutOfMemory {
        /// Trials.
        rows: usize,
        /// Values of each: voxels, or the bytes of an image.
        columns: usize,
    },

    /// The memory that was allowed is not enough.
    #[error("a memory limit of {} is too small (expected at least {})", readable_bytes(*limit), sufficient_bytes(*least))]
    MemoryLimit {
        /// The limit, in bytes.
        limit: u64,
        /// The smallest limit that works, in bytes.
        least: u64,
    },

    /// The disk cannot hold what is to be written.
    #[error(transparent)]
    Space(#[from] NotEnoughSpace),

    /// A call that needs the network was made in offline mode.
    #[error("{what} needs the network, and offline mode is on")]
    Offline {
        /// What was asked for.
        what: String,
    },

    /// A file or directory operation failed.
    #[error("{}: cannot {action}", path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },

    /// The system does not allow another thread.
    #[error("cannot start {what}")]
    Thread {
        /// What the thread was for.
        what: &'static str,
        /// The system's answer.
        source: io::Error,
    },

    /// The caller asked to stop.
    #[error("stopped before it was complete")]
    Cancelled,
}
