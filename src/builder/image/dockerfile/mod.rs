//! Dockerfiles of authors, read into our own types and written anew for the engine.
//!
//! The engine fetches base images and the sources of `ADD` itself, outside every limit of the build and from the host's
//! own network, and it can read every image on it: those of other people's private Spaces too. Whoever looks for such
//! things in a text that the engine then reads by itself is beaten by whatever the two read differently. So the engine
//! never gets an author's text. It gets what [`Dockerfile::parts`] makes of the instructions found here, in which each
//! image stands as the id it was found to have, and each word in the one form that leaves nothing to interpret. Values of
//! arguments are found out here and given beside the text.
//!
//! The engine's cache is one for all: whoever writes the same lines gets the layers that another's build made, and what a
//! `RUN` happened to put there. So every stage begins with a label that names the owner. The cache finds what was made of
//! the same layer only, and that one is the owner's alone.

mod command;
mod documents;
mod health;
mod instruction;
mod lines;
mod mount;
mod parser;
mod part;
mod piece;
mod render;
mod run;
mod scope;
mod text;
mod triggers;
mod words;

pub(super) use command::shown;
pub(super) use instruction::DOCUMENTS;
pub(super) use mount::{Kind, Mount};
pub(super) use parser::read;
pub(super) use part::{Copied, Left, Part, Piece, Run, Sent};
pub(super) use triggers::is_harmless_trigger;

use std::collections::BTreeMap;

use super::reference::Reference;
use instruction::{Arguments, Instruction};
use text::Text;

/// What is wrong with a Dockerfile, for its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// Line of the file, counted from 1.
    pub(super) line: usize,
    /// What is wrong, and what to do.
    pub(super) message: String,
}

/// An image that is built on or copied from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) name: Reference,
    /// Line of the file, counted from 1.
    pub(super) line: usize,
}

/// What an image was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// As the engine knows it by its content: `sha256:` and 64 digits.
    pub(super) id: String,
    /// What it runs texts with; empty for the usual shell.
    pub(super) shell: Vec<String>,
    /// As whom it runs; empty for root.
    pub(super) user: String,
    /// Its environment, `NAME=VALUE` each.
    pub(super) environment: Vec<String>,
    /// What it has done for whoever builds on it (`ONBUILD`), which the image of that id does not say any more.
    pub(super) triggers: Vec<String>,
}

/// A source of `ADD`: a path in the build context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Added {
    /// Without leading `/` and `./`; empty for the whole context.
    pub(super) path: String,
    /// Line of the file, counted from 1.
    pub(super) line: usize,
}

/// A step of a build as its author knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// Line of the file, counted from 1.
    pub(super) line: usize,
    /// The instruction on one line; the end of a very long one is left out.
    pub(super) text: String,
}

/// A Dockerfile that may be built.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Dockerfile {
    /// The images it needs, without stages of its own and `scratch`, in order, each once.
    pub(super) images: Vec<Image>,
    /// Files and folders that `ADD` adds.
    pub(super) added: Vec<Added>,
    /// Arguments declared before the first stage.
    globals: Vec<(Step, Arguments)>,
    /// The values of these.
    values: BTreeMap<String, Option<String>>,
    stages: Vec<Stage>,
}

#[derive(Debug, PartialEq, Eq)]
struct Stage {
    step: Step,
    base: Source,
    instructions: Vec<(Step, Instruction, Option<Source>)>,
}

/// Where something comes from; numbers count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Scratch,
    Stage(usize),
    Image(usize),
}

fn problem(line: usize, message: impl Into<String>) -> Problem {
    Problem {
        line,
        message: message.into(),
    }
}

// === impl Dockerfile ===

impl Dockerfile {
    /// Of these arguments those that it declares, without those that the engine gives to every step.
    pub(super) fn arguments(&self, given: Vec<(String, String)>) -> Vec<(String, String)> {
        let in_globals = |name: &str| {
            let mut globals = self.globals.iter().flat_map(|(_, arguments)| arguments);
            globals.any(|(known, _)| known == name)
        };
        let in_stages = |name: &str| {
            let instructions = self.stages.iter().flat_map(|stage| &stage.instructions);
            let mut declared = instructions.filter_map(|(_, instruction, _)| match instruction {
                Instruction::Arg(arguments) => Some(arguments),
                _ => None,
            });
            declared.any(|arguments| arguments.iter().any(|(known, _)| known == name))
        };
        let given = given.into_iter();
        given
            .filter(|(name, _)| in_globals(name) || in_stages(name))
            .filter(|(name, _)| !is_given_to_all(name))
            .collect()
    }

    /// How many steps the author counts.
    pub(super) fn count(&self) -> usize {
        let stages = self.stages.iter().map(|stage| 1 + stage.instructions.len());
        self.globals.len() + stages.sum::<usize>()
    }
}

// === impl Stage ===

impl Stage {
    /// Whether it begins with the label of its owner; one that is built on another stage has it already.
    fn is_labelled(&self) -> bool {
        !matches!(self.base, Source::Stage(_))
    }
}

/// Whether the engine gives an argument of that name to every step, declared there or not, and does not count it among what
/// a step is remembered by: then a step that fetched something through somebody's own proxy would be everybody's.
fn is_given_to_all(name: &str) -> bool {
    const PREDEFINED: [&str; 5] = [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "FTP_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
    ];
    PREDEFINED
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether a path is where the kernel shows itself to a container, or the root.
fn is_the_kernels(path: &Text) -> bool {
    let Some(path) = path.literal() else {
        return false;
    };
    let mut names = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names
        .first()
        .is_none_or(|first| ["proc", "sys", "dev"].contains(first))
}

#[cfg(test)]
mod docker;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod text_tests;
