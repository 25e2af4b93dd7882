//! Choose keys by entity, suffix and extension.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::key::{entity_value, extension_of, suffix_of};

pub use self::entity_key::{EntityKey, InvalidEntityKey};
pub use self::field::{FilterField, UnknownFilterField};

mod entity_key;
mod field;

/// Selects object keys. For each field it has a list of values that pass, or no list; then every
/// value passes.
///
/// A key passes if every active field accepts it (AND over the fields, OR over the values of one).
/// Values are compared as whole, case-sensitive text: `4` is not `04`. There are two sets of rules:
///
/// * [`Filter::strict`], for any dataset: a key passes if it carries, for each active field, one of
///   the listed values. A key without the entity is rejected.
/// * [`Filter::default`], the rules of LAION-fMRI, by which the files of one session are found
///   together with their sidecars and with what belongs to no run or space:
///
/// | field | a key passes if |
/// |---|---|
/// | `task` `space` `desc` `stat` `run` `echo` `part` and other entities | it does not carry the entity, or holds `ENTITY-VALUE` for a listed value |
/// | `ses` | it carries the entity and holds `ses-VALUE` for a listed value, or does not carry it and `averages` is listed |
/// | `suffix` | its [suffix](suffix_of) is listed |
/// | `extension` | its [extension](extension_of) is listed, or it is a sidecar |
///
/// * A key *carries* an entity as [`entity_value`] says: directories count, and `-` or any other
///   odd character right after the alphanumeric value hides the entity. A listed value is still
///   found: `label=FFA-1` finds `label-FFA-1`.
/// * A leading `ENTITY-` of a value is dropped once when it is set: `ses-04` and `04` are the same
///   filter.
/// * A field without a list lets every key pass. An empty list rejects every key that carries the
///   entity; that is every key for `ses` and `suffix` and in a strict filter, and all but sidecars
///   for `extension`.
///
/// By the rules of LAION-fMRI alone:
///
/// * `averages` ([`Filter::AVERAGES`]) never stands for a session, not even for one of that name.
/// * A *sidecar* is a key with the extension `json` whose suffix is listed in an active suffix
///   filter. Without a suffix filter an extension filter therefore drops sidecars.
/// * A misspelt `desc` still lets all keys without `desc` pass. Compare the values with those of the
///   listed keys ([`FilterField::carries`]) to catch that.
///
/// ```
/// use bids_names::{Filter, FilterField, Verdict};
///
/// let filter = Filter::strict()
///     .with_entity("sub", ["01"])?
///     .with(FilterField::Extension, ["nii.gz"]);
/// assert!(filter.matches("sub-01/ses-01/func/sub-01_ses-01_bold.nii.gz"));
/// assert!(!filter.matches("sub-02/ses-01/func/sub-02_ses-01_bold.nii.gz"));
/// assert!(!filter.matches("sub-01/ses-01/func/sub-01_ses-01_bold.json"));
/// assert!(!filter.matches("template.nii.gz"));
///
/// let filter = Filter::default()
///     .with(FilterField::Ses, ["01"])
///     .with(FilterField::Extension, ["nii.gz"]);
/// assert!(filter.matches("sub-01/ses-01/func/sub-01_ses-01_bold.nii.gz"));
/// assert_eq!(filter.verdict("sub-01/sub-01_mask.nii.gz"), Verdict::Rejected(FilterField::Ses));
/// assert!(filter.without(FilterField::Ses).matches("sub-01/sub-01_mask.nii.gz"));
/// # Ok::<(), bids_names::InvalidEntityKey>(())
/// ```
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Filter {
    is_strict: bool,
    values: BTreeMap<FilterField, Vec<String>>,
}

/// What a filter says about a key.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Verdict {
    /// Every active field accepts the key.
    Pass,
    /// The first field, in their order, that does not accept the key.
    Rejected(FilterField),
}

impl Filter {
    /// The value of `ses` that lets keys without a session pass: what LAION-fMRI calls the maps of a
    /// subject that are averages over its sessions.
    pub const AVERAGES: &'static str = "averages";

