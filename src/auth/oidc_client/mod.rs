//! Signing in where an organisation's people sign in already: OpenID Connect, the authorization code flow (OpenID Connect
//! Core 1.0 §3.1) with proof of who began it (RFC 7636).
//!
//! An ID token is believed if one of the keys signed it that the provider publishes (§3.1.3.7).

mod attempt;
mod claims;
mod exchange;
mod signature;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::{Mutex, Semaphore};

use crate::domain::Identity;
use claims::Claims;
use signature::{Distrust, Expected, Keys};

pub use attempt::Attempt;

/// What the operator says of the provider.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// Its address, as it names itself.
    pub issuer: String,
    /// What this server is called there.
    pub client_id: String,
    /// Where the secret lies that this server shows there; `None` shows none.
    pub client_secret_file: Option<PathBuf>,
    /// What is asked for, with spaces between; `openid` among it.
    pub scopes: String,
    /// Which of the claims an account is named by.
    pub name_claim: String,
}

/// A provider of identities. Cheap to clone.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

struct Inner {
    settings: ProviderSettings,
    secret: Option<String>,
    http: reqwest::Client,
    /// Held by whoever asks, so that one at a time does.
    endpoints: Mutex<Endpoints>,
    /// The same, of whoever asks for keys.
    keys: Mutex<Option<Arc<Keys>>>,
    /// Who come back wait here for their turn: anybody can come with a code that is none.
    coming: Semaphore,
}

/// What came of asking for what it says of itself, and when.
#[derive(Default)]
enum Endpoints {
    #[default]
    Nothing,
    Description(Instant, Arc<Discovery>),
    /// It did not say, or what is not to be believed.
    Silence(Instant),
}

