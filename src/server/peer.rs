//! Who is at the other end of a connection.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderValue};

/// Who is at the other end.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Of the socket; a proxy's, if one stands before the server.
    pub address: SocketAddr,
    /// Of the client: the socket's, or what a trusted proxy says.
    pub client: IpAddr,
    /// The client's as text, made once per connection where no proxy speaks for others.
    pub ip: HeaderValue,
}

/// Set by a proxy, and by anybody who pretends to be one.
const X_FORWARDED_FOR: &str = "x-forwarded-for";

// === impl Peer ===

impl Peer {
    /// A peer at that address.
    pub fn new(address: SocketAddr) -> Self {
        let client = address.ip().to_canonical();
        Self {
            address,
            client,
            ip: text(client),
        }
    }

    /// The client of one request. Whoever is no proxy of ours speaks for itself alone, so the addresses are read from
    /// the last, which our own proxy has added, to the first that is none of `proxies`.
    pub(super) fn behind(&self, headers: &HeaderMap, proxies: &[IpAddr]) -> Self {
        let mut peer = self.clone();
        if !proxies.contains(&self.client) {
            return peer;
        }
        let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
        let value = lines.flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
        for value in value {
            let Some(client) = address_of(value.trim()) else {
                break;
            };
            peer.client = client;
            if !proxies.contains(&client) {
                break;
            }
        }
        if peer.client != self.client {
            peer.ip = text(peer.client);
        }
        peer
    }
}

/// `192.0.2.7`, `192.0.2.7:1234`, `2001:db8::1` or `[2001:db8::1]:1234`.
fn address_of(value: &str) -> Option<IpAddr> {
    let socket = || value.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    let address = value.parse::<IpAddr>().ok().or_else(socket)?;
    Some(address.to_canonical())
}

fn text(address: IpAddr) -> HeaderValue {
    // An IP address is made of digits, letters, dots and colons.
    HeaderValue::try_from(address.to_string())
        .unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(lines: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_static(line));
        }
        let proxies = [
            IpAddr::from([127, 0, 0, 1]),
            "2001:db8::ff".parse().expect("an address"),
        ];
        let peer = Peer::new(([127, 0, 0, 1], 5000).into()).behind(&headers, &proxies);
        assert_eq!(peer.ip, peer.client.to_string());
        peer.client.to_string()
    }

    #[test]
    fn a_trusted_proxy_speaks_for_its_client() {
        assert_eq!(client(&["192.0.2.7"]), "192.0.2.7");
        assert_eq!(client(&["192.0.2.7:4711"]), "192.0.2.7");
        assert_eq!(client(&["192.0.2.7, 2001:db8::ff"]), "192.0.2.7");
        assert_eq!(client(&["192.0.2.7", "[2001:db8::ff]:1"]), "192.0.2.7");
        assert_eq!(client(&["::ffff:192.0.2.7"]), "192.0.2.7");
    }

    #[test]
    fn a_client_does_not_choose_its_address() {
        assert_eq!(client(&["10.0.0.1, 192.0.2.7"]), "192.0.2.7");
        assert_eq!(client(&["10.0.0.1", "192.0.2.7"]), "192.0.2.7");
        assert_eq!(client(&["10.0.0.1, unknown, 127.0.0.1"]), "127.0.0.1");
        assert_eq!(client(&["_hidden"]), "127.0.0.1");
        assert_eq!(client(&[]), "127.0.0.1");
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("10.0.0.1"));
        let stranger =
            Peer::new(([192, 0, 2, 9], 1).into()).behind(&headers, &[[127, 0, 0, 1].into()]);
        assert_eq!(stranger.ip, "192.0.2.9");
    }
}
