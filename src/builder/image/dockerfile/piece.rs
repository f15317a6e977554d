//! A Dockerfile in parts: the commands of its `RUN`s, which are run here, and between them pieces that the engine is asked
//! for, each by itself.
//!
//! The engine opens files of the image that a build is at: the lists of accounts at each command, the sources of a `COPY`.
//! It trusts what it finds there, and an author's command may have put a pipe in its place. So what commands have made is
//! looked at before the engine opens it, and for that the build must stand still: a piece ends where something is opened
//! that the piece itself may have made, and where a stage does. The next begins on the image that came of it.
//!
//! The image carries most of what holds at that point. Arguments it does not, so that each piece declares those that do
//! again; and the engine forgets that a `CMD` was the author's own, so that one is said again before an `ENTRYPOINT`,
//! which would take it away.

mod draft;

use std::sync::Arc;

use super::instruction::{Arguments, Instruction};
use super::part::{Copied, Left, Part, Piece, Run};
use super::scope::Scope;
use super::text::Text;
use super::triggers::{Planned, planned};
use super::{Dockerfile, Found, Problem, Source, Stage, Step};
use crate::docker::CACHE;
use draft::{Draft, root};

/// What came of a stage, and what holds for whoever builds on it.
struct Done {
    left: Left,
    shell: Vec<String>,
    user: Option<Text>,
}

/// The parts of a Dockerfile, one after the other.
pub(in crate::builder::image) struct Parts<'a> {
    file: &'a Dockerfile,
    /// What each stage does.
    plan: Vec<Arc<[Planned]>>,
    /// An entry for each of its images.
    found: &'a [Found],
    /// Builds with the same one share layers.
    cache: &'a str,
    /// Arguments from outside.
    given: &'a [(String, String)],
    /// What came of the stages that are done.
    done: Vec<Done>,
    /// How many of the instructions of the stage are.
    taken: usize,
    scope: Scope,
    shell: Vec<String>,
    /// The last `CMD` of the stage.
    command: Option<String>,
    /// The last `USER` of the stage, if that is not root.
    user: Option<Text>,
}

// === impl Dockerfile ===

impl Dockerfile {
    /// What is to be done for it. `found` has an entry for each of its `images`; builds with the same `cache` share layers, so
    /// that nobody else may know it: an image that says so of itself would be found by them.
    ///
    /// # Errors
    /// For an image that has something done that cannot be.
    pub(in crate::builder::image) fn parts<'a>(
        &'a self,
        found: &'a [Found],
        cache: &'a str,
        given: &'a [(String, String)],
    ) -> Result<Parts<'a>, Problem> {
        let plan = self.stages.iter().map(|stage| planned(stage, found));
        Ok(Parts {
            file: self,
            plan: plan.collect::<Result<_, _>>()?,
            found,
            cache,
            given,
            done: Vec::new(),
            taken: 0,
            scope: Scope::default(),
            shell: Vec::new(),
            command: None,
            user: None,
        })
    }
}

// === impl Parts ===

