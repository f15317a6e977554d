//! By which keys a provider signs, and whether a token is signed by one of them (RFC 7515, RFC 7517).

use std::time::{Duration, Instant};

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

/// What an ID token has to say, beside whom it is of.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
}

/// A provider's keys, and when they were asked for.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) set: JwkSet,
    pub(super) since: Instant,
}

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Distrust {
    /// It names a key that is not among those that are known; the provider may have made a new one.
    UnknownKey,
    /// Anything else, without a word of what the token says.
    Problem(&'static str),
}

/// Signatures that only the provider can make. Those that the client's secret makes are not among them: who knows that
/// could sign in as anybody.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Seconds by which the two clocks may differ.
const LEEWAY: u64 = 60;

/// Keys are not asked for again sooner than this, whatever tokens name.
const REST: Duration = Duration::from_secs(30);

// === impl Keys ===

impl Keys {
    /// Whether it is time enough to ask for them again.
    pub(super) fn may_be_renewed(&self) -> bool {
        self.since.elapsed() >= REST
    }

    /// The claims of a token that one of these keys has signed, that is of the expected issuer, for this client among others,
    /// and has not expired (OpenID Connect Core 1.0 §3.1.3.7).
    pub(super) fn verify(&self, token: &str, expected: &Expected<'_>) -> Result<Value, Distrust> {
        use jsonwebtoken::errors::ErrorKind;
        let header = jsonwebtoken::decode_header(token)
            .map_err(|_| Distrust::Problem("it is not a signed JSON Web Token"))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(Distrust::Problem(
                "it is signed with an algorithm that this server does not accept",
            ));
        }
        let key = match &header.kid {
            Some(kid) => self.set.find(kid),
            // A provider with one key need not name it.
            None if self.set.keys.len() == 1 => self.set.keys.first(),
            None => None,
        };
        let key = key.ok_or(Distrust::UnknownKey)?;
        let key = DecodingKey::from_jwk(key)
            .map_err(|_| Distrust::Problem("it is signed with a key that cannot be read"))?;
        let mut validation = Validation::new(header.alg);
        validation.leeway = LEEWAY;
        validation.set_issuer(&[expected.issuer]);
        validation.set_audience(&[expected.client_id]);
        validation.set_required_spec_claims(&["iss", "aud", "exp"]);
        let claims = jsonwebtoken::decode::<Value>(token, &key, &validation);
        claims.map(|token| token.claims).map_err(|error| {
            Distrust::Problem(match error.kind() {
                ErrorKind::InvalidSignature => "its signature does not match the provider's key",
                ErrorKind::InvalidIssuer => "its issuer is not `oidc.issuer`",
                ErrorKind::InvalidAudience => "its audience is not `oidc.client_id`",
                ErrorKind::ExpiredSignature => {
                    "it has expired; check that the clocks of both machines agree"
                }
                ErrorKind::MissingRequiredClaim(_) => {
                    "`iss`, `aud` or `exp` is missing or not valid"
                }
                _ => "it cannot be read",
            })
        })
    }
}
