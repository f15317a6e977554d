//! Our tokens stay with us.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::retain_values;
use crate::auth::{looks_like_ours, was_given_to};
use crate::domain::SpaceId;

/// Reads what any server might: padded or not, with or without stray bits.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Removes every `Authorization` with a token of ours in it; a Space's own credentials go through, and what it was given
/// itself when somebody signed in there.
pub(super) fn strip(headers: &mut HeaderMap, space: SpaceId) {
    let ours = |value: &http::HeaderValue| holds_ours(value.as_bytes(), space);
    if headers.get_all(AUTHORIZATION).iter().any(ours) {
        retain_values(headers, &AUTHORIZATION, |value| {
            (!ours(value)).then(|| value.clone())
        });
    }
}

/// Whether a token of ours stands in there, as it is or within the base64 of `Basic`.
fn holds_ours(value: &[u8], space: SpaceId) -> bool {
    let words = value.split(|byte| byte.is_ascii_whitespace() || *byte == b',');
    has_token(value, space)
        || words.into_iter().any(|word| {
            LENIENT
                .decode(word)
                .is_ok_and(|text| has_token(&text, space))
        })
}

fn has_token(text: &[u8], space: SpaceId) -> bool {
    text.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
        .filter_map(|word| std::str::from_utf8(word).ok())
        .any(|word| looks_like_ours(word) && !was_given_to(word, space))
}
