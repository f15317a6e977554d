//! What is published in tests.

use std::fs;
use std::path::PathBuf;

use super::{Hub, Op, Space};

/// A README whose card has these lines.
pub fn card(lines: &str) -> Op {
    Op::file(
        "README.md",
        format!("---\ntitle: A test\n{lines}\n---\n# A test\n"),
    )
}

/// A static Space with a page that says `page`.
pub fn static_site(page: &str) -> Vec<Op> {
    vec![card("sdk: static"), Op::file("index.html", page)]
}

/// A guest of `tests/guests`, as it is built.
pub fn guest(name: &str) -> Vec<u8> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    fs::read(root.join("tests/guests").join(name).join("app.wasm")).unwrap()
}

/// A wasi Space of one of those guests; more lines for its card.
pub fn wasi(name: &str, more: &str) -> Vec<Op> {
    wasm(guest(name), more)
}

/// A wasi Space of a module.
pub fn wasm(module: Vec<u8>, more: &str) -> Vec<Op> {
    vec![
        card(&format!("sdk: wasi\n{more}")),
        Op::file("app.wasm", module),
    ]
}

/// A module from its text.
pub fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// A command module whose `_start` is `body`. It imports what a command writes and ends with; memory begins with
/// `data`, whose first eight bytes should be left to the iovec at 0.
pub fn command(data: &str, body: &str) -> Vec<u8> {
    wat(&format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
            (memory (export "memory") 1)
            (data (i32.const 16) "{data}")
            (func $say (param $length i32)
                (i32.store (i32.const 0) (i32.const 16))
                (i32.store (i32.const 4) (local.get $length))
                (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
            (func (export "_start") {body}))"#
    ))
}

impl<'a> Hub<'a> {
    /// The guest that misbehaves by path, on a whole CPU, with a request deadline of three seconds.
    #[track_caller]
    pub fn publish_hostile(&self, more: &str) -> Space<'a> {
        let space = self.create_on("hostile", "cpu-basic");
        space.commit(&wasi("hostile", &format!("request_timeout: 3s\n{more}")));
        space.wait_for("RUNNING");
        space
    }

    /// A Space created with that hardware.
    #[track_caller]
    pub fn create_on(&self, name: &str, hardware: &str) -> Space<'a> {
        self.create_with(name, serde_json::json!({"hardware": hardware}))
            .expect(200);
        self.space(name)
    }
}
