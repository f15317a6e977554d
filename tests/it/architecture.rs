//! The law of arrows: a room under `src/` uses only rooms on floors below its own, and no arrow crosses a wall.

use std::fs;
use std::path::Path;

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

#[test]
fn every_arrow_points_down() {
    let violations = violations(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn planted_violations_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
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

fn rust_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// `store/spaces.rs` is `[store, spaces]`, `store/mod.rs` is `[store]`, `lib.rs` is nothing.
fn module_path(file: &str) -> Vec<String> {
    let parts = file.trim_end_matches(".rs").split('/');
    parts
        .filter(|part| !matches!(*part, "mod" | "lib"))
        .map(str::to_owned)
        .collect()
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

/// The words and signs of Rust source, without comments and literals; `::` is one sign.
fn words(source: &str) -> Vec<String> {
    let chars: Vec<char> = source.chars().collect();
    let char_at = |at: usize| chars.get(at).copied().unwrap_or('\0');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        match (char_at(at), char_at(at + 1)) {
            ('/', '/') => {
                at = (at..chars.len())
                    .find(|&i| chars[i] == '\n')
                    .unwrap_or(chars.len())
            }
            ('/', '*') => at = after_comment(&chars, at),
            ('r', '"' | '#') if raw_string_end(&chars, at).is_some() => {
                at = raw_string_end(&chars, at).unwrap();
            }
            ('"', _) => at = after_quote(&chars, at, '"'),
            // A lifetime has no closing quote right after its first letter.
            ('\'', '\\') => at = after_quote(&chars, at, '\''),
            ('\'', _) if char_at(at + 2) == '\'' => at += 3,
            (':', ':') => {
                words.push("::".to_owned());
                at += 2;
            }
            (c, _) if is_word(c) => {
                let end = (at..chars.len())
                    .find(|&i| !is_word(chars[i]))
                    .unwrap_or(chars.len());
                words.push(chars[at..end].iter().collect());
                at = end;
            }
            (c, _) => {
                if !c.is_whitespace() {
                    words.push(c.to_string());
                }
                at += 1;
            }
        }
    }
    words
}

fn after_comment(chars: &[char], mut at: usize) -> usize {
    let mut open = 0;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (open, at) = (open + 1, at + 2),
            ('*', '/') => (open, at) = (open - 1, at + 2),
            _ => at += 1,
        }
        if open == 0 {
            return at;
        }
    }
    chars.len()
}

fn after_quote(chars: &[char], mut at: usize, quote: char) -> usize {
    at += 1;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn raw_string_end(chars: &[char], at: usize) -> Option<usize> {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    let begin = at + 1 + hashes;
    (chars.get(begin) == Some(&'"')).then_some(())?;
    let closes = |i: &usize| {
        chars[*i] == '"'
            && chars[i + 1..]
                .iter()
                .take(hashes)
                .filter(|c| **c == '#')
                .count()
                == hashes
    };
    Some(
        (begin + 1..chars.len())
            .find(closes)
            .map_or(chars.len(), |i| i + 1 + hashes),
    )
}
