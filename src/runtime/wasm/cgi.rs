//! CGI/1.1 (RFC 3875): a request as meta-variables, and the head of a script's answer.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, LOCATION};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use percent_encoding::percent_decode_str;

/// Most bytes of an answer's head.
pub(super) const HEAD: usize = 64 << 10;

/// The meta-variables of a request (RFC 3875 §4.1).
///
/// Header fields that a library could mistake for its own settings (`Proxy`), and credentials, are left out, as §9.2
/// advises.
pub(super) fn meta_variables(parts: &Parts) -> Vec<(String, String)> {
    let header = |name: &HeaderName| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let forwarded = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let authority = parts
        .uri
        .host()
        .or_else(|| header(&HOST))
        .unwrap_or("localhost");
    let (server, port) = match authority.rsplit_once(':') {
        Some((server, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (server, port),
        _ => (authority, "80"),
    };
    let path = percent_decode_str(parts.uri.path())
        .decode_utf8_lossy()
        .replace('\0', "");
    let remote = forwarded("x-forwarded-for").and_then(|list| list.rsplit(',').next());
    let mut variables: Vec<(String, String)> = [
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        (
            "SERVER_SOFTWARE",
            concat!("glasshouse/", env!("CARGO_PKG_VERSION")),
        ),
        ("SERVER_NAME", server),
        ("SERVER_PORT", port),
        ("REQUEST_METHOD", parts.method.as_str()),
        ("SCRIPT_NAME", forwarded("x-forwarded-prefix").unwrap_or("")),
        ("PATH_INFO", &path),
        ("QUERY_STRING", parts.uri.query().unwrap_or("")),
        ("REMOTE_ADDR", remote.map_or("", str::trim)),
        ("CONTENT_TYPE", header(&CONTENT_TYPE).unwrap_or("")),
        ("CONTENT_LENGTH", header(&CONTENT_LENGTH).unwrap_or("")),
    ]
    .into_iter()
    .filter(|(name, value)| !(name.starts_with("CONTENT_") && value.is_empty()))
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    for name in parts.headers.keys() {
        let hidden = [
            "proxy",
            "authorization",
            "x-hf-authorization",
            "content-type",
            "content-length",
        ];
        if hidden.contains(&name.as_str()) {
            continue;
        }
        let values = parts
            .headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let separator = if name == http::header::COOKIE {
            "; "
        } else {
            ", "
        };
        let value = values.collect::<Vec<_>>().join(separator);
        let name = name.as_str().to_ascii_uppercase().replace('-', "_");
        variables.push((format!("HTTP_{name}"), value));
    }
    variables
}

/// Where the head of an answer ends: the length of the head, and of the head with its blank line.
pub(super) fn head_end(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut line_start = 0;
    for (index, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' {
            let line = &bytes[line_start..index];
            if line.is_empty() || line == b"\r" {
                return Some((line_start, index + 1));
            }
            line_start = index + 1;
        }
    }
    None
}

/// Reads the head of an answer (RFC 3875 §6).
///
/// # Errors
/// What is wrong with it, for its author.
pub(super) fn parse_head(head: &[u8]) -> Result<Response<()>, String> {
    let text = std::str::from_utf8(head).map_err(|_| "the header block is not UTF-8".to_owned())?;
    let mut status = None;
    let mut headers = HeaderMap::new();
    for line in text.lines() {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| format!("`{}` is not a `Name: value` header line", short(line)))?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            let code = value.split_whitespace().next().unwrap_or("");
            let code = code
                .parse::<StatusCode>()
                .ok()
                .filter(|code| *code >= StatusCode::OK);
            status =
                Some(code.ok_or_else(|| {
                    format!("`Status: {}` is not a final HTTP status", short(value))
                })?);
            continue;
        }
        let name: HeaderName = name
            .parse()
            .map_err(|_| format!("`{}` is not a header name", short(name)))?;
        let value: HeaderValue = value
            .parse()
            .map_err(|_| format!("the value of `{name}` is not allowed in a header"))?;
        headers.append(name, value);
    }
    let redirects = headers.contains_key(LOCATION);
    if status.is_none() && !redirects && !headers.contains_key(CONTENT_TYPE) {
        return Err("the answer must begin with `Content-Type`, `Location` or `Status`".into());
    }
    let mut response = Response::new(());
    let usual = if redirects {
        StatusCode::FOUND
    } else {
        StatusCode::OK
    };
    *response.status_mut() = status.unwrap_or(usual);
    *response.headers_mut() = headers;
    Ok(response)
}

fn short(text: &str) -> String {
    text.chars()
        .take(60)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn heads_end_at_the_first_blank_line() {
        assert_eq!(head_end(b"A: b\n\nbody"), Some((5, 6)));
        assert_eq!(head_end(b"A: b\r\n\r\nbody"), Some((6, 8)));
        assert_eq!(head_end(b"\nbody"), Some((0, 1)));
        assert_eq!(head_end(b"A: b\n"), None);
    }

    #[test]
    fn statuses_and_redirects() {
        let teapot =
            parse_head(b"Status: 418 I'm a teapot\nContent-Type: text/plain\n").expect("valid");
        assert_eq!(teapot.status(), 418);
        assert_eq!(parse_head(b"Location: /x\n").expect("valid").status(), 302);
        assert!(parse_head(b"X-Only: this\n").is_err());
        assert!(parse_head(b"Status: 100\n").is_err());
        assert!(parse_head(b"no colon\n").is_err());
    }

    #[test]
    fn credentials_and_settings_stay_outside() {
        let request = http::Request::builder()
            .uri("/a%20b?q=1")
            .header("host", "x.localhost:7860")
            .header("proxy", "evil")
            .header("authorization", "Bearer secret")
            .header("x-custom", "1")
            .body(())
            .expect("valid");
        let variables = meta_variables(&request.into_parts().0);
        let get = |name: &str| {
            variables
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.as_str())
        };
        assert_eq!(get("PATH_INFO"), Some("/a b"));
        assert_eq!(get("SERVER_PORT"), Some("7860"));
        assert_eq!(get("HTTP_X_CUSTOM"), Some("1"));
        assert_eq!(get("HTTP_PROXY"), None);
        assert_eq!(get("HTTP_AUTHORIZATION"), None);
    }

    proptest! {
        #[test]
        fn no_head_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some((end, _)) = head_end(&bytes) {
                let _ = parse_head(&bytes[..end]);
            }
        }
    }
}
