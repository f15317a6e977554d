//! What a provider says of somebody, and whether it is said to us, now, and in answer to what we asked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

/// What an ID token has to say, beside whom it is of.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    /// In seconds.
    pub(super) now: i64,
}

/// Whom a token is of, and what else it says of them.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Deserialize)]
struct Terms {
    iss: String,
    aud: Audience,
    azp: Option<String>,
    /// A number that may have a fraction (RFC 7519 §2).
    exp: f64,
    nonce: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Seconds by which the two clocks may differ.
const LEEWAY: f64 = 60.0;

/// Characters that a subject has at most (OpenID Connect Core 1.0 §2).
const MAX_SUBJECT: usize = 255;

// === impl Claims ===

impl Claims {
    /// What somebody is called by that claim: text that is not empty. An address of mail that nobody has looked at is
    /// anybody's to claim (OpenID Connect Core 1.0 §5.7).
    pub(super) fn name(&self, claim: &str) -> Option<&str> {
        if claim == "email" && self.others.get("email_verified") != Some(&Value::Bool(true)) {
            return None;
        }
        let value = self.others.get(claim)?.as_str()?.trim();
        (!value.is_empty()).then_some(value)
    }
}

/// Reads an ID token that the provider itself has handed over (OpenID Connect Core 1.0 §3.1.3.7).
///
/// # Errors
/// What is wrong with it, without a word of what it says.
pub(super) fn read(token: &str, expected: &Expected<'_>) -> Result<Claims, &'static str> {
    let mut parts = token.split('.');
    let (Some(_), Some(payload), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("it is no signed JSON Web Token");
    };
    let payload = URL_SAFE_NO_PAD
        .decode(payload)
        .map_err(|_| "it is not in base64")?;
    let terms: Terms =
        serde_json::from_slice(&payload).map_err(|_| "it lacks one of `iss`, `aud`, `exp`")?;
    let claims: Claims = serde_json::from_slice(&payload).map_err(|_| "it lacks `sub`")?;
    if terms.iss != expected.issuer {
        return Err("it is of another issuer than `oidc.issuer`");
    }
    let for_us = |audience: &String| audience == expected.client_id;
    let (named, alone) = match &terms.aud {
        Audience::One(one) => (for_us(one), true),
        Audience::Many(many) => (many.iter().any(for_us), many.len() == 1),
    };
    if !named {
        return Err("it is for another client than `oidc.client_id`");
    }
    if terms.azp.as_ref().map_or(!alone, |azp| !for_us(azp)) {
        return Err("it was made for another client than `oidc.client_id`");
    }
    // Not the other way round: what is no number at all has expired.
    let lives = terms.exp + LEEWAY > expected.now as f64;
    if !lives {
        return Err("it has expired; do the clocks of both machines agree?");
    }
    if terms.nonce.as_deref() != Some(expected.nonce) {
        return Err("it answers another question than was asked");
    }
    if claims.sub.is_empty() || claims.sub.chars().count() > MAX_SUBJECT {
        return Err("its `sub` is empty or longer than 255 characters");
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test answers by panicking")]

    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const EXPECTED: Expected<'_> = Expected {
        issuer: "https://login.example",
        client_id: "glasshouse",
        nonce: "n",
        now: 1000,
    };

    fn token(payload: &Value) -> String {
        format!("e30.{}.x", URL_SAFE_NO_PAD.encode(payload.to_string()))
    }

    fn good() -> Value {
        json!({"iss": "https://login.example", "aud": "glasshouse", "exp": 1300, "nonce": "n",
            "sub": "1", "preferred_username": " ada ", "email": 7})
    }

    #[test]
    fn a_good_token_says_who_somebody_is() {
        let claims = read(&token(&good()), &EXPECTED).unwrap();
        assert_eq!(claims.sub, "1");
        assert_eq!(claims.name("preferred_username"), Some("ada"));
        assert_eq!(claims.name("email"), None);
        for (verified, name) in [
            (json!(true), Some("a@b.c")),
            (json!("true"), None),
            (json!(null), None),
        ] {
            let mut output = good();
            output["email"] = json!("a@b.c");
            output["email_verified"] = verified;
            let claims = read(&token(&output), &EXPECTED).unwrap();
            assert_eq!(claims.name("email"), name);
        }
        let mut many = good();
        many["aud"] = json!(["other", "glasshouse"]);
        many["azp"] = json!("glasshouse");
        assert!(read(&token(&many), &EXPECTED).is_ok());
    }

    #[test]
    fn a_token_that_is_wrong_in_one_thing_says_nothing() {
        for (claim, wrong) in [
            ("iss", json!("https://login.example/")),
            ("iss", json!(null)),
            ("aud", json!("other")),
            ("aud", json!(["other", "glasshouse"])),
            ("aud", json!([])),
            ("azp", json!("other")),
            ("exp", json!(900)),
            ("exp", json!("1300")),
            ("nonce", json!("m")),
            ("nonce", json!(null)),
            ("sub", json!("")),
            ("sub", json!(7)),
            ("sub", json!("x".repeat(256))),
        ] {
            let mut bad = good();
            bad[claim] = wrong.clone();
            assert!(read(&token(&bad), &EXPECTED).is_err(), "{claim} {wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_token_panics(text in "[a-zA-Z0-9_.-]{0,80}|.{0,40}") {
            let _ = read(&text, &EXPECTED);
        }
    }
}
