//! A piece while it is written.

use std::collections::BTreeMap;

use super::super::instruction::{DOCUMENTS, Instruction};
use super::super::part::{Left, Piece};
use super::super::text::Text;
use super::super::{Problem, Step, is_given_to_all, problem};

/// Bytes of a line that engines read.
const LONGEST_LINE: usize = 60_000;
/// Bytes of all arguments that hold at one point: engines take them in the head of a request.
const MOST_ARGUMENTS: usize = 200 << 10;

/// A piece that is being written.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) piece: Piece,
    /// All arguments that it declares.
    declared: BTreeMap<String, Option<String>>,
    /// Whether the image may have other lists of accounts by now than the one it is built on.
    pub(super) changed: bool,
    /// Whether its head has what its first instruction declares.
    pub(super) has_first: bool,
    pub(super) has_command: bool,
}

// === impl Draft ===

impl Draft {
    pub(super) fn add(
        &mut self,
        about: &Step,
        line: String,
        step: Option<&Step>,
    ) -> Result<(), Problem> {
        if line.len() > LONGEST_LINE {
            let message = "the instruction is too long for the container engine";
            return Err(problem(about.line, message));
        }
        self.piece.text.push_str(&line);
        self.piece.text.push('\n');
        self.piece.steps.push(step.cloned());
        Ok(())
    }

    /// Whether a copy of the context fits into the piece: all files that are sent for it have one mode, or each its own, and
    /// where documents are among them there is one copy.
    pub(super) fn copies_with(&self, mode: Option<u32>, documents: bool) -> bool {
        let sent = &self.piece.sent;
        sent.paths.is_empty() || (sent.mode == mode && sent.documents.is_empty() && !documents)
    }

    /// Has a folder made that is its owner's, if it is not there.
    pub(super) fn makes_folder(
        &mut self,
        step: &Step,
        base: &Option<String>,
        owner: Text,
        path: &Text,
    ) -> Result<(), Problem> {
        let empty = format!("{DOCUMENTS}/empty");
        let copy = Instruction::Copy {
            from: None,
            chown: Some(owner),
            chmod: None,
            paths: vec![Text::plain(format!("{empty}/")), path.followed_by("/")],
            documents: Vec::new(),
            added: false,
        };
        if copy.opens_accounts() {
            self.piece.accounts = base.clone().map(|base| (base, step.clone()));
        }
        self.piece
            .sent
            .documents
            .push((format!("{empty}/"), String::new()));
        self.add(step, copy.written(&[], None), None)
    }

    /// Takes the command of a `RUN` away again that stands where the author's would.
    pub(super) fn clears_command(&mut self, left: &Left, step: &Step) -> Result<(), Problem> {
        match left.has_command_of_run {
            true => self.add(step, "CMD []".to_owned(), None),
            false => Ok(()),
        }
    }

    /// Whether the piece cannot have these values too: the engine takes one for each name, and those of some names for all
    /// of the piece.
    pub(super) fn disagrees(&self, values: &[(String, Option<String>)], is_first: bool) -> bool {
        values.iter().any(|(name, value)| {
            let other = self.declared.get(name);
            other.is_some_and(|other| other != value)
                || (is_given_to_all(name) && value.is_some() && !is_first)
        })
    }

    pub(super) fn declares(
        &mut self,
        step: &Step,
        values: &[(String, Option<String>)],
    ) -> Result<(), Problem> {
        let arguments = &mut self.piece.arguments;
        for (name, value) in values {
            self.declared.insert(name.clone(), value.clone());
            if let Some(value) = value {
                arguments.insert(name.clone(), value.clone());
            }
        }
        let bytes = arguments
            .iter()
            .map(|(name, value)| name.len() + value.len());
        if bytes.sum::<usize>() > MOST_ARGUMENTS {
            let message = "the build arguments are too long in total for the container engine";
            return Err(problem(step.line, message));
        }
        Ok(())
    }
}

/// The file or folder of the context in which a source lies; empty for all of it.
pub(super) fn root(source: &str) -> String {
    let parts = source.split('/').filter(|part| !matches!(*part, "" | "."));
    let parts: Vec<&str> = parts
        .take_while(|part| !part.contains(['*', '?', '[', '\\']))
        .collect();
    match parts.contains(&"..") {
        true => String::new(),
        false => parts.join("/"),
    }
}

#[cfg(test)]
mod tests {
    use super::root;

    #[test]
    fn only_what_is_copied_is_sent() {
        for (source, sent) in [
            (".", ""),
            ("/", ""),
            ("./a//b/", "a/b"),
            ("a/*.py", "a"),
            ("a/b?/c", "a"),
            ("*", ""),
            ("a/../b", ""),
            ("a b", "a b"),
            ("a\\b", ""),
        ] {
            assert_eq!(root(source), sent, "{source}");
        }
    }
}
