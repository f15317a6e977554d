//! The law of arrows: a room under `src/` uses only rooms on floors below its own, no arrow crosses a wall, and no two
//! files of a room use each other. And no file is too long to be read at a sitting.

mod circles;
mod source;

use std::fs;
use std::path::Path;

use circles::circles;
use source::{module_path, rust_files, words};

/// Rooms by floor, the ground floor first.
const FLOORS: &[&[&str]] = &[
    &["domain", "keys", "net"],
    &["upstream", "wasm_engine"],
    &["ledger"],
    &["config", "docker", "journal", "repo", "routes", "store"],
    &[
        "auth",
        "backup",
        "base_url",
        "builder",
        "card_cache",
        "runtime",
        "telemetry",
    ],
    &["lifecycle", "server"],
    &["api", "gateway", "web"],
    &["app"],
    &["cli"],
    &["main"],
];

/// Rooms below that a room still may not use.
const WALLS: &[(&str, &[&str])] = &[
    ("builder", &["store"]),
    ("runtime", &["store", "repo"]),
    ("gateway", &["lifecycle", "store"]),
    ("api", &["runtime"]),
    ("web", &["runtime"]),
];

/// Rooms that may use these only.
const DOORS: &[(&str, &[&str])] = &[("cli", &["config", "app", "domain"]), ("main", &["cli"])];

/// Crates a room may not know.
const FOREIGN: &[(&str, &[&str])] = &[
    ("domain", &["axum", "hyper", "sqlx", "tokio", "wasmtime"]),
    ("ledger", &["axum", "hyper", "sqlx", "wasmtime"]),
    ("repo", &["axum", "hyper", "sqlx", "wasmtime"]),
    ("store", &["axum", "hyper", "wasmtime"]),
    ("routes", &["sqlx", "wasmtime"]),
    ("lifecycle", &["sqlx", "wasmtime"]),
    ("gateway", &["sqlx", "wasmtime"]),
    ("api", &["sqlx", "wasmtime"]),
    ("web", &["sqlx", "wasmtime"]),
    ("cli", &["sqlx", "wasmtime"]),
];

/// Lines of the longest file.
const MOST_LINES: usize = 400;

/// Files that are longer, and why.
const LONG: &[(&str, &str)] = &[
    (
        "tests/it/bearers.rs",
        "one table of who may read what, and its reading",
    ),
    (
        "tests/it/builder/artifacts.rs",
        "a builder without a server around it, set up at length",
    ),
    (
        "tests/it/docker/bad_apps.rs",
        "one short test for each way in which an app is bad",
    ),
    (
        "tests/it/ledger/disk.rs",
        "every way in which bytes reach a disk, set up at length",
    ),
];

