//! One attempt at signing in at a provider: what ties the browser that comes back to the one that was sent there.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::auth::token::{are_letters, random_letters};

/// A random seed, which the browser keeps in a cookie. Everything else follows from it and tells nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Attempt(String);

// === impl Attempt ===

impl Attempt {
    /// A new one.
    #[expect(
        clippy::new_without_default,
        reason = "a random seed is not a default value"
    )]
    pub fn new() -> Self {
        Self(random_letters())
    }

    /// The one that a browser kept.
    pub fn read(text: &str) -> Option<Self> {
        are_letters(text).then(|| Self(text.to_owned()))
    }

    /// What the browser keeps: letters and digits.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the provider's answer belongs to it.
    pub fn is_state(&self, state: &str) -> bool {
        self.state().as_bytes().ct_eq(state.as_bytes()).into()
    }

    /// For the provider to send back with the browser.
    pub(super) fn state(&self) -> String {
        self.derive("glasshouse 2026 state of signing in at a provider")
    }

    /// For the provider to put into the ID token.
    pub(super) fn nonce(&self) -> String {
        self.derive("glasshouse 2026 nonce of signing in at a provider")
    }

    /// Shown with the code, so that nobody else can use it.
    pub(super) fn verifier(&self) -> String {
        self.derive("glasshouse 2026 verifier of signing in at a provider")
    }

    /// The verifier's `S256` (RFC 7636 §4.2).
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier()))
    }

    fn derive(&self, what: &str) -> String {
        hex::encode(blake3::derive_key(what, self.0.as_bytes()))
    }
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Attempt(…)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test answers by panicking")]

    use super::*;

    #[test]
    fn an_attempt_is_kept_and_knows_its_own_state_alone() {
        let (attempt, other) = (Attempt::new(), Attempt::new());
        let kept = Attempt::read(attempt.expose()).unwrap();
        assert!(kept.is_state(&attempt.state()));
        assert!(!kept.is_state(&other.state()));
        assert!(!kept.is_state(""));
        for text in ["", "short", &"é".repeat(20), &"a".repeat(41)] {
            assert_eq!(Attempt::read(text), None);
        }
    }

    #[test]
    fn what_is_shown_to_others_is_of_the_form_they_want_and_tells_nothing_else() {
        let attempt = Attempt::new();
        // RFC 7636 §4.1 and §4.2.
        assert!((43..=128).contains(&attempt.verifier().len()));
        assert_eq!(attempt.challenge().len(), 43);
        let all = [attempt.state(), attempt.nonce(), attempt.verifier()];
        assert!(all.iter().all(|one| *one != attempt.challenge()));
        assert_ne!(all[0], all[1]);
        assert_ne!(all[1], all[2]);
        assert_ne!(all[0], all[2]);
    }
}
