//! Memory is counted as a sum over all a Space runs, and given back.

use crate::support::guests::{wasi, wasm, wat};
use crate::support::server::resident;
use crate::support::{Hub, Server, Space, eventually};
use std::time::Duration;

const MIB: f64 = 1_048_576.0;

/// The hostile guest on 256 MiB.
fn small<'a>(alice: &Hub<'a>) -> Space<'a> {
    let space = alice.create_on("hostile", "cpu-nano");
    space.commit(&wasi("hostile", "request_timeout: 30s"));
    space.wait_for("RUNNING");
    space
}

fn number(text: &str) -> u64 {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits
        .parse()
        .unwrap_or_else(|_| panic!("no number in {text:?}"))
}

#[test]
fn a_guest_is_refused_what_its_size_does_not_have() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = small(&alice);
    assert_eq!(space.visit("/grow?mib=100").expect(200).text(), "ok\n");
    let text = space.visit("/grow?mib=1000").expect(200).text();
    assert!(text.starts_with("refused at "), "{text}");
    assert!((150..=256).contains(&number(&text)), "{text}");
    space.wait_for_no_memory();
}

#[test]
fn instances_share_what_their_space_has() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = small(&alice);
    let (held, most) = std::thread::scope(|scope| {
        let visits: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| space.visit("/hold?mib=120&ms=3000").text()))
            .collect();
        let mut most = 0.0_f64;
        for _ in 0..30 {
            most = most.max(space.usage().memory_bytes);
            std::thread::sleep(Duration::from_millis(100));
        }
        let held: Vec<_> = visits
            .into_iter()
            .map(|visit| visit.join().unwrap())
            .collect();
        (held, most)
    });
    let sum: u64 = held
        .iter()
        .filter(|text| text.starts_with("held"))
        .map(|text| number(text))
        .sum();
    assert!(sum <= 256, "{held:?}");
    assert!(sum >= 100, "{held:?}");
    assert!(most <= 256.0 * MIB, "{} MiB", most / MIB);
    assert!(most >= 100.0 * MIB, "{} MiB", most / MIB);
    space.wait_for_no_memory();
    assert_eq!(space.visit("/grow?mib=100").expect(200).text(), "ok\n");
}

#[test]
fn what_is_given_back_leaves_the_process() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    space.visit("/grow?mib=10").expect(200);
    let before = resident(server.process());
    for _ in 0..3 {
        space.visit("/grow?mib=500").expect(200);
    }
    space.wait_for_no_memory();
    let most = before + (100 << 20);
    eventually(
        Duration::from_secs(20),
        &format!("below {most} bytes"),
        || {
            let now = resident(server.process());
            eprintln!("{before} bytes before, {now} now");
            (now < most).then_some(())
        },
    );
}

#[test]
fn handles_are_bounded_too() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let before = resident(server.process());
    let answer = space.visit("/many-resources");
    assert!((500..600).contains(&answer.status), "{answer:?}");
    let grown = resident(server.process()).saturating_sub(before);
    assert!(grown < 300 << 20, "the server grew by {} MiB", grown >> 20);
    space.visit("/echo").expect(200);
    space.wait_for_no_memory();
}

#[test]
fn random_bytes_are_no_way_around() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = small(&alice);
    assert_eq!(space.visit("/random?n=64").expect(200).text(), "64 bytes\n");
    let before = resident(server.process());
    let answer = space.visit("/random?n=3000000000");
    assert!((500..600).contains(&answer.status), "{answer:?}");
    let grown = resident(server.process()).saturating_sub(before);
    assert!(grown < 300 << 20, "the server grew by {} MiB", grown >> 20);
    space.visit("/echo").expect(200);
}

#[test]
fn a_module_that_begins_larger_than_its_size_says_so() {
    let server = Server::start();
    let alice = server.user("alice");
    let modules = [
        // 1 GiB of memory from the start, on 256 MiB.
        wat("(module (memory (export \"memory\") 16384) (func (export \"_start\")))"),
        // A table of a hundred million entries.
        wat(
            "(module (memory (export \"memory\") 1) (table 100000000 funcref) (func (export \"_start\")))",
        ),
    ];
    for (n, module) in modules.into_iter().enumerate() {
        let space = alice.create_on(&format!("big{n}"), "cpu-nano");
        space.commit(&wasm(module, ""));
        // Whether at the build, the start or the first visit: in words, and without harm.
        eventually(Duration::from_secs(30), "the build has ended", || {
            let stage = space.stage();
            (stage != "BUILDING" && stage != "APP_STARTING").then_some(())
        });
        let answer = space.visit("/");
        assert!((500..600).contains(&answer.status), "{answer:?}");
        let told = space.error_message() + &space.log("run").join("\n") + &answer.text();
        let told = told.to_lowercase();
        assert!(
            ["memory", "table", "mib"]
                .iter()
                .any(|word| told.contains(word)),
            "{told}"
        );
    }
}

#[test]
fn tables_grow_within_the_sum() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create_on("tables", "cpu-nano");
    // Grows a table by a million entries until it is refused, then says `done`.
    let module = wat(r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (table $t 1 funcref)
            (data (i32.const 16) "Content-Type: text/plain\0a\0adone")
            (func (export "_start")
                (loop $again
                    (br_if $again (i32.ge_s (table.grow $t (ref.null func) (i32.const 1000000)) (i32.const 0))))
                (i32.store (i32.const 0) (i32.const 16))
                (i32.store (i32.const 4) (i32.const 30))
                (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#);
    space.commit(&wasm(module, "request_timeout: 10s"));
    space.wait_for("RUNNING");
    let before = resident(server.process());
    let answer = space.visit("/");
    assert!(
        answer.status == 200 && answer.text() == "done" || answer.status == 502,
        "{answer:?}"
    );
    let grown = resident(server.process()).saturating_sub(before);
    assert!(grown < 300 << 20, "the server grew by {} MiB", grown >> 20);
    space.wait_for_no_memory();
}

#[test]
fn an_owner_holds_no_more_than_the_quota() {
    let server = Server::with(&[("QUOTA__MEMORY_PER_OWNER", "512 MiB")]);
    let alice = server.user("alice");
    let spaces: Vec<_> = (0..3)
        .map(|n| {
            let space = alice.create_on(&format!("hostile{n}"), "cpu-nano");
            space.commit(&wasi("hostile", "request_timeout: 30s"));
            space
        })
        .collect();
    let working = std::thread::scope(|scope| {
        std::thread::sleep(Duration::from_secs(8));
        let visits: Vec<_> = spaces
            .iter()
            .map(|space| scope.spawn(|| space.visit("/hold?mib=200&ms=2000").text()))
            .collect();
        visits
            .into_iter()
            .map(|visit| visit.join().unwrap())
            .filter(|text| text.starts_with("held"))
            .map(|text| number(&text))
            .sum::<u64>()
    });
    assert!(working <= 512, "{working} MiB were held");
}
