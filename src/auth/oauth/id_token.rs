//! ID tokens: who somebody is, signed for one client (OpenID Connect Core 1.0 §2).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::grants::OAuthTokens;
use crate::auth::Auth;
use crate::domain::{Account, Membership, OAuthScope, OAuthScopes, SpaceId, now};
use crate::keys::SigningKey;
use crate::store::StoreError;

/// Signs them with a key on the curve P-256 (ES256). Cheap to clone.
#[derive(Clone)]
pub struct IdTokenSigner(Arc<Inner>);

struct Inner {
    key: EncodingKey,
    id: String,
    /// As a JSON Web Key (RFC 7517).
    public: Value,
}

// === impl IdTokenSigner ===

impl IdTokenSigner {
    /// Signs with that key.
    ///
    /// # Errors
    /// When it is no such key.
    pub fn new(key: &SigningKey) -> Result<Self, ring::error::KeyRejected> {
        let curve = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_pkcs8(curve, key.pkcs8(), &SystemRandom::new())?;
        // 4, x, y (SEC 1 §2.3.3).
        let point = pair.public_key().as_ref();
        let half = |from: usize| {
            let part = point.get(from..from + 32).unwrap_or_default();
            URL_SAFE_NO_PAD.encode(part)
        };
        let id = hex::encode(&Sha256::digest(point)[..8]);
        let public = json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": id, "x": half(1), "y": half(33),
        });
        Ok(Self(Arc::new(Inner {
            key: EncodingKey::from_ec_der(key.pkcs8()),
            id,
            public,
        })))
    }

    fn sign(&self, claims: &Map<String, Value>) -> Result<String, jsonwebtoken::errors::Error> {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.0.id.clone());
        jsonwebtoken::encode(&header, claims, &self.0.key)
    }
}

impl std::fmt::Debug for IdTokenSigner {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "IdTokenSigner({})", self.0.id)
    }
}

// === impl Auth ===

impl Auth {
    /// The keys that ID tokens are signed with (RFC 7517 §5).
    pub fn id_token_keys(&self) -> Value {
        json!({ "keys": [self.id_tokens.0.public] })
    }

    /// An ID token beside those tokens; `issuer` is the address under which its reader knows this server, `hub` the one of
    /// people.
    ///
    /// # Errors
    /// Ours only. Inside when it cannot be signed, which no key that was read does.
    pub async fn id_token(
        &self,
        tokens: &OAuthTokens,
        client: SpaceId,
        nonce: &str,
        issuer: &str,
        hub: &str,
    ) -> Result<Result<String, jsonwebtoken::errors::Error>, StoreError> {
        let memberships = self.store.memberships(tokens.account.id).await?;
        let mut claims = id_claims(&tokens.account, &memberships, tokens.scopes, hub);
        let issued_at = now() / 1000;
        let life = i64::try_from(tokens.seconds).unwrap_or(i64::MAX);
        // §3.1.3.6: half of the hash that the signature is of.
        let at_hash = URL_SAFE_NO_PAD.encode(&Sha256::digest(tokens.access.expose())[..16]);
        for (claim, value) in [
            ("iss", json!(issuer)),
            ("aud", json!(client.to_string())),
            ("iat", json!(issued_at)),
            ("exp", json!(issued_at.saturating_add(life))),
            ("at_hash", json!(at_hash)),
        ] {
            claims.insert(claim.to_owned(), value);
        }
        if !nonce.is_empty() {
            claims.insert("nonce".to_owned(), json!(nonce));
        }
        Ok(self.id_tokens.sign(&claims))
    }
}

/// Who somebody is, in the Hub's claims; `hub` is where their page is.
pub fn id_claims(
    account: &Account,
    memberships: &[Membership],
    scopes: OAuthScopes,
    hub: &str,
) -> Map<String, Value> {
    let mut claims = Map::new();
    let mut add = |claim: &str, value: Value| claims.insert(claim.to_owned(), value);
    add("sub", json!(account.id.to_string()));
    if scopes.has(OAuthScope::Profile) {
        let name = account.name.as_str();
        add("name", json!(name));
        add("preferred_username", json!(name));
        add("profile", json!(format!("{hub}/spaces/{name}")));
        add("picture", json!(""));
        add("isPro", json!(false));
    }
    if scopes.has(OAuthScope::ReadMemberships) {
        let organizations = memberships.iter().map(|one| {
            let name = one.name.as_str();
            json!({
                "sub": one.organization.to_string(), "name": name, "preferred_username": name, "picture": "",
                "roleInOrg": one.role.as_str(), "canPay": false,
            })
        });
        add("orgs", organizations.collect());
    }
    claims
}
