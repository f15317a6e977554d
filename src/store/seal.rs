//! Sealing secrets at rest: whoever has the database but not the key has nothing, and whoever can write the database
//! cannot move a secret to another Space or another name.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead, AeadCore, KeyInit, OsRng, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use crate::domain::{SecretValue, SpaceId};

/// Seals and opens secrets under one key.
#[derive(Clone)]
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    /// What keys for other purposes are derived from.
    root: [u8; 32],
}

/// Names the form of what follows, so that another may come after it.
const FORM: &str = "x1:";

/// Bytes of an XChaCha20 nonce: long enough to be drawn at random for ever.
const NONCE: usize = 24;

// === impl Sealer ===

impl Sealer {
    /// A sealer under that key, which the caller keeps apart from the database. Another key opens nothing.
    pub fn new(key: &[u8; 32]) -> Self {
        Self {
            cipher: XChaCha20Poly1305::new(key.into()),
            root: blake3::derive_key("glasshouse 2026 keys derived from the key of secrets", key),
        }
    }

    /// A key for that purpose alone.
    pub(super) fn derive(&self, purpose: &str) -> [u8; 32] {
        *blake3::keyed_hash(&self.root, purpose.as_bytes()).as_bytes()
    }

    /// The value as printable text that only this Space's secret of this name opens to.
    pub(super) fn seal(&self, space: SpaceId, name: &str, value: &SecretValue) -> String {
        let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
        let place = place(space, name);
        let payload = Payload {
            msg: value.expose().as_bytes(),
            aad: &place,
        };
        let sealed = self
            .cipher
            .encrypt(&nonce, payload)
            .expect("fails only past 256 GiB");
        let bytes = [nonce.as_slice(), &sealed].concat();
        format!("{FORM}{}", STANDARD_NO_PAD.encode(bytes))
    }

    /// What was sealed there; `None` when it was not, or under another key.
    pub(super) fn open(&self, space: SpaceId, name: &str, sealed: &str) -> Option<SecretValue> {
        let bytes = STANDARD_NO_PAD.decode(sealed.strip_prefix(FORM)?).ok()?;
        let (nonce, msg) = bytes.split_at_checked(NONCE)?;
        let place = place(space, name);
        let payload = Payload { msg, aad: &place };
        let value = self
            .cipher
            .decrypt(XNonce::from_slice(nonce), payload)
            .ok()?;
        String::from_utf8(value).ok().map(SecretValue::new)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealer(…)")
    }
}

/// What a sealed value is bound to. The identifier has a fixed length, so no two places read the same.
fn place(space: SpaceId, name: &str) -> Vec<u8> {
    format!("glasshouse secret {space} {name}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_where_it_was_sealed() {
        let sealer = Sealer::new(&[7; 32]);
        let (space, other) = (SpaceId::new(), SpaceId::new());
        let value = SecretValue::new("päss\0word");
        let sealed = sealer.seal(space, "KEY", &value);

        assert_eq!(sealer.open(space, "KEY", &sealed), Some(value.clone()));
        assert_eq!(sealer.open(other, "KEY", &sealed), None);
        assert_eq!(sealer.open(space, "KEY2", &sealed), None);
        assert_eq!(Sealer::new(&[8; 32]).open(space, "KEY", &sealed), None);
        assert_ne!(
            sealer.seal(space, "KEY", &value),
            sealed,
            "a nonce was used twice"
        );
    }

    #[test]
    fn damage_opens_to_nothing() {
        let sealer = Sealer::new(&[7; 32]);
        let space = SpaceId::new();
        let sealed = sealer.seal(space, "KEY", &SecretValue::new(""));
        for bad in [
            "",
            "x1:",
            "x1:AAAA",
            "x1:%",
            "x2:AAAA",
            &sealed[..sealed.len() - 2],
        ] {
            assert_eq!(sealer.open(space, "KEY", bad), None, "{bad:?}");
        }
    }

    #[test]
    fn debug_tells_nothing() {
        let shown = format!(
            "{:?} {:?}",
            SecretValue::new("hunter2"),
            Sealer::new(&[7; 32])
        );
        assert_eq!(shown, "SecretValue(…) Sealer(…)");
    }
}
