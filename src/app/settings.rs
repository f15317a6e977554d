//! What the operator decides, as each room wants to be told.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::auth::{Provider, ProviderSettings};
use crate::builder::{
    BaseImage, BuilderConfig, CompileLimits, ContainerOffer, ImageConfig, ImageLimits,
};
use crate::config::{Config, Isolation};
use crate::docker::{Claim, Engine, Networks, Reach};
use crate::journal::JournalLimits;
use crate::keys::{SealKey, open_key};
use crate::ledger::{Lanes, LedgerLimits};
use crate::repo::{CheckoutLimits, RepoLimits};
use crate::runtime::container::ContainerSettings;
use crate::runtime::wasm::WasmSettings;

/// Where people may sign in beside here, if anywhere.
pub(super) fn provider(config: &Config) -> anyhow::Result<Option<Provider>> {
    let oidc = &config.oidc;
    let Some(issuer) = &oidc.issuer else {
        return Ok(None);
    };
    Provider::new(ProviderSettings {
        issuer: issuer.clone(),
        client_id: oidc.client_id.clone(),
        client_secret_file: oidc.client_secret_file.clone(),
        scopes: oidc.scopes.clone(),
        name_claim: oidc.name_claim.clone(),
    })
    .map(Some)
}

pub(super) fn repo_limits(config: &Config) -> RepoLimits {
    RepoLimits {
        file_bytes: config.repo.file_bytes,
        commit_bytes: config.repo.commit_bytes,
        operations: config.repo.files,
        files: config.repo.tree_files,
        large_from: config.repo.large_from,
        large_file_bytes: config.repo.large_file_bytes,
        large_bytes: config.repo.large_bytes,
        ..RepoLimits::default()
    }
}

pub(super) fn journal_limits(config: &Config) -> JournalLimits {
    JournalLimits {
        bytes_per_log: config.journal.bytes_per_log,
        line_bytes: usize::try_from(config.journal.line_bytes).unwrap_or(usize::MAX),
        lines_per_second: config.journal.lines_per_second,
    }
}

/// Millicores of the machine, times that.
fn cores_overcommitted(times: f64) -> u64 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (cores as f64 * 1000.0 * times).round() as u64
}

pub(super) fn ledger_limits(config: &Config) -> LedgerLimits {
    LedgerLimits {
        host_memory: host_memory(config),
        host_cpu: cores_overcommitted(config.host.cpu_overcommit),
        quota: config.quota.quota(),
        cpu_burst: u64::try_from(config.wasm.cpu_burst.as_nanos()).unwrap_or(u64::MAX),
        cpu_spare: config.host.cpu_spare,
        builds: Lanes {
            files: config.build.files_at_once,
            wasm: config.build.compile_at_once,
            images: config.build.at_once,
        },
    }
}

/// What all Spaces may hold: three quarters of the machine's, unless the operator says otherwise.
fn host_memory(config: &Config) -> u64 {
    config.host.memory.unwrap_or_else(|| {
        let system = rustix::system::sysinfo();
        (system.totalram * u64::from(system.mem_unit)) / 4 * 3
    })
}

pub(super) fn wasm_settings(config: &Config) -> WasmSettings {
    let wasm = &config.wasm;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    WasmSettings {
        components: config.data.join("artifacts/components"),
        guest_threads: wasm.guest_threads.unwrap_or(cores),
        tick: wasm.tick,
        request_timeout: wasm.request_timeout,
        max_request_timeout: wasm.max_request_timeout,
        instances: wasm.instances,
        instances_per_space: config.gateway.concurrency_per_space,
        memory_per_instance: usize::try_from(wasm.memory_per_instance).unwrap_or(usize::MAX),
        unload_after: wasm.unload_after,
        reuse_count: wasm.reuse_count,
        response_bytes: wasm.response_bytes,
        egress: wasm.egress,
        egress_private: wasm.egress_private,
    }
}

/// The container engine, for whoever has the data folder `data`.
pub(super) fn engine(config: &Config, data: &Path) -> anyhow::Result<Engine> {
    let (id, key) = engine_name(data)?;
    let claim = Claim::of(data, &key).context("cannot read the data folder's identity")?;
    Ok(match config.docker.enabled {
        true => Engine::new(config.docker.host.as_deref(), &id, Some(claim)),
        false => Engine::off(&id),
    })
}

