//! Named sizes and the limits they stand for.

use serde::{Deserialize, Serialize};

use super::bytes_text;

/// What one Space may take at once. Every field is applied, or the Space is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// CPU in thousandths of a core (millicores): 250 is a quarter of one core.
    pub cpu_millis: u32,
    /// Memory in bytes, summed over everything the Space runs.
    pub memory_bytes: u64,
}

/// A named size an owner can choose (the Hub's word is flavor).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hardware {
    /// The word used in requests: `cpu-nano`.
    pub name: String,
    /// As shown to people.
    pub title: String,
    /// What it gives.
    pub limits: Limits,
}

impl Hardware {
    /// CPU as people read it: `0.25 vCPU`.
    pub fn cpu_text(&self) -> String {
        format!("{} vCPU", f64::from(self.limits.cpu_millis) / 1000.0)
    }

    /// Memory as people read it, in the largest whole binary unit: `256 MiB`.
    pub fn memory_text(&self) -> String {
        bytes_text(self.limits.memory_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        let nano = Hardware {
            name: "cpu-nano".into(),
            title: "CPU nano".into(),
            limits: Limits {
                cpu_millis: 250,
                memory_bytes: 256 << 20,
            },
        };
        assert_eq!(nano.cpu_text(), "0.25 vCPU");
        assert_eq!(nano.memory_text(), "256 MiB");
        assert_eq!(bytes_text(2 << 30), "2 GiB");
        assert_eq!(bytes_text(1500), "1500 B");
    }
}
