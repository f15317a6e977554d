//! What a provider says of somebody, and whether it is said to us, now, and in answer to what we asked.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::signature::{Distrust, Expected, Keys};

/// Whom a token is of, and what else it says of them.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    #[serde(flatten)]
    others: Map<String, Value>,
}

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

/// Reads an ID token (OpenID Connect Core 1.0 §3.1.3.7).
///
/// # Errors
/// What is wrong with it, without a word of what it says.
pub(super) fn read(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<Claims, Distrust> {
    let payload = keys.verify(token, expected)?;
    let for_us = |audience: &Value| audience == expected.client_id;
    let alone = match &payload["aud"] {
        Value::Array(many) => many.len() == 1,
        one => for_us(one),
    };
    if payload.get("azp").map_or(!alone, |azp| !for_us(azp)) {
        return Err(Distrust::Problem(
            "it was issued to another client than `oidc.client_id`",
        ));
    }
    if payload["nonce"] != expected.nonce {
        return Err(Distrust::Problem("its `nonce` belongs to another sign-in"));
    }
    let claims: Claims = serde_json::from_value(payload)
        .map_err(|_| Distrust::Problem("`sub` is missing or not valid"))?;
    if claims.sub.is_empty() || claims.sub.chars().count() > MAX_SUBJECT {
        return Err(Distrust::Problem(
            "its `sub` is empty or longer than 255 characters",
        ));
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test answers by panicking")]

    use std::time::{Instant, SystemTime, UNIX_EPOCH};

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::{Algorithm, EncodingKey, Header};
    use proptest::prelude::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::json;

    use super::*;

    const EXPECTED: Expected<'_> = Expected {
        issuer: "https://login.example",
        client_id: "glasshouse",
        nonce: "n",
    };

    struct Signer {
        key: EncodingKey,
        keys: Keys,
    }

    impl Signer {
        fn new() -> Self {
            let random = SystemRandom::new();
            let curve = &ECDSA_P256_SHA256_FIXED_SIGNING;
            let pair = EcdsaKeyPair::generate_pkcs8(curve, &random).unwrap();
            let public = EcdsaKeyPair::from_pkcs8(curve, pair.as_ref(), &random).unwrap();
            // 4, x, y (SEC 1 §2.3.3).
            let [x, y] = [1..33, 33..65]
                .map(|part| URL_SAFE_NO_PAD.encode(&public.public_key().as_ref()[part]));
            let set = json!({"keys": [
                {"kty": "EC", "crv": "P-256", "kid": "one", "x": x, "y": y},
                {"kty": "oct", "kid": "shared", "k": "c2VjcmV0"},
            ]});
            Self {
                key: EncodingKey::from_ec_der(pair.as_ref()),
                keys: Keys {
                    set: serde_json::from_value(set).unwrap(),
                    since: Instant::now(),
                },
            }
        }

        fn token(&self, payload: &Value) -> String {
            let mut header = Header::new(Algorithm::ES256);
            header.kid = Some("one".into());
            jsonwebtoken::encode(&header, payload, &self.key).unwrap()
        }

        fn read(&self, payload: &Value) -> Result<Claims, Distrust> {
            read(&self.token(payload), &self.keys, &EXPECTED)
        }
    }

    fn now() -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs()
    }

    fn good() -> Value {
        json!({"iss": "https://login.example", "aud": "glasshouse", "exp": now() + 300, "nonce": "n",
            "sub": "1", "preferred_username": " ada ", "email": 7})
    }

    #[test]
    fn a_good_token_says_who_somebody_is() {
        let signer = Signer::new();
        let claims = signer.read(&good()).unwrap();
        assert_eq!(claims.sub, "1");
        assert_eq!(claims.name("preferred_username"), Some("ada"));
        assert_eq!(claims.name("email"), None);
        for (verified, name) in [
            (json!(true), Some("a@b.c")),
            (json!("true"), None),
            (json!(null), None),
        ] {
            let mut token = good();
            token["email"] = json!("a@b.c");
            token["email_verified"] = verified;
            assert_eq!(signer.read(&token).unwrap().name("email"), name);
        }
        let mut many = good();
        many["aud"] = json!(["other", "glasshouse"]);
        many["azp"] = json!("glasshouse");
        assert!(signer.read(&many).is_ok());
        let mut fraction = good();
        fraction["exp"] = json!(now() as f64 + 300.5);
        assert!(signer.read(&fraction).is_ok(), "RFC 7519 §2");
    }

    #[test]
    fn a_token_that_is_wrong_in_one_thing_says_nothing() {
        let signer = Signer::new();
        for (claim, wrong) in [
            ("iss", json!("https://login.example/")),
            ("iss", json!(null)),
            ("aud", json!("other")),
            ("aud", json!(["other", "glasshouse"])),
            ("aud", json!([])),
            ("azp", json!("other")),
            ("exp", json!(now() - 100)),
            ("exp", json!("tomorrow")),
            ("nonce", json!("m")),
            ("nonce", json!(null)),
            ("sub", json!("")),
            ("sub", json!(7)),
            ("sub", json!("x".repeat(256))),
        ] {
            let mut bad = good();
            bad[claim] = wrong.clone();
            assert!(signer.read(&bad).is_err(), "{claim} {wrong}");
        }
    }

    #[test]
    fn a_token_that_the_provider_did_not_sign_says_nothing() {
        let (signer, other) = (Signer::new(), Signer::new());
        let read = |token: &str| read(token, &signer.keys, &EXPECTED).map(|claims| claims.sub);
        let token = signer.token(&good());
        assert_eq!(read(&token).as_deref(), Ok("1"));
        let forged = Distrust::Problem("its signature does not match the provider's key");
        assert_eq!(read(&other.token(&good())), Err(forged));
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, _) = signed.split_once('.').unwrap();
        let mut somebody = good();
        somebody["sub"] = json!("2");
        let somebody = URL_SAFE_NO_PAD.encode(somebody.to_string());
        assert_eq!(
            read(&format!("{header}.{somebody}.{signature}")),
            Err(forged)
        );
        // Not signed at all, or by what more than the provider know.
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        assert!(read(&format!("{none}.{somebody}.")).is_err());
        let mut shared = Header::new(Algorithm::HS256);
        shared.kid = Some("shared".into());
        let secret = EncodingKey::from_secret(b"secret");
        assert!(read(&jsonwebtoken::encode(&shared, &good(), &secret).unwrap()).is_err());
        let mut unknown = Header::new(Algorithm::ES256);
        unknown.kid = Some("two".into());
        let unknown = jsonwebtoken::encode(&unknown, &good(), &signer.key).unwrap();
        assert_eq!(read(&unknown), Err(Distrust::UnknownKey));
    }

    proptest! {
        #[test]
        fn no_token_panics(text in "[a-zA-Z0-9_.-]{0,80}|.{0,40}") {
            let set = serde_json::from_value(json!({"keys": []})).unwrap();
            let keys = Keys { set, since: Instant::now() };
            let _ = read(&text, &keys, &EXPECTED);
        }
    }
}
