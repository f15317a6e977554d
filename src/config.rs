//! What the operator decides, from four layers: the built-in defaults, a file, the environment, the command line.
//!
//! `config.default.toml` is the manual: every option with its default and a sentence. An unknown key in any layer is
//! refused, so that a misspelt option cannot be a silent default.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::{Deserialize, Serialize};

use crate::domain::Hardware;

mod addresses;
mod check;
mod docker;
mod sections;
mod text;

pub use addresses::Addresses;
pub use docker::{DockerConfig, Isolation, RuntimeConfig, RuntimeConfigs};
pub use sections::{
    BuildConfig, GatewayConfig, HardwareConfig, HostConfig, JournalConfig, LogConfig, LogFormat,
    OidcConfig, QuotaConfig, RepoConfig, ServerConfig, SleepConfig, WasmConfig,
};

/// The text of the built-in file, as `glasshouse` shows it to operators.
pub const DEFAULTS: &str = include_str!("config.default.toml");

const PREFIX: &str = "GLASSHOUSE_";

/// Everything an operator can decide, checked. The options are explained in `config.default.toml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Everything kept lies under here; relative to the working directory.
    pub data: PathBuf,
    /// Port 0 takes any free one, so ask the listener and not this for the port.
    pub listen: SocketAddr,
    /// Lower case, no port, no final dot.
    pub domain: String,
    /// Scheme, host and perhaps a port.
    pub public_url: Option<String>,
    /// Whether to publish the built-in Spaces.
    pub examples: bool,
    /// A listener for `/metrics` alone.
    pub metrics_listen: Option<SocketAddr>,
    /// Log lines on stderr.
    pub log: LogConfig,
    /// Sockets.
    pub server: ServerConfig,
    /// Where people sign in beside here.
    pub oidc: OidcConfig,
    /// Strangers' traffic.
    pub gateway: GatewayConfig,
    /// In the order in which they are offered; names are unique.
    pub hardware: Vec<HardwareConfig>,
    /// What one owner may hold.
    pub quota: QuotaConfig,
    /// What all may hold together.
    pub host: HostConfig,
    /// WebAssembly guests.
    pub wasm: WasmConfig,
    /// Containers.
    pub docker: DockerConfig,
    /// What SDKs that build containers build on.
    pub runtimes: RuntimeConfigs,
    /// Making artifacts.
    pub build: BuildConfig,
    /// Published files.
    pub repo: RepoConfig,
    /// Run and build logs.
    pub journal: JournalConfig,
    /// When nobody visits.
    pub sleep: SleepConfig,
}

/// The options that are also flags; `None` leaves the layer below.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Flags {
    /// `--data`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// `--listen`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// `--domain`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// `--public-url`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// `--examples`; a flag can only turn it on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub examples: Option<bool>,
}

/// Why the configuration was refused, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The named file cannot be read.
    #[error("cannot read the configuration file {path}")]
    File {
        /// As it was given.
        path: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// One line per problem, each naming the key.
    #[error("the configuration has problems:\n  {}", .0.join("\n  "))]
    Invalid(Vec<String>),
}

/// One environment variable as a layer, so that an error can name it.
struct Variable {
    name: String,
    value: Value,
}

// === impl Config ===

impl Config {
    /// Reads all layers. `file` is the one named by `--config`; the environment is the process's own.
    ///
    /// # Errors
    /// The file cannot be read, or any layer says what is not allowed.
    pub fn load(file: Option<&Path>, flags: &Flags) -> Result<Self, ConfigError> {
        // A name or value that is not text cannot be one of ours: leave it to be refused as such.
        let environment = std::env::vars_os()
            .map(|(name, value)| (lossy(&name), lossy(&value)))
            .filter(|(name, _)| name.starts_with(PREFIX));
        Self::from_layers(file, environment, flags)
    }

    /// The built-in defaults alone.
    pub fn defaults() -> Self {
        Self::from_layers(None, [], &Flags::default()).expect("a test reads the built-in file")
    }

    fn from_layers(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &Flags,
    ) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Named("the built-in defaults", Toml::string(DEFAULTS)));
        if let Some(path) = file {
            let path = path.display().to_string();
            let text = std::fs::read_to_string(&path).map_err(|source| ConfigError::File {
                path: path.clone(),
                source,
            })?;
            figment = figment.merge(Named(&path, Toml::string(&text)));
        }
        for (name, value) in environment {
            if let Some(variable) = Variable::new(name, &value) {
                figment = figment.merge(variable);
            }
        }
        figment = figment.merge(Named("the command line", Serialized::defaults(flags)));
        let config: Self = figment
            .extract()
            .map_err(|errors| ConfigError::Invalid(errors.into_iter().map(explain).collect()))?;
        let problems = check::check(&config);
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError::Invalid(problems))
        }
    }

    /// The addresses of hub and Spaces, for a server that listens on `port`.
    pub fn addresses(&self, port: u16) -> Addresses {
        Addresses::new(&self.domain, self.public_url.as_deref(), port)
    }

    /// Where the hub answers if the port in `listen` is the real one.
    pub fn hub_url(&self) -> String {
        self.addresses(self.listen.port()).hub()
    }

    /// The host of `public_url`, lower case and without port, if there is one.
    pub fn public_host(&self) -> Option<String> {
        addresses::PublicUrl::parse(self.public_url.as_deref()?).map(|url| url.host)
    }

    /// The sizes on offer, in order.
    pub fn hardware(&self) -> Vec<Hardware> {
        self.hardware.iter().map(HardwareConfig::hardware).collect()
    }
}

fn lossy(text: &std::ffi::OsStr) -> String {
    text.to_string_lossy().into_owned()
}

/// One problem: where it was said, which key, what is wrong and what is allowed.
fn explain(error: figment::Error) -> String {
    let layer = error
        .metadata
        .as_ref()
        .map_or("the configuration", |metadata| &metadata.name);
    match error.path.as_slice() {
        [] => format!("in {layer}: {}", error.kind),
        path => format!("in {layer}: `{}`: {}", path.join("."), error.kind),
    }
}

/// A layer under a name that operators know.
struct Named<'a, P>(&'a str, P);

impl<P: Provider> Provider for Named<'_, P> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.0.to_owned())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        self.1.data()
    }
}

// === impl Variable ===

impl Variable {
    /// `None` for a variable that stands for no option: an empty one (so that scripts can pass on what may be unset),
    /// and the one that names the configuration file.
    fn new(name: String, text: &str) -> Option<Self> {
        let known = name.strip_prefix(PREFIX)? != "CONFIG" && !text.is_empty();
        let value = text.parse().unwrap_or_else(|never| match never {});
        known.then_some(Self { name, value })
    }
}

impl Provider for Variable {
    fn metadata(&self) -> Metadata {
        Metadata::named(format!("environment variable {}", self.name))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let key = self.name.trim_start_matches(PREFIX).to_ascii_lowercase();
        let nested = figment::util::nest(&key.replace("__", "."), self.value.clone());
        let dict = nested.into_dict().unwrap_or_default();
        Ok(Profile::Default.collect(dict))
    }
}

#[cfg(test)]
mod tests;
