//! How a client reached this server, and so under which addresses it will find the Spaces and their pages.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderMap, header};

use crate::config::Config;
use crate::domain::{RepoKind, RepoName, Space};

/// The address under which the client reached this server; shown as `http://host:port`, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    scheme: &'static str,
    host: String,
}

// === impl BaseUrl ===

impl BaseUrl {
    /// From the headers of a request; the configured public address stands in for a missing or unreadable `Host`.
    pub fn of(config: &Config, headers: &HeaderMap) -> Self {
        let public = config.public_url.as_deref().map(split_url);
        let host = headers
            .get(header::HOST)
            .and_then(|value| value.to_str().ok())
            .filter(|host| host.parse::<http::uri::Authority>().is_ok() && !host.contains('@'));
        let forwarded = headers
            .get("x-forwarded-proto")
            .and_then(|value| value.to_str().ok())
            .and_then(known_scheme);
        match (host, public) {
            (Some(host), public) => Self {
                scheme: forwarded
                    .or_else(|| {
                        public
                            .filter(|(_, known)| *known == host)
                            .map(|(scheme, _)| scheme)
                    })
                    .unwrap_or("http"),
                host: host.to_owned(),
            },
            (None, Some((scheme, host))) => Self {
                scheme,
                host: host.to_owned(),
            },
            (None, None) => Self {
                scheme: "http",
                host: config.listen.to_string(),
            },
        }
    }

    /// The address of the Space's page.
    pub fn page(&self, name: &RepoName) -> String {
        format!("{self}/spaces/{name}")
    }

    /// The address of a repository's page, of whatever kind; what clients print and parse.
    pub fn repo_page(&self, kind: RepoKind, name: &RepoName) -> String {
        format!("{self}/{}{name}", kind.prefix())
    }

    /// Where the Space answers: on an origin of its own, or below `/run/` for clients that would not find that one,
    /// which are those that came to an IP address or to `localhost` (few resolvers know `*.localhost`).
    pub fn app(&self, config: &Config, space: &Space) -> String {
        let (name, _) = split_port(&self.host);
        let by_address = name.starts_with('[') || name.parse::<Ipv4Addr>().is_ok();
        if by_address || config.domain.eq_ignore_ascii_case("localhost") {
            self.path(&space.name)
        } else {
            self.origin(config, space)
        }
    }

    /// Whether a browser that came this way finds the Spaces' own origins. Names below `localhost` are the browser's own
    /// machine, so they lead here only from there.
    pub fn sees_origins(&self, config: &Config) -> bool {
        if config.public_url.is_some() || !config.domain.eq_ignore_ascii_case("localhost") {
            return true;
        }
        let (name, _) = split_port(&self.host);
        let address = name.trim_start_matches('[').trim_end_matches(']');
        name.eq_ignore_ascii_case("localhost")
            || address
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }

    /// The Space's own origin, which browsers find wherever the configured domain leads here.
    pub fn origin(&self, config: &Config, space: &Space) -> String {
        if config.public_url.is_some() {
            return config
                .addresses(config.listen.port())
                .space(&space.subdomain);
        }
        let (_, port) = split_port(&self.host);
        format!(
            "{}://{}.{}{port}",
            self.scheme, space.subdomain, config.domain
        )
    }

    /// The address below this one, for clients that do not find the Space's own origin.
    pub fn path(&self, name: &RepoName) -> String {
        format!("{self}/run/{name}/")
    }

    /// The host of the Space's own origin, with the port if it has one.
    pub fn domain(&self, config: &Config, space: &Space) -> String {
        split_url(&self.origin(config, space)).1.to_owned()
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme, self.host)
    }
}

fn known_scheme(text: &str) -> Option<&'static str> {
    ["https", "http"]
        .into_iter()
        .find(|known| text.eq_ignore_ascii_case(known))
}

/// `https://host:port/…` as scheme and `host:port`.
fn split_url(url: &str) -> (&'static str, &str) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let host = rest.split('/').next().unwrap_or(rest);
    (known_scheme(scheme).unwrap_or("http"), host)
}

/// A host and its port with the colon; the port is empty when there is none.
fn split_port(host: &str) -> (&str, &str) {
    match host.rfind(':') {
        Some(at) if !host[at..].contains(']') => host.split_at(at),
        _ => (host, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ports_are_told_from_addresses() {
        assert_eq!(split_port("demos.example:7860"), ("demos.example", ":7860"));
        assert_eq!(split_port("[::1]:80"), ("[::1]", ":80"));
        assert_eq!(split_port("[::1]"), ("[::1]", ""));
        assert_eq!(
            split_url("https://demos.example/x"),
            ("https", "demos.example")
        );
    }

    proptest! {
        #[test]
        fn no_host_panics(host in any::<String>()) {
            let _ = (split_port(&host), split_url(&host));
        }
    }
}