impl Parts<'_> {
    /// The next part; `left` is what came of the one before. There is none after a piece that says that it is the last.
    ///
    /// # Errors
    /// For an instruction that engines could not read.
    pub(in crate::builder::image) fn next(&mut self, left: Option<Left>) -> Result<Part, Problem> {
        let mut left = left;
        let last = self.plan.len() - 1;
        if self.done.len() < last
            && let Some(done) = left.take_if(|_| self.taken == self.plan[self.done.len()].len())
        {
            self.done.push(Done {
                left: done,
                shell: std::mem::take(&mut self.shell),
                user: self.user.take(),
            });
            self.taken = 0;
        }
        let number = self.done.len();
        let plan = Arc::clone(&self.plan[number]);
        if let Some(left) = &left
            && let Some(planned) = plan.get(self.taken)
            && let Instruction::Run(command, mounts) = &planned.instruction
        {
            self.scope.set_environment(&left.environment);
            let filled = |text: &Text| self.scope.filled(&planned.step, text);
            let mounts = mounts.iter().map(|mount| mount.filled(filled));
            let mounts = mounts.collect::<Result<_, _>>()?;
            self.taken += 1;
            return Ok(Part::Run(Run {
                image: left.id.clone(),
                words: command.words(&self.shell),
                mounts,
                arguments: self.scope.seen_by_commands(),
                step: planned.step.clone(),
                is_counted: planned.is_counted,
            }));
        }
        let stage = &self.file.stages[number];
        let mut draft = Draft::default();
        let base = match left {
            Some(left) => self.goes_on(stage, plan.get(self.taken), left, &mut draft)?,
            None => self.begins(number, stage, &mut draft)?,
        };
        let mut is_first = true;
        for planned in &plan[self.taken..] {
            let Planned {
                step,
                instruction,
                from,
                is_counted,
            } = planned;
            let opens = instruction.opens_accounts();
            if matches!(instruction, Instruction::Run(..)) || (opens && draft.changed) {
                break;
            }
            if opens && draft.piece.accounts.is_none() {
                draft.piece.accounts = base.clone().map(|base| (base, step.clone()));
            }
            let mut line = None;
            let mut is_alone = false;
            match (instruction, from) {
                // The engine makes the folder for root alone, unless it is copied to.
                (Instruction::Workdir(path), _) if let Some(owner) = self.user.clone() => {
                    if !is_first {
                        break;
                    }
                    draft.makes_folder(step, &base, owner, path)?;
                    is_alone = true;
                }
                (Instruction::Arg(arguments), _) if !(is_first && draft.has_first) => {
                    let values = self.values(step, arguments)?;
                    if draft.disagrees(&values, is_first) {
                        break;
                    }
                    draft.declares(step, &values)?;
                    self.scope.declare(values);
                }
                (
                    Instruction::Copy {
                        paths,
                        documents,
                        chmod,
                        ..
                    },
                    None,
                ) => {
                    if !draft.copies_with(*chmod, !documents.is_empty()) {
                        break;
                    }
                    let sources = self.sources(step, paths)?;
                    let sent = &mut draft.piece.sent;
                    sent.mode = *chmod;
                    sent.paths.extend(sources.iter().map(|path| root(path)));
                    for (path, text) in documents {
                        let text = self.scope.filled(step, text)?;
                        sent.documents.push((path.clone(), text));
                    }
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
                        chmod: None,
                        documents: Vec::new(),
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
            draft.add(step, line.clone(), Some(step).filter(|_| *is_counted))?;
            draft.changed |= matches!(instruction, Instruction::Copy { .. });
            self.note(step, instruction, line, &mut draft)?;
            self.taken += 1;
            is_first = false;
            if is_alone {
                break;
            }
        }
        let is_last = number == last && self.taken == plan.len();
        if is_last {
            // The labels of the image.
            draft.piece.steps.push(None);
        }
        Ok(Part::Piece(Piece {
            is_last,
            ..draft.piece
        }))
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
        let (environment, shell, user) = match stage.base {
            Source::Scratch => (&[][..], &[][..], None),
            Source::Image(image) => {
                let found = &self.found[image];
                let user = Text::plain(found.user.clone());
                (
                    found.environment.as_slice(),
                    found.shell.as_slice(),
                    Some(user),
                )
            }
            Source::Stage(stage) => {
                let Done { left, shell, user } = &self.done[stage];
                (left.environment.as_slice(), shell.as_slice(), user.clone())
            }
        };
        self.user = user.filter(is_no_root);
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
        if let Source::Stage(stage) = stage.base {
            draft.clears_command(&self.done[stage].left, &self.file.stages[number].step)?;
        }
        if stage.is_labelled() {
            let label = format!("LABEL \"{CACHE}\"=\"{}\"", self.cache);
            draft.add(&stage.step, label, None)?;
        }
        Ok(Some(base).filter(|_| stage.base != Source::Scratch))
    }

    /// Writes the head of a piece within a stage; the image that it is built on.
    fn goes_on(
        &mut self,
        stage: &Stage,
        first: Option<&Planned>,
        left: Left,
        draft: &mut Draft,
    ) -> Result<Option<String>, Problem> {
        let step = first.map_or(&stage.step, |first| &first.step);
        self.scope.set_environment(&left.environment);
        if let Some(Instruction::Arg(arguments)) = first.map(|first| &first.instruction) {
            let values = self.values(step, arguments)?;
            self.scope.declare(values);
            draft.has_first = true;
        }
        draft.add(step, format!("FROM {}", left.id), None)?;
        draft.clears_command(&left, step)?;
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
            Instruction::User(user) => self.user = Some(user.clone()).filter(is_no_root),
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
            Source::Stage(stage) => self.done[stage].left.id.clone(),
            Source::Image(image) => self.found[image].id.clone(),
        }
    }
}

/// Whether files of that user are not root's; and whether an option of `COPY` can name them.
fn is_no_root(user: &Text) -> bool {
    let root = ["", "0", "root", "0:0", "root:root"];
    !user.literal().is_some_and(|user| root.contains(&user)) && user.bare().is_ok()
}

// === impl Instruction ===

impl Instruction {
    /// Whether the engine opens the image's lists of accounts for it.
    pub(super) fn opens_accounts(&self) -> bool {
        match self {
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
}

#[cfg(test)]
mod tests;
