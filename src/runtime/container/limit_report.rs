//! The limits of a container as the engine says it applies them.

use bollard::models::{ContainerInspectResponse, HostConfig, SystemInfo};

use super::super::{InstanceSpec, LimitReport, LimitState};
use super::ContainerSettings;
use super::host_config::{cpu_shares, shared_memory};
use crate::docker::seccomp;
use crate::docker::{kernel, most_files};
use crate::domain::{RunSettings, bytes_text};

/// The name of the limit that the packet filter applies.
const NETWORK: &str = "network";

/// Compares what was asked for with what the engine holds the container to.
pub(super) fn read_back(
    inspected: &ContainerInspectResponse,
    info: &SystemInfo,
    spec: &InstanceSpec,
    settings: &ContainerSettings,
    not_isolated: Option<&str>,
) -> Vec<LimitReport> {
    let empty = HostConfig::default();
    let held = inspected.host_config.as_ref().unwrap_or(&empty);
    let limits = &spec.limits;
    let memory = i64::try_from(limits.memory_bytes).unwrap_or(i64::MAX);
    let (rate, most) = (limits.cpu_millis, spec.account.most_cpu_millis());
    let cores = |millis: u32| f64::from(millis) / 1000.0;
    let cpu = match most > rate {
        true => format!(
            "{} cores, up to {} with spare CPU time",
            cores(rate),
            cores(most)
        ),
        false => format!("{} cores", cores(rate)),
    };
    let capable = |flag: Option<bool>, what: &str| match flag {
        Some(false) => Some(format!("this host's kernel does not limit {what}")),
        _ => None,
    };
    let report = |name, value: String, held: bool, missing: Option<String>| LimitReport {
        name,
        value,
        state: match (held, missing) {
            (_, Some(why)) => LimitState::Unsupported(why),
            (true, None) => LimitState::Enforced,
            (false, None) => {
                LimitState::Unsupported("the container engine did not apply it".into())
            }
        },
    };
    let user = inspected
        .config
        .as_ref()
        .and_then(|config| config.user.clone())
        .unwrap_or_default();
    let drops_all = held
        .cap_drop
        .as_ref()
        .is_some_and(|dropped| dropped.iter().any(|name| name == "ALL"));
    let no_new = held.security_opt.as_ref().is_some_and(|options| {
        options
            .iter()
            .any(|option| option.starts_with("no-new-privileges"))
    });
    let shared = i64::try_from(shared_memory(limits.memory_bytes)).ok();
    let mut reports = vec![
        report(
            "cpu",
            cpu,
            held.nano_cpus == Some(i64::from(most) * 1_000_000)
                && held.cpu_shares == Some(cpu_shares(rate)),
            capable(info.cpu_cfs_quota, "CPU time"),
        ),
        report(
            "memory",
            bytes_text(limits.memory_bytes),
            held.memory == Some(memory),
            capable(info.memory_limit, "memory"),
        ),
        report(
            "swap",
            "none".into(),
            held.memory_swap == Some(memory),
            capable(info.swap_limit, "swap"),
        ),
        report(
            "processes",
            settings.pids.to_string(),
            held.pids_limit == Some(settings.pids.into()),
            capable(info.pids_limit, "processes"),
        ),
        report(
            "shared memory",
            format!(
                "{} of it at /dev/shm",
                bytes_text(shared_memory(limits.memory_bytes))
            ),
            held.shm_size == shared,
            None,
        ),
        LimitReport {
            name: "disk",
            value: format!(
                "{} and {} files with /tmp, measured every {} s",
                bytes_text(settings.disk_bytes),
                most_files(settings.disk_bytes),
                settings.measure_every.as_secs_f64()
            ),
            state: LimitState::Enforced,
        },
        report("capabilities", "none".into(), drops_all, None),
        report("privileges", "no new privileges".into(), no_new, None),
        LimitReport {
            name: "system calls",
            value: "an allowlist; no new namespaces, no io_uring, no VSOCK".into(),
            state: system_calls(inspected, info),
        },
        report("user", user.clone(), user.starts_with("1000"), None),
        LimitReport {
            name: NETWORK,
            value: network_text(&spec.artifact.settings, settings),
            state: network_state(not_isolated),
        },
    ];
    if let Some(bytes) = spec.artifact.settings.storage_bytes {
        reports.push(LimitReport {
            name: "storage",
            value: format!("{} under /data", bytes_text(bytes)),
            state: LimitState::Enforced,
        });
    }
    reports
}

/// Notes whether it is still kept off this host.
pub(super) fn note_isolation(reports: &mut [LimitReport], not_isolated: Option<&str>) {
    let network = reports.iter_mut().find(|report| report.name == NETWORK);
    if let Some(network) = network {
        network.state = network_state(not_isolated);
    }
}

fn network_state(not_isolated: Option<&str>) -> LimitState {
    match not_isolated {
        None => LimitState::Enforced,
        Some(why) => LimitState::Unsupported(why.to_owned()),
    }
}

/// Whether the profile is in force: the engine took it over, and so did the kernel, where it can be asked.
fn system_calls(inspected: &ContainerInspectResponse, info: &SystemInfo) -> LimitState {
    let capable = info.security_options.iter().flatten();
    let taken = inspected
        .host_config
        .as_ref()
        .and_then(|held| held.security_opt.as_ref())
        .is_some_and(|options| options.contains(&seccomp::option()));
    if !taken || !capable.into_iter().any(|option| option.contains("seccomp")) {
        return LimitState::Unsupported("the container engine did not apply it".into());
    }
    match kernel::filters_system_calls(inspected) {
        Some(false) => {
            LimitState::Unsupported("the kernel does not filter its system calls".into())
        }
        Some(true) | None => LimitState::Enforced,
    }
}

/// Where a container may connect to.
fn network_text(card: &RunSettings, settings: &ContainerSettings) -> String {
    match (settings.egress.internet(card), settings.egress_private) {
        (true, false) => "the internet, but no private networks".into(),
        (true, true) => "the internet and private networks, but not this host".into(),
        (false, _) => match settings.egress.hosts(card) {
            [] => "only answers to visitors".into(),
            hosts => format!("through a proxy to {}", hosts.join(", ")),
        },
    }
}
