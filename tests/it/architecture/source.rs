//! Rust source as words.

use std::fs;
use std::path::{Path, PathBuf};

pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
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
pub fn module_path(file: &str) -> Vec<String> {
    let parts = file.trim_end_matches(".rs").split('/');
    parts
        .filter(|part| !matches!(*part, "mod" | "lib"))
        .map(str::to_owned)
        .collect()
}

/// The words and signs of Rust source, without comments and literals; `::` is one sign.
pub fn words(source: &str) -> Vec<String> {
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
