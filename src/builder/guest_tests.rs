//! Which guests are taken, and what is said to the authors of the others.

use super::*;
use crate::domain::Fault;

/// A command that does nothing.
const COMMAND: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;

fn try_compile(bytes: &[u8]) -> Result<GuestAbi, String> {
    let engine = wasm_engine::for_compile().expect("this CPU is known");
    match compile(&engine, bytes, 64 << 20) {
        Ok(compiled) => {
            assert!(Engine::detect_precompiled(&compiled.code).is_some());
            Ok(compiled.abi)
        }
        Err(BuildError {
            fault: Fault::Author,
            message,
        }) => Err(message),
        Err(error) => panic!("not the author's: {error}"),
    }
}

fn try_wat(text: &str) -> Result<GuestAbi, String> {
    try_compile(&wat::parse_str(text).expect("the test's text is valid"))
}

fn refusal(text: &str) -> String {
    try_wat(text).expect_err("must be refused")
}

#[test]
fn commands_and_handlers_run() {
    assert_eq!(try_wat(COMMAND), Ok(GuestAbi::Command));
    assert_eq!(try_wat(&handler("")), Ok(GuestAbi::Http));
    let exit = r#"(import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))"#;
    assert_eq!(
        try_wat(&COMMAND.replace("(memory", &format!("{exit}(memory"))),
        Ok(GuestAbi::Command)
    );
}

#[test]
fn what_is_not_wasm_is_named() {
    for (bytes, answer) in [
        (&b""[..], "it is empty"),
        (b"\0as", "cut off"),
        (b"\0asm\x01\0", "cut off"),
        (b"\x7fELF\x02\x01", "native code"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "Git LFS pointer",
        ),
        (b" (module)", "in text form"),
        (b"<!doctype html>", "not WebAssembly"),
        (b"\0asm\x02\0\0\0", "of a version"),
    ] {
        let message = try_compile(bytes).expect_err("must be refused");
        assert!(message.contains(answer), "{message}");
    }
}

#[test]
fn every_truncation_is_refused() {
    let wasm = wat::parse_str(COMMAND).expect("valid");
    for length in 0..wasm.len() {
        try_compile(&wasm[..length]).expect_err("is cut off");
    }
    let component = wat::parse_str(handler("")).expect("valid");
    for length in (0..component.len()).step_by(7) {
        try_compile(&component[..length]).expect_err("is cut off");
    }
}

