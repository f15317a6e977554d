//! Flags, environment, file: what is wrong is refused at the start, in words.

use crate::support::cli::Said;
use crate::support::server::BINARY;
use std::process::Command;

/// Starts a server that must refuse to; what it said.
fn refusal(file: Option<&str>, environment: &[(&str, &str)], arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(BINARY);
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path().join("data"));
    if let Some(text) = file {
        std::fs::write(folder.path().join("config.toml"), text).unwrap();
        command
            .arg("--config")
            .arg(folder.path().join("config.toml"));
    }
    command
        .env_clear()
        .envs(environment.iter().copied())
        .args(arguments)
        .current_dir(folder.path());
    // One that does start would never end.
    let mut guarded = Command::new("timeout");
    guarded
        .arg("20")
        .arg(command.get_program())
        .args(command.get_args());
    guarded
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .envs(environment.iter().copied());
    let output = Said::of(guarded.current_dir(folder.path()));
    assert_ne!(output.code, Some(124), "it started: {output:?}");
    output.failure()
}

#[test]
fn unknown_and_impossible_options_are_named() {
    for (file, word) in [
        ("lisen = \"127.0.0.1:1\"", "lisen"),
        ("[gateway]\nconcurency = 2", "concurency"),
        ("[gateway]\nwake_timeout = \"soon\"", "wake_timeout"),
        ("[wasm]\nmodule_bytes = \"lots\"", "module_bytes"),
        ("[wasm]\ndefault_hardware = \"t4-small\"", "t4-small"),
        ("domain = \"not a domain\"", "domain"),
        ("this is no toml", "config.toml"),
    ] {
        let output = refusal(Some(file), &[], &[]);
        assert!(output.contains(word), "{word} for {file:?}: {output}");
    }
    let output = refusal(None, &[("GLASSHOUSE_GATEWAY__CONCURENCY", "2")], &[]);
    assert!(output.to_lowercase().contains("concurency"), "{output}");
    let output = refusal(None, &[], &["--config", "/never/there.toml"]);
    assert!(output.contains("/never/there.toml"), "{output}");
}

#[test]
fn a_listener_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("timeout");
    command
        .args(["20", BINARY, "serve", "--listen", &address, "--data"])
        .arg(folder.path().join("data"));
    let output = Said::of(&mut command);
    assert_ne!(output.code, Some(124), "it started: {output:?}");
    assert!(output.failure().contains(&address));
}

#[test]
fn help_and_version_are_there() {
    let help = Said::of(Command::new(BINARY).arg("--help"))
        .success()
        .stdout;
    for word in [
        "serve", "push", "ls", "info", "logs", "restart", "pause", "rm", "user", "token", "doctor",
    ] {
        assert!(help.contains(word), "{word} in {help}");
    }
    assert!(!help.contains("compile-worker"), "{help}");
    let version = Said::of(Command::new(BINARY).arg("--version"))
        .success()
        .stdout;
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
}

#[test]
fn a_sound_configuration_is_said_to_be_sound() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut command = Command::new(BINARY);
    let output = Said::of(command.args(["serve", "--check", "--data"]).arg(&data));
    let output = output.success().stdout;
    assert!(output.contains(data.to_str().unwrap()), "{output}");
    assert_eq!(output.trim().lines().count(), 1, "{output}");
    // It only looked.
    assert!(!data.exists());
}
