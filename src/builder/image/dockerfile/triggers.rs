//! What a stage does: first what its base image has done for whoever builds on it (`ONBUILD`), then what the author says.

use std::sync::Arc;

use super::command::shown;
use super::instruction::Instruction;
use super::{Found, Problem, Source, Stage, Step, lines};

/// An instruction of a stage.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) step: Step,
    pub(super) instruction: Instruction,
    pub(super) from: Option<Source>,
    /// Whether the author counts it among the steps.
    pub(super) is_counted: bool,
}

/// All that a stage does, in order.
///
/// # Errors
/// For something that an image has done and that is not supported here.
pub(super) fn planned(stage: &Stage, found: &[Found]) -> Result<Arc<[Planned]>, Problem> {
    let mut plan = Vec::new();
    if let Source::Image(image) = stage.base {
        for trigger in &found[image].triggers {
            let odd = |problem: Problem| Problem {
                line: stage.step.line,
                message: format!(
                    "the image's `ONBUILD {}` is not supported: {}",
                    shown(trigger),
                    problem.message
                ),
            };
            let read = lines::read(trigger).map_err(odd)?;
            for line in &read.lines {
                plan.push(Planned {
                    step: stage.step.clone(),
                    instruction: Instruction::parse(line, read.escape).map_err(odd)?,
                    from: None,
                    is_counted: false,
                });
            }
        }
    }
    let own = stage.instructions.iter();
    plan.extend(own.map(|(step, instruction, from)| Planned {
        step: step.clone(),
        instruction: instruction.clone(),
        from: *from,
        is_counted: true,
    }));
    Ok(plan.into())
}

/// Whether an image may have this done for whoever builds on it: one plain instruction without options, of those that fetch
/// nothing.
pub(in crate::builder::image) fn is_harmless_trigger(trigger: &str) -> bool {
    const HARMLESS: [&str; 10] = [
        "RUN",
        "COPY",
        "WORKDIR",
        "USER",
        "ENV",
        "ARG",
        "EXPOSE",
        "CMD",
        "ENTRYPOINT",
        "VOLUME",
    ];
    let Some((word, rest)) = trigger.split_once(' ') else {
        return false;
    };
    let word = word.to_ascii_uppercase();
    // A value made of itself time and again would fill the engine's memory.
    let grows = matches!(word.as_str(), "ENV" | "ARG") && rest.contains('$');
    HARMLESS.contains(&word.as_str())
        && trigger.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && !rest.trim_start().starts_with('-')
        && !rest.contains("<<")
        && !grows
}
