//! Which keys of the bucket a request means.

use std::collections::{BTreeMap, BTreeSet};

use bids_names::{Filter, FilterField, SubjectId, Verdict};
use s3_mirror::{InvalidKey, Key, Listed, Location};

use super::request::{DownloadRequest, Subjects};
use crate::remote::Remote;
use crate::{Error, Result, layout, policy};

/// The keys that a request means, by key.
#[derive(Debug, Default)]
pub(super) struct Selection {
    keys: BTreeMap<Key, SelectedKey>,
    refused: Vec<InvalidKey>,
}

/// A listed key, and why it is not fetched if it is not.
#[derive(Debug)]
pub(super) struct SelectedKey {
    pub(super) listed: Listed,
    pub(super) withheld: Option<&'static str>,
    pub(super) why: Why,
}

/// What lets a key in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It passes all filters.
    Filters,
    /// It passes all filters but `ses`, which does not apply to ROIs.
    RoiFilters,
    /// The default loader needs it.
    Pinned,
    /// Its tree was asked for as a whole.
    WholeTree(&'static str),
    /// It describes the dataset.
    Dataset,
    /// It describes the images that were asked for.
    ImageTable,
    /// It was asked for by its name.
    Named,
}

/// The listings that were searched, for what to say if nothing matched, and what was pinned in
/// them.
#[derive(Default)]
struct Searched {
    prefixes: Vec<String>,
    keys: Vec<String>,
    /// The keys that the default loader needs, whatever the filters say.
    pins: Vec<String>,
    pinned: Vec<Found>,
}

/// A key that is meant, and why.
type Found = (Listed, Why);

impl Selection {
    /// Lists the bucket and adds what the request means; returns the subjects of `Subjects::All`
    /// for which nothing matched.
    pub(super) fn collect(
        &mut self,
        remote: &Remote,
        location: &Location,
        request: &DownloadRequest,
    ) -> Result<Vec<SubjectId>> {
        let (subjects, all) = match &request.subjects {
            Subjects::All => (remote.subjects()?, true),
            Subjects::These(subjects) => (subjects.clone(), false),
        };
        let stimuli = request.stimulus_keys();
        let is_nothing = subjects.is_empty() && request.prefixes.is_empty() && stimuli.is_empty();
        if is_nothing && !request.include_stimuli {
            return Err(no_match(
                location,
                "no subject",
                request,
                vec![location.to_string()],
                None,
            ));
        }
        let mut skipped = Vec::new();
        let mut last_failure = None;
        for subject in &subjects {
            match self.collect_subject(remote, location, request, subject) {
                Err(error @ Error::NoMatchingData { .. }) if all => {
                    skipped.push(subject.clone());
                    last_failure = Some(error);
                }
                other => other?,
            }
        }
        if let Some(error) = last_failure
            && skipped.len() == subjects.len()
        {
            return Err(error);
        }
        self.collect_prefixes(remote, location, request)?;
        self.collect_stimuli(remote, location, &stimuli)?;
        if request.include_stimuli {
            self.collect_image_table(remote)?;
        }
        if !subjects.is_empty() || !request.prefixes.is_empty() {
            self.collect_dataset_keys(remote)?;
        }
        Ok(skipped)
    }

    /// The keys that are meant, and the listed names that are not keys.
    pub(super) fn into_parts(self) -> (Vec<SelectedKey>, Vec<InvalidKey>) {
        (self.keys.into_values().collect(), self.refused)
    }

    fn collect_subject(
        &mut self,
        remote: &Remote,
        location: &Location,
        request: &DownloadRequest,
        subject: &SubjectId,
    ) -> Result<()> {
        let mut searched = Searched::default();
        let mut found = Vec::new();
        let filter = &request.filter;
        let pins = request.include_derivatives && filter.names_specific_session();
        if pins {
            searched.pins = policy::pinned(subject).to_vec();
        }
        if request.include_derivatives {
            let prefix = layout::glmsingle(subject);
            self.search(remote, &prefix, filter, Why::Filters, &mut searched, &mut found)?;
        }
        if request.include_anatomical {
            let why = Why::WholeTree("anatomical");
            self.whole(remote, &layout::anatomical(subject), why, &mut searched, &mut found)?;
        } else if pins {
            searched.pin(&self.list(remote, &layout::anatomical(subject))?);
        }
        if request.include_localizers {
            let why = Why::WholeTree("localizer");
            self.whole(remote, &layout::localizers(subject), why, &mut searched, &mut found)?;
        }
        if request.include_raw {
            let prefix = layout::raw(subject);
            self.search(remote, &prefix, filter, Why::Filters, &mut searched, &mut found)?;
        }
        // Sessions are decided by the trees that have them: the others carry none.
        let missing = missing_session(&searched, filter);
        if request.include_freesurfer {
            let why = Why::WholeTree("FreeSurfer");
            self.whole(remote, &layout::freesurfer(subject), why, &mut searched, &mut found)?;
        }
        if request.include_derivatives {
            let filter = filter.without(FilterField::Ses);
            let prefix = layout::rois(subject);
            self.search(remote, &prefix, &filter, Why::RoiFilters, &mut searched, &mut found)?;
        }
        if searched.keys.is_empty() {
            return Err(unknown_subject(remote, location, request, subject, searched));
        }
        if missing.is_some() || found.is_empty() {
            let detail = missing.or_else(|| nearest_values(&searched.keys, filter));
            return Err(no_match(location, subject.as_str(), request, searched.prefixes, detail));
        }
        found.extend(searched.pinned);
        found.into_iter().for_each(|(listed, why)| self.add(listed, why));
        Ok(())
    }

