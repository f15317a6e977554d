//! Circles between the files of a room: two that use each other are one thing, or a third is missing.
//!
//! A file may use the plain types of the modules it lies in; that is no arrow. A name that a module hands on leads to the
//! file it comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::source::{module_path, rust_files, words};

/// A module, from the root.
type Module = Vec<String>;

/// A file, as far as its arrows go.
struct File {
    shown: String,
    /// Names by which a `use` makes something else known, and what it is.
    imports: BTreeMap<String, Module>,
    /// Every path in it, from the root, and whether it is only handed on.
    paths: Vec<(Module, bool)>,
}

/// Which files use which, each with a name by which it does.
type Arrows<'a> = BTreeMap<&'a Module, BTreeMap<&'a Module, String>>;

/// One line for each group of files that use each other, with the shortest way round, sorted.
pub fn circles(src: &Path) -> Vec<String> {
    let files = files(src);
    let mut arrows = Arrows::new();
    for (module, file) in &files {
        let paths = file.paths.iter().filter(|(_, handed_on)| !handed_on);
        let to =
            paths.filter_map(|(path, _)| Some((origin(&files, path, 0)?, path[1..].join("::"))));
        let to = to.filter(|(to, _)| to[0] == module[0] && !module.starts_with(to));
        arrows.insert(module, to.collect());
    }
    let mut found = Vec::new();
    let mut done = BTreeSet::new();
    for module in files.keys() {
        if done.contains(module) {
            continue;
        }
        let Some(way) = way_round(&arrows, module) else {
            continue;
        };
        let mut shown = files[module].shown.clone();
        for pair in way.windows(2) {
            let (name, to) = (&arrows[pair[0]][pair[1]], &files[pair[1]].shown);
            shown += &format!(" uses {name} of {to}");
        }
        found.push(shown);
        // All that lie on some way round with it are one group.
        let reached = reach(&arrows, module);
        done.extend(
            reached
                .into_iter()
                .filter(|other| reach(&arrows, other).contains(module)),
        );
    }
    found.sort();
    found
}

fn files(src: &Path) -> BTreeMap<Module, File> {
    let mut all = BTreeMap::new();
    for path in rust_files(src) {
        let shown = path.strip_prefix(src).unwrap().to_str().unwrap().to_owned();
        let module = module_path(&shown);
        let is_test = |part: &String| part == "tests" || part.ends_with("_tests");
        if !module.is_empty() && !module.iter().any(is_test) {
            all.insert(module, (shown, words(&fs::read_to_string(&path).unwrap())));
        }
    }
    let known: BTreeSet<Module> = all.keys().cloned().collect();
    let read = |(module, (shown, words)): (Module, (String, Vec<String>))| {
        let file = read(&known, &module, shown, &words);
        (module, file)
    };
    all.into_iter().map(read).collect()
}

