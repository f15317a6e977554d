//! Access tokens: made here, shown once, known afterwards only by their hash.

use std::fmt;

use rand::distr::{Alphanumeric, SampleString};
use sha2::{Digest, Sha256};

use super::Auth;
use crate::domain::{AccountId, Grant, Millis, Scope};
use crate::store::{NewToken, StoreError};

/// What every token begins with: some of the Hub's clients send no other. 34 letters and digits follow, as in the Hub's own.
const PREFIX: &str = "hf_";

/// Of the 34, those that are random: 166 bits, beyond guessing, so a plain hash keeps them.
const RANDOM: usize = 28;

/// And those that say that it was made here ([`mark`]): a token of the Hub's that a visitor shows to a Space is not ours.
const MARK: usize = 6;

/// What tokens began with that are older than that form; 40 letters and digits followed.
const OLD_PREFIX: &str = "gls_";

/// What the tokens of Spaces begin with, and began with.
pub(super) const SPACE_PREFIXES: [&str; 2] = ["hf_space_", "gls_space_"];

/// What the access tokens begin with that Spaces are given by people who sign in there, as the Hub's own.
pub(super) const ACCESS_PREFIX: &str = "hf_oauth_";

/// Letters and digits of what else is secret by being random: 238 bits.
const LENGTH: usize = 40;

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A token or session on its way to the one who asked for it. Its `Debug` says nothing and it has no `Display`.
#[derive(Clone)]
pub struct SecretToken(pub(super) String);

/// A token to be made.
#[derive(Debug, Clone)]
pub struct WantedToken {
    /// Whose.
    pub account: AccountId,
    /// What the account calls it; unique there.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// When it ends by itself.
    pub expires_at: Option<Millis>,
    /// What a fine-grained one may do.
    pub grants: Vec<Grant>,
}

// === impl WantedToken ===

impl WantedToken {
    /// One that may do all that its account may, for as long as it is not deleted.
    pub fn plain(account: AccountId, name: &str) -> Self {
        Self {
            account,
            name: name.to_owned(),
            scope: Scope::Write,
            expires_at: None,
            grants: Vec::new(),
        }
    }

    /// The token, and what is remembered of it.
    pub(super) fn made(self) -> (SecretToken, NewToken) {
        let (token, hash) = new_token();
        let record = NewToken {
            account: self.account,
            name: self.name,
            scope: self.scope,
            hash,
            expires_at: self.expires_at,
            grants: self.grants,
        };
        (token, record)
    }
}

// === impl Auth ===

impl Auth {
    /// Makes a token and returns it, for the one answer that shows it.
    ///
    /// # Errors
    /// `Taken` when the account has one of that name; `NotFound` when there is no such account.
    pub async fn issue_token(&self, wanted: WantedToken) -> Result<SecretToken, StoreError> {
        let (token, record) = wanted.made();
        self.store.create_token(record).await?;
        Ok(token)
    }
}

// === impl SecretToken ===

impl SecretToken {
    /// The token itself, for the one answer that shows it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretToken(…)")
    }
}

/// Whether a token may be called that: 1 to 64 characters, none of them a control.
pub fn is_token_name(name: &str) -> bool {
    (1..=64).contains(&name.chars().count()) && !name.contains(char::is_control)
}

/// A new token and the hash to remember it by.
pub fn new_token() -> (SecretToken, [u8; 32]) {
    let letters = Alphanumeric.sample_string(&mut rand::rng(), RANDOM);
    let token = SecretToken(format!("{PREFIX}{letters}{}", mark(&letters)));
    let hash = hash_token(token.expose());
    (token, hash)
}

pub(super) fn random_letters() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), LENGTH)
}

/// Whether the text has the form of those.
pub(super) fn are_letters(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// SHA-256 of a token: what the store knows it by.
pub fn hash_token(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Whether the text has the form of our tokens: what the gateway keeps from reaching a Space. One of another server's has it
/// once in 5 × 10¹⁰ times.
pub fn looks_like_ours(text: &str) -> bool {
    let is_marked = |letters: &str| {
        let (random, end) = match letters.is_ascii() && letters.len() == RANDOM + MARK {
            true => letters.split_at(RANDOM),
            false => return false,
        };
        random.bytes().all(|byte| byte.is_ascii_alphanumeric()) && mark(random) == end
    };
    SPACE_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
        || text.starts_with(ACCESS_PREFIX)
        || text.strip_prefix(PREFIX).is_some_and(is_marked)
        || text.strip_prefix(OLD_PREFIX).is_some_and(are_letters)
}

/// Six letters and digits that follow from the others. No secret: whoever reads this can make them.
fn mark(letters: &str) -> String {
    let hash = Sha256::new_with_prefix(b"glasshouse-token").chain_update(letters);
    let hash = hash.finalize();
    let digits = hash.iter().take(MARK);
    let digits = digits.map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
    digits.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_tokens_are_ours_and_never_the_same() {
        let (one, one_hash) = new_token();
        let (two, two_hash) = new_token();
        assert!(looks_like_ours(one.expose()), "{}", one.expose());
        assert_ne!(one.expose(), two.expose());
        assert_ne!(one_hash, two_hash);
        assert_eq!(hash_token(one.expose()), one_hash);
        assert_eq!(format!("{one:?}"), "SecretToken(…)");
    }

    #[test]
    fn other_texts_are_not_ours() {
        let letters = "a".repeat(40);
        let (ours, _) = new_token();
        let (ours, end) = ours.expose().split_at(36);
        let other_end = if end == "0" { "1" } else { "0" };
        for other in [
            "",
            "gls_",
            "hf_abcdefghijklmnopqrstuvwxyzabcdefgh",
            ours,
            &format!("{ours}{other_end}"),
            &format!("{ours}{end}a"),
            &format!("{}é", &ours[..35]),
            &format!("gls_{letters}a"),
            &format!("gls_{}", &letters[1..]),
            &format!("gls_{}-", &letters[1..]),
            &format!("gls_{}é", &letters[2..]),
            &format!("Gls_{letters}"),
        ] {
            assert!(!looks_like_ours(other), "{other:?}");
        }
    }

    #[test]
    fn tokens_have_the_hubs_form_and_older_ones_go_on_working() {
        for _ in 0..100 {
            let (token, _) = new_token();
            let letters = token
                .expose()
                .strip_prefix("hf_")
                .expect("the Hub's prefix");
            assert_eq!(letters.len(), 34);
            assert!(letters.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
        assert!(looks_like_ours(&format!("gls_{}", "a".repeat(40))));
    }
}
