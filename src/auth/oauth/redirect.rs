//! Where a client may have its users led back to.

/// An address of a Space's own origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri {
    /// With the scheme under which the Space is reached.
    address: String,
}

/// Bytes of one.
const MOST: usize = 2048;

// === impl RedirectUri ===

impl RedirectUri {
    /// A client's address, if it is on one of these origins: their host and port, whatever path. Apps behind a proxy often
    /// mistake `http` for `https`, so that either is taken; the origin's own is where it leads.
    pub fn on(origins: &[String], uri: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&byte);
        if uri.len() > MOST || !uri.bytes().all(plain) {
            return None;
        }
        let (scheme, rest) = uri.split_once("://")?;
        let standard_port = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => return None,
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, path) = rest.split_at(end);
        let host = host.strip_suffix(standard_port).unwrap_or(host);
        let is_same = |origin: &&String| {
            let (_, own) = origin.split_once("://").unwrap_or_default();
            own.eq_ignore_ascii_case(host)
        };
        let origin = origins.iter().find(is_same)?;
        let slash = if path.starts_with('/') { "" } else { "/" };
        Some(Self {
            address: format!("{origin}{slash}{path}"),
        })
    }

    /// The address with more in its query; `pairs` are quoted already.
    pub fn with(&self, pairs: &[(&str, String)]) -> String {
        let mut address = self.address.clone();
        for (key, value) in pairs {
            address.push(if address.contains('?') { '&' } else { '?' });
            address.push_str(key);
            address.push('=');
            address.push_str(value);
        }
        address
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        let host = self.address.find("://").map_or(0, |at| at + 3);
        let end = self.address[host..].find('/');
        end.map_or(&*self.address, |end| &self.address[..host + end])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lead(origin: &str, uri: &str) -> Option<String> {
        RedirectUri::on(&[origin.to_owned()], uri).map(|uri| uri.with(&[]))
    }

    #[test]
    fn any_path_of_the_spaces_own_origin_is_good() {
        let origin = "https://ada-x.spaces.example";
        for (uri, leads) in [
            (
                "https://ada-x.spaces.example/login/callback?_target_url=%2F%3Fa",
                "/login/callback?_target_url=%2F%3Fa",
            ),
            (
                "http://ada-x.spaces.example/oauth/callback",
                "/oauth/callback",
            ),
            ("https://ADA-x.Spaces.example:443/", "/"),
            ("http://ada-x.spaces.example:80/", "/"),
            ("https://ada-x.spaces.example", "/"),
            ("https://ada-x.spaces.example?a=b", "/?a=b"),
            (
                "https://ada-x.spaces.example//evil.example",
                "//evil.example",
            ),
        ] {
            assert_eq!(lead(origin, uri), Some(format!("{origin}{leads}")), "{uri}");
        }
        let local = "http://ada-x.localhost:7860";
        let callback = lead(local, "https://ada-x.localhost:7860/cb");
        assert_eq!(callback.as_deref(), Some("http://ada-x.localhost:7860/cb"));
        let uri = RedirectUri::on(&[local.to_owned()], "http://ada-x.localhost:7860/cb?a=b");
        let uri = uri.expect("good");
        assert_eq!(uri.origin(), local);
        let code = [("code", "c".to_owned()), ("state", "%20".to_owned())];
        assert_eq!(uri.with(&code), format!("{local}/cb?a=b&code=c&state=%20"));
    }

    #[test]
    fn nothing_else_is() {
        for uri in [
            "",
            "/login/callback",
            "//ada-x.spaces.example/",
            "https:/ada-x.spaces.example/",
            "https:ada-x.spaces.example/",
            "HTTPS://ada-x.spaces.example/",
            "javascript://ada-x.spaces.example/%0aalert(1)",
            "https://ada-x.spaces.example.evil.example/",
            "https://evil.example/ada-x.spaces.example",
            "https://evil-ada-x.spaces.example/",
            "https://bob-x.spaces.example/",
            "https://spaces.example/",
            "https://hub.example/run/ada/x/",
            "https://ada-x.spaces.example:8443/",
            "https://ada-x.spaces.example:80/",
            "http://ada-x.spaces.example:443/",
            "https://ada-x.spaces.example:/",
            "https://ada-x.spaces.example:443:443/",
            "https://ada-x.spaces.example./",
            "https://ada@ada-x.spaces.example/",
            "https://ada-x.spaces.example@evil.example/",
            "https://ada-x.spaces.example:443@evil.example/",
            "https://ada-x.spaces.example\\@evil.example/",
            "https://ada-x.spaces.example\\.evil.example/",
            "https://evil.example\\ada-x.spaces.example/",
            "https://evil.example?ada-x.spaces.example/",
            "https://ada-x.spaces.example/#a",
            "https://ada-x.spaces.example#@evil.example/",
            "https://ada-x.spaces.example/\r\nSet-Cookie: a=b",
            "https://ada-x.spaces.example/ a",
            "https://ada-x.spaces.example/\u{e9}",
            "https://ada-x%2espaces.example/",
            " https://ada-x.spaces.example/",
            "https://[::1]/",
        ] {
            assert_eq!(lead("https://ada-x.spaces.example", uri), None, "{uri:?}");
        }
        let long = format!("https://ada-x.spaces.example/{}", "a".repeat(MOST));
        assert_eq!(lead("https://ada-x.spaces.example", &long), None);
    }

    proptest! {
        #[test]
        fn it_leads_nowhere_else(uri in "(https?://)?(ada-x\\.h|evil|[@:/\\\\?#.%a0]){0,4}\\PC{0,8}") {
            if let Some(address) = lead("https://ada-x.h", &uri) {
                prop_assert!(address.starts_with("https://ada-x.h/"), "{uri} leads to {address}");
            }
        }
    }
}
