//! Which keys of the bucket a request means.

use std::collections::{BTreeMap, BTreeSet};

use bids_names::{Filter, FilterField, SessionId, SubjectId, entity_value};
use s3_mirror::{InvalidKey, Key, Listed, Location};

use super::missing::{Carried, Missing};
use crate::remote::Remote;
use crate::roots::listed;
use crate::{DownloadRequest, Error, Result, Subjects, layout, policy};

/// The keys that a request means, by key.
#[derive(Debug, Default)]
pub(super) struct Selection {
    keys: BTreeMap<Key, SelectedKey>,
    refused: Vec<InvalidKey>,
    skipped: Vec<SubjectId>,
    /// What is not there, when the request allows that.
    missing: Vec<Missing>,
    /// The subjects whose betas will be read, which takes their brain masks.
    with_betas: BTreeSet<SubjectId>,
    /// What the bucket has, as far as it was listed.
    of_bucket: listed::Listed,
}

/// What a selection is made of.
pub(super) struct Selected {
    /// The keys that are meant.
    pub(super) keys: Vec<SelectedKey>,
    /// The listed names that are not keys.
    pub(super) refused: Vec<InvalidKey>,
    /// The subjects for which nothing matched, where that is no error.
    pub(super) skipped: Vec<SubjectId>,
    /// What the request names and nothing has.
    pub(super) missing: Vec<Missing>,
    /// What the bucket has, as far as it was listed, whether it is meant or not.
    pub(super) of_bucket: listed::Listed,
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

/// The listings that were searched, for what to say if nothing matched.
struct Searched<'a> {
    prefixes: Vec<String>,
    /// Whether anything was listed.
    any: bool,
    carried: Carried<'a>,
    /// The released sessions of the betas tree.
    sessions: BTreeSet<SessionId>,
    /// The trees that were asked for.
    trees: Vec<Tree>,
}

/// A tree that was asked for, and whether anything of it is meant.
struct Tree {
    name: &'static str,
    prefix: String,
    is_empty: bool,
}

/// What was searched for all subjects and prefixes together.
struct Everything<'a> {
    carried: Carried<'a>,
    /// The subjects and the prefixes that were asked for.
    places: Vec<String>,
    prefixes: Vec<String>,
    trees: Vec<Tree>,
}

/// A key that is meant, and why.
type Found = (Listed, Why);

impl Selection {
    /// Lists the bucket and gathers what the request means.
    pub(super) fn collect(
        remote: &Remote,
        location: &Location,
        request: &DownloadRequest,
    ) -> Result<Selected> {
        let mut selection = Self::default();
        let (subjects, all) = match &request.subjects {
            Subjects::All => (remote.subjects()?, true),
            Subjects::These(subjects) => (subjects.clone(), false),
        };
        if all {
            selection.of_bucket.subjects = Some(subjects.iter().cloned().collect());
        }
        let stimuli = request.stimulus_keys();
        let nobody = subjects.is_empty() && request.prefixes.is_empty();
        if nobody && stimuli.is_empty() && !request.include_stimuli {
            let prefixes = vec![location.to_string()];
            return Err(no_match(location, "no subject", request, prefixes, Vec::new()));
        }
        let mut everything = Everything::new(&request.filter);
        let mut last_failure = None;
        for subject in &subjects {
            match selection.collect_subject(remote, location, request, subject, &mut everything) {
                Err(error @ Error::NoMatchingData { .. }) if all || request.allow_missing => {
                    selection.skipped.push(subject.clone());
                    last_failure = Some(error);
                }
                other => other?,
            }
        }
        if let Some(error) = last_failure
            && selection.skipped.len() == subjects.len()
            && request.prefixes.is_empty()
            && stimuli.is_empty()
        {
            return Err(error);
        }
        selection.collect_prefixes(remote, location, request, &mut everything)?;
        let mut missing = everything.missing();
        missing.retain(|it| !selection.missing.iter().any(|told| told.is_same_value(it)));
        if request.allow_missing {
            selection.missing.extend(missing);
        } else if !missing.is_empty() {
            let places = everything.places.join(", ");
            return Err(no_match(location, &places, request, everything.prefixes, missing));
        }
        selection.collect_brain_masks(remote)?;
        selection.collect_stimuli(remote, location, request, &stimuli)?;
        if request.include_stimuli {
            selection.collect_image_table(remote)?;
        }
        if !nobody {
            selection.collect_dataset_keys(remote)?;
        }
        Ok(Selected {
            keys: selection.keys.into_values().collect(),
            refused: selection.refused,
            skipped: selection.skipped,
            missing: selection.missing,
            of_bucket: selection.of_bucket,
        })
    }

