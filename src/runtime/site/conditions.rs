//! Conditional requests (RFC 9110 §13). Tags are the only validators: dates would be those of the server's copy.

use http::header::{IF_MATCH, IF_NONE_MATCH, IF_RANGE};
use http::{HeaderMap, HeaderName, StatusCode};

/// The status of an answer without a body, where the conditions ask for one. `tag` is without its quotes.
pub(super) fn decide(headers: &HeaderMap, tag: &str) -> Option<StatusCode> {
    let quoted = format!("\"{tag}\"");
    if headers.contains_key(IF_MATCH)
        && !tags(headers, IF_MATCH).any(|known| known == "*" || known == quoted)
    {
        return Some(StatusCode::PRECONDITION_FAILED);
    }
    let weakly = |known: &str| known.strip_prefix("W/").unwrap_or(known) == quoted;
    tags(headers, IF_NONE_MATCH)
        .any(|known| known == "*" || weakly(known))
        .then_some(StatusCode::NOT_MODIFIED)
}

/// Whether a part may be sent: whoever says what the other parts are of has them of the same file.
pub(super) fn if_range(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get(IF_RANGE)
        .is_none_or(|known| known.as_bytes() == format!("\"{tag}\"").as_bytes())
}

fn tags(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_the_same_tag_is_the_same_file() {
        let with = |name: HeaderName, value: &'static str| {
            HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
        };
        for same in ["\"a\"", "W/\"a\"", "\"b\", W/\"a\"", "*"] {
            let decided = decide(&with(IF_NONE_MATCH, same), "a");
            assert_eq!(decided, Some(StatusCode::NOT_MODIFIED), "{same}");
        }
        for other in ["\"b\"", "a", "", "\"a-gzip\""] {
            assert_eq!(decide(&with(IF_NONE_MATCH, other), "a"), None, "{other}");
        }
        let failed = Some(StatusCode::PRECONDITION_FAILED);
        assert_eq!(decide(&with(IF_MATCH, "\"a\""), "a"), None);
        assert_eq!(decide(&with(IF_MATCH, "W/\"a\""), "a"), failed);
        assert!(if_range(&with(IF_RANGE, "\"a\""), "a"));
        assert!(!if_range(&with(IF_RANGE, "W/\"a\""), "a"));
        assert!(!if_range(
            &with(IF_RANGE, "Thu, 01 Jan 2015 00:00:00 GMT"),
            "a"
        ));
    }
}
