//! Amounts as people write them.

/// Millicores, of a number of cores: `0.25` is 250. `None` when it is none.
pub(super) fn read_cores(text: &str) -> Option<u64> {
    let cores: f64 = text.parse().ok()?;
    // A cast of a float keeps within bounds.
    (cores.is_finite() && (0.0..=1e9).contains(&cores)).then(|| (cores * 1000.0).round() as u64)
}

/// Bytes: `512`, `4GiB`, `1.5 GiB`. `None` when it is no size.
pub(super) fn read_size(text: &str) -> Option<u64> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let factor = match unit.trim() {
        "" | "B" => 1u64,
        "K" | "KiB" => 1 << 10,
        "M" | "MiB" => 1 << 20,
        "G" | "GiB" => 1 << 30,
        "T" | "TiB" => 1 << 40,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    let bytes = number * factor as f64;
    (bytes.is_finite() && (0.0..=9e18).contains(&bytes)).then(|| bytes.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        assert_eq!(read_cores("0.25"), Some(250));
        assert_eq!(read_size("4 GiB"), Some(4 << 30));
        assert_eq!(read_size("1.5G"), Some(3 << 29));
        assert_eq!(read_size("0"), Some(0));
        for bad in ["-1", "", "GiB", "1 XiB", "nan", "1e400", "99999999 TiB"] {
            assert_eq!((read_size(bad), read_cores(bad)), (None, None), "{bad}");
        }
    }
}
