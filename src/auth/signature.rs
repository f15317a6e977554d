//! Signatures: what their bearer may do for a while, without a token.

use std::sync::Arc;

use super::{Auth, now};
use crate::domain::Millis;

/// Signs, with a key that outlives the process.
#[derive(Clone)]
pub(super) struct Signer(Arc<[u8; 32]>);

// === impl Signer ===

impl Signer {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self(Arc::new(key))
    }

    fn sign(&self, what: &str, until: Millis) -> blake3::Hash {
        // The moment has a length of its own, so no two pairs give the same bytes.
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&until.to_le_bytes());
        hasher.update(what.as_bytes());
        hasher.finalize()
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Signer(…)")
    }
}

// === impl Auth ===

impl Auth {
    /// A signature for doing `what` until a moment. Whoever signs has looked at who is asking.
    pub fn sign(&self, what: &str, until: Millis) -> String {
        self.signer.sign(what, until).to_hex().to_string()
    }

    /// Whether that may be done now.
    pub fn is_signed(&self, what: &str, until: Millis, signature: &str) -> bool {
        self.was_signed(what, until, signature, now())
    }

    /// Whether it might be done at that moment.
    pub(super) fn was_signed(
        &self,
        what: &str,
        until: Millis,
        signature: &str,
        now: Millis,
    ) -> bool {
        // Comparing hashes of this type takes the same time whatever they are.
        let given = blake3::Hash::from_hex(signature);
        now < until && given.is_ok_and(|given| given == self.signer.sign(what, until))
    }
}
