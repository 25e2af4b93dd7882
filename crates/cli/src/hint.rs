//! Hints: the command or the option that would fix a failure.

mod line;

use laion_fmri::access::{AccessError, FormError};
use laion_fmri::export;
use laion_fmri::extract::{ExtractError, Restriction};
use laion_fmri::s3_mirror;
use laion_fmri::stimuli::{Error as StimuliError, files};
use laion_fmri::surface::fs::{ReadFreeSurferError, ReadGiftiError, ReadLabelError};
use laion_fmri::upkeep::Advice;
use laion_fmri::{
    Contradiction, Error, ErrorKind, InputError, RoiQuery, StoreError, SubjectId, TemplateError,
};
use laion_fmri_base::sufficient_bytes;

use std::path::Path;

pub(crate) use self::line::{arguments, narrow, with_typed, word};
use self::line::{commands, quoted};
use crate::proxy;

/// What helps where the bucket is not that of the dataset.
const OTHER_BUCKET: &str = "name another with --bucket URL or laion-fmri config --bucket URL";

/// What helps where the network is needed.
const OFFLINE: &str =
    "run it on a machine with a network, without --offline and LAION_FMRI_OFFLINE";

/// What helps against a store that is damaged or cannot be built.
fn of_store(error: &StoreError) -> Option<String> {
    use laion_fmri::store::voxel_store::Error as FormatError;

    match error {
        StoreError::Damaged { subject, session, .. } => Some(format!(
            "laion-fmri download --subject {subject} --session {session} && \
             laion-fmri store build --subject {subject} --verify"
        )),
        StoreError::NoStore { subject, .. } => {
            Some(format!("laion-fmri store build --subject {subject}"))
        }
        StoreError::Format(FormatError::NotReplaceable { .. }) => {
            Some("move it away, or build the store in another directory with -o DIR".to_owned())
        }
        _ => None,
    }
}

/// What helps against a store that has no place where a download puts it.
pub(crate) fn of_store_of_download(error: &Error, subject: &SubjectId) -> Option<String> {
    use laion_fmri::store::voxel_store::Error as FormatError;

    let is_taken = matches!(error, Error::Store(store)
        if matches!(**store, StoreError::Format(FormatError::NotReplaceable { .. })));
    let is_full = matches!(error, Error::Space(_))
        || has_cause(error, std::io::ErrorKind::StorageFull)
        || has_cause(error, std::io::ErrorKind::ReadOnlyFilesystem);
    (is_full || is_taken).then(|| {
        format!(
            "name another directory in LAION_FMRI_STORES, and build the store there: \
             laion-fmri store build --subject {subject} -o DIR"
        )
    })
}

/// What helps on the way to a surface or a template.
fn of_template(error: &TemplateError) -> Option<String> {
    match error {
        TemplateError::NoFsaverage { density, .. } => Some(format!(
            "name a folder with {}/surf/lh.sphere.reg of FreeSurfer, or with tpl-fsaverage of \
             TemplateFlow: --fsaverage DIR, or SUBJECTS_DIR; TemplateFlow fetches it in Python: \
             templateflow.api.get(\"fsaverage\", density=\"{density}\", suffix=\"sphere\")",
            density.freesurfer()
        )),
        TemplateError::Coarse { .. } => Some("ask for fewer vertices with --density".to_owned()),
        TemplateError::File(ReadFreeSurferError::Read { path, .. })
            if error.kind() == ErrorKind::Integrity =>
        {
            fetch_again(path)
        }
        _ => None,
    }
}

