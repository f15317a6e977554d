//! What the types of the configuration cannot refuse.

mod containers;

use std::collections::HashSet;
use std::time::Duration;

use super::{Config, addresses, text};

/// Every problem, each naming the key, the value and what is allowed.
pub(super) fn check(config: &Config) -> Vec<String> {
    let mut problems = Problems(Vec::new());
    addresses_are_usable(config, &mut problems);
    provider_is_usable(config, &mut problems);
    hardware_is_usable(config, &mut problems);
    containers::are_possible(config, &mut problems);
    numbers_are_in_bounds(config, &mut problems);
    times_are_in_bounds(config, &mut problems);
    sizes_are_in_bounds(config, &mut problems);
    problems.0
}

struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, key: &str, value: impl std::fmt::Display, allowed: &str) {
        self.0
            .push(format!("`{key}` is `{value}`, but must be {allowed}"));
    }

    fn number(&mut self, key: &str, value: u64, least: u64, most: u64) {
        if !(least..=most).contains(&value) {
            self.add(key, value, &format!("from {least} to {most}"));
        }
    }

    fn time(&mut self, key: &str, value: Duration, least: Duration, most: Duration) {
        if !(least..=most).contains(&value) {
            let allowed = format!("from {} to {}", text::time(least), text::time(most));
            self.add(key, text::time(value), &allowed);
        }
    }

    fn size(&mut self, key: &str, value: u64, least: u64, most: u64) {
        if !(least..=most).contains(&value) {
            let allowed = format!("from {} to {}", text::size(least), text::size(most));
            self.add(key, text::size(value), &allowed);
        }
    }
}

fn addresses_are_usable(config: &Config, problems: &mut Problems) {
    if config.data.as_os_str().is_empty() {
        problems.add("data", "", "the path of a folder");
    }
    if !addresses::is_domain(&config.domain) {
        let allowed = "a domain name in lower case without a port or a final dot, such as `demos.example.org`";
        problems.add("domain", &config.domain, allowed);
    }
    if let Some(url) = &config.public_url
        && addresses::PublicUrl::parse(url).is_none()
    {
        let allowed = "a scheme, a host and optionally a port, such as `https://demos.example.org`";
        problems.add("public_url", url, allowed);
    }
    if config.metrics_listen == Some(config.listen) && config.listen.port() != 0 {
        problems.add(
            "metrics_listen",
            config.listen,
            "an address other than `listen`",
        );
    }
    if !is_filter(&config.log.level) {
        let allowed = "`error`, `warn`, `info`, `debug`, `trace` or `off`, optionally followed by `,MODULE=LEVEL`";
        problems.add("log.level", &config.log.level, allowed);
    }
}

fn provider_is_usable(config: &Config, problems: &mut Problems) {
    let oidc = &config.oidc;
    if let Some(issuer) = &oidc.issuer {
        let rest = issuer.strip_prefix("https://");
        // Whoever can change what passes on the way could say who anybody is, so there is no way for them to be on.
        let here = issuer.strip_prefix("http://").filter(|_| {
            let address = issuer.parse::<http::Uri>();
            address.is_ok_and(|address| {
                matches!(
                    address.host(),
                    Some("localhost" | "127.0.0.1" | "[::1]" | "::1")
                )
            })
        });
        // OpenID Connect Discovery 1.0 §4.3: no query and no fragment.
        let plain = |rest: &str| !rest.is_empty() && !rest.contains(['?', '#', ' ']);
        if !rest.or(here).is_some_and(plain) {
            let allowed = "an address such as `https://login.example.org/realms/lab`; `http://` is allowed only for \
                           `localhost`";
            problems.add("oidc.issuer", issuer, allowed);
        }
    }
    for (key, value) in [
        ("oidc.client_id", &oidc.client_id),
        ("oidc.name_claim", &oidc.name_claim),
        ("oidc.title", &oidc.title),
    ] {
        if value.trim().is_empty() {
            problems.add(key, value, "some text");
        }
    }
    if !oidc.scopes.split(' ').any(|scope| scope == "openid") {
        problems.add("oidc.scopes", &oidc.scopes, "words that include `openid`");
    }
}

/// Whether every part is a level or `MODULE=LEVEL`. A lone word that is no level would silence everything else.
fn is_filter(text: &str) -> bool {
    let level = |word: &str| {
        ["off", "error", "warn", "info", "debug", "trace"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(word))
    };
    text.split(',')
        .map(str::trim)
        .all(|part| match part.split_once('=') {
            Some((module, word)) => !module.is_empty() && level(word),
            None => level(part),
        })
}

