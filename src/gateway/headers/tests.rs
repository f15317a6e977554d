use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION, CONNECTION, CONTENT_SECURITY_POLICY,
};
use proptest::prelude::*;

use super::*;
use crate::auth::new_token;

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        headers.append(name, HeaderValue::from_str(value).expect("a value"));
    }
    headers
}

fn origin(prefix: Option<&str>) -> Origin {
    let value = |text: &str| HeaderValue::from_str(text).ok();
    Origin {
        space: SpaceId::new(),
        peer: value("192.0.2.7"),
        host: value("a-b.localhost:7860"),
        scheme: "http",
        prefix: prefix.and_then(value),
        id: value("0123456789abcdef"),
    }
}

fn values<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h str> {
    let values = headers.get_all(name).iter();
    values.map(|value| value.to_str().expect("text")).collect()
}

#[test]
fn a_space_learns_from_us_how_it_was_reached() {
    let mut sent = headers(&[
        ("host", "a-b.localhost:7860"),
        ("x-forwarded-for", "6.6.6.6"),
        ("X_Forwarded_Host", "evil"),
        ("x-forwarded-server", "evil"),
        ("forwarded", "for=6.6.6.6"),
        ("x-request-id", "mine"),
        ("proxy", "http://evil"),
        ("connection", "x-forwarded-proto, Host, close, x-mine"),
        ("x-mine", "hop"),
        ("accept", "text/html"),
    ]);
    to_space(&mut sent, origin(Some("/run/a/b")));
    let expected = headers(&[
        ("host", "a-b.localhost:7860"),
        ("accept", "text/html"),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-host", "a-b.localhost:7860"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-prefix", "/run/a/b"),
        ("x-request-id", "0123456789abcdef"),
    ]);
    assert_eq!(sent, expected);
}

#[test]
fn cookies_of_ours_stay_and_theirs_go() {
    let mut sent = headers(&[
        ("cookie", "a=1; glasshouse_session=x;b=2"),
        ("cookie", "__Host-glasshouse_session=x"),
        (
            "cookie",
            "=glasshouse_x=y; Glasshouse-ticket=z; c=glasshouse",
        ),
    ]);
    to_space(&mut sent, origin(None));
    assert_eq!(values(&sent, "cookie"), ["a=1; b=2", "c=glasshouse"]);
    let mut sent = headers(&[("cookie", "a=1")]);
    to_space(&mut sent, origin(Some("/run/a/b")));
    assert!(!sent.contains_key("cookie"));
}

#[test]
fn a_spaces_cookies_stay_at_its_host() {
    let mut answer = headers(&[
        ("set-cookie", "a=1; Domain=localhost; Path=/; HttpOnly"),
        ("set-cookie", "b=domain;\tDOMAIN =.example ;Secure"),
        ("set-cookie", "c=3; domain"),
        ("set-cookie", "glasshouse_session=stolen; Path=/"),
        ("set-cookie", "d=4; Max-Age=1"),
        ("clear-site-data", "\"*\""),
    ]);
    to_visitor(&mut answer, false);
    let cookies = [
        "a=1; Path=/; HttpOnly",
        "b=domain; Secure",
        "c=3",
        "d=4; Max-Age=1",
    ];
    assert_eq!(values(&answer, "set-cookie"), cookies);
    assert!(!answer.contains_key("clear-site-data"));
}