    fn collect_subject<'a>(
        &mut self,
        remote: &Remote,
        location: &Location,
        request: &'a DownloadRequest,
        subject: &SubjectId,
        everything: &mut Everything<'a>,
    ) -> Result<()> {
        let filter = &request.filter;
        let mut searched = Searched::new(Carried::of(subject, filter));
        let mut found = Vec::new();
        if request.include_brain_mask {
            for (prefix, masks) in brain_masks(remote, subject)? {
                searched.add(&prefix, &masks);
                found.extend(masks.into_iter().map(|listed| (listed, Why::Named)));
            }
        }
        if request.include_derivatives {
            let prefix = layout::glmsingle(subject);
            self.search(remote, &prefix, filter, Why::Filters, &mut searched, &mut found)?;
            let sessions = std::mem::take(&mut searched.sessions);
            self.of_bucket.sessions.insert(subject.clone(), sessions);
        }
        if request.include_anatomical {
            let prefix = layout::anatomical(subject);
            self.whole(remote, "anatomical", prefix, &mut searched, &mut found)?;
        }
        if request.include_localizers {
            let prefix = layout::localizers(subject);
            self.whole(remote, "localizer", prefix, &mut searched, &mut found)?;
        }
        if request.include_raw {
            let prefix = layout::raw(subject);
            let before = found.len();
            self.search(remote, &prefix, filter, Why::Filters, &mut searched, &mut found)?;
            searched.tree("raw", prefix, found.len() == before);
        }
        // Sessions are decided by the trees that have them: the others carry none.
        let sessions = searched.carried.missing_sessions();
        if request.include_freesurfer {
            let prefix = layout::freesurfer(subject);
            self.whole(remote, "FreeSurfer", prefix, &mut searched, &mut found)?;
        }
        if request.include_derivatives {
            let filter = filter.without(FilterField::Ses);
            let prefix = layout::rois(subject);
            self.search(remote, &prefix, &filter, Why::RoiFilters, &mut searched, &mut found)?;
        }
        if !searched.any {
            return Err(unknown_subject(remote, location, request, subject, searched));
        }
        if found.is_empty() || !(sessions.is_empty() || request.allow_missing) {
            // Without any of the sessions nothing was listed that could have the other values.
            let missing = match searched.carried.has_a_session() {
                true => searched.carried.missing(),
                false => sessions,
            };
            return Err(no_match(location, subject.as_str(), request, searched.prefixes, missing));
        }
        self.missing.extend(sessions);
        everything.add(subject.as_str(), searched);
        if request.include_derivatives && filter.names_specific_session() {
            self.with_betas.insert(subject.clone());
        }
        found.into_iter().for_each(|(listed, why)| self.add(listed, why));
        Ok(())
    }

    /// What the betas are read with, for each subject whose betas were found.
    fn collect_brain_masks(&mut self, remote: &Remote) -> Result<()> {
        for subject in std::mem::take(&mut self.with_betas) {
            for (_, masks) in brain_masks(remote, &subject)? {
                masks.into_iter().for_each(|listed| self.add(listed, Why::Pinned));
            }
        }
        Ok(())
    }

    fn collect_prefixes<'a>(
        &mut self,
        remote: &Remote,
        location: &Location,
        request: &'a DownloadRequest,
        everything: &mut Everything<'a>,
    ) -> Result<()> {
        for prefix in &request.prefixes {
            let mut searched = Searched::new(Carried::new(&request.filter));
            let mut found = Vec::new();
            let filter = &request.filter;
            self.search(remote, prefix, filter, Why::Filters, &mut searched, &mut found)?;
            if found.is_empty() && !request.allow_missing {
                let missing = searched.carried.missing();
                return Err(no_match(location, prefix, request, searched.prefixes, missing));
            }
            if found.is_empty() {
                self.missing.push(Missing::Prefix { prefix: prefix.clone() });
            }
            everything.add(prefix, searched);
            found.into_iter().for_each(|(listed, why)| self.add(listed, why));
        }
        Ok(())
    }

    /// These very keys below `stimuli/`, all of which the bucket has to list.
    fn collect_stimuli(
        &mut self,
        remote: &Remote,
        location: &Location,
        request: &DownloadRequest,
        wanted: &[String],
    ) -> Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let prefix = format!("{}/", laion_fmri_stimuli::files::DIRECTORY);
        let listed = remote.list_directory(&prefix)?.objects;
        for key in wanted {
            match listed.iter().find(|listed| listed.key.as_str() == key) {
                Some(found) => self.add(found.clone(), Why::Named),
                None if request.allow_missing => {
                    self.missing.push(Missing::Key { key: key.clone() });
                }
                None => {
                    // No filter had a part in it.
                    let unfiltered = DownloadRequest::captions();
                    return Err(no_match(location, key, &unfiltered, vec![prefix], Vec::new()));
                }
            }
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
        searched: &mut Searched<'_>,
        found: &mut Vec<Found>,
    ) -> Result<()> {
        let listing = remote.list_tree(prefix, |child| may_match(filter, child))?;
        self.refused.extend(listing.refused);
        searched.add(prefix, &listing.objects);
        listing.prefixes.iter().for_each(|prefix| searched.see(prefix));
        let matching = listing.objects.into_iter().filter(|it| filter.matches(it.key.as_str()));
        found.extend(matching.map(|listed| (listed, why)));
        Ok(())
    }

    /// Everything below a prefix: a tree that is taken whole.
    fn whole(
        &mut self,
        remote: &Remote,
        name: &'static str,
        prefix: String,
        searched: &mut Searched<'_>,
        found: &mut Vec<Found>,
    ) -> Result<()> {
        let before = found.len();
        let why = Why::WholeTree(name);
        self.search(remote, &prefix, &Filter::default(), why, searched, found)?;
        searched.tree(name, prefix, found.len() == before);
        Ok(())
    }

    /// What was found first says why.
    fn add(&mut self, listed: Listed, why: Why) {
        let withheld = policy::is_held_out(listed.key.as_str()).then_some(policy::HELD_OUT);
        let key = listed.key.clone();
        if layout::is_betas(key.as_str()) {
            let subject = entity_value(key.as_str(), "sub").and_then(|label| label.parse().ok());
            self.with_betas.extend(subject);
        }
        self.keys.entry(key).or_insert(SelectedKey { listed, withheld, why });
    }
}

