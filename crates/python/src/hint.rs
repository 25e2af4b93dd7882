//! Hints: the Python call or the argument that would put an error right.

mod bucket;
mod damage;
mod note;
mod place;

use laion_fmri::access::AccessError;
use laion_fmri::bids::suggest;
use laion_fmri::extract::{ExtractError, Restriction};
use laion_fmri::stimuli::Error as StimuliError;
use laion_fmri::surface::fs::{ReadFreeSurferError, ReadGiftiError, ReadLabelError};
use laion_fmri::{
    Contradiction, DownloadRequest, Error, ErrorKind, Filter, FilterField, InputError, MaskSource,
    RoiQuery, StoreError, Subjects, TemplateError,
};

pub(crate) use self::bucket::{Known, instead};
use self::damage::{fetch_again, fetch_all_again};
pub(crate) use self::note::of_note;
use self::place::{DataDir, Elsewhere};

/// What would help against an error, when that is known.
pub(crate) fn of(error: &Error, elsewhere: Elsewhere<'_>) -> Option<String> {
    match error {
        Error::Template(error) => match &**error {
            TemplateError::NoFsaverage { density, .. } => Some(format!(
                "name a folder with {}/surf/lh.sphere.reg of FreeSurfer, or with tpl-fsaverage of \
                 TemplateFlow: fsaverage_dir=\"DIRECTORY\", or the variable SUBJECTS_DIR; \
                 TemplateFlow fetches it: import templateflow.api; \
                 templateflow.api.get(\"fsaverage\", density=\"{density}\", suffix=\"sphere\")",
                density.freesurfer()
            )),
            TemplateError::Coarse { .. } => {
                Some("fsaverage_density=\"fsaverage5\" has fewer vertices".to_owned())
            }
            TemplateError::File(ReadFreeSurferError::Read { path, .. })
                if error.kind() == ErrorKind::Integrity =>
            {
                fetch_again(path, elsewhere)
            }
            _ => None,
        },
        Error::DataDirNotSet => {
            Some("laion_fmri.dataset_initialize(\"DIRECTORY\"), or the variable LAION_FMRI_DATA".into())
        }
        Error::DataDirUnusable { path, .. } if path.exists() => Some(
            "name a directory: laion_fmri.dataset_initialize(\"DIRECTORY\"), or \
             data_dir=\"DIRECTORY\" in the call"
                .to_owned(),
        ),
        Error::DataDirUnusable { path, .. } => {
            Some(format!("import os; os.makedirs({:?})", path.display().to_string()))
        }
        Error::DataNotDownloaded { what, fetch, path } => of_unknown_map(what, fetch)
            .or_else(|| Some(calls(fetch, &DataDir::of(path, elsewhere)).join("; "))),
        Error::StimuliNotDownloaded { fetch, path, .. } => {
            Some(calls(fetch, &DataDir::of(path, elsewhere)).join("; "))
        }
        Error::LocalCopyNeeded { fetch, .. } => {
            Some(calls(fetch, &DataDir::CONFIGURED).join("; "))
        }
        Error::LicenseNotAccepted { .. } => Some(
            "laion_fmri.download.accept_license(), or accept_license=True in the call".to_owned(),
        ),
        Error::SubjectNotFound { got, .. } => Some(bucket::of_subject(got)),
        Error::Offline { .. } => Some(
            "without LAION_FMRI_OFFLINE, on a machine with a network; what is on disk is read offline"
                .to_owned(),
        ),
        Error::NoMatchingData { .. } => Some("dry_run=True shows what a filter lets in".to_owned()),
        Error::MemoryLimit { least, .. } => Some(format!("max_memory={least}")),
        Error::VoxelAxis { .. } => Some(
            "nc_desc=\"Noiseceiling12rep\" applies one map to all sessions, which keeps their voxels equal"
                .to_owned(),
        ),
        Error::Contradiction(Contradiction::CeilingOfEachSession) => {
            Some("nc_desc=\"Noiseceiling12rep\" names one map for all".to_owned())
        }
        Error::Contradiction(Contradiction::MaskOfSeveralSubjects) => {
            Some("one call for each subject, with its own mask".to_owned())
        }
        Error::Contradiction(Contradiction::TrialsOfSeveralSubjects) => Some(
            "average=\"image\" gives one row for each image that all saw; or one call for each subject"
                .to_owned(),
        ),
        Error::UnknownRoi { got, rois, categories, suggestion, .. } => {
            of_unknown_roi(got, rois, categories, suggestion.as_deref())
        }
        Error::NoSuchImage { what, nearest: Some(nearest), .. } => match *what {
            "object is called" => Some(format!("noun={nearest:?}")),
            "dataset is called" => Some(format!("dataset={nearest:?}")),
            _ => None,
        },
        Error::RoiSyntax { query, .. } => Some(of_expression(query)),
        Error::MaskLength { source_of_axis, .. } => Some(format!(
            "one flag for each voxel of subject.get_brain_mask(\"{source_of_axis}\") that is True"
        )),
        Error::ValuesLength { .. } => Some(
            "the same roi, mask and mask_source as those that the values were read with".to_owned(),
        ),
        Error::Contradiction(Contradiction::PoolOfOther { subject, .. }) => {
            Some(format!("pool=\"shared\" or pool=\"{subject}\""))
        }
        Error::Store(error) => of_store(error),
        Error::Access(error) => of_access(error),
        Error::Extract(error) => of_extract(error),
        Error::Stimuli(error) => of_stimuli(error, elsewhere),
        Error::Input(InputError::Changed { path, .. })
        | Error::EventTable { path, .. }
        | Error::StimulusMetadata { path, .. }
        | Error::VertexMismatch { path, .. } => fetch_again(path, elsewhere),
        // A column that is asked for and missing is no damage.
        Error::TrialTable { path, .. } if error.kind() == ErrorKind::Integrity => {
            fetch_again(path, elsewhere)
        }
        Error::Nifti(error) if error.is_damaged() => {
            error.path().and_then(|path| fetch_again(path, elsewhere))
        }
        Error::Gifti(ReadGiftiError::Read { path, .. })
        | Error::Label(ReadLabelError::Read { path, .. })
            if error.kind() == ErrorKind::Integrity =>
        {
            fetch_again(path, elsewhere)
        }
        Error::TrialCountMismatch { betas, trials, .. } => fetch_all_again([betas, trials], elsewhere),
        Error::Input(InputError::NotInBucket { path, .. }) => bucket::of_missing(path),
        Error::Mirror(error) => bucket::of_mirror(error),
        Error::Object(error) => bucket::of_object(error),
        Error::Transfer { source, .. } => bucket::of_transfer(source),
        Error::Incomplete(_) => Some(bucket::AGAIN.to_owned()),
        _ => None,
    }
}