fn hardware_is_usable(config: &Config, problems: &mut Problems) {
    let mut names = HashSet::new();
    for (index, hardware) in config.hardware.iter().enumerate() {
        let key = |field| format!("hardware[{index}].{field}");
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if hardware.name.is_empty() || !hardware.name.bytes().all(plain) {
            problems.add(&key("name"), &hardware.name, "of a-z, 0-9 and -");
        }
        if !names.insert(&hardware.name) {
            problems.add(&key("name"), &hardware.name, "unique");
        }
        if !(1..=1_024_000).contains(&hardware.cpu_millis()) {
            problems.add(&key("cpu"), hardware.cpu, "from 0.001 to 1024 cores");
        }
        problems.size(&key("memory"), hardware.memory, MIB, 16 * TIB);
    }
    let known: Vec<_> = config
        .hardware
        .iter()
        .map(|hardware| hardware.name.as_str())
        .collect();
    let allowed = format!("a name under [[hardware]] ({})", known.join(", "));
    for (key, name) in [
        (
            "wasm.default_hardware",
            config.wasm.default_hardware.as_str(),
        ),
        ("docker.default_hardware", &config.docker.default_hardware),
    ] {
        if !known.contains(&name) {
            problems.add(key, name, &allowed);
        }
    }
}

const MAX_PERMITS: u64 = 1 << 20;

fn numbers_are_in_bounds(config: &Config, problems: &mut Problems) {
    let mut number = |key, value: usize, least, most| {
        problems.number(key, u64::try_from(value).unwrap_or(u64::MAX), least, most);
    };
    let gateway = &config.gateway;
    for (key, value, least) in [
        ("server.max_connections", config.server.max_connections, 1),
        (
            "gateway.concurrency_per_space",
            gateway.concurrency_per_space,
            1,
        ),
        (
            "gateway.concurrency_per_visitor",
            gateway.concurrency_per_visitor,
            1,
        ),
        ("gateway.watchers_per_space", gateway.watchers_per_space, 0),
        (
            "gateway.watchers_per_visitor",
            gateway.watchers_per_visitor,
            0,
        ),
        ("gateway.queue_per_space", gateway.queue_per_space, 0),
    ] {
        number(key, value, least, MAX_PERMITS);
    }
    number("build.at_once", config.build.at_once, 1, 1024);
    number(
        "build.compile_at_once",
        config.build.compile_at_once,
        1,
        1024,
    );
    number("build.files_at_once", config.build.files_at_once, 1, 1024);
    number("repo.files", config.repo.files, 1, 10_000_000);
    number("repo.tree_files", config.repo.tree_files, 1, 10_000_000);
    if let Some(share) = config.server.max_connections_per_address {
        number("server.max_connections_per_address", share, 1, MAX_PERMITS);
    }
    if let Some(threads) = config.server.threads {
        number("server.threads", threads, 1, 1024);
    }
    if let Some(threads) = config.wasm.guest_threads {
        number("wasm.guest_threads", threads, 1, 1024);
    }
    let mut number = |key, value: u32, least, most| {
        problems.number(key, u64::from(value), least, most);
    };
    number("wasm.instances", config.wasm.instances, 1, 100_000);
    number(
        "wasm.reuse_count",
        config.wasm.reuse_count,
        1,
        u64::from(u32::MAX),
    );
    number(
        "journal.lines_per_second",
        config.journal.lines_per_second,
        1,
        1_000_000,
    );
}

const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);
const YEAR: Duration = Duration::from_secs(365 * 86_400);

