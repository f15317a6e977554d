//! What a container may do and take: the one place that writes it.
//!
//! Everything is denied that an app listening on a port does not need. What is allowed stands on a line of its own.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigCgroupnsModeEnum, HostConfigLogConfig,
    Mount, MountBindOptions, MountBindOptionsPropagationEnum, MountType, RestartPolicy,
    RestartPolicyNameEnum,
};

use super::super::InstanceSpec;
use super::storage::STORAGE;
use super::{ContainerSettings, USER};
use crate::docker::{
    BUILD, DATA, INSTANCE, PROXY_PORT, RESTARTS, REVISION, SPACE, SPACE_ID, WORKLOAD, seccomp,
};
use crate::domain::WorkloadId;

/// Bytes of a container's log that the engine keeps; what is read from it is kept in the journal.
const LOG_BYTES: &str = "4m";

/// What a container finds around it.
pub(super) struct Surroundings<'a> {
    /// The name of its network.
    pub(super) network: &'a str,
    /// Whether names can be resolved there.
    pub(super) reaches_names: bool,
    /// Where the hub answers.
    pub(super) hub: Option<SocketAddr>,
    /// The address of the proxy, if one is there.
    pub(super) proxy: Option<Ipv4Addr>,
    /// The folder of its durable storage.
    pub(super) storage: Option<String>,
}

/// The request that creates the container of `spec`, from the image with the id `image`.
pub(super) fn create_body(
    spec: &InstanceSpec,
    image: &str,
    settings: &ContainerSettings,
    data: &str,
    surroundings: &Surroundings<'_>,
) -> ContainerCreateBody {
    let WorkloadId::Space(space) = spec.workload;
    let labels = [
        (DATA, data.to_owned()),
        (SPACE, spec.name.to_string()),
        (SPACE_ID, space.to_string()),
        (WORKLOAD, spec.workload.to_string()),
        (REVISION, spec.revision.to_string()),
        (BUILD, spec.build.to_string()),
        (INSTANCE, spec.id.to_string()),
        (RESTARTS, spec.restarts.to_string()),
    ];
    let mut environment: Vec<_> = spec
        .environment
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let mut defaults = Vec::new();
    if let Some(hub) = surroundings.hub {
        defaults.push(("HF_ENDPOINT", format!("http://{hub}")));
        defaults.push(("HF_TOKEN", spec.hub_token.to_string()));
        if spec
            .environment
            .iter()
            .any(|(key, _)| key == "OAUTH_CLIENT_ID")
        {
            defaults.push(("OPENID_PROVIDER_URL", format!("http://{hub}")));
        }
    }
    if let Some(host) = surroundings.proxy {
        let proxy = format!("http://{host}:{PROXY_PORT}");
        let direct = format!("localhost,127.0.0.1,0.0.0.0,::1,{host}");
        // Some clients read the one, some the other.
        for key in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"] {
            defaults.push((key, proxy.clone()));
        }
        for key in ["NO_PROXY", "no_proxy"] {
            defaults.push((key, direct.clone()));
        }
    }
    for (key, value) in defaults {
        // An owner who sets one of them knows why.
        if !spec.environment.iter().any(|(own, _)| own == key) {
            environment.push(format!("{key}={value}"));
        }
    }
    ContainerCreateBody {
        image: Some(image.to_owned()),
        user: Some(format!("{USER}:{USER}")),
        env: Some(environment),
        labels: Some(labels.map(|(key, value)| (key.to_owned(), value)).into()),
        tty: Some(false),
        open_stdin: Some(false),
        // The engine would start the check of an image as often as a thousand times a second, and what that costs is
        // nobody's. Whether it answers is found out here.
        healthcheck: Some(HealthConfig {
            test: Some(vec!["NONE".into()]),
            ..HealthConfig::default()
        }),
        host_config: Some(host_config(spec, settings, surroundings)),
        ..ContainerCreateBody::default()
    }
}

fn host_config(
    spec: &InstanceSpec,
    settings: &ContainerSettings,
    surroundings: &Surroundings<'_>,
) -> HostConfig {
    let memory = i64::try_from(spec.limits.memory_bytes).unwrap_or(i64::MAX);
    let options = |pairs: &[(&str, &str)]| -> HashMap<String, String> {
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(pair).collect()
    };
    HostConfig {
        memory: Some(memory),
        // Memory and swap together: equal, so there is no swap.
        memory_swap: Some(memory),
        nano_cpus: Some(i64::from(spec.account.most_cpu_millis()) * 1_000_000),
        // Who gets how much of what more than one wants.
        cpu_shares: Some(cpu_shares(spec.limits.cpu_millis)),
        pids_limit: Some(settings.pids.into()),
        cap_drop: Some(vec!["ALL".into()]),
        privileged: Some(false),
        security_opt: Some(vec![
            // No program in it gains rights by being started.
            "no-new-privileges".into(),
            // The system calls that are allowed.
            seccomp::option(),
        ]),
        // Where processes share memory, as part of the Space's own.
        shm_size: i64::try_from(shared_memory(spec.limits.memory_bytes)).ok(),
        // An init of the engine's collects the dead and passes on the request to end.
        init: Some(true),
        ipc_mode: Some("private".into()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        // When the host runs out of memory, containers go before the server.
        oom_score_adj: Some(500),
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        runtime: settings.runtime.clone(),
        network_mode: Some(surroundings.network.to_owned()),
        // Who reaches nothing resolves nothing: names would carry secrets out as well as packets.
        dns: (!surroundings.reaches_names).then(|| vec!["127.0.0.1".to_owned()]),
        sysctls: Some(options(&[
            // The packet filter's rules are for IPv4.
            ("net.ipv6.conf.all.disable_ipv6", "1"),
            // An app that is not root may listen on any port.
            ("net.ipv4.ip_unprivileged_port_start", "0"),
        ])),
        mounts: Some(mounts(spec, surroundings)),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".into()),
            config: Some(options(&[("max-size", LOG_BYTES), ("max-file", "1")])),
        }),
        ..HostConfig::default()
    }
}

/// The engine's weight of a rate in millicores: 1024 for a core, and 2 at least.
pub(super) fn cpu_shares(millis: u32) -> i64 {
    (i64::from(millis) * 1024 / 1000).max(2)
}

/// Of `/dev/shm`: half of the memory, as Linux gives it, so that a full one is an error before memory runs out.
pub(super) fn shared_memory(memory_bytes: u64) -> u64 {
    memory_bytes / 2
}

/// The folders of this host that a container sees.
fn mounts(spec: &InstanceSpec, surroundings: &Surroundings<'_>) -> Vec<Mount> {
    // Durable storage, when the card asks for it. Whatever has the right to be somebody else there gives it to nobody:
    // see `security_opt`.
    let storage = surroundings
        .storage
        .iter()
        .map(|folder| mount(folder.clone(), STORAGE, false));
    // Models and datasets that its owner may read, and that others share with it: nobody writes there.
    let shared = spec.repositories.mounts.iter().filter_map(|shared| {
        let source = std::path::absolute(&shared.source).ok()?;
        Some(mount(source.to_str()?.to_owned(), &shared.target, true))
    });
    storage.chain(shared).collect()
}

/// A mount rather than a bind: where the engine finds no such folder it refuses, and does not make an empty one.
fn mount(source: String, target: &str, read_only: bool) -> Mount {
    Mount {
        typ: Some(MountType::BIND),
        source: Some(source),
        target: Some(target.to_owned()),
        read_only: Some(read_only),
        bind_options: Some(MountBindOptions {
            propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
            ..MountBindOptions::default()
        }),
        ..Mount::default()
    }
}
