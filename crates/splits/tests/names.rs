//! The public names of the crate: each list is complete, and reading and showing undo each other.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use laion_fmri_splits::{
    NameError, OodType, Pool, SplitFamily, SplitName, SplitRevision, list_ood_types, list_pools,
    list_splits,
};
use proptest::prelude::*;

/// Checks the names of a closed list, in order, and that each is read as what it is shown for.
fn check<T>(all: &[T], names: &[&str])
where
    T: Copy + Debug + Display + Ord + FromStr<Err = NameError>,
{
    assert_eq!(all.iter().map(ToString::to_string).collect::<Vec<_>>(), names);
    for item in all {
        assert_eq!(item.to_string().parse(), Ok(*item));
    }
    assert!(all.is_sorted(), "{all:?}");
}

#[test]
fn pools_are_the_shared_one_and_one_for_each_subject() {
    check(list_pools(), &["shared", "sub-01", "sub-03", "sub-05", "sub-06", "sub-07"]);
}

#[test]
fn every_pool_has_all_twelve_splits() {
    let names = [
        "random_0",
        "random_1",
        "random_2",
        "random_3",
        "random_4",
        "cluster_k5_0",
        "cluster_k5_1",
        "cluster_k5_2",
        "cluster_k5_3",
        "cluster_k5_4",
        "tau",
        "ood",
    ];
    check(list_splits(None), &names);
    for pool in Pool::ALL {
        assert_eq!(list_splits(Some(*pool)), SplitName::ALL);
    }
}

#[test]
fn families_revisions_and_types_are_closed_lists() {
    check(SplitFamily::ALL, &["random", "cluster_k5", "tau", "ood"]);
    check(SplitRevision::ALL, &["r1", "r2"]);
    check(
        list_ood_types(),
        &[
            "cropped",
            "gabor",
            "gaudy",
            "illusion-classic",
            "illusion-natural",
            "relations",
            "selfmade",
            "shape",
            "unusual",
        ],
    );
}

/// Matches `^shared_4rep_OOD_([a-zA-Z0-9-]+)_.+\.(png|jpg)$` by trying every end of group 1.
fn plain_ood_type(image_name: &str) -> Option<&str> {
    let rest = image_name.strip_prefix("shared_4rep_OOD_")?;
    (1..rest.len()).filter(|&end| rest.is_char_boundary(end)).find_map(|end| {
        let (group, tail) = rest.split_at(end);
        let named = group.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let ended =
            tail.len() > "_.png".len() && (tail.ends_with(".png") || tail.ends_with(".jpg"));
        (named && ended && tail.starts_with('_') && !tail.contains('\n')).then_some(group)
    })
}

proptest! {
    #[test]
    fn image_names_are_read_as_stated(
        image_name in "(shared_4rep_OOD_|shared_)(shape|cropped|illusion-natural|new|-|_|é){0,3}(_|[.]|png|\n){0,3}([.]png|[.]jpg|jpg)?"
    ) {
        let known = plain_ood_type(&image_name).and_then(|name| name.parse().ok());
        prop_assert_eq!(OodType::of_image_name(&image_name), known);
    }

    #[test]
    fn a_text_that_is_no_name_is_returned_as_given(text in "[a-z0-9_-]{0,8}") {
        match text.parse::<Pool>() {
            Ok(pool) => prop_assert_eq!(pool.as_str(), text),
            Err(error) => {
                let expected: Vec<&str> = list_pools().iter().map(|pool| pool.as_str()).collect();
                prop_assert_eq!((error.got, error.expected), (text, &expected[..]));
            }
        }
    }
}