fn times_are_in_bounds(config: &Config, problems: &mut Problems) {
    let (server, gateway, wasm) = (&config.server, &config.gateway, &config.wasm);
    problems.time("server.header_timeout", server.header_timeout, MILLI, DAY);
    problems.time(
        "server.first_byte_timeout",
        server.first_byte_timeout,
        MILLI,
        DAY,
    );
    problems.time(
        "server.drain_timeout",
        server.drain_timeout,
        Duration::ZERO,
        DAY,
    );
    problems.time(
        "gateway.queue_timeout",
        gateway.queue_timeout,
        Duration::ZERO,
        DAY,
    );
    problems.time(
        "gateway.wake_timeout",
        gateway.wake_timeout,
        Duration::ZERO,
        DAY,
    );
    problems.time(
        "gateway.minimum_body_grace",
        gateway.minimum_body_grace,
        MILLI,
        DAY,
    );
    problems.time("gateway.idle_timeout", gateway.idle_timeout, MILLI, YEAR);
    problems.time("wasm.tick", wasm.tick, MILLI / 10, 100 * MILLI);
    problems.time(
        "wasm.max_request_timeout",
        wasm.max_request_timeout,
        MILLI,
        DAY,
    );
    problems.time(
        "wasm.request_timeout",
        wasm.request_timeout,
        MILLI,
        wasm.max_request_timeout,
    );
    problems.time("wasm.cpu_burst", wasm.cpu_burst, 10 * MILLI, DAY);
    problems.time("wasm.unload_after", wasm.unload_after, Duration::ZERO, YEAR);
    problems.time("build.compile_cpu", config.build.compile_cpu, SECOND, DAY);
    problems.time("build.compile_wall", config.build.compile_wall, SECOND, DAY);
    problems.time(
        "sleep.after",
        config.sleep.after,
        Duration::ZERO,
        100 * YEAR,
    );
    if gateway.idle_timeout < wasm.max_request_timeout {
        let allowed = "at least as long as `wasm.max_request_timeout`";
        problems.add(
            "gateway.idle_timeout",
            text::time(gateway.idle_timeout),
            allowed,
        );
    }
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

fn sizes_are_in_bounds(config: &Config, problems: &mut Problems) {
    let (gateway, wasm, build) = (&config.gateway, &config.wasm, &config.build);
    problems.size(
        "server.max_header_bytes",
        config.server.max_header_bytes,
        8 * KIB,
        MIB,
    );
    problems.size("gateway.body_bytes", gateway.body_bytes, 0, 16 * TIB);
    problems.size(
        "gateway.minimum_body_rate",
        gateway.minimum_body_rate,
        1,
        GIB,
    );
    problems.size(
        "quota.memory_per_owner",
        config.quota.memory_per_owner,
        MIB,
        1024 * TIB,
    );
    problems.size(
        "quota.disk_per_owner",
        config.quota.disk_per_owner,
        0,
        1024 * TIB,
    );
    if !(0.0..=1_000_000.0).contains(&config.quota.cpu_per_owner) {
        let allowed = "from 0 to 1000000 cores";
        problems.add("quota.cpu_per_owner", config.quota.cpu_per_owner, allowed);
    }
    for (key, rate) in [
        ("gateway.rate_per_visitor", config.gateway.rate_per_visitor),
        ("gateway.rate_per_space", config.gateway.rate_per_space),
    ] {
        if rate != 0.0 && !(0.001..=1_000_000.0).contains(&rate) {
            problems.add(key, rate, "0, or from 0.001 to 1000000 requests a second");
        }
    }
    if !(0.1..=1000.0).contains(&config.host.cpu_overcommit) {
        let allowed = "from 0.1 to 1000";
        problems.add("host.cpu_overcommit", config.host.cpu_overcommit, allowed);
    }
    if !(1.0..=1000.0).contains(&config.host.cpu_spare) {
        let allowed = "from 1 to 1000";
        problems.add("host.cpu_spare", config.host.cpu_spare, allowed);
    }
    if let Some(memory) = config.host.memory {
        problems.size("host.memory", memory, MIB, 1024 * TIB);
    }
    // A 32-bit guest cannot address more.
    problems.size(
        "wasm.memory_per_instance",
        wasm.memory_per_instance,
        64 * KIB,
        4 * GIB,
    );
    problems.size("wasm.module_bytes", wasm.module_bytes, KIB, 4 * GIB);
    problems.size("wasm.response_bytes", wasm.response_bytes, KIB, 16 * TIB);
    problems.size(
        "build.compile_memory",
        build.compile_memory,
        128 * MIB,
        16 * TIB,
    );
    problems.size("build.artifact_bytes", build.artifact_bytes, KIB, 16 * TIB);
    problems.size("repo.file_bytes", config.repo.file_bytes, KIB, 16 * TIB);
    problems.size("repo.commit_bytes", config.repo.commit_bytes, KIB, 16 * TIB);
    problems.size(
        "journal.bytes_per_log",
        config.journal.bytes_per_log,
        64 * KIB,
        GIB,
    );
    problems.size("journal.line_bytes", config.journal.line_bytes, 80, 8 * KIB);
}
