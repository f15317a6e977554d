//! How many files this process may have open, and how many connections that is enough for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are no connections: the database, artifacts, logs, pipes of builds.
const OTHERS: u64 = 256;

/// Raises the soft limit of open files to the hard one, as a server may that never calls select(2), and says how many
/// connections it is enough for: each takes up to two, one to the visitor and one to a container.
pub fn connections_within_file_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Without a hard limit (`None`) there still is a ceiling, `fs.nr_open`, above which raising fails.
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let files = current.unwrap_or(u64::MAX);
    let connections = (files.saturating_sub(OTHERS) / 2).max(files / 8).max(8);
    usize::try_from(connections).unwrap_or(usize::MAX)
}
