//! Which part of the house a `Host` header asks for.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::{HeaderValue, Request, header};

use super::{Address, Target};
use crate::config::Config;

/// Whom a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// The hub itself.
    Hub,
    /// A Space, at that address. There need not be one.
    Space(Address),
    /// Nobody here; `ambiguous` where the request does not name one host.
    Nowhere {
        /// Whether it names none, or two.
        ambiguous: bool,
    },
}

/// What a host stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Hub,
    /// The Space with that address label, lower case. The text need not be a label.
    Space(String),
    Unknown,
}

/// The names the server answers to.
#[derive(Debug, Clone)]
pub(in crate::gateway) struct Hosts {
    domain: String,
    /// The host of `public_url`.
    public: Option<String>,
}

// === impl Hosts ===

impl Hosts {
    pub(in crate::gateway) fn new(config: &Config) -> Self {
        Self {
            domain: config.domain.clone(),
            public: config.public_host(),
        }
    }

    /// Whom a request is for: nobody if it names no host, or two (RFC 9112 §3.2).
    pub(in crate::gateway) fn destination<B>(&self, request: &Request<B>) -> Destination {
        let Some(host) = named(request) else {
            return Destination::Nowhere { ambiguous: true };
        };
        let target = match host.to_str().map(|host| self.classify(host)) {
            Ok(Host::Space(label)) => Target::Subdomain(label),
            Ok(Host::Hub) => match Target::below_run(request.uri().path()) {
                Some(target) => target,
                None => return Destination::Hub,
            },
            Ok(Host::Unknown) | Err(_) => return Destination::Nowhere { ambiguous: false },
        };
        Destination::Space(Address {
            target,
            host: Some(host),
        })
    }

    /// What a host, perhaps with a port, stands for. The hub answers to the domain itself, to `localhost`, to any
    /// address in numbers (no other site can be made to look like one) and to the host of `public_url`; what is below
    /// the domain is for Spaces.
    fn classify(&self, host: &str) -> Host {
        let host = match without_port(host) {
            Some(Name::Address) => return Host::Hub,
            Some(Name::Text(host)) => host.strip_suffix('.').unwrap_or(host),
            None => return Host::Unknown,
        };
        let host = host.to_ascii_lowercase();
        let control = ["localhost", &self.domain]
            .into_iter()
            .chain(self.public.as_deref());
        if control.into_iter().any(|name| name == host) || host.parse::<Ipv4Addr>().is_ok() {
            return Host::Hub;
        }
        match host
            .strip_suffix(&self.domain)
            .and_then(|host| host.strip_suffix('.'))
        {
            Some(label) if !label.is_empty() => Host::Space(label.to_owned()),
            _ => Host::Unknown,
        }
    }
}

/// The one host a request names. A full URI in the request line counts before the header, and must not contradict it.
pub(super) fn named<B>(request: &Request<B>) -> Option<HeaderValue> {
    let mut headers = request.headers().get_all(header::HOST).iter();
    let header = headers.next();
    if headers.next().is_some() || header.is_some_and(|header| header.to_str().is_err()) {
        return None;
    }
    match (request.uri().authority(), header) {
        (Some(authority), Some(header)) => {
            let same = header
                .as_bytes()
                .eq_ignore_ascii_case(authority.as_str().as_bytes());
            same.then(|| header.clone())
        }
        (Some(authority), None) => HeaderValue::from_str(authority.as_str()).ok(),
        (None, header) => header.cloned(),
    }
}

enum Name<'h> {
    /// An IPv6 address in its brackets.
    Address,
    Text(&'h str),
}