    fn collect_prefixes(
        &mut self,
        remote: &Remote,
        location: &Location,
        request: &DownloadRequest,
    ) -> Result<()> {
        for prefix in &request.prefixes {
            let mut searched = Searched::default();
            let mut found = Vec::new();
            let filter = &request.filter;
            self.search(remote, prefix, filter, Why::Filters, &mut searched, &mut found)?;
            if found.is_empty() {
                let detail = nearest_values(&searched.keys, &request.filter);
                return Err(no_match(location, prefix, request, searched.prefixes, detail));
            }
            found.into_iter().for_each(|(listed, why)| self.add(listed, why));
        }
        Ok(())
    }

    /// These very keys below `stimuli/`, all of which the bucket has to list.
    fn collect_stimuli(
        &mut self,
        remote: &Remote,
        location: &Location,
        wanted: &[String],
    ) -> Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let prefix = format!("{}/", laion_fmri_stimuli::files::DIRECTORY);
        let listed = remote.list_directory(&prefix)?.objects;
        for key in wanted {
            let found = listed.iter().find(|listed| listed.key.as_str() == key);
            let Some(found) = found else {
                // No filter had a part in it.
                let unfiltered = DownloadRequest::captions();
                return Err(no_match(location, key, &unfiltered, vec![prefix], None));
            };
            self.add(found.clone(), Why::Named);
        }
        Ok(())
    }

    /// The table of images, if the bucket lists it.
    fn collect_image_table(&mut self, remote: &Remote) -> Result<()> {
        let prefix = format!("{}/", laion_fmri_stimuli::files::DIRECTORY);
        let mut listed = remote.list_directory(&prefix)?.objects.into_iter();
        if let Some(table) = listed.find(|it| it.key.as_str() == layout::stimulus_metadata()) {
            self.add(table, Why::ImageTable);
        }
        Ok(())
    }

    /// The files that describe the dataset: those of them that the bucket lists.
    fn collect_dataset_keys(&mut self, remote: &Remote) -> Result<()> {
        for listed in remote.list_directory("")?.objects {
            if layout::DATASET_KEYS.contains(&listed.key.as_str()) {
                self.add(listed, Why::Dataset);
            }
        }
        Ok(())
    }

    /// Everything below a prefix that passes the filter.
    fn search(
        &mut self,
        remote: &Remote,
        prefix: &str,
        filter: &Filter,
        why: Why,
        searched: &mut Searched,
        found: &mut Vec<Found>,
    ) -> Result<()> {
        let listing = remote.list_tree(prefix, |child| may_match(filter, child))?;
        self.refused.extend(listing.refused);
        searched.add(prefix, &listing.objects);
        searched.keys.extend(listing.prefixes);
        let matching = listing.objects.into_iter().filter(|it| filter.matches(it.key.as_str()));
        found.extend(matching.map(|listed| (listed, why)));
        Ok(())
    }

    /// Everything below a prefix.
    fn whole(
        &mut self,
        remote: &Remote,
        prefix: &str,
        why: Why,
        searched: &mut Searched,
        found: &mut Vec<Found>,
    ) -> Result<()> {
        self.search(remote, prefix, &Filter::default(), why, searched, found)
    }

    fn list(&mut self, remote: &Remote, prefix: &str) -> Result<Vec<Listed>> {
        let listing = remote.list(prefix)?;
        self.refused.extend(listing.refused);
        Ok(listing.objects)
    }

    /// What was found first says why.
    fn add(&mut self, listed: Listed, why: Why) {
        let withheld = policy::is_held_out(listed.key.as_str()).then_some(policy::HELD_OUT);
        let key = listed.key.clone();
        self.keys.entry(key).or_insert(SelectedKey { listed, withheld, why });
    }
}

impl Searched {
    fn add(&mut self, prefix: &str, listed: &[Listed]) {
        self.prefixes.push(prefix.to_owned());
        self.keys.extend(listed.iter().map(|listed| listed.key.as_str().to_owned()));
        self.pin(listed);
    }

