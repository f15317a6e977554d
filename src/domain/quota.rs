//! What one owner may hold and use.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::amount::{read_cores, read_size};
use super::hardware::bytes_text;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Resource {
    /// Spaces, whether they run or not.
    Spaces,
    /// Containers that run, be they frozen, or are on their way.
    Instances,
    /// Thousandths of a core (millicores).
    Cpu,
    /// Bytes of memory.
    Memory,
    /// Bytes on disk: repositories, what was built of them, durable storage.
    Disk,
    /// Builds under way.
    Builds,
    /// Seconds of CPU time within one day (UTC).
    CpuSecondsPerDay,
    /// Minutes of building within one day (UTC).
    BuildMinutesPerDay,
    /// Bytes sent to visitors within one day (UTC).
    EgressBytesPerDay,
}

/// The most one owner may have of each resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// [`Resource::Spaces`]
    pub spaces: u64,
    /// [`Resource::Instances`]
    pub instances: u64,
    /// [`Resource::Cpu`]
    pub cpu_millis: u64,
    /// [`Resource::Memory`]
    pub memory_bytes: u64,
    /// [`Resource::Disk`]
    pub disk_bytes: u64,
    /// [`Resource::Builds`]
    pub builds: u64,
    /// [`Resource::CpuSecondsPerDay`]
    pub cpu_seconds_per_day: u64,
    /// [`Resource::BuildMinutesPerDay`]
    pub build_minutes_per_day: u64,
    /// [`Resource::EgressBytesPerDay`]
    pub egress_bytes_per_day: u64,
}

/// What an operator has set for one owner; `None` follows the server's default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuotaOverrides {
    /// [`Resource::Spaces`]
    pub spaces: Option<u64>,
    /// [`Resource::Instances`]
    pub instances: Option<u64>,
    /// [`Resource::Cpu`]
    pub cpu_millis: Option<u64>,
    /// [`Resource::Memory`]
    pub memory_bytes: Option<u64>,
    /// [`Resource::Disk`]
    pub disk_bytes: Option<u64>,
    /// [`Resource::Builds`]
    pub builds: Option<u64>,
    /// [`Resource::CpuSecondsPerDay`]
    pub cpu_seconds_per_day: Option<u64>,
    /// [`Resource::BuildMinutesPerDay`]
    pub build_minutes_per_day: Option<u64>,
    /// [`Resource::EgressBytesPerDay`]
    pub egress_bytes_per_day: Option<u64>,
}

// === impl Resource ===

impl Resource {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::Spaces,
        Self::Instances,
        Self::Cpu,
        Self::Memory,
        Self::Disk,
        Self::Builds,
        Self::CpuSecondsPerDay,
        Self::BuildMinutesPerDay,
        Self::EgressBytesPerDay,
    ];

    /// Whether it is counted within a day, and free again on the next.
    pub fn is_daily(self) -> bool {
        matches!(
            self,
            Self::CpuSecondsPerDay | Self::BuildMinutesPerDay | Self::EgressBytesPerDay
        )
    }

    /// As a sentence names it.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Spaces => "Spaces",
            Self::Instances => "running instances",
            Self::Cpu => "CPU",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Builds => "builds at once",
            Self::CpuSecondsPerDay => "CPU time per day",
            Self::BuildMinutesPerDay => "build time per day",
            Self::EgressBytesPerDay => "traffic to visitors per day",
        }
    }

    /// As clients name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spaces => "spaces",
            Self::Instances => "instances",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Builds => "builds",
            Self::CpuSecondsPerDay => "cpuSecondsPerDay",
            Self::BuildMinutesPerDay => "buildMinutesPerDay",
            Self::EgressBytesPerDay => "egressBytesPerDay",
        }
    }

    /// An amount of it as people write it; `None` when it is none, or more than can be stored.
    pub fn read(self, text: &str) -> Option<u64> {
        let amount = match self {
            Self::Cpu => read_cores(text),
            Self::Memory | Self::Disk | Self::EgressBytesPerDay => read_size(text),
            _ => text.parse().ok(),
        };
        amount.filter(|amount| i64::try_from(*amount).is_ok())
    }

    /// What [`read`](Self::read) takes.
    pub fn expected(self) -> &'static str {
        match self {
            Self::Cpu => "a number of cores, such as 0.5",
            Self::Memory | Self::Disk => "a size, such as `4 GiB`",
            Self::EgressBytesPerDay => "a size, such as `100 GiB`",
            Self::CpuSecondsPerDay => "a whole number of seconds",
            Self::BuildMinutesPerDay => "a whole number of minutes",
            Self::Spaces | Self::Instances | Self::Builds => "a whole number",
        }
    }

    /// An amount as [`read`](Self::read) takes it, for a field that is to be changed.
    pub fn written(self, amount: u64) -> String {
        match self {
            Self::Cpu => millis_text(amount),
            Self::Memory | Self::Disk | Self::EgressBytesPerDay => size_written(amount),
            _ => amount.to_string(),
        }
    }

    /// An amount of it as people read it.
    pub fn text(self, amount: u64) -> String {
        match self {
            Self::Spaces | Self::Instances | Self::Builds => amount.to_string(),
            Self::Cpu => format!("{} CPU", millis_text(amount)),
            Self::Memory | Self::Disk | Self::EgressBytesPerDay => bytes_text(amount),
            Self::CpuSecondsPerDay => format!("{amount} s"),
            Self::BuildMinutesPerDay => format!("{amount} min"),
        }
    }
}