/// The maps of the noise ceiling over all sessions.
const CEILINGS: [&str; 3] = ["Noiseceiling4rep", "Noiseceiling12rep", "NoiseceilingAllrep"];

/// The maps that there are, where another one was named.
fn of_unknown_map(what: &str, fetch: &DownloadRequest) -> Option<String> {
    let named = fetch.filter.values(FilterField::Desc).unwrap_or_default();
    let of_all = fetch.filter.values(FilterField::Ses).unwrap_or_default();
    let is_average = of_all.iter().any(|session| session == Filter::AVERAGES);
    let is_known = named.iter().all(|desc| CEILINGS.contains(&desc.as_str()));
    (what.starts_with("the noise ceiling") && is_average && !is_known)
        .then(|| format!("the maps over all sessions are {}", CEILINGS.join(", ")))
}

/// Signs that people write between ROIs, and that no name has.
const SEPARATORS: [char; 3] = [',', ';', '+'];

/// How a name that no ROI has may be meant.
fn of_unknown_roi(
    got: &str,
    rois: &[String],
    categories: &[String],
    suggestion: Option<&str>,
) -> Option<String> {
    if let Some(spaced) = RoiQuery::with_spaces(got, rois, categories) {
        return Some(format!("put spaces around -: roi=\"{spaced}\""));
    }
    let parts: Vec<&str> = got.split(SEPARATORS).map(str::trim).collect();
    if parts.len() == 1 {
        return suggestion.map(|meant| format!("roi=\"{meant}\""));
    }
    // The name that is nearest to such a text is only one of those that are meant.
    let is_known = |part: &str| rois.iter().chain(categories).any(|known| known == part);
    parts.iter().all(|part| is_known(part)).then(|| format!("roi=\"{}\"", parts.join(" | ")))
}

