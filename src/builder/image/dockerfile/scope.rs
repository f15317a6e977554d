//! The variables of a stage, as the engine fills them in: what its image has in the environment, and before that was set
//! nowhere else, its arguments.

use std::collections::BTreeMap;

use super::instruction::{Arguments, Instruction};
use super::text::Text;
use super::{Problem, Step, problem};

/// What the engine gives to a stage whose image says nothing of it.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The variables at one point of a stage.
#[derive(Debug, Default)]
pub(super) struct Scope {
    environment: BTreeMap<String, String>,
    /// Those declared up to here; `None` for one without a value.
    arguments: BTreeMap<String, Option<String>>,
}

// === impl Scope ===

impl Scope {
    /// At the start of a stage on an image with that environment, `NAME=VALUE` each.
    pub(super) fn new(environment: &[String]) -> Self {
        let mut scope = Self::default();
        scope.set_environment(environment);
        let path = scope.environment.entry("PATH".to_owned());
        path.or_insert_with(|| PATH.to_owned());
        scope
    }

    /// Takes what the engine says of an image for what was found out here.
    pub(super) fn set_environment(&mut self, environment: &[String]) {
        let pairs = environment.iter().map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name.to_owned(), value.to_owned())
        });
        self.environment = pairs.collect();
    }

    pub(super) fn arguments(&self) -> &BTreeMap<String, Option<String>> {
        &self.arguments
    }

    /// The arguments that a command sees as variables: those with a value, where the environment says nothing else.
    pub(super) fn seen_by_commands(&self) -> Vec<(String, String)> {
        let seen = self.arguments.iter();
        let seen = seen.filter(|(name, _)| !self.environment.contains_key(*name));
        seen.filter_map(|(name, value)| Some((name.clone(), value.clone()?)))
            .collect()
    }

    pub(super) fn declare(&mut self, arguments: Vec<(String, Option<String>)>) {
        self.arguments.extend(arguments);
    }

    /// The values of declared arguments: the one `given`, or else the default, or else the one from before the first stage.
    pub(super) fn values(
        &self,
        step: &Step,
        arguments: &Arguments,
        given: &[(String, String)],
        globals: &BTreeMap<String, Option<String>>,
    ) -> Result<Vec<(String, Option<String>)>, Problem> {
        let values = arguments.iter().map(|(name, default)| {
            // What is wrong in a default is wrong although it is not needed.
            let default = default.as_ref().map(|text| self.filled(step, text));
            let default = default.transpose()?;
            let given = given.iter().find(|(known, _)| known == name);
            let given = given.map(|(_, value)| value.clone());
            let global = || globals.get(name).cloned().flatten();
            Ok((name.clone(), given.or(default).or_else(global)))
        });
        values.collect()
    }

    /// A text with its variables filled in.
    pub(super) fn filled(&self, step: &Step, text: &Text) -> Result<String, Problem> {
        let value = |name: &str| {
            let set = self.environment.get(name);
            let argument = || self.arguments.get(name).and_then(Option::as_ref);
            set.or_else(argument).map(String::as_str)
        };
        let filled = text.expanded(&value);
        filled.map_err(|what| problem(step.line, format!("a variable {what}")))
    }

    /// What an instruction changes in the environment.
    pub(super) fn take(&mut self, step: &Step, instruction: &Instruction) -> Result<(), Problem> {
        let Instruction::Env(pairs) = instruction else {
            return Ok(());
        };
        // What one instruction sets does not see the rest of it.
        let mut set = Vec::new();
        for (name, value) in pairs {
            set.push((self.filled(step, name)?, self.filled(step, value)?));
        }
        self.environment.extend(set);
        Ok(())
    }
}
