//! What one owner may hold and use.

use std::fmt;

use serde::{Deserialize, Serialize};

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

    /// As programs name it.
    pub fn word(self) -> &'static str {
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

    /// An amount of it as people read it.
    pub fn text(self, amount: u64) -> String {
        match self {
            Self::Spaces | Self::Instances | Self::Builds => amount.to_string(),
            Self::Cpu => format!("{} CPU", self.written(amount)),
            Self::Memory | Self::Disk | Self::EgressBytesPerDay => bytes_text(amount),
            Self::CpuSecondsPerDay => format!("{amount} s"),
            Self::BuildMinutesPerDay => format!("{amount} min"),
        }
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
    /// What was set of a resource.
    pub fn of(&self, resource: Resource) -> Option<u64> {
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

    /// Sets it; `None` goes back to the server's default.
    pub fn set(&mut self, resource: Resource, amount: Option<u64>) {
        let place = match resource {
            Resource::Spaces => &mut self.spaces,
            Resource::Instances => &mut self.instances,
            Resource::Cpu => &mut self.cpu_millis,
            Resource::Memory => &mut self.memory_bytes,
            Resource::Disk => &mut self.disk_bytes,
            Resource::Builds => &mut self.builds,
            Resource::CpuSecondsPerDay => &mut self.cpu_seconds_per_day,
            Resource::BuildMinutesPerDay => &mut self.build_minutes_per_day,
            Resource::EgressBytesPerDay => &mut self.egress_bytes_per_day,
        };
        *place = amount;
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

/// As the audit trail has it: `spaces=5 cpu=250`, or `defaults`.
impl fmt::Display for QuotaOverrides {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set: Vec<_> = Resource::ALL
            .into_iter()
            .filter_map(|resource| Some(format!("{}={}", resource.word(), self.of(resource)?)))
            .collect();
        match set.is_empty() {
            true => formatter.write_str("defaults"),
            false => formatter.write_str(&set.join(" ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn what_was_set_is_found_again() {
        let mut quota = QuotaOverrides::default();
        assert_eq!(quota.to_string(), "defaults");
        for (amount, resource) in (1..).zip(Resource::ALL) {
            assert_eq!(quota.of(resource), None);
            quota.set(resource, Some(amount));
            assert_eq!(quota.of(resource), Some(amount));
            // The API's word is the one that is written down.
            let word = serde_json::to_value(resource).expect("a word");
            assert!(
                quota
                    .to_string()
                    .ends_with(&format!("{}={amount}", word.as_str().expect("text")))
            );
        }
    }
}
