//! How large an image's variables and its description may become, before the engine makes them.

use super::super::command::shown;
use super::super::instruction::Instruction;
use super::super::{Problem, problem};
use super::Reader;

/// Variables of a stage.
pub(super) const MOST_VARIABLES: usize = 1000;
/// Bytes of a value with its variables filled in: the most that Linux gives to a program in one. The engine, which fills
/// most of them in, has no limit of its own, and a value that doubles itself a few times is larger than its memory.
pub(super) const LONGEST_VALUE: usize = 128 << 10;
/// Bytes that a variable of which nothing is known, such as one of the base image, is taken to have.
const UNKNOWN_VALUE: usize = 2 << 10;
/// Bytes that the engine may write to describe the image after each step: every description has all variables, labels and
/// steps up to there, and whoever lists images has the engine read them all.
const MOST_DESCRIBED: usize = 64 << 20;
/// Bytes of one such description. An engine writes each value into it four times, and reading it takes some thirty times
/// as much memory.
const LARGEST_DESCRIPTION: usize = 2 << 20;

/// What a stage's description has in it, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weight {
    /// Variables, labels and steps.
    all: usize,
    /// Its arguments, which each `RUN` tells again; a piece of the build that begins there, their names.
    arguments: usize,
}

pub(super) fn few(line: usize, variables: usize) -> Result<(), Problem> {
    if variables <= MOST_VARIABLES {
        return Ok(());
    }
    let message = format!("there are more than {MOST_VARIABLES} variables");
    Err(problem(line, message))
}

// === impl Reader ===

impl Reader<'_> {
    pub(super) fn short(&self, line: usize, name: &str, longest: usize) -> Result<(), Problem> {
        if longest <= LONGEST_VALUE {
            return Ok(());
        }
        let message = format!(
            "`{}` may become longer than {} KiB, the most that Linux can pass to a program",
            shown(name),
            LONGEST_VALUE >> 10
        );
        Err(problem(line, message))
    }

    /// Keeps count of what the engine writes to describe the image. `bytes` are the instruction's own.
    pub(super) fn weigh(
        &mut self,
        line: usize,
        instruction: &Instruction,
        bytes: usize,
    ) -> Result<(), Problem> {
        let Some(weight) = self.weights.last_mut() else {
            return Ok(());
        };
        let again = match instruction {
            Instruction::Nothing => return Ok(()),
            Instruction::Arg(_) => {
                weight.arguments = weight.arguments.saturating_add(bytes);
                0
            }
            Instruction::Run(..) => weight.arguments.saturating_mul(2),
            _ => 0,
        };
        // Once for what it sets, and once for the step.
        let added = bytes.saturating_mul(2).saturating_add(again);
        weight.all = weight.all.saturating_add(added);
        self.described = self.described.saturating_add(weight.all);
        if weight.all <= LARGEST_DESCRIPTION && self.described <= MOST_DESCRIBED {
            return Ok(());
        }
        let message = "the variables, labels and steps up to here are too large in total: the engine stores all of \
                       them again after each step";
        Err(problem(line, message))
    }

    /// Keeps count of how long the variables of the stage may become; the most bytes that the instruction may have.
    pub(super) fn lengths(
        &mut self,
        line: usize,
        instruction: &Instruction,
    ) -> Result<usize, Problem> {
        let lengths = self.lengths.last();
        let length = |name: &str| {
            let known = lengths.and_then(|lengths| lengths.get(name));
            known.copied().unwrap_or(UNKNOWN_VALUE)
        };
        let mut longer = Vec::new();
        let mut all = 0_usize;
        match instruction {
            Instruction::Arg(arguments) => {
                for (name, default) in arguments {
                    let default = default.as_ref().map(|default| default.longest(&length));
                    let inherited = self.global_length(name);
                    let given = self.given(name).map_or(0, str::len);
                    let bytes = default.unwrap_or(inherited).max(given);
                    all = all.saturating_add(bytes).saturating_add(name.len());
                    longer.push((name.as_str(), bytes));
                }
            }
            Instruction::Env(pairs) | Instruction::Label(pairs) => {
                for (name, value) in pairs {
                    let bytes = value.longest(&length).saturating_add(name.longest(&length));
                    all = all.saturating_add(bytes);
                    match name.literal() {
                        Some(name) if matches!(instruction, Instruction::Env(_)) => {
                            longer.push((name, bytes));
                        }
                        Some(name) => self.short(line, name, bytes)?,
                        None => {
                            let message = "the name of a variable may not contain a variable";
                            return Err(problem(line, message));
                        }
                    }
                }
            }
            Instruction::Workdir(text)
            | Instruction::User(text)
            | Instruction::StopSignal(text) => {
                all = text.longest(&length);
                self.short(line, "it", all)?;
            }
            Instruction::Copy {
                paths, documents, ..
            } => {
                let bytes = paths.iter().map(|path| path.longest(&length));
                all = bytes.fold(0, usize::saturating_add);
                self.short(line, "it", all)?;
                for (_, text) in documents {
                    if text.longest(&length) > LARGEST_DESCRIPTION {
                        return Err(problem(line, "the document may become larger than 2 MiB"));
                    }
                }
            }
            Instruction::Volume(paths) | Instruction::Expose(paths) => {
                let bytes = paths.iter().map(|path| path.longest(&length));
                all = bytes.fold(0, usize::saturating_add);
                self.short(line, "it", all)?;
            }
            Instruction::Run(command, _)
            | Instruction::Cmd(command)
            | Instruction::Entrypoint(command)
            | Instruction::Healthcheck(Some((_, command))) => all = command.len(),
            Instruction::Shell(words) => all = words.iter().map(String::len).sum(),
            Instruction::Healthcheck(None) | Instruction::Nothing => {}
        }
        for (name, bytes) in longer {
            // A value given from outside is as long as it is.
            let bytes = match self.given(name) {
                Some(given) if given.len() >= bytes => bytes,
                _ => self.short(line, name, bytes).map(|()| bytes)?,
            };
            if let Some(lengths) = self.lengths.last_mut() {
                lengths.insert(name.to_owned(), bytes);
                few(line, lengths.len())?;
            }
        }
        Ok(all)
    }
}
