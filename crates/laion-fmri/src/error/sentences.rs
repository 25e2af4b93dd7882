//! Parts of the messages that need more than a format string.

#[cfg(feature = "download")]
use crate::Missing;

/// The first few of many.
#[cfg(feature = "download")]
fn some(names: &[String]) -> String {
    const SHOWN: usize = 6;
    match names.get(..SHOWN) {
        Some(first) if names.len() > SHOWN => {
            format!("{} and {} more", first.join(", "), names.len() - SHOWN)
        }
        _ => names.join(", "),
    }
}

/// What is missing, when it can be named; else what was searched for, and where.
#[cfg(feature = "download")]
pub(super) fn not_matching(
    subject: &str,
    filters: &str,
    prefixes: &[String],
    missing: &[Missing],
) -> String {
    if !missing.is_empty() {
        let texts: Vec<String> = missing.iter().map(ToString::to_string).collect();
        return format!("{} (searched: {})", texts.join("; and "), some(prefixes));
    }
    match filters {
        // A file that was asked for by its key.
        _ if subject.contains('/') => format!("the bucket has no {subject}"),
        "none" => format!("the bucket has nothing below {}", some(prefixes)),
        _ => format!("no file of {subject} passes the filters {filters} below {}", some(prefixes)),
    }
}

/// That an ROI is not there, or only on the surface, and which one may be meant.
pub(super) fn no_roi(got: &str, is_on_surface: bool, suggestion: Option<&str>) -> String {
    let meant = suggestion.map(|name| format!(" (did you mean {name}?)")).unwrap_or_default();
    match is_on_surface {
        true => format!("the ROI {got:?} on the surface only, not as a volume{meant}"),
        false => format!("no ROI or category {got:?}{meant}"),
    }
}

/// What is wrong with an ROI expression, and where.
pub(super) fn unreadable(query: &str, column: usize, problem: &str) -> String {
    if query.trim().is_empty() {
        return "the ROI expression is empty".to_owned();
    }
    let shown = crate::roi::around(query, column);
    format!("cannot read the ROI expression {shown:?}: {problem} (at column {column})")
}

/// `; subjects: sub-01, sub-03`, or nothing without names.
pub(super) fn listed(what: &str, names: &[impl ToString]) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    if names.is_empty() { String::new() } else { format!("; {what}: {}", names.join(", ")) }
}

/// `.npz, .zarr or .h5`
pub(super) fn alternatives(names: &[&str]) -> String {
    match names {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => names.concat(),
    }
}