    /// A filter without the rules of one dataset: a key passes if it carries a listed value for each
    /// active field. Neither `averages` nor sidecars are special.
    #[must_use]
    pub fn strict() -> Self {
        Self { is_strict: true, ..Self::default() }
    }

    /// Whether this is a filter of [`Filter::strict`].
    pub fn is_strict(&self) -> bool {
        self.is_strict
    }

    /// Sets the values of a field that pass, in place of those set before.
    pub fn set<V: Into<String>>(
        &mut self,
        field: FilterField,
        values: impl IntoIterator<Item = V>,
    ) {
        let values = values.into_iter().map(|value| field.normalized(value.into())).collect();
        self.values.insert(field, values);
    }

    /// This filter with the values of one field set.
    #[must_use]
    pub fn with<V: Into<String>>(
        mut self,
        field: FilterField,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        self.set(field, values);
        self
    }

    /// This filter with the values of any entity set, `sub` or `hemi` for example.
    ///
    /// # Errors
    ///
    /// [`InvalidEntityKey`].
    pub fn with_entity<V: Into<String>>(
        self,
        key: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Result<Self, InvalidEntityKey> {
        Ok(self.with(FilterField::of_entity(key)?, values))
    }

    /// A copy of this filter without a list for one field.
    #[must_use]
    pub fn without(&self, field: FilterField) -> Self {
        let mut filter = self.clone();
        filter.values.remove(&field);
        filter
    }

    /// The values of a field that pass, in the order given and without `ENTITY-`; `None` if the
    /// field is inactive.
    pub fn values(&self, field: FilterField) -> Option<&[String]> {
        self.values.get(&field).map(Vec::as_slice)
    }

    /// The active fields with the values that pass, in the order of the fields.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (FilterField, &[String])> {
        self.values.iter().map(|(&field, values)| (field, values.as_slice()))
    }

