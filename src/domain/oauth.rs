//! What a Space is given of the people who sign in there, in OAuth's words.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Owner;

/// Something that a Space may be given, by the Hub's word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OAuthScope {
    /// Who somebody is, as an ID token.
    OpenId,
    /// Their name and page.
    Profile,
    /// Their address, of which this server keeps none.
    Email,
    /// Their organisations.
    ReadMemberships,
    /// Read what is theirs, private repositories too.
    ReadRepos,
    /// Publish to what is theirs, too.
    WriteRepos,
    /// Create, change and delete what is theirs, too.
    ManageRepos,
}

/// Some of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OAuthScopes(u8);

/// What a card says of signing people in (`hf_oauth` and the fields beside it).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthApp {
    /// What may be asked for, in the Hub's words; some of them give nothing here.
    pub scopes: Vec<String>,
    /// Minutes for which an access token is good, at most [`OAuthApp::MOST_MINUTES`].
    pub minutes: u32,
    /// Only members of one of these may sign in; nobody is kept out by an empty list.
    pub organizations: Vec<Owner>,
}

/// The Hub's words for what this server has nothing of.
const WITHOUT_EFFECT: [&str; 11] = [
    "read-billing",
    "gated-repos",
    "contribute-repos",
    "read-collections",
    "write-collections",
    "inference-api",
    "read-endpoints",
    "write-endpoints",
    "jobs",
    "webhooks",
    "write-discussions",
];

// === impl OAuthScope ===

impl OAuthScope {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::OpenId,
        Self::Profile,
        Self::Email,
        Self::ReadMemberships,
        Self::ReadRepos,
        Self::WriteRepos,
        Self::ManageRepos,
    ];

    /// The Hub's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenId => "openid",
            Self::Profile => "profile",
            Self::Email => "email",
            Self::ReadMemberships => "read-memberships",
            Self::ReadRepos => "read-repos",
            Self::WriteRepos => "write-repos",
            Self::ManageRepos => "manage-repos",
        }
    }

    /// The scope of that word; `None` for others, the Hub's among them.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }

    /// Whether the Hub has a scope of that word, which gives nothing here.
    pub fn is_without_effect(word: &str) -> bool {
        WITHOUT_EFFECT.contains(&word)
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

// === impl OAuthScopes ===

impl OAuthScopes {
    /// Whether it is among them.
    pub fn has(self, scope: OAuthScope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether all of those are among them.
    pub fn covers(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// What there is among words with spaces between; others are passed over.
    pub fn of_words(text: &str) -> Self {
        text.split(' ').filter_map(OAuthScope::from_word).collect()
    }

    /// Each of them, in the order of [`OAuthScope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = OAuthScope> {
        let all = OAuthScope::ALL.into_iter();
        all.filter(move |scope| self.has(*scope))
    }
}

impl FromIterator<OAuthScope> for OAuthScopes {
    fn from_iter<I: IntoIterator<Item = OAuthScope>>(scopes: I) -> Self {
        let bits = scopes.into_iter().map(OAuthScope::bit);
        Self(bits.fold(0, |all, bit| all | bit))
    }
}

/// Words with spaces between (RFC 6749 §3.3).
impl fmt::Display for OAuthScopes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.iter().map(OAuthScope::as_str).collect();
        formatter.write_str(&words.join(" "))
    }
}

// === impl OAuthApp ===

impl OAuthApp {
    /// What every app may ask for.
    pub const ALWAYS: [&str; 2] = ["openid", "profile"];

    /// Minutes where the card says nothing.
    pub const USUAL_MINUTES: u32 = 480;

    /// Thirty days.
    pub const MOST_MINUTES: u32 = 43_200;

    /// What of the words asked for there is here. No words are those that every app may ask for.
    ///
    /// # Errors
    /// The first word that the card does not name.
    pub fn granted<'w>(&self, words: &'w str) -> Result<OAuthScopes, &'w str> {
        let asked = || words.split(' ').filter(|word| !word.is_empty());
        if let Some(other) = asked().find(|word| !self.scopes.iter().any(|own| own == word)) {
            return Err(other);
        }
        match asked().next() {
            Some(_) => Ok(OAuthScopes::of_words(words)),
            None => Ok(OAuthScopes::of_words(&Self::ALWAYS.join(" "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_granted_what_its_card_names_and_what_there_is() {
        let app = OAuthApp {
            scopes: ["openid", "profile", "read-repos", "inference-api"]
                .map(Into::into)
                .into(),
            minutes: 1,
            organizations: Vec::new(),
        };
        let granted = |words| app.granted(words).map(|scopes| scopes.to_string());
        assert_eq!(granted(""), Ok("openid profile".into()));
        assert_eq!(granted("profile  openid"), Ok("openid profile".into()));
        assert_eq!(
            granted("openid inference-api read-repos"),
            Ok("openid read-repos".into())
        );
        assert_eq!(granted("openid manage-repos"), Err("manage-repos"));
        assert_eq!(granted("OPENID"), Err("OPENID"));
        let (all, some) = (
            OAuthScopes::of_words("openid profile email"),
            OAuthScopes::of_words("email"),
        );
        assert!(all.covers(some) && !some.covers(all) && some.covers(OAuthScopes::default()));
    }
}