/// Why it is not known who somebody is. The provider's affair or the operator's, never the visitor's; no text names a
/// secret, a code or a token.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// No answer, or none that can be read.
    #[error("the identity provider did not answer the request for its {what}")]
    Unreachable {
        /// Which of its documents or services.
        what: &'static str,
        /// Without the address, which may carry a code.
        #[source]
        source: reqwest::Error,
    },
    /// An answer that is not to be believed, or a refusal.
    #[error("the identity provider's {what}: {problem}")]
    Answer {
        /// Which of its documents or services.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// What a provider says of itself (OpenID Connect Discovery 1.0 §3), as far as it is needed.
#[derive(Debug, Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: Option<String>,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

/// How long what it said of itself is believed.
const KNOWN_FOR: Duration = Duration::from_secs(3600);

/// How long it is not asked again after it did not say.
const REST: Duration = Duration::from_secs(2);

/// Of those who come back, how many are asked about at once.
const COMING: usize = 16;

/// From the request to the last byte of the answer.
const TIMEOUT: Duration = Duration::from_secs(10);

// === impl Provider ===

impl Provider {
    /// Reads the secret; nobody is asked yet.
    ///
    /// # Errors
    /// The secret cannot be read, or HTTP cannot be set up.
    pub fn new(settings: ProviderSettings) -> anyhow::Result<Self> {
        use anyhow::Context as _;
        let secret = settings.client_secret_file.as_ref().map(|path| {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("`oidc.client_secret_file` is {}", path.display()))?;
            let secret = text.trim();
            anyhow::ensure!(
                !secret.is_empty(),
                "the file {} (`oidc.client_secret_file`) is empty",
                path.display()
            );
            Ok(secret.to_owned())
        });
        // An error means that somebody installed one already, which does as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent(concat!("glasshouse/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            // A secret or a code is for whom it was sent to.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("the HTTP client cannot be set up")?;
        Ok(Self(Arc::new(Inner {
            secret: secret.transpose()?,
            settings,
            http,
            endpoints: Mutex::default(),
            keys: Mutex::default(),
            coming: Semaphore::new(COMING),
        })))
    }

    /// Where the browser is sent to.
    ///
    /// # Errors
    /// The provider says nothing of itself, or what is not to be believed.
    pub async fn address(
        &self,
        attempt: &Attempt,
        redirect_uri: &str,
    ) -> Result<String, ProviderError> {
        let discovery = self.discovery().await?;
        let endpoint = &discovery.authorization_endpoint;
        let mut url = reqwest::Url::parse(endpoint).map_err(|error| ProviderError::Answer {
            what: "description",
            problem: format!("`authorization_endpoint`: {error}"),
        })?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.0.settings.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", &self.0.settings.scopes)
            .append_pair("state", &attempt.state())
            .append_pair("nonce", &attempt.nonce())
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }

    /// Who came back with that code. `redirect_uri` is the one of [`Provider::address`].
    ///
    /// # Errors
    /// The provider does not answer, refuses the code, or answers what is not to be believed.
    pub async fn identify(
        &self,
        attempt: &Attempt,
        code: &str,
        redirect_uri: &str,
    ) -> Result<Identity, ProviderError> {
        let discovery = self.discovery().await?;
        // Never closed, so that it is a turn.
        let _turn = self.0.coming.acquire().await;
        let tokens = self
            .exchange(&discovery, attempt, code, redirect_uri)
            .await?;
        let (issuer, nonce) = (&self.0.settings.issuer, attempt.nonce());
        let expected = Expected {
            issuer,
            client_id: &self.0.settings.client_id,
            nonce: &nonce,
        };
        let claims = self.claims(&discovery, &tokens.id_token, &expected).await?;
        let wanted = &self.0.settings.name_claim;
        let name = match (claims.name(wanted), &discovery.userinfo_endpoint) {
            (Some(name), _) => Some(name.to_owned()),
            (None, Some(endpoint)) => {
                let more = self.userinfo(endpoint, &tokens.access_token).await?;
                // Of somebody else it would be a name to slip in (OpenID Connect Core 1.0 §5.3.4).
                let same = more.sub == claims.sub;
                more.name(wanted).filter(|_| same).map(str::to_owned)
            }
            (None, None) => None,
        };
        Ok(Identity {
            issuer: issuer.clone(),
            subject: claims.sub,
            name,
        })
    }

    /// What a token says, if it is to be believed. Its key may be newer than those that are known.
    async fn claims(
        &self,
        discovery: &Discovery,
        token: &str,
        expected: &Expected<'_>,
    ) -> Result<Claims, ProviderError> {
        let keys = self.keys(discovery, None).await?;
        let mut claims = claims::read(token, &keys, expected);
        if matches!(claims, Err(Distrust::UnknownKey)) {
            let keys = self.keys(discovery, Some(&keys)).await?;
            claims = claims::read(token, &keys, expected);
        }
        claims.map_err(|distrust| ProviderError::Answer {
            what: "ID token",
            problem: match distrust {
                Distrust::UnknownKey => {
                    "it is signed with a key that the provider does not publish"
                }
                Distrust::Problem(problem) => problem,
            }
            .to_owned(),
        })
    }

    /// Its keys, asked for once an hour, and again where `old` does not have the one that is looked for.
    async fn keys(
        &self,
        discovery: &Discovery,
        old: Option<&Arc<Keys>>,
    ) -> Result<Arc<Keys>, ProviderError> {
        let mut known = self.0.keys.lock().await;
        if let Some(keys) = &*known {
            let fresh = match old {
                None => keys.since.elapsed() < KNOWN_FOR,
                // Somebody else may have asked meanwhile.
                Some(old) => !Arc::ptr_eq(keys, old) || !keys.may_be_renewed(),
            };
            if fresh {
                return Ok(Arc::clone(keys));
            }
        }
        let keys = Arc::new(Keys {
            set: self.key_set(&discovery.jwks_uri).await?,
            since: Instant::now(),
        });
        *known = Some(Arc::clone(&keys));
        Ok(keys)
    }

    /// What it says of itself, asked for once an hour.
    async fn discovery(&self) -> Result<Arc<Discovery>, ProviderError> {
        let mut endpoints = self.0.endpoints.lock().await;
        match &*endpoints {
            Endpoints::Description(since, discovery) if since.elapsed() < KNOWN_FOR => {
                return Ok(Arc::clone(discovery));
            }
            Endpoints::Silence(since) if since.elapsed() < REST => {
                return Err(ProviderError::Answer {
                    what: "description",
                    problem: "it could not be fetched a moment ago".to_owned(),
                });
            }
            _ => {}
        }
        let found = self.discover().await.map(Arc::new);
        *endpoints = match &found {
            Ok(discovery) => Endpoints::Description(Instant::now(), Arc::clone(discovery)),
            Err(_) => Endpoints::Silence(Instant::now()),
        };
        found
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Provider({})", self.0.settings.issuer)
    }
}
