//! How strangers' text, sizes and times are shown.

use crate::domain::{Millis, Resource, decimal_text};

/// Whether a character changes how the text around it reads without being seen itself: controls, and the marks that turn
/// the direction of writing (Unicode TR 9), by which `gpj.exe` can be made to read `exe.jpg`.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{61c}' | '\u{feff}')
}

/// One line of a stranger's text: without hidden characters, and at most `most` characters long.
pub(super) fn line(text: &str, most: usize) -> String {
    let mut shown: String = text
        .chars()
        .map(|letter| if letter.is_whitespace() { ' ' } else { letter })
        // Joins the parts of many emojis.
        .filter(|letter| *letter == '\u{200d}' || !is_hidden(*letter))
        .take(most + 1)
        .collect();
    if let Some((end, _)) = shown.char_indices().nth(most) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

/// A file's name or path as it is: what is hidden in it is shown as `�`.
pub(super) fn path(text: &str) -> String {
    let shown = |letter| {
        if is_hidden(letter) {
            '\u{fffd}'
        } else {
            letter
        }
    };
    text.chars().map(shown).collect()
}

/// A line of a stranger's source, at most `most` characters long: what is hidden in it is shown as `�`, a carriage return
/// as `␍`.
pub(super) fn source(text: &str, most: usize) -> String {
    let mut shown: String = text
        .chars()
        .map(|letter| match letter {
            '\t' => letter,
            '\r' => '␍',
            letter if is_hidden(letter) && letter != '\u{200d}' => '\u{fffd}',
            letter => letter,
        })
        .take(most + 1)
        .collect();
    if let Some((end, _)) = shown.char_indices().nth(most) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

/// Bytes of memory as it is sold: `256 MiB`.
pub(super) fn memory(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut unit = "B";
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if size < 1000.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    if size.fract() < 0.05 || size >= 99.5 {
        format!("{size:.0} {unit}")
    } else {
        format!("{size:.1} {unit}")
    }
}

/// An amount of what quotas count, as people read it: rounded, with its unit.
pub(super) fn amount(resource: Resource, amount: u64) -> String {
    match resource {
        Resource::Memory | Resource::Disk => memory(amount),
        Resource::EgressBytesPerDay => decimal_text(amount),
        Resource::CpuSecondsPerDay => cpu_time(amount.saturating_mul(1000)),
        other => other.text(amount),
    }
}

/// How long ago: `3 minutes ago`.
pub(super) fn ago(at: Millis) -> String {
    let seconds = (jiff::Timestamp::now().as_millisecond() - at).max(0) / 1000;
    match seconds {
        0..60 => "just now".to_owned(),
        _ => format!("{} ago", about(seconds)),
    }
}

/// How long until then: `3 minutes`.
pub(super) fn until(at: Millis) -> String {
    let seconds = (at - jiff::Timestamp::now().as_millisecond()).max(0) / 1000;
    match seconds {
        0..60 => "less than a minute".to_owned(),
        _ => about(seconds),
    }
}

/// A span of at least a minute, in the largest unit of which it has one.
fn about(seconds: i64) -> String {
    let (count, unit) = match seconds {
        ..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        86_400..2_592_000 => (seconds / 86_400, "day"),
        2_592_000..31_536_000 => (seconds / 2_592_000, "month"),
        _ => (seconds / 31_536_000, "year"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// A moment for machines and tooltips: `2026-11-25T02:03:04Z`.
pub(super) fn moment(at: Millis) -> String {
    let seconds = at.div_euclid(1000);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |at| at.to_string())
}

/// A span of time as people read it: `48 hours`, `90 seconds`.
pub(super) fn span(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0 => (0, "second"),
        _ if seconds.is_multiple_of(86_400) && seconds > 172_800 => (seconds / 86_400, "day"),
        _ if seconds.is_multiple_of(3600) => (seconds / 3600, "hour"),
        _ if seconds.is_multiple_of(60) => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// CPU time as people read it: `0.31 s`, `12 min`, `3.4 h`.
pub(super) fn cpu_time(millis: u64) -> String {
    let seconds = millis as f64 / 1000.0;
    match seconds {
        0.0 => "0 s".to_owned(),
        0.0..10.0 => format!("{seconds:.2} s"),
        10.0..600.0 => format!("{seconds:.0} s"),
        600.0..7200.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

/// A short time as people read it: `340 ms`, `1.2 s`.
pub(super) fn short_time(millis: u64) -> String {
    match millis {
        0..1000 => format!("{millis} ms"),
        _ => format!("{:.1} s", millis as f64 / 1000.0),
    }
}

/// A number to as many places as it is worth: `0.042`, `3.1`, `240`.
pub(super) fn decimal(number: f64) -> String {
    match number {
        0.0 => "0".to_owned(),
        ..0.1 => format!("{number:.3}"),
        ..10.0 => format!("{number:.2}"),
        ..100.0 => format!("{number:.1}"),
        _ => whole(number.round() as u64),
    }
}

/// A whole number, its digits in threes: `34 373`.
pub(super) fn whole(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            // A narrow space at which no line breaks.
            shown.push('\u{202f}');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_hides_is_shown_or_gone() {
        assert_eq!(path("evil\u{202e}gpj.exe"), "evil\u{fffd}gpj.exe");
        assert_eq!(path("a\nb"), "a\u{fffd}b");
        assert_eq!(line(" a\u{202e}\tb\u{0} ", 10), " a b ");
        assert_eq!(line("abcdef", 3), "abc…");
        assert_eq!(line("👩‍🔬", 9), "👩‍🔬");
        assert_eq!(source("\tif\u{202e} x\r", 10), "\tif\u{fffd} x␍");
        assert_eq!(source("abcdef", 3), "abc…");
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(decimal_text(0), "0 B");
        assert_eq!(decimal_text(999), "999 B");
        assert_eq!(decimal_text(1_400_000), "1.4 MB");
        assert_eq!(decimal_text(999_700), "1.0 MB");
        assert_eq!(memory(256 << 20), "256 MiB");
        assert_eq!(memory(1536 << 20), "1.5 GiB");
        assert_eq!(short_time(999), "999 ms");
        assert_eq!(short_time(1249), "1.2 s");
        assert_eq!(decimal(0.0421), "0.042");
        assert_eq!(decimal(240.4), "240");
        assert_eq!(whole(999), "999");
        assert_eq!(whole(1_034_373), "1\u{202f}034\u{202f}373");
        assert_eq!(span(172_800), "48 hours");
        assert_eq!(span(90), "90 seconds");
    }

    proptest! {
        #[test]
        fn lines_are_short_and_plain(text in any::<String>(), most in 0usize..50) {
            let shown = line(&text, most);
            prop_assert!(shown.chars().count() <= most + 1);
            prop_assert_eq!(shown.find(['\n', '\u{202e}', '\0']), None);
        }
    }
}
