//! Choose keys by entity, suffix and extension.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::key::{entity_value, extension_of, suffix_of};

pub use self::field::{FilterField, UnknownFilterField};

mod field;

/// Selects object keys. For each field it has a list of values that pass, or no list; then every
/// value passes.
///
/// A key passes if every active field accepts it (AND over the fields, OR over the values of one).
/// Values are compared as whole, case-sensitive text: `4` is not `04`.
///
/// | field | a key passes if |
/// |---|---|
/// | `task` `space` `desc` `stat` `run` `echo` `part` | it does not carry the entity, or holds `ENTITY-VALUE` for a listed value |
/// | `ses` | it carries the entity and holds `ses-VALUE` for a listed value, or does not carry it and `averages` is listed |
/// | `suffix` | its [suffix](suffix_of) is listed |
/// | `extension` | its [extension](extension_of) is listed, or it is a sidecar |
///
/// * A key *carries* an entity as [`entity_value`] says: directories count, and `-` or any other
///   odd character right after the alphanumeric value hides the entity.
/// * `averages` ([`Filter::AVERAGES`]) never stands for a session, not even for one of that name. It is a
///   convention of LAION-fMRI, not of BIDS; a filter without it works for any dataset.
/// * A *sidecar* is a key with the extension `json` whose suffix is listed in an active suffix
///   filter. Without a suffix filter an extension filter therefore drops sidecars.
/// * A leading `ENTITY-` of a value is dropped once when it is set: `ses-04` and `04` are the same
///   filter.
/// * A field without a list lets every key pass. An empty list rejects every key that carries the
///   entity; for `ses` and `suffix` that is every key, and for `extension` all but sidecars.
///
/// Note the consequence of the permissive rule: a misspelt `desc` still lets all keys without
/// `desc` pass. Compare the values with those of the listed keys ([`FilterField::carries`]) to
/// catch that.
///
/// ```
/// use bids_names::{Filter, FilterField, Verdict};
///
/// let filter = Filter::default()
///     .with(FilterField::Ses, ["01"])
///     .with(FilterField::Extension, ["nii.gz"]);
/// assert!(filter.matches("sub-01/ses-01/func/sub-01_ses-01_bold.nii.gz"));
/// assert_eq!(filter.verdict("sub-01/sub-01_mask.nii.gz"), Verdict::Rejected(FilterField::Ses));
/// assert!(filter.without(FilterField::Ses).matches("sub-01/sub-01_mask.nii.gz"));
/// ```
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Filter {
    /// Indexed by the position of the field in [`FilterField::ALL`].
    values: [Option<Vec<String>>; FilterField::ALL.len()],
}

/// What a filter says about a key.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Verdict {
    /// Every active field accepts the key.
    Pass,
    /// The first field, in the order of [`FilterField::ALL`], that does not accept the key.
    Rejected(FilterField),
}

impl Filter {
    /// The value of `ses` that lets keys without a session pass: what LAION-fMRI calls the maps of a
    /// subject that are averages over its sessions.
    pub const AVERAGES: &'static str = "averages";

    /// Sets the values of a field that pass, in place of those set before.
    pub fn set<V: Into<String>>(
        &mut self,
        field: FilterField,
        values: impl IntoIterator<Item = V>,
    ) {
        self.values[field as usize] =
            Some(values.into_iter().map(|value| field.normalized(value.into())).collect());
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

    /// A copy of this filter without a list for one field.
    #[must_use]
    pub fn without(&self, field: FilterField) -> Self {
        let mut filter = self.clone();
        filter.values[field as usize] = None;
        filter
    }

    /// The values of a field that pass, in the order given and without `ENTITY-`; `None` if the
    /// field is inactive.
    pub fn values(&self, field: FilterField) -> Option<&[String]> {
        self.values[field as usize].as_deref()
    }

    /// Whether no field is active, so that every key passes.
    pub fn is_unrestricted(&self) -> bool {
        self.values.iter().all(Option::is_none)
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
        FilterField::ALL
            .into_iter()
            .find(|&field| !self.accepts(field, key))
            .map_or(Verdict::Pass, Verdict::Rejected)
    }

    fn accepts(&self, field: FilterField, key: &str) -> bool {
        let Some(values) = self.values(field) else {
            return true;
        };
        let listed = || values.iter().any(|value| field.carries(key, value));
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
            | FilterField::Part => field.value_in(key).is_none() || listed(),
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
        let active =
            FilterField::ALL.into_iter().filter_map(|field| Some((field, self.values(field)?)));
        for (i, (field, values)) in active.enumerate() {
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