/// What would help against a failure, when that is known.
pub(crate) fn of(error: &Error) -> Option<String> {
    match error {
        Error::DataDirNotSet => Some("laion-fmri config --data-dir DIR".to_owned()),
        Error::DataDirUnusable { path, .. } if !path.exists() => {
            Some(format!("mkdir -p {}", word(&path.to_string_lossy())))
        }
        Error::Offline { .. } => Some(OFFLINE.to_owned()),
        // What is not released yet cannot be downloaded either.
        Error::DataNotDownloaded { fetch, .. } if fetch.is_held_out() => {
            Some("not released yet; laion-fmri status shows which sessions are".to_owned())
        }
        Error::DataNotDownloaded { fetch, .. }
        | Error::StimuliNotDownloaded { fetch, .. }
        | Error::LocalCopyNeeded { fetch, .. } => Some(commands(fetch).join(" && ")),
        Error::Access(error) => of_access(error),
        Error::Extract(error) => of_extract(error),
        Error::Store(error) => of_store(error),
        Error::Template(error) => of_template(error),
        Error::Input(InputError::Changed { path, .. }) => fetch_again(path),
        Error::Input(InputError::NotInBucket { path, .. }) => Some(match subject_of(path) {
            Some(id) => format!("laion-fmri info --subject {id}"),
            None => "laion-fmri info".to_owned(),
        }),
        Error::LicenseNotAccepted { .. } => Some("laion-fmri license --accept".to_owned()),
        Error::NoMatchingData { subject, missing, .. } => {
            let what = match missing.is_empty() {
                true => "use fewer filters",
                false => "add --allow-missing to download the rest",
            };
            let id = subject.parse::<SubjectId>();
            let of = id.map_or_else(|_| "all".to_owned(), |id| id.to_string());
            Some(format!("{what}; laion-fmri status --subject {of} shows what there is"))
        }
        Error::NothingToAdopt { instead: Some(instead), .. } => {
            Some(format!("laion-fmri adopt {}", word(&instead.to_string_lossy())))
        }
        Error::NotTheDataset { .. } => {
            Some(OTHER_BUCKET.to_owned())
        }
        Error::NothingNamed { what } if what == "subject" => {
            Some("name one with --subject".to_owned())
        }
        Error::Space(_) => {
            Some("write to another disk with -o, or name fewer sessions or voxels".to_owned())
        }
        Error::MemoryLimit { least, .. } => {
            Some(format!("--max-memory {}", sufficient_bytes(*least).replace(' ', "")))
        }
        Error::RoiSyntax { query, .. } => Some(of_expression(query)),
        Error::UnknownRoi { subject, got, is_on_surface: true, .. } => Some(format!(
            "laion-fmri roi --subject {subject} {} --format gii -o {}.npz",
            word(got),
            word(&got.to_lowercase())
        )),
        Error::UnknownRoi { got, rois, categories, .. } => of_unknown_roi(got, rois, categories),
        Error::SubjectNotFound { got, .. } if got.eq_ignore_ascii_case("all") => Some(
            "this command takes one subject: for s in $(laion-fmri subjects); do laion-fmri ... --subject $s; done"
                .to_owned(),
        ),
        Error::SubjectNotFound { got, .. } if got.contains(',') => {
            Some("this command takes one subject at a time".to_owned())
        }
        Error::ValuesLength { .. } => {
            Some(
                "select the voxels of the values: the same --roi, --mask and --mask-source; for the \
                 columns of an extract output, --mask with flags made of its voxel_index"
                    .to_owned(),
            )
        }
        Error::Export(export::Error::NotReplaceable { .. }) => Some("choose another name".to_owned()),
        Error::Contradiction(contradiction) => of_contradiction(contradiction),
        Error::VoxelAxis { .. } => Some(
            "add --nc-desc, so that one subject-level map selects the same voxels in all sessions".to_owned(),
        ),
        Error::Nifti(error) if error.is_damaged() => error.path().and_then(fetch_again),
        Error::TrialCountMismatch { betas, .. } => fetch_again(betas),
        Error::Gifti(ReadGiftiError::Read { path, .. })
        | Error::Label(ReadLabelError::Read { path, .. })
            if error.kind() == ErrorKind::Integrity =>
        {
            fetch_again(path)
        }
        // The action of `Roots::writable`.
        Error::Io { action: "write into the data directory", .. } => {
            Some(of_advice(Advice::AddRoot).to_owned())
        }
        Error::Mirror(mirror) => of_mirror(mirror).or_else(|| of_limit(error)),
        Error::Object(s3_mirror::ObjectError::Store(mirror)) => {
            of_mirror(mirror).or_else(|| of_limit(error))
        }
        // A column that is asked for and missing is no damage.
        Error::TrialTable { path, .. } if error.kind() == ErrorKind::Integrity => fetch_again(path),
        Error::EventTable { path, .. }
        | Error::StimulusMetadata { path, .. }
        | Error::VertexMismatch { path, .. } => fetch_again(path),
        Error::Stimuli(error) => of_stimuli(error),
        error => of_limit(error),
    }
}

