//! Closed lists of words that fault files are written in: one macro, so that spelling, sentence and schema cannot differ.

/// A word of a fault file that names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {kind} `{name}`{}", .nearest.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default())]
pub struct UnknownName {
    /// What was expected: `rule`, `policy` or `wire break`.
    pub kind: &'static str,
    /// The word as it was written.
    pub name: String,
    /// The known word closest to it, if any is close enough to be meant.
    pub nearest: Option<&'static str>,
}

/// The candidate that was probably meant by `name`.
pub(crate) fn nearest(name: &str, candidates: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// Declares an enum of wire words, each with one sentence that says what holds.
macro_rules! words {
    (
        $(#[$meta:meta])*
        $kind:literal $name:ident { $( $variant:ident = $word:literal : $sentence:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $( #[doc = $sentence] $variant, )+ }

        impl $name {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The spelling in fault files.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// What it means, in one sentence.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $( Self::$variant => $sentence, )+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::server::names::UnknownName;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                match name {
                    $( $word => Ok(Self::$variant), )+
                    _ => Err($crate::server::names::UnknownName {
                        kind: $kind,
                        name: name.to_owned(),
                        nearest: $crate::server::names::nearest(name, Self::ALL.iter().map(|word| word.name())),
                    }),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = <String as serde::Deserialize>::deserialize(deserializer)?;
                name.parse().map_err(serde::de::Error::custom)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let each = |word: &Self| serde_json::json!({ "const": word.name(), "description": word.sentence() });
                schemars::json_schema!({ "oneOf": Self::ALL.iter().map(each).collect::<Vec<_>>() })
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    use super::super::{Policy, Rule};

    #[test]
    fn a_misspelt_rule_is_answered_with_the_nearest_one() {
        let error = "client.secret_check".parse::<Rule>().unwrap_err();
        assert_eq!(error.to_string(), "unknown rule `client.secret_check`, did you mean `client.secret_checked`?");
    }

    #[test]
    fn a_word_like_no_other_gets_no_suggestion() {
        let error = "zzz".parse::<Policy>().unwrap_err();
        assert_eq!(error.to_string(), "unknown policy `zzz`");
    }

    #[test]
    fn every_name_reads_back_and_occurs_once() {
        for rule in Rule::ALL {
            assert_eq!(rule.name().parse::<Rule>().as_ref(), Ok(rule));
        }
        for policy in Policy::ALL {
            assert_eq!(policy.name().parse::<Policy>().as_ref(), Ok(policy));
        }
    }
}
