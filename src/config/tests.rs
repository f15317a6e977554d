use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use serde_json::Value as Json;

use super::*;

fn with_environment(variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::from_layers(None, variables, &Flags::default()).map_err(|error| error.to_string())
}

fn with_file(text: &str) -> Result<Config, String> {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("written");
    Config::from_layers(Some(file.path()), [], &Flags::default()).map_err(|error| error.to_string())
}

/// The default file with the options that are not set by default set.
fn everything_set() -> String {
    let is_option = |line: &str| {
        line.split_once(" = ").is_some_and(|(key, _)| {
            key.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        })
    };
    let lines = DEFAULTS.lines().map(|line| match line.strip_prefix("# ") {
        Some(option) if is_option(option) => option,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn keys(value: &Json, prefix: &str, into: &mut BTreeSet<String>) {
    match value {
        Json::Object(fields) => {
            for (key, value) in fields {
                keys(value, &format!("{prefix}.{key}"), into);
            }
        }
        Json::Array(items) => items
            .iter()
            .for_each(|item| keys(item, &format!("{prefix}[]"), into)),
        _ => {
            into.insert(prefix.to_owned());
        }
    }
}

#[test]
fn the_default_file_is_the_struct() {
    let config = Config::defaults();
    assert_eq!(config.server.header_timeout, Duration::from_secs(30));
    assert_eq!(config.hub_url(), "http://localhost:7860");
    assert_eq!(config.hardware()[0].limits.cpu_millis, 250);

    let in_struct = with_file(&everything_set()).expect("every option of the file is known");
    let in_file: Json = Figment::from(Toml::string(&everything_set()))
        .extract()
        .expect("readable");
    let (mut struct_keys, mut file_keys) = (BTreeSet::new(), BTreeSet::new());
    keys(
        &serde_json::to_value(&in_struct).expect("plain data"),
        "",
        &mut struct_keys,
    );
    keys(&in_file, "", &mut file_keys);
    assert_eq!(struct_keys, file_keys);
}

#[test]
fn every_option_has_its_sentence() {
    let mut before = "";
    for line in DEFAULTS.lines() {
        let hardware = ["name", "title", "cpu", "memory"]
            .iter()
            .any(|field| line.starts_with(&format!("{field} = ")));
        if line.contains(" = ") && !line.starts_with("# `") && !hardware {
            let sentence = before.starts_with("# ") && before.ends_with('.');
            assert!(sentence, "`{line}` has no sentence before it");
        }
        before = line;
    }
}

#[test]
fn layers_override_in_order() {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(
        b"domain = \"file.example\"\n[gateway]\nqueue_per_space = 7\nwake_timeout = \"5s\"\n",
    )
    .expect("written");
    let variables = [
        ("GLASSHOUSE_GATEWAY__WAKE_TIMEOUT", "90s"),
        ("GLASSHOUSE_DOMAIN", "env.example"),
        ("GLASSHOUSE_PUBLIC_URL", ""),
        ("GLASSHOUSE_CONFIG", "some.toml"),
        (
            "GLASSHOUSE_HARDWARE",
            "[{name=\"cpu-nano\",title=\"N\",cpu=0.5,memory=\"1 GiB\"}]",
        ),
        ("GLASSHOUSE_DOCKER__DEFAULT_HARDWARE", "cpu-nano"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let flags = Flags {
        domain: Some("flag.example".into()),
        ..Flags::default()
    };
    let config = Config::from_layers(Some(file.path()), variables, &flags).expect("valid");
    assert_eq!(config.domain, "flag.example");
    assert_eq!(config.gateway.wake_timeout, Duration::from_secs(90));
    assert_eq!(config.gateway.queue_per_space, 7);
    assert_eq!(config.gateway.concurrency_per_space, 64);
    assert_eq!(config.hardware().len(), 1);
    assert_eq!(config.public_url, None);
}

#[test]
fn an_error_names_layer_key_value_and_what_is_allowed() {
    let cases = [
        (
            with_environment(&[("GLASSHOUSE_GATEWAY__WAKE_TIMEOUT", "soon")]),
            vec![
                "GLASSHOUSE_GATEWAY__WAKE_TIMEOUT",
                "gateway.wake_timeout",
                "`soon`",
                "`30s`",
            ],
        ),
        (
            with_environment(&[("GLASSHOUSE_WAKE_TIMEOUT", "1s")]),
            vec!["GLASSHOUSE_WAKE_TIMEOUT", "wake_timeout", "unknown field"],
        ),
        (
            with_file("[gateway]\nwaketimeout = \"1s\"\n"),
            vec!["waketimeout", "unknown field", "wake_timeout"],
        ),
        (
            with_file("[server]\nmax_header_bytes = 65536\n"),
            vec!["server.max_header_bytes", "65536", "a size such as"],
        ),
        (with_file("listen = \"7860\"\n"), vec!["`listen`"]),
        (
            with_file("domain = \"Demos.example:80\"\n"),
            vec!["`domain`", "Demos.example:80", "demos.example.org"],
        ),
        (
            with_file("[wasm]\ndefault_hardware = \"gpu\"\n"),
            vec![
                "wasm.default_hardware",
                "`gpu`",
                "cpu-nano, cpu-basic, cpu-upgrade",
            ],
        ),
        (
            with_file("[wasm]\nrequest_timeout = \"11m\"\n"),
            vec!["wasm.request_timeout", "`11m`", "10m"],
        ),
        (
            with_file(
                "[[hardware]]\nname = \"cpu-nano\"\ntitle = \"\"\ncpu = -1.0\nmemory = \"1 B\"\n",
            ),
            vec![
                "hardware[0].cpu",
                "`-1`",
                "1024 cores",
                "hardware[0].memory",
                "`1 B`",
            ],
        ),
        (
            with_file("[log]\nlevel = \"loud\"\n"),
            vec!["log.level", "`loud`", "`debug`"],
        ),
        (
            with_file("[log]\nformat = \"xml\"\n"),
            vec!["log.format", "xml", "json"],
        ),
        (
            with_file("[oidc]\nissuer = \"login.example.org\"\nscopes = \"profile\"\n"),
            vec![
                "oidc.issuer",
                "`login.example.org`",
                "https://",
                "oidc.scopes",
            ],
        ),
        (with_file("data = [\n"), vec!["TOML"]),
    ];
    for (result, wanted) in cases {
        let text = result.expect_err("refused");
        for word in wanted {
            assert!(text.contains(word), "no {word:?} in: {text}");
        }
    }
}

#[test]
fn a_provider_is_asked_over_https_or_on_this_machine() {
    let with = |issuer| with_environment(&[("GLASSHOUSE_OIDC__ISSUER", issuer)]);
    for good in [
        "https://login.example.org/realms/lab",
        "http://localhost:8080/realms/lab",
        "http://127.0.0.1",
        "http://[::1]:9000/",
    ] {
        assert!(with(good).is_ok(), "{good}");
    }
    for bad in [
        "http://login.example.org",
        "http://localhost.example.org:80/",
        "http://localhost@example.org/",
        "http://localhost:1@example.org/",
        "http://",
        "ftp://localhost",
        "https://login.example.org/?a=b",
    ] {
        let output = with(bad).expect_err(bad);
        assert!(output.contains("oidc.issuer"), "{bad}: {output}");
    }
}
