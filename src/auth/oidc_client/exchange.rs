//! What is asked of a provider directly.

use http::header;
use jsonwebtoken::jwk::JwkSet;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::RequestBuilder;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::claims::Claims;
use super::{Attempt, Discovery, Provider, ProviderError};

#[derive(Deserialize)]
pub(super) struct Tokens {
    pub(super) id_token: String,
    pub(super) access_token: String,
}

/// Why a provider refuses (RFC 6749 §5.2).
#[derive(Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    error_description: String,
}

/// What a form quotes (RFC 6749, appendix B).
const FORM: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'*')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_');

/// Bytes of an answer.
const MAX_ANSWER: usize = 256 * 1024;

// === impl Provider ===

impl Provider {
    pub(super) async fn discover(&self) -> Result<Discovery, ProviderError> {
        const WHAT: &str = "description";
        let bad = |problem: String| ProviderError::Answer {
            what: WHAT,
            problem,
        };
        let issuer = &self.0.settings.issuer;
        let address = format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        );
        let found: Discovery = ask(WHAT, self.0.http.get(address)).await?;
        if found.issuer != *issuer {
            // Whoever answers in another's name could be given the codes for it (Discovery 1.0 §4.3).
            let named = plain(&found.issuer);
            let problem = format!("it calls itself `{named}`, which is not `oidc.issuer`");
            return Err(bad(problem));
        }
        let userinfo = found.userinfo_endpoint.as_deref();
        for endpoint in [
            Some(found.authorization_endpoint.as_str()),
            Some(&found.token_endpoint),
            Some(&found.jwks_uri),
            userinfo,
        ]
        .into_iter()
        .flatten()
        {
            let safe = endpoint.starts_with("https://")
                || (issuer.starts_with("http://") && endpoint.starts_with("http://"));
            if !safe {
                let endpoint = plain(endpoint);
                return Err(bad(format!("`{endpoint}` is not an https:// address")));
            }
        }
        Ok(found)
    }

    /// The tokens for a code (RFC 6749 §4.1.3).
    pub(super) async fn exchange(
        &self,
        discovery: &Discovery,
        attempt: &Attempt,
        code: &str,
        redirect_uri: &str,
    ) -> Result<Tokens, ProviderError> {
        let client_id = self.0.settings.client_id.as_str();
        let verifier = attempt.verifier();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", &verifier),
        ];
        let mut request = self.0.http.post(&discovery.token_endpoint);
        let methods = &discovery.token_endpoint_auth_methods_supported;
        // Where nothing is said it is the header (Discovery 1.0 §3).
        let basic = methods.is_empty() || methods.iter().any(|one| one == "client_secret_basic");
        match &self.0.secret {
            Some(secret) if basic => {
                // Both are quoted before they are joined (RFC 6749 §2.3.1).
                let quoted = |text| utf8_percent_encode(text, FORM).to_string();
                request = request.basic_auth(quoted(client_id), Some(quoted(secret)));
            }
            Some(secret) => {
                form.extend([("client_id", client_id), ("client_secret", secret.as_str())]);
            }
            None => form.push(("client_id", client_id)),
        }
        let asked = ask("tokens", request.form(&form)).await;
        asked.map_err(|error| match error {
            // Some quote what they refuse.
            ProviderError::Answer { what, problem } => ProviderError::Answer {
                what,
                problem: problem.replace(&plain(code), "(the code)"),
            },
            other => other,
        })
    }

    /// The keys that it publishes (RFC 7517 §5).
    pub(super) async fn key_set(&self, address: &str) -> Result<JwkSet, ProviderError> {
        ask("keys", self.0.http.get(address)).await
    }

    pub(super) async fn userinfo(
        &self,
        endpoint: &str,
        access_token: &str,
    ) -> Result<Claims, ProviderError> {
        ask(
            "userinfo",
            self.0.http.get(endpoint).bearer_auth(access_token),
        )
        .await
    }
}

/// What somebody else says, as it may stand in a log.
fn plain(message: &str) -> String {
    message
        .chars()
        .take(200)
        .flat_map(char::escape_default)
        .collect()
}

async fn ask<T: DeserializeOwned>(
    what: &'static str,
    request: RequestBuilder,
) -> Result<T, ProviderError> {
    let unreachable = |error: reqwest::Error| ProviderError::Unreachable {
        what,
        source: error.without_url(),
    };
    let bad = |problem: String| ProviderError::Answer { what, problem };
    let request = request.header(header::ACCEPT, "application/json");
    let mut response = request.send().await.map_err(unreachable)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(bad(format!("it is larger than {MAX_ANSWER} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    if !response.status().is_success() {
        let message = serde_json::from_slice(&body).map(|refusal: Refusal| {
            let (error, description) = (plain(&refusal.error), plain(&refusal.error_description));
            format!(": {error} {description}")
        });
        let problem = format!("{}{}", response.status(), message.unwrap_or_default());
        return Err(bad(problem.trim_end().to_owned()));
    }
    // What it says may be a token, so the error does not quote it.
    serde_json::from_slice(&body).map_err(|error| {
        bad(format!(
            "it is not the expected JSON, at line {} column {}",
            error.line(),
            error.column()
        ))
    })
}
