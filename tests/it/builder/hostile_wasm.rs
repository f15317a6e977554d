//! WebAssembly that cannot, or must not, be built.

use crate::support::guests::{guest, wasm, wat};
use crate::support::server::{cpu_seconds, resident};
use crate::support::{Server, Space, eventually};
use std::time::{Duration, Instant};

/// Publishes a module that cannot be built; what its author is told.
#[track_caller]
fn refusal(space: &Space<'_>, module: Vec<u8>) -> String {
    space.commit(&wasm(module, ""));
    let runtime = eventually(Duration::from_secs(90), "the build has ended", || {
        let runtime = space.runtime();
        (runtime["stage"] != "BUILDING").then_some(runtime)
    });
    assert_eq!(runtime["stage"], "BUILD_ERROR", "{runtime:#}");
    let message = runtime["errorMessage"].as_str().unwrap().to_owned();
    assert!(message.contains("app.wasm"), "it names the file: {message}");
    message
}

#[track_caller]
fn says(message: &str, words: &[&str]) {
    let lower = message.to_lowercase();
    assert!(
        words.iter().any(|word| lower.contains(word)),
        "one of {words:?} in: {message}"
    );
}

#[test]
fn what_is_no_wasm_is_said_to_be_none() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let elf = std::fs::read("/bin/true").unwrap();
    for module in [
        b"".to_vec(),
        b"\0".to_vec(),
        b"hello, I am text\n".to_vec(),
        b"(module)".to_vec(),
        elf,
        vec![0; 4096],
    ] {
        let message = refusal(&space, module);
        says(
            &message,
            &[
                "not a webassembly",
                "not webassembly",
                "in text form",
                "only the beginning",
                "empty",
            ],
        );
    }
}

#[test]
fn what_is_cut_off_or_bent_is_refused() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let whole = guest("hello");
    for keep in [8, 9, 100, whole.len() / 2, whole.len() - 1] {
        refusal(&space, whole[..keep].to_vec());
    }
    // A bit here and there: whatever it is then, the server goes on.
    let mut seed = 7_u64;
    for _ in 0..8 {
        let mut bent = whole.clone();
        for _ in 0..20 {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            let at = (seed >> 33) as usize % bent.len();
            bent[at] ^= 1 << (seed % 8);
        }
        space.commit(&wasm(bent, ""));
        eventually(Duration::from_secs(60), "the build has ended", || {
            (!space.stage().contains("BUILDING")).then_some(())
        });
    }
    server.anonymous().get("/readyz").expect(200);
}

#[test]
fn a_module_that_speaks_no_wasi_is_told_what_is_spoken() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let strangers = [
        // No entry.
        wat("(module (func (export \"main\")))"),
        wat("(module)"),
        // An import that nobody has.
        wat("(module (import \"env\" \"emscripten_run\" (func)) (func (export \"_start\")))"),
        wat(
            "(module (import \"wasi_snapshot_preview1\" \"launch_missiles\" (func)) (func (export \"_start\")))",
        ),
        wat(
            "(module (import \"wasi_snapshot_preview1\" \"fd_write\" (func (param i32))) (func (export \"_start\")))",
        ),
        // An entry of another shape.
        wat("(module (func (export \"_start\") (param i32)))"),
        // Components that answer nothing.
        wat("(component)"),
        wat("(component (import \"acme:door/open@1.0.0\" (func)))"),
    ];
    for module in strangers {
        let message = refusal(&space, module);
        says(&message, &["wasi"]);
    }
}

#[test]
fn an_entry_for_the_next_wasi_is_refused_with_the_reason() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let component = wat(r#"(component
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (instance $handler (export "handle" (func $f)))
            (export "wasi:http/handler@0.3.0" (instance $handler)))"#);
    let message = refusal(&space, component);
    says(&message, &["0.3"]);
    says(&message, &["0.2"]);
}

#[test]
fn wasm_proposals_that_are_off_are_refused() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    refusal(
        &space,
        wat("(module (memory i64 1) (func (export \"_start\")))"),
    );
    refusal(
        &space,
        wat("(module (memory 1 2 shared) (func (export \"_start\")))"),
    );
}

#[test]
fn a_module_beyond_the_limit_is_refused_by_size() {
    let server = Server::with(&[("WASM__MODULE_BYTES", "1 MiB")]);
    let alice = server.user("alice");
    let space = alice.create("demo");
    let message = refusal(&space, vec![0; 1_100_000]);
    says(&message, &["1 mib"]);
}

#[test]
fn a_compile_bomb_ends_at_its_limit_and_leaves_the_server_alone() {
    let server = Server::with(&[("BUILD__COMPILE_CPU", "2s"), ("BUILD__COMPILE_WALL", "20s")]);
    let alice = server.user("alice");
    let space = alice.create("demo");
    let before = (cpu_seconds(server.process()), resident(server.process()));
    let begin = Instant::now();
    let message = refusal(&space, bomb(100, 300, 3_000));
    says(&message, &["cpu", "time"]);
    assert!(begin.elapsed() < Duration::from_secs(60));
    let grown = resident(server.process()).saturating_sub(before.1);
    assert!(grown < 256 << 20, "the server grew by {} MiB", grown >> 20);
    // A neighbour builds as if nothing had been.
    let neighbour = alice.create("neighbour");
    neighbour.commit(&wasm(guest("hello"), ""));
    neighbour.wait_for("RUNNING");
    neighbour.visit("/").expect(200);
}

#[test]
fn a_compiler_that_wants_too_much_memory_is_stopped() {
    let server = Server::with(&[("BUILD__COMPILE_MEMORY", "1 GiB")]);
    let alice = server.user("alice");
    let space = alice.create("demo");
    let message = refusal(&space, bomb(1, 3_000, 30_000));
    says(&message, &["memory"]);
}

/// A command with that many functions of that many branches in a loop, over that many variables: each branch may change
/// each variable, which is what compilers find hardest.
fn bomb(functions: usize, variables: usize, branches: usize) -> Vec<u8> {
    let mut body = [&[1][..], &leb(variables), &[0x7e, 0x03, 0x40]].concat();
    for branch in 0..branches {
        let (from, to) = (
            leb(branch * 7919 % variables),
            leb((branch * 104_729 + 13) % variables),
        );
        // if (from) { to = to + from }
        body.extend([&[0x20][..], &from, &[0xa7, 0x04, 0x40, 0x20], &to].concat());
        body.extend([&[0x20][..], &from, &[0x7c, 0x21], &to, &[0x0b]].concat());
    }
    // if (first) continue
    body.extend([0x20, 0, 0xa7, 0x0d, 0, 0x0b, 0x0b]);
    let mut code = leb(functions);
    for _ in 0..functions {
        code.extend(leb(body.len()));
        code.extend(&body);
    }
    let mut types = leb(functions);
    types.extend(vec![0; functions]);
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend([1, 4, 1, 0x60, 0, 0]);
    section(&mut module, 3, &types);
    section(&mut module, 5, &[1, 0, 1]);
    section(&mut module, 7, b"\x02\x06_start\0\0\x06memory\x02\0");
    section(&mut module, 10, &code);
    module
}

fn section(module: &mut Vec<u8>, kind: u8, content: &[u8]) {
    module.push(kind);
    module.extend(leb(content.len()));
    module.extend(content);
}

fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}