impl<'a> Searched<'a> {
    fn new(carried: Carried<'a>) -> Self {
        let (prefixes, sessions, trees) = (Vec::new(), BTreeSet::new(), Vec::new());
        Self { prefixes, any: false, carried, sessions, trees }
    }

    fn add(&mut self, prefix: &str, listed: &[Listed]) {
        self.prefixes.push(prefix.to_owned());
        listed.iter().for_each(|listed| self.see(listed.key.as_str()));
    }

    fn see(&mut self, key: &str) {
        self.any = true;
        self.carried.see(key);
        self.sessions.extend(session_of_betas_tree(key));
    }

    fn tree(&mut self, name: &'static str, prefix: String, is_empty: bool) {
        self.trees.push(Tree { name, prefix, is_empty });
    }
}

/// The released session whose folder of the betas tree a key or a prefix lies in.
fn session_of_betas_tree(key: &str) -> Option<SessionId> {
    let folder = key.strip_prefix(layout::GLMSINGLE)?.split('/').nth(1)?;
    let session: SessionId = folder.starts_with("ses-").then(|| folder.parse().ok())??;
    (!policy::HELD_OUT_SESSIONS.contains(&session.label())).then_some(session)
}

impl<'a> Everything<'a> {
    fn new(filter: &'a Filter) -> Self {
        let (places, prefixes, trees) = (Vec::new(), Vec::new(), Vec::new());
        Self { carried: Carried::new(filter), places, prefixes, trees }
    }

    fn add(&mut self, place: &str, searched: Searched<'_>) {
        self.carried.join(&searched.carried);
        self.places.push(place.to_owned());
        self.prefixes.extend(searched.prefixes);
        self.trees.extend(searched.trees);
    }

    /// What no place has: values of filters, and trees.
    fn missing(&self) -> Vec<Missing> {
        let mut missing = match self.places.is_empty() {
            true => Vec::new(),
            false => self.carried.missing(),
        };
        let mut trees: BTreeMap<&'static str, Vec<&Tree>> = BTreeMap::new();
        for tree in &self.trees {
            trees.entry(tree.name).or_default().push(tree);
        }
        for (tree, of_subjects) in trees {
            if of_subjects.iter().all(|tree| tree.is_empty) {
                let prefixes = of_subjects.iter().map(|tree| tree.prefix.clone()).collect();
                missing.push(Missing::Tree { tree, prefixes });
            }
        }
        missing
    }
}

/// The brain mask on the functional grid and the mean R² map of a subject, as far as the bucket
/// lists them, by the folders that were listed for them.
fn brain_masks(remote: &Remote, subject: &SubjectId) -> Result<Vec<(String, Vec<Listed>)>> {
    let wanted = policy::pinned(subject);
    let folders: BTreeSet<&str> =
        wanted.iter().filter_map(|key| key.rsplit_once('/')).map(|(folder, _)| folder).collect();
    let listed = |folder: &str| {
        let prefix = format!("{folder}/");
        let mut listed = remote.list_directory(&prefix)?.objects;
        listed.retain(|it| wanted.iter().any(|key| key == it.key.as_str()));
        Ok((prefix, listed))
    };
    folders.into_iter().map(listed).collect()
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

fn unknown_subject(
    remote: &Remote,
    location: &Location,
    request: &DownloadRequest,
    subject: &SubjectId,
    searched: Searched<'_>,
) -> Error {
    match remote.subjects() {
        Ok(available) if !available.contains(subject) => Error::SubjectNotFound {
            got: subject.to_string(),
            available: available.iter().map(ToString::to_string).collect(),
        },
        Ok(_) => no_match(location, subject.as_str(), request, searched.prefixes, Vec::new()),
        Err(error) => error,
    }
}

fn no_match(
    location: &Location,
    subject: &str,
    request: &DownloadRequest,
    prefixes: Vec<String>,
    missing: Vec<Missing>,
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
        missing,
    }
}