/// What would help against a limit of the machine, if one is the cause.
pub(crate) fn of_limit(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let advice = if has_cause(error, std::io::ErrorKind::FileTooLarge) {
        "the size of files is limited: see ulimit -f, or write to another file system"
    } else if has_cause(error, std::io::ErrorKind::WouldBlock) {
        "the number of processes is limited, see ulimit -u; --jobs 1 takes fewer threads"
    } else if io_causes(error).any(is_out_of_files) {
        "the number of open files is limited, see ulimit -n; --jobs 1 opens fewer"
    } else {
        return None;
    };
    Some(advice.to_owned())
}

fn of_mirror(error: &s3_mirror::Error) -> Option<String> {
    Some(match error {
        s3_mirror::Error::Client { .. } => {
            "install the package ca-certificates, or set SSL_CERT_FILE to a file of certificates"
                .to_owned()
        }
        s3_mirror::Error::Unreachable { location, .. }
        | s3_mirror::Error::ProxyRefused { location } => of_network(location),
        s3_mirror::Error::NoSuchBucket { .. } => OTHER_BUCKET.to_owned(),
        s3_mirror::Error::WrongRegion { location, got, .. } => {
            let bucket = location.split('?').next().unwrap_or_default();
            format!("--bucket '{bucket}?region={got}'")
        }
        _ => return None,
    })
}

/// Where to look when a server does not answer: at the proxy, if there is one on the way.
pub(crate) fn of_network(location: &str) -> String {
    match proxy::toward(location, |name| std::env::var(name).ok()) {
        Some(proxy) => format!(
            "requests go through the proxy {} ({}); NO_PROXY={} leaves it out",
            proxy.address, proxy.variable, proxy.host
        ),
        None => of_advice(Advice::CheckNetwork).to_owned(),
    }
}

/// Whether the answer of the system is behind an error; it refuses to start a thread with
/// `WouldBlock`.
pub(crate) fn has_cause(
    error: &(dyn std::error::Error + 'static),
    kind: std::io::ErrorKind,
) -> bool {
    io_causes(error).any(|cause| cause.kind() == kind)
}

fn io_causes<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'e std::io::Error> {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.filter_map(|cause| cause.downcast_ref::<std::io::Error>())
}

/// Whether the process, or the system, has too many files open: `EMFILE` and `ENFILE`.
fn is_out_of_files(error: &std::io::Error) -> bool {
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}

fn of_access(error: &AccessError) -> Option<String> {
    match error {
        AccessError::AccessNeeded { .. } => Some("laion-fmri request-access".to_owned()),
        AccessError::UnknownRequestId { .. } => {
            Some("laion-fmri request-access, or laion-fmri login --request-id ID".to_owned())
        }
        AccessError::TermsOutdated { accept_url, .. } => {
            Some(format!("accept them at {accept_url}, then run the same command again"))
        }
        AccessError::RateLimited { retry_after: Some(wait), .. } => {
            Some(format!("run the same command again in {} s", wait.as_secs()))
        }
        AccessError::FileDigest { .. } | AccessError::Replaced { .. } => {
            Some("run the same command again".to_owned())
        }
        AccessError::Interrupted { .. } => {
            Some("run the same command again to continue".to_owned())
        }
        AccessError::InvalidUrl { .. } => Some("LAION_FMRI_ACCESS_URL=https://HOST".to_owned()),
        AccessError::Form(FormError::TermsNotAccepted { expected, .. }) => {
            Some(format!("read the terms, then add --accept-terms {expected}"))
        }
        _ => None,
    }
}

fn of_extract(error: &ExtractError) -> Option<String> {
    match error {
        ExtractError::MissingParts { .. } => {
            Some("laion-fmri run runs the missing tasks of a plan".to_owned())
        }
        ExtractError::DamagedPart { path, .. } => {
            Some(format!("delete {} and run the same command again", path.display()))
        }
        ExtractError::OutdatedParts { .. } => {
            Some("laion-fmri run makes those parts of a plan again".to_owned())
        }
        ExtractError::OtherVoxels { .. } | ExtractError::ChangedInput { .. } => Some(
            "run the same command again: parts of files that changed are made again".to_owned(),
        ),
        ExtractError::NothingLeft { why, .. } => {
            let ceiling = why.iter().find_map(|it| match it {
                Restriction::NoiseCeiling(percent) => Some(*percent),
                _ => None,
            });
            let options: Vec<String> = why.iter().filter_map(option).collect();
            let leave_out =
                (!options.is_empty()).then(|| format!("leave out {}", options.join(" or ")));
            match (ceiling, leave_out) {
                (Some(percent), _) if percent > 100.0 => Some(format!(
                    "a noise ceiling is at most 100 percent; give a lower one than --nc-threshold {percent}"
                )),
                (Some(percent), None) => Some(format!("lower --nc-threshold {percent}")),
                (Some(percent), Some(rest)) => {
                    Some(format!("lower --nc-threshold {percent}, or {rest}"))
                }
                (None, rest) => rest,
            }
        }
        _ => None,
    }
}

