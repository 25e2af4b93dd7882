//! Types that `serde` writes as their text and reads by parsing it: [`serde_as_text!`](crate::serde_as_text).

/// With the feature `serde` of this crate, implements `Serialize` by [`Display`](std::fmt::Display) and
/// `Deserialize` by [`FromStr`](std::str::FromStr), so that what is read has been checked. Without the
/// feature it does nothing.
#[cfg(feature = "serde")]
#[macro_export]
macro_rules! serde_as_text {
    ($($Type:ty),+ $(,)?) => {$(
        impl $crate::serde::Serialize for $Type {
            fn serialize<S: $crate::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> $crate::serde::Deserialize<'de> for $Type {
            fn deserialize<D: $crate::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::std::result::Result<Self, D::Error> {
                let text = <::std::borrow::Cow<'de, str> as $crate::serde::Deserialize>::deserialize(
                    deserializer,
                )?;
                text.parse().map_err($crate::serde::de::Error::custom)
            }
        }
    )+};
}

/// With the feature `serde` of this crate, types are read and written as their text. Without it this
/// does nothing.
#[cfg(not(feature = "serde"))]
#[macro_export]
macro_rules! serde_as_text {
    ($($Type:ty),+ $(,)?) => {};
}

serde_as_text!(crate::Sha256);

#[cfg(all(test, feature = "serde"))]
mod tests {
    use serde_json::{from_value, json, to_value};

    use crate::Sha256;

    crate::named_enum! {
        /// A direction.
        #[derive(Clone, Copy, Debug, PartialEq)]
        enum Way: "way" {
            /// Up.
            Up = "up",
            /// Down.
            Down = "down" | "dn",
        }
    }

    #[test]
    fn enums_and_digests_are_their_texts() {
        assert_eq!(to_value(Way::ALL).unwrap(), json!(["up", "down"]));
        assert_eq!(from_value::<Way>(json!("dn")).unwrap(), Way::Down);
        let error = from_value::<Way>(json!("left")).unwrap_err().to_string();
        assert_eq!(error, "unknown way \"left\" (expected one of up, down, dn)");
        let digest = Sha256([0xab; 32]);
        let text = json!("ab".repeat(32));
        assert_eq!(to_value(digest).unwrap(), text);
        assert_eq!(from_value::<Sha256>(text).unwrap(), digest);
        assert!(from_value::<Sha256>(json!("ab")).is_err());
    }
}
