//! A Dockerfile in pieces, each of which the engine is asked for by itself.
//!
//! The engine opens files of the image that a build is at: the lists of accounts at each `RUN`, the sources of a `COPY`. It
//! trusts what it finds there, and an author's command may have put a pipe in its place. So what commands have made is
//! looked at before the engine opens it, and for that the build must stand still: a piece ends where something is opened
//! that the piece itself may have made, and where a stage does. The next begins on the image that came of it.
//!
//! The image carries most of what holds at that point. Arguments it does not, so that each piece declares those that do
//! again; and the engine forgets that a `CMD` was the author's own, so that one is said again before an `ENTRYPOINT`,
//! which would take it away.

mod draft;

use std::collections::BTreeMap;

use super::instruction::{Arguments, Instruction};
use super::scope::Scope;
use super::text::Text;
use super::{Dockerfile, Found, Problem, Source, Stage, Step, lines};
use crate::docker::CACHE;
use draft::{Draft, root};

/// Bytes of a file that may be copied to where the engine then reads a list of accounts.
const LARGEST_BEFORE_RUN: u64 = 1 << 20;

/// What the engine is asked for at once.
#[derive(Debug, Default)]
pub(in crate::builder::image) struct Piece {
    /// The Dockerfile for the engine.
    pub(in crate::builder::image) text: String,
    /// The steps that the engine takes, in its order. `None` stands for one that no line of the author's asks for.
    pub(in crate::builder::image) steps: Vec<Option<Step>>,
    /// The arguments that it declares and that have a value.
    pub(in crate::builder::image) arguments: BTreeMap<String, String>,
    /// The image whose lists of accounts the engine opens, and the first step for which it does.
    pub(in crate::builder::image) accounts: Option<(String, Step)>,
    /// What it copies from other images.
    pub(in crate::builder::image) copied: Vec<Copied>,
    /// What of the build context it copies.
    pub(in crate::builder::image) sent: Sent,
    /// Whether the image is done with it.
    pub(in crate::builder::image) is_last: bool,
}

/// Paths of an image that one step copies.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::builder::image) struct Copied {
    /// Its id.
    pub(in crate::builder::image) image: String,
    /// As the engine reads them, with its wildcards.
    pub(in crate::builder::image) paths: Vec<String>,
    pub(in crate::builder::image) step: Step,
}

/// What of the build context a piece needs.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::builder::image) struct Sent {
    /// Files and folders, without leading `/`; an empty one stands for all.
    pub(in crate::builder::image) paths: Vec<String>,
    /// Bytes of the largest file that may be among them.
    pub(in crate::builder::image) largest: Option<u64>,
}

/// What the engine made of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::builder::image) struct Left {
    /// The image.
    pub(in crate::builder::image) id: String,
    /// Its environment, `NAME=VALUE` each.
    pub(in crate::builder::image) environment: Vec<String>,
}

/// The pieces of a Dockerfile, one after the other.
pub(in crate::builder::image) struct Pieces<'a> {
    file: &'a Dockerfile,
    /// An entry for each of its images.
    found: &'a [Found],
    /// Builds with the same one share layers.
    cache: &'a str,
    /// Arguments from outside.
    given: &'a [(String, String)],
    /// What came of the stages that are done, each with its shell.
    done: Vec<(Left, Vec<String>)>,
    /// How many of the instructions of the stage are.
    taken: usize,
    scope: Scope,
    shell: Vec<String>,
    /// The last `CMD` of the stage.
    command: Option<String>,
}

// === impl Dockerfile ===

impl Dockerfile {
    /// It in pieces for the engine. `found` has an entry for each of its `images`; builds with the same `cache` share
    /// layers, so that nobody else may know it: an image that says so of itself would be found by them.
    pub(in crate::builder::image) fn pieces<'a>(
        &'a self,
        found: &'a [Found],
        cache: &'a str,
        given: &'a [(String, String)],
    ) -> Pieces<'a> {
        Pieces {
            file: self,
            found,
            cache,
            given,
            done: Vec::new(),
            taken: 0,
            scope: Scope::default(),
            shell: Vec::new(),
            command: None,
        }
    }
}

// === impl Pieces ===

