//! `Range` (RFC 9110 §14.2): the service of folders answers 416 to what may, or must, be answered with the whole file.

use http::{HeaderMap, header};

/// Takes away a `Range` that does not ask for one part in bytes: several parts, another unit, a part that ends before it
/// begins.
pub(super) fn leave_out_odd(headers: &mut HeaderMap) {
    let mut ranges = headers.get_all(header::RANGE).iter();
    let (first, second) = (ranges.next(), ranges.next());
    let text = first.and_then(|range| range.to_str().ok());
    if first.is_some() && (second.is_some() || !text.is_some_and(is_one_part)) {
        headers.remove(header::RANGE);
    }
}

fn is_one_part(range: &str) -> bool {
    let Some((unit, part)) = range.split_once('=') else {
        return false;
    };
    let Some((first, last)) = part.trim().split_once('-') else {
        return false;
    };
    let number = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|_| digits)
    };
    unit.trim().eq_ignore_ascii_case("bytes")
        && match (first, last) {
            ("", last) => number(last).is_some(),
            (first, "") => number(first).is_some(),
            (first, last) => number(first)
                .zip(number(last))
                .is_some_and(|(first, last)| first <= last),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_in_bytes_is_asked_for() {
        for good in ["bytes=0-0", "bytes=5-", "bytes=-5", "bytes=99-100"] {
            assert!(is_one_part(good), "{good}");
        }
        for odd in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=0-1,4-5",
            "bytes=5-4",
            "bytes=+1-2",
            "bytes=0-99999999999999999999",
            "lines=0-1",
        ] {
            assert!(!is_one_part(odd), "{odd}");
        }
    }
}
