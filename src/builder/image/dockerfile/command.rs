//! What is run, and what instructions have in common: their options, and how they are shown to an author.

use super::Problem;
use super::lines::Line;
use super::words::json_words;

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Exec(Vec<String>),
    /// By the shell that holds at that point.
    Shell(String),
}

// === impl Command ===

impl Command {
    pub(super) fn parse(line: &Line) -> Result<Self, Problem> {
        Self::of(line.number, &line.rest)
    }

    pub(super) fn of(number: usize, text: &str) -> Result<Self, Problem> {
        Ok(match json_words(number, text)? {
            Some(words) => Self::Exec(words),
            None => Self::Shell(text.to_owned()),
        })
    }

    /// What is started, where `shell` holds.
    pub(super) fn words(&self, shell: &[String]) -> Vec<String> {
        match self {
            Self::Exec(words) => words.clone(),
            Self::Shell(text) => shell.iter().chain([text]).cloned().collect(),
        }
    }

    /// In bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Exec(words) => words.iter().map(String::len).sum(),
            Self::Shell(text) => text.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Exec(words) => words.is_empty(),
            Self::Shell(text) => text.is_empty(),
        }
    }
}

/// The options of an instruction, each with its value.
pub(super) fn options(line: &Line) -> Result<Vec<(&str, &str)>, Problem> {
    let options = line.flags.iter().map(|flag| {
        let option = flag.strip_prefix("--").unwrap_or(flag);
        Ok(option.split_once('=').unwrap_or((option, "")))
    });
    options.collect()
}

/// What an author wrote, as it fits into a message.
pub(in crate::builder::image) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(80).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
        .replace('`', "'")
        .escape_debug()
        .to_string()
        .replace("\\'", "'")
        .replace("\\\"", "\"")
}