/// How an ROI expression that cannot be read may be meant.
fn of_expression(query: &str) -> String {
    let words: Vec<&str> = query.split_whitespace().collect();
    let joined: Vec<&str> =
        words.iter().map(|word| RoiQuery::sign_of(word).unwrap_or(word)).collect();
    let joined = joined.join(" ").replace("& -", "-").replace("| -", "-");
    if let Some((word, sign)) =
        words.iter().find_map(|word| Some((*word, RoiQuery::sign_of(word)?)))
    {
        let start = if joined.starts_with('-') { "all " } else { "" };
        return format!("{word} is written {sign}: roi=\"{start}{joined}\"");
    }
    let names = query.split(|c: char| c.is_whitespace() || SEPARATORS.contains(&c));
    let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    match names.as_slice() {
        [_, _, ..] if !query.contains(|c: char| "|&-()".contains(c)) => {
            format!("roi={names:?}, or roi=\"{}\"", names.join(" | "))
        }
        _ => "join ROIs by | (or), & (and) and - (without): roi=\"face | place\"".to_owned(),
    }
}

fn of_store(error: &StoreError) -> Option<String> {
    match error {
        StoreError::NoStore { subject, mask_source } => {
            let source = match mask_source {
                MaskSource::Anatomical => String::new(),
                source => format!(", mask_source=\"{source}\""),
            };
            Some(format!("laion_fmri.build_store(\"{subject}\"{source})"))
        }
        StoreError::Damaged { subject, session, .. } => Some(format!(
            "laion_fmri.download.download(\"{subject}\", ses=\"{session}\"); \
             laion_fmri.build_store(\"{subject}\", verify=True)"
        )),
        _ => None,
    }
}

fn of_access(error: &AccessError) -> Option<String> {
    Some(match error {
        AccessError::AccessNeeded { .. } | AccessError::UnknownRequestId { .. } => {
            "laion_fmri.request_stimulus_access(), or the variable LAION_FMRI_REQUEST_ID".to_owned()
        }
        AccessError::TermsOutdated { accept_url, .. } => {
            format!("accept them at {accept_url}, then make the same call again")
        }
        AccessError::RateLimited { retry_after: Some(wait), .. } => {
            format!("make the same call again in {} s", wait.as_secs())
        }
        AccessError::FileDigest { .. }
        | AccessError::Replaced { .. }
        | AccessError::Interrupted { .. } => "make the same call again".to_owned(),
        AccessError::Unreachable { .. } => bucket::NETWORK.to_owned(),
        AccessError::InvalidUrl { .. } => "server_url=\"https://HOST\"".to_owned(),
        _ => return None,
    })
}

fn of_extract(error: &ExtractError) -> Option<String> {
    match error {
        ExtractError::MissingParts { .. }
        | ExtractError::OutdatedParts { .. }
        | ExtractError::OtherVoxels { .. }
        | ExtractError::ChangedInput { .. } => Some("make the same call again".to_owned()),
        ExtractError::DamagedPart { path, .. } => {
            Some(format!("delete {} and make the same call again", path.display()))
        }
        ExtractError::NothingLeft { why, .. } => {
            let arguments: Vec<String> = why.iter().filter_map(argument).collect();
            (!arguments.is_empty()).then(|| format!("leave out {}", arguments.join(" or ")))
        }
        _ => None,
    }
}

/// Whether an ROI expression can select nothing although its ROIs have voxels.
fn may_be_empty(expression: &str) -> bool {
    expression.contains('&') || expression.split_whitespace().any(|word| word.starts_with('-'))
}

/// The argument that makes a restriction.
fn argument(restriction: &Restriction) -> Option<String> {
    Some(match restriction {
        // Without an expression that selects nothing there would be the whole brain.
        Restriction::Rois(rois) if !rois.iter().all(|item| may_be_empty(item)) => {
            format!("roi={rois:?}")
        }
        Restriction::VoxelMask => "mask=".to_owned(),
        Restriction::Trials => "trials=".to_owned(),
        Restriction::NoiseCeiling(percent) => format!("nc_threshold={percent}"),
        Restriction::NoNan => "nan=\"drop\"".to_owned(),
        Restriction::Stimuli(set) => format!("stimuli=\"{set}\""),
        Restriction::NoOutOfDistribution => "exclude_ood=True".to_owned(),
        Restriction::ExactRepetitions => "exact_repetitions=True".to_owned(),
        _ => return None,
    })
}

