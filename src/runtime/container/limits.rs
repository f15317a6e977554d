//! The limits of a container as the engine says it applies them.

use bollard::models::{ContainerInspectResponse, HostConfig, SystemInfo};

use super::super::{InstanceSpec, LimitReport, LimitState};
use super::ContainerSettings;
use super::host_config::cpu_shares;
use crate::domain::{RunSettings, bytes_text};

/// Compares what was asked for with what the engine holds the container to.
pub(super) fn read_back(
    inspected: &ContainerInspectResponse,
    info: &SystemInfo,
    spec: &InstanceSpec,
    settings: &ContainerSettings,
    not_isolated: Option<anyhow::Error>,
) -> Vec<LimitReport> {
    let empty = HostConfig::default();
    let held = inspected.host_config.as_ref().unwrap_or(&empty);
    let limits = &spec.limits;
    let memory = i64::try_from(limits.memory_bytes).unwrap_or(i64::MAX);
    let (rate, most) = (limits.cpu_millis, spec.account.most_cpu_millis());
    let cores = |millis: u32| f64::from(millis) / 1000.0;
    let cpu = match most > rate {
        true => format!(
            "{} cores, up to {} with spare time",
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
            (false, None) => LimitState::Unsupported("the engine did not take it over".into()),
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
    let seccomp = info
        .security_options
        .as_ref()
        .is_some_and(|options| options.iter().any(|option| option.contains("seccomp")));
    let tmp = held
        .tmpfs
        .as_ref()
        .is_some_and(|mounts| mounts.contains_key("/tmp"));
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
        report("tmp", bytes_text(settings.tmp_bytes), tmp, None),
        LimitReport {
            name: "disk",
            value: format!(
                "{}, measured every {} s",
                bytes_text(settings.disk_bytes),
                settings.measure_every.as_secs_f64()
            ),
            state: LimitState::Enforced,
        },
        report("capabilities", "none".into(), drops_all, None),
        report("privileges", "none gained".into(), no_new, None),
        report(
            "system calls",
            "the engine's default profile".into(),
            seccomp,
            None,
        ),
        report("user", user.clone(), user.starts_with("1000"), None),
        LimitReport {
            name: "network",
            value: network_text(&spec.artifact.settings, settings),
            state: match not_isolated {
                None => LimitState::Enforced,
                Some(error) => LimitState::Unsupported(format!("{error:#}")),
            },
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
/// Where a container may connect to.
fn network_text(card: &RunSettings, settings: &ContainerSettings) -> String {
    match (settings.egress.internet(card), settings.egress_private) {
        (true, false) => "the internet, no private networks".into(),
        (true, true) => "the internet and private networks, not this host".into(),
        (false, _) => match settings.egress.hosts(card) {
            [] => "answers visitors only".into(),
            hosts => format!("by proxy to {}", hosts.join(", ")),
        },
    }
}
