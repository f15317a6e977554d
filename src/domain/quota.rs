//! What one owner may hold and use.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bytes_text;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Resource {
    /// Spaces, whether they run or not.
    Spaces,
    /// Models, with files or without.
    Models,
    /// Datasets, with files or without.
    Datasets,
    /// Containers that run, be they frozen, or are on their way.
    Instances,
    /// Thousandths of a core (millicores).
    Cpu,
    /// Bytes of memory.
    Memory,
    /// Bytes on disk: repositories, what was built of them, durable storage.
    Disk,
    /// Files and folders on disk (inodes).
    Files,
    /// Builds under way.
    Builds,
    /// Seconds of CPU time within one day (UTC).
    CpuSecondsPerDay,
    /// Minutes of building within one day (UTC).
    BuildMinutesPerDay,
    /// Bytes sent to visitors within one day (UTC).
    EgressBytesPerDay,
}

/// An amount of each resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amounts<T> {
    /// [`Resource::Spaces`]
    pub spaces: T,
    /// [`Resource::Models`]
    pub models: T,
    /// [`Resource::Datasets`]
    pub datasets: T,
    /// [`Resource::Instances`]
    pub instances: T,
    /// [`Resource::Cpu`]
    pub cpu_millis: T,
    /// [`Resource::Memory`]
    pub memory_bytes: T,
    /// [`Resource::Disk`]
    pub disk_bytes: T,
    /// [`Resource::Files`]
    pub disk_files: T,
    /// [`Resource::Builds`]
    pub builds: T,
    /// [`Resource::CpuSecondsPerDay`]
    pub cpu_seconds_per_day: T,
    /// [`Resource::BuildMinutesPerDay`]
    pub build_minutes_per_day: T,
    /// [`Resource::EgressBytesPerDay`]
    pub egress_bytes_per_day: T,
}

/// The most one owner may have of each resource.
pub type Quota = Amounts<u64>;

/// What an operator has set for one owner; `None` follows the server's default.
pub type QuotaOverrides = Amounts<Option<u64>>;

/// What something takes on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiskAmount {
    /// Bytes.
    pub bytes: u64,
    /// Files and folders.
    pub files: u64,
}

/// Bytes of a block of the file systems that servers have (ext4, XFS).
const BLOCK: u64 = 4096;

// === impl DiskAmount ===

impl DiskAmount {
    /// So many bytes in so many files and folders.
    pub const fn new(bytes: u64, files: u64) -> Self {
        Self { bytes, files }
    }

    /// One file of that length: a disk gives it whole blocks. So many files of a few bytes are no way around a bound of
    /// bytes.
    pub const fn file(length: u64) -> Self {
        Self {
            bytes: length.div_ceil(BLOCK).saturating_mul(BLOCK),
            files: 1,
        }
    }

    /// One folder.
    pub const FOLDER: Self = Self::new(BLOCK, 1);
}

/// Ends at the greatest number there is.
impl std::ops::Add for DiskAmount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            files: self.files.saturating_add(other.files),
        }
    }
}

/// Ends at nothing.
impl std::ops::Sub for DiskAmount {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(other.bytes),
            files: self.files.saturating_sub(other.files),
        }
    }
}

/// So many of the same.
impl std::ops::Mul<u64> for DiskAmount {
    type Output = Self;

    fn mul(self, count: u64) -> Self {
        Self {
            bytes: self.bytes.saturating_mul(count),
            files: self.files.saturating_mul(count),
        }
    }
}

impl std::iter::Sum for DiskAmount {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| sum + one)
    }
}

// === impl Resource ===

impl Resource {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 12] = [
        Self::Spaces,
        Self::Models,
        Self::Datasets,
        Self::Instances,
        Self::Cpu,
        Self::Memory,
        Self::Disk,
        Self::Files,
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
            Self::Models => "models",
            Self::Datasets => "datasets",
            Self::Instances => "instances",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Files => "files",
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
            Self::Models => "models",
            Self::Datasets => "datasets",
            Self::Instances => "running instances",
            Self::Cpu => "CPU",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Files => "files on disk",
            Self::Builds => "concurrent builds",
            Self::CpuSecondsPerDay => "CPU time per day",
            Self::BuildMinutesPerDay => "build time per day",
            Self::EgressBytesPerDay => "traffic to visitors per day",
        }
    }

    /// An amount of it as people read it.
    pub fn text(self, amount: u64) -> String {
        match self {
            Self::Spaces
            | Self::Models
            | Self::Datasets
            | Self::Instances
            | Self::Files
            | Self::Builds => amount.to_string(),
            Self::Cpu => format!("{} CPU", self.written(amount)),
            Self::Memory | Self::Disk | Self::EgressBytesPerDay => bytes_text(amount),
            Self::CpuSecondsPerDay => format!("{amount} s"),
            Self::BuildMinutesPerDay => format!("{amount} min"),
        }
    }
}

// === impl Amounts ===

impl<T: Copy> Amounts<T> {
    /// That of a resource.
    pub fn of(&self, resource: Resource) -> T {
        match resource {
            Resource::Spaces => self.spaces,
            Resource::Models => self.models,
            Resource::Datasets => self.datasets,
            Resource::Instances => self.instances,
            Resource::Cpu => self.cpu_millis,
            Resource::Memory => self.memory_bytes,
            Resource::Disk => self.disk_bytes,
            Resource::Files => self.disk_files,
            Resource::Builds => self.builds,
            Resource::CpuSecondsPerDay => self.cpu_seconds_per_day,
            Resource::BuildMinutesPerDay => self.build_minutes_per_day,
            Resource::EgressBytesPerDay => self.egress_bytes_per_day,
        }
    }

    /// Sets that of a resource.
    pub fn set(&mut self, resource: Resource, amount: T) {
        let place = match resource {
            Resource::Spaces => &mut self.spaces,
            Resource::Models => &mut self.models,
            Resource::Datasets => &mut self.datasets,
            Resource::Instances => &mut self.instances,
            Resource::Cpu => &mut self.cpu_millis,
            Resource::Memory => &mut self.memory_bytes,
            Resource::Disk => &mut self.disk_bytes,
            Resource::Files => &mut self.disk_files,
            Resource::Builds => &mut self.builds,
            Resource::CpuSecondsPerDay => &mut self.cpu_seconds_per_day,
            Resource::BuildMinutesPerDay => &mut self.build_minutes_per_day,
            Resource::EgressBytesPerDay => &mut self.egress_bytes_per_day,
        };
        *place = amount;
    }
}

impl Quota {
    /// As much as there is of everything.
    pub const UNLIMITED: Self = Self {
        spaces: u64::MAX,
        models: u64::MAX,
        datasets: u64::MAX,
        instances: u64::MAX,
        cpu_millis: u64::MAX,
        memory_bytes: u64::MAX,
        disk_bytes: u64::MAX,
        disk_files: u64::MAX,
        builds: u64::MAX,
        cpu_seconds_per_day: u64::MAX,
        build_minutes_per_day: u64::MAX,
        egress_bytes_per_day: u64::MAX,
    };
}

impl QuotaOverrides {
    /// What holds, given the server's defaults.
    pub fn over(&self, defaults: &Quota) -> Quota {
        let mut quota = *defaults;
        for resource in Resource::ALL {
            if let Some(amount) = self.of(resource) {
                quota.set(resource, amount);
            }
        }
        quota
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
