//! Speaking to a server, and saying for people what went wrong.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail};
use http::Method;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;

use crate::domain::{NameError, RepoName};

/// Asked when `HF_ENDPOINT` is unset: where `glasshouse serve` listens when it is told nothing else.
const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:7860";

/// A server and the token to use with it.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    /// Without a slash at its end.
    endpoint: String,
    /// Whether the endpoint was named, rather than assumed.
    named: bool,
    token: Option<String>,
}

/// A Space as commands name it: `OWNER/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SpaceId(RepoName);

// === impl Client ===

impl Client {
    /// As `hf` finds its server and token.
    pub(super) fn from_environment() -> anyhow::Result<Self> {
        // An error means that somebody installed one already, which does as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let named = variable("HF_ENDPOINT");
        let endpoint = named
            .as_deref()
            .unwrap_or(DEFAULT_ENDPOINT)
            .trim_end_matches('/')
            .to_owned();
        if !endpoint.starts_with("http://") && !endpoint.starts_with("https://") {
            bail!("HF_ENDPOINT is `{endpoint}`, but must begin with http:// or https://");
        }
        let http = reqwest::Client::builder()
            .user_agent(concat!("glasshouse/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10))
            .build()
            .context("the HTTP client cannot be set up")?;
        Ok(Self {
            http,
            endpoint,
            named: named.is_some(),
            token: token()?,
        })
    }

    /// The server, without a slash at its end.
    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A request to a path that begins with a slash.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_url(method, &format!("{}{path}", self.endpoint))
    }

    fn request_url(&self, method: Method, url: &str) -> RequestBuilder {
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends it; anything but success is an error in the server's words.
    pub(super) async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let response = self.try_send(request).await?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(self.refusal(response).await)
        }
    }

    /// Sends it, whatever the status of the answer.
    pub(super) async fn try_send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        request.send().await.map_err(|error| {
            let hint = match (error.is_connect(), self.named) {
                (true, true) => "does not answer; check HF_ENDPOINT, and whether the server is running",
                (true, false) => {
                    "does not answer; HF_ENDPOINT is not set, so the default address was used: start `glasshouse \
                     serve`, or set HF_ENDPOINT"
                }
                (false, _) => "sent an answer that could not be read",
            };
            // The address stands in the sentence already.
            anyhow::Error::new(error.without_url()).context(format!("{} {hint}", self.endpoint))
        })
    }

    /// What the server said in refusing.
    pub(super) async fn refusal(&self, response: Response) -> anyhow::Error {
        let status = response.status();
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let (code, heading) = (header("x-error-code"), header("x-error-message"));
        let body = response.text().await.unwrap_or_default();
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        let message = body["error"].as_str().map(str::to_owned).or(heading);
        let message = message.unwrap_or_else(|| format!("status {status}"));
        let hint = match (status, code.as_deref()) {
            (StatusCode::UNAUTHORIZED, _) if self.token.is_some() => {
                " (this server does not know the token in HF_TOKEN, or the stored one)"
            }
            (StatusCode::UNAUTHORIZED, _) => {
                " (the server's first token is in the file `admin-token` in its data folder)"
            }
            (StatusCode::NOT_FOUND, Some("RepoNotFound")) => {
                " (the Space does not exist, or your token may not see it)"
            }
            _ => "",
        };
        anyhow::anyhow!("{} answered: {message}{hint}", self.endpoint)
    }

    /// `GET`, as JSON.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let response = self.send(self.request(Method::GET, path)).await?;
        self.json(response).await
    }

    /// `POST` of JSON, answered in JSON.
    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let response = self
            .send(self.request(Method::POST, path).json(body))
            .await?;
        self.json(response).await
    }

    /// Where the page after this answer is, as a path of this server. A token goes to the server it is for and nowhere
    /// else, whatever the answer says.
    pub(super) fn next_path(&self, response: &Response) -> Option<String> {
        let next = next_page(response)?;
        let path = next.strip_prefix(&self.endpoint)?;
        path.starts_with('/').then(|| path.to_owned())
    }

    /// All elements of a list that comes in pages.
    pub(super) async fn get_all(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let mut path = path.to_owned();
        let mut found = Vec::new();
        loop {
            let response = self.send(self.request(Method::GET, &path)).await?;
            let next = self.next_path(&response);
            match self.json(response).await? {
                Value::Array(page) => found.extend(page),
                _ => bail!("{} did not answer with a list", self.endpoint),
            }
            match next {
                Some(next) => path = next,
                None => return Ok(found),
            }
        }
    }

    async fn json(&self, response: Response) -> anyhow::Result<Value> {
        let not_ours = || {
            format!(
                "{} did not answer with JSON; is it a Glasshouse server?",
                self.endpoint
            )
        };
        response.json().await.with_context(not_ours)
    }

    /// The name of one's own account.
    pub(super) async fn own_name(&self) -> anyhow::Result<String> {
        let whoami = self.get("/api/whoami-v2").await?;
        let name = whoami["name"]
            .as_str()
            .context("the server does not say which account the token belongs to")?;
        Ok(name.to_owned())
    }

    /// Whether there is a token at all.
    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }
}

// === impl SpaceId ===

impl SpaceId {
    /// Its address in the API, and what follows it.
    pub(super) fn path(&self, rest: &str) -> String {
        format!("/api/spaces/{}{rest}", self.0)
    }

    /// Whose it is.
    pub(super) fn owner(&self) -> &str {
        self.0.owner.as_str()
    }

    /// Its name among the owner's.
    pub(super) fn name(&self) -> &str {
        self.0.name.as_str()
    }
}

impl FromStr for SpaceId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for SpaceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The address in `Link: <…>; rel="next"`.
fn next_page(response: &Response) -> Option<String> {
    let link = response.headers().get("link")?.to_str().ok()?;
    let (url, rest) = link.strip_prefix('<')?.split_once('>')?;
    rest.contains("rel=\"next\"").then(|| url.to_owned())
}

fn token() -> anyhow::Result<Option<String>> {
    if let Some(token) = variable("HF_TOKEN").or_else(|| variable("HUGGING_FACE_HUB_TOKEN")) {
        return Ok(Some(token));
    }
    let path = match (
        variable("HF_TOKEN_PATH"),
        variable("HF_HOME"),
        variable("HOME"),
    ) {
        (Some(path), _, _) => PathBuf::from(path),
        (None, Some(home), _) => PathBuf::from(home).join("token"),
        (None, None, Some(home)) => PathBuf::from(home).join(".cache/huggingface/token"),
        (None, None, None) => return Ok(None),
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|token| !token.is_empty())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(error).with_context(|| format!("the token in {} cannot be read", path.display()))
        }
    }
}

fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok()?;
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}