fn without_port(host: &str) -> Option<Name<'_>> {
    let is_port = |port: &str| port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(rest) = host.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        let port = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
        return (port && address.parse::<Ipv6Addr>().is_ok()).then_some(Name::Address);
    }
    match host.split_once(':') {
        Some((host, port)) => is_port(port).then_some(Name::Text(host)),
        None => Some(Name::Text(host)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hosts(domain: &str) -> Hosts {
        Hosts {
            domain: domain.into(),
            public: Some("hub.example".into()),
        }
    }

    fn space(label: &str) -> Host {
        Host::Space(label.into())
    }

    #[test]
    fn names_lead_where_they_should() {
        let hosts = hosts("demos.example");
        for control in [
            "demos.example",
            "DEMOS.Example:7860",
            "demos.example.",
            "demos.example.:80",
            "demos.example:",
            "localhost",
            "LOCALHOST:1",
            "127.0.0.1:7860",
            "192.168.1.20",
            "[::1]",
            "[::1]:7860",
            "hub.example",
        ] {
            assert_eq!(hosts.classify(control), Host::Hub, "{control}");
        }
        assert_eq!(hosts.classify("Ada-X.demos.example.:80"), space("ada-x"));
        assert_eq!(hosts.classify("a.b.demos.example"), space("a.b"));
        for unknown in [
            "",
            ".",
            ":80",
            "example",
            "evil.example",
            ".demos.example",
            "xdemos.example",
            "demos.example.evil.example",
            "ada-x.localhost",
            "ada@demos.example",
            "demos.example:80:80",
            "demos.example:8o",
            "demos.example:999999",
            "demos.example/",
            "demos.example ",
            "[::1",
            "[::1]x",
            "[localhost]",
            "::1",
            "127.1",
            "0x7f000001",
            "2130706433",
        ] {
            assert_eq!(hosts.classify(unknown), Host::Unknown, "{unknown:?}");
        }
    }

    #[test]
    fn a_request_names_one_host() {
        let hosts = hosts("localhost");
        let of = |uri: &str, names: &[&str]| {
            let mut request = Request::builder().uri(uri);
            for name in names {
                request = request.header("host", *name);
            }
            let request = request.body(()).expect("a request");
            match hosts.destination(&request) {
                Destination::Space(address) => match address.target {
                    Target::Subdomain(label) => Host::Space(label),
                    Target::Path { .. } => panic!("no path form"),
                },
                Destination::Hub => Host::Hub,
                Destination::Nowhere { .. } => Host::Unknown,
            }
        };
        assert_eq!(of("/", &["a-b.localhost"]), space("a-b"));
        assert_eq!(of("/", &[]), Host::Unknown);
        assert_eq!(of("/", &["a-b.localhost", "a-b.localhost"]), Host::Unknown);
        assert_eq!(of("http://a-b.localhost/", &[]), space("a-b"));
        assert_eq!(
            of("http://a-b.localhost/", &["A-B.localhost"]),
            space("a-b")
        );
        assert_eq!(of("http://a-b.localhost/", &["localhost"]), Host::Unknown);
        assert_eq!(of("http://x@localhost/", &[]), Host::Unknown);
    }

    proptest! {
        #[test]
        fn a_label_is_found_in_any_dress(
            label in "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?",
            domain in "[a-z]{1,10}(\\.[a-z]{2,8}){0,2}",
            upper: bool, dot: bool, port in proptest::option::of(0u16..),
        ) {
            let hosts = hosts(&domain);
            let mut host = format!("{label}.{domain}");
            if upper {
                host = host.to_ascii_uppercase();
            }
            if dot {
                host.push('.');
            }
            if let Some(port) = port {
                host.push_str(&format!(":{port}"));
            }
            prop_assert_eq!(hosts.classify(&host), Host::Space(label));
        }

        #[test]
        fn nothing_foreign_is_let_in(host in "\\PC{0,40}") {
            let hosts = hosts("demos.example");
            match hosts.classify(&host) {
                Host::Unknown => {}
                Host::Hub | Host::Space(_) => {
                    let bare = host.to_ascii_lowercase();
                    let ours = ["demos.example", "localhost", "hub.example"]
                        .iter()
                        .any(|name| bare.contains(name));
                    let number = bare.starts_with('[') || bare.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
                    prop_assert!(ours || number, "{host:?}");
                }
            }
        }
    }
}
