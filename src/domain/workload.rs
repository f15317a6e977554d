//! What runs.

use std::fmt;
use std::str::FromStr;

use super::{NameError, SpaceId};

/// What instances are started for. By it they are told apart, and so are the accounts that they are charged to, their logs
/// and their storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WorkloadId {
    /// A Space.
    Space(SpaceId),
}

// === impl WorkloadId ===

impl WorkloadId {
    /// As its files are named on disk. No two are named alike, and a Space's are named by its id alone.
    pub fn file_stem(self) -> String {
        match self {
            Self::Space(id) => id.to_string(),
        }
    }
}

impl From<SpaceId> for WorkloadId {
    fn from(id: SpaceId) -> Self {
        Self::Space(id)
    }
}

impl fmt::Display for WorkloadId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Space(id) => write!(formatter, "space/{id}"),
        }
    }
}

impl FromStr for WorkloadId {
    type Err = NameError;

    /// Reads what [`fmt::Display`] writes.
    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split_once('/') {
            Some(("space", id)) => id.parse().map(Self::Space),
            _ => Err(NameError::new("not a workload")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_is_read_as_it_is_written() {
        let id = SpaceId::new();
        let workload = WorkloadId::from(id);
        assert_eq!(workload.to_string(), format!("space/{id}"));
        assert_eq!(workload.to_string().parse(), Ok(workload));
        assert_eq!(workload.file_stem(), id.to_string());
        for other in [id.to_string(), format!("job/{id}"), "space/".to_owned()] {
            assert!(other.parse::<WorkloadId>().is_err(), "{other}");
        }
    }
}