#[test]
fn the_path_form_confines_and_opens() {
    let mut answer = headers(&[
        ("set-cookie", "a=1"),
        ("strict-transport-security", "max-age=1"),
        ("service-worker-allowed", "/"),
        ("cross-origin-opener-policy", "same-origin"),
        ("content-security-policy", "default-src *"),
        ("access-control-allow-origin", "https://evil.example"),
        ("access-control-allow-credentials", "true"),
        ("etag", "\"x\""),
    ]);
    to_visitor(&mut answer, false);
    path_form::confine(&mut answer, "/run/a/b", None);
    path_form::open_to_all(&mut answer);
    let policies = values(&answer, CONTENT_SECURITY_POLICY.as_str());
    assert_eq!(policies[0], "default-src *");
    assert!(policies[1].starts_with("sandbox ") && !policies[1].contains("same-origin"));
    assert_eq!(answer[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    for gone in [
        "set-cookie",
        "strict-transport-security",
        "service-worker-allowed",
        "cross-origin-opener-policy",
    ] {
        assert!(!answer.contains_key(gone), "{gone}");
    }
    assert!(!answer.contains_key("access-control-allow-credentials"));
    assert_eq!(answer["etag"], "\"x\"");
}

#[test]
fn redirects_within_a_space_stay_within_it() {
    let host = HeaderValue::from_static("hub.example:7860");
    for (sent, seen) in [
        ("/login", "/run/a/b/login"),
        ("/run/a/b/login", "/run/a/b/login"),
        ("http://hub.example:7860/login?x", "/run/a/b/login?x"),
        ("https://hub.example:7860/", "/run/a/b/"),
        (
            "http://hub.example:7860.evil/",
            "http://hub.example:7860.evil/",
        ),
        ("http://hub.example/login", "http://hub.example/login"),
        ("//evil/", "//evil/"),
        ("next", "next"),
    ] {
        let mut answer = headers(&[("location", sent)]);
        path_form::confine(&mut answer, "/run/a/b", Some(&host));
        assert_eq!(answer["location"], seen, "{sent}");
    }
}

#[test]
fn a_space_sees_what_was_given_to_it_and_not_to_others() {
    let (own, other) = (origin(None), SpaceId::new());
    for (space, passes) in [(own.space, true), (other, false)] {
        let token = format!("Bearer hf_oauth_{space}_grant_1_signature");
        let mut sent = headers(&[("authorization", &token), ("x-hf-authorization", &token)]);
        let origin = Origin {
            space: own.space,
            ..origin(None)
        };
        to_space(&mut sent, origin);
        assert_eq!(sent.contains_key(AUTHORIZATION), passes);
        assert!(!sent.contains_key("x-hf-authorization"));
    }
}

/// How a token might be dressed.
fn dressed(token: &str, dress: u8) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
    match dress {
        0 => format!("Bearer {token}"),
        1 => format!("bearer   {token}"),
        2 => token.to_owned(),
        3 => format!("Basic {}", STANDARD.encode(format!("user:{token}"))),
        4 => format!("basic {}", STANDARD_NO_PAD.encode(format!("{token}:"))),
        5 => format!("Bearer hf_x, Bearer {token}"),
        _ => format!("Digest username=\"{token}\""),
    }
}

fn any_header() -> impl Strategy<Value = (String, String)> {
    let names = prop_oneof![
        Just("Connection".to_owned()),
        Just("Keep-Alive".to_owned()),
        Just("Proxy-Authorization".to_owned()),
        Just("TE".to_owned()),
        Just("Trailer".to_owned()),
        Just("Transfer-Encoding".to_owned()),
        Just("Upgrade".to_owned()),
        Just("Forwarded".to_owned()),
        Just("X-Forwarded-For".to_owned()),
        Just("x_forwarded_proto".to_owned()),
        Just("X-Real-IP".to_owned()),
        Just("Cookie".to_owned()),
        Just("Authorization".to_owned()),
        Just("x-hf-authorization".to_owned()),
        Just("X-Request-Id".to_owned()),
        "[A-Za-z][A-Za-z0-9_-]{0,12}",
    ];
    let values = prop_oneof![
        Just("close, X-Real-IP, cookie, x-a".to_owned()),
        Just("glasshouse_session=evil; a=b".to_owned()),
        "[ -~]{0,24}",
    ];
    (names, values)
}

proptest! {
    #[test]
    fn nothing_of_the_connection_nor_of_ours_reaches_a_space(
        mut lines in proptest::collection::vec(any_header(), 0..12),
        dress in 0..7_u8, at: bool, path_form: bool,
    ) {
        let token = new_token().0;
        let carrier = if at { "authorization" } else { "x-hf-authorization" };
        lines.push((carrier.to_owned(), dressed(token.expose(), dress)));
        let lines: Vec<_> = lines
            .iter()
            .map(|(name, value)| (name.as_str(), value.trim()))
            .collect();
        let before = headers(&lines);
        let named: Vec<String> = tokens(&before, &CONNECTION)
            .map(|token| String::from_utf8_lossy(token).to_ascii_lowercase())
            .collect();
        let mut after = before.clone();
        to_space(&mut after, origin(path_form.then_some("/run/a/b")));

        let ours = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix", "x-request-id", "host"];
        for (name, value) in &after {
            let name = name.as_str();
            let alike = name.replace('_', "-");
            prop_assert!(!is_hop_by_hop(&alike), "{name}");
            if ours.contains(&name) {
                prop_assert_eq!(after.get_all(name).iter().count(), 1);
                continue;
            }
            prop_assert!(!is_ours_to_say(&alike), "{name}");
            prop_assert!(name == "content-length" || !named.iter().any(|hop| hop == name), "{name} was named");
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            prop_assert!(!text.contains(token.expose()));
            if name == "cookie" {
                prop_assert!(!path_form);
                prop_assert!(!text.split(';').any(|pair| pair.trim().to_ascii_lowercase().starts_with("glasshouse")), "{text}");
            }
            // And what is there was sent so, but for cookies that were sorted.
            if name != "cookie" {
                prop_assert!(before.get_all(name).iter().any(|sent| sent == value));
            }
        }
        prop_assert_eq!(&after["x-forwarded-for"], "192.0.2.7");
        let sent = HeaderValue::from_str(&dressed(token.expose(), dress)).expect("a value");
        let passed = after.get_all(AUTHORIZATION).iter().any(|value| *value == sent);
        prop_assert!(!passed);
    }

    #[test]
    fn no_response_reaches_beyond_its_host(
        lines in proptest::collection::vec(any_header(), 0..8),
        cookies in proptest::collection::vec("[ -~]{0,12}(; ?[Dd]omain ?=[ -~]{0,8})?(;[ -~]{0,8})?", 0..4),
    ) {
        let mut lines: Vec<_> = lines.iter().map(|(name, value)| (name.as_str(), value.trim())).collect();
        lines.extend(cookies.iter().map(|cookie| ("set-cookie", cookie.as_str())));
        let mut answer = headers(&lines);
        to_visitor(&mut answer, false);
        for (name, value) in &answer {
            prop_assert!(!is_hop_by_hop(name.as_str()));
            if name == SET_COOKIE {
                let text = value.to_str().expect("ascii");
                let has_domain = text.split(';').skip(1).any(|part| {
                    part.split('=').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("domain"))
                });
                prop_assert!(!has_domain, "{text}");
            }
        }
    }
}