/// Thousandths as a decimal number.
fn millis_text(millis: u64) -> String {
    let (whole, rest) = (millis / 1000, millis % 1000);
    if rest == 0 {
        return whole.to_string();
    }
    let text = format!("{whole}.{rest:03}");
    text.trim_end_matches('0').to_owned()
}

/// Bytes in the largest unit of which they are a whole number.
fn size_written(bytes: u64) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    let unit = units
        .into_iter()
        .find(|(power, _)| bytes > 0 && bytes.is_multiple_of(1 << power));
    match unit {
        Some((power, name)) => format!("{} {name}", bytes >> power),
        None => bytes.to_string(),
    }
}

// === impl Quota ===

impl Quota {
    /// The most there may be of a resource.
    pub fn of(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Spaces => self.spaces,
            Resource::Instances => self.instances,
            Resource::Cpu => self.cpu_millis,
            Resource::Memory => self.memory_bytes,
            Resource::Disk => self.disk_bytes,
            Resource::Builds => self.builds,
            Resource::CpuSecondsPerDay => self.cpu_seconds_per_day,
            Resource::BuildMinutesPerDay => self.build_minutes_per_day,
            Resource::EgressBytesPerDay => self.egress_bytes_per_day,
        }
    }
}

// === impl QuotaOverrides ===

impl QuotaOverrides {
    /// What is set of a resource.
    pub fn of(&self, resource: Resource) -> Option<u64> {
        let mut copy = *self;
        *copy.place(resource)
    }

    /// Sets what there may be of a resource; `None` follows the server's default.
    pub fn set(&mut self, resource: Resource, amount: Option<u64>) {
        *self.place(resource) = amount;
    }

    fn place(&mut self, resource: Resource) -> &mut Option<u64> {
        match resource {
            Resource::Spaces => &mut self.spaces,
            Resource::Instances => &mut self.instances,
            Resource::Cpu => &mut self.cpu_millis,
            Resource::Memory => &mut self.memory_bytes,
            Resource::Disk => &mut self.disk_bytes,
            Resource::Builds => &mut self.builds,
            Resource::CpuSecondsPerDay => &mut self.cpu_seconds_per_day,
            Resource::BuildMinutesPerDay => &mut self.build_minutes_per_day,
            Resource::EgressBytesPerDay => &mut self.egress_bytes_per_day,
        }
    }

    /// What holds, given the server's defaults.
    pub fn over(&self, defaults: &Quota) -> Quota {
        Quota {
            spaces: self.spaces.unwrap_or(defaults.spaces),
            instances: self.instances.unwrap_or(defaults.instances),
            cpu_millis: self.cpu_millis.unwrap_or(defaults.cpu_millis),
            memory_bytes: self.memory_bytes.unwrap_or(defaults.memory_bytes),
            disk_bytes: self.disk_bytes.unwrap_or(defaults.disk_bytes),
            builds: self.builds.unwrap_or(defaults.builds),
            cpu_seconds_per_day: self
                .cpu_seconds_per_day
                .unwrap_or(defaults.cpu_seconds_per_day),
            build_minutes_per_day: self
                .build_minutes_per_day
                .unwrap_or(defaults.build_minutes_per_day),
            egress_bytes_per_day: self
                .egress_bytes_per_day
                .unwrap_or(defaults.egress_bytes_per_day),
        }
    }
}

/// As the audit trail has it: `memory=8589934592 builds=2`, in the units that are counted in.
impl fmt::Display for QuotaOverrides {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = Resource::ALL.into_iter().filter_map(|resource| {
            let amount = self.of(resource)?;
            Some(format!("{}={amount}", resource.name()))
        });
        let set: Vec<_> = set.collect();
        match set.is_empty() {
            true => formatter.write_str("defaults"),
            false => formatter.write_str(&set.join(" ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_again(place in 0..9_usize, amount in 0..=1_000_000_000_000_u64) {
            let resource = Resource::ALL[place];
            prop_assert_eq!(resource.read(&resource.written(amount)), Some(amount));
            let mut quota = QuotaOverrides::default();
            quota.set(resource, Some(amount));
            prop_assert_eq!(quota.of(resource), Some(amount));
            prop_assert_eq!(quota.to_string(), format!("{}={amount}", resource.name()));
        }
    }

    #[test]
    fn amounts_read_well() {
        for (resource, amount, text) in [
            (Resource::Cpu, 250, "0.25 CPU"),
            (Resource::Cpu, 2000, "2 CPU"),
            (Resource::Memory, 256 << 20, "256 MiB"),
            (Resource::Spaces, 3, "3"),
            (Resource::CpuSecondsPerDay, 60, "60 s"),
        ] {
            assert_eq!(resource.text(amount), text);
        }
    }
}