fn read(known: &BTreeSet<Module>, module: &Module, shown: String, words: &[String]) -> File {
    let mut file = File {
        shown,
        imports: BTreeMap::new(),
        paths: Vec::new(),
    };
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    // Where inline modules end, by the number of open braces.
    let (mut open, mut inline) = (0_usize, Vec::new());
    let mut at = 0;
    while at < words.len() {
        match word(at) {
            "mod" if word(at + 2) == "{" => {
                if word(at + 1).ends_with("tests") {
                    at = after_braces(words, at + 2);
                    continue;
                }
                inline.push((open, word(at + 1).to_owned()));
            }
            "{" => open += 1,
            "}" => {
                open -= 1;
                inline.pop_if(|(outside, _)| *outside == open);
            }
            "use" if word(at + 1) != "<" => {
                let here = inside(module, &inline);
                let handed_on = matches!(word(at.wrapping_sub(1)), "pub" | ")");
                let mut tree = Vec::new();
                at = leaves(words, at + 1, &[], &mut tree);
                for (path, name) in tree {
                    let path = absolute(known, &here, &path);
                    if inline.is_empty() {
                        file.imports.insert(name, path.clone());
                    }
                    file.paths.push((path, handed_on));
                }
                continue;
            }
            _ if word(at + 1) == "::" && word(at.wrapping_sub(1)) != "::" => {
                let mut path = vec![word(at).to_owned()];
                while word(at + 1) == "::" && is_name(word(at + 2)) {
                    path.push(word(at + 2).to_owned());
                    at += 2;
                }
                // `pub(in crate::room)` is no use of the room.
                if !words[..at].ends_with(&["(".to_owned(), "in".to_owned()]) {
                    let path = absolute(known, &inside(module, &inline), &path);
                    file.paths.push((path, false));
                }
            }
            _ => {}
        }
        at += 1;
    }
    file
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn inside(module: &Module, inline: &[(usize, String)]) -> Module {
    let names = inline.iter().map(|(_, name)| name.clone());
    module.iter().cloned().chain(names).collect()
}

fn after_braces(words: &[String], mut at: usize) -> usize {
    let mut open = 0;
    while at < words.len() {
        match words[at].as_str() {
            "{" => open += 1,
            "}" => open -= 1,
            _ => {}
        }
        at += 1;
        if open == 0 {
            break;
        }
    }
    at
}

/// Every path of the tree of a `use` that begins at `at`, with the name it makes known; where the tree ends.
fn leaves(
    words: &[String],
    mut at: usize,
    before: &[String],
    found: &mut Vec<(Module, String)>,
) -> usize {
    let mut path = before.to_vec();
    while at < words.len() {
        match words[at].as_str() {
            "::" => {}
            "{" => {
                at += 1;
                while words.get(at).is_some_and(|word| word != "}") {
                    at = leaves(words, at, &path, found);
                    if words.get(at).is_some_and(|word| word == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "as" => {
                found.push((path, words[at + 1].clone()));
                return at + 2;
            }
            "self" if !before.is_empty() => {}
            "," | "}" | ";" => {
                let name = path.last().cloned().unwrap_or_default();
                found.push((path, name));
                return at;
            }
            name => path.push(name.to_owned()),
        }
        at += 1;
    }
    at
}

/// A path as it is from the root; empty where it leads out of the house.
fn absolute(known: &BTreeSet<Module>, here: &Module, path: &[String]) -> Module {
    let (mut from, mut rest) = (here.clone(), path);
    match rest.first().map(String::as_str) {
        Some("crate" | "glasshouse") => (from, rest) = (Vec::new(), &rest[1..]),
        Some("self") => rest = &rest[1..],
        Some("super") => {
            while rest.first().is_some_and(|word| word == "super") {
                from.pop();
                rest = &rest[1..];
            }
        }
        Some(name) => {
            let mut child = here.clone();
            child.push(name.to_owned());
            if !known.contains(&child) {
                return Vec::new();
            }
        }
        None => {}
    }
    from.extend(rest.iter().cloned());
    from
}

/// The file in which what a path names is written.
fn origin<'a>(files: &'a BTreeMap<Module, File>, path: &[String], depth: u8) -> Option<&'a Module> {
    let known = (1..=path.len()).rev();
    let (module, file) = known
        .map(|length| &path[..length])
        .find_map(|module| files.get_key_value(module))?;
    let Some(name) = path.get(module.len()) else {
        return Some(module);
    };
    match file.imports.get(name) {
        // Names that lead in circles are none.
        Some(to) if depth < 8 && to != path => {
            let mut to = to.clone();
            to.extend_from_slice(&path[module.len() + 1..]);
            match to.is_empty() {
                true => Some(module),
                false => origin(files, &to, depth + 1),
            }
        }
        _ => Some(module),
    }
}

fn reach<'a>(arrows: &Arrows<'a>, from: &'a Module) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(module) = next.pop() {
        for to in arrows.get(module).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(*to) {
                next.push(to);
            }
        }
    }
    reached
}

/// The shortest way from a file back to it, both ends named.
fn way_round<'a>(arrows: &Arrows<'a>, from: &'a Module) -> Option<Vec<&'a Module>> {
    let mut ways = vec![vec![from]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let last = way[way.len() - 1];
            for to in arrows.get(last).into_iter().flat_map(BTreeMap::keys) {
                let mut way = way.clone();
                way.push(to);
                if *to == from {
                    return Some(way);
                }
                if seen.insert(*to) {
                    longer.push(way);
                }
            }
        }
        ways = longer;
    }
    None
}
