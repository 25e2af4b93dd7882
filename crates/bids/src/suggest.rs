//! The known name that is nearest to a mistyped one, for "did you mean".

use alloc::vec::Vec;

/// The name of `available` that is nearest to `wanted`, or `None` if none is near.
///
/// Case does not count. A name is near if at most a third of the longer text must be inserted,
/// deleted, replaced or exchanged with its neighbour. One character is always allowed, unless it is the whole text. A name is
/// also near if one of the two begins with the other and they share three characters or more. The
/// smallest number of edits wins, then the spelling that keeps the case, then the name that comes
/// first.
///
/// ```
/// use bids_names::suggest;
///
/// assert_eq!(suggest("ffa1", &["FFA1", "FFA2", "OFA"]), Some("FFA1"));
/// assert_eq!(suggest("singletrial", &["Noiseceiling", "SingletrialBetas"]), Some("SingletrialBetas"));
/// assert_eq!(suggest("1", &["01", "02"]), Some("01"));
/// assert_eq!(suggest("dgo", &["cat", "dog"]), Some("dog"));
/// assert_eq!(suggest("hippocampus", &["FFA1", "OFA"]), None);
/// ```
pub fn suggest<'a, S>(wanted: &str, available: impl IntoIterator<Item = &'a S>) -> Option<&'a str>
where
    S: AsRef<str> + ?Sized + 'a,
{
    if wanted.is_empty() {
        return None;
    }
    let exact: Vec<char> = wanted.chars().collect();
    let folded = fold(wanted);
    available
        .into_iter()
        .map(AsRef::as_ref)
        .filter_map(|name| {
            let candidate = fold(name);
            let edits = edit_distance(&folded, &candidate);
            is_near(&folded, &candidate, edits).then(|| {
                let respelled = edit_distance(&exact, &name.chars().collect::<Vec<_>>());
                ((edits, respelled), name)
            })
        })
        .min_by_key(|&(rank, _)| rank)
        .map(|(_, name)| name)
}

fn is_near(wanted: &[char], candidate: &[char], edits: usize) -> bool {
    const SHARED: usize = 3;
    let shorter = wanted.len().min(candidate.len());
    let longer = wanted.len().max(candidate.len());
    let begins = shorter >= SHARED && wanted[..shorter] == candidate[..shorter];
    begins || (edits < longer && edits <= (longer / 3).max(1))
}

fn fold(text: &str) -> Vec<char> {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Insertions, deletions and replacements of one character, and exchanges of two neighbours none of which
/// is edited again.
fn edit_distance(from: &[char], to: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = Vec::with_capacity(to.len() + 1);
        row.push(i + 1);
        for (j, b) in to.iter().enumerate() {
            let replaced = above[j] + usize::from(a != b);
            let mut least = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = core::mem::replace(&mut above, row);
    }
    above[to.len()]
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    fn distance(from: &str, to: &str) -> usize {
        edit_distance(&from.chars().collect::<Vec<_>>(), &to.chars().collect::<Vec<_>>())
    }

    #[test]
    fn distances_count_single_character_edits() {
        assert_eq!(distance("", ""), 0);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("statmap", "statmaps"), 1);
        assert_eq!(distance("é", "e"), 1);
        assert_eq!(distance("dgo", "dog"), 1);
        assert_eq!(distance("statmpa", "statmap"), 1);
        assert_eq!(distance("abcd", "badc"), 2);
        assert_eq!(distance("ca", "abc"), 3);
    }

    #[test]
    fn neighbours_that_are_exchanged_and_case_are_near() {
        assert_eq!(suggest("dgo", &["bird", "cat", "dog"]), Some("dog"));
        assert_eq!(suggest("NDS", &["NSD", "tau"]), Some("NSD"));
        assert_eq!(suggest("nds", &["NSD", "tau"]), Some("NSD"));
        assert_eq!(suggest("nsd", &["NSD", "nsde"]), Some("NSD"));
        assert_eq!(suggest("1L", &["L1", "R1"]), Some("L1"));
        assert_eq!(suggest("ba", &["xy"]), None);
    }

    #[test]
    fn the_fewest_edits_win_and_ties_go_to_the_first() {
        assert_eq!(suggest("FFA3", &["OFA", "FFA1", "FFA2"]), Some("FFA1"));
        assert_eq!(suggest("stat", &["statmap", "stats"]), Some("stats"));
        assert_eq!(suggest("Foo", &["FOO", "foo"]), Some("foo"));
        assert_eq!(suggest("OFA", &["FFA1", "OFA"]), Some("OFA"));
    }

    #[test]
    fn distant_names_are_not_offered() {
        assert_eq!(suggest("xy", &["ab"]), None);
        assert_eq!(suggest("x", &["L", "R"]), None);
        assert_eq!(suggest("", &["a"]), None);
        assert_eq!(suggest::<str>("a", []), None);
        assert_eq!(suggest("ab", &["abcdef"]), None);
    }

    #[test]
    fn owned_and_borrowed_names_are_accepted() {
        let owned: Vec<String> = ["place", "face"].map(String::from).into();
        assert_eq!(suggest("faces", &owned), Some("face"));
        assert_eq!(suggest("faces", "place face".split(' ')), Some("face"));
    }
}