impl Pieces<'_> {
    /// The next piece; `left` is what came of the one before. There is none after one that says that it is the last.
    ///
    /// # Errors
    /// For an instruction that engines could not read.
    pub(in crate::builder::image) fn next(&mut self, left: Option<Left>) -> Result<Piece, Problem> {
        let mut left = left;
        let stages = &self.file.stages;
        if let Some(done) =
            left.take_if(|_| self.taken == stages[self.done.len()].instructions.len())
        {
            self.done.push((done, std::mem::take(&mut self.shell)));
            self.taken = 0;
        }
        let number = self.done.len();
        let stage = &stages[number];
        let mut draft = Draft::default();
        let base = match left {
            Some(left) => self.goes_on(stage, left, &mut draft)?,
            None => self.begins(number, stage, &mut draft)?,
        };
        let mut is_first = true;
        for (step, instruction, from) in &stage.instructions[self.taken..] {
            let opens = instruction.opens_accounts();
            if opens && draft.changed {
                break;
            }
            if opens && draft.piece.accounts.is_none() {
                draft.piece.accounts = base.clone().map(|base| (base, step.clone()));
            }
            let mut line = None;
            match (instruction, from) {
                (Instruction::Arg(arguments), _) if !(is_first && draft.has_first) => {
                    let values = self.values(step, arguments)?;
                    if draft.disagrees(&values, is_first) {
                        break;
                    }
                    draft.declares(step, &values)?;
                    self.scope.declare(values);
                }
                (Instruction::Copy { paths, .. }, None) => {
                    let sources = self.sources(step, paths)?;
                    let sent = &mut draft.piece.sent.paths;
                    sent.extend(sources.iter().map(|path| root(path)));
                }
                (Instruction::Copy { chown, paths, .. }, Some(from)) => {
                    let copied = Copied {
                        image: self.image(*from),
                        paths: self.sources(step, paths)?,
                        step: step.clone(),
                    };
                    // What is looked at is what is copied: it stands there without variables.
                    let plain = copied.paths.iter().cloned().map(Text::plain);
                    let copy = Instruction::Copy {
                        from: None,
                        chown: chown.clone(),
                        paths: plain.chain(paths.last().cloned()).collect(),
                        added: false,
                    };
                    line = Some(copy.written(&self.shell, Some(&copied.image)));
                    draft.piece.copied.push(copied);
                }
                (Instruction::Entrypoint(_), _) if !draft.has_command => {
                    if let Some(command) = self.command.clone() {
                        draft.add(step, command, None)?;
                        draft.has_command = true;
                    }
                }
                _ => {}
            }
            let line = line.unwrap_or_else(|| instruction.written(&self.shell, None));
            draft.add(step, line.clone(), Some(step))?;
            draft.changed |= instruction.writes();
            self.note(step, instruction, line, &mut draft)?;
            self.taken += 1;
            is_first = false;
        }
        let is_last = number + 1 == stages.len() && self.taken == stage.instructions.len();
        if is_last {
            // The labels of the image.
            draft.piece.steps.push(None);
        }
        Ok(Piece {
            is_last,
            ..draft.piece
        })
    }

    /// Writes the head of a stage; the image that it is built on.
    fn begins(
        &mut self,
        number: usize,
        stage: &Stage,
        draft: &mut Draft,
    ) -> Result<Option<String>, Problem> {
        for (step, arguments) in self.file.globals.iter().filter(|_| number == 0) {
            let line = Instruction::Arg(arguments.clone()).written(&[], None);
            draft.add(step, line, Some(step))?;
        }
        let (environment, shell) = match stage.base {
            Source::Scratch => (&[][..], &[][..]),
            Source::Image(image) => {
                let found = &self.found[image];
                (found.environment.as_slice(), found.shell.as_slice())
            }
            Source::Stage(stage) => {
                let (left, shell) = &self.done[stage];
                (left.environment.as_slice(), shell.as_slice())
            }
        };
        self.scope = Scope::new(environment);
        self.shell = shell.to_vec();
        if self.shell.is_empty() {
            self.shell = vec!["/bin/sh".to_owned(), "-c".to_owned()];
        }
        self.command = None;
        let base = self.image(stage.base);
        draft.add(
            &stage.step,
            format!("FROM {base} AS stage{number}"),
            Some(&stage.step),
        )?;
        if let Source::Image(image) = stage.base {
            self.triggers(stage, &base, &self.found[image].triggers, draft)?;
        }
        if stage.is_labelled() {
            let label = format!("LABEL \"{CACHE}\"=\"{}\"", self.cache);
            draft.add(&stage.step, label, None)?;
        }
        Ok(Some(base).filter(|_| stage.base != Source::Scratch))
    }

    /// Takes note of what an image has the engine do for whoever builds on it, before anything else.
    fn triggers(
        &mut self,
        stage: &Stage,
        base: &str,
        triggers: &[String],
        draft: &mut Draft,
    ) -> Result<(), Problem> {
        let step = &stage.step;
        for trigger in triggers {
            // What cannot be read here the engine refuses.
            let Ok(read) = lines::read(trigger) else {
                continue;
            };
            for line in &read.lines {
                let Ok(instruction) = Instruction::parse(line, read.escape) else {
                    continue;
                };
                match &instruction {
                    Instruction::Arg(arguments) => {
                        let values = self.values(step, arguments)?;
                        draft.declares(step, &values)?;
                        self.scope.declare(values);
                    }
                    Instruction::Run(_) => {
                        draft.piece.accounts = Some((base.to_owned(), step.clone()));
                        if draft.changed {
                            draft.piece.sent.largest = Some(LARGEST_BEFORE_RUN);
                        }
                    }
                    Instruction::Copy { .. } => draft.piece.sent.paths.push(String::new()),
                    _ => {}
                }
                draft.changed |= instruction.writes();
                let written = instruction.written(&self.shell, None);
                self.note(step, &instruction, written, draft)?;
            }
        }
        Ok(())
    }

    /// Writes the head of a piece within a stage; the image that it is built on.
    fn goes_on(
        &mut self,
        stage: &Stage,
        left: Left,
        draft: &mut Draft,
    ) -> Result<Option<String>, Problem> {
        let (step, first, _) = &stage.instructions[self.taken];
        self.scope.set_environment(&left.environment);
        if let Instruction::Arg(arguments) = first {
            let values = self.values(step, arguments)?;
            self.scope.declare(values);
            draft.has_first = true;
        }
        draft.add(step, format!("FROM {}", left.id), None)?;
        let arguments = self.scope.arguments();
        let values: Vec<_> = arguments.clone().into_iter().collect();
        if !values.is_empty() {
            draft.declares(step, &values)?;
            let names: Vec<&str> = arguments.keys().map(String::as_str).collect();
            for names in names.chunks(100) {
                draft.add(step, format!("ARG {}", names.join(" ")), None)?;
            }
        }
        Ok(Some(left.id))
    }

    /// What of an instruction holds for later ones.
    fn note(
        &mut self,
        step: &Step,
        instruction: &Instruction,
        line: String,
        draft: &mut Draft,
    ) -> Result<(), Problem> {
        match instruction {
            Instruction::Shell(words) => self.shell.clone_from(words),
            Instruction::Cmd(_) => {
                self.command = Some(line);
                draft.has_command = true;
            }
            _ => {}
        }
        self.scope.take(step, instruction)
    }

    fn values(
        &self,
        step: &Step,
        arguments: &Arguments,
    ) -> Result<Vec<(String, Option<String>)>, Problem> {
        let globals = &self.file.values;
        self.scope.values(step, arguments, self.given, globals)
    }

    /// The sources among the paths of a `COPY`.
    fn sources(&self, step: &Step, paths: &[Text]) -> Result<Vec<String>, Problem> {
        let sources = paths.split_last().map_or(paths, |(_, sources)| sources);
        let sources = sources.iter().map(|path| self.scope.filled(step, path));
        sources.collect()
    }

    fn image(&self, source: Source) -> String {
        match source {
            Source::Scratch => "scratch".to_owned(),
            Source::Stage(stage) => self.done[stage].0.id.clone(),
            Source::Image(image) => self.found[image].id.clone(),
        }
    }
}

// === impl Instruction ===

impl Instruction {
    /// Whether the engine opens the image's lists of accounts for it.
    fn opens_accounts(&self) -> bool {
        match self {
            Self::Run(_) => true,
            Self::Copy {
                chown: Some(owner), ..
            } => {
                let numbers = owner.literal().map(|owner| {
                    let mut parts = owner.split(':');
                    // The engine looks up what it cannot read as a number, nothing at all too.
                    parts.all(|part| {
                        (1..=9).contains(&part.len())
                            && part.bytes().all(|byte| byte.is_ascii_digit())
                    })
                });
                numbers != Some(true)
            }
            _ => false,
        }
    }

    /// Whether files of the image are others after it.
    fn writes(&self) -> bool {
        matches!(self, Self::Run(_) | Self::Copy { .. })
    }
}

#[cfg(test)]
mod tests;
