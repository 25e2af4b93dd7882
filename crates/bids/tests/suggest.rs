//! Suggestions are among the names offered and depend on nothing else.

use bids_names::suggest;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_known_name_suggests_itself(names in prop::collection::vec("[a-cA-C]{1,4}", 1..5), at in any::<prop::sample::Index>()) {
        let wanted = at.get(&names);
        prop_assert_eq!(suggest(wanted, &names), Some(wanted.as_str()));
    }

    #[test]
    fn a_suggestion_is_one_of_the_names(wanted in "[a-cA-C]{0,4}", names in prop::collection::vec("[a-cA-C]{0,4}", 0..5)) {
        if let Some(name) = suggest(&wanted, &names) {
            prop_assert!(names.iter().any(|known| known == name));
        }
    }

    #[test]
    fn case_alone_is_always_forgiven(name in "[A-Za-z]{1,12}") {
        let known = [name.as_str()];
        prop_assert_eq!(suggest(&name.to_uppercase(), &known), Some(name.as_str()));
    }
}
