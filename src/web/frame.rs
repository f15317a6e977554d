//! What stands around every page, and how text stands in an address.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rand::RngCore;

use super::assets;

/// What stands around every page.
#[derive(Debug, Clone, Default)]
pub(super) struct Frame {
    /// Lets this page's own script and style sheet in, and nothing else.
    pub(super) nonce: String,
    /// Changes with the style sheet and the scripts.
    pub(super) version: &'static str,
    /// Name of the account; empty for anybody.
    pub(super) name: String,
    /// Whether there is an operator's page for this account.
    pub(super) operator: bool,
    /// What forms carry; empty for anybody, who has none that need it.
    pub(super) form: String,
    /// Where to come back to after signing in, quoted for a query.
    pub(super) here: String,
    /// What the page may frame, beyond nothing.
    pub(super) frames: String,
    /// Origins that an answer to one of its forms may lead to, beside this one; with spaces between.
    pub(super) leads_to: String,
}

/// All but the unreserved characters of RFC 3986 §2.3.
const RESERVED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

// === impl Frame ===

impl Frame {
    /// For nobody in particular.
    pub(super) fn plain() -> Self {
        let mut random = [0; 16];
        rand::rng().fill_bytes(&mut random);
        Self {
            nonce: hex::encode(random),
            version: assets::version(),
            ..Self::default()
        }
    }
}

/// Text as it may stand in a query, or as one part of a path.
pub(super) fn quoted(text: &str) -> String {
    utf8_percent_encode(text, &RESERVED).to_string()
}