#[test]
fn what_cannot_be_called_is_told_what_can() {
    for (text, answer) in [
        ("(module)", "without `_start`; it exports nothing"),
        (r#"(module (func (export "_initialize")))"#, "a library"),
        (
            r#"(module (func (export "_start")))"#,
            "does not export a memory named `memory`",
        ),
        (
            r#"(module (func (export "_start") (param i32)))"#,
            "not a function without arguments",
        ),
        ("(component)", "a component that exports nothing"),
    ] {
        let message = refusal(text);
        assert!(
            message.contains(answer) && message.contains("incoming-handler@0.2"),
            "{message}"
        );
    }
}

#[test]
fn imports_that_are_not_offered_are_named() {
    let import = |import: &str| refusal(&COMMAND.replace("(memory", &format!("{import}(memory")));
    let message =
        import(r#"(import "env" "a" (func)) (import "wasi_snapshot_preview1" "b" (func))"#);
    assert!(
        message.contains("`env.a`, `wasi_snapshot_preview1.b`"),
        "{message}"
    );
    assert!(import(r#"(import "wasi_unstable" "fd_write" (func))"#).contains("2019"));
    assert!(import(r#"(import "wbg" "x" (func))"#).contains("browsers"));
    assert!(
        import(r#"(import "wasi_snapshot_preview1" "fd_write" (func))"#).contains("does not match")
    );

    let message = refusal(&handler(r#"(import "my:own/thing@1.0.0" (instance))"#));
    assert!(message.contains("`my:own/thing@1.0.0`"), "{message}");
    let message = refusal(&handler(r#"(import "wasi:clocks/types@0.3.0" (instance))"#));
    assert!(message.contains("experimental"), "{message}");
}

#[test]
fn what_is_said_to_be_offered_is_there() {
    let resource = |name: &str| format!(r#"(export "{name}" (type (sub resource)))"#);
    let function = |name: &str, shape: &str| format!(r#"(export "{name}" (func {shape}))"#);
    for (interface, member) in [
        (
            "wasi:cli/environment",
            function("initial-cwd", "(result (option string))"),
        ),
        (
            "wasi:cli/exit",
            function("exit", r#"(param "status" (result))"#),
        ),
        ("wasi:cli/terminal-input", resource("terminal-input")),
        ("wasi:cli/terminal-output", resource("terminal-output")),
        (
            "wasi:clocks/monotonic-clock",
            function("now", "(result u64)"),
        ),
        ("wasi:filesystem/types", resource("descriptor")),
        ("wasi:io/error", resource("error")),
        ("wasi:io/poll", resource("pollable")),
        ("wasi:io/streams", resource("input-stream")),
        (
            "wasi:random/insecure",
            function("get-insecure-random-u64", "(result u64)"),
        ),
        (
            "wasi:random/insecure-seed",
            function("insecure-seed", "(result (tuple u64 u64))"),
        ),
        (
            "wasi:random/random",
            function("get-random-u64", "(result u64)"),
        ),
        (
            "wasi:sockets/ip-name-lookup",
            resource("resolve-address-stream"),
        ),
        ("wasi:sockets/network", resource("network")),
        ("wasi:sockets/tcp", resource("tcp-socket")),
        ("wasi:sockets/udp", resource("udp-socket")),
    ] {
        let import = format!(r#"(import "{interface}@0.2.0" (instance {member}))"#);
        assert_eq!(
            try_wat(&handler(&import)),
            Ok(GuestAbi::Http),
            "{interface}"
        );
    }
    // What is in none of them is refused by its type, not only by its name.
    let import = format!(
        r#"(import "wasi:io/poll@0.2.0" (instance {}))"#,
        resource("no-such")
    );
    assert!(refusal(&handler(&import)).contains("does not match"));
}

#[test]
fn wasi_03_is_refused_with_the_reason() {
    let exports = r#"(instance $none) (export "wasi:http/handler@0.3.0" (instance $none))"#;
    assert!(refusal(&format!("(component {exports})")).contains("experimental"));
    let exports = r#"(instance $none) (export "wasi:cli/run@0.2.3" (instance $none))"#;
    assert!(refusal(&format!("(component {exports})")).contains("wasm32-wasip1"));
}

#[test]
fn a_handler_of_the_wrong_shape_is_refused() {
    let exports =
        r#"(instance $none) (export "wasi:http/incoming-handler@0.2.0" (instance $none))"#;
    let message = refusal(&format!("(component {exports})"));
    assert!(message.contains("does not match"), "{message}");
}

#[test]
fn more_than_an_instance_may_have_is_refused() {
    let more = |text: &str| refusal(&COMMAND.replace("(func", &format!("{text}(func")));
    assert!(
        more("(memory 1025)").contains("65 MiB"),
        "1025 pages are more than 64 MiB"
    );
    assert!(more(&"(memory 1)".repeat(8)).contains("9 memories"));
    assert!(more("(table 100001 funcref)").contains("100001 elements"));
    assert!(more(&"(table 1 funcref)".repeat(33)).contains("33 tables"));
    assert!(refusal(&COMMAND.replace("\"memory\") 1", "\"memory\") i64 1")).contains("not valid"));
}

#[test]
fn names_of_the_guest_cannot_fill_or_forge_a_log() {
    let name = "x".repeat(50_000);
    let imports: String = (0..100)
        .map(|n| format!(r#"(import "env\0a{n}" "{name}" (func))"#))
        .collect();
    let message = refusal(&COMMAND.replace("(memory", &format!("{imports}(memory")));
    assert!(message.len() < 5000, "{}", message.len());
    assert!(!message.contains('\n'), "{message}");
}

/// The smallest component that exports the handler, with imports of the test's own.
fn handler(imports: &str) -> String {
    format!(
        r#"(component
            {imports}
            (import "wasi:http/types@0.2.0" (instance $types
                (export "incoming-request" (type (sub resource)))
                (export "response-outparam" (type (sub resource)))))
            (alias export $types "incoming-request" (type $request))
            (alias export $types "response-outparam" (type $outparam))
            (core module $guest (func (export "handle") (param i32 i32)))
            (core instance $guest (instantiate $guest))
            (func $handle (param "request" (own $request)) (param "response-out" (own $outparam))
                (canon lift (core func $guest "handle")))
            (instance $handler (export "handle" (func $handle)))
            (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))"#
    )
}
