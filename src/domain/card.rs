//! A Space's card: the YAML front matter of its README.md.

use std::time::Duration;

use schemars::JsonSchema;
use serde_json::{Map, Value};

mod error;
mod fields;
mod headers;
mod keys;
mod oauth;
mod reference;
mod repositories;
mod values;

use super::{FrontMatter, NamedRepository, OAuthApp};
pub use error::{CardError, CardProblem};

use fields::Fields;

/// Which runtime a card asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum Sdk {
    /// Files served as they are.
    Static,
    /// A WASI component or command.
    Wasi,
    /// A Gradio app in Python, in a container.
    Gradio,
    /// A Streamlit app in Python, in a container.
    Streamlit,
    /// A Dockerfile.
    Docker,
}

impl Sdk {
    /// All of them, in the order in which they are named to authors.
    pub const ALL: [Self; 5] = [
        Self::Static,
        Self::Wasi,
        Self::Gradio,
        Self::Streamlit,
        Self::Docker,
    ];

    /// The card's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Wasi => "wasi",
            Self::Gradio => "gradio",
            Self::Streamlit => "streamlit",
            Self::Docker => "docker",
        }
    }

    /// The SDK of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sdk| sdk.as_str() == word)
    }

    /// The TCP port an app listens on when the card does not say; 0 where there is no choice of ports.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Static | Self::Wasi => 0,
            Self::Gradio | Self::Docker => 7860,
            Self::Streamlit => 8501,
        }
    }

    /// Whether it runs in a container.
    pub fn is_container(self) -> bool {
        matches!(self, Self::Gradio | Self::Streamlit | Self::Docker)
    }

    /// The file that is the app when the card names none.
    pub fn default_app_file(self) -> &'static str {
        match self {
            Self::Static => "index.html",
            Self::Wasi => "app.wasm",
            Self::Gradio | Self::Streamlit => "app.py",
            Self::Docker => "Dockerfile",
        }
    }
}

/// A parsed card.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// Which runtime.
    pub sdk: Sdk,
    /// The app's file, relative to the folder; always a clean path.
    pub app_file: String,
    /// Shown name.
    pub title: Option<String>,
    /// May one instance serve one request after another (`instance_reuse`).
    pub instance_reuse: bool,
    /// Wall-clock time a request may take (`request_timeout`, such as `30s`).
    pub request_timeout: Option<Duration>,
    /// Hosts that outgoing HTTP may reach (`egress`).
    pub egress: Vec<String>,
    /// Whether all of the internet may be reached (`egress: internet`).
    pub internet: bool,
    /// The TCP port a container's app listens on (`app_port`).
    pub port: u16,
    /// The Python it is written for (`python_version`): `3.x` or `3.x.y`.
    pub python_version: Option<String>,
    /// The release of Gradio or Streamlit (`sdk_version`), as PEP 440 writes one: digits, letters and points.
    pub sdk_version: Option<String>,
    /// Wall-clock time a container may take until it answers (`startup_duration_timeout`).
    pub startup_timeout: Option<Duration>,
    /// Bytes of durable storage under `/data` (`storage`).
    pub storage_bytes: Option<u64>,
    /// Models and datasets it uses (`models`, `datasets`, `preload_from_hub`).
    pub repositories: Vec<NamedRepository>,
    /// Headers of every answer of the Space (`custom_headers`), each one that only isolates its pages; names are in lower
    /// case.
    pub custom_headers: Vec<(String, String)>,
    /// How it signs people in (`hf_oauth`).
    pub oauth: Option<OAuthApp>,
    /// Where the Space's page leads first (`base_path`): a clean path that begins with a slash, perhaps with a query.
    pub base_path: Option<String>,
    /// The hardware its author suggests to those who duplicate it.
    pub suggested_hardware: Option<String>,
    /// The whole front matter, as the Hub's clients read it.
    pub data: Map<String, Value>,
    /// What its author should know although it stops nothing, by line.
    pub warnings: Vec<CardProblem>,
}

impl Card {
    /// Reads the card of a README.
    ///
    /// # Errors
    /// Every problem found, with its line, in words for the author.
    pub fn parse(readme: &str) -> Result<Self, CardError> {
        if readme.len() > MAX_README {
            return Err(CardError::one(None, "README.md is larger than 1 MiB"));
        }
        let head = FrontMatter::of(readme).ok_or_else(|| {
            CardError::one(
                Some(1),
                "the card is missing: the file must begin with a `---` line, the card's YAML (at least `sdk: static` \
                 or `sdk: wasi`), and another `---` line",
            )
        })?;
        let data = head.read()?;
        let mut fields = Fields {
            head,
            data: &data,
            problems: Vec::new(),
            warnings: Vec::new(),
        };
        let sdk = fields.sdk();
        let app_file = fields.app_file(sdk);
        // What else is wrong is read as if for a container: most is allowed there.
        let kind = sdk.unwrap_or(Sdk::Docker);
        let (egress, internet) = fields.egress();
        let card = Self {
            sdk: sdk.unwrap_or(Sdk::Static),
            app_file: app_file.unwrap_or_else(|| sdk.map_or("", Sdk::default_app_file).to_owned()),
            title: fields.text("title"),
            instance_reuse: fields.flag("instance_reuse").unwrap_or(false),
            request_timeout: fields.duration("request_timeout"),
            egress,
            internet,
            port: fields.port(kind),
            python_version: fields.python_version(kind),
            sdk_version: fields.sdk_version(kind),
            startup_timeout: fields.startup_timeout(kind),
            storage_bytes: fields.storage(kind),
            repositories: fields.repositories(),
            custom_headers: fields.custom_headers(),
            oauth: fields.oauth_app(),
            base_path: fields.base_path(),
            suggested_hardware: fields.text("suggested_hardware"),
            data: Map::new(),
            warnings: Vec::new(),
        };
        if let Some(sdk) = sdk {
            fields.refuse_what_is_for_others(sdk);
        }
        fields.look_at_keys();
        if fields.problems.is_empty() {
            let warnings = fields.warnings;
            Ok(Self {
                data,
                warnings,
                ..card
            })
        } else {
            // As the author meets them, reading down.
            fields.problems.sort_by_key(|problem| problem.line);
            Err(CardError {
                problems: fields.problems,
            })
        }
    }

    /// How a README's card signs people in, whatever else is wrong with it; `None` where it does not, or what it says of
    /// that cannot be read.
    pub fn oauth_app(readme: &str) -> Option<OAuthApp> {
        let head = FrontMatter::of(readme)?;
        let data = head.read().ok()?;
        let mut fields = Fields {
            head,
            data: &data,
            problems: Vec::new(),
            warnings: Vec::new(),
        };
        let app = fields.oauth_app();
        app.filter(|_| fields.problems.is_empty())
    }

    /// The `base_path` of a front matter, if it is one.
    pub fn base_path(data: &Map<String, Value>) -> Option<&str> {
        data.get("base_path")?
            .as_str()
            .filter(|path| values::is_base_path(path))
    }

    /// What there is to say of the field `key` of a card that was read.
    pub fn problem(readme: &str, key: &str, message: String) -> CardProblem {
        let key = FrontMatter::of(readme).and_then(|head| head.key(key));
        CardProblem {
            line: key.map(|key| key.line),
            message,
        }
    }
}

/// A README's card is read whole; a longer file is not a README.
const MAX_README: usize = 1 << 20;

#[cfg(test)]
mod tests;
