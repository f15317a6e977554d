//! Amounts of what quotas count, as people write them.

use super::Resource;
use super::bytes_text;

impl Resource {
    /// Reads an amount, in what the ledger counts it in: `0.5` cores are 500, `4 GiB` are bytes. `None` when it is none, or
    /// more than can be counted.
    pub fn read(self, text: &str) -> Option<u64> {
        let amount = match self {
            Self::Cpu => cores(text),
            Self::Memory | Self::Disk | Self::EgressBytesPerDay => size(text),
            _ => text.parse().ok(),
        };
        amount.filter(|amount| i64::try_from(*amount).is_ok())
    }

    /// An amount as [`Self::read`] understands it.
    pub fn written(self, amount: u64) -> String {
        match self {
            Self::Cpu => thousandths(amount),
            Self::Memory | Self::Disk | Self::EgressBytesPerDay => bytes_text(amount),
            _ => amount.to_string(),
        }
    }

    /// What [`Self::read`] wants, as a sentence names it.
    pub fn wanted(self) -> &'static str {
        match self {
            Self::Cpu => "a number of cores, such as 0.5",
            Self::Memory | Self::Disk | Self::EgressBytesPerDay => "a size, such as 4 GiB",
            Self::CpuSecondsPerDay => "a whole number of seconds",
            Self::BuildMinutesPerDay => "a whole number of minutes",
            Self::Spaces
            | Self::Models
            | Self::Datasets
            | Self::Instances
            | Self::Files
            | Self::Builds => "a whole number",
        }
    }
}

/// Thousandths as a decimal number.
fn thousandths(amount: u64) -> String {
    let (whole, rest) = (amount / 1000, amount % 1000);
    if rest == 0 {
        return whole.to_string();
    }
    let text = format!("{whole}.{rest:03}");
    text.trim_end_matches('0').to_owned()
}

/// Millicores. A float-to-integer `as` keeps within bounds.
fn cores(text: &str) -> Option<u64> {
    let cores: f64 = text.parse().ok()?;
    (cores.is_finite() && (0.0..=9e12).contains(&cores)).then(|| (cores * 1000.0).round() as u64)
}

/// Bytes: `512`, `4GiB`, `1.5 GiB`.
fn size(text: &str) -> Option<u64> {
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
    use proptest::prelude::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        let (cpu, memory) = (Resource::Cpu, Resource::Memory);
        assert_eq!(cpu.read("0.25"), Some(250));
        assert_eq!(memory.read("4 GiB"), Some(4 << 30));
        assert_eq!(memory.read("1.5G"), Some(3 << 29));
        assert_eq!(memory.read("0"), Some(0));
        for bad in ["-1", "", "GiB", "1 XiB", "nan", "1e400", "99999999 TiB"] {
            assert_eq!((memory.read(bad), cpu.read(bad)), (None, None), "{bad}");
        }
        assert_eq!(Resource::Spaces.read("9223372036854775808"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(amount in 0u64..1 << 50) {
            for resource in Resource::ALL {
                prop_assert_eq!(resource.read(&resource.written(amount)), Some(amount));
            }
        }
    }
}
