//! `Range` and the conditions around it (RFC 9110 §13 and §14).

use std::ops::Range;

use http::{HeaderMap, header};

/// Which bytes a request is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of them.
    Whole,
    /// A part; never empty, always inside.
    Part(Range<u64>),
    /// A part that begins after the end.
    Outside,
}

/// Reads `Range` and `If-Range` for a file of `size` bytes. What is malformed or asks for several parts is answered
/// whole, as the standard allows.
pub(super) fn wanted(headers: &HeaderMap, size: u64, etag: &str) -> Wanted {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(range) = text(header::RANGE) else {
        return Wanted::Whole;
    };
    // A date, or a tag of another version: the client's earlier part does not fit.
    if text(header::IF_RANGE).is_some_and(|known| known.trim() != etag) {
        return Wanted::Whole;
    }
    part(range, size).unwrap_or(Wanted::Whole)
}

fn part(range: &str, size: u64) -> Option<Wanted> {
    let spec = range.trim().strip_prefix("bytes=")?.trim();
    let (first, last) = spec.split_once('-')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(first) || !digits(last) {
        return None;
    }
    if first.is_empty() {
        let count: u64 = last.parse().ok()?;
        let start = size.saturating_sub(count);
        return Some(if count == 0 || size == 0 {
            Wanted::Outside
        } else {
            Wanted::Part(start..size)
        });
    }
    let start: u64 = first.parse().ok()?;
    let end = match last {
        "" => size,
        last => last.parse::<u64>().ok()?.checked_add(1)?.min(size),
    };
    let backwards = !last.is_empty() && end <= start && start < size;
    match start < size {
        _ if backwards => None,
        true => Some(Wanted::Part(start..end)),
        false => Some(Wanted::Outside),
    }
}

/// Whether `If-None-Match` names this version, so that the client has it already.
pub(super) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH);
    let known = known.iter().filter_map(|value| value.to_str().ok());
    known.flat_map(|list| list.split(',')).any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    name.clone(),
                    HeaderValue::from_str(value).expect("a header value"),
                )
            })
            .collect()
    }

    #[test]
    fn ranges_mean_what_the_standard_says() {
        let ask = |range: &str, size| wanted(&headers(&[(header::RANGE, range)]), size, "\"x\"");
        for (range, size, expected) in [
            ("bytes=0-0", 10, Wanted::Part(0..1)),
            ("bytes=2-4", 10, Wanted::Part(2..5)),
            ("bytes=2-", 10, Wanted::Part(2..10)),
            ("bytes=-3", 10, Wanted::Part(7..10)),
            ("bytes=-30", 10, Wanted::Part(0..10)),
            ("bytes=5-99999999999", 10, Wanted::Part(5..10)),
            ("bytes=10-", 10, Wanted::Outside),
            ("bytes=10-12", 10, Wanted::Outside),
            ("bytes=-0", 10, Wanted::Outside),
            ("bytes=0-", 0, Wanted::Outside),
            ("bytes=-1", 0, Wanted::Outside),
            ("bytes=4-2", 10, Wanted::Whole),
            ("bytes=0-1,3-4", 10, Wanted::Whole),
            ("bytes=-", 10, Wanted::Whole),
            ("bytes=a-b", 10, Wanted::Whole),
            ("bytes=+1-2", 10, Wanted::Whole),
            ("bytes=0-18446744073709551615", 10, Wanted::Whole),
            ("items=0-1", 10, Wanted::Whole),
        ] {
            assert_eq!(ask(range, size), expected, "{range} of {size}");
        }
    }

    #[test]
    fn conditions_compare_tags() {
        let range = (header::RANGE, "bytes=0-0");
        let with = |tag| {
            wanted(
                &headers(&[range.clone(), (header::IF_RANGE, tag)]),
                10,
                "\"x\"",
            )
        };
        assert_eq!(with("\"x\""), Wanted::Part(0..1));
        assert_eq!(with("W/\"x\""), Wanted::Whole);
        assert_eq!(with("\"y\""), Wanted::Whole);
        assert_eq!(with("Sun, 06 Nov 1994 08:49:37 GMT"), Wanted::Whole);

        let known = |tags| is_known(&headers(&[(header::IF_NONE_MATCH, tags)]), "\"x\"");
        assert!(known("\"x\"") && known("W/\"x\"") && known("\"y\", \"x\"") && known("*"));
        assert!(!known("\"y\"") && !known("x") && !known(""));
        assert!(!is_known(&HeaderMap::new(), "\"x\""));
    }

    proptest! {
        #[test]
        fn parts_are_inside(range in "(bytes=)?[0-9,-]{0,24}", size in 0..u64::MAX) {
            if let Wanted::Part(part) = wanted(&headers(&[(header::RANGE, &range)]), size, "\"x\"") {
                prop_assert!(part.start < part.end && part.end <= size);
            }
        }
    }
}