/// The same for whoever only gives up what is claimed there.
pub(super) fn engine_without_claim(config: &Config, data: &Path) -> anyhow::Result<Engine> {
    let (id, _) = engine_name(data)?;
    Ok(Engine::new(config.docker.host.as_deref(), &id, None))
}

/// The name under which a data folder is known to the engine, and the file it comes from.
fn engine_name(data: &Path) -> anyhow::Result<(String, PathBuf)> {
    let key = data.join("keys/engine");
    let id = open_key(&key).context("cannot read the data folder's identity")?;
    // Enough to tell folders apart, and short enough to read.
    Ok((hex::encode(&id[..8]), key))
}

pub(super) fn container_settings(config: &Config) -> anyhow::Result<ContainerSettings> {
    let docker = &config.docker;
    Ok(ContainerSettings {
        data: config.data.clone(),
        storage: config.data.join("storage"),
        runtime: docker.runtime.clone(),
        pool: docker.pool().context("`docker.network_pool`")?,
        isolation_required: docker.isolation == Isolation::Required,
        egress: docker.egress,
        egress_private: docker.egress_private,
        pids: docker.pids,
        disk_bytes: docker.disk,
        startup_timeout: docker.startup_timeout,
        stop_grace: docker.stop_grace,
        measure_every: docker.measure_every,
    })
}

pub(super) fn builder_config(
    config: &Config,
    seal: SealKey,
    profile: &str,
    engine: Engine,
) -> anyhow::Result<BuilderConfig> {
    let docker = &config.docker;
    let offer = ContainerOffer {
        startup_timeout: docker.startup_timeout,
        storage_bytes: docker.storage,
        egress: docker.egress,
    };
    let build = &config.build;
    Ok(BuilderConfig {
        artifacts: config.data.join("artifacts"),
        seal,
        profile: profile.to_owned(),
        worker: std::env::current_exe().context("cannot find this program's own file")?,
        compile: CompileLimits {
            cpu_seconds: build.compile_cpu.as_secs().max(1),
            memory_bytes: build.compile_memory,
            wall: build.compile_wall,
            output_bytes: build.artifact_bytes,
            module_bytes: config.wasm.module_bytes,
            guest_memory_bytes: config.wasm.memory_per_instance,
        },
        site: CheckoutLimits {
            files: config.repo.tree_files,
            bytes: build.artifact_bytes,
        },
        hardware: config
            .hardware()
            .into_iter()
            .map(|hardware| hardware.name)
            .collect(),
        max_request_timeout: config.wasm.max_request_timeout,
        egress: config.wasm.egress,
        containers: docker.enabled.then_some(offer),
        images: image_config(config, engine)?,
    })
}

fn image_config(config: &Config, engine: Engine) -> anyhow::Result<ImageConfig> {
    let (docker, build) = (&config.docker, &config.build);
    let pool = docker.pool().context("`docker.network_pool`")?;
    let base_images = config.runtimes.iter();
    // Whatever version a card asks for.
    let of_runtimes = config.runtimes.values();
    let of_runtimes =
        of_runtimes.map(|runtime| runtime.base_image.replace("{python_version}", "*"));
    Ok(ImageConfig {
        listed: build.images.iter().cloned().chain(of_runtimes).collect(),
        networks: Networks::of_builds(engine.clone(), pool),
        engine,
        limits: ImageLimits {
            memory_bytes: build
                .container_memory
                .unwrap_or_else(|| (host_memory(config) / 2).min(4 << 30) >> 20 << 20),
            cpu_millis: build.container_cpu_millis(),
            pids: build.container_pids,
            wall: build.container_wall,
            image_bytes: build.image_bytes,
            output_bytes: build.container_output,
            free_bytes: build.free_disk,
            reach: match (build.network, build.egress_private) {
                (false, _) => Reach::Nothing,
                (true, false) => Reach::Internet,
                (true, true) => Reach::Private,
            },
            isolation_required: docker.isolation == Isolation::Required,
        },
        base_images: base_images
            .map(|(sdk, runtime)| {
                let base = BaseImage {
                    name: runtime.base_image.clone(),
                    preinstall: runtime.preinstalls(),
                };
                (sdk.clone(), base)
            })
            .collect(),
    })
}