fn of_stimuli(error: &StimuliError, elsewhere: Elsewhere<'_>) -> Option<String> {
    match error {
        StimuliError::UnknownImage { nearest, .. } if !nearest.is_empty() => {
            Some(format!("the nearest names are {}", nearest.join(", ")))
        }
        StimuliError::UnknownMask { instances, .. } if !instances.is_empty() => {
            instances.last().map(|last| format!("instance={last}"))
        }
        StimuliError::UnknownMask { noun, nouns, .. } if !nouns.is_empty() => {
            let meant = suggest(noun, nouns).map(|meant| format!("noun={meant:?}; "));
            let nouns = nouns.join(", ");
            Some(format!("{}the nouns of this image are {nouns}", meant.unwrap_or_default()))
        }
        StimuliError::Unsupported { path, .. } => Some(format!(
            "h5repack -f NONE -l CONTI {} COPY makes a copy that is read",
            path.display()
        )),
        StimuliError::NotHdf5 { path, .. }
        | StimuliError::Damaged { path, .. }
        | StimuliError::Decode { path, .. }
        | StimuliError::Table { path, .. } => fetch_again(path, elsewhere),
        _ => None,
    }
}

/// Suffixes that raw data alone have.
const RAW_SUFFIXES: [&str; 3] = ["bold", "events", "sbref"];

/// Whether a download brings raw data and nothing else.
fn is_raw_alone(request: &DownloadRequest) -> bool {
    let suffixes = request.filter.values(FilterField::Suffix).unwrap_or_default();
    let is_raw = |suffix: &String| RAW_SUFFIXES.contains(&suffix.as_str());
    let is_raw_named = !suffixes.is_empty() && suffixes.iter().all(is_raw);
    request.include_raw && (is_raw_named || !request.include_derivatives)
}

/// The calls that carry out a download into a data directory.
fn calls(request: &DownloadRequest, data_dir: &DataDir) -> Vec<String> {
    let mut calls = Vec::new();
    let subjects = match &request.subjects {
        Subjects::These(ids) => list(ids.iter().map(ToString::to_string).collect()),
        _ => Some("\"all\"".to_owned()),
    };
    if let Some(subjects) = subjects {
        let raw_alone = is_raw_alone(request);
        let mask_alone = request.include_brain_mask && !request.include_derivatives;
        let mut arguments = vec![subjects];
        for field in FilterField::ALL {
            let values = request.filter.values(field).unwrap_or_default().iter();
            let values = values.map(|value| match field {
                // Sessions have two digits in the bucket, and users leave out the zero.
                FilterField::Ses if value != Filter::AVERAGES => format!("ses-{value:0>2}"),
                _ => value.clone(),
            });
            arguments.extend(list(values.collect()).map(|values| format!("{field}={values}")));
        }
        for (name, wanted) in [
            ("brain_mask_only", mask_alone),
            ("include_anatomical", request.include_anatomical),
            ("include_freesurfer", request.include_freesurfer),
            ("include_localizers", request.include_localizers),
            ("include_raw", request.include_raw && !raw_alone),
        ] {
            arguments.extend(wanted.then(|| format!("{name}=True")));
        }
        let name = if raw_alone && !mask_alone { "download_raw" } else { "download" };
        calls.push(data_dir.call(&format!("laion_fmri.download.{name}"), arguments));
    }
    let models = list(request.include_embeddings.iter().map(ToString::to_string).collect());
    for prefix in &request.prefixes {
        // The one prefix that errors name is that of the table of images.
        let arguments = vec!["[]".to_owned(), format!("prefix={prefix:?}")];
        calls.push(data_dir.call("laion_fmri.download.download", arguments));
    }
    let embeddings = |models| data_dir.call("laion_fmri.download_embeddings", vec![models]);
    calls.extend(models.map(embeddings));
    for (name, wanted) in [
        ("download_stimuli", request.include_stimuli),
        ("download_segmentations", request.include_segmentations),
        ("download_captions", request.include_captions),
    ] {
        calls.extend(wanted.then(|| data_dir.call(&format!("laion_fmri.{name}"), Vec::new())));
    }
    calls
}

/// One text, or a list of several; nothing for none.
fn list(values: Vec<String>) -> Option<String> {
    match values.as_slice() {
        [] => None,
        [one] => Some(format!("{one:?}")),
        several => Some(format!("{several:?}")),
    }
}