/// The option that makes a restriction.
fn option(restriction: &Restriction) -> Option<String> {
    Some(match restriction {
        Restriction::Rois(rois) => format!("--roi {}", quoted(rois).join(" ")),
        Restriction::VoxelMask => "--mask".to_owned(),
        Restriction::Trials => "--trials".to_owned(),
        Restriction::NoNan => "--nan drop".to_owned(),
        Restriction::Stimuli(set) => format!("--stimuli {set}"),
        Restriction::NoOutOfDistribution => "--exclude-ood".to_owned(),
        Restriction::ExactRepetitions => "--exact-reps".to_owned(),
        _ => return None,
    })
}

fn of_contradiction(contradiction: &Contradiction) -> Option<String> {
    match contradiction {
        Contradiction::CeilingOfEachSession => {
            Some("add --nc-desc, e.g. --nc-desc Noiseceiling12rep".to_owned())
        }
        Contradiction::FitWithoutSplit => Some(
            "add a split and its pool, e.g. --split tau --pool shared; see laion-fmri splits list"
                .to_owned(),
        ),
        Contradiction::PoolOfOther { subject, .. } => Some(format!("--pool shared or {subject}")),
        Contradiction::MaskOfSeveralSubjects => Some(
            "-o DIR/ makes one output for each; --mask {subject}.npy names the mask of each"
                .to_owned(),
        ),
        Contradiction::TrialsOfSeveralSubjects => Some(
            "--average image gives one row per image seen by all, -o DIR/ one output per subject"
                .to_owned(),
        ),
        _ => None,
    }
}

/// How a name that no ROI has may be meant.
fn of_unknown_roi(got: &str, rois: &[String], categories: &[String]) -> Option<String> {
    if let Some(sign) = RoiQuery::sign_of(got) {
        let place = "\"face | place\"".replace('|', sign);
        return Some(format!("{got} is written {sign}, in quotes: --roi {place}"));
    }
    let spaced = RoiQuery::with_spaces(got, rois, categories)?;
    Some(format!("put spaces around -: --roi \"{spaced}\""))
}

/// An expression with signs in the place of words such as `or`.
fn with_signs(words: &[&str]) -> String {
    let mut signs: Vec<&str> = Vec::new();
    for word in words {
        let sign = RoiQuery::sign_of(word).unwrap_or(word);
        match (signs.last().copied(), sign) {
            // `and not` is one sign, and nothing is left without what it is taken from.
            (Some("&" | "|"), "-") => {
                signs.pop();
            }
            (None | Some("("), "-") => signs.push("all"),
            _ => {}
        }
        signs.push(sign);
    }
    signs.join(" ")
}

/// How an ROI expression that cannot be read may be meant.
fn of_expression(query: &str) -> String {
    let words: Vec<&str> = query.split_whitespace().collect();
    if let Some((word, sign)) =
        words.iter().find_map(|word| Some((*word, RoiQuery::sign_of(word)?)))
    {
        return format!("{word} is written {sign}: --roi \"{}\"", with_signs(&words));
    }
    match words.as_slice() {
        [] => "name one or more ROIs, e.g. --roi FFA1".to_owned(),
        [_, _, ..] if !query.contains(|c: char| "|&-()".contains(c)) => {
            format!("--roi {}, or --roi \"{}\"", words.join(" "), words.join(" | "))
        }
        _ => "join ROIs by | (or), & (and) and - (without), in quotes: --roi \"face | place\""
            .to_owned(),
    }
}

/// What a user would try next: the nearest names, or another copy of the file.
fn of_stimuli(error: &StimuliError) -> Option<String> {
    match error {
        StimuliError::UnknownImage { nearest, .. } if !nearest.is_empty() => {
            Some(format!("the nearest names are {}", nearest.join(", ")))
        }
        StimuliError::UnknownImage { .. } => Some("laion-fmri stimuli list".to_owned()),
        StimuliError::UnknownMask { nouns, .. } if !nouns.is_empty() => {
            Some(format!("the nouns of this image are {}", nouns.join(", ")))
        }
        StimuliError::Unsupported { path, .. } => Some(format!(
            "h5repack -f NONE -l CONTI {} COPY makes a copy that is read",
            word(&path.to_string_lossy())
        )),
        StimuliError::NotHdf5 { path, .. }
        | StimuliError::Damaged { path, .. }
        | StimuliError::Decode { path, .. }
        | StimuliError::Table { path, .. } => fetch_again(path),
        _ => None,
    }
}

