//! What a build consists of: pieces for the engine, and commands.

use std::collections::BTreeMap;

use super::{Mount, Step};

/// What comes next in a build.
#[derive(Debug)]
pub(in crate::builder::image) enum Part {
    /// The engine's work.
    Piece(Piece),
    /// A command in a container.
    Run(Run),
}

/// A command that a container runs; what it leaves is the next layer.
#[derive(Debug)]
pub(in crate::builder::image) struct Run {
    /// The id of the image it runs in.
    pub(in crate::builder::image) image: String,
    pub(in crate::builder::image) words: Vec<String>,
    /// What it sees besides.
    pub(in crate::builder::image) mounts: Vec<Mount<String>>,
    /// The arguments that the command sees as variables, and no later one by itself.
    pub(in crate::builder::image) arguments: Vec<(String, String)>,
    pub(in crate::builder::image) step: Step,
    /// Whether the author counts it among the steps; what a base image has done is not.
    pub(in crate::builder::image) is_counted: bool,
}

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
    /// Files that stand in the Dockerfile, with their paths in the context; an empty folder ends with `/`.
    pub(in crate::builder::image) documents: Vec<(String, String)>,
    /// The mode of all of them, if it is not their own.
    pub(in crate::builder::image) mode: Option<u32>,
}

/// What came of a part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::builder::image) struct Left {
    /// The image.
    pub(in crate::builder::image) id: String,
    /// Its environment, `NAME=VALUE` each.
    pub(in crate::builder::image) environment: Vec<String>,
    /// Whether the command that it says is that of the `RUN` it came of, for want of one of its own.
    pub(in crate::builder::image) has_command_of_run: bool,
}
