//! What may be meant by a name that no ROI and no category has.

use bids_names::dehyphenate_name;

/// An expression of existing names. Half of what is meant is worse than nothing, so it has all the
/// names that are `wanted` in another case, or else all that begin with it, ROIs before categories.
/// Without any it is the nearest name.
pub(super) fn suggestion(wanted: &str, rois: &[String], categories: &[String]) -> Option<Box<str>> {
    let folded = |name: &str| dehyphenate_name(name).to_lowercase();
    // As a shell would have it.
    let wanted = wanted.strip_suffix('*').unwrap_or(wanted);
    let start = folded(wanted);
    let same = |name: &str| folded(name) == start;
    let begins = |name: &str| !start.is_empty() && folded(name).starts_with(&start);
    let all = |names: &[String], is_meant: &dyn Fn(&str) -> bool| {
        let names: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| is_meant(name)).collect();
        (!names.is_empty()).then(|| names.join(" | ").into())
    };
    all(rois, &same)
        .or_else(|| all(categories, &same))
        .or_else(|| all(rois, &begins))
        .or_else(|| all(categories, &begins))
        .or_else(|| {
            let names = rois.iter().chain(categories).map(String::as_str);
            bids_names::suggest(wanted, names).map(Box::from)
        })
}

#[cfg(test)]
mod tests {
    #[test]
    fn all_that_may_be_meant_are_named() {
        let rois = ["FFA1", "FFA2", "OFA", "PPA", "V1d", "V1v", "V2v", "hV4", "pSTSfaces"];
        let rois = rois.map(str::to_owned);
        let categories = ["face", "place", "retinotopy"].map(str::to_owned);
        for (wanted, expected) in [
            ("V1", Some("V1d | V1v")),
            ("V1*", Some("V1d | V1v")),
            ("ffa*", Some("FFA1 | FFA2")),
            ("FFa-1", Some("FFA1")),
            ("*", None),
            ("v1", Some("V1d | V1v")),
            ("FFA", Some("FFA1 | FFA2")),
            ("ffa", Some("FFA1 | FFA2")),
            ("ffa-2", Some("FFA2")),
            ("psts", Some("pSTSfaces")),
            ("Face", Some("face")),
            ("ret", Some("retinotopy")),
            ("FFA3", Some("FFA1")),
            ("V4", Some("hV4")),
            ("hippocampus", None),
            ("", None),
            ("-", None),
        ] {
            let got = super::suggestion(wanted, &rois, &categories);
            assert_eq!(got.as_deref(), expected, "{wanted}");
        }
    }
}
