//! Names and identifiers, parsed once.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a name was refused; the text is for the person who chose it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NameError(String);

impl NameError {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new identifier; later ones sort after earlier ones (UUID version 7).
            #[expect(clippy::new_without_default, reason = "a random identifier is not a default value")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.simple().fmt(formatter)
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Uuid::try_parse(text)
                    .map(Self)
                    .map_err(|_| NameError::new(concat!("not a ", stringify!($name))))
            }
        }
    };
}

uuid_id!(
    /// An account, for life; its name may change.
    AccountId
);
uuid_id!(
    /// A Space, for life; its name may change.
    SpaceId
);
uuid_id!(
    /// A repository of any kind, for life; its name may change. A Space's is the Space's own.
    RepoUid
);
uuid_id!(
    /// What somebody has allowed a Space, once.
    OAuthGrantId
);
uuid_id!(
    /// One attempt at making an artifact.
    BuildId
);
uuid_id!(
    /// One running copy of an artifact.
    InstanceId
);

impl From<SpaceId> for RepoUid {
    fn from(space: SpaceId) -> Self {
        Self(space.0)
    }
}

impl RepoUid {
    /// The Space whose repository it is. Of another kind's it is the identifier of no Space.
    pub fn space(self) -> SpaceId {
        SpaceId(self.0)
    }
}

macro_rules! text_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        /// A map by name is asked with text; what is no name is not in it.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

text_name!(
    /// Who owns Spaces: the name of a user or an organisation. ASCII letters, digits and single inner hyphens, 1 to 39.
    Owner
);

impl FromStr for Owner {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let inner_hyphens = !text.starts_with('-') && !text.ends_with('-') && !text.contains("--");
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if (1..=39).contains(&text.len()) && inner_hyphens && plain {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::new(
                "an owner's name must have 1 to 39 letters and digits, with single hyphens only between them",
            ))
        }
    }
}

text_name!(
    /// The second half of a Space's name. The Hub's rules: 1 to 96 of `[A-Za-z0-9._-]`, no `--` or `..`, not starting
    /// or ending with `-` or `.`, not ending in `.git`.
    ShortName
);

impl FromStr for ShortName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
        let edges = !text.starts_with(['-', '.']) && !text.ends_with(['-', '.']);
        let runs = !text.contains("--") && !text.contains("..");
        let reserved = text.to_ascii_lowercase().ends_with(".git");
        if (1..=96).contains(&text.len()) && plain && edges && runs && !reserved {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::new(
                "a repository's name must have 1 to 96 of the characters A-Z a-z 0-9 . _ -, must not contain `..` or \
                 `--`, must start and end with a letter, a digit or _, and must not end in .git",
            ))
        }
    }
}

/// A Space's full name, `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoName {
    /// Whose it is.
    pub owner: Owner,
    /// Its name among the owner's.
    pub name: ShortName,
}

impl RepoName {
    /// The DNS label under which the Space answers.
    ///
    /// # Errors
    /// When the label would pass DNS's 63 characters (RFC 1035 §2.3.4) or hold nothing but hyphens.
    pub fn subdomain(&self) -> Result<Subdomain, NameError> {
        let label = format!("{}-{}", self.owner, self.name)
            .to_ascii_lowercase()
            .replace(['_', '.'], "-");
        let label = label.trim_matches('-');
        if label.len() > 63 {
            return Err(NameError::new(format!(
                "the address of `{self}` would have the label `{label}` of {} characters, and DNS allows 63; choose a \
                 shorter name",
                label.len()
            )));
        }
        Ok(Subdomain(label.to_owned()))
    }
}

impl fmt::Display for RepoName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.owner, self.name)
    }
}

impl FromStr for RepoName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (owner, name) = text
            .split_once('/')
            .ok_or_else(|| NameError::new(format!("`{text}` does not have the form OWNER/NAME")))?;
        Ok(Self {
            owner: owner.parse()?,
            name: name.parse()?,
        })
    }
}

