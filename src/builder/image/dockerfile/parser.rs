//! Reads the instructions of a Dockerfile one after the other, and finds what each of them refers to.

mod platform;
mod sizes;

use std::collections::{BTreeMap, HashMap};

use super::super::reference::Reference;
use super::command::shown;
use super::instruction::Instruction;
use super::lines::{self, Line};
use super::text::Text;
use super::words::blank_words;
use super::{Added, Dockerfile, Image, Problem, Source, Stage, Step, problem};
use sizes::{LONGEST_VALUE, Weight, few};

/// Reads a Dockerfile. `args` are the build arguments that will be given, as far as it declares them.
///
/// # Errors
/// The first thing that cannot be built here.
pub(in crate::builder::image) fn read(
    text: &str,
    args: &[(String, String)],
) -> Result<Dockerfile, Problem> {
    let lines = lines::read(text)?;
    let mut reader = Reader {
        args,
        escape: lines.escape,
        globals: platform::arguments(),
        names: Vec::new(),
        lengths: Vec::new(),
        weights: Vec::new(),
        described: 0,
        file: Dockerfile::default(),
    };
    if lines.lines.len() > MOST_INSTRUCTIONS {
        let line = lines.lines[MOST_INSTRUCTIONS].number;
        let message = format!("a Dockerfile may have at most {MOST_INSTRUCTIONS} instructions");
        return Err(problem(line, message));
    }
    for line in &lines.lines {
        reader.take(line)?;
    }
    if reader.file.stages.is_empty() {
        return Err(problem(
            1,
            "the file is empty; it must begin with `FROM IMAGE`",
        ));
    }
    reader.file.values = reader.globals;
    Ok(reader.file)
}

/// Digits that people write when they mean an id. Whatever is shorter is asked for as a name, in full, like all others.
const SHORTEST_ID: usize = 12;
/// Characters of an instruction in the build's log.
const MOST_SHOWN: usize = 2000;
/// More than engines make layers for.
const MOST_INSTRUCTIONS: usize = 1000;

struct Reader<'a> {
    args: &'a [(String, String)],
    escape: char,
    /// The values of arguments declared before the first stage: only these count in `FROM`.
    globals: BTreeMap<String, Option<String>>,
    /// Names of the stages so far, lower case; empty for one without a name.
    names: Vec<String>,
    /// For each stage the most bytes that its variables may have.
    lengths: Vec<HashMap<String, usize>>,
    weights: Vec<Weight>,
    /// Bytes of all descriptions so far.
    described: usize,
    file: Dockerfile,
}

// === impl Reader ===

