//! Under which addresses the hub and the Spaces are reached.

use std::net::Ipv6Addr;

use crate::domain::{RepoName, Subdomain};

/// Builds addresses as visitors use them. Cheap to keep; made once the port is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    scheme: &'static str,
    /// Host and, unless it is the scheme's own, `:port`.
    hub: String,
    /// The same for what comes after a Space's label.
    spaces: String,
}

/// A `public_url`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicUrl {
    pub(super) scheme: &'static str,
    pub(super) host: String,
    pub(super) port: Option<u16>,
}

// === impl Addresses ===

impl Addresses {
    pub(super) fn new(domain: &str, public_url: Option<&str>, port: u16) -> Self {
        let local = PublicUrl {
            scheme: "http",
            host: domain.to_owned(),
            port: (port != 80).then_some(port),
        };
        let public = public_url.and_then(PublicUrl::parse).unwrap_or(local);
        let with_port = |host: &str| match public.port {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Self {
            scheme: public.scheme,
            hub: with_port(&public.host),
            spaces: with_port(domain),
        }
    }

    /// `http` or `https`, as visitors see it.
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// The hub: `http://localhost:7860`, without a slash at its end.
    pub fn hub(&self) -> String {
        format!("{}://{}", self.scheme, self.hub)
    }

    /// A Space at an origin of its own: `http://owner-name.localhost:7860`, without a slash at its end.
    pub fn space(&self, subdomain: &Subdomain) -> String {
        format!("{}://{subdomain}.{}", self.scheme, self.spaces)
    }

    /// The same Space for clients without wildcard names: `http://localhost:7860/run/owner/name/`, with its slash.
    pub fn space_path(&self, name: &RepoName) -> String {
        format!("{}://{}/run/{name}/", self.scheme, self.hub)
    }
}

// === impl PublicUrl ===

impl PublicUrl {
    /// `None` for anything but scheme, host, at most a port and at most one slash.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let (scheme, standard, rest) = if let Some(rest) = url.strip_prefix("https://") {
            ("https", 443, rest)
        } else {
            ("http", 80, url.strip_prefix("http://")?)
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest).to_ascii_lowercase();
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(parse_port(port)?)),
            _ => (rest.as_str(), None),
        };
        let bracketed = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let known = match bracketed {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => is_domain(host),
        };
        known.then(|| Self {
            scheme,
            host: host.to_owned(),
            port: port.filter(|port| *port != standard),
        })
    }
}

fn parse_port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits
        .then(|| text.parse().ok())
        .flatten()
        .filter(|port| *port != 0)
}

/// Whether it is labels of `a-z`, `0-9` and inner hyphens with single dots between them. True of IPv4 addresses too.
pub(super) fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    // 253 is DNS's limit; a Space's label and its dot must fit before it.
    text.len() <= 189 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> RepoName {
        "Ada/my_demo".parse().expect("valid")
    }

    #[test]
    fn local_addresses_carry_the_port() {
        let addresses = Addresses::new("localhost", None, 7860);
        let label = name().subdomain().expect("short");
        assert_eq!(addresses.hub(), "http://localhost:7860");
        assert_eq!(addresses.space(&label), "http://ada-my-demo.localhost:7860");
        assert_eq!(
            addresses.space_path(&name()),
            "http://localhost:7860/run/Ada/my_demo/"
        );
        assert_eq!(
            Addresses::new("a.example", None, 80).hub(),
            "http://a.example"
        );
    }

    #[test]
    fn a_public_url_rules() {
        let addresses = Addresses::new("spaces.example", Some("https://hub.example:443/"), 7860);
        let label = name().subdomain().expect("short");
        assert_eq!(addresses.hub(), "https://hub.example");
        assert_eq!(
            addresses.space(&label),
            "https://ada-my-demo.spaces.example"
        );
        let addresses = Addresses::new("spaces.example", Some("https://hub.example:8443"), 7860);
        assert_eq!(
            addresses.space(&label),
            "https://ada-my-demo.spaces.example:8443"
        );
    }

    #[test]
    fn junk_is_no_public_url() {
        for bad in [
            "",
            "hub.example",
            "ftp://hub.example",
            "https://",
            "https://a b",
            "https://hub.example/path",
            "https://hub.example?x",
            "https://user@hub.example",
            "https://hub.example:",
            "https://hub.example:x",
            "https://hub.example:99999",
            "https://[::1",
            "https://hub..example",
        ] {
            assert_eq!(PublicUrl::parse(bad), None, "{bad:?} was accepted");
        }
        assert!(PublicUrl::parse("http://[::1]:8080").is_some());
        assert!(PublicUrl::parse("http://192.168.1.7:8080").is_some());
    }
}