/// The command that finds which file of the mirror is damaged and fetches it again; none for a file
/// that is not of the dataset.
fn fetch_again(path: &Path) -> Option<String> {
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    if path.file_name().is_some_and(|name| name == files::IMAGES) {
        return Some(
            "laion-fmri verify --repair, or delete it and run laion-fmri download-stimuli"
                .to_owned(),
        );
    }
    match subject_of(path) {
        Some(subject) => Some(format!("laion-fmri verify --repair --subject {subject}")),
        None if parts.iter().any(|part| *part == files::DIRECTORY || *part == "derivatives") => {
            Some("laion-fmri verify --repair".to_owned())
        }
        None => None,
    }
}

/// The subject whose folder a path leads through.
fn subject_of(path: &Path) -> Option<SubjectId> {
    let parts = path.iter().filter_map(|part| part.to_str());
    parts
        .into_iter()
        .find_map(|part| part.parse().ok().filter(|id: &SubjectId| id.as_str() == part))
}

/// The advice of `doctor` in words.
pub(crate) fn of_advice(advice: Advice) -> &'static str {
    match advice {
        Advice::AddRoot => "downloads need a directory of your own: LAION_FMRI_DATA=SHARED:OWN",
        Advice::AcceptLicense => "laion-fmri license --accept",
        Advice::CheckNetwork => {
            "check the network, HTTPS_PROXY and NO_PROXY; with --offline you can use what is on disk"
        }
        Advice::CheckPermissions => "check its permissions",
        Advice::PlanFirst => "laion-fmri download --dry-run shows the size of a download",
        Advice::Verify => "laion-fmri verify writes the records again",
        Advice::Repair => "laion-fmri verify --repair",
        Advice::DownloadAgain => "laion-fmri verify --repair downloads them again",
        Advice::ResumeDownload => "run the same download again to continue",
        Advice::BuildStore => "laion-fmri store build --subject S builds it again",
        Advice::RemoveLeftBehind => "the next laion-fmri store build --subject S removes it",
        _ => "nothing needs to be done",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_the_file_or_the_option() {
        let path = || Path::new("/data/derivatives/rois/sub-03/x").to_owned();
        let again = "laion-fmri verify --repair --subject sub-03";
        let stimuli = |error| Error::Stimuli(Box::new(error));
        let (image_name, noun) = ("a.jpg".to_owned(), "cat".to_owned());
        let nouns = vec!["dog".to_owned(), "ball".to_owned()];
        let nothing = |percent| {
            let why = vec![Restriction::ExactRepetitions, Restriction::NoiseCeiling(percent)];
            ExtractError::NothingLeft { what: "voxel", whose: String::new(), why }
        };
        let input = InputError::Changed {
            path: path(),
            digest: "SHA-256",
            expected: String::new(),
            got: String::new(),
        };
        let roi = |query: &str| Error::RoiSyntax {
            query: query.to_owned(),
            column: 1,
            problem: String::new(),
        };
        let unknown = |got: &str, is_on_surface| Error::UnknownRoi {
            subject: "sub-01".to_owned(),
            got: got.to_owned(),
            is_on_surface,
            rois: ["FFA1", "PPA"].map(str::to_owned).to_vec(),
            categories: vec!["face".to_owned()],
            suggestion: None,
        };
        let reference = path();
        let vertices =
            Error::VertexMismatch { path: path(), reference, expected: 1, got: 2, at_least: false };
        let source = "no signature".into();
        for (error, expected) in [
            (input.into(), again),
            (vertices, again),
            (stimuli(StimuliError::NotHdf5 { path: path(), source }), again),
            (
                stimuli(StimuliError::Unsupported {
                    path: path(),
                    dataset: "embedding",
                    what: "filter 32015 (zstd)".to_owned(),
                }),
                "h5repack -f NONE -l CONTI /data/derivatives/rois/sub-03/x COPY makes a copy that is read",
            ),
            (
                stimuli(StimuliError::Unsupported {
                    path: Path::new("/my data/x.h5").to_owned(),
                    dataset: "embedding",
                    what: "filter 32015 (zstd)".to_owned(),
                }),
                "h5repack -f NONE -l CONTI '/my data/x.h5' COPY makes a copy that is read",
            ),
            (
                Error::Thread { what: "threads", source: std::io::ErrorKind::WouldBlock.into() },
                "the number of processes is limited, see ulimit -u; --jobs 1 takes fewer threads",
            ),
            (
                stimuli(StimuliError::UnknownMask {
                    path: path(),
                    image_name,
                    noun,
                    instance: 0,
                    instances: Box::default(),
                    nouns,
                }),
                "the nouns of this image are dog, ball",
            ),
            (nothing(80.0).into(), "lower --nc-threshold 80, or leave out --exact-reps"),
            (
                nothing(101.0).into(),
                "a noise ceiling is at most 100 percent; give a lower one than --nc-threshold 101",
            ),
            (
                laion_fmri::NotEnoughSpace { directory: "/full".into(), needed: 2, free: 1 }.into(),
                "write to another disk with -o, or name fewer sessions or voxels",
            ),
            (
                Error::ValuesLength { expected: 21, got: 18 },
                "select the voxels of the values: the same --roi, --mask and --mask-source; for the \
                 columns of an extract output, --mask with flags made of its voxel_index",
            ),
            (Error::MemoryLimit { limit: 1, least: 42_010_000 }, "--max-memory 42.1MB"),
            (roi("face place"), "--roi face place, or --roi \"face | place\""),
            (roi("FFA1 or FFA2"), "or is written |: --roi \"FFA1 | FFA2\""),
            (roi("face AND not FFA1"), "AND is written &: --roi \"face - FFA1\""),
            (roi("not FFA1"), "not is written -: --roi \"all - FFA1\""),
            (unknown("FFA1-PPA", false), "put spaces around -: --roi \"FFA1 - PPA\""),
            (unknown("or", false), "or is written |, in quotes: --roi \"face | place\""),
            (unknown("MST", true), "laion-fmri roi --subject sub-01 MST --format gii -o mst.npz"),
            (roi(""), "name one or more ROIs, e.g. --roi FFA1"),
            (Error::DataDirNotSet, "laion-fmri config --data-dir DIR"),
            (
                Error::DataDirUnusable { path: "/no data/x".into(), reason: "does not exist" },
                "mkdir -p '/no data/x'",
            ),
            (Error::Offline { what: String::new() }, OFFLINE),
            (
                Error::Mirror(s3_mirror::Error::NoSuchBucket { location: String::new() }),
                OTHER_BUCKET,
            ),
            (
                Error::Io {
                    action: "write",
                    path: path(),
                    source: std::io::ErrorKind::FileTooLarge.into(),
                },
                "the size of files is limited: see ulimit -f, or write to another file system",
            ),
            #[cfg(unix)]
            (
                Error::Io {
                    action: "open",
                    path: path(),
                    source: std::io::Error::from_raw_os_error(24),
                },
                "the number of open files is limited, see ulimit -n; --jobs 1 opens fewer",
            ),
        ] {
            assert_eq!(of(&error).as_deref(), Some(expected), "{error}");
        }
        assert_eq!(of(&Error::Cancelled), None);
        let table = Path::new("/data/stimuli/task-images_desc-captions.csv");
        assert_eq!(fetch_again(table).as_deref(), Some("laion-fmri verify --repair"));
        // A file of the user cannot be downloaded.
        assert_eq!(fetch_again(Path::new("/data/my.nii.gz")), None);
    }

    #[test]
    fn a_store_of_a_download_is_built_elsewhere_with_another_command() {
        let subject: SubjectId = "sub-03".parse().unwrap();
        let full = Error::Io {
            action: "write",
            path: "/full".into(),
            source: std::io::ErrorKind::StorageFull.into(),
        };
        let space = laion_fmri::NotEnoughSpace { directory: "/full".into(), needed: 2, free: 1 };
        let expected = "name another directory in LAION_FMRI_STORES, and build the store there: \
                        laion-fmri store build --subject sub-03 -o DIR";
        for error in [full, space.into()] {
            assert_eq!(of_store_of_download(&error, &subject).as_deref(), Some(expected));
        }
        assert_eq!(of_store_of_download(&Error::Cancelled, &subject), None);
    }
}
