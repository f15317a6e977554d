//! What belongs to the visitor's connection, and has to be said anew on the one to the Space.

use http::header::{CONNECTION, EXPECT, TE, TRAILER, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, Version};
use http_body::Body;

use super::{cookies, lists};
use crate::net::tokens;

/// The visitor's wishes of the next hop. Read before the headers are cleaned.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Hop {
    /// The protocol that HTTP is to be left for.
    pub(in crate::gateway) upgrade: Option<HeaderValue>,
    waits_for_continue: bool,
    takes_trailers: bool,
    /// Whether the browser keeps the cookies of the answer apart, as those of a frame.
    keeps_cookies_apart: bool,
}

// === impl Hop ===

impl Hop {
    pub(in crate::gateway) fn of<B: Body>(request: &Request<B>) -> Self {
        let headers = request.headers();
        let modern = request.version() >= Version::HTTP_11;
        let empty = request.body().is_end_stream();
        Self {
            upgrade: upgrade(headers).filter(|_| modern && empty).cloned(),
            waits_for_continue: modern && !empty && lists(headers, &EXPECT, "100-continue"),
            keeps_cookies_apart: cookies::is_kept_apart(headers),
            takes_trailers: headers.contains_key(TE) && lists(headers, &TE, "trailers"),
        }
    }

    /// Whether the visitor asks for a WebSocket (RFC 6455 §4.1).
    pub(in crate::gateway) fn is_websocket(&self) -> bool {
        let protocol = self.upgrade.as_ref();
        protocol.is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"))
    }

    /// Says to the visitor that HTTP is left, for what they asked.
    pub(in crate::gateway) fn set_upgrade_headers(&self, headers: &mut HeaderMap) {
        if let Some(protocol) = &self.upgrade {
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, protocol.clone());
        }
    }

    /// Says them to a Space that is reached over a connection.
    pub(in crate::gateway) fn apply_to_request(&self, headers: &mut HeaderMap) {
        self.set_upgrade_headers(headers);
        if self.waits_for_continue {
            headers.insert(EXPECT, HeaderValue::from_static("100-continue"));
        }
        if self.takes_trailers {
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
    }

    /// Cleans a Space's answer, and leaves the names of its trailers to visitors who take them.
    pub(in crate::gateway) fn sanitize_response(&self, headers: &mut HeaderMap) {
        let trailers = match self.takes_trailers {
            true => headers.get(TRAILER).cloned(),
            false => None,
        };
        super::to_visitor(headers, self.keeps_cookies_apart);
        if let Some(trailers) = trailers {
            headers.insert(TRAILER, trailers);
        }
    }
}

/// The one protocol offered, if HTTP may be left for it. Not for HTTP itself, in another version or under TLS: requests
/// within would pass the gateway unseen, with headers that only it may say.
fn upgrade(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut offers = headers.get_all(UPGRADE).iter();
    let offer = offers.next()?;
    let is_http = |protocol: &[u8]| {
        let starts = |with: &[u8]| {
            let begin = protocol.get(..with.len());
            begin.is_some_and(|begin| begin.eq_ignore_ascii_case(with))
        };
        starts(b"h2c") || starts(b"http") || starts(b"tls")
    };
    let allowed = offers.next().is_none()
        && lists(headers, &CONNECTION, "upgrade")
        && tokens(headers, &UPGRADE).count() == 1
        && tokens(headers, &UPGRADE).all(|protocol| !protocol.is_empty() && !is_http(protocol));
    allowed.then_some(offer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(headers: &[(&str, &str)], body: &'static str) -> Hop {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = http_body_util::Full::new(body.as_bytes());
        Hop::of(&request.body(body).expect("a request"))
    }

    #[test]
    fn http_is_left_for_what_is_not_http() {
        let asks = |upgrade, connection| {
            let hop = hop(&[("upgrade", upgrade), ("connection", connection)], "");
            (hop.upgrade.is_some(), hop.is_websocket())
        };
        assert_eq!(asks("websocket", "Upgrade"), (true, true));
        assert_eq!(asks("WebSocket", "keep-alive, Upgrade"), (true, true));
        assert_eq!(asks("something/1.0", "upgrade"), (true, false));
        for (upgrade, connection) in [
            ("h2c", "upgrade, http2-settings"),
            ("HTTP/2.0", "upgrade"),
            ("TLS/1.0", "upgrade"),
            ("websocket, h2c", "upgrade"),
            ("websocket", "close"),
            ("", "upgrade"),
        ] {
            assert!(!asks(upgrade, connection).0, "{upgrade:?} {connection:?}");
        }
        let twice = [
            ("upgrade", "websocket"),
            ("upgrade", "h2c"),
            ("connection", "upgrade"),
        ];
        assert!(hop(&twice, "").upgrade.is_none());
        let with_body = [("upgrade", "websocket"), ("connection", "upgrade")];
        assert!(hop(&with_body, "x").upgrade.is_none());
    }

    #[test]
    fn cookies_of_a_frame_elsewhere_are_of_that_page_alone() {
        let answered = |access: &str, cookie: &'static str| {
            let mut answer = HeaderMap::new();
            answer.insert("set-cookie", HeaderValue::from_static(cookie));
            let hop = hop(&[("sec-fetch-storage-access", access)], "");
            hop.sanitize_response(&mut answer);
            let cookie = answer["set-cookie"].to_str().expect("plain");
            cookie.to_owned()
        };
        let framed = "a=b; Path=/; SameSite=None; Secure; Partitioned";
        for cookie in [
            "a=b; Path=/",
            "a=b; Path=/; secure; samesite=Lax",
            "a=b; Path=/; Domain=x.example; Partitioned;",
        ] {
            assert_eq!(answered("none", cookie), framed);
            assert_eq!(answered("inactive", cookie), framed);
            assert!(!answered("active", cookie).contains("SameSite=None"));
        }
    }

    #[test]
    fn wishes_are_said_anew_and_trailers_kept_for_who_takes_them() {
        let mut sent = HeaderMap::new();
        let wishes = [
            ("te", "trailers, deflate;q=0.5"),
            ("expect", "100-Continue"),
        ];
        let takes = hop(&wishes, "body");
        takes.apply_to_request(&mut sent);
        assert_eq!(
            (&sent[TE], &sent[EXPECT]),
            (
                &HeaderValue::from_static("trailers"),
                &HeaderValue::from_static("100-continue")
            )
        );
        let answer = || HeaderMap::from_iter([(TRAILER, HeaderValue::from_static("x-sum"))]);
        let (mut kept, mut dropped) = (answer(), answer());
        takes.sanitize_response(&mut kept);
        hop(&[], "").sanitize_response(&mut dropped);
        assert!(kept.contains_key(TRAILER) && dropped.is_empty());
    }
}