    fn pin(&mut self, listed: &[Listed]) {
        let pins = &self.pins;
        let is_pin = |listed: &&Listed| pins.iter().any(|pin| pin == listed.key.as_str());
        let pinned = listed.iter().filter(is_pin).cloned();
        self.pinned.extend(pinned.map(|listed| (listed, Why::Pinned)));
    }
}

/// Whether a directory can hold keys that pass: one of another session than those wanted cannot.
fn may_match(filter: &Filter, directory: &str) -> bool {
    let name = directory.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let Some(session) = name.strip_prefix("ses-") else { return true };
    filter.values(FilterField::Ses).is_none_or(|wanted| wanted.iter().any(|it| it == session))
}

impl Why {
    /// The reason in words, for people.
    pub(super) fn explain(self, filter: &Filter, key: &str) -> String {
        let skipped = match self {
            Self::Filters => None,
            Self::RoiFilters => Some(FilterField::Ses),
            Self::Pinned => return "needed by the default loader".to_owned(),
            Self::WholeTree(tree) => return format!("the whole {tree} tree"),
            Self::Dataset => return "describes the dataset".to_owned(),
            Self::ImageTable => return "describes the images".to_owned(),
            Self::Named => return "asked for by name".to_owned(),
        };
        let active = filter.iter().map(|(field, _)| field);
        let reasons: Vec<String> = active
            .filter(|field| Some(*field) != skipped)
            .map(|field| match field.value_in(key) {
                Some(value) => format!("{field} {value}"),
                None => format!("no {field} in its name"),
            })
            .collect();
        match (reasons.is_empty(), skipped) {
            (true, None) => "no filter".to_owned(),
            (true, Some(_)) => "an ROI, whatever the session".to_owned(),
            (false, _) => reasons.join(", "),
        }
    }
}

/// The first `ses` value that no searched key carries, said with the sessions that exist.
fn missing_session(searched: &Searched, filter: &Filter) -> Option<String> {
    let values = filter.values(FilterField::Ses)?;
    let carried =
        |value: &str| searched.keys.iter().any(|key| FilterField::Ses.carries(key, value));
    let missing = values.iter().find(|value| *value != Filter::AVERAGES && !carried(value))?;
    let listed = searched.keys.iter().filter_map(|key| FilterField::Ses.value_in(key)).collect();
    Some(says_what_exists(FilterField::Ses, missing, &listed))
}

/// For each active filter that alone lets nothing pass: its value and the values that exist.
fn nearest_values(keys: &[String], filter: &Filter) -> Option<String> {
    let rejecting = keys.iter().filter_map(|key| match filter.verdict(key) {
        Verdict::Rejected(field) => Some(field),
        Verdict::Pass => None,
    });
    // The field that rejects last in the most keys is the one to talk about.
    let mut counts: BTreeMap<FilterField, usize> = BTreeMap::new();
    for field in rejecting {
        *counts.entry(field).or_default() += 1;
    }
    let field = counts.into_iter().max_by_key(|(_, count)| *count)?.0;
    let existing: BTreeSet<&str> = keys.iter().filter_map(|key| field.value_in(key)).collect();
    let wanted = filter.values(field)?.iter().find(|value| !existing.contains(value.as_str()))?;
    Some(says_what_exists(field, wanted, &existing))
}

fn says_what_exists(field: FilterField, wanted: &str, existing: &BTreeSet<&str>) -> String {
    let suggestion = bids_names::suggest(wanted, existing.iter().copied())
        .map(|nearest| format!(" (did you mean {nearest}?)"))
        .unwrap_or_default();
    let existing: Vec<&str> = existing.iter().copied().collect();
    let existing = existing.join(", ");
    match field.entity() {
        Some(entity) => {
            format!("no key has {entity}-{wanted}{suggestion}; {entity} is one of: {existing}")
        }
        None => format!("no key has {field} {wanted}{suggestion}; {field} is one of: {existing}"),
    }
}

fn unknown_subject(
    remote: &Remote,
    location: &Location,
    request: &DownloadRequest,
    subject: &SubjectId,
    searched: Searched,
) -> Error {
    match remote.subjects() {
        Ok(available) if !available.contains(subject) => Error::SubjectNotFound {
            got: subject.to_string(),
            available: available.iter().map(ToString::to_string).collect(),
        },
        Ok(_) => no_match(location, subject.as_str(), request, searched.prefixes, None),
        Err(error) => error,
    }
}

fn no_match(
    location: &Location,
    subject: &str,
    request: &DownloadRequest,
    prefixes: Vec<String>,
    detail: Option<String>,
) -> Error {
    let url = location.to_string();
    let prefixes =
        prefixes
            .into_iter()
            .map(|prefix| {
                if prefix == url {
                    prefix
                } else {
                    format!("{}/{prefix}", url.trim_end_matches('/'))
                }
            })
            .collect();
    Error::NoMatchingData {
        subject: subject.to_owned(),
        filters: request.filter.to_string(),
        prefixes,
        detail,
    }
}
