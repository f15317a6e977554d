//! The values of a card's fields, as authors write them.

use std::time::Duration;

use serde_json::Value;

/// `name` or `name:port`: no scheme, path, user, wildcard or address in brackets.
pub(super) fn is_host(text: &str) -> bool {
    let (name, port) = text
        .split_once(':')
        .map_or((text, None), |(name, port)| (name, Some(port)));
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.len() <= 253
        && name.split('.').all(label)
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0))
}

/// A path, perhaps with a query, that stays below whatever it is put behind.
pub(super) fn is_base_path(text: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte);
    let path = text
        .split('?')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let climbs = |part: &str| matches!(&*part.replace("%2e", "."), "." | "..");
    text.len() <= 200
        && text.starts_with('/')
        && !text.starts_with("//")
        && text.bytes().all(allowed)
        && !path.split('/').any(climbs)
        && !["%2f", "%5c"].iter().any(|slash| path.contains(slash))
}

/// `Dockerfile`, `Dockerfile.gpu` or `gpu.Dockerfile`, in whatever folder.
pub(super) fn names_a_dockerfile(value: &Value) -> bool {
    let name = value.as_str().and_then(|path| path.rsplit('/').next());
    let name = name.unwrap_or_default().to_ascii_lowercase();
    name.split('.').next() == Some("dockerfile") || name.ends_with(".dockerfile")
}

/// Whether a key is a field's name but for capitals and what separates its words.
pub(super) fn is_near(key: &str, field: &str) -> bool {
    letters(key) == letters(field)
}

/// The letters of a key by which it is known, however its words are separated.
pub(super) fn letters(key: &str) -> String {
    let separates = |letter: &char| matches!(letter, '_' | '-' | ' ');
    let letters = key.chars().filter(|letter| !separates(letter));
    letters.collect::<String>().to_lowercase()
}

/// Numbers with units, added up: `500ms`, `30s`, `1h30m`, `1.5 hours`; a number alone is of seconds. What is too long to be
/// counted is as long as can be.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let in_number = |letter: char| letter.is_ascii_digit() || letter == '.';
    let in_unit = |letter: char| letter.is_ascii_alphabetic();
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let alone = rest.chars().all(in_number);
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let after = rest.trim_start_matches(in_number);
        let number = &rest[..rest.len() - after.len()];
        let unit = after.trim_start();
        let after = unit.trim_start_matches(in_unit);
        let unit = &unit[..unit.len() - after.len()];
        let in_seconds = match unit.to_ascii_lowercase().as_str() {
            "" if alone => 1.0,
            "ms" | "millisecond" | "milliseconds" => 0.001,
            "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86_400.0,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * in_seconds;
        rest = after.trim_start();
    }
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// A whole number and a unit: `500MiB`, `2GiB`.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim() {
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// A value as it is named in a message: short, on one line.
pub(super) fn plain(value: &Value) -> String {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let mut text = text.replace(['\n', '\r'], " ");
    if let Some((cut, _)) = text.char_indices().nth(60) {
        text.truncate(cut);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_stays_where_it_is() {
        for good in ["/", "/docs", "/a/b.html?x=1&y=..", "/lab/tree/a%20b"] {
            assert!(is_base_path(good), "{good}");
        }
        for bad in [
            "",
            "docs",
            "//evil.example",
            "/\\evil.example",
            "/../x",
            "/a/%2e%2E/b",
            "/a/.",
            "/a%2f..%2fb",
            "/a b",
            "/a#b",
            "/a\r\nb",
            "/ü",
            "https://evil.example/",
        ] {
            assert!(!is_base_path(bad), "{bad}");
        }
    }

    #[test]
    fn times_are_read_in_every_form() {
        for (text, millis) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("3600", 3_600_000),
            ("1h", 3_600_000),
            ("1H", 3_600_000),
            ("1h30m", 5_400_000),
            ("1h 30m 5s", 5_405_000),
            ("1.5 hours", 5_400_000),
            ("90 min", 5_400_000),
            ("1d", 86_400_000),
            ("0.25", 250),
        ] {
            let read = parse_duration(text);
            assert_eq!(read, Some(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "", " ", "soon", "h", "1h30", "30 1h", "-5", "1..5s", "1:30", "5y", "s5", "1e3", "∞",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        let long = "9".repeat(400);
        assert_eq!(parse_duration(&long), Some(Duration::MAX));
    }
}
