//! The guests that stand built in the repository are what their sources make.

use crate::support::guests::wasm;
use crate::support::{Answer, Server, Space};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What each guest is asked, with a body for POST; others are asked for `/`.
const QUESTIONS: &[(&str, &[(&str, &str)])] = &[
    (
        "hostile",
        &[
            ("/", ""),
            ("/echo", "a body"),
            ("/counter", ""),
            ("/stream?n=3&ms=1", ""),
            ("/grow?mib=3", ""),
            ("/never", ""),
        ],
    ),
    (
        "command",
        &[
            ("/", ""),
            ("/echo", "a body"),
            ("/status", ""),
            ("/location", ""),
            ("/exit3", ""),
            ("/never", ""),
        ],
    ),
    ("herbarium", &[("/", ""), ("/write?seed=7&count=12", "")]),
    (
        "digits",
        &[
            ("/", ""),
            (
                "/predict",
                r#"{"strokes": [[[100, 20], [100, 90], [100, 180]]]}"#,
            ),
            ("/predict", "no drawing"),
        ],
    ),
];

#[test]
fn rebuilding_each_gives_one_that_answers_the_same() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rebuilt = tempfile::tempdir().unwrap();
    let status = Command::new(root.join("examples/build"))
        .arg("--out")
        .arg(rebuilt.path())
        .status();
    assert!(status.unwrap().success(), "examples/build failed");
    let server = Server::start();
    let alice = server.user("alice");
    let guests = built_guests(root);
    assert!(guests.len() >= 4, "{guests:?}");
    for guest in guests {
        let name = guest.file_name().unwrap().to_str().unwrap();
        let publish = |kind: &str, module: PathBuf| -> Space<'_> {
            let space = alice.create_on(&format!("{name}-{kind}"), "cpu-basic");
            space.commit(&wasm(std::fs::read(module).unwrap(), ""));
            space.wait_for("RUNNING");
            space
        };
        let here = publish("here", guest.join("app.wasm"));
        let anew = publish("anew", rebuilt.path().join(format!("{name}.wasm")));
        let known = QUESTIONS.iter().find(|(known, _)| *known == name);
        for (path, body) in known.map_or(&[("/", "")][..], |(_, questions)| questions) {
            let method = if body.is_empty() { "GET" } else { "POST" };
            let ask = |space: &Space<'_>| space.send(&space.request(method, path).body(*body));
            assert_eq!(output(&ask(&here)), output(&ask(&anew)), "{name} {path}");
        }
    }
}

/// Folders with a crate and its built guest.
fn built_guests(root: &Path) -> Vec<PathBuf> {
    let folders = ["examples", "tests/guests"].map(|folder| root.join(folder));
    let entries = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap().flatten());
    let built = |path: &PathBuf| path.join("Cargo.toml").exists() && path.join("app.wasm").exists();
    entries.map(|entry| entry.path()).filter(built).collect()
}

/// What counts of an answer: not how long it took.
fn output(answer: &Answer) -> (u16, Option<&str>, String, bool) {
    let text = answer.text();
    let text = text.split("\"microseconds\"").next().unwrap_or_default();
    (
        answer.status,
        answer.header("content-type"),
        text.to_owned(),
        answer.whole,
    )
}
