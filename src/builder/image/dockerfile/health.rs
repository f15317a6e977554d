//! `HEALTHCHECK`, whose options have values of their own.

use super::command::{Command, options, shown};
use super::lines::Line;
use super::{Problem, problem};

/// The options as they are written for the engine, and the command; `None` for no check.
pub(super) fn healthcheck(line: &Line) -> Result<Option<(Vec<String>, Command)>, Problem> {
    let number = line.number;
    let (kind, rest) = match line
        .rest
        .split_once(|c: char| c.is_ascii_whitespace() || c == '\u{b}')
    {
        Some((kind, rest)) => (kind, rest.trim_start()),
        None => (line.rest.as_str(), ""),
    };
    let command = match kind.to_ascii_uppercase().as_str() {
        "NONE" if rest.is_empty() && line.flags.is_empty() => {
            return Ok(None);
        }
        "CMD" => Command::of(number, rest)?,
        _ => {
            let message = "`HEALTHCHECK` must be `HEALTHCHECK CMD …` or `HEALTHCHECK NONE`";
            return Err(problem(number, message));
        }
    };
    if command.is_empty() {
        return Err(problem(number, "`HEALTHCHECK CMD` needs a command"));
    }
    let mut written = Vec::new();
    for (name, value) in options(line)? {
        let fits = match name {
            "retries" => {
                !value.is_empty()
                    && value.len() < 6
                    && value.bytes().all(|byte| byte.is_ascii_digit())
            }
            "interval" | "timeout" | "start-period" | "start-interval" => is_duration(value),
            _ => {
                let message = format!("`HEALTHCHECK` has no option `--{}`", shown(name));
                return Err(problem(number, message));
            }
        };
        if !fits
            || line
                .flags
                .iter()
                .filter(|flag| flag.starts_with(&format!("--{name}=")))
                .count()
                > 1
        {
            let message = format!(
                "`--{name}={}` has a value that is not valid, or is given twice",
                shown(value)
            );
            return Err(problem(number, message));
        }
        // Older engines do not know it, and without it the usual interval holds.
        if name != "start-interval" {
            written.push(format!("--{name}={value}"));
        }
    }
    Ok(Some((written, command)))
}

/// Such as `1m30s`, as far as anybody writes them.
fn is_duration(text: &str) -> bool {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b".smhun".contains(&byte));
    plain
        && text.len() < 20
        && (text == "0"
            || text.starts_with(|c: char| c.is_ascii_digit()) && text.ends_with(['s', 'm', 'h']))
}