impl Reader<'_> {
    fn take(&mut self, line: &Line) -> Result<(), Problem> {
        let step = Step {
            line: line.number,
            text: line.original.chars().take(MOST_SHOWN).collect(),
        };
        if line.word == "FROM" {
            return self.stage(line, step);
        }
        let instruction = Instruction::parse(line, self.escape)?;
        if self.file.stages.is_empty() {
            let Instruction::Arg(arguments) = instruction else {
                let message = "`FROM IMAGE` must come first; only `ARG` may stand before it";
                return Err(problem(line.number, message));
            };
            self.global(line.number, &arguments)?;
            self.file.globals.push((step, arguments));
            return Ok(());
        }
        let bytes = self.lengths(line.number, &instruction)?;
        self.weigh(line.number, &instruction, bytes)?;
        let mut source = None;
        if let Instruction::Copy {
            from, paths, added, ..
        } = &instruction
        {
            source = from
                .as_deref()
                .map(|from| self.copied(line.number, from))
                .transpose()?;
            if *added {
                self.added(line.number, paths)?;
            }
        }
        if let Some(stage) = self.file.stages.last_mut()
            && instruction != Instruction::Nothing
        {
            stage.instructions.push((step, instruction, source));
        }
        Ok(())
    }

    /// `ARG` before the first stage.
    fn global(&mut self, line: usize, arguments: &[(String, Option<Text>)]) -> Result<(), Problem> {
        // What one instruction declares does not see the rest of it.
        let mut values = Vec::new();
        for (name, default) in arguments {
            let value = match (self.given(name), default) {
                (Some(value), _) => Some(value.to_owned()),
                (None, Some(default)) => {
                    self.short(
                        line,
                        name,
                        default.longest(&|name| self.global_length(name)),
                    )?;
                    Some(self.filled(line, name, default)?)
                }
                // It takes back what was said before.
                (None, None) => None,
            };
            values.push((name.clone(), value));
        }
        self.globals.extend(values);
        few(line, self.globals.len())?;
        let held: usize = self.globals.values().flatten().map(String::len).sum();
        if held > 16 * LONGEST_VALUE {
            return Err(problem(line, "the build arguments are too long in total"));
        }
        Ok(())
    }

    fn given(&self, name: &str) -> Option<&str> {
        let given = self.args.iter().find(|(key, _)| key == name);
        given.map(|(_, value)| value.as_str())
    }

    fn global_value(&self, name: &str) -> Option<&str> {
        // Nobody gives what is declared nowhere: see `Dockerfile::arguments`.
        self.globals.get(name)?.as_deref()
    }

    fn global_length(&self, name: &str) -> usize {
        self.global_value(name).map_or(0, str::len)
    }

    fn filled(&self, line: usize, name: &str, text: &Text) -> Result<String, Problem> {
        let value = |name: &str| self.global_value(name);
        text.expanded(&value)
            .map_err(|what| problem(line, format!("`{}` {what}", shown(name))))
    }

    fn stage(&mut self, line: &Line, step: Step) -> Result<(), Problem> {
        let number = line.number;
        for flag in &line.flags {
            self.platform(number, flag)?;
        }
        let words = blank_words(&line.rest);
        let (image, name) = match words.as_slice() {
            [image] => (image, String::new()),
            [image, r#as, name] if r#as.eq_ignore_ascii_case("as") => {
                let name = name.to_lowercase();
                let plain = |byte: u8| {
                    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte)
                };
                if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.bytes().all(plain) {
                    let message = format!(
                        "`{}` cannot be the name of a stage: it must begin with a letter and contain only letters, \
                         digits, `-`, `_` and `.`",
                        shown(&name)
                    );
                    return Err(problem(number, message));
                }
                if self.names.contains(&name) {
                    return Err(problem(
                        number,
                        format!("two stages have the name `{name}`"),
                    ));
                }
                (image, name)
            }
            _ => {
                return Err(problem(
                    number,
                    "`FROM` must be `FROM IMAGE` or `FROM IMAGE AS NAME`",
                ));
            }
        };
        let text = Text::parse(image, self.escape)
            .map_err(|what| problem(number, format!("`{}` {what}", shown(image))))?;
        self.short(
            number,
            "FROM",
            text.longest(&|name| self.global_length(name)),
        )?;
        let filled = self.filled(number, "FROM", &text)?;
        if filled.is_empty() {
            let message = format!(
                "`FROM {}` does not name an image: give each of its variables a value, with `ARG NAME=VALUE` before \
                 the first `FROM` or as a variable of the Space",
                shown(image)
            );
            return Err(problem(number, message));
        }
        let base = match (self.stage_named(&filled), filled.as_str()) {
            (Some(stage), _) => Source::Stage(stage),
            (None, "scratch") => Source::Scratch,
            (None, name) => self.image(number, name)?,
        };
        let (lengths, weight) = match base {
            Source::Stage(stage) => (self.lengths[stage].clone(), self.weights[stage]),
            Source::Scratch | Source::Image(_) => Default::default(),
        };
        self.lengths.push(lengths);
        self.weights.push(weight);
        self.names.push(name);
        self.file.stages.push(Stage {
            step,
            base,
            instructions: Vec::new(),
        });
        Ok(())
    }

    /// The stage of that name, whatever its case.
    fn stage_named(&self, name: &str) -> Option<usize> {
        let name = name.to_lowercase();
        let found = self.names.iter().position(|known| *known == name);
        found.filter(|_| !name.is_empty())
    }

    /// `COPY --from=…`: a stage that is done, by name or number, or else an image.
    fn copied(&mut self, line: usize, from: &str) -> Result<Source, Problem> {
        // The last one is not done.
        let done = self.names.len().saturating_sub(1);
        if let Some(stage) = self.stage_named(from) {
            if stage >= done {
                let message = format!("a stage cannot copy from itself (`--from={}`)", shown(from));
                return Err(problem(line, message));
            }
            return Ok(Source::Stage(stage));
        }
        if let Ok(number) = from.parse::<i64>() {
            let stage = usize::try_from(number).ok().filter(|stage| *stage < done);
            let message = format!("there is no stage {number} before this one");
            return stage
                .map(Source::Stage)
                .ok_or_else(|| problem(line, message));
        }
        if from.contains('$') {
            return Err(problem(
                line,
                "`COPY --from` must name a stage or an image without variables",
            ));
        }
        self.image(line, from)
    }

    fn image(&mut self, line: usize, name: &str) -> Result<Source, Problem> {
        let Some(reference) = Reference::parse(name) else {
            let message = format!("`{}` is not the name of an image", shown(name));
            return Err(problem(line, message));
        };
        let digits = name.strip_prefix("sha256:").unwrap_or(name);
        if digits.len() >= SHORTEST_ID && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let message = format!(
                "`{}` is the id of an image; use a name such as `python:3.11`",
                shown(name)
            );
            return Err(problem(line, message));
        }
        let images = &mut self.file.images;
        let known = images.iter().position(|image| image.name == reference);
        Ok(Source::Image(known.unwrap_or_else(|| {
            images.push(Image {
                name: reference,
                line,
            });
            images.len() - 1
        })))
    }

    fn added(&mut self, line: usize, paths: &[Text]) -> Result<(), Problem> {
        let sources = paths.split_last().map_or(paths, |(_, sources)| sources);
        for source in sources {
            let plain = source.literal();
            if plain.is_some_and(|source| source.contains("://") || source.starts_with("git@")) {
                let message = "`ADD` of an address is not supported, because the engine would fetch it outside the \
                               limits of this build; use `RUN curl` or `RUN git clone`";
                return Err(problem(line, message));
            }
            let Some(source) = plain.filter(|source| !source.contains(['*', '?', '[', '\\']))
            else {
                let message = format!(
                    "`ADD {}` is not supported: `ADD` may only name plain files and folders; use `COPY`",
                    shown(plain.unwrap_or("$…"))
                );
                return Err(problem(line, message));
            };
            let path: Vec<&str> = source
                .split('/')
                .filter(|part| !part.is_empty() && *part != ".")
                .collect();
            self.file.added.push(Added {
                path: path.join("/"),
                line,
            });
        }
        Ok(())
    }
}