    /// Whether no field is active, so that every key passes.
    pub fn is_unrestricted(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether `ses` lists anything but `averages`.
    pub fn names_specific_session(&self) -> bool {
        self.values(FilterField::Ses)
            .is_some_and(|values| values.iter().any(|value| value != Self::AVERAGES))
    }

    /// Whether a key passes.
    pub fn matches(&self, key: &str) -> bool {
        self.verdict(key) == Verdict::Pass
    }

    /// Whether a key passes, and if not, because of which field.
    pub fn verdict(&self, key: &str) -> Verdict {
        self.iter()
            .find(|(field, values)| !self.accepts(*field, values, key))
            .map_or(Verdict::Pass, |(field, _)| Verdict::Rejected(field))
    }

    fn accepts(&self, field: FilterField, values: &[String], key: &str) -> bool {
        let listed = || values.iter().any(|value| field.carries(key, value));
        if self.is_strict {
            return listed();
        }
        match field {
            FilterField::Ses if entity_value(key, "ses").is_none() => {
                values.iter().any(|value| value == Self::AVERAGES)
            }
            FilterField::Ses => {
                values.iter().any(|value| value != Self::AVERAGES && field.carries(key, value))
            }
            FilterField::Suffix => listed(),
            FilterField::Extension => listed() || self.lists_sidecar(key),
            FilterField::Task
            | FilterField::Space
            | FilterField::Desc
            | FilterField::Stat
            | FilterField::Run
            | FilterField::Echo
            | FilterField::Part
            | FilterField::Entity(_) => field.value_in(key).is_none() || listed(),
        }
    }

    fn lists_sidecar(&self, key: &str) -> bool {
        extension_of(key) == "json"
            && self
                .values(FilterField::Suffix)
                .is_some_and(|values| values.iter().any(|value| value == suffix_of(key)))
    }
}

/// Shows the active fields as `ses=[01, averages], suffix=[statmap]`, or `none`.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_unrestricted() {
            return f.write_str("none");
        }
        for (i, (field, values)) in self.iter().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            write!(f, "{separator}{field}=[{}]", values.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    const BETAS: &str = "derivatives/betas/sub-03/ses-04/func/sub-03_ses-04_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz";
    const MEAN: &str = "derivatives/betas/sub-03/sub-03_task-images_space-T1w_stat-rsquare_desc-R2mean_statmap.nii.gz";
    const MASK: &str =
        "derivatives/rois/sub-03/face/sub-03_hemi-L_space-fsnative_label-OFA_mask.func.gii";

    fn filter<const N: usize>(field: FilterField, values: [&str; N]) -> Filter {
        Filter::default().with(field, values)
    }

    /// Checks one filter of one field against keys that pass and keys that this field rejects.
    fn check<const N: usize>(
        field: FilterField,
        values: [&str; N],
        pass: &[&str],
        reject: &[&str],
    ) {
        let filter = filter(field, values);
        for key in pass {
            assert_eq!(filter.verdict(key), Verdict::Pass, "{filter} on {key}");
        }
        for key in reject {
            assert_eq!(filter.verdict(key), Verdict::Rejected(field), "{filter} on {key}");
        }
    }

    #[test]
    fn sessions_are_strict() {
        check(FilterField::Ses, ["04"], &[BETAS], &[MEAN, MASK, "ses-041/x", "ses-4/x", "README"]);
        check(FilterField::Ses, ["ses-04"], &[BETAS], &[MEAN]);
        check(FilterField::Ses, ["averages"], &[MEAN, MASK, "README"], &[BETAS, "ses-averages/x"]);
        check(FilterField::Ses, ["ses-averages"], &[MEAN], &[BETAS]);
        check(FilterField::Ses, ["01", "04", "averages"], &[BETAS, MEAN], &["ses-05/x"]);
        check(FilterField::Ses, [], &[], &[BETAS, MEAN, "README"]);
        check(FilterField::Ses, ["04-b"], &[], &["sub-03_ses-04-b_x"]);
    }

    #[test]
    fn other_entities_are_permissive() {
        check(FilterField::Desc, ["SingletrialBetas"], &[BETAS, MASK, "README"], &[MEAN]);
        check(FilterField::Desc, ["singletrialbetas"], &[MASK], &[BETAS]);
        check(FilterField::Desc, ["Singletrial"], &[], &[BETAS]);
        check(FilterField::Task, [], &[MASK], &[BETAS, MEAN]);
        check(FilterField::Space, ["T1w", "fsnative"], &[BETAS, MASK], &["sub-03_space-MNI_x"]);
        check(
            FilterField::Run,
            ["run-02"],
            &["sub-03_run-02_bold.json", "x_run-1-2_y"],
            &["sub-03_run-2_bold.json"],
        );
    }

    #[test]
    fn suffix_and_extension_must_be_listed() {
        check(
            FilterField::Suffix,
            ["statmap"],
            &[BETAS, MEAN, "statmap.tsv"],
            &[MASK, "README", "a_statmap-b.nii"],
        );
        check(FilterField::Suffix, [""], &["a_.nii"], &[BETAS]);
        check(FilterField::Suffix, [], &[], &[BETAS, "README"]);
        check(
            FilterField::Extension,
            ["nii.gz"],
            &[BETAS],
            &[MASK, "a.gz", "a.x.nii.gz", "README", "a_statmap.json"],
        );
        check(FilterField::Extension, [".nii.gz"], &[], &[BETAS]);
        check(FilterField::Extension, [""], &["README"], &[BETAS]);
        check(FilterField::Extension, [], &[], &[BETAS, "README"]);
    }

    #[test]
    fn a_sidecar_needs_only_its_suffix() {
        let filter = filter(FilterField::Suffix, ["statmap", "trials"])
            .with(FilterField::Extension, ["nii.gz"]);
        assert!(filter.matches("sub-01/x_statmap.json"));
        assert!(filter.matches("sub-01/x_trials.json"));
        assert_eq!(filter.verdict("sub-01/x_mask.json"), Verdict::Rejected(FilterField::Suffix));
        assert_eq!(
            filter.verdict("sub-01/x_trials.tsv"),
            Verdict::Rejected(FilterField::Extension)
        );
        assert_eq!(
            filter.verdict("sub-01/x_trials.nii.json"),
            Verdict::Rejected(FilterField::Extension)
        );
    }

    #[test]
    fn a_strict_filter_wants_every_field_carried() {
        let pass = |filter: &Filter, key: &str| filter.verdict(key) == Verdict::Pass;
        let betas = Filter::strict().with(FilterField::Desc, ["SingletrialBetas"]);
        assert!(betas.is_strict());
        assert!(pass(&betas, BETAS));
        assert!(!pass(&betas, MASK) && !pass(&betas, "README"));
        let averages = Filter::strict().with(FilterField::Ses, [Filter::AVERAGES]);
        assert!(pass(&averages, "ses-averages/x") && !pass(&averages, MEAN));
        let images = Filter::strict()
            .with(FilterField::Suffix, ["statmap"])
            .with(FilterField::Extension, ["nii.gz"]);
        assert!(pass(&images, BETAS) && !pass(&images, "sub-01/x_statmap.json"));
        assert!(pass(&Filter::strict(), "README"));
        assert!(!pass(&Filter::strict().with(FilterField::Run, Vec::<String>::new()), "README"));
        assert_ne!(Filter::strict(), Filter::default());
    }

    #[test]
    fn any_entity_can_be_filtered() {
        let of = |filter: Filter, key, value| filter.with_entity(key, [value]).unwrap();
        let strict = |key, value| of(Filter::strict(), key, value);
        assert!(strict("hemi", "L").matches(MASK) && !strict("hemi", "R").matches(MASK));
        assert!(strict("sub", "sub-03").matches(MASK) && !strict("sub", "3").matches(MASK));
        assert!(!strict("hemi", "L").matches(BETAS));
        assert!(of(Filter::default(), "hemi", "R").matches(BETAS));
        assert!(strict("label", "FFA-1").matches("sub-01_label-FFA-1_mask.nii.gz"));
        let filter = of(strict("hemi", "R").with(FilterField::Suffix, ["mask"]), "acq", "x");
        assert_eq!(filter.to_string(), "acq=[x], hemi=[R], suffix=[mask]");
        let acq = FilterField::of_entity("acq").unwrap();
        assert_eq!(filter.verdict(MASK), Verdict::Rejected(acq));
        assert_eq!(filter.values(acq).unwrap(), ["x"]);
        // A field with a variant of its own is the same by its key.
        let session = Filter::default().with(FilterField::Ses, ["04"]);
        assert_eq!(of(Filter::default(), "ses", "04"), session);
        assert!(Filter::strict().with_entity("a-b", ["x"]).is_err());
    }

    #[test]
    fn the_first_field_that_rejects_is_named() {
        let filter = filter(FilterField::Extension, ["tsv"]).with(FilterField::Task, ["rest"]);
        assert_eq!(filter.verdict(BETAS), Verdict::Rejected(FilterField::Task));
        assert_eq!(
            filter.without(FilterField::Task).verdict(BETAS),
            Verdict::Rejected(FilterField::Extension)
        );
    }

    #[test]
    fn values_are_shown_as_they_are_compared() {
        let mut filter = Filter::default();
        assert!(filter.is_unrestricted());
        assert_eq!(filter.to_string(), "none");
        filter.set(FilterField::Suffix, ["statmap", "suffix-x"]);
        filter.set(FilterField::Ses, ["ses-01", "averages", "ses-ses-02"]);
        filter.set(FilterField::Echo, Vec::<String>::new());
        assert_eq!(
            filter.to_string(),
            "ses=[01, averages, ses-02], echo=[], suffix=[statmap, suffix-x]"
        );
        assert_eq!(filter.values(FilterField::Ses).unwrap(), ["01", "averages", "ses-02"]);
        assert_eq!(filter.values(FilterField::Run), None);
        assert!(!filter.is_unrestricted());
    }

    #[test]
    fn a_specific_session_is_one_that_is_not_averages() {
        assert!(!Filter::default().names_specific_session());
        assert!(!filter(FilterField::Ses, ["averages"]).names_specific_session());
        assert!(!filter(FilterField::Ses, []).names_specific_session());
        assert!(filter(FilterField::Ses, ["averages", "01"]).names_specific_session());
    }
}
