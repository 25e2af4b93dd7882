//! Reading and showing a file name undo each other.

use bids_names::{FileName, SessionId, SubjectId, suffix_of};
use proptest::prelude::*;

use crate::keys;

/// Checks what holds for every text: it is refused, or read without loss.
fn check(text: &str) -> Result<(), TestCaseError> {
    let Ok(name) = FileName::parse(text) else {
        return Ok(());
    };
    prop_assert_eq!(name.to_string(), text);
    let last_part = name.suffix().split('_').next_back().filter(|part| !part.is_empty());
    let last_entity = name.entities().last().map(ToString::to_string);
    prop_assert_eq!(Some(suffix_of(text)), last_part.or(last_entity.as_deref()));
    prop_assert_eq!(bids_names::extension_of(text), name.extension());
    let rebuilt = name
        .entities()
        .iter()
        .fold(FileName::builder(name.suffix(), name.extension()), |builder, entity| {
            builder.entity(entity.key(), entity.value())
        });
    prop_assert_eq!(rebuilt.build(), Ok(name));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn what_is_read_is_shown_as_written(text in "[-_.a-cA0-2+ é/]{0,12}") {
        check(&text)?;
    }

    #[test]
    fn names_of_keys_are_read_without_loss(key in keys::key()) {
        check(&key)?;
        check(key.rsplit('/').next().unwrap_or(""))?;
    }

    #[test]
    fn well_formed_names_are_accepted(
        keys in prop::collection::btree_set("[a-z0-9]{1,4}", 1..5),
        values in prop::collection::vec("[A-Za-z0-9+ -]{1,5}", 5),
        suffix in "([a-zA-Z0-9]{1,6}(_[a-z]{1,3})?)?",
        extension in "([a-z0-9]{1,3}(\\.[a-z]{1,3})?)?",
    ) {
        let builder = keys.iter().zip(&values).fold(
            FileName::builder(suffix.as_str(), extension.as_str()),
            |builder, (key, value)| builder.entity(key.as_str(), value.as_str()),
        );
        let name = builder.build().map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(name.to_string().parse(), Ok(name.clone()));
        for (key, value) in keys.iter().zip(&values) {
            prop_assert_eq!(name.entity(key), Some(value.as_str()));
        }
        prop_assert_eq!((name.suffix(), name.extension()), (suffix.as_str(), extension.as_str()));
    }

    #[test]
    fn parts_are_built_into_what_they_are_read_as(
        entities in prop::collection::vec(("[a-b_.-]{0,2}", "[a-b_.-]{0,2}"), 0..3),
        suffix in "[a-b_.-]{0,3}",
        extension in "[a-b_.-]{0,3}",
    ) {
        let builder = entities.iter().fold(
            FileName::builder(suffix.as_str(), extension.as_str()),
            |builder, (key, value)| builder.entity(key.as_str(), value.as_str()),
        );
        if let Ok(name) = builder.build() {
            prop_assert_eq!(FileName::parse(&name.to_string()), Ok(name));
        }
    }

    #[test]
    fn subjects_and_sessions_are_shown_with_one_prefix(text in "(sub-|ses-)?[A-Za-z0-9./-]{0,4}") {
        if let Ok(subject) = text.parse::<SubjectId>() {
            prop_assert_eq!(subject.as_str(), format!("sub-{}", text.strip_prefix("sub-").unwrap_or(&text)));
            prop_assert_eq!(subject.label().parse(), Ok(subject.clone()));
            prop_assert_eq!(subject.to_string().parse(), Ok(subject));
        }
        if let Ok(session) = text.parse::<SessionId>() {
            prop_assert_eq!(session.as_str(), format!("ses-{}", text.strip_prefix("ses-").unwrap_or(&text)));
            prop_assert_eq!(session.label().parse(), Ok(session.clone()));
            prop_assert_eq!(session.to_string().parse(), Ok(session));
        }
    }
}
