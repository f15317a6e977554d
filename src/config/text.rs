//! Times and sizes as people write them: `30s`, `256 MiB`.
//!
//! Each module here is for `#[serde(with = "…")]`, so that a field's type in the struct stays the plain one.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, Error, Visitor};

/// In microseconds.
const TIME_UNITS: [(&str, u64); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1000),
    ("us", 1),
];
const SIZE_UNITS: [(&str, u64); 5] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

/// A whole number and one of `units`, with or without a space between them.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// The value in the largest unit that divides it.
fn render(value: u64, units: &[(&str, u64)], space: &str) -> String {
    let exact = units
        .iter()
        .find(|(_, factor)| value >= *factor && value.is_multiple_of(*factor));
    match (exact, units.last()) {
        (Some((name, factor)), _) => format!("{}{space}{name}", value / factor),
        (None, Some((name, _))) => format!("{value}{space}{name}"),
        (None, None) => value.to_string(),
    }
}

/// Reads text, and nothing but text, by `parse`; `expected` says what is allowed.
struct Text<T> {
    parse: fn(&str) -> Option<T>,
    expected: &'static str,
}

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).ok_or_else(|| E::custom(format!("`{text}` is not {}", self.expected)))
    }
}

const A_TIME: &str = "a time such as `250us`, `250ms`, `30s`, `10m`, `48h` or `7d`";
const A_SIZE: &str = "a size such as `512 B`, `64 KiB`, `256 MiB` or `2 GiB`";

fn read_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_str(Text {
        parse: |text| parse(text, &TIME_UNITS).map(Duration::from_micros),
        expected: A_TIME,
    })
}

fn read_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_str(Text {
        parse: |text| parse(text, &SIZE_UNITS),
        expected: A_SIZE,
    })
}

pub(super) fn size(bytes: u64) -> String {
    render(bytes, &SIZE_UNITS, " ")
}

pub(super) fn time(value: Duration) -> String {
    let micros = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
    render(micros, &TIME_UNITS, "")
}

pub(super) mod duration {
    use super::{Deserializer, Duration, read_time, time};

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        read_time(deserializer)
    }

    pub(in crate::config) fn serialize<S: serde::Serializer>(
        value: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&time(*value))
    }
}

pub(super) mod bytes {
    use super::{Deserializer, read_size, size};

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<u64, D::Error> {
        read_size(deserializer)
    }

    pub(in crate::config) fn serialize<S: serde::Serializer>(
        value: &u64,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&size(*value))
    }
}

pub(super) mod optional_duration {
    use super::{Deserializer, Duration, read_time, time};

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        read_time(deserializer).map(Some)
    }

    pub(in crate::config) fn serialize<S: serde::Serializer>(
        value: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.serialize_str(&time(*value)),
            None => serializer.serialize_none(),
        }
    }
}

pub(super) mod optional_bytes {
    use super::{Deserializer, read_size, size};

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<u64>, D::Error> {
        read_size(deserializer).map(Some)
    }

    pub(in crate::config) fn serialize<S: serde::Serializer>(
        value: &Option<u64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.serialize_str(&size(*value)),
            None => serializer.serialize_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_whole_numbers_with_a_unit_are_read() {
        let seconds = |text| parse(text, &TIME_UNITS).map(|micros| micros / 1_000_000);
        assert_eq!(seconds("30s"), Some(30));
        assert_eq!(seconds(" 2 d "), Some(172_800));
        assert_eq!(parse("256 MiB", &SIZE_UNITS), Some(256 << 20));
        for bad in [
            "",
            "30",
            "s",
            "-1s",
            "1.5s",
            "1 S",
            "1sec",
            "99999999999999999999s",
            "18446744073709551615d",
            "1s 1s",
        ] {
            assert_eq!(seconds(bad), None, "{bad:?} was read");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value: u64) {
            prop_assert_eq!(parse(&render(value, &SIZE_UNITS, " "), &SIZE_UNITS), Some(value));
            prop_assert_eq!(parse(&render(value, &TIME_UNITS, ""), &TIME_UNITS), Some(value));
        }

        #[test]
        fn nothing_makes_it_panic(text in "\\PC{0,12}") {
            parse(&text, &SIZE_UNITS);
            parse(&text, &TIME_UNITS);
        }
    }
}
