//! What the kernel says of a container's first process, where this server sees the engine's processes.

use std::fs;

use bollard::models::ContainerInspectResponse;

/// The number of the container's first process, if the process of that number here is that one: to a server in a
/// container of its own, or on another host, the engine's numbers mean others.
pub fn first_process(inspected: &ContainerInspectResponse) -> Option<i64> {
    let process = inspected.state.as_ref()?.pid.filter(|id| *id > 0)?;
    let groups = fs::read_to_string(format!("/proc/{process}/cgroup")).ok()?;
    let id = inspected.id.as_ref()?;
    groups.contains(id.as_str()).then_some(process)
}

/// Whether system calls of the container pass a filter; `None` where the kernel does not tell.
pub fn filters_system_calls(inspected: &ContainerInspectResponse) -> Option<bool> {
    let process = first_process(inspected)?;
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let mode = status
        .lines()
        .find_map(|line| line.strip_prefix("Seccomp:"))?;
    // `SECCOMP_MODE_FILTER` (Linux, `include/uapi/linux/seccomp.h`).
    Some(mode.trim() == "2")
}