impl TryFrom<String> for RepoName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<RepoName> for String {
    fn from(name: RepoName) -> String {
        name.to_string()
    }
}

text_name!(
    /// The DNS label of a Space: lower case, `owner-name` with `_` and `.` turned into `-`. Unique on a server.
    Subdomain
);

impl FromStr for Subdomain {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if (1..=63).contains(&text.len()) && plain && !text.starts_with('-') && !text.ends_with('-')
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::new("not an address label"))
        }
    }
}

/// What programs may know of a name before they send it: `not` is a pattern that it does not match.
macro_rules! name_schema {
    ($name:ident, $example:literal, $pattern:literal, $most:literal $(, not $not:literal)?) => {
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "pattern": $pattern,
                    "minLength": 1,
                    "maxLength": $most,
                    $("not": { "type": "string", "pattern": $not },)?
                    "examples": [$example],
                })
            }
        }
    };
}

name_schema!(Owner, "ada", "^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$", 39);
name_schema!(
    ShortName,
    "demo",
    r"^[A-Za-z0-9_]+((\.(-\.)*-?|-(\.-)*\.?)[A-Za-z0-9_]+)*$",
    96,
    not r"\.[gG][iI][tT]$"
);
name_schema!(
    RepoName,
    "ada/demo",
    r"^[A-Za-z0-9]+(-[A-Za-z0-9]+)*/[A-Za-z0-9_]+((\.(-\.)*-?|-(\.-)*\.?)[A-Za-z0-9_]+)*$",
    136,
    not r"\.[gG][iI][tT]$"
);
name_schema!(
    Revision,
    "0123456789abcdef0123456789abcdef01234567",
    "^[0-9a-f]{40}$",
    40
);

text_name!(
    /// One commit: forty lower-case hexadecimal digits.
    Revision
);

impl FromStr for Revision {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let hex = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if text.len() == 40 && hex {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::new("not a commit id"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn subdomain_folds_case_dots_and_underscores() {
        let name: RepoName = "Microsoft/TRELLIS.2_x".parse().expect("valid");
        assert_eq!(
            name.subdomain().expect("short").as_str(),
            "microsoft-trellis-2-x"
        );
    }

    #[test]
    fn hostile_names_are_refused() {
        for bad in [
            "a", "a/", "/b", "a/..", "a/.git", "a/b.git", "a/b/c", "a/b%2fc", "a b/c", "-a/b",
            "a--b/c", "a/b--c", "a/-b", "a/b.", "a/b\0", "ä/b", "a.b/c", "../b", "a/B.GIT",
        ] {
            assert!(bad.parse::<RepoName>().is_err(), "{bad:?} was accepted");
        }
    }

    /// Names of that pattern, without its anchors.
    fn named_by<T: JsonSchema>() -> impl Strategy<Value = String> {
        let schema = T::json_schema(&mut SchemaGenerator::default());
        let pattern = schema.as_value()["pattern"].as_str().expect("a pattern");
        let most = schema.as_value()["maxLength"].as_u64().expect("a length");
        let inner = pattern.trim_matches(['^', '$']);
        let named = proptest::string::string_regex(inner).expect("a pattern");
        named.prop_filter("of a good length", move |name| {
            name.len() as u64 <= most && !name.to_ascii_lowercase().ends_with(".git")
        })
    }

    proptest! {
        #[test]
        fn schemas_say_what_is_accepted(owner in named_by::<Owner>(), name in named_by::<ShortName>()) {
            prop_assert!(owner.parse::<Owner>().is_ok());
            prop_assert!(name.parse::<ShortName>().is_ok());
        }

        #[test]
        fn accepted_names_make_safe_labels(text in "[ -~]{0,20}/[ -~]{0,70}") {
            if let Ok(name) = text.parse::<RepoName>() {
                prop_assert_eq!(name.to_string(), text);
                if let Ok(label) = name.subdomain() {
                    prop_assert!(label.as_str().parse::<Subdomain>().is_ok());
                }
            }
        }
    }
}