#[test]
fn every_arrow_points_down() {
    let violations = violations(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn no_files_of_a_room_use_each_other() {
    let found = circles(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn planted_circles_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| plant(folder.path(), path, text);
    // By a name that the front door hands on, by a path in the text, and by way of a folder.
    write(
        "store/mod.rs",
        "mod rows;\nmod names;\npub use rows::Row;\npub(in crate::store) const MOST: u32 = 1;",
    );
    write("store/rows.rs", "use super::{MOST, names};");
    write("store/names.rs", "fn f(row: super::Row) {}");
    write(
        "repo/mod.rs",
        "mod a; mod deep; pub use deep::Deep as Seen; fn f() { a::f() }",
    );
    write("repo/a.rs", "fn f() { super::Seen::go() }");
    write("repo/deep/mod.rs", "mod c; pub use c::Deep;");
    write(
        "repo/deep/c.rs",
        "use crate::repo::{deep::{self}, a::{f as g, h}};",
    );
    // What lies above, what is only handed on, what is in tests, and other rooms are no circle.
    write(
        "docker/mod.rs",
        "mod tree;\npub use tree::Tree;\npub struct Engine;",
    );
    write(
        "docker/tree.rs",
        "use super::Engine; mod tests { use super::super::leaf::Leaf; }",
    );
    write("docker/leaf.rs", "use super::Tree; use crate::store::Row;");
    write("docker/tests.rs", "use super::leaf; use super::tree;");
    assert_eq!(
        circles(folder.path()),
        [
            "repo/a.rs uses Seen::go of repo/deep/c.rs uses a::h of repo/a.rs",
            "store/names.rs uses Row of store/rows.rs uses names of store/names.rs",
        ]
    );
}

#[test]
fn no_file_is_too_long() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = too_long(root, &["src", "tests/it"], LONG);
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn planted_long_files_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, lines| plant(folder.path(), path, &"//\n".repeat(lines));
    write("src/web/fits.rs", MOST_LINES);
    write("src/web/long.rs", MOST_LINES + 1);
    write("src/web/known.rs", MOST_LINES + 1);
    write("src/web/short.rs", 1);
    let known = ["known", "short", "gone"].map(|name| (format!("src/web/{name}.rs"), "why"));
    let known: Vec<_> = known
        .iter()
        .map(|(file, why)| (file.as_str(), *why))
        .collect();
    assert_eq!(
        too_long(folder.path(), &["src"], &known),
        [
            "src/web/gone.rs is not too long any more: it needs no reason",
            "src/web/long.rs has 401 lines: it is two things",
            "src/web/short.rs is not too long any more: it needs no reason",
        ]
    );
}

#[test]
fn planted_violations_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| plant(folder.path(), path, text);
    write("main.rs", "fn main() { glasshouse::cli::main() }");
    write("lib.rs", "//! crate::cli is drawn here\npub mod domain;");
    write(
        "domain/mod.rs",
        "use std::fmt; // crate::store\n/* crate::repo /* */ */ mod ids;",
    );
    write(
        "store/mod.rs",
        "use crate::domain::{Space, stage};\nconst A: &str = \"crate::api \\\" crate::cli\"; const B: char = '\"';\n\
         const C: &str = r#\"\"crate::api\"#; fn f<'a>(_: &'a str) { crate::lifecycle::go() }",
    );
    write(
        "repo/tree.rs",
        "use super::super::store::Store;\nmod tests { use super::super::Repo; use super::Tree; }",
    );
    write(
        "gateway/mod.rs",
        "use crate::{\n    domain::{self, Space},\n    routes,\n    store::Store,\n};",
    );
    write(
        "api/files.rs",
        "pub(in crate::api) use crate::gateway as door; use super::super::api;",
    );
    write("domain/clock.rs", "use tokio::time::sleep;");
    write("cellar.rs", "use crate::domain;");
    write("gateway/tests.rs", "use crate::store::Store;");
    assert_eq!(
        violations(folder.path()),
        [
            "api/files.rs: api uses gateway, on its own floor",
            "cellar.rs: cellar stands on no floor: name it in tests/it/architecture.rs",
            "domain/clock.rs: domain knows the crate tokio",
            "gateway/mod.rs: gateway uses store, through a wall",
            "repo/tree.rs: repo uses store, on its own floor",
            "store/mod.rs: store uses lifecycle, on a floor above",
        ]
    );
}

fn plant(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// One line for each file that is longer than it may be, and for each reason that is none any more, sorted.
fn too_long(root: &Path, folders: &[&str], known: &[(&str, &str)]) -> Vec<String> {
    let files = folders.iter().map(|folder| rust_files(&root.join(folder)));
    let long = files.flatten().filter_map(|path| {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        let shown = path.strip_prefix(root).unwrap().to_str().unwrap();
        (lines > MOST_LINES).then(|| (shown.to_owned(), lines))
    });
    let long: Vec<_> = long.collect();
    let unknown = long
        .iter()
        .filter(|(file, _)| known.iter().all(|(one, _)| one != file));
    let unknown =
        unknown.map(|(file, lines)| format!("{file} has {lines} lines: it is two things"));
    let over = known
        .iter()
        .filter(|(file, _)| long.iter().all(|(one, _)| one != file));
    let over = over.map(|(file, _)| format!("{file} is not too long any more: it needs no reason"));
    let mut found: Vec<_> = unknown.chain(over).collect();
    found.sort();
    found
}

/// One line for each arrow that the law forbids, sorted.
fn violations(src: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for path in rust_files(src) {
        let shown = path.strip_prefix(src).unwrap().to_str().unwrap().to_owned();
        let modules = module_path(&shown);
        // What tests need to set a room up is no arrow of the house.
        if modules
            .iter()
            .any(|part| part == "tests" || part.ends_with("_tests"))
        {
            continue;
        }
        // The root draws the map; it is no room.
        let Some(room) = modules.first() else {
            continue;
        };
        if floor(room).is_none() {
            found.push(format!(
                "{shown}: {room} stands on no floor: name it in tests/it/architecture.rs"
            ));
            continue;
        }
        let words = words(&fs::read_to_string(&path).unwrap());
        let arrows = arrows(&words, modules.len());
        found.extend(
            arrows
                .iter()
                .filter_map(|to| forbidden(room, to))
                .map(|why| format!("{shown}: {room} {why}")),
        );
        let foreign = FOREIGN
            .iter()
            .find(|(name, _)| name == room)
            .map_or(&[][..], |(_, crates)| crates);
        let named = |name: &&&str| {
            words
                .windows(2)
                .any(|pair| pair[0] == **name && pair[1] == "::")
        };
        found.extend(
            foreign
                .iter()
                .filter(named)
                .map(|name| format!("{shown}: {room} knows the crate {name}")),
        );
    }
    found.sort();
    found.dedup();
    found
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// Why `room` may not use `other`, if it may not.
fn forbidden(room: &str, other: &str) -> Option<String> {
    if other == room {
        return None;
    }
    // A name without a floor is an item of the root or an unknown room, which its own file reports.
    let (own, theirs) = (floor(room)?, floor(other)?);
    let listed = |table: &[(&str, &[&str])]| {
        table
            .iter()
            .find(|(name, _)| *name == room)
            .map(|(_, others)| others.contains(&other))
    };
    let why = if theirs > own {
        "on a floor above"
    } else if theirs == own {
        "on its own floor"
    } else if listed(WALLS) == Some(true) {
        "through a wall"
    } else if listed(DOORS) == Some(false) {
        "for which it has no door"
    } else {
        return None;
    };
    Some(format!("uses {other}, {why}"))
}

/// The rooms that paths in a file `depth` modules below the root lead to.
fn arrows(words: &[String], depth: usize) -> Vec<String> {
    let mut found = Vec::new();
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    // Braces that are open; whether each is the body of an inline module.
    let mut braces = Vec::new();
    let mut at = 0;
    while at < words.len() {
        match word(at) {
            "{" => braces.push(at >= 2 && word(at - 2) == "mod"),
            "}" => drop(braces.pop()),
            "crate" | "glasshouse" if word(at + 1) == "::" => found.extend(heads(words, at + 2)),
            "super" if word(at.wrapping_sub(1)) != "::" => {
                let depth = depth + braces.iter().filter(|inline| **inline).count();
                let supers = (0..)
                    .take_while(|step| word(at + 2 * step) == "super")
                    .count();
                if supers == depth {
                    found.extend(heads(words, at + 2 * supers));
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// The first names of the path or of the group of paths that begins at `at`.
fn heads(words: &[String], at: usize) -> Vec<String> {
    if words.get(at).is_none_or(|word| word != "{") {
        return words.get(at).cloned().into_iter().collect();
    }
    let (mut heads, mut open, mut expect) = (Vec::new(), 0, false);
    for word in &words[at..] {
        match word.as_str() {
            "{" => open += 1,
            "}" => open -= 1,
            "," => {}
            name if expect => heads.push(name.to_owned()),
            _ => {}
        }
        expect = open == 1 && matches!(word.as_str(), "{" | ",");
        if open == 0 {
            break;
        }
    }
    heads
}
