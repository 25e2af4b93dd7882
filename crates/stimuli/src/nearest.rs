//! The known names nearest to an unknown one.

/// How many names are suggested.
const COUNT: usize = 3;

/// Up to three names whose spelling is nearest to `wanted`, best first: at most a third of the
/// longer text differs, and case does not count.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let folded = fold(wanted);
    let mut found: Vec<(usize, usize, &str)> = Vec::new();
    for (index, name) in names.enumerate() {
        let candidate = fold(name);
        let limit = (folded.len().max(candidate.len()) / 3).max(1);
        // The lengths alone rule most names out, before the quadratic part.
        if folded.len().abs_diff(candidate.len()) > limit {
            continue;
        }
        let edits = strsim::generic_levenshtein(&folded, &candidate);
        if edits <= limit && edits < folded.len().max(candidate.len()) {
            found.push((edits, index, name));
            if found.len() > COUNT {
                found.sort_unstable();
                found.truncate(COUNT);
            }
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(_, _, name)| name.to_owned()).collect()
}

fn fold(text: &str) -> Vec<char> {
    text.chars().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_come_best_first() {
        let names = ["shared_12rep_LAION_a.jpg", "shared_12rep_LAION_ab.jpg", "unique_THINGS_x"];
        let check = |wanted: &str, expected: &[&str]| {
            assert_eq!(nearest(wanted, names.into_iter()), expected, "{wanted}");
        };
        check("Shared_12rep_laion_a.jpg", &[names[0], names[1]]);
        check("shared_12rep_LAION_ab.jp", &[names[1], names[0]]);
        check("unique_THINGS_y", &[names[2]]);
        check("zebra", &[]);
        check("", &[]);
    }
}
