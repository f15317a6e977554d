//! What is said of containers and of what they are built from.

use std::time::Duration;

use super::{KIB, MIB, Problems, TIB};
use crate::config::Config;

pub(super) fn are_possible(config: &Config, problems: &mut Problems) {
    let docker = &config.docker;
    if let Some(host) = &docker.host
        && host.strip_prefix("unix://").is_none_or(str::is_empty)
    {
        problems.add("docker.host", host, "`unix://PATH`");
    }
    if docker.pool().is_none() {
        let allowed = "a private IPv4 network of at most 29 bits, such as `10.213.0.0/16`";
        problems.add("docker.network_pool", &docker.network_pool, allowed);
    }
    problems.number("docker.pids", docker.pids.into(), 16, 1 << 20);
    problems.size("docker.disk", docker.disk, MIB, 16 * TIB);
    problems.size("docker.storage", docker.storage, 0, 16 * TIB);
    let (second, day) = (Duration::from_secs(1), Duration::from_secs(86_400));
    for (key, value, least) in [
        ("docker.freeze_after", docker.freeze_after, second),
        ("docker.startup_timeout", docker.startup_timeout, second),
        ("docker.stop_grace", docker.stop_grace, Duration::ZERO),
        (
            "docker.measure_every",
            docker.measure_every,
            Duration::from_millis(100),
        ),
    ] {
        problems.time(key, value, least, day);
    }
    let build = &config.build;
    if !(10..=1_024_000).contains(&build.container_cpu_millis()) {
        problems.add(
            "build.container_cpu",
            build.container_cpu,
            "from 0.01 to 1024 cores",
        );
    }
    problems.number(
        "build.container_pids",
        build.container_pids.into(),
        64,
        1 << 20,
    );
    problems.time("build.container_wall", build.container_wall, second, day);
    if let Some(memory) = build.container_memory {
        problems.size("build.container_memory", memory, 64 * MIB, 16 * TIB);
    }
    problems.size(
        "build.container_output",
        build.container_output,
        64 * KIB,
        TIB,
    );
    problems.size("build.image_bytes", build.image_bytes, MIB, 16 * TIB);
    problems.size("build.free_disk", build.free_disk, 0, 1024 * TIB);
    for (sdk, runtime) in &config.runtimes {
        if !["gradio", "streamlit"].contains(&sdk.as_str()) {
            let key = format!("runtimes.{sdk}");
            problems.add(&key, sdk, "`gradio` or `streamlit`");
        }
        if runtime.base_image.is_empty() || runtime.base_image.contains(char::is_whitespace) {
            let key = format!("runtimes.{sdk}.base_image");
            problems.add(&key, &runtime.base_image, "the name of an image");
        }
    }
}
